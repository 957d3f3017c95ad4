//! `canary-smoke lint`: the suite, read and looked at, without any request.

use std::path::Path;
use std::time::Duration;

use super::suite::{SuiteFile, load};
use crate::policy::smoke::suite::advice::{Advice, advice};
use crate::policy::smoke::suite::worst_case::{WorstCase, requests, worst_case};
use crate::tool::failure::Failure;

/// What can be said of a suite that has no mistake.
#[derive(Clone, Debug)]
pub struct LintOutcome {
    pub suite: SuiteFile,
    pub checks: usize,
    /// How many requests a tenant gets if nothing is retried.
    pub requests: u32,
    /// The longest that a run can take, but for its deadline.
    pub worst: WorstCase,
    pub deadline: Duration,
    pub advice: Vec<Advice>,
}

/// Looks at the suite at `path`.
pub(super) fn lint(path: &Path) -> Result<LintOutcome, Failure> {
    let (suite, file) = load(path)?;
    Ok(LintOutcome {
        suite: file,
        checks: suite.checks.len(),
        requests: requests(&suite),
        worst: worst_case(&suite),
        deadline: suite.deadline,
        advice: advice(&suite),
    })
}
