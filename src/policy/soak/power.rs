//! What a soak file can show: how likely each end is, for a number of samples and a true share.
//!
//! The chances are those of the close, computed from the very rules that judge there, not from a normal approximation:
//! the textbook formula asks for up to half too few samples. The looks before the close add at most `alpha_red` to the
//! chance of a wrong red.

use super::judge::{self, Look, Rule};
use super::statistics::tail_at_least;
use crate::model::measurement::{Counts, Measurement};
use crate::model::verdict::Verdict;

/// How a soak may end.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Chances {
    /// Green.
    pub green: f64,
    /// Red.
    pub red: f64,
}

impl Chances {
    /// The chance of no answer.
    pub fn neither(self) -> f64 {
        (1.0 - self.green - self.red).max(0.0)
    }

    /// All of these metrics together, as if they were independent: green if all are, red if one is.
    pub fn of_all(metrics: &[Self]) -> Self {
        let green = metrics.iter().map(|chances| chances.green).product();
        let spared: f64 = metrics.iter().map(|chances| 1.0 - chances.red).product();
        Self { green, red: 1.0 - spared }
    }
}

/// The chances of a share that is truly `good` (the share of good samples) after `samples` of them. `None` for a rule
/// that is not about a share of samples.
pub fn share(rule: &Rule, samples: u64, good: f64, alpha_green: f64) -> Option<Chances> {
    let measured = |good: u64| {
        let counts = Counts { good, total: samples };
        match rule {
            Rule::Rate { .. } | Rule::Zero { .. } => Some(Measurement::Counts(counts)),
            Rule::Latency { .. } => Some(Measurement::Buckets { surely: counts, perhaps: counts }),
            Rule::Compare { .. } | Rule::Equal { .. } | Rule::Value { .. } | Rule::Trend => None,
        }
    };
    measured(0)?;
    Some(ends(samples, good, |good| closing(rule, measured(good).as_ref(), alpha_green)))
}

/// The chances of a comparison in which the canary truly has the share `good` in `samples`, and stable showed `stable`.
/// `None` for any other rule.
pub fn against(rule: &Rule, samples: u64, good: f64, stable: Counts, alpha_green: f64) -> Option<Chances> {
    matches!(rule, Rule::Compare { .. }).then(|| {
        ends(samples, good, |good| {
            let canary = Counts { good, total: samples };
            closing(rule, Some(&Measurement::Arms { canary, stable }), alpha_green)
        })
    })
}

/// Parts into which what stable may show is cut.
const PARTS: u64 = 100;
/// Stable's counts farther from their mean than so many standard deviations do not matter: 3 in a million.
const REACH: f64 = 4.5;

/// As [`against`], with stable's true share instead of what it showed.
pub fn compare(
    rule: &Rule,
    (samples, good): (u64, f64),
    (stable_samples, stable_good): (u64, f64),
    alpha_green: f64,
) -> Option<Chances> {
    let (total, n) = (stable_samples, stable_samples as f64);
    let reach = REACH * (n * stable_good * (1.0 - stable_good)).sqrt() + 1.0;
    let first = (n * stable_good - reach).max(0.0) as u64;
    let last = ((n * stable_good + reach) as u64).min(total);
    let step = ((last - first) / PARTS).max(1);
    let mut sum = Chances::default();
    let mut low = first;
    while low <= last {
        let high = low + step;
        let weight = tail_at_least(low, total, stable_good) - above(high, total, stable_good);
        let middle = (low + (step - 1) / 2).min(total);
        let chances = against(rule, samples, good, Counts { good: middle, total }, alpha_green)?;
        sum.green += weight * chances.green;
        sum.red += weight * chances.red;
        low = high;
    }
    Some(sum)
}

fn above(hits: u64, total: u64, share: f64) -> f64 {
    if hits > total { 0.0 } else { tail_at_least(hits, total, share) }
}

/// The least number of samples with which `chance` is at least `wanted`, and about from there on; `None` if a hundred
/// million are too few.
pub fn least_samples(wanted: f64, chance: impl Fn(u64) -> f64) -> Option<u64> {
    let mut high = 1_u64;
    while chance(high) < wanted {
        high = high.checked_mul(2).filter(|n| *n <= 100_000_000)?;
    }
    let mut low = high / 2;
    while high - low > 1 {
        let middle = u64::midpoint(low, high);
        if chance(middle) >= wanted {
            high = middle;
        } else {
            low = middle;
        }
    }
    Some(high)
}

fn closing(rule: &Rule, measured: Option<&Measurement>, alpha_green: f64) -> Verdict {
    // No alarm: the level of the looks before the close is not known here.
    let look = Look { closing: true, alpha_red: 0.0, alpha_green };
    judge::metric(rule, measured, None, look).verdict
}

/// More good samples never make a verdict worse, so each verdict has one edge.
fn ends(samples: u64, good: f64, verdict: impl Fn(u64) -> Verdict) -> Chances {
    let green_from = edge(samples, |good| verdict(good) == Verdict::Green);
    let not_red_from = edge(samples, |good| verdict(good) != Verdict::Red);
    Chances { green: above(green_from, samples, good), red: 1.0 - above(not_red_from, samples, good) }
}

/// The least number up to `most` that `holds` says yes to; one more than `most` if there is none.
fn edge(most: u64, holds: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (0, most + 1);
    while low < high {
        let middle = u64::midpoint(low, high);
        if holds(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::{Chances, against, compare, least_samples, share};
    use crate::model::measurement::Counts;
    use crate::policy::soak::judge::{Assure, Goal, Harm, Margin, Rule};

    fn rule(assure: Assure, harm: Harm) -> Rule {
        Rule::Compare { margin: Margin::Points(0.10), min_samples: 10, assure, harm, split: None }
    }

    fn near(found: Chances, green: f64, red: f64) -> bool {
        (found.green - green).abs() <= 0.0051 && (found.red - red).abs() <= 0.0051
    }

    #[test]
    fn ten_samples_by_the_plain_rule_are_a_coin_toss() {
        let stable = Counts { good: 900, total: 1_000 };
        for (truth, green, red) in [(0.8, 0.376, 0.322), (0.9, 0.736, 0.070)] {
            let found = against(&rule(Assure::Point, Harm::Margin), 10, truth, stable, 0.05).unwrap();
            assert!(near(found, green, red), "{truth}: {found:?}");
        }
    }

    #[test]
    fn comparisons_end_as_the_published_table_says() {
        for (samples, truth, green, red) in [
            (10, 0.9, 0.10, 0.06),
            (10, 0.8, 0.03, 0.28),
            (50, 0.9, 0.57, 0.06),
            (50, 0.8, 0.04, 0.65),
            (50, 0.7, 0.00, 0.97),
            (100, 0.9, 0.85, 0.06),
            (100, 0.8, 0.05, 0.87),
            (200, 0.9, 0.95, 0.06),
            (200, 0.8, 0.01, 0.99),
        ] {
            let rule = rule(Assure::Bound, Harm::Any);
            let found = compare(&rule, (samples, truth), (10 * samples, 0.9), 0.05).unwrap();
            let close = (found.green - green).abs() < 0.016 && (found.red - red).abs() < 0.016;
            assert!(close, "{samples} {truth}: {found:?}");
        }
    }

    #[test]
    fn the_planner_asks_for_enough_samples() {
        let rule = rule(Assure::Bound, Harm::Margin);
        // An enumeration of all outcomes gives the same; the textbook's normal formula asks for 62 and 111.
        for (stable_per_canary, enumerated) in [(9, 88), (1, 117)] {
            let chance = |n| compare(&rule, (n, 0.9), (n * stable_per_canary, 0.9), 0.05).unwrap().green;
            let least = least_samples(0.8, chance).unwrap();
            assert_eq!(least, enumerated, "{stable_per_canary}");
        }
    }

    #[test]
    fn a_share_has_its_chances_too() {
        let rate = Rule::Rate { goal: Goal::AtLeast(0.99), min_samples: 10, assure: Assure::Bound };
        let clean = share(&rate, 298, 1.0, 0.05).unwrap();
        assert!(near(clean, 0.0, 0.0), "298 clean samples prove nothing: {clean:?}");
        let clean = share(&rate, 299, 1.0, 0.05).unwrap();
        assert!(near(clean, 1.0, 0.0), "{clean:?}");
        let zero = share(&Rule::Zero { min_exposure: 30 }, 100, 0.99, 0.05).unwrap();
        assert!(near(zero, 0.366, 0.634), "{zero:?}");
        assert_eq!(share(&Rule::Trend, 100, 0.9, 0.05), None);
        let both = Chances::of_all(&[Chances { green: 0.5, red: 0.1 }, Chances { green: 0.5, red: 0.2 }]);
        assert!(near(both, 0.25, 0.28) && (both.neither() - 0.47).abs() < 0.006, "{both:?}");
    }
}
