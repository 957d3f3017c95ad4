//! Takes away what the steps made: whatever happened before, and within a bound of its own.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use super::memory::Memory;
use super::session::{Haste, Pace, Place, Session};
use super::step::{blank, described};
use crate::base::duration;
use crate::io::clock;
use crate::model::check::{Outcome, StepResult};
use crate::model::tenant::Tenant;
use crate::policy::smoke::suite::Step;
use crate::policy::smoke::suite::template::Variables;

/// What steps may have left behind.
pub(super) struct Litter<'a> {
    /// The check, or the setup.
    pub(super) of: &'a str,
    /// What takes it away.
    pub(super) steps: Vec<&'a Step>,
    pub(super) unnamed: &'a Unnamed,
    /// The bound on all of it.
    pub(super) within: Duration,
}

/// Names that a step should have captured from the answer to a write that may be done, and what became of the step.
pub(super) type Unnamed = BTreeMap<String, String>;

impl Session<'_> {
    /// Cleans up, but for requests that need what was not captured. If that is among the `unnamed`, the result says what may
    /// still be there. A failure is reported and changes no verdict.
    pub(super) async fn cleanup(
        &self,
        tenant: &Tenant,
        litter: Litter<'_>,
        memory: &Memory,
    ) -> Vec<StepResult> {
        let variables = &memory.variables;
        if self.pace == Pace::Replay {
            return Vec::new();
        }
        let (due, left_out): (Vec<&Step>, Vec<&Step>) =
            litter.steps.iter().partition(|step| missing(step, variables).is_empty());
        let results = RefCell::new(Vec::new());
        let mut memory = memory.clone();
        let all = async {
            for step in &due {
                let place = Place { tenant, step, exchange: usize::MAX, haste: Haste::Finish, proof: None };
                let taken = self.step(place, &mut memory).await;
                results.borrow_mut().push(taken.result);
            }
        };
        tokio::select! {
            biased;
            () = all => {}
            () = clock::sleep(litter.within) => {}
        }
        let mut results = results.into_inner();
        for step in &due[results.len()..] {
            let why = format!("cleaning up took longer than {}", duration::show(litter.within));
            results.push(not_done(step, why));
        }
        for step in left_out {
            let lost =
                missing(step, variables).into_iter().find_map(|name| Some((litter.unnamed.get(name)?, name)));
            if let Some((what, name)) = lost {
                let why = format!("not sent, as `{name}` was not captured; the tenant may have done {what}");
                results.push(not_done(step, why));
            }
        }
        for result in results.iter().filter(|result| result.outcome != Outcome::Passed) {
            let why = described(result);
            self.context.console.warn(&format!(
                "{}: `{}` may have left something behind: {}: {why}",
                tenant.name, litter.of, result.request
            ));
        }
        results
    }
}

fn not_done(step: &Step, why: String) -> StepResult {
    let mut result = blank(step);
    result.trouble = Some(why);
    result
}

/// The names that the request needs and that were not captured.
fn missing<'s>(step: &'s Step, variables: &Variables) -> Vec<&'s str> {
    let mut names = step.request.names();
    names.retain(|name| !variables.contains_key(*name));
    names
}
