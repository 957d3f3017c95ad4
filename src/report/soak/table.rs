//! One row a metric: what it shows against what it must show.

use crate::base::duration;
use crate::model::verdict::Verdict;
use crate::policy::soak::judge::{Assure, Finding, Goal, Margin, Reason, Rule, Standing};
use crate::policy::soak::suite::{Metric, Query};
use crate::report::page::{Cell, Mood, cell};
use crate::tool::canary_soak::SoakOutcome;

/// The columns.
pub(super) const HEAD: [&str; 7] =
    ["metric", "target", "value", "limits", "samples", "verdict", "point / bound"];

/// The table, its head first.
pub(super) fn rows(soak: &SoakOutcome) -> Vec<Vec<Cell>> {
    let head = HEAD.map(|word| (Mood::Dim, word.to_owned())).to_vec();
    let rows =
        soak.soak.metrics.iter().zip(&soak.judged.metrics).map(|(metric, finding)| row(metric, finding));
    std::iter::once(head).chain(rows).collect()
}

fn row(metric: &Metric, finding: &Finding) -> Vec<Cell> {
    let shown = &finding.shown;
    let observed = if metric.gates { "" } else { " (observed)" };
    let limits = shown
        .limits
        .map_or("-".to_owned(), |(low, high)| format!("{} to {}", number(metric, low), number(metric, high)));
    let needs =
        shown.needs.filter(|needs| *needs > shown.samples).map_or(String::new(), |n| format!(" of {n}"));
    vec![
        cell(format!("{}{observed}", metric.name)),
        cell(target(metric)),
        cell(shown.estimate.map_or("-".to_owned(), |value| number(metric, value))),
        cell(limits),
        cell(format!("{}{needs}", shown.samples)),
        (mood(finding.verdict), finding.verdict.as_str().to_owned()),
        cell(format!("{} / {}", standing(&shown.point), standing(&shown.bound))),
    ]
}

/// One metric in a sentence, for an annotation.
pub(super) fn sentence(metric: &Metric, finding: &Finding) -> String {
    let value = finding.shown.estimate.map_or("nothing".to_owned(), |value| number(metric, value));
    let why = finding.reason.as_ref().map(|reason| format!("; {reason}")).unwrap_or_default();
    format!("expected {}, found {value} in {} samples{why}", target(metric), finding.shown.samples)
}

fn mood(verdict: Verdict) -> Mood {
    match verdict {
        Verdict::Green => Mood::Good,
        Verdict::Red => Mood::Bad,
        Verdict::Inconclusive | Verdict::Error => Mood::Odd,
        Verdict::Pending => Mood::Plain,
    }
}

fn standing(standing: &Standing) -> &'static str {
    match standing {
        Standing::Green => "green",
        Standing::Red => "red",
        Standing::Inconclusive(reason) => reason.word(),
    }
}

/// What the metric must show.
pub(super) fn target(metric: &Metric) -> String {
    match metric.rule {
        Rule::Rate { goal, assure, .. } => {
            let which = if goal.is_floor() { "good" } else { "bad" };
            format!("{which} {}{}", goal_text(metric, goal), proved(assure))
        }
        Rule::Zero { .. } => "none".to_owned(),
        Rule::Latency { share, assure, .. } => {
            let within = metric.asks.iter().find_map(|ask| match &ask.query {
                Query::Histogram { within, .. } => Some(duration::show(*within)),
                _ => None,
            });
            let within = within.unwrap_or_default();
            format!("{} within {within}{}", percent(share), proved(assure))
        }
        Rule::Compare { margin, assure, .. } => match margin {
            Margin::Points(points) => {
                format!("at most {} points worse{}", trimmed(points * 100.0), proved(assure))
            }
            Margin::Percent(share) => format!("at most {} worse{}", percent(share), proved(assure)),
        },
        Rule::Equal { tolerance: 0, .. } => "equal".to_owned(),
        Rule::Equal { tolerance, .. } => format!("equal within {tolerance}"),
        Rule::Value { goal, .. } => goal_text(metric, goal),
        Rule::Trend => "-".to_owned(),
    }
}

fn proved(assure: Assure) -> &'static str {
    match assure {
        Assure::Point => "",
        Assure::Bound => ", proved",
    }
}

fn goal_text(metric: &Metric, goal: Goal) -> String {
    let sign = match goal {
        Goal::AtLeast(_) => ">=",
        Goal::MoreThan(_) => ">",
        Goal::AtMost(_) => "<=",
        Goal::LessThan(_) => "<",
    };
    format!("{sign} {}", number(metric, goal.limit()))
}

/// A number of the metric: shares as percent, all else as it is.
fn number(metric: &Metric, value: f64) -> String {
    match metric.rule {
        Rule::Rate { .. } | Rule::Zero { .. } | Rule::Latency { .. } | Rule::Compare { .. } => percent(value),
        Rule::Equal { .. } | Rule::Value { .. } | Rule::Trend => trimmed(value),
    }
}

fn percent(share: f64) -> String {
    format!("{} %", trimmed(share * 100.0))
}

/// At most three digits after the point, none of them in vain.
fn trimmed(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The reason as a word and a sentence, for the document.
pub(super) fn reason(reason: &Reason) -> serde_json::Value {
    serde_json::json!({ "word": reason.word(), "message": reason.to_string() })
}
