//! Measurements to a verdict on each metric, and to one on the soak.
//!
//! Red outranks everything: a source that broke hides no breach, and it makes none. What was not measured, or not often
//! enough, is inconclusive with its reason, and never green.

mod compare;
mod reason;
mod rule;
mod series;
mod share;

use serde::Serialize;

use crate::model::measurement::Measurement;
use crate::model::verdict::Verdict;

pub use self::reason::Reason;
pub use self::rule::{Assure, Breach, Goal, Harm, Look, Margin, Rule, Shown, Standing};
pub use self::share::samples_to_decide;

/// The verdict on one metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// Pending while the soak is open and nothing is alarming.
    pub verdict: Verdict,
    /// Why it is inconclusive.
    pub reason: Option<Reason>,
    /// The numbers behind it.
    pub shown: Shown,
}

/// Judges one metric by everything that was measured since the opening. `trouble` is what went wrong with its source
/// at this very look.
pub fn metric(rule: &Rule, measured: Option<&Measurement>, trouble: Option<Reason>, look: Look) -> Finding {
    let shown = show(rule, measured, look);
    let standing = match assure(rule) {
        Assure::Point => &shown.point,
        Assure::Bound => &shown.bound,
    };
    let (verdict, reason) = match (standing, trouble) {
        _ if shown.alarm => (Verdict::Red, None),
        (Standing::Red, _) if look.closing => (Verdict::Red, None),
        (_, Some(trouble)) if look.closing => (Verdict::Inconclusive, Some(trouble)),
        (_, trouble) if !look.closing => (Verdict::Pending, trouble),
        (Standing::Inconclusive(reason), _) => (Verdict::Inconclusive, Some(reason.clone())),
        (Standing::Green | Standing::Red, _) => (Verdict::Green, None),
    };
    Finding { verdict, reason, shown }
}

/// What is true of the soak as a whole at a look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Course {
    /// Whether it is the last look.
    pub closing: bool,
    /// The share of the counted time that was observed.
    pub coverage: f64,
    /// The least share that a green needs.
    pub min_coverage: f64,
    /// Whether a newer release took the ring's tag.
    pub superseded: bool,
}

/// The verdict on a soak, from the findings of its gating metrics.
pub fn soak(course: Course, gating: &[Finding]) -> (Verdict, Option<Reason>) {
    let any = |verdict| gating.iter().any(|finding| finding.verdict == verdict);
    if any(Verdict::Red) {
        return (Verdict::Red, None);
    }
    if course.superseded {
        return (Verdict::Inconclusive, Some(Reason::Superseded));
    }
    if !course.closing {
        return (Verdict::Pending, None);
    }
    if gating.is_empty() {
        return (Verdict::Inconclusive, Some(Reason::NoData));
    }
    if course.coverage.is_nan() || course.coverage < course.min_coverage {
        return (
            Verdict::Inconclusive,
            Some(Reason::Blind { covered: course.coverage, least: course.min_coverage }),
        );
    }
    match gating.iter().find(|finding| finding.verdict != Verdict::Green) {
        Some(finding) => (Verdict::Inconclusive, finding.reason.clone()),
        None => (Verdict::Green, None),
    }
}

fn assure(rule: &Rule) -> Assure {
    match rule {
        Rule::Rate { assure, .. } | Rule::Latency { assure, .. } | Rule::Compare { assure, .. } => *assure,
        Rule::Zero { .. } | Rule::Equal { .. } | Rule::Value { .. } | Rule::Trend => Assure::Point,
    }
}

fn show(rule: &Rule, measured: Option<&Measurement>, look: Look) -> Shown {
    match (rule, measured) {
        (Rule::Rate { goal, min_samples, .. }, Some(Measurement::Counts(counts))) => {
            share::rate(*goal, *min_samples, *counts, look)
        }
        (Rule::Zero { min_exposure }, Some(Measurement::Counts(counts))) => {
            share::zero(*min_exposure, *counts, look)
        }
        (Rule::Latency { share, min_samples, .. }, Some(Measurement::Buckets { surely, perhaps })) => {
            share::latency(*share, *min_samples, *surely, *perhaps, look)
        }
        (
            Rule::Compare { margin, min_samples, harm, split, .. },
            Some(Measurement::Arms { canary, stable }),
        ) => compare::Comparison { margin: *margin, min_samples: *min_samples, harm: *harm, split: *split }
            .show(*canary, *stable, look),
        (Rule::Equal { tolerance, min_samples, breach }, Some(Measurement::Pairs(pairs))) => {
            series::equal(*tolerance, *min_samples, *breach, pairs)
        }
        (Rule::Value { goal, breach }, Some(Measurement::Values(values))) => {
            series::value(*goal, *breach, values)
        }
        (Rule::Trend, Some(Measurement::Values(values))) => series::trend(values),
        _ => Shown::nothing(Reason::NoData),
    }
}

#[cfg(test)]
mod tests;
