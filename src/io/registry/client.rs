//! One connection pool, one set of tokens, one deadline.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use std::time::Duration;

use reqwest::Url;
use tokio::sync::Semaphore;

use super::credentials::Found;
use super::error::{Problem, RegistryError};
use super::token::Authorization;
use crate::io::clock::{self, Instant};
use crate::io::connection;
use crate::io::context::Context;
use crate::io::proxy::Proxies;
use crate::model::repository::{Registry, Repository};

/// A connection is there within this time or not at all (go-containerregistry dials for 30 s; a person waits).
const CONNECT: Duration = Duration::from_secs(10);
/// Requests under way at once, in all: enough to read 8 images of dozens of layers at once, and no flood.
const AT_ONCE: usize = 32;
/// What the tokens of this run are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading: the scope `pull`.
    Pull,
    /// Reading and writing: the scope `pull,push`, for the repositories of the release only.
    PullPush,
}

/// Registries, as one run sees them. Clones share connections, tokens and limits; the deadline is each one's own.
#[derive(Clone)]
pub struct Client<'w> {
    pub(super) shared: Rc<Shared<'w>>,
    until: Instant,
}

pub(super) struct Shared<'w> {
    pub(super) http: reqwest::Client,
    pub(super) proxies: Proxies,
    /// Hosts that have answered: they have an address and a certificate, whatever a later try says.
    pub(super) answered: RefCell<BTreeSet<String>>,
    pub(super) context: &'w Context,
    pub(super) access: Access,
    pub(super) gate: Semaphore,
    /// Registries that plain HTTP was asked for.
    plain: Vec<Registry>,
    /// The registries of the release: of its images, and of the repository that keeps its records.
    pub(super) own: Vec<Registry>,
    /// What each repository gets in its `Authorization` header.
    pub(super) authorizations: RefCell<HashMap<Repository, Rc<Authorization>>>,
    /// The credential of each repository, found once.
    pub(super) credentials: RefCell<HashMap<Repository, Found>>,
    /// Repositories that blobs are mounted from, for each that they are mounted into.
    pub(super) mounts: RefCell<BTreeMap<Repository, Vec<Repository>>>,
}

impl<'w> Client<'w> {
    /// A client for the registries of `own`, which are those of the release, and for any other.
    pub fn new(
        context: &'w Context,
        access: Access,
        own: Vec<Registry>,
        plain: Vec<Registry>,
        until: Instant,
    ) -> Result<Self, RegistryError> {
        let proxies = Proxies::of(&context.env);
        let http = proxies
            .lead(connection::client())
            .connect_timeout(CONNECT)
            .build()
            .map_err(|e| RegistryError::new("set up TLS", Problem::Credentials(e.to_string())))?;
        let shared = Shared {
            http,
            proxies,
            answered: RefCell::default(),
            context,
            access,
            gate: Semaphore::new(AT_ONCE),
            plain,
            own,
            authorizations: RefCell::default(),
            credentials: RefCell::default(),
            mounts: RefCell::default(),
        };
        Ok(Self { shared: Rc::new(shared), until })
    }

    /// The same client with another deadline: putting back has time of its own.
    pub fn until(&self, until: Instant) -> Self {
        Self { shared: Rc::clone(&self.shared), until }
    }

    pub fn context(&self) -> &'w Context {
        self.shared.context
    }

    /// How long until the deadline; zero if it has passed.
    pub fn remaining(&self) -> Duration {
        self.until.saturating_duration_since(clock::instant())
    }

    pub fn deadline(&self) -> Instant {
        self.until
    }

    /// Says, before the first request, that blobs of `from` will be mounted into `into`: its token has to cover both.
    pub fn will_mount(&self, into: &Repository, from: &Repository) {
        self.shared.mounts.borrow_mut().entry(into.clone()).or_default().push(from.clone());
    }

    pub(super) fn is_plain(&self, registry: &Registry) -> bool {
        registry.is_loopback() || self.shared.plain.contains(registry)
    }

    pub(super) fn is_own(&self, registry: &Registry) -> bool {
        self.shared.own.contains(registry)
    }

    /// `/v2/<name>/<tail>` of `repository`. `tail` is made of digests, tags and fixed words: nothing to encode.
    pub(super) fn url(&self, repository: &Repository, tail: &str) -> Url {
        let scheme = if self.is_plain(repository.registry()) { "http" } else { "https" };
        // Docker Hub's API answers on a host of its own (distribution/reference, `normalize.go`).
        let host = match repository.registry().as_str() {
            "docker.io" => "registry-1.docker.io",
            other => other,
        };
        Url::parse(&format!("{scheme}://{host}/v2/{}/{tail}", repository.name()))
            .expect("a registry and a name that were parsed make a URL")
    }
}
