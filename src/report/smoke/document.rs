//! The verdict document: what `promote-latest --evidence` reads, and everything that was seen. No token is in it; the
//! names and URLs of tenants are.

use serde_json::{Map, Value, json};

use crate::model::check::{Build, TenantResult};
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
        "proves_build": run.ready_line.is_some() && run.tenants.iter().all(|t| t.build == Build::Served),
        "suite": { "file": run.suite.file, "sha256": run.suite.sha256, "body_files": body_files },
        "superseded_by": run.superseded_by(),
        "serves": judge::instead(&run.tenants, &run.sha),
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
        "tenants": run.tenants.iter().map(tenant).collect::<Vec<_>>(),
    });
    match document {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

fn tenant(tenant: &TenantResult) -> Value {
    json!({
        "name": tenant.name,
        "url": tenant.url,
        "outcome": judge::tenant(tenant),
        "build": tenant.build,
        "places": tenant.places,
        "checks": tenant.checks,
    })
}
