//! How long a run can take, from the file alone.

use std::time::Duration;

use super::{Check, Ready, Step, Suite};
use crate::base::list::NonEmpty;

/// Samples of one check that run at once: enough that the sampling of a slow answer ends, few enough that it is no
/// load test.
pub const SAMPLES_AT_ONCE: u32 = 4;
/// Bound on the cleanup of one sample. With [`GRACE`] it stays below the 7.5 s between the signals that a cancelled
/// workflow sends (GitHub documentation, "Workflow cancellation reference").
pub const CLEANUP: Duration = Duration::from_secs(5);
/// How long, once the run is to stop, an answer is still awaited that names something to be cleaned up.
pub const GRACE: Duration = Duration::from_millis(1_500);

/// The parts of the longest run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorstCase {
    pub ready: Duration,
    /// The longest check, with its cleanup.
    pub checks: Duration,
    /// Asking again which build is served.
    pub again: Duration,
}

impl WorstCase {
    /// All of it, as if there were no deadline.
    pub fn total(&self) -> Duration {
        self.ready + self.checks + self.again
    }
}

/// The longest that a run of `suite` can take: tenants at the same time, checks at the same time, steps in order.
pub fn worst_case(suite: &Suite) -> WorstCase {
    WorstCase {
        ready: suite.ready.as_ref().map(|ready| ready.within).unwrap_or_default(),
        checks: suite.checks.iter().map(longest).max().unwrap_or_default(),
        again: suite.ready.as_ref().map(again).unwrap_or_default(),
    }
}

/// How many requests a tenant gets if nothing is retried: until it is ready, for the checks, and afterwards.
pub fn requests(suite: &Suite) -> u32 {
    let of = |check: &Check| (count(&check.steps) + check.cleanup.len() as u32) * check.repeat.times;
    let ready = suite.ready.as_ref().map_or(0, |ready| 2 * ready.streak);
    ready + suite.checks.iter().map(of).sum::<u32>()
}

fn count<T>(list: &NonEmpty<T>) -> u32 {
    u32::try_from(list.len()).unwrap_or(u32::MAX)
}

fn longest(check: &Check) -> Duration {
    let steps: Duration = check.steps.iter().map(attempts).sum();
    let cleanup = if check.cleanup.is_empty() { Duration::ZERO } else { CLEANUP };
    (steps + cleanup) * check.repeat.times.div_ceil(SAMPLES_AT_ONCE)
}

/// The last attempt may begin when the time for retries ends.
fn attempts(step: &Step) -> Duration {
    step.retry.map_or(Duration::ZERO, |retry| retry.within) + step.timeout
}

fn again(ready: &Ready) -> Duration {
    ready.step.timeout * ready.streak
}
