//! How long the steps with `until` waited, where they had to.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::base::duration;
use crate::model::check::{CheckResult, StepResult, TenantResult};
use crate::tool::canary_smoke::RunOutcome;

/// One line for each step that waited: the longest of all tenants and samples.
pub(super) fn waits(run: &RunOutcome) -> Vec<String> {
    let mut longest: BTreeMap<(usize, usize), (u64, String)> = BTreeMap::new();
    for tenant in &run.tenants {
        for check in tenant.results() {
            let steps = check.samples.iter().flat_map(|sample| &sample.steps);
            for step in steps.filter(|step| step.attempts > 1) {
                let Some(waited) = step.waited_ms else { continue };
                let place = (check.part, step.line);
                if longest.get(&place).is_none_or(|(known, _)| *known < waited) {
                    longest.insert(place, (waited, line(run, tenant, check, step, waited)));
                }
            }
        }
    }
    longest.into_values().map(|(_, line)| line).collect()
}

fn line(run: &RunOutcome, tenant: &TenantResult, check: &CheckResult, step: &StepResult, ms: u64) -> String {
    let waited = duration::show(Duration::from_millis(ms));
    let what = step.name.as_ref().map(|name| format!(", {name}")).unwrap_or_default();
    let place = format!("{}:{}", run.suite.of_part(check.part), step.line);
    format!(
        "waited up to {waited} for {}{what} ({} attempts on {}) {place}",
        check.name, step.attempts, tenant.name
    )
}
