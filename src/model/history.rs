//! What happened to the live tag, in order.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::commit::CommitSha;
use super::digest::Digest;
use super::facts::Stand;
use super::moves::Receipt;
use super::record::Run;
use super::repository::Repository;
use crate::base::text;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Unique, so that an entry that is written twice is one.
    pub id: String,
    /// When it was done, by the clock of the machine that did it.
    pub at: Timestamp,
    /// Who: the actor of the run, or the user at the terminal.
    pub by: Option<String>,
    /// The run of the workflow, if it was one.
    pub run: Option<Run>,
    /// Promotion, rollback or resume, with what belongs to it.
    pub event: Event,
    pub tag: String,
    /// The release it is about, if it has a name.
    pub sha: Option<CommitSha>,
    pub moved: Vec<Moved>,
    /// Why, in somebody's words.
    pub reason: Option<String>,
    /// sha256 of the entry before, as it is written; `None` for the first.
    pub prev: Option<Digest>,
}

impl Entry {
    pub fn is_rollback(&self) -> bool {
        matches!(self.event, Event::Rollback { .. })
    }

    /// When, by whom and why, as far as it was written down.
    pub fn told(&self) -> String {
        let by = self.by.as_ref().map(|by| format!(" by {}", text::escape(by, 80))).unwrap_or_default();
        let why = self.reason.as_ref().map(|why| format!(": {}", text::escape(why, 200))).unwrap_or_default();
        format!(" at {}{by}{why}", self.at.strftime("%F %T UTC"))
    }

    /// Whether this entry is why the tags stand where they stand. Images that nobody asked about, because a later
    /// release has them no more, say nothing.
    pub fn explains(&self, stands: &[Stand]) -> bool {
        let of = |repository: &Repository| stands.iter().find(|stand| stand.repository == *repository);
        let known: Vec<(&Moved, &Stand)> =
            self.moved.iter().filter_map(|moved| Some((moved, of(&moved.repository)?))).collect();
        (!known.is_empty() || self.moved.is_empty())
            && known.iter().all(|(moved, stand)| stand.live.as_ref() == Some(&moved.to))
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

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    pub repository: Repository,
    /// From what; `None`: it did not exist.
    pub from: Option<Digest>,
    /// The digest that its tag names since then.
    pub to: Digest,
}

/// What an entry of the history tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Event {
    /// The tag was moved to a release that was proven.
    Promotion {
        /// sha256 of each piece of evidence.
        evidence: Vec<String>,
        /// Gates of the rings that somebody skipped, in words.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        skipped: Vec<String>,
    },
    Rollback {
        /// The release it left, if it has a name.
        left: Option<CommitSha>,
        /// Whether nothing may be promoted until somebody resumes, and the release it left is rejected.
        hold: bool,
        /// Why only a part of the release was moved, in somebody's words; `None`: all of it was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        partial: Option<String>,
    },
    /// A rollback placed a hold, moved nothing, and took its hold back.
    RollbackFailed,
    /// Somebody began the history anew: the one before was lost, or could not be read.
    Restart,
    Resume,
    /// Somebody stopped the tag without a rollback.
    Hold {
        /// Whether other rings may go on.
        alone: bool,
    },
    /// Somebody approved a release for the ring of the tag.
    Approval {
        /// The release record, as `repository@sha256:...`.
        record: String,
        /// Who GitHub says it was; `None`: nobody but themselves says so.
        proven: Option<Proven>,
    },
}

/// Who somebody is, by the answer of GitHub to their own token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proven {
    /// The user.
    pub login: String,
    /// The teams of the ring's approvers that the user is in, as `owner/team`.
    pub teams: Vec<String>,
}

impl Proven {
    /// Whether this is the user or team that is called `name`.
    pub fn is(&self, name: &str) -> bool {
        self.login.eq_ignore_ascii_case(name) || self.teams.iter().any(|team| team.eq_ignore_ascii_case(name))
    }
}

impl Event {
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Promotion { .. } => "promotion",
            Self::Rollback { .. } => "rollback",
            Self::RollbackFailed => "rollback-failed",
            Self::Restart => "restart",
            Self::Resume => "resume",
            Self::Hold { .. } => "hold",
            Self::Approval { .. } => "approval",
        }
    }
}
