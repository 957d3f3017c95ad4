//! What a soak remembers of one metric.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::measurement::Measurement;
use crate::policy::soak::judge::{Finding, Reason, Rule};
use crate::policy::soak::suite::{Metric, Soak};

/// What is remembered of one metric.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// Everything that was measured since the opening.
    pub measured: Option<Measurement>,
    /// Why nothing could be measured at the last tick.
    pub trouble: Option<Reason>,
    /// Since when its number has broken the target.
    pub first_breach: Option<Timestamp>,
    /// For a source that cannot look back: the counted time at its last answer.
    pub reached: Duration,
    /// The same: counted time of which it told nothing.
    pub blind: Duration,
    /// Its number at each tick, for charts; of long soaks every second, fourth or eighth one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub course: Vec<Point>,
}

/// One number of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The counted time.
    pub counted: Duration,
    /// The number.
    pub value: f64,
    /// Its limits at `alpha_green`, if it has any.
    pub limits: Option<(f64, f64)>,
}

/// The most points that are kept of one metric.
const POINTS: usize = 256;

/// What a source said at one tick.
#[derive(Clone, Debug, PartialEq)]
pub enum Measured {
    /// Everything since the opening: it takes the place of what was known.
    Whole(Measurement),
    /// What happened since the last tick: it is added to what was known.
    Since(Measurement),
}

impl Memory {
    /// Keeps the number of a tick that counted something new.
    pub(super) fn note(&mut self, counted: Duration, finding: &Finding) {
        let fresh = self.course.last().is_none_or(|last| last.counted < counted);
        if let Some(value) = finding.shown.estimate.filter(|_| fresh) {
            self.course.push(Point { counted, value, limits: finding.shown.limits });
        }
        if self.course.len() > POINTS {
            let mut at = 0;
            self.course.retain(|_| {
                at += 1;
                at % 2 == 1
            });
        }
    }

    pub(super) fn learn(
        &mut self,
        metric: &Metric,
        answer: Result<Measured, Reason>,
        counted: Duration,
        soak: &Soak,
    ) {
        self.trouble = None;
        match answer {
            Ok(Measured::Whole(new)) => self.measured = Some(joined(self.measured.take(), new)),
            Ok(Measured::Since(new)) => {
                let gap = counted.saturating_sub(self.reached);
                // A tick that is a little late still covers the time since the one before.
                self.blind += if gap > 2 * soak.tick { gap - soak.tick } else { Duration::ZERO };
                self.reached = counted;
                self.measured = Some(added(self.measured.take(), new));
            }
            Err(reason) => {
                self.trouble = Some(reason);
                match (&metric.rule, &mut self.measured) {
                    (Rule::Value { .. } | Rule::Trend, Some(Measurement::Values(values))) => {
                        values.push(None);
                    }
                    (Rule::Equal { .. }, Some(Measurement::Pairs(pairs))) => pairs.push(None),
                    _ => {}
                }
            }
        }
        let seen =
            counted.saturating_sub(self.blind).as_secs_f64() / counted.as_secs_f64().max(f64::MIN_POSITIVE);
        if self.trouble.is_none() && seen < soak.min_coverage {
            self.trouble = Some(Reason::Blind { covered: seen, least: soak.min_coverage });
        }
    }
}

/// Readings are a series, and counts of everything replace older ones.
fn joined(old: Option<Measurement>, new: Measurement) -> Measurement {
    match (old, new) {
        (Some(Measurement::Values(mut all)), Measurement::Values(more)) => {
            all.extend(more);
            Measurement::Values(all)
        }
        (Some(Measurement::Pairs(mut all)), Measurement::Pairs(more)) => {
            all.extend(more);
            Measurement::Pairs(all)
        }
        (_, new) => new,
    }
}

/// Both together.
pub fn added(old: Option<Measurement>, new: Measurement) -> Measurement {
    match (old, new) {
        (Some(Measurement::Counts(old)), Measurement::Counts(new)) => Measurement::Counts(old.and(new)),
        (
            Some(Measurement::Buckets { surely, perhaps }),
            Measurement::Buckets { surely: more_surely, perhaps: more_perhaps },
        ) => Measurement::Buckets { surely: surely.and(more_surely), perhaps: perhaps.and(more_perhaps) },
        (
            Some(Measurement::Arms { canary, stable }),
            Measurement::Arms { canary: more_canary, stable: more_stable },
        ) => Measurement::Arms { canary: canary.and(more_canary), stable: stable.and(more_stable) },
        (old, new) => joined(old, new),
    }
}
