//! `canary-soak lint`: what the file can show.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};

use super::args::Args;
use super::load::{GatesFile, load, sources};
use super::measure::Asker;
use crate::io::clock;
use crate::io::context::Context;
use crate::model::commit::CommitSha;
use crate::model::measurement::{Counts, Measurement};
use crate::model::soak::Interval;
use crate::policy::soak::judge::{Assure, Goal, Rule};
use crate::policy::soak::outlook::{Errors, Outlook, errors, outlook};
use crate::policy::soak::statistics::least_clean;
use crate::policy::soak::suite::{Ends, Metric, Soak};
use crate::tool::failure::Failure;

/// What can be said of a file that has no mistake.
#[derive(Clone, Debug)]
pub struct LintOutcome {
    pub gates: GatesFile,
    pub window: Duration,
    pub gating: usize,
    /// Every metric, in the order of the file.
    pub metrics: Vec<Row>,
    /// All gating metrics together.
    pub errors: Option<Errors>,
    /// What was found at the sources.
    pub notes: Vec<String>,
}

/// What one metric can show.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub name: String,
    pub line: usize,
    pub gates: bool,
    /// The samples below which it is never green, if it counts samples.
    pub min_samples: Option<u64>,
    /// The samples that prove its target at `alpha_green` if every one of them is good.
    pub proves: Option<u64>,
    /// The samples of the last 24 hours, if the sources were asked.
    pub daily: Option<u64>,
    /// What it says of a healthy and of a sick release, after the samples that the window brings; after the least ones
    /// where that is not known.
    pub outlook: Option<Outlook>,
    /// Where it is weak.
    pub advice: Vec<String>,
}

/// What the sources said of the last 24 hours.
#[derive(Clone, Debug, Default)]
struct Traffic {
    /// What was measured, by metric; or why nothing was.
    measured: BTreeMap<String, Result<Measurement, String>>,
}

/// Looks at the file. With `traffic`, its sources are asked about the last 24 hours; else no request is sent.
///
/// # Errors
/// It cannot be read, or has a mistake, or a source cannot be set up.
pub(super) async fn lint(
    args: &Args,
    file: Option<&PathBuf>,
    traffic: bool,
    context: &Context,
) -> Result<LintOutcome, Failure> {
    let path = file.unwrap_or(&args.gates);
    let (soak, gates) = load(path)?;
    let mut notes = Vec::new();
    let seen = if traffic { Some(ask(args, &soak, path, context, &mut notes).await?) } else { None };
    let metrics: Vec<Row> = soak.metrics.iter().map(|metric| row(&soak, metric, seen.as_ref())).collect();
    let gating = metrics.iter().filter(|row| row.gates);
    let outlooks: Vec<Outlook> = gating.filter_map(|row| row.outlook).collect();
    let errors = (!outlooks.is_empty()).then(|| errors(&outlooks, soak.alpha_red));
    Ok(LintOutcome { gates, window: soak.window, gating: soak.gating(), metrics, errors, notes })
}

async fn ask(
    args: &Args,
    soak: &Soak,
    path: &Path,
    context: &Context,
    notes: &mut Vec<String>,
) -> Result<Traffic, Failure> {
    let sources = sources(soak, path, context)?;
    match context.stop.unless(sources.writable()).await? {
        Ok(names) => notes.extend(names.into_iter().map(|name| {
            format!("source `{name}`: its role may write; give the soak a role that may only read")
        })),
        Err(failure) => notes.push(format!("whether a role may write is not known: {failure}")),
    }
    let lag = SignedDuration::try_from(soak.lag).unwrap_or_default();
    let end = clock::now().checked_sub(lag).unwrap_or(Timestamp::UNIX_EPOCH);
    let start = end.checked_sub(SignedDuration::from_hours(24)).unwrap_or(Timestamp::UNIX_EPOCH);
    let word = |sha: &Option<CommitSha>| sha.as_ref().map(ToString::to_string).unwrap_or_default();
    let (sha, stable) = (word(&args.sha), word(&args.stable));
    let asker = Asker { sources: &sources, sha: &sha, stable: &stable, before: Some(start) };
    let asked = soak.metrics.iter().map(async |metric| {
        let measured = asker.once(metric, Interval { start, end }).await;
        (metric.name.clone(), measured.map_err(|why| why.to_string()))
    });
    let measured = context.stop.unless(join_all(asked)).await?.into_iter().collect();
    Ok(Traffic { measured })
}

fn row(soak: &Soak, metric: &Metric, traffic: Option<&Traffic>) -> Row {
    let counted = !matches!(metric.rule, Rule::Value { .. } | Rule::Trend);
    let min_samples = counted.then(|| metric.rule.min_samples());
    let (share, assure) = match metric.rule {
        Rule::Rate { goal, assure, .. } => (Some(good_share(goal)), Some(assure)),
        Rule::Latency { share, assure, .. } => (Some(share), Some(assure)),
        Rule::Compare { assure, .. } => (None, Some(assure)),
        Rule::Zero { .. } | Rule::Equal { .. } | Rule::Value { .. } | Rule::Trend => (None, None),
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
    let seen = traffic.and_then(|traffic| traffic.measured.get(&metric.name));
    let (daily, stable) = match seen {
        Some(Ok(measured)) => samples(measured),
        _ => (None, None),
    };
    match seen {
        Some(Err(why)) => advice.push(format!("the last 24 hours: {why}")),
        Some(Ok(Measurement::Buckets { surely, perhaps })) if surely != perhaps => advice.push(
            "no bucket ends at the limit: it is decided only if the buckets below and above agree".to_owned(),
        ),
        _ => {}
    }
    let least = min_samples.unwrap_or(0).max(proves.filter(|_| assure == Some(Assure::Bound)).unwrap_or(0));
    if let Some(daily) = daily.filter(|_| least > 0) {
        let days = soak.window.as_secs_f64() / 86_400.0;
        if daily as f64 * days < least as f64 {
            let needed = if daily == 0 {
                "for ever".to_owned()
            } else {
                format!("{:.1} days", least as f64 / daily as f64)
            };
            advice.push(format!(
                "{daily} samples came in 24 hours: {least} take {needed}, longer than the window"
            ));
        }
    }
    let expected = daily.map(|daily| (daily as f64 * soak.window.as_secs_f64() / 86_400.0) as u64);
    let after = if soak.ends == Ends::Samples { least } else { expected.unwrap_or(least) };
    let alpha_green = soak.alpha_green / f64::from(1 + soak.extend);
    Row {
        name: metric.name.clone(),
        line: metric.line,
        gates: metric.gates,
        min_samples,
        proves,
        daily,
        outlook: outlook(&metric.rule, after, stable, alpha_green),
        advice,
    }
}

/// The samples of a measurement, and what stable showed in it.
fn samples(measured: &Measurement) -> (Option<u64>, Option<Counts>) {
    match measured {
        Measurement::Counts(counts) => (Some(counts.total), None),
        Measurement::Buckets { surely, .. } => (Some(surely.total), None),
        Measurement::Arms { canary, stable } => (Some(canary.total), Some(*stable)),
        Measurement::Pairs(_) | Measurement::Values(_) => (None, None),
    }
}

fn counts(rule: &Rule) -> bool {
    matches!(rule, Rule::Rate { .. } | Rule::Zero { .. } | Rule::Latency { .. } | Rule::Compare { .. })
}

fn good_share(goal: Goal) -> f64 {
    if goal.is_floor() { goal.limit() } else { 1.0 - goal.limit() }
}
