//! The verdict document: what `promote-latest --evidence` reads, and everything that was seen. No token is in it; the
//! names and URLs of tenants are.

use serde_json::{Map, Value, json};

use crate::model::check::{Build, CheckResult, Outcome, Sample, StepResult, TenantResult};
use crate::policy::smoke::judge::{self, tally};
use crate::tool::canary_smoke::RunOutcome;

pub(super) fn fields(run: &RunOutcome) -> Map<String, Value> {
    let counts = tally(run.tenants.iter().flat_map(|tenant| &tenant.checks));
    let body_files: Map<String, Value> =
        run.suite.body_files.iter().map(|(name, sha256)| (name.clone(), json!(sha256))).collect();
    let images = run.release.as_ref().map(|release| release.images.as_slice()).unwrap_or_default();
    let document = json!({
        "sha": run.sha,
        "images": images,
        "digests": images.iter().map(|i| (i.repository.to_string(), json!(i.digest))).collect::<Map<_, _>>(),
        "proves_build": run.ready.is_some() && run.tenants.iter().all(|t| t.build == Build::Served),
        "suite": { "file": run.suite.file, "sha256": run.suite.sha256, "body_files": body_files },
        "started": run.started,
        "finished": run.finished,
        "run": run.run,
        "counts": {
            "tenants": run.tenants.len(),
            "checks": run.checks,
            "passed": counts.passed,
            "flaky": counts.flaky,
            "failed": counts.failed,
            "inconclusive": counts.inconclusive,
        },
        "tenants": run.tenants.iter().map(|t| tenant(t, run.full)).collect::<Vec<_>>(),
    });
    let mut fields = match document {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    if run.part_of.is_some() {
        fields.insert("partial".to_owned(), json!(true));
    }
    if run.suite.files.len() > 1 {
        let files = run.suite.files.iter().map(|(file, sha256)| json!({ "file": file, "sha256": sha256 }));
        fields["suite"]["files"] = files.collect();
    }
    fields
}

fn tenant(tenant: &TenantResult, full: bool) -> Value {
    let mut document = json!({
        "name": tenant.name,
        "url": tenant.url,
        "outcome": judge::tenant(tenant),
        "build": tenant.build,
        "places": tenant.places,
        "checks": tenant.checks.iter().map(|check| self::check(check, full)).collect::<Vec<_>>(),
    });
    if let (false, Value::Object(fields)) = (tenant.setup.is_empty(), &mut document) {
        fields.insert("setup".to_owned(), json!(tenant.setup));
    }
    document
}

/// A check with all its steps; of one of which nothing is to be told but that it passed, only that.
fn check(check: &CheckResult, full: bool) -> Value {
    let step = |step: &StepResult| step.outcome == Outcome::Passed && step.attempts <= 1 && !step.reconnected;
    let plain = |sample: &Sample| sample.steps.iter().chain(&sample.cleanup).all(step);
    if full || check.outcome != Outcome::Passed || !check.samples.iter().all(plain) {
        return json!(check);
    }
    json!({ "name": check.name, "outcome": check.outcome, "elapsed_ms": check.elapsed_ms })
}
