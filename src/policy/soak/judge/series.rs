//! What is one number a tick: `equal`, `value` and `trend`.

use super::reason::Reason;
use super::rule::{Breach, Goal, Shown, Standing};

/// A value is green if it kept to its goal in this part of its ticks, and in the last one.
const KEPT: (usize, usize) = (4, 5);

/// Whether enough of the last ticks miss; a tick without a number counts neither way.
fn breached(breach: Breach, kept: &[Option<bool>]) -> bool {
    let last = &kept[kept.len().saturating_sub(breach.of.max(1))..];
    last.iter().filter(|kept| **kept == Some(false)).count() >= breach.at_least.max(1)
}

fn shown(standing: Standing, estimate: Option<f64>, samples: usize) -> Shown {
    Shown {
        alarm: standing == Standing::Red,
        point: standing.clone(),
        bound: standing,
        estimate,
        limits: None,
        samples: samples as u64,
        needs: None,
        harmed: false,
    }
}

pub(super) fn value(goal: Goal, breach: Breach, values: &[Option<f64>]) -> Shown {
    let number = |value: &Option<f64>| value.filter(|number| number.is_finite());
    let kept: Vec<Option<bool>> =
        values.iter().map(|value| number(value).map(|number| goal.holds(number))).collect();
    let good = kept.iter().filter(|kept| **kept == Some(true)).count();
    let standing = if breached(breach, &kept) {
        Standing::Red
    } else {
        match (values.last(), kept.last()) {
            (None | Some(None), _) => Standing::Inconclusive(Reason::NoData),
            (Some(Some(_)), Some(None) | None) => Standing::Inconclusive(Reason::NotANumber),
            (_, Some(Some(true))) if good * KEPT.1 >= kept.len() * KEPT.0 => Standing::Green,
            _ => Standing::Inconclusive(Reason::Undecided),
        }
    };
    shown(standing, values.last().and_then(number), values.iter().flatten().count())
}

/// Both counts are taken since the opening, so the last pair is the whole soak.
pub(super) fn equal(tolerance: u64, min_samples: u64, breach: Breach, pairs: &[Option<(u64, u64)>]) -> Shown {
    let near = |(left, right): (u64, u64)| left.abs_diff(right) <= tolerance;
    let kept: Vec<Option<bool>> = pairs.iter().map(|pair| pair.map(near)).collect();
    let Some(Some((left, right))) = pairs.last().copied() else {
        let standing = Standing::Inconclusive(Reason::NoData);
        return shown(if breached(breach, &kept) { Standing::Red } else { standing }, None, 0);
    };
    let (have, need) = (left.max(right), min_samples.max(1));
    let standing = if breached(breach, &kept) {
        Standing::Red
    } else if have < need {
        Standing::Inconclusive(Reason::Samples { have, need })
    } else if near((left, right)) {
        Standing::Green
    } else {
        Standing::Inconclusive(Reason::Undecided)
    };
    let difference = left as f64 - right as f64;
    Shown { samples: have, ..shown(standing, Some(difference), 0) }
}

pub(super) fn trend(values: &[Option<f64>]) -> Shown {
    let last = values.last().copied().flatten().filter(|number| number.is_finite());
    shown(Standing::Inconclusive(Reason::OnlyReported), last, values.iter().flatten().count())
}
