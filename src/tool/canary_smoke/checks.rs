//! The checks of one tenant, all at once; the samples of a check, and the steps of a sample in order.

use futures_util::future::join_all;
use futures_util::stream::{StreamExt as _, iter};

use super::cleanup::{Litter, Unnamed};
use super::memory::Memory;
use super::session::{Haste, Pace, Place, Session, millis};
use super::setup::Prepared;
use super::step::described;
use crate::io::clock;
use crate::model::check::{Build, CheckResult, Outcome, Repeat, Sample, StepResult};
use crate::model::tenant::Tenant;
use crate::policy::smoke::judge;
use crate::policy::smoke::suite::worst_case::{CLEANUP, SAMPLES_AT_ONCE, SETUP_CLEANUP};
use crate::policy::smoke::suite::{Check, Step};

impl Session<'_> {
    /// Runs all checks of one tenant at once, unless it never served the build; with the setups before them.
    pub(super) async fn checks(
        &self,
        tenant: &Tenant,
        build: &Build,
        done: &dyn Fn(),
    ) -> (Vec<CheckResult>, Vec<CheckResult>) {
        if let Some(found) = build.astray() {
            let why = match build.is_other() {
                true => format!("not run: the tenant does not serve {}: {found}", self.sha),
                false => format!("not run: {found}"),
            };
            return (Vec::new(), self.suite.checks.iter().map(|check| skipped(check, why.clone())).collect());
        }
        let parts = (0..self.suite.parts.len()).map(|number| self.part(tenant, number, done));
        let (setups, checks): (Vec<_>, Vec<_>) = join_all(parts).await.into_iter().unzip();
        (setups.into_iter().flatten().collect(), checks.into_iter().flatten().collect())
    }

    /// Runs the checks of the part number `number` of one tenant: its setup, all checks at once, what cleans up the setup.
    pub(super) async fn part(
        &self,
        tenant: &Tenant,
        number: usize,
        done: &dyn Fn(),
    ) -> (Option<CheckResult>, Vec<CheckResult>) {
        let exchanges = self.exchanges();
        let set_up = self.set_up(tenant, number, exchanges.setups[number].start).await;
        let part = &self.suite.parts[number];
        let prepared =
            set_up.as_ref().map_or_else(|| Ok(Prepared::default()), |set_up| set_up.prepared(part));
        let own = self.suite.checks.iter().zip(&exchanges.checks).filter(|(check, _)| check.part == number);
        let checks = join_all(own.map(async |(check, exchanges)| {
            let result = match &prepared {
                Ok(prepared) => self.check(tenant, check, exchanges.start, prepared).await,
                Err(why) => skipped(check, why.clone()),
            };
            done();
            result
        }))
        .await;
        let setup = match set_up {
            Some(set_up) => Some(self.tear_down(tenant, part, set_up).await),
            None => None,
        };
        (setup, checks)
    }

    /// Runs one check, whose first step has the number `first` in a recording.
    pub(super) async fn check(
        &self,
        tenant: &Tenant,
        check: &Check,
        first: usize,
        prepared: &Prepared,
    ) -> CheckResult {
        let begun = clock::instant();
        let times = if self.pace == Pace::Full { check.repeat.times } else { 1 };
        let repeat = if self.pace == Pace::Full { check.repeat } else { Repeat { times: 1, pass: 1 } };
        let mut samples: Vec<(u32, Sample)> = iter(0..times)
            .map(async |number| (number, self.sample(tenant, check, first, prepared, number).await))
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

    async fn sample(
        &self,
        tenant: &Tenant,
        check: &Check,
        first: usize,
        prepared: &Prepared,
        number: u32,
    ) -> Sample {
        let mut memory = self.memory(tenant, check.part, &check.name, number);
        memory.variables.extend(prepared.captured.clone());
        memory.cookies = check.cookies.then(|| prepared.cookies.clone());
        let cleans = !check.cleanup.is_empty();
        let (steps, unnamed) = match &check.program {
            Some(program) => (vec![self.program(tenant, check, program, &memory).await], Unnamed::new()),
            None => self.walk(tenant, check.steps.iter(), cleans, first, &mut memory).await,
        };
        let setup = self.suite.parts.get(check.part).into_iter().flat_map(|part| &part.setup);
        let shared = setup.into_iter().any(|setup| !setup.cleanup.is_empty());
        let within = if shared { CLEANUP - SETUP_CLEANUP } else { CLEANUP };
        let litter =
            Litter { of: &check.name, steps: check.cleanup.iter().collect(), unnamed: &unnamed, within };
        let cleanup = self.cleanup(tenant, litter, &memory).await;
        Sample { outcome: judge::sample(&steps), steps, cleanup }
    }

    /// Takes steps in order, up to the first that does not pass; `cleans`: what they capture is needed to clean up after
    /// them.
    pub(super) async fn walk<'s>(
        &self,
        tenant: &Tenant,
        steps: impl Iterator<Item = &'s Step>,
        cleans: bool,
        first: usize,
        memory: &mut Memory,
    ) -> (Vec<StepResult>, Unnamed) {
        let mut results = Vec::new();
        let mut unnamed = Unnamed::new();
        for (at, step) in steps.enumerate() {
            let lingers = !step.captures.is_empty() && cleans;
            let haste = if lingers { Haste::Linger } else { Haste::Drop };
            let place = Place { tenant, step, exchange: first + at, haste, proof: None };
            let taken = self.step(place, memory).await;
            if taken.may_be_done && step.writes() {
                let names = step.captures.iter().map(|capture| &capture.name);
                let lost = names.filter(|name| !memory.variables.contains_key(*name));
                let why = format!("{}: {}", taken.result.request, described(&taken.result));
                unnamed.extend(lost.map(|name| (name.clone(), why.clone())));
            }
            let goes_on = taken.result.outcome.is_pass();
            results.push(taken.result);
            if !goes_on {
                break;
            }
        }
        (results, unnamed)
    }
}

fn skipped(check: &Check, why: String) -> CheckResult {
    CheckResult {
        name: check.name.clone(),
        why: check.why.clone(),
        line: check.line,
        part: check.part,
        outcome: Outcome::Inconclusive,
        flaky: check.flaky,
        elapsed_ms: 0,
        repeat: check.repeat,
        samples: Vec::new(),
        skipped: Some(why),
    }
}
