//! What a metric has to show, and what its numbers say.

use serde::Serialize;

use super::reason::Reason;

/// What a number has to keep to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// `>=`.
    AtLeast(f64),
    /// `>`.
    MoreThan(f64),
    /// `<=`.
    AtMost(f64),
    /// `<`.
    LessThan(f64),
}

impl Goal {
    /// Whether `number` keeps to it; NaN never does.
    pub fn holds(self, number: f64) -> bool {
        match self {
            Self::AtLeast(limit) => number >= limit,
            Self::MoreThan(limit) => number > limit,
            Self::AtMost(limit) => number <= limit,
            Self::LessThan(limit) => number < limit,
        }
    }

    pub fn limit(self) -> f64 {
        match self {
            Self::AtLeast(limit) | Self::MoreThan(limit) | Self::AtMost(limit) | Self::LessThan(limit) => {
                limit
            }
        }
    }

    /// Whether more is better: then it is about good samples, else about bad ones.
    pub fn is_floor(self) -> bool {
        matches!(self, Self::AtLeast(_) | Self::MoreThan(_))
    }
}

/// Which reading of the numbers makes a green at the close. Both are always computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assure {
    /// The numbers as they stand: 28 of 30 is more than 90 %.
    Point,
    /// The limit that the numbers prove at `alpha_green`: 28 of 30 prove 80 %.
    Bound,
}

/// How much worse than stable a canary may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Margin {
    /// In shares: 0.10 allows 80 % beside 90 %.
    Points(f64),
    /// Of stable's own share: 0.10 allows 81 % beside 90 %.
    Percent(f64),
}

/// Which proven harm makes a comparison red.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// Harm that is not proven to stay within the margin. Proven harm within it is a green with a warning.
    Margin,
    Any,
}

/// How often a number that is no count may miss its goal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breach {
    /// Of so many ticks, the last ones,
    pub of: usize,
    /// so many that miss make a red.
    pub at_least: usize,
}

/// What a metric has to show.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// A share of good samples (floor) or of bad ones (ceiling).
    Rate {
        /// The share, between 0 and 1.
        goal: Goal,
        /// With fewer samples nothing is concluded.
        min_samples: u64,
        assure: Assure,
    },
    Zero {
        /// With fewer samples their absence proves nothing.
        min_exposure: u64,
    },
    /// This share of requests is fast enough: p95 is 0.95.
    Latency {
        /// The share, between 0 and 1.
        share: f64,
        /// With fewer requests nothing is concluded.
        min_samples: u64,
        assure: Assure,
    },
    /// The canary is not worse than stable.
    Compare {
        /// How much worse it may be.
        margin: Margin,
        /// With fewer samples on either side nothing is concluded.
        min_samples: u64,
        assure: Assure,
        harm: Harm,
        /// The share of all samples that the canary should get, between 0 and 1.
        split: Option<f64>,
    },
    Equal {
        /// The difference that is let pass.
        tolerance: u64,
        /// If both are smaller, their equality proves nothing.
        min_samples: u64,
        /// How often they may differ before the close: the two sources are not read at the same moment.
        breach: Breach,
    },
    /// A number keeps to its goal.
    Value {
        goal: Goal,
        /// How often it may be missed.
        breach: Breach,
    },
    Trend,
}

impl Rule {
    /// The samples below which nothing is concluded; 0 where samples are not counted.
    pub fn min_samples(&self) -> u64 {
        match *self {
            Self::Rate { min_samples, .. }
            | Self::Latency { min_samples, .. }
            | Self::Compare { min_samples, .. }
            | Self::Equal { min_samples, .. } => min_samples,
            Self::Zero { min_exposure } => min_exposure,
            Self::Value { .. } | Self::Trend => 0,
        }
    }
}

/// The moment at which a soak is judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    pub closing: bool,
    /// What a metric may spend of the false-alarm budget (`spending::Budget::level`).
    pub alpha_red: f64,
    /// The level at which a green is proven.
    pub alpha_green: f64,
}

/// What one reading of the numbers says.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    Green,
    Red,
    Inconclusive(Reason),
}

/// What the numbers of one metric say so far.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shown {
    /// Taken as they stand.
    pub point: Standing,
    /// By what they prove.
    pub bound: Standing,
    /// Whether they are so bad that nobody waits for the close.
    pub alarm: bool,
    /// The share, the difference or the number.
    pub estimate: Option<f64>,
    /// Its limits, each at `alpha_green`.
    pub limits: Option<(f64, f64)>,
    /// Samples; for a comparison, the canary's.
    pub samples: u64,
    /// About how many samples would decide it, if they go on as they came.
    pub needs: Option<u64>,
    /// Harm that is proven, and proven to stay within the margin.
    pub harmed: bool,
}

impl Shown {
    pub(super) fn nothing(reason: Reason) -> Self {
        Self {
            point: Standing::Inconclusive(reason.clone()),
            bound: Standing::Inconclusive(reason),
            alarm: false,
            estimate: None,
            limits: None,
            samples: 0,
            needs: None,
            harmed: false,
        }
    }
}
