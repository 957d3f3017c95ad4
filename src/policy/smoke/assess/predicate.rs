//! One predicate and one value. A value that is not there satisfies nothing but `exists = false`, and a value of the
//! wrong type satisfies no predicate that is about another one, negated or not.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::sha::begins_with_build;
use crate::policy::smoke::suite::expectation::{JsonType, Order, Part, Predicate, Wanted};
use crate::policy::smoke::suite::template::{Encoding, JsonTemplate, Unfit, Variables};

/// What was expected, if `found` is not so. `many`: the value is a list of whatever a path found.
pub(super) fn failure(
    predicate: &Predicate,
    found: Option<&Value>,
    many: bool,
    variables: &Variables,
) -> Option<String> {
    if let Predicate::Exists(wanted) = predicate {
        let there = found.is_some_and(|value| !many || !value.as_array().is_some_and(Vec::is_empty));
        return match (wanted, there) {
            (Wanted::Yes, true) | (Wanted::No, false) => None,
            (Wanted::Yes, false) => Some("something".to_owned()),
            (Wanted::No, true) => Some("nothing".to_owned()),
        };
    }
    match judged(predicate, found, variables) {
        Ok((true, _)) => None,
        Ok((false, expected)) => Some(expected),
        Err(unfit) => Some(format!("a value to compare with, but {unfit}")),
    }
}

/// A text, or each of several, as the number that it is.
///
/// # Errors
/// What is none.
pub(super) fn as_number(found: &Value) -> Result<Value, Value> {
    match found {
        Value::String(text) => text.trim().parse::<Number>().map(Value::Number).map_err(|_| found.clone()),
        Value::Array(items) => items.iter().map(as_number).collect::<Result<_, _>>().map(Value::Array),
        _ => Err(found.clone()),
    }
}

/// Whether it holds, and in words what was expected.
fn judged(
    predicate: &Predicate,
    found: Option<&Value>,
    variables: &Variables,
) -> Result<(bool, String), Unfit> {
    let text = found.and_then(Value::as_str);
    Ok(match predicate {
        Predicate::Equals(wanted, template) => {
            let value = template.render(variables)?;
            let same = |found: &Value| match found.as_str().filter(|_| template.single() == Some("sha")) {
                // A tenant may shorten the name of its build, as git does.
                Some(text) if text.bytes().all(|b| b.is_ascii_hexdigit()) => {
                    value.as_str().is_some_and(|sha| text.len() <= sha.len() && begins_with_build(text, sha))
                }
                _ => same(found, &value),
            };
            let holds = found.is_some_and(|found| same(found) == (*wanted == Wanted::Yes));
            (holds, format!("{}{value}", if *wanted == Wanted::Yes { "" } else { "not " }))
        }
        Predicate::Type(wanted) => {
            (found.is_some_and(|found| is(found, *wanted)), format!("type {}", type_name(*wanted)))
        }
        Predicate::MinLen(least) => {
            (found.and_then(length).is_some_and(|n| n >= *least as usize), format!("length {least} or more"))
        }
        Predicate::MaxLen(most) => {
            (found.and_then(length).is_some_and(|n| n <= *most as usize), format!("length {most} or less"))
        }
        Predicate::Contains(wanted, template) => contains(*wanted, template, found, variables)?,
        Predicate::Affix(part, template) => {
            let affix = template.render(variables, Encoding::Plain)?;
            let holds = text.is_some_and(|text| match part {
                Part::Start if template.single() == Some("sha") => begins_with_build(text, &affix),
                Part::Start => text.starts_with(&affix),
                Part::End => text.ends_with(&affix),
            });
            let words = if *part == Part::Start { "starts with" } else { "ends with" };
            (holds, format!("{words} {}", Value::from(affix)))
        }
        Predicate::Matches(wanted, pattern) => {
            let regex = pattern.regex(variables)?;
            let holds = text.is_some_and(|text| regex.is_match(text) == (*wanted == Wanted::Yes));
            let words = if *wanted == Wanted::Yes { "matches" } else { "does not match" };
            (holds, format!("{words} {regex}"))
        }
        Predicate::Compare(order, limit) => ordered(*order, limit, found),
        Predicate::OneOf(templates) => {
            let values = templates.iter().map(|t| t.render(variables)).collect::<Result<Vec<_>, _>>()?;
            let holds = found.is_some_and(|found| values.iter().any(|value| same(found, value)));
            (holds, format!("one of {}", Value::from(values)))
        }
        Predicate::Exists(_) => (false, "something".to_owned()),
    })
}

fn ordered(order: Order, limit: &Number, found: Option<&Value>) -> (bool, String) {
    let ordering = found.and_then(Value::as_number).and_then(|number| compare(number, limit));
    let (sign, holds) = match order {
        Order::Greater => (">", ordering == Some(Ordering::Greater)),
        Order::AtLeast => (">=", matches!(ordering, Some(Ordering::Greater | Ordering::Equal))),
        Order::Less => ("<", ordering == Some(Ordering::Less)),
        Order::AtMost => ("<=", matches!(ordering, Some(Ordering::Less | Ordering::Equal))),
    };
    (holds, format!("{sign} {limit}"))
}

fn contains(
    wanted: Wanted,
    template: &JsonTemplate,
    found: Option<&Value>,
    variables: &Variables,
) -> Result<(bool, String), Unfit> {
    let value = template.render(variables)?;
    let inside = match (found, &value) {
        (Some(Value::String(text)), Value::String(part)) => Some(text.contains(part.as_str())),
        (Some(Value::Array(list)), value) => Some(list.iter().any(|member| same(member, value))),
        _ => None,
    };
    let words = if wanted == Wanted::Yes { "contains" } else { "does not contain" };
    Ok((inside == Some(wanted == Wanted::Yes), format!("{words} {value}")))
}

/// Equality of JSON values; numbers are equal as numbers, so that `1` is `1.0`.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => compare(a, b) == Some(Ordering::Equal),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

fn compare(a: &Number, b: &Number) -> Option<Ordering> {
    let whole = |n: &Number| n.as_i64().map(i128::from).or_else(|| n.as_u64().map(i128::from));
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
    }
}

fn length(value: &Value) -> Option<usize> {
    match value {
        Value::String(text) => Some(text.chars().count()),
        Value::Array(list) => Some(list.len()),
        Value::Object(object) => Some(object.len()),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

fn is(value: &Value, wanted: JsonType) -> bool {
    match wanted {
        JsonType::Object => value.is_object(),
        JsonType::Array => value.is_array(),
        JsonType::String => value.is_string(),
        JsonType::Number => value.is_number(),
        JsonType::Integer => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        JsonType::Boolean => value.is_boolean(),
        JsonType::Null => value.is_null(),
    }
}

fn type_name(wanted: JsonType) -> &'static str {
    match wanted {
        JsonType::Object => "object",
        JsonType::Array => "array",
        JsonType::String => "string",
        JsonType::Number => "number",
        JsonType::Integer => "integer",
        JsonType::Boolean => "boolean",
        JsonType::Null => "null",
    }
}
