//! Shares of samples: `rate`, `zero` and `latency`.

use super::reason::Reason;
use super::rule::{Goal, Look, Shown, Standing};
use crate::model::measurement::Counts;
use crate::policy::soak::statistics::{least_clean, lower_limit, tail_at_least, tail_at_most, upper_limit};

/// The largest number of samples that is worth naming: nobody waits for more.
const MOST_SAMPLES: u64 = 1_000_000_000;

/// The samples that a goal counts, and the same numbers as a share that should be high or low.
fn hits(goal: Goal, counts: Counts) -> u64 {
    if goal.is_floor() { counts.good } else { counts.bad() }
}

/// Whether the samples prove, at level `alpha`, that the true share keeps to the goal.
fn proves(goal: Goal, counts: Counts, alpha: f64) -> bool {
    let (hits, total) = (hits(goal, counts), counts.total);
    total > 0
        && if goal.is_floor() {
            tail_at_least(hits, total, goal.limit()) <= alpha
        } else {
            tail_at_most(hits, total, goal.limit()) <= alpha
        }
}

/// Whether the samples prove, at level `alpha`, that the true share misses the goal.
fn disproves(goal: Goal, counts: Counts, alpha: f64) -> bool {
    let (hits, total) = (hits(goal, counts), counts.total);
    total > 0
        && if goal.is_floor() {
            tail_at_most(hits, total, goal.limit()) < alpha
        } else {
            tail_at_least(hits, total, goal.limit()) < alpha
        }
}

/// The least number of samples that could prove the goal, all of them good.
fn least(goal: Goal, alpha: f64) -> u64 {
    let share = if goal.is_floor() { goal.limit() } else { 1.0 - goal.limit() };
    least_clean(share, alpha).unwrap_or(u64::MAX)
}

pub(super) fn rate(goal: Goal, min_samples: u64, counts: Counts, look: Look) -> Shown {
    if counts.total == 0 {
        return Shown { needs: Some(min_samples.max(1)), ..Shown::nothing(Reason::NoData) };
    }
    let (hits, total) = (hits(goal, counts), counts.total);
    let share = hits as f64 / total as f64;
    let enough = total >= min_samples;
    let (point, bound) = if enough {
        (by_point(goal, share), by_bound(goal, counts, look.alpha_green))
    } else {
        let need = min_samples.max(1);
        let too_few = |need| Standing::Inconclusive(Reason::Samples { have: total, need });
        (too_few(need), too_few(need.max(least(goal, look.alpha_green))))
    };
    let needs = match &bound {
        Standing::Inconclusive(Reason::Samples { need, .. }) => Some(*need),
        Standing::Inconclusive(_) => samples_to_decide(goal, counts, look.alpha_green),
        Standing::Green | Standing::Red => None,
    };
    Shown {
        point,
        bound,
        alarm: enough && disproves(goal, counts, look.alpha_red),
        estimate: Some(share),
        limits: Some((
            lower_limit(hits, total, look.alpha_green),
            upper_limit(hits, total, look.alpha_green),
        )),
        samples: total,
        needs,
        harmed: false,
    }
}

fn by_point(goal: Goal, share: f64) -> Standing {
    if goal.holds(share) { Standing::Green } else { Standing::Red }
}

fn by_bound(goal: Goal, counts: Counts, alpha: f64) -> Standing {
    if proves(goal, counts, alpha) {
        return Standing::Green;
    }
    if disproves(goal, counts, alpha) {
        return Standing::Red;
    }
    let need = least(goal, alpha);
    Standing::Inconclusive(if counts.total < need {
        Reason::Samples { have: counts.total, need }
    } else {
        Reason::Undecided
    })
}

/// About how many samples decide the goal at level `alpha`, if they go on in the proportion of `counts`; `None` if a
/// billion do not.
pub fn samples_to_decide(goal: Goal, counts: Counts, alpha: f64) -> Option<u64> {
    let share = counts.good as f64 / counts.total as f64;
    let decided = |total: u64| {
        let good = ((share * total as f64).round() as u64).min(total);
        let counts = Counts { good, total };
        proves(goal, counts, alpha) || disproves(goal, counts, alpha)
    };
    first(counts.total.max(1), decided)
}

/// The first number, from `least` on, that `decided` says yes to, where it keeps saying yes.
pub(super) fn first(least: u64, decided: impl Fn(u64) -> bool) -> Option<u64> {
    let mut high = least;
    let mut low = least;
    while !decided(high) {
        low = high;
        high = high.checked_mul(2).filter(|n| *n <= MOST_SAMPLES)?;
    }
    while high - low > 1 {
        let middle = u64::midpoint(low, high);
        if decided(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    Some(high)
}

pub(super) fn zero(min_exposure: u64, counts: Counts, look: Look) -> Shown {
    let (bad, total) = (counts.bad(), counts.total);
    let need = min_exposure.max(1);
    let standing = if bad > 0 {
        Standing::Red
    } else if total >= need {
        Standing::Green
    } else {
        Standing::Inconclusive(Reason::Samples { have: total, need })
    };
    let share = (total > 0).then(|| bad as f64 / total as f64);
    Shown {
        point: standing.clone(),
        alarm: standing == Standing::Red,
        needs: matches!(standing, Standing::Inconclusive(_)).then_some(need),
        bound: standing,
        estimate: share,
        limits: share
            .map(|_| (lower_limit(bad, total, look.alpha_green), upper_limit(bad, total, look.alpha_green))),
        samples: total,
        harmed: false,
    }
}

/// Green if the requests that were surely fast enough suffice, red if those that may have been do not.
pub(super) fn latency(share: f64, min_samples: u64, surely: Counts, perhaps: Counts, look: Look) -> Shown {
    let goal = Goal::AtLeast(share);
    let (low, high) = (rate(goal, min_samples, surely, look), rate(goal, min_samples, perhaps, look));
    if surely == perhaps {
        return low;
    }
    let both = |low: &Standing, high: &Standing| match (low, high) {
        (Standing::Green, _) => Standing::Green,
        (_, Standing::Red) => Standing::Red,
        (low, high) if low == high => low.clone(),
        _ => Standing::Inconclusive(Reason::Bucket),
    };
    Shown {
        point: both(&low.point, &high.point),
        bound: both(&low.bound, &high.bound),
        alarm: high.alarm,
        limits: low.limits.zip(high.limits).map(|(low, high)| (low.0, high.1)),
        ..low
    }
}
