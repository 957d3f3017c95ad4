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
        let credentials = step.captures.iter().filter(|capture| capture.credential);
        let values = credentials.filter_map(|capture| value_of(captured, &capture.name));
        for value in values {
            secrets(value).iter().for_each(|secret| self.hide(secret));
        }
    }

    /// What is wrong if a value is to be kept out of reports and cannot be.
    pub(super) fn unhidden(&self, step: &Step, captured: &[(String, Value)]) -> Option<Mismatch> {
        let mut marked = step.captures.iter().filter(|capture| capture.redacted && self.pace != Pace::Replay);
        marked.find_map(|capture| {
            let value = value_of(captured, &capture.name)?;
            let weakness = secrets(value).iter().find_map(Secret::weakness)?;
            Some(Mismatch {
                subject: format!("capture {}", capture.name),
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

/// The value that was captured under `name`.
pub(super) fn value_of<'v>(all: &'v [(String, Value)], name: &str) -> Option<&'v Value> {
    all.iter().find(|(known, _)| known == name).map(|(_, value)| value)
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
