//! What is known of the images before anything is decided.

use super::manifest::{Manifest, Platform};
use super::release::Staged;
use super::repository::Repository;
use super::tag::Tag;
use crate::base::complaint::Complaint;

/// A fact, or why it is not known: what was tried and what came instead, and what to do.
pub type Known<T> = Result<T, Complaint>;

/// What a tag names now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// The manifest.
    pub manifest: Manifest,
    /// What it runs on; empty if that was not asked for or cannot be told.
    pub platforms: Vec<Platform>,
}

/// Everything that is known of one image.
#[derive(Clone, Debug)]
pub struct ImageFacts {
    /// Which one.
    pub repository: Repository,
    /// The tag that the wanted content was read from.
    pub source: Tag,
    /// What is wanted; `None`: there is no such tag.
    pub wanted: Known<Option<Staged>>,
    /// Where the tag to move stands; `None`: it does not exist.
    pub current: Known<Option<Live>>,
}
