//! A notice of what a soak comes to. One that fails is a warning.

use serde_json::json;

use crate::base::duration;
use crate::io::context::Context;
use crate::io::{notify, run};
use crate::model::verdict::Verdict;
use crate::policy::soak::state::{Judged, State};
use crate::policy::soak::suite::Soak;
use crate::policy::soak::suite::beside::Event;

/// Posts one JSON document with a `text`, if the file asks for it.
pub(super) async fn post(soak: &Soak, event: Event, state: &State, judged: &Judged, context: &Context) {
    let Some(wanted) = soak.notify.as_ref().filter(|wanted| wanted.on.contains(&event)) else { return };
    let red: Vec<&str> = soak
        .metrics
        .iter()
        .zip(&judged.metrics)
        .filter(|(metric, finding)| metric.gates && finding.verdict == Verdict::Red)
        .map(|(metric, _)| metric.name.as_str())
        .collect();
    let reason = judged.reason.as_ref().map(ToString::to_string);
    let counted = state.tick.as_ref().map(|tick| duration::show(tick.counted)).unwrap_or_default();
    let why = match (red.as_slice(), &reason) {
        ([], None) => String::new(),
        ([], Some(reason)) => format!(": {reason}"),
        _ => format!(": {}", red.join(", ")),
    };
    let what = match event {
        Event::Overdue => "is red, and nobody rolled it back".to_owned(),
        Event::Extended => "is undecided and goes on for another window".to_owned(),
        Event::Green | Event::Red | Event::Inconclusive => format!("is {}", event.as_str()),
    };
    let document = json!({
        "format": 1,
        "event": event.as_str(),
        "sha": state.sha,
        "ring": state.ring,
        "verdict": judged.verdict,
        "reason": reason,
        "red": red,
        "text": format!("soak of {} {what} after {counted}{why}", state.sha),
        "run": run::of(&context.env).and_then(|run| run.url),
    });
    let mut document = document;
    context.console.secrets.clean_json(&mut document);
    let posted = context.stop.unless(notify::post(context, &wanted.url_env, &document)).await;
    if let Ok(Err(why)) = posted {
        context.console.warn(&format!("the notice of `{}` is not sent: {why}", event.as_str()));
    }
}
