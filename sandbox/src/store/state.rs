//! What the embedded registry holds.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::content::{Content, Upload};
use super::route::Reference;

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

pub(crate) struct Store {
    pub(super) abilities: Abilities,
    state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) repositories: BTreeMap<String, Repository>,
    pub(super) blobs: HashMap<String, Content>,
    pub(super) uploads: HashMap<(String, String), Upload>,
    pub(super) next_upload: u64,
}

#[derive(Default)]
pub(super) struct Repository {
    pub(super) blobs: BTreeSet<String>,
    pub(super) manifests: BTreeMap<String, Manifest>,
    pub(super) tags: BTreeMap<String, String>,
}

#[derive(Clone)]
pub(super) struct Manifest {
    pub(super) media_type: String,
    pub(super) bytes: Bytes,
}

impl Repository {
    pub(super) fn digest(&self, reference: &Reference) -> Option<String> {
        match reference {
            Reference::Tag(tag) => self.tags.get(tag).cloned(),
            Reference::Digest(digest) => self.manifests.contains_key(digest).then(|| digest.clone()),
        }
    }
}

impl Store {
    pub(crate) fn new(abilities: Abilities) -> Self {
        Self { abilities, state: Mutex::default() }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
