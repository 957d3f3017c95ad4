//! What sources answer with, in types.

use serde_json::{Map, Value};

use crate::base::text;
use crate::model::measurement::Counts;

/// What a source said to one question.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Samples, and the good ones among them.
    Counts(Counts),
    /// The same for each side of a comparison.
    Arms {
        /// The release under judgement.
        canary: Counts,
        /// What runs beside it.
        stable: Counts,
    },
    /// Requests that were surely fast enough, and those that may have been.
    Buckets {
        /// By the highest bucket that does not reach over the limit.
        surely: Counts,
        /// By the lowest bucket that reaches it.
        perhaps: Counts,
    },
    /// One number; always finite.
    Number(f64),
}

/// Why there is no answer. It is never a breach.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The source answered, and there was nothing in it.
    #[error("{0}")]
    NoData(String),
    /// The source could not be asked, or what it said cannot be read.
    #[error("{0}")]
    Failed(String),
    /// The source shows no sign of life.
    #[error("{0}")]
    Dead(String),
}

impl Failure {
    /// A failure to do `what`.
    pub(super) fn of(what: &str, found: impl std::fmt::Display) -> Self {
        Self::Failed(format!("failed to {what}: {}", text::told(&found)))
    }
}

/// Reads `{"good": 1, "total": 2}`, `{"bad": 1, "total": 2}`, `{"canary": {...}, "stable": {...}}`, a single number, or an
/// object with nothing but a number.
pub(super) fn read(document: &Value) -> Result<Answer, Failure> {
    match document {
        Value::Object(fields) if fields.contains_key("canary") || fields.contains_key("stable") => {
            let arm = |name: &str| match fields.get(name) {
                Some(Value::Object(arm)) => counts(arm),
                Some(other) => Err(unlike(other)),
                None => Ok(Counts::default()),
            };
            Ok(Answer::Arms { canary: arm("canary")?, stable: arm("stable")? })
        }
        Value::Object(fields) if fields.contains_key("total") => counts(fields).map(Answer::Counts),
        Value::Object(fields) if fields.len() == 1 => {
            let value = fields.values().next().unwrap_or(&Value::Null);
            number(value).map(Answer::Number)
        }
        other => number(other).map(Answer::Number),
    }
}

/// `good` or `bad`, and `total`.
pub(super) fn counts(fields: &Map<String, Value>) -> Result<Counts, Failure> {
    let count = |name: &str| fields.get(name).map(whole).transpose();
    let total = count("total")?.ok_or_else(|| Failure::Failed("the answer has no `total`".to_owned()))?;
    let counts = match (count("good")?, count("bad")?) {
        (Some(good), None) => Counts::of_good(good, total),
        (None, Some(bad)) => Counts::of_bad(bad, total),
        (Some(_), Some(_)) => return Err(Failure::Failed("the answer has both `good` and `bad`".to_owned())),
        (None, None) => return Err(Failure::Failed("the answer has neither `good` nor `bad`".to_owned())),
    };
    counts
        .ok_or_else(|| Failure::Failed("the answer counts more good or bad samples than `total`".to_owned()))
}

/// A count: a whole number, also as text, as databases write large ones.
pub(super) fn whole(value: &Value) -> Result<u64, Failure> {
    let count = match value {
        Value::Number(number) => number.as_u64().or_else(|| exact(number.as_f64()?)),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null => {
            return Err(Failure::NoData("the answer holds null where a count was expected".to_owned()));
        }
        _ => None,
    };
    count.ok_or_else(|| unlike(value))
}

fn exact(number: f64) -> Option<u64> {
    ((0.0..9e15).contains(&number) && number.fract() == 0.0).then_some(number as u64)
}

/// A finite number. Null and NaN are no data.
pub(super) fn number(value: &Value) -> Result<f64, Failure> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null => return Err(Failure::NoData("the answer is null".to_owned())),
        _ => None,
    };
    match number {
        Some(number) if number.is_finite() => Ok(number),
        Some(_) => Err(Failure::NoData("the answer is not a finite number".to_owned())),
        None => Err(unlike(value)),
    }
}

fn unlike(value: &Value) -> Failure {
    let shown = text::excerpt(value.to_string().as_bytes());
    Failure::Failed(format!("expected a number or counts, found {shown}"))
}

#[cfg(test)]
mod tests {
    use super::{Answer, Failure, read};
    use crate::model::measurement::Counts;
    use serde_json::json;

    fn counts(good: u64, total: u64) -> Counts {
        Counts { good, total }
    }

    #[test]
    fn every_form_of_an_answer_is_read() {
        for (document, answer) in [
            (json!({"good": 9, "total": 10}), Answer::Counts(counts(9, 10))),
            (json!({"bad": 1, "total": 10}), Answer::Counts(counts(9, 10))),
            (json!({"good": "9", "total": 10.0}), Answer::Counts(counts(9, 10))),
            (
                json!({"canary": {"good": 1, "total": 1}, "stable": {"bad": 0, "total": 2}}),
                Answer::Arms { canary: counts(1, 1), stable: counts(2, 2) },
            ),
            (
                json!({"canary": {"good": 1, "total": 1}}),
                Answer::Arms { canary: counts(1, 1), stable: counts(0, 0) },
            ),
            (json!(0.25), Answer::Number(0.25)),
            (json!("1e3"), Answer::Number(1_000.0)),
            (json!({"count": 7}), Answer::Number(7.0)),
        ] {
            assert_eq!(read(&document), Ok(answer), "{document}");
        }
    }

    #[test]
    fn nothing_else_is_a_number() {
        for (document, no_data) in [
            (json!(null), true),
            (json!("NaN"), true),
            (json!({"count": null}), true),
            (json!({"good": null, "total": 3}), true),
            (json!({"good": 11, "total": 10}), false),
            (json!({"bad": 11, "total": 10}), false),
            (json!({"good": 1.5, "total": 10}), false),
            (json!({"good": -1, "total": 10}), false),
            (json!({"good": 1, "bad": 1, "total": 10}), false),
            (json!({"total": 10}), false),
            (json!({}), false),
            (json!([1]), false),
            (json!(true), false),
            (json!("many"), false),
        ] {
            let failure = read(&document).unwrap_err();
            assert_eq!(matches!(failure, Failure::NoData(_)), no_data, "{document}: {failure}");
        }
    }
}
