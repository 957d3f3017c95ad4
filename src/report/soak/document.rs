//! The fields of a soak's JSON document.

use serde_json::{Map, Value, json};

use super::table;
use crate::policy::soak::judge::{Finding, Standing};
use crate::policy::soak::suite::Metric;
use crate::tool::canary_soak::SoakOutcome;

pub(super) fn fields(soak: &SoakOutcome) -> Map<String, Value> {
    let tick = soak.state.tick.as_ref();
    let metrics: Vec<Value> = soak
        .soak
        .metrics
        .iter()
        .zip(&soak.judged.metrics)
        .map(|(metric, finding)| row(soak, metric, finding))
        .collect();
    Map::from_iter([
        ("sha".to_owned(), json!(soak.state.sha)),
        ("stable".to_owned(), json!(soak.state.stable)),
        ("images".to_owned(), json!(soak.state.images)),
        ("ring".to_owned(), json!(soak.state.ring)),
        ("suite".to_owned(), json!(soak.gates)),
        // The clock ran only while every tenant proved by `[ready]` that it serves the release.
        ("proves_build".to_owned(), json!(true)),
        ("reason".to_owned(), json!(soak.judged.reason.as_ref().map(table::reason))),
        ("opened".to_owned(), json!(soak.state.clock.opened)),
        ("finished".to_owned(), json!(tick.map(|tick| tick.at))),
        ("closed".to_owned(), json!(soak.state.closed)),
        ("window_seconds".to_owned(), json!(soak.soak.window.as_secs_f64())),
        ("counted_seconds".to_owned(), json!(tick.map(|tick| tick.counted.as_secs_f64()))),
        ("coverage".to_owned(), json!(tick.map(|tick| tick.coverage))),
        ("longest_gap_seconds".to_owned(), json!(tick.map(|tick| tick.longest_gap.as_secs_f64()))),
        ("astray".to_owned(), json!(tick.and_then(|tick| tick.astray.as_ref()))),
        ("metrics".to_owned(), Value::Array(metrics)),
        ("run".to_owned(), json!(soak.run)),
    ])
}

fn row(soak: &SoakOutcome, metric: &Metric, finding: &Finding) -> Value {
    let standing = |standing: &Standing| match standing {
        Standing::Green => "green",
        Standing::Red => "red",
        Standing::Inconclusive(reason) => reason.word(),
    };
    let memory = soak.state.metrics.get(&metric.name);
    json!({
        "name": metric.name,
        "line": metric.line,
        "why": metric.why,
        "class": metric.class,
        "gates": metric.gates,
        "target": table::target(metric),
        "verdict": finding.verdict,
        "reason": finding.reason.as_ref().map(table::reason),
        "point": standing(&finding.shown.point),
        "bound": standing(&finding.shown.bound),
        "estimate": finding.shown.estimate,
        "limits": finding.shown.limits.map(|(low, high)| [low, high]),
        "samples": finding.shown.samples,
        "needs": finding.shown.needs,
        "measured": memory.and_then(|memory| memory.measured.as_ref()),
        "first_breach": memory.and_then(|memory| memory.first_breach),
        "rows": soak.samples.get(&metric.name),
    })
}
