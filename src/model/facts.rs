//! What is known of the images before anything is decided.

use super::digest::Digest;
use super::hold::Hold;
use super::manifest::{Manifest, Platform};
use super::reference::Reference;
use super::release::Staged;
use super::repository::Repository;
use crate::base::complaint::Complaint;

/// A fact, or why it is not known: what was tried and what came instead, and what to do.
pub type Known<T> = Result<T, Complaint>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// The manifest that its tag names.
    pub manifest: Manifest,
    /// What it runs on; empty if that was not asked for or cannot be told.
    pub platforms: Vec<Platform>,
}

/// Where an image stands, as far as the history can be compared with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stand {
    pub repository: Repository,
    /// What the tag names; `None`: nothing, or it could not be read.
    pub live: Option<Digest>,
    /// Whether a rollback left a tag here.
    pub marked: bool,
}

/// Everything that is known of one image.
#[derive(Clone, Debug)]
pub struct ImageFacts {
    pub repository: Repository,
    /// The name that the wanted content was read from: a tag, or a digest of the release record.
    pub source: Reference,
    /// What is wanted; `None`: there is no such tag.
    pub wanted: Known<Option<Staged>>,
    /// Where the tag to move stands; `None`: it does not exist.
    pub current: Known<Option<Live>>,
    /// What holds promotions of this image.
    pub hold: Known<Option<Hold>>,
    /// What the last rollback that rejected a release left here.
    pub rejected: Known<Option<Digest>>,
}

impl ImageFacts {
    pub fn stand(&self) -> Stand {
        let live = self.current.as_ref().ok().and_then(Option::as_ref);
        Stand {
            repository: self.repository.clone(),
            live: live.map(|live| live.manifest.digest.clone()),
            marked: matches!(self.rejected, Ok(Some(_))) || matches!(self.hold, Ok(Some(_))),
        }
    }
}
