//! What a source of metrics answered.

use serde::{Deserialize, Serialize};

/// Good samples out of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// The good ones; never more than `total`.
    pub good: u64,
    /// All of them.
    pub total: u64,
}

impl Counts {
    /// `good` of `total`; `None` if there are more good ones than samples.
    pub fn of_good(good: u64, total: u64) -> Option<Self> {
        (good <= total).then_some(Self { good, total })
    }

    /// `total` less `bad`; `None` if there are more bad ones than samples.
    pub fn of_bad(bad: u64, total: u64) -> Option<Self> {
        Some(Self { good: total.checked_sub(bad)?, total })
    }

    /// The samples that are not good.
    pub fn bad(self) -> u64 {
        self.total.saturating_sub(self.good)
    }

    /// Both together: what a source that cannot look back has seen so far.
    #[must_use]
    pub fn and(self, more: Self) -> Self {
        Self { good: self.good.saturating_add(more.good), total: self.total.saturating_add(more.total) }
    }
}

/// What was measured of one metric, from the opening of the soak to now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measurement {
    /// For `rate` and `zero`.
    Counts(Counts),
    /// For `latency`: the requests that were surely fast enough, and those that may have been. Both are the same where
    /// a bucket ends at the limit.
    Buckets {
        /// At or under the highest bucket that is not above the limit.
        surely: Counts,
        /// At or under the lowest bucket that is not below the limit.
        perhaps: Counts,
    },
    /// For `compare`.
    Arms {
        /// The release under judgement.
        canary: Counts,
        /// What runs beside it.
        stable: Counts,
    },
    /// For `equal`, one pair a tick, oldest first.
    Pairs(Vec<Option<(u64, u64)>>),
    /// For `value` and `trend`, one number a tick, oldest first; `None` where a tick got none.
    Values(Vec<Option<f64>>),
}
