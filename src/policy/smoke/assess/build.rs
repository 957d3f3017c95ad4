//! How exactly an answer names its build.

use serde_json::Value;

use super::Exhibit;
use super::sha::digits;
use crate::policy::smoke::suite::Step;
use crate::policy::smoke::suite::expectation::Subject;
use crate::policy::smoke::suite::proof::proves_build;

impl Exhibit<'_> {
    /// How many digits of the wanted sha the parts of the answer name by which `step` proves the build.
    pub fn digits(&self, step: &Step) -> Option<usize> {
        let sha = self.variables.get("sha").and_then(Value::as_str)?;
        let proofs = step.expect.assertions.iter().filter(|assertion| proves_build(assertion));
        let found = proofs.filter_map(|assertion| match &assertion.subject {
            Subject::Header(name) => self.header(name),
            Subject::Body => self.text().ok(),
            Subject::Json(path) => path.find(self.document().ok()?),
        });
        let of = |value: Value| match value.as_str() {
            Some(text) if !text.contains(sha) => digits(text, sha),
            _ => Some(sha.len()),
        };
        found.filter_map(of).max()
    }
}
