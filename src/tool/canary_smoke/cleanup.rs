//! Takes away what the steps made: whatever happened before, and within a bound of its own.

use std::cell::RefCell;

use super::session::{Haste, Pace, Place, Session};
use crate::io::clock;
use crate::model::check::{Outcome, StepResult};
use crate::model::tenant::Tenant;
use crate::policy::smoke::suite::template::Variables;
use crate::policy::smoke::suite::worst_case::CLEANUP;
use crate::policy::smoke::suite::{Body, Check, Step};

impl Session<'_> {
    /// Runs the cleanup of `check`, but for requests that need what was not captured. A failure is reported and
    /// changes no verdict.
    pub(super) async fn cleanup(
        &self,
        tenant: &Tenant,
        check: &Check,
        variables: &Variables,
    ) -> Vec<StepResult> {
        if self.pace == Pace::Replay {
            return Vec::new();
        }
        let results = RefCell::new(Vec::new());
        let all = async {
            for step in check.cleanup.iter().filter(|step| is_needed(step, variables)) {
                let place = Place { tenant, step, exchange: usize::MAX, haste: Haste::Finish };
                let result = self.step(place, &mut variables.clone()).await;
                results.borrow_mut().push(result);
            }
        };
        tokio::select! {
            biased;
            () = all => {}
            () = clock::sleep(CLEANUP) => {}
        }
        let mut results = results.into_inner();
        let due = check.cleanup.iter().filter(|step| is_needed(step, variables));
        for step in due.skip(results.len()) {
            let mut late = super::step::blank(step);
            late.trouble =
                Some(format!("cleaning up took longer than {}", crate::base::duration::show(CLEANUP)));
            results.push(late);
        }
        for result in results.iter().filter(|result| result.outcome != Outcome::Passed) {
            let why = super::step::described(result);
            self.context.console.warn(&format!(
                "{}: `{}` may have left something behind: {}: {why}",
                tenant.name, check.name, result.request
            ));
        }
        results
    }
}

fn is_needed(step: &Step, variables: &Variables) -> bool {
    let target = step.request.target.names().all(|name| variables.contains_key(name));
    let body = match &step.request.body {
        Some(Body::Json(template)) => template.render(variables).is_ok(),
        Some(Body::Text(template)) => template.names().all(|name| variables.contains_key(name)),
        Some(Body::Form(fields)) => {
            fields.iter().flat_map(|(_, t)| t.names()).all(|name| variables.contains_key(name))
        }
        None => true,
    };
    target && body
}
