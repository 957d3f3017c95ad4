//! What was asked of a tenant, what it answered, and what that came to. Facts only: every text in a result has been
//! cleaned of secrets and bounded before it is put here.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;

use super::tenant::{TenantName, TenantUrl};

/// How the end of an answer's body was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyEnd {
    Whole,
    /// It was longer than a tenant's answer may be; the rest was not read.
    TooLong,
    /// The connection broke, or the time was over, before its end.
    Cut,
}

/// An answer: at least status and headers came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status code, 100 to 599.
    pub status: u16,
    /// Names in lower case and values, in the order in which they came; bytes that are no UTF-8 are replaced.
    pub headers: Vec<(String, String)>,
    /// As much of the body as was read.
    pub body: Vec<u8>,
    pub end: BodyEnd,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The tenant answered, whatever the status.
    Answer(Answer),
    /// No answer came within the timeout.
    Silence,
    /// The connection broke before the answer; why. The tenant may have got the request.
    Broken(String),
    /// There was no connection, so nothing was sent; why.
    NoConnection(String),
}

/// The answer to one request, and how long it took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// The answer, or why there is none.
    pub reply: Reply,
    /// From sending to the end of the body, or to giving up.
    pub elapsed: Duration,
    /// Whether a second connection was made: the first failed before anything was sent, or had been kept and was closed.
    pub reconnected: bool,
}

/// What a step, check or tenant came to. From the best to the worst: a tenant is as bad as its worst check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Every expectation held at once.
    Passed,
    /// Every expectation held in the end, after one had failed.
    Flaky,
    /// It could not be told: no answer, no time, another build.
    Inconclusive,
    /// An expectation did not hold.
    Failed,
}

impl Outcome {
    /// The word as it stands in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Flaky => "flaky",
            Self::Inconclusive => "inconclusive",
            Self::Failed => "failed",
        }
    }

    /// Whether what comes next may be tried.
    pub fn is_pass(self) -> bool {
        match self {
            Self::Passed | Self::Flaky => true,
            Self::Inconclusive | Self::Failed => false,
        }
    }
}

/// An expectation that did not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mismatch {
    /// What was looked at: a JSONPath, `status`, `header x`, `body`, `time`, `capture x`.
    pub subject: String,
    pub expected: String,
    /// The value that was found, shortened, without secrets.
    pub found: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepResult {
    pub name: Option<String>,
    pub line: usize,
    /// The request as the suite writes it.
    pub request: String,
    pub outcome: Outcome,
    /// The status of the last answer, if there was one.
    pub status: Option<u16>,
    /// How long the last request took.
    pub elapsed_ms: u64,
    /// How many requests it took; 0 if none was sent.
    pub attempts: u32,
    /// Expectations that did not hold, of the last answer.
    pub mismatches: Vec<Mismatch>,
    /// Why it could not be told.
    pub trouble: Option<String>,
    /// What the first attempt failed with, if a later one passed.
    pub first_failure: Option<String>,
    /// Whether a connection had to be made twice.
    pub reconnected: bool,
    /// The answer's own name for the request, for whoever looks into the tenant's logs.
    pub request_id: Option<String>,
    /// A command that asks the same, with `$CANARY_TOKEN` where the token belongs.
    pub curl: Option<String>,
}

/// One run through a check's steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sample {
    pub outcome: Outcome,
    /// The steps that were tried, in order.
    pub steps: Vec<StepResult>,
    /// What was cleaned up, in order.
    pub cleanup: Vec<StepResult>,
}

/// How many samples of how many have to pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Repeat {
    /// How often the check is run.
    pub times: u32,
    pub pass: u32,
}

/// What a check came to on one tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckResult {
    /// The check as `smoke.toml` names it.
    pub name: String,
    /// What it proves, in the suite's words.
    pub why: Option<String>,
    pub line: usize,
    pub outcome: Outcome,
    /// How long all of it took.
    pub elapsed_ms: u64,
    /// How many samples had to pass.
    pub repeat: Repeat,
    /// The samples; empty if the check was not run.
    pub samples: Vec<Sample>,
    pub skipped: Option<String>,
}

/// Which build a tenant said it serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "state", content = "found")]
pub enum Build {
    Unasked,
    /// The wanted one, before the first check and after the last one.
    Served,
    /// Not known: the run ended before the tenant could say it; why it ended.
    Unknown(String),
    /// Never the wanted one; what it said last.
    Never(String),
    /// The wanted one before the first check, and then not any more; what it said.
    Changed(String),
    /// The wanted one before the first check; why nobody knows whether it still was after the last.
    Unconfirmed(String),
}

impl Build {
    /// What was found instead of the wanted build; `None`: it is served, or not asked for.
    pub fn astray(&self) -> Option<&str> {
        match self {
            Self::Unasked | Self::Served => None,
            Self::Unknown(found) | Self::Never(found) | Self::Changed(found) | Self::Unconfirmed(found) => {
                Some(found)
            }
        }
    }

    /// Whether the tenant was asked and serves another build, or nothing at all.
    pub fn is_other(&self) -> bool {
        match self {
            Self::Never(_) | Self::Changed(_) => true,
            Self::Unasked | Self::Served | Self::Unknown(_) | Self::Unconfirmed(_) => false,
        }
    }
}

/// Which addresses of a tenant were asked for its build.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Places {
    /// Those that were asked, each over connections of its own.
    pub asked: BTreeSet<IpAddr>,
    /// Those of the tenant's name that were not, as this machine has no route to them.
    pub no_route: BTreeSet<IpAddr>,
    /// Whether a proxy passed the requests on: nobody here knows to which address.
    pub proxied: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TenantResult {
    /// The tenant as reports name it.
    pub name: TenantName,
    /// The base URL that its requests start with.
    pub url: TenantUrl,
    /// Which build it said it serves.
    pub build: Build,
    pub places: Places,
    /// Every check of the suite, in the suite's order.
    pub checks: Vec<CheckResult>,
}
