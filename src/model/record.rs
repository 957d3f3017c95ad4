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
    pub number: Option<u64>,
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
    /// A verdict of `canary-soak preflight`.
    Preflight,
    /// A verdict of `canary-smoke`.
    Smoke,
    /// A verdict of `canary-soak`.
    Soak,
}

impl Kind {
    /// The word in configuration and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Preflight => "preflight",
            Self::Smoke => "smoke",
            Self::Soak => "soak",
        }
    }

    /// The command that gives such verdicts.
    pub fn tool(self) -> &'static str {
        match self {
            Self::Preflight => "canary-soak preflight",
            Self::Smoke => "canary-smoke",
            Self::Soak => "canary-soak",
        }
    }
}

impl FromStr for Kind {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Preflight, Self::Smoke, Self::Soak].into_iter().find(|kind| kind.as_str() == text).ok_or_else(
            || {
                format!(
                    "`{}` is no kind of evidence: write `preflight`, `smoke` or `soak`",
                    crate::base::text::escape(text, 40)
                )
            },
        )
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
    /// The subcommand that judged, such as `preflight`.
    #[serde(default)]
    pub command: Option<String>,
    /// What the program concluded; only green counts.
    pub verdict: Verdict,
    pub sha: CommitSha,
    /// The images it judged, by digest.
    pub images: Vec<JudgedImage>,
    pub suite: SuiteName,
    /// Whether it saw that every tenant ran this build; `None` where the tool has another way to know.
    pub proves_build: Option<bool>,
    /// When it began, if it took hours or days: what it stands on had to be fresh then.
    #[serde(default)]
    pub opened: Option<Timestamp>,
    pub finished: Timestamp,
    /// The one other build that the tenants served instead, if they did.
    #[serde(default)]
    pub serves: Option<CommitSha>,
}

impl VerdictRecord {
    /// Whether it is evidence of this kind.
    pub fn is(&self, kind: Kind) -> bool {
        match &self.command {
            Some(command) => kind.tool().split_once(' ') == Some((&self.tool, command)),
            None => kind.tool() == self.tool,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JudgedImage {
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
    /// Every image of a release.
    pub fn of(release: &Release) -> Vec<Self> {
        let judged =
            |image: &ImageRecord| Self { repository: image.repository.clone(), digest: image.digest.clone() };
        release.images.iter().map(judged).collect()
    }

    /// Whether this names the same image and content.
    pub fn is(&self, image: &ImageRecord) -> bool {
        self.repository == image.repository && self.digest == image.digest
    }
}
