//! The checks of one tenant, all at once; the samples of a check, and the steps of a sample in order.

use futures_util::future::join_all;
use futures_util::stream::{StreamExt as _, iter};

use super::cleanup::Unnamed;
use super::session::{Haste, Pace, Place, READY_EXCHANGE, Session, millis};
use super::step::described;
use crate::io::clock;
use crate::model::check::{Build, CheckResult, Outcome, Repeat, Sample};
use crate::model::tenant::Tenant;
use crate::policy::smoke::judge;
use crate::policy::smoke::suite::Check;
use crate::policy::smoke::suite::worst_case::SAMPLES_AT_ONCE;

impl Session<'_> {
    /// Runs all checks of one tenant at once, unless it never served the build.
    pub(super) async fn checks(&self, tenant: &Tenant, build: &Build, done: &dyn Fn()) -> Vec<CheckResult> {
        let not_run = build.astray().map(|found| match build.is_other() {
            true => format!("not run: the tenant does not serve {}: {found}", self.sha),
            false => format!("not run: {found}"),
        });
        let mut exchange = READY_EXCHANGE + 1;
        let mut all = Vec::new();
        for check in &self.suite.checks {
            let first = exchange;
            exchange += check.steps.len();
            let not_run = not_run.clone();
            all.push(async move {
                let result = match not_run {
                    None => self.check(tenant, check, first).await,
                    Some(why) => skipped(check, why),
                };
                done();
                result
            });
        }
        join_all(all).await
    }

    /// Runs one check, whose first step has the number `first` in a recording.
    pub(super) async fn check(&self, tenant: &Tenant, check: &Check, first: usize) -> CheckResult {
        let begun = clock::instant();
        let times = if self.pace == Pace::Full { check.repeat.times } else { 1 };
        let repeat = if self.pace == Pace::Full { check.repeat } else { Repeat { times: 1, pass: 1 } };
        let mut samples: Vec<(u32, Sample)> = iter(0..times)
            .map(async |number| (number, self.sample(tenant, check, first, number).await))
            .buffer_unordered(SAMPLES_AT_ONCE as usize)
            .collect()
            .await;
        samples.sort_by_key(|(number, _)| *number);
        let samples: Vec<Sample> = samples.into_iter().map(|(_, sample)| sample).collect();
        let result = CheckResult {
            outcome: judge::check(&samples, repeat),
            elapsed_ms: millis(begun.elapsed()),
            repeat,
            samples,
            ..skipped(check, String::new())
        };
        if self.pace != Pace::Replay {
            self.context.console.detail(&format!(
                "{}: {}: {}",
                tenant.name,
                check.name,
                result.outcome.as_str()
            ));
        }
        CheckResult { skipped: None, ..result }
    }

    async fn sample(&self, tenant: &Tenant, check: &Check, first: usize, number: u32) -> Sample {
        let mut variables = self.variables(tenant, &check.name, number);
        let mut steps = Vec::new();
        let mut unnamed = Unnamed::new();
        for (at, step) in check.steps.iter().enumerate() {
            let lingers = !step.captures.is_empty() && !check.cleanup.is_empty();
            let haste = if lingers { Haste::Linger } else { Haste::Drop };
            let place = Place { tenant, step, exchange: first + at, haste, proof: None };
            let taken = self.step(place, &mut variables).await;
            if taken.may_be_done && step.writes() {
                let names = step.captures.iter().map(|capture| &capture.name);
                let lost = names.filter(|name| !variables.contains_key(*name));
                let why = format!("{}: {}", taken.result.request, described(&taken.result));
                unnamed.extend(lost.map(|name| (name.clone(), why.clone())));
            }
            let goes_on = taken.result.outcome.is_pass();
            steps.push(taken.result);
            if !goes_on {
                break;
            }
        }
        let cleanup = self.cleanup(tenant, check, &variables, &unnamed).await;
        Sample { outcome: judge::sample(&steps), steps, cleanup }
    }
}

fn skipped(check: &Check, why: String) -> CheckResult {
    CheckResult {
        name: check.name.clone(),
        why: check.why.clone(),
        line: check.line,
        outcome: Outcome::Inconclusive,
        flaky: check.flaky,
        elapsed_ms: 0,
        repeat: check.repeat,
        samples: Vec::new(),
        skipped: Some(why),
    }
}
