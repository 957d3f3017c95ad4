//! What happened to the live tag, in order.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::commit::CommitSha;
use super::digest::Digest;
use super::facts::ImageFacts;
use super::moves::Receipt;
use super::record::Run;
use super::repository::Repository;
use crate::base::text;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Unique, so that an entry that is written twice is one.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// Who: the actor of the run, or the user at the terminal.
    pub by: Option<String>,
    /// The run of the workflow, if it was one.
    pub run: Option<Run>,
    /// What.
    pub event: Event,
    /// The tag it is about.
    pub tag: String,
    /// The release it is about, if it has a name.
    pub sha: Option<CommitSha>,
    /// The tags that moved.
    pub moved: Vec<Moved>,
    /// Why, in somebody's words.
    pub reason: Option<String>,
    /// sha256 of the entry before, as it is written; `None` for the first.
    pub prev: Option<Digest>,
}

impl Entry {
    /// When, by whom and why, as far as it was written down.
    pub fn told(&self) -> String {
        let by = self.by.as_ref().map(|by| format!(" by {}", text::escape(by, 80))).unwrap_or_default();
        let why = self.reason.as_ref().map(|why| format!(": {}", text::escape(why, 200))).unwrap_or_default();
        format!(" at {}{by}{why}", self.at.strftime("%F %T UTC"))
    }

    /// Whether this entry is why the tags stand where they stand.
    pub fn explains(&self, facts: &[ImageFacts]) -> bool {
        self.moved.iter().all(|moved| {
            let image = facts.iter().find(|image| image.repository == moved.repository);
            let current = image.and_then(|image| image.current.as_ref().ok()?.as_ref());
            current.is_some_and(|live| live.manifest.digest == moved.to)
        })
    }

    /// The moves that a run made after this entry and was killed before it could write them: from where this entry
    /// had led to where the tags stand.
    pub fn moved_since(&self, receipts: &[Receipt]) -> Vec<Moved> {
        let stands = |repository: &Repository| {
            receipts.iter().find(|r| r.repository == *repository).map(|receipt| receipt.to.clone())
        };
        let moved = self.moved.iter().filter_map(|moved| {
            let to = stands(&moved.repository)?;
            Some(Moved { repository: moved.repository.clone(), from: Some(moved.to.clone()), to })
        });
        moved.collect()
    }
}

/// One tag that moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// Where.
    pub repository: Repository,
    /// From what; `None`: it did not exist.
    pub from: Option<Digest>,
    /// To what.
    pub to: Digest,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Event {
    /// The tag was moved to a release that was proven.
    Promotion {
        /// sha256 of each piece of evidence.
        evidence: Vec<String>,
    },
    /// The tag was moved back.
    Rollback {
        /// The release it left, if it has a name.
        left: Option<CommitSha>,
        /// Whether nothing may be promoted until somebody resumes, and the release it left is rejected.
        hold: bool,
    },
    /// Promotions are allowed again.
    Resume,
}

impl Event {
    /// The word for it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Promotion { .. } => "promotion",
            Self::Rollback { .. } => "rollback",
            Self::Resume => "resume",
        }
    }
}
