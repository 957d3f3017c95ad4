//! The one place that tells the time and waits.
#![expect(clippy::disallowed_methods, reason = "this is the module that the lint sends everybody to")]

use std::time::Duration;

use jiff::Timestamp;

/// A point on the clock that never jumps, for deadlines.
pub type Instant = tokio::time::Instant;

/// The time of day, for records.
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// The clock that never jumps.
pub fn instant() -> Instant {
    Instant::now()
}

/// Waits; no part of the program waits otherwise.
pub async fn sleep(span: Duration) {
    tokio::time::sleep(span).await;
}

/// Waits until `instant`, which may have passed.
pub async fn sleep_until(instant: Instant) {
    tokio::time::sleep_until(instant).await;
}
