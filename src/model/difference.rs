//! What is different between two releases, image by image.

use serde::Serialize;

use super::digest::Digest;
use super::repository::Repository;

/// Something with a name that is not the same any more; `None`: it is not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What it is called.
    pub name: String,
    /// What it was.
    pub from: Option<String>,
    /// What it will be.
    pub to: Option<String>,
}

/// A file of a bundle that is not the same any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileChange {
    /// Its path from the root of the bundle.
    pub path: String,
    /// The parts that it belongs to.
    pub parts: Vec<String>,
    /// `added`, `removed` or `changed`.
    pub state: &'static str,
    /// The lines that differ, as a unified diff; or one line that says why they are not shown.
    pub lines: Vec<String>,
}

/// One image of the two releases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImageChange {
    /// The repository of both.
    pub repository: Repository,
    /// What it was; `None`: nothing.
    pub from: Option<Digest>,
    /// What it will be; `None`: nothing.
    pub to: Option<Digest>,
    /// Platforms, entry point, command and environment.
    pub settings: Vec<Change>,
    /// Parts of a bundle, by their hashes.
    pub parts: Vec<Change>,
    /// Pins of a bundle.
    pub pins: Vec<Change>,
    /// Pins of the second bundle that name no fixed version, and why.
    pub floating: Vec<String>,
    /// Files of a bundle.
    pub files: Vec<FileChange>,
    /// What could not be compared, and why.
    pub notes: Vec<String>,
}

impl ImageChange {
    /// Whether more is different than the digest.
    pub fn tells(&self) -> bool {
        let changes = [&self.settings, &self.parts, &self.pins].into_iter().any(|list| !list.is_empty());
        changes || !(self.floating.is_empty() && self.files.is_empty() && self.notes.is_empty())
    }
}
