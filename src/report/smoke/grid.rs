//! The grid: a row for each tenant, a column for each check.

use crate::model::check::{Build, CheckResult, Outcome, TenantResult};
use crate::policy::smoke::judge;
use crate::report::github::Summary;
use crate::report::page::{Cell, Mood, Page, cell};
use crate::tool::canary_smoke::RunOutcome;

/// With more tenants than this, those on which all is well are counted, not shown.
const ROWS: usize = 40;

/// How an outcome is shown in a cell.
pub(super) fn word(outcome: Outcome) -> (Mood, &'static str) {
    match outcome {
        Outcome::Passed => (Mood::Good, "ok"),
        Outcome::Flaky => (Mood::Odd, "flaky"),
        Outcome::Inconclusive => (Mood::Odd, "?"),
        Outcome::Failed => (Mood::Bad, "FAIL"),
    }
}

fn build(tenant: &TenantResult) -> (Mood, String) {
    match &tenant.build {
        Build::Unasked => (Mood::Dim, "not asked".to_owned()),
        Build::Served => (Mood::Good, "served".to_owned()),
        Build::Unknown(_) => (Mood::Odd, "unknown".to_owned()),
        Build::Never(_) => (Mood::Odd, "never served".to_owned()),
        Build::Changed(_) => (Mood::Odd, "changed".to_owned()),
        Build::Unconfirmed(_) => (Mood::Odd, "unconfirmed".to_owned()),
    }
}

/// The rows that are shown, and how many are not.
fn rows(run: &RunOutcome) -> (Vec<&TenantResult>, usize) {
    if run.tenants.len() <= ROWS {
        return (run.tenants.iter().collect(), 0);
    }
    let shown: Vec<&TenantResult> =
        run.tenants.iter().filter(|tenant| judge::tenant(tenant) != Outcome::Passed).collect();
    let hidden = run.tenants.len() - shown.len();
    (shown, hidden)
}

fn names(run: &RunOutcome) -> Vec<&str> {
    run.tenants
        .first()
        .map(|tenant| tenant.checks.iter().map(|c| c.name.as_str()).collect())
        .unwrap_or_default()
}

/// The outcome of a check; of a sampled one with how many samples passed.
fn outcome(check: &CheckResult) -> (Mood, String) {
    let (mood, word) = word(check.outcome);
    if check.repeat.times == 1 || check.samples.is_empty() {
        return (mood, word.to_owned());
    }
    let passed = check.samples.iter().filter(|sample| sample.outcome.is_pass()).count();
    (mood, format!("{word} {passed}/{}", check.samples.len()))
}

/// The cells of one tenant: setup, if the suite has any, and checks.
fn cells(run: &RunOutcome, tenant: &TenantResult) -> Vec<(Mood, String)> {
    let setup = has_setup(run).then(|| {
        let worst = tenant.setup.iter().map(|setup| setup.outcome).max();
        let (mood, word) = word(worst.unwrap_or(Outcome::Inconclusive));
        (mood, word.to_owned())
    });
    setup.into_iter().chain(tenant.checks.iter().map(outcome)).collect()
}

fn has_setup(run: &RunOutcome) -> bool {
    run.tenants.iter().any(|tenant| !tenant.setup.is_empty())
}

/// The heads of the columns after the tenant's name.
fn heads(run: &RunOutcome) -> Vec<String> {
    let setup = has_setup(run).then(|| "setup".to_owned());
    let numbers = (1..=names(run).len()).map(|number| number.to_string());
    std::iter::once("build".to_owned()).chain(setup).chain(numbers).collect()
}

fn hidden_row(hidden: usize) -> Option<String> {
    (hidden > 0).then(|| format!("and {hidden} tenants that passed every check"))
}

pub(super) fn text(run: &RunOutcome, page: &mut Page) {
    let (shown, hidden) = rows(run);
    let mut table: Vec<Vec<Cell>> = Vec::new();
    if !shown.is_empty() {
        let heads = heads(run).into_iter().map(|head| (Mood::Dim, head));
        table.push(std::iter::once(cell("")).chain(heads).collect());
    }
    for tenant in shown {
        let mut row = vec![(Mood::Strong, tenant.name.to_string()), build(tenant)];
        row.extend(cells(run, tenant));
        table.push(row);
    }
    page.table(&table);
    if let Some(hidden) = hidden_row(hidden) {
        page.line(Mood::Good, &format!("  {hidden}"));
    }
    page.gap();
    let legend: Vec<Vec<Cell>> = names(run)
        .iter()
        .enumerate()
        .map(|(at, name)| vec![(Mood::Dim, (at + 1).to_string()), cell(*name)])
        .collect();
    page.table(&legend);
}

pub(super) fn summary(run: &RunOutcome, summary: &mut Summary) {
    let (shown, hidden) = rows(run);
    let heads = heads(run);
    let head: Vec<&str> = std::iter::once("tenant").chain(heads.iter().map(String::as_str)).collect();
    let table: Vec<Vec<String>> = shown
        .into_iter()
        .map(|tenant| {
            let checks = cells(run, tenant).into_iter().map(|(_, word)| word);
            [tenant.name.to_string(), build(tenant).1].into_iter().chain(checks).collect()
        })
        .collect();
    if !table.is_empty() {
        summary.table(&head, &table);
    }
    if let Some(hidden) = hidden_row(hidden) {
        summary.paragraph(&hidden);
    }
    let legend: Vec<Vec<String>> = names(run)
        .iter()
        .enumerate()
        .map(|(at, name)| vec![(at + 1).to_string(), (*name).to_owned()])
        .collect();
    summary.table(&["", "check"], &legend);
}
