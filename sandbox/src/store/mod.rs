//! The embedded registry: an OCI distribution store, strict where real registries are strict.
//!
//! Own code rather than `ferro-oci-server` 1.0.0 (source read 2026-11): there a request body is buffered whole
//! and refused above 512 MiB, which a 2 GiB layer in one PUT exceeds; blobs are visible from every
//! repository, so a publisher that forgets to send or mount one would go unnoticed; it never mounts; and it
//! cannot delete a tag. Here blobs are linked per repository, mounted on request, streamed while hashed, and
//! kept in a temporary file once they are large.
//!
//! No access control and no misbehaviour: both belong to [`crate::registry`].
//! Follows the OCI Distribution Specification 1.1
//! (<https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md>, read 2026-11).

mod answer;
mod content;
mod manifest;
mod reply;
mod route;
mod upload;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use self::content::Content;
use self::upload::Upload;

pub(crate) use self::answer::{pairs, query};
pub(crate) use self::reply::{oci_error, reply};
pub(crate) use self::route::{Reference, Route};

/// What the embedded registry can and cannot do.
#[derive(Clone, Debug)]
pub(crate) struct Abilities {
    /// `DELETE` of a tag works; otherwise 405.
    pub(crate) tag_delete: bool,
    /// `GET /v2/<r>/referrers/<digest>` works and PUT answers `OCI-Subject`; otherwise 404 and silence.
    pub(crate) referrers: bool,
    /// `POST ?mount=&from=` links a blob; otherwise it opens an upload (202).
    pub(crate) mount: bool,
    /// A manifest may name blobs and children that are not there (as GHCR allows); otherwise 400.
    pub(crate) dangling: bool,
    /// `If-Match` and `If-None-Match: *` on a tag PUT are honoured with 412; otherwise ignored.
    pub(crate) if_match: bool,
    /// Most tags on one page, with an opaque `last` in the `Link`; `None` gives all unless `n` is asked for.
    pub(crate) tags_per_page: Option<usize>,
}

/// The embedded registry.
pub(crate) struct Store {
    abilities: Abilities,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    repositories: BTreeMap<String, Repository>,
    blobs: HashMap<String, Content>,
    uploads: HashMap<(String, String), Upload>,
    next_upload: u64,
}

#[derive(Default)]
struct Repository {
    blobs: BTreeSet<String>,
    manifests: BTreeMap<String, Manifest>,
    tags: BTreeMap<String, String>,
}

#[derive(Clone)]
struct Manifest {
    media_type: String,
    bytes: Bytes,
}

impl Repository {
    fn digest(&self, reference: &Reference) -> Option<String> {
        match reference {
            Reference::Tag(tag) => self.tags.get(tag).cloned(),
            Reference::Digest(digest) => self.manifests.contains_key(digest).then(|| digest.clone()),
        }
    }
}

impl Store {
    /// An empty store.
    pub(crate) fn new(abilities: Abilities) -> Self {
        Self { abilities, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
