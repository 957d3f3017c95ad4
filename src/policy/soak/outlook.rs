//! What a soak file can be expected to say of a healthy release and of a sick one.

use super::judge::{Margin, Rule};
use super::power::{Chances, against, share};
use crate::model::measurement::Counts;

/// What stable is taken to show where nothing else is known: 90 % of many.
const STABLE: Counts = Counts { good: 90_000, total: 100_000 };

/// The chances of one metric after so many samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outlook {
    /// The samples.
    pub samples: u64,
    /// For a release with half the bad samples that the target allows; as good as stable, in a comparison.
    pub healthy: Chances,
    /// For one with twice as many; worse by the whole margin, in a comparison; for `zero`, one bad sample in its least
    /// exposure.
    pub sick: Chances,
}

/// The outlook of a rule after `samples`; `None` for what is not about shares of samples.
pub fn outlook(rule: &Rule, samples: u64, stable: Option<Counts>, alpha_green: f64) -> Option<Outlook> {
    let (healthy, sick) = match *rule {
        Rule::Rate { goal, .. } => around(if goal.is_floor() { 1.0 - goal.limit() } else { goal.limit() }),
        Rule::Latency { share, .. } => around(1.0 - share),
        Rule::Zero { min_exposure } => (1.0, 1.0 - 1.0 / min_exposure.max(2) as f64),
        Rule::Compare { margin, .. } => {
            let stable = stable.filter(|stable| stable.total > 0).unwrap_or(STABLE);
            let good = stable.good as f64 / stable.total as f64;
            let worse = match margin {
                Margin::Points(points) => good - points,
                Margin::Percent(percent) => good * (1.0 - percent),
            };
            let chances = |truth: f64| against(rule, samples, truth.max(0.0), stable, alpha_green);
            return Some(Outlook { samples, healthy: chances(good)?, sick: chances(worse)? });
        }
        Rule::Equal { .. } | Rule::Value { .. } | Rule::Trend => return None,
    };
    let chances = |good: f64| share(rule, samples, good, alpha_green);
    Some(Outlook { samples, healthy: chances(healthy)?, sick: chances(sick)? })
}

/// Half and twice the bad samples that are allowed, as shares of good ones.
fn around(allowed: f64) -> (f64, f64) {
    (1.0 - allowed / 2.0, (1.0 - 2.0 * allowed).max(0.0))
}

/// What a whole soak may come to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Errors {
    /// The chance that a release that is sick in one metric is green.
    pub wrong_promotion: f64,
    /// The chance that a healthy release is red.
    pub wrong_rollback: f64,
    /// The chance that a healthy release is neither.
    pub no_answer: f64,
}

impl Outlook {
    /// The same of this metric alone.
    pub fn errors(&self) -> Errors {
        Errors {
            wrong_promotion: self.sick.green,
            wrong_rollback: self.healthy.red,
            no_answer: self.healthy.neither(),
        }
    }
}

/// All gating metrics together, as if they were independent. The looks before the close add at most `alpha_red` to the
/// chance of a wrong rollback.
pub fn errors(metrics: &[Outlook], alpha_red: f64) -> Errors {
    let healthy: Vec<Chances> = metrics.iter().map(|outlook| outlook.healthy).collect();
    let all = Chances::of_all(&healthy);
    let sick_in = |at: usize| {
        let mut chances = healthy.clone();
        chances[at] = metrics[at].sick;
        Chances::of_all(&chances).green
    };
    Errors {
        wrong_promotion: (0..metrics.len()).map(sick_in).fold(0.0, f64::max),
        wrong_rollback: (all.red + alpha_red).min(1.0),
        no_answer: all.neither(),
    }
}

#[cfg(test)]
mod tests {
    use super::{errors, outlook};
    use crate::policy::soak::judge::{Assure, Goal, Harm, Margin, Rule};

    #[test]
    fn the_plain_rule_of_ten_tasks_promotes_every_third_sick_prompt() {
        let rule = Rule::Compare {
            margin: Margin::Points(0.10),
            min_samples: 10,
            assure: Assure::Point,
            harm: Harm::Margin,
            split: None,
        };
        let ten = outlook(&rule, 10, None, 0.05).unwrap().errors();
        assert!((ten.wrong_promotion - 0.376).abs() < 0.005, "{ten:?}");
        assert!((ten.wrong_rollback - 0.070).abs() < 0.005, "{ten:?}");
        let hundreds = outlook(&rule, 400, None, 0.05).unwrap().errors();
        assert!(hundreds.wrong_promotion < 0.001, "{hundreds:?}");
    }

    #[test]
    fn a_soak_is_as_blind_as_its_blindest_metric_and_as_nervous_as_all_together() {
        let rule = |assure| Rule::Rate { goal: Goal::AtLeast(0.9), min_samples: 30, assure };
        let few = outlook(&rule(Assure::Bound), 30, None, 0.05).unwrap();
        let many = outlook(&rule(Assure::Bound), 2_000, None, 0.05).unwrap();
        assert!(few.errors().no_answer > 0.5 && many.errors().no_answer < 0.001, "{few:?} {many:?}");
        let both = errors(&[few, many], 0.05);
        assert!(both.no_answer >= few.errors().no_answer - 1e-9 && both.wrong_rollback >= 0.05, "{both:?}");
        assert_eq!(outlook(&Rule::Trend, 100, None, 0.05), None);
        let zero = outlook(&Rule::Zero { min_exposure: 30 }, 30, None, 0.05).unwrap().errors();
        assert!((zero.wrong_promotion - 0.362).abs() < 0.005, "{zero:?}");
    }
}
