//! A hold: what a rollback leaves in every image's repository, so that nothing is promoted over it by accident.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::commit::CommitSha;
use super::digest::Digest;
use super::record::Run;
use super::repository::Repository;
use crate::base::text;

/// `artifactType` of a hold.
pub const HOLD_TYPE: &str = "application/vnd.coalmine.hold.v1+json";

/// A hold, the same in every repository of the release that was left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// 1.
    pub format: u32,
    /// Unique: who takes a hold back takes only their own.
    pub id: String,
    pub at: Timestamp,
    /// Who placed it: the actor of the run, or the user at the terminal.
    pub by: Option<String>,
    /// The run of the workflow, if it was one.
    pub run: Option<Run>,
    /// Why, in somebody's words.
    pub reason: Option<String>,
    pub tag: String,
    /// The release that the rollback goes to, if it has a name.
    pub to: Option<CommitSha>,
    /// Every image that is held, with what the tag named before the rollback.
    pub images: Vec<HeldImage>,
    /// The repository that keeps the history, where the rollback is told.
    pub home: Option<Repository>,
    /// Set where a registry does not delete tags: the hold is over.
    #[serde(default)]
    pub lifted: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldImage {
    pub repository: Repository,
    /// What the tag named before the rollback; `None`: it did not exist.
    pub digest: Option<Digest>,
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {}", self.at.strftime("%F %T UTC"))?;
        if let Some(by) = &self.by {
            write!(f, " by {}", text::escape(by, 80))?;
        }
        match &self.reason {
            Some(why) => write!(f, ": {}", text::escape(why, 200)),
            None => Ok(()),
        }
    }
}
