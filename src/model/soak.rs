//! What a soak remembers.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A stretch of time that counts, because every tenant served the release: from `start` on, and before `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interval {
    /// The first moment.
    pub start: Timestamp,
    /// The first moment after it.
    pub end: Timestamp,
}
