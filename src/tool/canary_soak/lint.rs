//! `canary-soak lint`: what the file can show, without any request.

use std::path::Path;
use std::time::Duration;

use super::load::{GatesFile, load};
use crate::policy::soak::judge::{Assure, Goal, Rule};
use crate::policy::soak::statistics::least_clean;
use crate::policy::soak::suite::{Metric, Soak};
use crate::tool::failure::Failure;

/// What can be said of a file that has no mistake.
#[derive(Clone, Debug)]
pub struct LintOutcome {
    /// The file.
    pub gates: GatesFile,
    /// The counted time.
    pub window: Duration,
    /// How many metrics gate.
    pub gating: usize,
    /// Every metric, in the order of the file.
    pub metrics: Vec<Row>,
}

/// What one metric can show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// Its line.
    pub line: usize,
    /// Whether it gates.
    pub gates: bool,
    /// The samples below which it is never green, if it counts samples.
    pub min_samples: Option<u64>,
    /// The samples that prove its target at `alpha_green` if every one of them is good.
    pub proves: Option<u64>,
    /// Where it is weak.
    pub advice: Vec<String>,
}

/// Looks at the file at `path`.
///
/// # Errors
/// It cannot be read, or has a mistake.
pub(super) fn lint(path: &Path) -> Result<LintOutcome, Failure> {
    let (soak, gates) = load(path)?;
    Ok(LintOutcome {
        gates,
        window: soak.window,
        gating: soak.gating(),
        metrics: soak.metrics.iter().map(|metric| row(&soak, metric)).collect(),
    })
}

fn row(soak: &Soak, metric: &Metric) -> Row {
    let (min_samples, share, assure) = match metric.rule {
        Rule::Rate { goal, min_samples, assure } => (Some(min_samples), Some(good_share(goal)), Some(assure)),
        Rule::Latency { share, min_samples, assure } => (Some(min_samples), Some(share), Some(assure)),
        Rule::Compare { min_samples, assure, .. } => (Some(min_samples), None, Some(assure)),
        Rule::Zero { min_exposure } => (Some(min_exposure), None, None),
        Rule::Equal { min_samples, .. } => (Some(min_samples), None, None),
        Rule::Value { .. } | Rule::Trend => (None, None, None),
    };
    let proves = share.and_then(|share| least_clean(share, soak.alpha_green));
    let mut advice = Vec::new();
    if let (Some(least), Some(Assure::Point), Some(proves)) = (min_samples, assure, proves)
        && least < proves
    {
        advice.push(format!(
            "{least} samples prove nothing: even without a bad one it takes {proves}, so a green is the number taken at its word"
        ));
    }
    if let (Some(least), Some(Assure::Bound), Some(proves)) = (min_samples, assure, proves)
        && least < proves
    {
        advice.push(format!("a green needs at least {proves} samples, whatever `min_samples` says"));
    }
    if let Rule::Zero { min_exposure } = metric.rule {
        let rate = 1.0 - soak.alpha_green.powf(1.0 / min_exposure as f64);
        advice.push(format!(
            "none in {min_exposure} samples proves a rate below {:.2} %, not none at all",
            rate * 100.0
        ));
    }
    if metric.asks.iter().any(|ask| !ask.query.looks_back()) && counts(&metric.rule) {
        advice.push(
            "its question names no interval (`{{ start }}`): what happens between two late ticks is not seen"
                .to_owned(),
        );
    }
    Row { name: metric.name.clone(), line: metric.line, gates: metric.gates, min_samples, proves, advice }
}

fn counts(rule: &Rule) -> bool {
    matches!(rule, Rule::Rate { .. } | Rule::Zero { .. } | Rule::Latency { .. } | Rule::Compare { .. })
}

fn good_share(goal: Goal) -> f64 {
    if goal.is_floor() { goal.limit() } else { 1.0 - goal.limit() }
}
