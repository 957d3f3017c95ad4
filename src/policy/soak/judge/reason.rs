//! Why nothing could be concluded.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::text;

/// Longest part of a foreign text in a reason, in bytes.
const FOREIGN_BYTES: usize = 300;

/// Why a metric, or a soak, is inconclusive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Reason {
    /// The source answered, and there was nothing in the answer.
    NoData,
    /// The source could not be asked, or its answer could not be read.
    Error {
        /// What was tried, and what was found.
        what: String,
    },
    /// The answer is not a number.
    NotANumber,
    /// Fewer samples than the metric asks for.
    Samples {
        /// So many came.
        have: u64,
        /// So many could decide.
        need: u64,
    },
    /// Samples enough, and they show neither.
    Undecided,
    /// One side of a comparison has no samples.
    EmptyArm {
        /// `canary` or `stable`.
        arm: String,
    },
    /// The canary got another share of the samples than it was promised.
    Split {
        /// The share that it got.
        got: f64,
        /// The share that was planned.
        planned: f64,
    },
    /// No bucket ends at the limit, and the buckets beside it disagree.
    Bucket,
    /// The source shows no sign of life, so its silence proves nothing.
    DeadSource {
        /// What shows it.
        what: String,
    },
    /// Too little of the time was observed.
    Blind {
        /// The share that was.
        covered: f64,
        /// The least share.
        least: f64,
    },
    /// Another release took the ring's tag.
    Superseded,
    /// The metric is only reported.
    OnlyReported,
}

impl Reason {
    /// The one word of outputs and tables.
    pub fn word(&self) -> &'static str {
        match self {
            Self::NoData => "nodata",
            Self::Error { .. } => "error",
            Self::NotANumber => "nan",
            Self::Samples { .. } => "samples",
            Self::Undecided => "undecided",
            Self::EmptyArm { .. } => "empty-arm",
            Self::Split { .. } => "split",
            Self::Bucket => "bucket",
            Self::DeadSource { .. } => "dead-source",
            Self::Blind { .. } => "blind",
            Self::Superseded => "superseded",
            Self::OnlyReported => "reported",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoData => f.write_str("the source had no data"),
            Self::Error { what } => write!(f, "the source failed: {}", text::escape(what, FOREIGN_BYTES)),
            Self::NotANumber => f.write_str("the source answered with something that is not a number"),
            Self::Samples { have, need } => write!(f, "{have} samples came, at least {need} are needed"),
            Self::Undecided => {
                f.write_str("the samples prove neither that the goal is met nor that it is missed")
            }
            Self::EmptyArm { arm } => write!(f, "no samples of {}", text::escape(arm, FOREIGN_BYTES)),
            Self::Split { got, planned } => write!(
                f,
                "the canary got {:.1} % of the samples and not the planned {:.1} %: the two sides cannot be compared",
                got * 100.0,
                planned * 100.0
            ),
            Self::Bucket => {
                f.write_str("no bucket ends at the limit, and the buckets below and above it disagree")
            }
            Self::DeadSource { what } => {
                write!(f, "the source shows no sign of life: {}", text::escape(what, FOREIGN_BYTES))
            }
            Self::Blind { covered, least } => write!(
                f,
                "only {:.1} % of the time was observed, at least {:.1} % are needed",
                covered * 100.0,
                least * 100.0
            ),
            Self::Superseded => f.write_str("another release took the tag"),
            Self::OnlyReported => f.write_str("this metric is reported and does not decide"),
        }
    }
}
