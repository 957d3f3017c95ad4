//! All time that is promised: how long each step may take, and how long after a signal.
//!
//! A GitHub job that is cancelled gets SIGINT and is killed 7.5 s later (actions/runner, `ProcessInvoker`). What has
//! to happen in between is added up here and checked when this file is compiled.

use std::time::Duration;

/// How long after its SIGINT a cancelled job is killed.
pub const KILLED_AFTER: Duration = Duration::from_millis(7_500);

/// Time for a step, whatever the command's deadline says: usually, and after a signal.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    usual: Duration,
    after_signal: Duration,
}

impl Budget {
    const fn of(usual_ms: u64, after_signal_ms: u64) -> Self {
        Self { usual: Duration::from_millis(usual_ms), after_signal: Duration::from_millis(after_signal_ms) }
    }

    pub fn time(self, after_signal: bool) -> Duration {
        if after_signal { self.after_signal } else { self.usual }
    }
}

/// A PUT that is under way when a signal comes may take this long: cutting it off would leave its end unknown.
pub const GRACE: Duration = Duration::from_millis(1_500);
/// Putting tags back after a move that failed: a half-moved release is worse than a late one.
pub const RESTORE: Budget = Budget::of(30_000, 4_000);
/// Putting the anchors of a promotion back that came to nothing.
pub const ANCHORS: Budget = Budget::of(10_000, 500);
/// Taking back the hold of a rollback that moved nothing, and saying so in the history.
pub const TAKE_BACK: Budget = Budget::of(10_000, 1_500);
/// Putting the tags beside back, when their promotion came to nothing.
pub const BESIDE: Budget = Budget::of(20_000, 500);
/// Looking at the history for a rollback that ran meanwhile, and yielding to it.
pub const YIELD: Budget = Budget::of(20_000, 1_000);
/// What is left to write after a verified move, counted from the signal.
pub const FINISHING: Duration = Duration::from_secs(3);
/// The last look of a rollback, whatever the command's deadline says.
pub const REASSERT: Duration = Duration::from_secs(20);
/// How long a tag may take to show its new digest: registries with several replicas lag behind their writes.
pub const VERIFY: Duration = Duration::from_secs(60);

/// How many milliseconds a promotion goes on that is stopped in the middle of a PUT: it does these, one after the other.
pub const STOPPED_PROMOTION_MS: u128 = GRACE.as_millis()
    + RESTORE.after_signal.as_millis()
    + ANCHORS.after_signal.as_millis()
    + BESIDE.after_signal.as_millis()
    + YIELD.after_signal.as_millis();
/// The same for a rollback.
pub const STOPPED_ROLLBACK_MS: u128 =
    GRACE.as_millis() + RESTORE.after_signal.as_millis() + TAKE_BACK.after_signal.as_millis();

const _: () = {
    assert!(
        STOPPED_PROMOTION_MS <= KILLED_AFTER.as_millis(),
        "a cancelled promotion would be killed half-way"
    );
    assert!(STOPPED_ROLLBACK_MS <= KILLED_AFTER.as_millis(), "a cancelled rollback would be killed half-way");
    // Every step after a verified move ends this long after the signal, whenever it began.
    assert!(FINISHING.as_millis() <= KILLED_AFTER.as_millis(), "a cancelled job would be killed half-way");
};
