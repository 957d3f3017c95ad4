//! The example files, each played to every end.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::clock::Serving;
use super::judge::{Goal, Reason, Rule};
use super::state::{Measured, State, Subject};
use super::suite::{Metric, Soak, read};
use crate::model::measurement::{Counts, Measurement};
use crate::model::verdict::Verdict;
use crate::policy::toml::TomlFile;

const FILES: [(&str, &str); 4] = [
    ("flexible-rollout.toml", include_str!("../../../docs/examples/soak/flexible-rollout.toml")),
    ("operator-readiness.toml", include_str!("../../../docs/examples/soak/operator-readiness.toml")),
    ("prompt-canary.toml", include_str!("../../../docs/examples/soak/prompt-canary.toml")),
    ("fast-recovery.toml", include_str!("../../../docs/examples/soak/fast-recovery.toml")),
];

/// What a source says of a release that keeps every target, or none.
fn says(metric: &Metric, well: bool) -> Measurement {
    let counts = |good: u64, total: u64| Counts { good, total };
    let share = if well { counts(2_000, 2_000) } else { counts(200, 2_000) };
    match metric.rule {
        // The source counts only what is bad.
        Rule::Zero { .. } if metric.exposure.is_some() => {
            Measurement::Counts(if well { counts(0, 0) } else { counts(0, 3) })
        }
        Rule::Rate { .. } | Rule::Zero { .. } => Measurement::Counts(share),
        Rule::Latency { .. } => Measurement::Buckets { surely: share, perhaps: share },
        Rule::Compare { .. } => Measurement::Arms { canary: share, stable: counts(18_000, 20_000) },
        Rule::Equal { .. } => Measurement::Pairs(vec![Some((3, if well { 3 } else { 9 })); 3]),
        Rule::Value { goal, .. } => {
            let kept = match goal {
                Goal::AtLeast(limit) | Goal::MoreThan(limit) => limit * 1.5,
                Goal::AtMost(limit) | Goal::LessThan(limit) => limit * 0.5,
            };
            let missed = if goal.is_floor() { goal.limit() * 0.5 } else { goal.limit() * 1.5 };
            Measurement::Values(vec![Some(if well { kept } else { missed }); 3])
        }
        Rule::Trend => Measurement::Values(vec![Some(1.0)]),
    }
}

/// The verdict of a soak whose sources answer by `answer`, after its whole window.
fn played(soak: &Soak, answer: impl Fn(&Metric) -> Result<Measurement, Reason>) -> Verdict {
    let subject = Subject {
        sha: "1234567".parse().unwrap(),
        stable: None,
        images: Vec::new(),
        ring: None,
        gates: String::new(),
    };
    let opened = Timestamp::from_second(1_800_000_000).unwrap();
    let mut state = State::open(subject, opened);
    state.look(soak, opened, &Serving::Yes);
    let span = SignedDuration::try_from(soak.window + soak.settle + soak.lag).unwrap();
    // The last look, and one long after it: a source that fails may answer until then.
    for later in [span, 2 * span] {
        state.look(soak, opened + later, &Serving::Yes);
        let answers: BTreeMap<_, _> = soak
            .metrics
            .iter()
            .map(|metric| (metric.name.clone(), answer(metric).map(Measured::Whole)))
            .collect();
        let verdict = state.take(soak, answers).verdict;
        if verdict != Verdict::Pending {
            return verdict;
        }
    }
    Verdict::Pending
}

#[test]
fn every_example_ends_green_red_and_inconclusive() {
    for (name, text) in FILES {
        let soak = read(&TomlFile { name, text }).unwrap_or_else(|mistakes| panic!("{name}: {mistakes:?}"));
        assert_eq!(played(&soak, |metric| Ok(says(metric, true))), Verdict::Green, "{name}");
        for broken in soak.metrics.iter().filter(|metric| metric.gates) {
            let one = |metric: &Metric| Ok(says(metric, metric.name != broken.name));
            assert_eq!(played(&soak, one), Verdict::Red, "{name}: {}", broken.name);
            let mute = |metric: &Metric| {
                if metric.name == broken.name { Err(Reason::NoData) } else { Ok(says(metric, true)) }
            };
            assert_eq!(played(&soak, mute), Verdict::Inconclusive, "{name}: {}", broken.name);
        }
    }
}
