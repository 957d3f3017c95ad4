//! The one place of the sandbox where time is read and waited for.
//!
//! The sandbox stands for the outside world, so it runs on real time; coalmine's own clock is not involved.

use std::time::{Duration, Instant, SystemTime};

/// Waits for `span` of wall time; returns at once for zero.
#[expect(clippy::disallowed_methods, reason = "the sandbox is the outside world and waits in real time")]
pub(crate) async fn sleep(span: Duration) {
    if !span.is_zero() {
        tokio::time::sleep(span).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "the sandbox is the outside world and reads real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The wall clock, for dates in headers.
#[expect(clippy::disallowed_methods, reason = "the sandbox is the outside world and reads real time")]
pub(crate) fn wall() -> SystemTime {
    SystemTime::now()
}
