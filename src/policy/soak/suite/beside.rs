//! What a soak file says beside its metrics: what must be true before, what a rollback must reach, who is told.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::base::list::NonEmpty;
use crate::base::text;
use crate::policy::soak::judge::Goal;

/// What must be reached after a rollback.
#[derive(Clone, Debug)]
pub struct Recovery {
    /// The time within which every target is met.
    pub within: Duration,
    /// How long they are kept then.
    pub hold: Duration,
    /// How often somebody looks.
    pub every: Duration,
    /// The length of time, back from a look, that is measured.
    pub over: Duration,
    /// The targets.
    pub targets: NonEmpty<Target>,
}

/// One thing that must recover.
#[derive(Clone, Debug)]
pub struct Target {
    /// A metric of the file.
    pub metric: String,
    /// What it must reach; `None`: its own target.
    pub goal: Option<Goal>,
}

/// What must be true before a soak begins.
#[derive(Clone, Debug)]
pub struct Row {
    /// What it is called in the table.
    pub name: String,
    /// Its line in the file.
    pub line: usize,
    /// What it protects.
    pub why: Option<String>,
    /// Who sees to it.
    pub owner: Option<String>,
    /// Where it is tracked.
    pub issue: Option<String>,
    /// How it is found out.
    pub check: Check,
}

/// How a row of a preflight is found out.
#[derive(Clone, Debug)]
pub enum Check {
    /// The issue is closed.
    Closed(IssueName),
    /// The issue bears the label.
    Labelled(IssueName, String),
    /// The release is the tip of this branch.
    TipOf(String),
    /// The source answers.
    Alive(String),
    /// Two sources answer a request with the same JSON.
    Same {
        /// The source of the canary.
        canary: String,
        /// The source beside it.
        stable: String,
        /// Path and query.
        target: String,
        /// Keys that may differ, with dots between them: `build.sha`.
        ignore: Vec<String>,
    },
    /// Every case of this JUnit report passed, and there is one.
    Junit(String),
    /// This program ends with 0.
    Run(Vec<String>),
    /// This metric meets its target in the last hour, taken at its word.
    Metric(String),
}

/// An issue on GitHub, as `owner/name#12`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssueName {
    /// `owner/name`.
    pub repository: String,
    /// Its number.
    pub number: u64,
}

impl FromStr for IssueName {
    type Err = String;
    fn from_str(name: &str) -> Result<Self, String> {
        let part = |part: &str| {
            !part.is_empty()
                && part != ".."
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        };
        let parsed = name.split_once('#').and_then(|(repository, number)| {
            let (owner, repo) = repository.split_once('/')?;
            let number = number.parse().ok().filter(|number| *number > 0)?;
            (part(owner) && part(repo)).then(|| Self { repository: repository.to_owned(), number })
        });
        parsed.ok_or_else(|| format!("`{}` is no issue: write `owner/name#12`", text::escape(name, 100)))
    }
}

impl fmt::Display for IssueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.repository, self.number)
    }
}

/// Who is told what.
#[derive(Clone, Debug)]
pub struct Notify {
    /// The variable with the address.
    pub url_env: String,
    /// What is told.
    pub on: Vec<Event>,
}

/// What a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The soak is green.
    Green,
    /// It is red.
    Red,
    /// It is inconclusive.
    Inconclusive,
    /// It goes on for another window.
    Extended,
    /// A red was not followed by a rollback in time.
    Overdue,
}

impl Event {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Green, Self::Red, Self::Inconclusive, Self::Extended, Self::Overdue];
    /// The words of all of them.
    pub(super) const WORDS: [&'static str; 5] = ["green", "red", "inconclusive", "extended", "overdue"];

    /// The word in the file and in the notice.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Green => "green",
            Self::Red => "red",
            Self::Inconclusive => "inconclusive",
            Self::Extended => "extended",
            Self::Overdue => "overdue",
        }
    }
}

/// Numbers that are taken before and after.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The metrics.
    pub metrics: Vec<String>,
    /// The length of time, back from the opening and from the close, that is measured.
    pub over: Duration,
}
