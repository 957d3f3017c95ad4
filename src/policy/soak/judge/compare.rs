//! Canary against stable.

use super::reason::Reason;
use super::rule::{Harm, Look, Margin, Shown, Standing};
use super::share::first;
use crate::model::measurement::Counts;
use crate::policy::soak::statistics::{Arm, difference, split_probability};

/// Below this chance a split did not come about by chance (GrowthBook's limit for a sample-ratio mismatch).
const SPLIT_ALPHA: f64 = 0.001;
/// What the rounding of shares may add up to: 8 of 10 is not worse than 90 % by more than 10 points.
const ROUNDING: f64 = 1e-12;

/// What a comparison asks for.
pub(super) struct Comparison {
    pub(super) margin: Margin,
    pub(super) min_samples: u64,
    pub(super) harm: Harm,
    pub(super) split: Option<f64>,
}

impl Comparison {
    pub(super) fn show(&self, canary: Counts, stable: Counts, look: Look) -> Shown {
        if let Some(reason) = self.obstacle(canary, stable) {
            let needs = match &reason {
                Reason::Samples { need, .. } => Some(*need),
                Reason::EmptyArm { .. } => Some(self.min_samples.max(1)),
                _ => None,
            };
            return Shown { samples: canary.total, needs, ..Shown::nothing(reason) };
        }
        let (one, other) = (arm(canary), arm(stable));
        let limits = difference(one, other, 1.0, look.alpha_green);
        let within = self.within(one, other, look.alpha_green);
        let bound = self.by_bound(within, limits.1);
        let alarm = difference(one, other, 1.0, look.alpha_red).1 < 0.0 && self.counts_as_harm(within);
        let needs = matches!(bound, Standing::Inconclusive(_))
            .then(|| self.samples_to_decide(canary, stable, look.alpha_green))
            .flatten();
        Shown {
            point: self.by_point(canary, stable),
            alarm,
            estimate: Some(one.share() - other.share()),
            limits: Some(limits),
            samples: canary.total,
            needs,
            harmed: within && limits.1 < 0.0,
            bound,
        }
    }

    /// Why the two sides cannot be compared.
    fn obstacle(&self, canary: Counts, stable: Counts) -> Option<Reason> {
        for (name, counts) in [("canary", canary), ("stable", stable)] {
            if counts.total == 0 {
                return Some(Reason::EmptyArm { arm: name.to_owned() });
            }
        }
        let have = canary.total.min(stable.total);
        if have < self.min_samples {
            return Some(Reason::Samples { have, need: self.min_samples });
        }
        let all = canary.total.saturating_add(stable.total);
        let planned = self.split?;
        let got = canary.total as f64 / all as f64;
        let by_chance = split_probability(canary.total, all, planned) >= SPLIT_ALPHA;
        (!by_chance).then_some(Reason::Split { got, planned })
    }

    /// Whether it is proven that the canary is not worse by more than the margin.
    fn within(&self, canary: Arm, stable: Arm, alpha: f64) -> bool {
        match self.margin {
            Margin::Points(points) => difference(canary, stable, 1.0, alpha).0 > -points,
            Margin::Percent(percent) => difference(canary, stable, 1.0 - percent, alpha).0 > 0.0,
        }
    }

    fn counts_as_harm(&self, within: bool) -> bool {
        !within || self.harm == Harm::Any
    }

    fn by_bound(&self, within: bool, upper: f64) -> Standing {
        if upper < 0.0 && self.counts_as_harm(within) {
            Standing::Red
        } else if within {
            Standing::Green
        } else {
            Standing::Inconclusive(Reason::Undecided)
        }
    }

    /// The plain rule: green if the canary's share is no lower, red if it is lower by more than the margin.
    fn by_point(&self, canary: Counts, stable: Counts) -> Standing {
        let wide = |a: u64, b: u64| u128::from(a) * u128::from(b);
        if wide(canary.good, stable.total) >= wide(stable.good, canary.total) {
            return Standing::Green;
        }
        let (one, other) = (arm(canary).share(), arm(stable).share());
        let allowed = match self.margin {
            Margin::Points(points) => points,
            Margin::Percent(percent) => percent * other,
        };
        if other - one > allowed + ROUNDING {
            Standing::Red
        } else {
            Standing::Inconclusive(Reason::Undecided)
        }
    }

    /// How many samples of the canary decide, if both sides go on in proportion.
    fn samples_to_decide(&self, canary: Counts, stable: Counts, alpha: f64) -> Option<u64> {
        let grown = |counts: Counts, factor: f64| Arm {
            hits: (counts.good as f64 * factor).round() as u64,
            total: (counts.total as f64 * factor).round() as u64,
        };
        first(canary.total, |total| {
            let factor = total as f64 / canary.total as f64;
            let (one, other) = (grown(canary, factor), grown(stable, factor));
            let within = self.within(one, other, alpha);
            let upper = difference(one, other, 1.0, alpha).1;
            !matches!(self.by_bound(within, upper), Standing::Inconclusive(_))
        })
    }
}

fn arm(counts: Counts) -> Arm {
    Arm { hits: counts.good, total: counts.total }
}
