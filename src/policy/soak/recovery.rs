//! Whether a rollback helped: the targets are met in time, and stay met.

use std::time::Duration;

use super::judge::{self, Breach, Goal, Look, Rule, Standing};
use crate::model::measurement::Measurement;

/// What the targets looked like at one look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Targets {
    /// All of them are met.
    Met,
    /// One of them is not.
    Missed,
    /// One of them could not be measured.
    Unknown,
}

/// What is said of the recovery so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// Not met yet, and there is time.
    Waiting,
    /// Met since then; not yet for long enough.
    Holding {
        /// When the targets were first met, from the move.
        since: Duration,
    },
    /// Met in time and kept.
    Recovered {
        /// When the targets were first met, from the move.
        since: Duration,
    },
    /// Not met in time, or not kept.
    Missed,
}

/// What one target looks like in what was measured at one look; `goal` instead of its metric's own. Samples are taken
/// at their word. Where there are none, nothing is known.
pub fn target(rule: &Rule, goal: Option<Goal>, measured: Option<&Measurement>) -> (Targets, Option<f64>) {
    let once = Breach { of: 1, at_least: 1 };
    let rule = match *rule {
        Rule::Value { goal: own, .. } => Rule::Value { goal: goal.unwrap_or(own), breach: once },
        Rule::Equal { tolerance, min_samples, .. } => Rule::Equal { tolerance, min_samples, breach: once },
        other => other,
    };
    // No budget is spent here: nothing is an alarm but what misses its target.
    let look = Look { closing: true, alpha_red: 0.0, alpha_green: 0.05 };
    let shown = judge::metric(&rule, measured, None, look).shown;
    let met = match (goal, &shown.point) {
        (Some(goal), _) => shown.estimate.map(|number| goal.holds(number)),
        (None, Standing::Green) => Some(true),
        (None, Standing::Red) => Some(false),
        (None, Standing::Inconclusive(_)) => None,
    };
    let targets = match met {
        Some(true) => Targets::Met,
        Some(false) => Targets::Missed,
        None => Targets::Unknown,
    };
    (targets, shown.estimate)
}

/// All targets of one look together.
pub fn together(targets: &[Targets]) -> Targets {
    if targets.contains(&Targets::Missed) {
        Targets::Missed
    } else if targets.is_empty() || targets.contains(&Targets::Unknown) {
        Targets::Unknown
    } else {
        Targets::Met
    }
}

/// Of the looks while holding, at most this many in a hundred may be blind.
const BLIND_PERCENT: usize = 20;

/// Judges the looks that were made since the move, oldest first: the targets have to be met `within` that time, and from
/// then on for `hold`. A look that could not measure counts neither way, but the hold ends only with a look that did,
/// and few of its looks may be blind.
pub fn recovery(looks: &[(Duration, Targets)], within: Duration, hold: Duration) -> Recovery {
    let mut since = None;
    let (mut seen, mut blind) = (0_usize, 0_usize);
    for (at, targets) in looks.iter().copied() {
        match (since, targets) {
            (None, Targets::Met) if at <= within => (since, seen, blind) = (Some(at), 1, 0),
            (None, _) if at > within => return Recovery::Missed,
            (None, _) => {}
            (Some(_), Targets::Missed) if at <= within => since = None,
            (Some(_), Targets::Missed) => return Recovery::Missed,
            (Some(_), Targets::Unknown) => (seen, blind) = (seen + 1, blind + 1),
            (Some(start), Targets::Met) => {
                seen += 1;
                if at >= start + hold && blind * 100 <= seen * BLIND_PERCENT {
                    return Recovery::Recovered { since: start };
                }
            }
        }
        if since.is_some_and(|start| at > start + hold + within) {
            return Recovery::Missed;
        }
    }
    since.map_or(Recovery::Waiting, |since| Recovery::Holding { since })
}

#[cfg(test)]
mod tests {
    use super::{Recovery, Targets, recovery, target, together};
    use crate::model::measurement::{Counts, Measurement};
    use crate::policy::soak::judge::{Assure, Breach, Goal, Rule};
    use std::time::Duration;

    fn minutes(minutes: u64) -> Duration {
        Duration::from_secs(minutes * 60)
    }

    /// One look a minute until `until`, with what `targets` says of that minute; within 10 minutes, for 15.
    fn judged(until: u64, targets: impl Fn(u64) -> Targets) -> Recovery {
        let looks: Vec<_> = (1..=until).map(|minute| (minutes(minute), targets(minute))).collect();
        recovery(&looks, minutes(10), minutes(15))
    }

    fn met(yes: bool) -> Targets {
        if yes { Targets::Met } else { Targets::Missed }
    }

    #[test]
    fn targets_have_to_be_met_in_time_and_kept() {
        let since = minutes(8);
        assert_eq!(judged(7, |m| met(m >= 8)), Recovery::Waiting);
        assert_eq!(judged(22, |m| met(m >= 8)), Recovery::Holding { since });
        assert_eq!(judged(23, |m| met(m >= 8)), Recovery::Recovered { since });
        assert_eq!(judged(40, |m| met(m >= 11)), Recovery::Missed);
        assert_eq!(judged(40, |m| met(m >= 8 && m != 20)), Recovery::Missed);
        assert_eq!(judged(24, |m| met(m >= 8 && m != 9)), Recovery::Holding { since: minutes(10) });
        assert_eq!(judged(0, |_| Targets::Met), Recovery::Waiting);
    }

    #[test]
    fn a_target_is_the_metric_s_own_or_another_number() {
        let rate = Rule::Rate { goal: Goal::AtMost(0.01), min_samples: 10, assure: Assure::Point };
        let bad = |bad, total| Some(Measurement::Counts(Counts::of_bad(bad, total).unwrap()));
        let own = |measured: &Option<Measurement>| target(&rate, None, measured.as_ref()).0;
        assert_eq!(own(&bad(4, 1_000)), Targets::Met);
        assert_eq!(own(&bad(40, 1_000)), Targets::Missed);
        assert_eq!(own(&bad(0, 3)), Targets::Unknown);
        let stricter =
            |measured: &Option<Measurement>| target(&rate, Some(Goal::LessThan(0.005)), measured.as_ref());
        assert_eq!(stricter(&bad(4, 1_000)), (Targets::Met, Some(0.004)));
        assert_eq!(stricter(&bad(5, 1_000)).0, Targets::Missed);
        assert_eq!(stricter(&bad(0, 0)).0, Targets::Unknown);
        assert_eq!(stricter(&None).0, Targets::Unknown);
        let value = Rule::Value { goal: Goal::AtMost(2.0), breach: Breach { of: 3, at_least: 2 } };
        let one = Measurement::Values(vec![Some(3.0)]);
        assert_eq!(target(&value, None, Some(&one)).0, Targets::Missed);
        assert_eq!(together(&[Targets::Met, Targets::Unknown]), Targets::Unknown);
        assert_eq!(together(&[Targets::Unknown, Targets::Missed]), Targets::Missed);
        assert_eq!(together(&[]), Targets::Unknown);
    }

    #[test]
    fn what_could_not_be_measured_is_not_a_recovery() {
        let blind = |from: u64, to: u64| {
            move |m: u64| if (from..=to).contains(&m) { Targets::Unknown } else { met(m >= 8) }
        };
        assert_eq!(judged(40, |_| Targets::Unknown), Recovery::Missed);
        assert_eq!(judged(23, blind(12, 12)), Recovery::Recovered { since: minutes(8) });
        assert_eq!(judged(23, blind(23, 23)), Recovery::Holding { since: minutes(8) });
        assert_eq!(judged(24, blind(23, 23)), Recovery::Recovered { since: minutes(8) });
        assert_eq!(judged(23, blind(9, 22)), Recovery::Holding { since: minutes(8) });
        assert_eq!(judged(60, blind(9, 60)), Recovery::Missed);
    }
}
