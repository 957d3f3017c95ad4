//! Captured credentials: learned before anything of their answer is quoted.

use serde_json::Value;

use super::session::{Pace, Session};
use crate::base::secret::Secret;
use crate::model::check::Mismatch;
use crate::policy::smoke::suite::Step;

impl Session<'_> {
    /// Keeps the credentials among `captured` out of everything that is told from now on.
    pub(super) fn learn(&self, step: &Step, captured: &[(String, Value)]) {
        if self.pace == Pace::Replay {
            return;
        }
        for (_, value) in captured.iter().filter(|(name, _)| step.credentials.contains(name)) {
            for secret in secrets(value).into_iter().filter(|secret| secret.weakness().is_none()) {
                if self.context.console.secrets.learn_new(&secret) {
                    self.context.console.mask(&secret);
                }
            }
        }
    }

    /// What is wrong if a value is to be kept out of reports and cannot be.
    pub(super) fn unhidden(&self, step: &Step, captured: &[(String, Value)]) -> Option<Mismatch> {
        let marked =
            captured.iter().filter(|(name, _)| step.redacted.contains(name) && self.pace != Pace::Replay);
        marked.into_iter().find_map(|(name, value)| {
            let weakness = secrets(value).iter().find_map(Secret::weakness)?;
            Some(Mismatch {
                subject: format!("capture {name}"),
                expected: "a value that can be kept out of reports".to_owned(),
                found: format!("one that {weakness}"),
            })
        })
    }
}

/// The texts in a captured value.
fn secrets(value: &Value) -> Vec<Secret> {
    match value {
        Value::String(text) => vec![Secret::new(text.as_str())],
        Value::Number(number) => vec![Secret::new(number.to_string())],
        Value::Array(items) => items.iter().flat_map(secrets).collect(),
        Value::Object(fields) => fields.values().flat_map(secrets).collect(),
        Value::Null | Value::Bool(_) => Vec::new(),
    }
}

pub(super) fn captured(all: &[(String, Value)], name: &str) -> bool {
    all.iter().any(|(known, _)| known == name)
}

/// Takes the quotation out of `mismatch`: the answer seems to hold a credential, and nobody knows where.
pub(super) fn unquoted(mismatch: &mut Mismatch, status: u16) {
    let hidden = "an answer that is not quoted, since a credential should be in it";
    if mismatch.subject == "status" {
        mismatch.found = format!("{status} with {hidden}");
    } else if mismatch.found != "nothing" {
        mismatch.found = hidden.to_owned();
    }
}
