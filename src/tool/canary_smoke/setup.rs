//! The setup of one file on one tenant: before its checks, once; and what takes away what it made, after them.

use super::cleanup::{Litter, Unnamed};
use super::memory::Memory;
use super::session::{Session, millis};
use super::step::described;
use crate::io::clock;
use crate::model::check::{CheckResult, FlakyRule, Repeat, Sample};
use crate::model::tenant::Tenant;
use crate::policy::smoke::cookies::Jar;
use crate::policy::smoke::judge;
use crate::policy::smoke::suite::Part;
use crate::policy::smoke::suite::template::Variables;
use crate::policy::smoke::suite::worst_case::SETUP_CLEANUP;

/// How the setup is called where checks are named.
pub(super) const SETUP: &str = "[setup]";

/// What a setup leaves for the checks of its file.
#[derive(Clone, Default)]
pub(super) struct Prepared {
    pub(super) captured: Variables,
    pub(super) cookies: Jar,
}

/// A setup that was run.
pub(super) struct SetUp {
    pub(super) result: CheckResult,
    memory: Memory,
    unnamed: Unnamed,
}

impl SetUp {
    /// What the checks may use.
    ///
    /// # Errors
    /// It did not pass; why no check is run.
    pub(super) fn prepared(&self, part: &Part) -> Result<Prepared, String> {
        if !self.result.outcome.is_pass() {
            let step = self.result.samples.iter().flat_map(|sample| sample.steps.last()).next();
            let why = step.map(described).unwrap_or_default();
            return Err(format!("not run: the setup {}: {why}", self.result.outcome.as_str()));
        }
        let captures = part.setup.iter().flat_map(|setup| &setup.step.captures);
        let value = |name: &String| Some((name.clone(), self.memory.variables.get(name)?.clone()));
        Ok(Prepared {
            captured: captures.filter_map(|capture| value(&capture.name)).collect(),
            cookies: self.memory.cookies.clone().unwrap_or_default(),
        })
    }
}

impl Session<'_> {
    /// Runs the setup of the part number `number`, whose first step has the number `first` in a recording. `None`: the part
    /// has none.
    pub(super) async fn set_up(&self, tenant: &Tenant, number: usize, first: usize) -> Option<SetUp> {
        let part = self.suite.parts.get(number).filter(|part| !part.setup.is_empty())?;
        let begun = clock::instant();
        let mut memory = self.memory(tenant, number, SETUP, 0);
        memory.cookies = part.cookies.then(Jar::default);
        let cleans = part.setup.iter().any(|setup| !setup.cleanup.is_empty());
        let steps = part.setup.iter().map(|setup| &setup.step);
        let (steps, unnamed) = self.walk(tenant, steps, cleans, first, &mut memory).await;
        let samples = vec![Sample { outcome: judge::sample(&steps), steps, cleanup: Vec::new() }];
        let once = Repeat { times: 1, pass: 1 };
        let result = CheckResult {
            name: SETUP.to_owned(),
            why: None,
            line: part.setup.first().map_or(1, |setup| setup.step.line),
            part: number,
            outcome: judge::check(&samples, once),
            flaky: FlakyRule::Fail,
            elapsed_ms: millis(begun.elapsed()),
            repeat: once,
            samples,
            skipped: None,
        };
        Some(SetUp { result, memory, unnamed })
    }

    /// Takes away what a setup made, the last first.
    pub(super) async fn tear_down(&self, tenant: &Tenant, part: &Part, set_up: SetUp) -> CheckResult {
        let SetUp { mut result, memory, unnamed } = set_up;
        let steps = part.setup.iter().rev().flat_map(|setup| &setup.cleanup).collect();
        let litter = Litter { of: SETUP, steps, unnamed: &unnamed, within: SETUP_CLEANUP };
        let cleanup = self.cleanup(tenant, litter, &memory).await;
        result.samples.iter_mut().for_each(|sample| sample.cleanup.clone_from(&cleanup));
        result
    }
}
