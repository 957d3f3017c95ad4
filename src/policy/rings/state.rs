//! What is known of the rings before a step is decided.

use jiff::Timestamp;

use crate::model::commit::CommitSha;
use crate::model::facts::Known;
use crate::model::record::{RecordName, ReleaseRecord};
use crate::policy::gates::evidence::Piece;

/// Where one ring stands.
#[derive(Clone, Debug)]
pub struct State {
    /// The release that its tag names on every image; `None`: there is no such tag.
    pub release: Known<Option<CommitSha>>,
    /// Since when, by the history.
    pub since: Option<Timestamp>,
    /// Who holds it, when and why: by the history, or by a tag of an image.
    pub hold: Known<Option<String>>,
    /// What is recorded of its release.
    pub proof: Known<Option<Proof>>,
}

/// What is recorded of a release.
#[derive(Clone, Debug)]
pub struct Proof {
    /// Where its record is.
    pub name: RecordName,
    /// Its record.
    pub record: ReleaseRecord,
    /// Every verdict on it.
    pub pieces: Vec<Piece>,
}

impl State {
    /// The release that it runs, if it is known to run one.
    pub fn runs(&self) -> Option<&CommitSha> {
        self.release.as_ref().ok()?.as_ref()
    }

    /// What is recorded of the release that it runs.
    pub fn proven(&self) -> Option<&Proof> {
        self.proof.as_ref().ok()?.as_ref()
    }
}
