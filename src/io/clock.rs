//! The one place that tells the time and waits.
#![expect(clippy::disallowed_methods, reason = "this is the module that the lint sends everybody to")]

use std::time::Duration;

use jiff::Timestamp;

use super::random;

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

/// 16 hex digits that nobody else has: what time alone cannot keep apart.
pub fn nonce() -> String {
    random::hex::<8>().unwrap_or_else(|_| {
        // A kernel without randomness: process and time differ between any two writers that matter.
        let time = Timestamp::now().as_nanosecond() as u64;
        format!("{:016x}", time ^ u64::from(std::process::id()).rotate_left(40))
    })
}

/// Waits; no part of the program waits otherwise.
pub async fn sleep(span: Duration) {
    tokio::time::sleep(span).await;
}

/// Waits until `instant`, which may have passed.
pub async fn sleep_until(instant: Instant) {
    tokio::time::sleep_until(instant).await;
}
