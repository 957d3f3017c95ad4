//! What the registry remembers of a release: the record of its publication and the verdicts on it. The documents
//! are described in `docs/formats/`.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::commit::CommitSha;
use super::digest::Digest;
use super::release::{ImageRecord, Release};
use super::repository::Repository;
use super::verdict::Verdict;

/// `artifactType` of a release record.
pub const RELEASE_TYPE: &str = "application/vnd.coalmine.release.v1+json";
/// `artifactType` of a verdict.
pub const VERDICT_TYPE: &str = "application/vnd.coalmine.verdict.v1+json";
/// `artifactType` of the history.
pub const HISTORY_TYPE: &str = "application/vnd.coalmine.history.v1+json";

/// The run of a workflow, as its runner tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The user who started the run.
    pub actor: Option<String>,
    /// The repository that the run belongs to, as `owner/name`.
    pub repository: Option<String>,
    /// The name of the workflow, as its file gives it.
    pub workflow: Option<String>,
    /// The identifier of the run, which its URL contains.
    pub id: Option<String>,
    /// Counts the runs of one workflow.
    pub number: Option<u64>,
    /// Counts the attempts of one run.
    pub attempt: Option<u64>,
    pub url: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseRecord {
    /// The format of the document; always 1.
    pub format: u32,
    #[serde(flatten)]
    pub release: Release,
    /// The repository that keeps what is recorded about this release; absent in records of older versions, which stand
    /// in it themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home: Option<Repository>,
    /// Images of the release that are not published yet, where it is published image by image.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Repository>,
    /// When the commit was made, if that could be found out.
    pub commit_time: Option<Timestamp>,
    pub published: Timestamp,
    pub run: Option<Run>,
}

/// Where a record is: its repository and the digest of its manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordName {
    /// The repository that keeps the records.
    pub home: Repository,
    /// The digest of the record's manifest.
    pub digest: Digest,
}

impl fmt::Display for RecordName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.home, self.digest)
    }
}

/// What a promotion may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A verdict of `canary-smoke`.
    Smoke,
    /// A verdict of `canary-soak`.
    Soak,
}

impl Kind {
    /// The word in configuration and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Smoke => "smoke",
            Self::Soak => "soak",
        }
    }

    /// The binary that gives such verdicts.
    pub fn tool(self) -> &'static str {
        match self {
            Self::Smoke => "canary-smoke",
            Self::Soak => "canary-soak",
        }
    }
}

impl FromStr for Kind {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Smoke, Self::Soak].into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| {
            format!(
                "`{}` is no kind of evidence: write `smoke` or `soak`",
                crate::base::text::escape(text, 40)
            )
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a promotion reads of a verdict document; the document has more, for people.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct VerdictRecord {
    /// The format of the document; always 1.
    pub format: u32,
    /// The program that judged, such as `canary-smoke`.
    pub tool: String,
    /// What the program concluded; only green counts.
    pub verdict: Verdict,
    pub sha: CommitSha,
    /// The images it judged, by digest.
    pub images: Vec<JudgedImage>,
    pub suite: SuiteName,
    /// Whether it saw that every tenant ran this build; `None` where the tool has another way to know.
    pub proves_build: Option<bool>,
    pub finished: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JudgedImage {
    /// The repository of the image that was judged.
    pub repository: Repository,
    pub digest: Digest,
}

/// The file of rules that a verdict was made with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuiteName {
    /// sha256 of its bytes.
    pub sha256: String,
}

impl JudgedImage {
    /// Whether this names the same image and content.
    pub fn is(&self, image: &ImageRecord) -> bool {
        self.repository == image.repository && self.digest == image.digest
    }
}
