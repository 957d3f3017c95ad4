//! The registry: an embedded store or a real upstream, behind a proxy that misbehaves on request.

mod access;
mod admin;
mod auth;
mod backend;
mod log;
mod proxy;
mod rule;
mod rulebook;
mod upstream;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use self::auth::Authenticator;
use self::backend::Backend;
use self::log::Log;
use self::proxy::Proxy;
use self::rulebook::Rulebook;
use self::upstream::Upstream;
use crate::image::Image;
use crate::runtime;
use crate::store::{Abilities, Store};
use crate::wire::Server;

pub use self::access::{Access, Auth, Bearer, TokenKey, User};
pub use self::admin::{Admin, AdminError};
pub use self::log::Seen;
pub use self::rule::{Action, Fault, Immutability, Kind, RetryAfter, Rule, RuleId, When};

/// What registry to start. The default is an embedded one that can everything and asks for no credentials.
#[derive(Clone, Debug)]
pub struct Setup {
    /// How clients prove who they are.
    pub auth: Auth,
    /// Added before every request is handled: one round trip.
    pub latency: Duration,
    /// The referrers API; without it 404, and clients keep fallback tags.
    pub referrers: bool,
    /// `DELETE` of a tag; also before an upstream that cannot.
    pub tag_delete: bool,
    /// Mounting a blob from another repository (embedded only).
    pub mount: bool,
    /// Manifests may name blobs and children that are not there (embedded only).
    pub dangling: bool,
    /// `If-Match` and `If-None-Match: *` on a tag PUT count (embedded only).
    pub if_match: bool,
    /// Most tags on one page (embedded only).
    pub tags_per_page: Option<usize>,
    /// A real registry to stand before, instead of the embedded one.
    pub upstream: Option<SocketAddr>,
    /// Authorization for the upstream, where a request has none (side admin, or [`Setup::auth`] in use).
    pub upstream_authorization: Option<String>,
    /// Port on 127.0.0.1; 0 takes any free one.
    pub port: u16,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            auth: Auth::None,
            latency: Duration::ZERO,
            referrers: true,
            tag_delete: true,
            mount: true,
            dangling: false,
            if_match: false,
            tags_per_page: None,
            upstream: None,
            upstream_authorization: None,
            port: 0,
        }
    }
}

/// A running registry; dropping it stops it.
///
/// All methods may be called from sync and async tests. Those that reach into the store block for as long as
/// that takes (microseconds when embedded); inside an [`Action::custom`] use [`Registry::admin`].
pub struct Registry {
    proxy: Arc<Proxy>,
    server: Server,
}

impl Registry {
    /// Starts a registry on 127.0.0.1.
    pub fn start(setup: Setup) -> io::Result<Self> {
        let abilities = Abilities {
            tag_delete: setup.tag_delete,
            referrers: setup.referrers,
            mount: setup.mount,
            dangling: setup.dangling,
            if_match: setup.if_match,
            tags_per_page: setup.tags_per_page,
        };
        let upstream = match setup.upstream {
            None => Upstream::Embedded(Store::new(abilities).into()),
            Some(address) => Upstream::remote(address, setup.upstream_authorization.as_deref()),
        };
        let proxy = Arc::new(Proxy {
            backend: Arc::new(Backend::new(upstream, setup.tag_delete, setup.referrers)),
            auth: Authenticator::new(setup.auth),
            rules: Rulebook::default(),
            log: Log::new(),
            latency: setup.latency,
        });
        let server = Server::start(setup.port, Arc::clone(&proxy))?;
        Ok(Self { proxy, server })
    }

    /// `127.0.0.1:<port>`.
    pub fn host(&self) -> String {
        self.server.address().to_string()
    }

    /// Every request since the log was cleared, in order of arrival.
    pub fn log(&self) -> Vec<Seen> {
        self.proxy.log.snapshot()
    }

    /// Forgets the log and restarts the count of `overall_nth`.
    pub fn clear_log(&self) {
        self.proxy.log.clear();
    }

    /// Most requests under way at once since the log was cleared.
    pub fn max_in_flight(&self) -> u64 {
        self.proxy.log.max_in_flight()
    }

    pub fn rule(&self, rule: Rule) -> RuleId {
        self.proxy.rules.add(rule)
    }

    /// On how many requests the rule's fault was applied; 0 for a rule that is gone.
    pub fn played(&self, rule: RuleId) -> u64 {
        self.proxy.rules.played(rule)
    }

    pub fn drop_rule(&self, rule: RuleId) {
        self.proxy.rules.remove(rule);
    }

    /// Removes all rules and admits connections again.
    pub fn clear_rules(&self) {
        self.proxy.rules.clear();
    }

    /// Forgets what tags were before: until it is written again, [`Fault::Stale`] does not touch a tag.
    pub fn forget_previous(&self) {
        self.proxy.backend.forget_previous();
    }

    /// Accepts and resets the next `count` connections (`u64::MAX`: until the rules are cleared). Connections
    /// that are open stay.
    pub fn refuse_connections(&self, count: u64) {
        self.proxy.rules.refuse(count);
    }

    /// The side admin as an async handle.
    pub fn admin(&self) -> Admin {
        self.proxy.admin()
    }

    /// Digest of a tag (or of a manifest named by digest); `None` if it is not there.
    pub fn digest_of(&self, repository: &str, reference: &str) -> Option<String> {
        let (admin, repository, reference) = (self.admin(), repository.to_owned(), reference.to_owned());
        runtime::wait(async move { admin.digest_of(&repository, &reference).await })
    }

    /// Media type and bytes of a manifest named by tag or digest; `None` if it is not there.
    pub fn manifest(&self, repository: &str, reference: &str) -> Option<(String, Bytes)> {
        let (admin, repository, reference) = (self.admin(), repository.to_owned(), reference.to_owned());
        runtime::wait(async move { admin.manifest(&repository, &reference).await })
    }

    /// Bytes of a blob; `None` if it is not in this repository.
    pub fn blob(&self, repository: &str, digest: &str) -> Option<Bytes> {
        let (admin, repository, digest) = (self.admin(), repository.to_owned(), digest.to_owned());
        runtime::wait(async move { admin.blob(&repository, &digest).await })
    }

    /// Tags of a repository, sorted by the registry; empty if it is not there.
    pub fn tags(&self, repository: &str) -> Vec<String> {
        let (admin, repository) = (self.admin(), repository.to_owned());
        runtime::wait(async move { admin.tags(&repository).await })
    }

    /// Puts a manifest under a tag or its digest and gives its digest.
    pub fn put_manifest(
        &self,
        repository: &str,
        reference: &str,
        media_type: &str,
        bytes: impl Into<Bytes>,
    ) -> Result<String, AdminError> {
        let (admin, repository, reference) = (self.admin(), repository.to_owned(), reference.to_owned());
        let (media_type, bytes) = (media_type.to_owned(), bytes.into());
        runtime::wait(async move { admin.put_manifest(&repository, &reference, &media_type, bytes).await })
    }

    /// Puts a blob and gives its digest.
    pub fn put_blob(&self, repository: &str, bytes: impl Into<Bytes>) -> Result<String, AdminError> {
        let (admin, repository, bytes) = (self.admin(), repository.to_owned(), bytes.into());
        runtime::wait(async move { admin.put_blob(&repository, bytes).await })
    }

    /// Points a tag at a manifest that is there.
    ///
    /// # Errors
    ///
    /// There is no such manifest, or the registry refuses.
    pub fn move_tag(&self, repository: &str, tag: &str, digest: &str) -> Result<(), AdminError> {
        let (admin, repository) = (self.admin(), repository.to_owned());
        let (tag, digest) = (tag.to_owned(), digest.to_owned());
        runtime::wait(async move { admin.move_tag(&repository, &tag, &digest).await })
    }

    /// Deletes a manifest by digest; the embedded registry drops its tags with it.
    ///
    /// # Errors
    ///
    /// It is not there, or the registry refuses.
    pub fn delete_manifest(&self, repository: &str, digest: &str) -> Result<(), AdminError> {
        let (admin, repository, digest) = (self.admin(), repository.to_owned(), digest.to_owned());
        runtime::wait(async move { admin.delete_manifest(&repository, &digest).await })
    }

    /// Deletes a tag and leaves its manifest.
    ///
    /// # Errors
    ///
    /// It is not there, or [`Setup::tag_delete`] is off.
    pub fn delete_tag(&self, repository: &str, tag: &str) -> Result<(), AdminError> {
        self.delete_manifest(repository, tag)
    }

    /// Deletes a blob from one repository.
    ///
    /// # Errors
    ///
    /// It is not there, or the registry refuses.
    pub fn delete_blob(&self, repository: &str, digest: &str) -> Result<(), AdminError> {
        let (admin, repository, digest) = (self.admin(), repository.to_owned(), digest.to_owned());
        runtime::wait(async move { admin.delete_blob(&repository, &digest).await })
    }

    /// Puts a whole image, children first, and points `tag` at it. Gives the image's digest.
    pub fn push(&self, repository: &str, tag: &str, image: &Image) -> Result<String, AdminError> {
        let (admin, repository) = (self.admin(), repository.to_owned());
        let (tag, image) = (tag.to_owned(), image.clone());
        runtime::wait(async move { admin.push(&repository, &tag, &image).await })
    }
}
