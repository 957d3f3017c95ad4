//! What is not well, grouped: a failure that all tenants share is one failure, and the first tenant's is shown.

use std::time::Duration;

use crate::base::duration;
use crate::model::check::{Build, CheckResult, Outcome, StepResult, TenantResult};
use crate::report::github::Summary;
use crate::report::page::{Mood, Page};
use crate::tool::canary_smoke::RunOutcome;

/// Tenants that are named before the rest is counted.
const NAMED: usize = 8;

/// One failure, on one or more tenants.
pub(super) struct Group<'r> {
    /// The check, or `[ready]`.
    pub(super) name: &'r str,
    pub(super) line: usize,
    pub(super) outcome: Outcome,
    why: Option<&'r str>,
    tenants: Vec<&'r TenantResult>,
    of: usize,
    example: Example<'r>,
}

/// What is shown of a group: that of its first tenant.
enum Example<'r> {
    Build(&'r str),
    Step(&'r CheckResult, &'r StepResult),
    Check(&'r CheckResult),
}

/// Every failure: readiness first, then the checks in the order of the suite.
pub(super) fn groups(run: &RunOutcome) -> Vec<Group<'_>> {
    let mut groups: Vec<(String, Group<'_>)> = Vec::new();
    for tenant in &run.tenants {
        if let Some((key, group)) = astray(run, tenant) {
            add(&mut groups, key, group);
        }
    }
    for number in 0..run.checks {
        for tenant in &run.tenants {
            if let Some((key, group)) = tenant.checks.get(number).and_then(|check| unwell(run, tenant, check))
            {
                add(&mut groups, format!("{number} {key}"), group);
            }
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

fn add<'r>(groups: &mut Vec<(String, Group<'r>)>, key: String, group: Group<'r>) {
    match groups.iter_mut().find(|(other, _)| *other == key) {
        Some((_, known)) => known.tenants.extend(group.tenants),
        None => groups.push((key, group)),
    }
}

fn astray<'r>(run: &'r RunOutcome, tenant: &'r TenantResult) -> Option<(String, Group<'r>)> {
    let found = tenant.build.astray()?;
    let why = match &tenant.build {
        Build::Unasked | Build::Served => return None,
        Build::Unknown(_) => {
            "the run ended before the tenant said which build it serves, so nothing was checked"
        }
        Build::Never(_) => "the build was never served, so nothing was checked",
        Build::Changed(_) => "the build was served before the checks, but no longer after them",
        Build::Unconfirmed(_) => {
            "the build was served before the checks; after them it is not known which one is"
        }
    };
    let group = Group {
        name: "[ready]",
        line: run.ready_line.unwrap_or(1),
        outcome: Outcome::Inconclusive,
        why: Some(why),
        tenants: vec![tenant],
        of: run.tenants.len(),
        example: Example::Build(found),
    };
    Some((format!("{why} {found}"), group))
}

fn unwell<'r>(
    run: &'r RunOutcome,
    tenant: &'r TenantResult,
    check: &'r CheckResult,
) -> Option<(String, Group<'r>)> {
    // A tenant that is not there says so once, by its build.
    if check.outcome == Outcome::Passed || check.skipped.is_some() {
        return None;
    }
    let step = telling(check);
    let group = Group {
        name: &check.name,
        line: step.map_or(check.line, |step| step.line),
        outcome: check.outcome,
        why: check.why.as_deref(),
        tenants: vec![tenant],
        of: run.tenants.len(),
        example: step.map_or(Example::Check(check), |step| Example::Step(check, step)),
    };
    Some((format!("{:?} {}", check.outcome, step.map(signature).unwrap_or_default()), group))
}

fn telling(check: &CheckResult) -> Option<&StepResult> {
    let steps = || check.samples.iter().flat_map(|sample| &sample.steps);
    steps()
        .find(|step| step.outcome == check.outcome)
        .or_else(|| steps().find(|step| step.outcome != Outcome::Passed))
}

/// What two tenants' failures must share to be one: step, outcome, and the parts of the answer that were wrong.
fn signature(step: &StepResult) -> String {
    let parts: Vec<&str> = step.mismatches.iter().map(|m| m.subject.as_str()).collect();
    format!(
        "{} {:?} {} {}",
        step.line,
        step.status,
        parts.join(","),
        step.trouble.as_deref().unwrap_or_default()
    )
}

impl Group<'_> {
    /// On how many tenants: `3 of 3 tenants`, `only canary-mcp`.
    pub(super) fn share(&self) -> String {
        let names: Vec<&str> = self.tenants.iter().map(|tenant| tenant.name.as_str()).collect();
        match (names.as_slice(), self.of) {
            ([only], 1) => (*only).to_owned(),
            ([only], _) => format!("only {only}"),
            (names, of) if names.len() == of => format!("{of} of {of} tenants"),
            (names, of) => {
                let rest = names.len().saturating_sub(NAMED);
                let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
                format!(
                    "{} of {of} tenants: {}{more}",
                    names.len(),
                    names[..names.len().min(NAMED)].join(", ")
                )
            }
        }
    }

    /// What is to be said of it, as pairs of a word and a text.
    pub(super) fn facts(&self) -> Vec<(String, String)> {
        let mut facts: Vec<(String, String)> = Vec::new();
        let mut say = |what: &str, text: String| facts.push((what.to_owned(), text));
        if let Some(why) = self.why {
            say("why", why.to_owned());
        }
        if self.of > 1
            && self.tenants.len() > 1
            && let Some(first) = self.tenants.first()
        {
            say("shown", format!("the answer of {}", first.name));
        }
        match self.example {
            Example::Build(found) => say("found", found.to_owned()),
            Example::Check(check) => say("found", format!("{} samples", check.samples.len())),
            Example::Step(check, step) => {
                if check.repeat.times > 1 {
                    let passed = check.samples.iter().filter(|sample| sample.outcome.is_pass()).count();
                    say(
                        "samples",
                        format!("{passed} of {} passed; {} must", check.samples.len(), check.repeat.pass),
                    );
                }
                if let Some(name) = &step.name {
                    say("step", name.clone());
                }
                say("request", asked(step));
                for mismatch in &step.mismatches {
                    say(
                        &mismatch.subject,
                        format!("expected {}, found {}", mismatch.expected, mismatch.found),
                    );
                }
                if let Some(trouble) = &step.trouble {
                    say("trouble", trouble.clone());
                }
                if let (Some(failure), Outcome::Flaky) = (&step.first_failure, step.outcome) {
                    say("at first", failure.clone());
                }
                if let Some(id) = &step.request_id {
                    say("request id", id.clone());
                }
                if let Some(curl) = &step.curl {
                    say("again", curl.clone());
                }
            }
        }
        facts
    }

    fn headline(&self, file: &str) -> String {
        let word = match self.outcome {
            Outcome::Failed => "FAILED",
            Outcome::Flaky => "FLAKY",
            Outcome::Inconclusive => "INCONCLUSIVE",
            Outcome::Passed => "PASSED",
        };
        format!("{word} {} ({}) {file}:{}", self.name, self.share(), self.line)
    }

    pub(super) fn text(&self, file: &str, page: &mut Page) {
        page.line(super::grid::word(self.outcome).0, &self.headline(file));
        let facts = self.facts();
        let widest = facts.iter().map(|(what, _)| what.chars().count()).max().unwrap_or(0).min(24);
        for (what, text) in facts {
            let pad = " ".repeat(widest.saturating_sub(what.chars().count()));
            page.line(Mood::Plain, &format!("  {what}{pad}  {text}"));
        }
    }

    pub(super) fn summary(&self, file: &str, summary: &mut Summary) {
        summary.paragraph(&self.headline(file));
        let lines: Vec<String> =
            self.facts().into_iter().map(|(what, text)| format!("{what}: {text}")).collect();
        summary.block(&lines.join("\n"));
    }
}

fn asked(step: &StepResult) -> String {
    let took = duration::show(Duration::from_millis(step.elapsed_ms));
    let status = step.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
    let tries = match step.attempts {
        0 => return format!("{}, not sent", step.request),
        1 => String::new(),
        n => format!(", {n} attempts"),
    };
    let again = if step.reconnected { ", connected twice" } else { "" };
    format!("{} -> {status} in {took}{tries}{again}", step.request)
}
