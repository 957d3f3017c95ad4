//! What happened to the live tag, in order.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::commit::CommitSha;
use super::digest::Digest;
use super::record::Run;
use super::repository::Repository;

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
