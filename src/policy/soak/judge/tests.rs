use super::*;
use crate::model::measurement::Counts;
use crate::policy::soak::spending::Budget;
use Assure::{Bound, Point};
use Verdict::{Green, Inconclusive, Pending, Red};
use std::time::Duration;

const TICK: Duration = Duration::from_secs(900);
const DAY: Duration = Duration::from_secs(86_400);

fn open() -> Look {
    let level = Budget::new(0.05, 4, DAY).level(TICK, 2 * TICK);
    Look { closing: false, alpha_red: level, alpha_green: 0.05 }
}

fn close() -> Look {
    Look { closing: true, ..open() }
}

fn counts(good: u64, total: u64) -> Measurement {
    Measurement::Counts(Counts { good, total })
}

fn ninety(assure: Assure) -> Rule {
    Rule::Rate { goal: Goal::AtLeast(0.9), min_samples: 30, assure }
}

fn judged(rule: &Rule, measured: &Measurement, look: Look) -> (Verdict, &'static str) {
    let finding = metric(rule, Some(measured), None, look);
    (finding.verdict, finding.reason.map_or("", |reason| reason.word()))
}

#[test]
fn a_share_alarms_only_when_the_spent_budget_proves_it() {
    // Four gating metrics, 96 ticks.
    for (good, total, verdict) in
        [(40, 60, Red), (45, 60, Pending), (180, 240, Red), (60, 60, Pending), (0, 29, Pending), (0, 30, Red)]
    {
        for assure in [Point, Bound] {
            assert_eq!(judged(&ninety(assure), &counts(good, total), open()).0, verdict, "{good} of {total}");
        }
    }
}

#[test]
fn a_share_at_the_close_is_taken_as_it_stands_or_has_to_prove_itself() {
    for (good, total, point, bound) in [
        (28, 30, (Green, ""), (Inconclusive, "undecided")),
        (96, 100, (Green, ""), (Green, "")),
        (27, 30, (Green, ""), (Inconclusive, "undecided")),
        (26, 30, (Red, ""), (Inconclusive, "undecided")),
        (20, 30, (Red, ""), (Red, "")),
        (29, 29, (Inconclusive, "samples"), (Inconclusive, "samples")),
        (0, 0, (Inconclusive, "nodata"), (Inconclusive, "nodata")),
    ] {
        assert_eq!(judged(&ninety(Point), &counts(good, total), close()), point, "{good} of {total}");
        assert_eq!(judged(&ninety(Bound), &counts(good, total), close()), bound, "{good} of {total}");
    }
    let ceiling = Rule::Rate { goal: Goal::AtMost(0.03), min_samples: 30, assure: Bound };
    for (bad, total, verdict) in [
        (0, 99, (Green, "")),
        (0, 98, (Inconclusive, "samples")),
        (12, 150, (Red, "")),
        (4, 200, (Inconclusive, "undecided")),
    ] {
        let measured = Measurement::Counts(Counts::of_bad(bad, total).unwrap());
        assert_eq!(judged(&ceiling, &measured, close()), verdict, "{bad} of {total}");
    }
    let strict = Rule::Rate { goal: Goal::MoreThan(0.9), min_samples: 30, assure: Point };
    assert_eq!(judged(&strict, &counts(27, 30), close()).0, Red, "27 of 30 is not more than 90 %");
}

#[test]
fn what_is_undecided_says_how_many_samples_would_decide() {
    let needs = |rule: &Rule, measured: &Measurement| metric(rule, Some(measured), None, close()).shown.needs;
    assert_eq!(needs(&ninety(Bound), &counts(5, 5)), Some(30));
    assert_eq!(needs(&ninety(Bound), &counts(0, 0)), Some(30));
    let hundred = needs(&ninety(Bound), &counts(28, 30)).unwrap();
    assert!((200..300).contains(&hundred), "{hundred}");
    assert_eq!(needs(&ninety(Bound), &counts(900, 1_000)), None, "no number decides what lies on the limit");
    assert_eq!(needs(&ninety(Bound), &counts(96, 100)), None, "it is decided");
    let strict = Rule::Rate { goal: Goal::AtLeast(0.99), min_samples: 10, assure: Bound };
    assert_eq!(needs(&strict, &counts(100, 100)), Some(299));
}

#[test]
fn a_source_that_broke_hides_no_breach_and_makes_none() {
    let broken = || Some(Reason::Error { what: "HTTP 503".to_owned() });
    for (measured, look, verdict) in [
        (Some(counts(40, 60)), open(), Red),
        (Some(counts(20, 30)), close(), Red),
        (Some(counts(100, 100)), open(), Pending),
        (Some(counts(100, 100)), close(), Inconclusive),
        (None, open(), Pending),
        (None, close(), Inconclusive),
    ] {
        let finding = metric(&ninety(Point), measured.as_ref(), broken(), look);
        assert_eq!(finding.verdict, verdict, "{measured:?}");
        assert_eq!(finding.reason.is_some(), verdict != Red, "{measured:?}");
    }
    let unlike = metric(&ninety(Point), Some(&Measurement::Values(vec![Some(1.0)])), None, close());
    assert_eq!(unlike.verdict, Inconclusive);
}

#[test]
fn zero_needs_exposure_and_no_hit() {
    let rule = Rule::Zero { min_exposure: 30 };
    for (bad, total, look, verdict) in [
        (0, 30, close(), Green),
        (0, 29, close(), Inconclusive),
        (0, 0, close(), Inconclusive),
        (1, 5, open(), Red),
        (1, 500, close(), Red),
        (0, 500, open(), Pending),
    ] {
        let measured = Measurement::Counts(Counts::of_bad(bad, total).unwrap());
        assert_eq!(judged(&rule, &measured, look).0, verdict, "{bad} of {total}");
    }
    let clean = metric(&rule, Some(&counts(300, 300)), None, close());
    let upper = clean.shown.limits.unwrap().1;
    assert!((upper - 0.01).abs() < 0.0001, "the rule of three: {upper}");
}

#[test]
fn a_quantile_is_a_share_of_requests_that_are_fast_enough() {
    let rule = |assure| Rule::Latency { share: 0.95, min_samples: 100, assure };
    let exact = |good| {
        let fast = Counts { good, total: 1_000 };
        Measurement::Buckets { surely: fast, perhaps: fast }
    };
    for (fast, point, bound) in [
        (965, (Green, ""), (Green, "")),
        (948, (Red, ""), (Inconclusive, "undecided")),
        (930, (Red, ""), (Red, "")),
    ] {
        assert_eq!(judged(&rule(Point), &exact(fast), close()), point, "{fast}");
        assert_eq!(judged(&rule(Bound), &exact(fast), close()), bound, "{fast}");
    }
    // p95 <= 500 ms with buckets that end at 250 and 1,000 ms.
    let between = |surely, perhaps| Measurement::Buckets {
        surely: Counts { good: surely, total: 1_000 },
        perhaps: Counts { good: perhaps, total: 1_000 },
    };
    for (surely, perhaps, verdict) in [
        (970, 990, (Green, "")),
        (900, 990, (Inconclusive, "bucket")),
        (700, 920, (Red, "")),
        (948, 949, (Inconclusive, "undecided")),
    ] {
        assert_eq!(judged(&rule(Bound), &between(surely, perhaps), close()), verdict, "{surely} {perhaps}");
    }
}

#[test]
fn a_canary_is_compared_with_stable() {
    let rule = |assure| Rule::Compare {
        margin: Margin::Points(0.10),
        min_samples: 10,
        assure,
        harm: Harm::Margin,
        split: None,
    };
    let against = |canary: (u64, u64), stable: (u64, u64)| Measurement::Arms {
        canary: Counts { good: canary.0, total: canary.1 },
        stable: Counts { good: stable.0, total: stable.1 },
    };
    let stable = (900, 1_000);
    for (assure, canary, stable, verdict) in [
        (Bound, (90, 100), stable, (Green, "")),
        (Bound, (80, 100), stable, (Red, "")),
        (Bound, (10, 10), stable, (Inconclusive, "undecided")),
        (Bound, (11, 11), stable, (Green, "")),
        (Bound, (9, 9), stable, (Inconclusive, "samples")),
        (Bound, (10, 10), (0, 0), (Inconclusive, "empty-arm")),
        (Bound, (0, 0), stable, (Inconclusive, "empty-arm")),
        (Point, (9, 10), stable, (Green, "")),
        (Point, (8, 10), stable, (Inconclusive, "undecided")),
        (Point, (7, 10), stable, (Red, "")),
        (Point, (10, 10), (0, 0), (Inconclusive, "empty-arm")),
    ] {
        assert_eq!(
            judged(&rule(assure), &against(canary, stable), close()),
            verdict,
            "{canary:?} {assure:?}"
        );
    }
    assert_eq!(judged(&rule(Bound), &against((60, 100), stable), open()).0, Red);
    assert_eq!(judged(&rule(Bound), &against((80, 100), stable), open()).0, Pending);

    let relative = Rule::Compare {
        margin: Margin::Percent(0.10),
        min_samples: 10,
        assure: Point,
        harm: Harm::Margin,
        split: None,
    };
    for (good, verdict) in [(81, Inconclusive), (80, Red), (90, Green)] {
        assert_eq!(judged(&relative, &against((good, 100), stable), close()).0, verdict, "{good}");
    }
}

#[test]
fn harm_within_the_margin_is_a_green_with_a_warning_or_a_red() {
    let rule = |harm| Rule::Compare {
        margin: Margin::Points(0.10),
        min_samples: 10,
        assure: Bound,
        harm,
        split: None,
    };
    let measured = Measurement::Arms {
        canary: Counts { good: 8_800, total: 10_000 },
        stable: Counts { good: 90_000, total: 100_000 },
    };
    let finding = metric(&rule(Harm::Margin), Some(&measured), None, close());
    assert_eq!((finding.verdict, finding.shown.harmed), (Green, true));
    assert_eq!(judged(&rule(Harm::Margin), &measured, open()).0, Pending);
    assert_eq!(judged(&rule(Harm::Any), &measured, close()).0, Red);
    assert_eq!(judged(&rule(Harm::Any), &measured, open()).0, Red);
}

#[test]
fn sides_that_were_split_otherwise_than_planned_are_not_compared() {
    let rule = Rule::Compare {
        margin: Margin::Points(0.10),
        min_samples: 10,
        assure: Bound,
        harm: Harm::Margin,
        split: Some(0.05),
    };
    for (canary, verdict) in [(300, (Inconclusive, "split")), (470, (Green, ""))] {
        let measured = Measurement::Arms {
            canary: Counts { good: canary, total: canary },
            stable: Counts { good: 10_000 - canary, total: 10_000 - canary },
        };
        assert_eq!(judged(&rule, &measured, close()), verdict, "{canary}");
    }
}

#[test]
fn two_counts_have_to_be_the_same_in_the_end() {
    let rule = Rule::Equal { tolerance: 0, min_samples: 1, breach: Breach { of: 2, at_least: 2 } };
    for (pairs, look, verdict) in [
        (vec![Some((3, 3))], close(), Green),
        (vec![Some((3, 2)), Some((3, 3))], close(), Green),
        (vec![Some((3, 3)), Some((4, 3))], open(), Pending),
        (vec![Some((3, 3)), Some((4, 3))], close(), Inconclusive),
        (vec![Some((4, 3)), Some((4, 3))], open(), Red),
        (vec![Some((0, 0)), Some((0, 0))], close(), Inconclusive),
        (vec![Some((3, 3)), None], close(), Inconclusive),
        (vec![], close(), Inconclusive),
    ] {
        assert_eq!(judged(&rule, &Measurement::Pairs(pairs.clone()), look).0, verdict, "{pairs:?}");
    }
}

#[test]
fn a_value_may_miss_as_often_as_it_is_told() {
    let rule = |of, at_least| Rule::Value { goal: Goal::AtMost(0.15), breach: Breach { of, at_least } };
    let (ok, bad, none, nan) = (Some(0.1), Some(0.2), None, Some(f64::NAN));
    for (rule, values, look, verdict) in [
        (rule(1, 1), vec![ok, bad], open(), (Red, "")),
        (rule(3, 2), vec![ok, bad], open(), (Pending, "")),
        (rule(3, 2), vec![bad, ok, bad], open(), (Red, "")),
        (rule(3, 2), vec![bad, ok, ok, bad], open(), (Pending, "")),
        (rule(3, 2), vec![ok, ok, ok, ok, bad], close(), (Inconclusive, "undecided")),
        (rule(3, 2), vec![bad, ok, ok, ok, ok], close(), (Green, "")),
        (rule(3, 2), vec![none, none, ok], close(), (Inconclusive, "undecided")),
        (rule(3, 2), vec![ok, none], close(), (Inconclusive, "nodata")),
        (rule(3, 2), vec![ok, nan], close(), (Inconclusive, "nan")),
        (rule(3, 2), vec![], close(), (Inconclusive, "nodata")),
    ] {
        assert_eq!(judged(&rule, &Measurement::Values(values.clone()), look), verdict, "{values:?}");
    }
}

#[test]
fn a_trend_never_decides() {
    let values = Measurement::Values(vec![Some(1.0), Some(9.0)]);
    assert_eq!(judged(&Rule::Trend, &values, open()), (Pending, ""));
    assert_eq!(judged(&Rule::Trend, &values, close()), (Inconclusive, "reported"));
}

#[test]
fn a_soak_is_green_only_when_everything_is() {
    let finding = |good, total, look| metric(&ninety(Point), Some(&counts(good, total)), None, look);
    let course = |closing| Course { closing, coverage: 0.95, min_coverage: 0.9, superseded: false };
    let verdict = |course, findings: &[Finding]| {
        let (verdict, reason) = soak(course, findings);
        (verdict, reason.map_or("", |reason| reason.word()))
    };
    let (good, bad, few) = (finding(96, 100, close()), finding(10, 60, close()), finding(5, 5, close()));
    assert_eq!(verdict(course(true), &[good.clone(), good.clone()]), (Green, ""));
    assert_eq!(verdict(course(true), &[good.clone(), few.clone()]), (Inconclusive, "samples"));
    assert_eq!(verdict(course(true), &[few.clone(), bad.clone()]), (Red, ""));
    assert_eq!(verdict(course(true), &[]), (Inconclusive, "nodata"));
    assert_eq!(verdict(course(false), &[finding(96, 100, open())]), (Pending, ""));
    assert_eq!(verdict(course(false), &[finding(40, 60, open())]), (Red, ""));
    let blind = Course { coverage: 0.5, ..course(true) };
    assert_eq!(verdict(blind, std::slice::from_ref(&good)), (Inconclusive, "blind"));
    let unknown = Course { coverage: f64::NAN, ..course(true) };
    assert_eq!(verdict(unknown, std::slice::from_ref(&good)), (Inconclusive, "blind"));
    let superseded = Course { superseded: true, ..course(false) };
    assert_eq!(verdict(superseded, std::slice::from_ref(&good)), (Inconclusive, "superseded"));
    assert_eq!(verdict(superseded, &[bad]), (Red, ""));
}
