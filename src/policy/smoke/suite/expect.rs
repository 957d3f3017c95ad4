//! Expectations: status, headers, body, JSONPaths, time.

use std::time::Duration;

use toml::Spanned;
use toml::de::DeValue;

use super::expectation::{
    Assertion, Expect, JsonType, Order, Part, Pattern, Predicate, Status, Subject, Wanted,
};
use super::fields::{Fields, Word, word};
use super::json_path::Path;
use super::scope::{Scope, scalar};
use super::shape::{class, whole};
use crate::base::diagnostic::Diagnostic;
use crate::base::duration;
use crate::base::list::NonEmpty;

/// Reads the `expect` of a step whose attempts end after `timeout`.
pub(super) fn read(fields: &Fields<'_>, scope: &Scope<'_>, timeout: Duration) -> Result<Expect, Diagnostic> {
    let missing = |place| fields.mistake(place, "`expect.status` is missing", "write `expect.status = 200`");
    let Some(expect) = fields.table("expect") else { return Err(missing(fields.span.clone())) };
    let statuses = expect.get("status").map(statuses).unwrap_or_default();
    let Some(status) = NonEmpty::from_vec(statuses) else { return Err(missing(expect.span.clone())) };
    let assertions = assertions(&expect, scope)?;
    let within = within(&expect, timeout)?;
    Ok(Expect { status, within, assertions, everywhere: Vec::new() })
}

/// Reads the parts of an answer that something is expected of, in the order of the file.
pub(super) fn assertions(expect: &Fields<'_>, scope: &Scope<'_>) -> Result<Vec<Assertion>, Diagnostic> {
    let mut assertions = Vec::new();
    for (name, value) in expect.map("header") {
        let subject = Subject::Header(name.get_ref().to_ascii_lowercase());
        assertions.push(assertion(expect, scope, subject, value)?);
    }
    if let Some(value) = expect.get("body") {
        assertions.push(assertion(expect, scope, Subject::Body, value)?);
    }
    for (text, value) in expect.map("json") {
        let subject = Subject::Json(path(expect, &text)?);
        assertions.push(assertion(expect, scope, subject, value)?);
    }
    Ok(assertions)
}

/// Reads the time in which an answer must come, where attempts end after `timeout`.
pub(super) fn within(expect: &Fields<'_>, timeout: Duration) -> Result<Option<Duration>, Diagnostic> {
    let Some(within) = expect.span("within") else { return Ok(None) };
    if within > timeout {
        let place = expect.place("within");
        let message = format!("this can never fail: an attempt ends after {}", duration::show(timeout));
        let hint = format!("raise `timeout` above {}", duration::show(within));
        return Err(expect.mistake(place, message, hint));
    }
    Ok(Some(within))
}

/// Reads a JSONPath.
pub(super) fn path(fields: &Fields<'_>, text: &Word<'_>) -> Result<Path, Diagnostic> {
    if text.get_ref().contains("{{") {
        let hint = "compare the value instead, as in `\"$[*].id\" = { contains = \"{{ id }}\" }`";
        return Err(fields.mistake(text.span(), "a JSONPath takes no placeholder", hint));
    }
    Path::parse(text.get_ref()).map_err(|error| {
        let hint = match suggestion(text.get_ref()) {
            Some(path) => format!("did you mean `{path}`?"),
            None => "see RFC 9535, for example `$.items[*].id`".to_owned(),
        };
        fields.mistake(from(text, error.position), "this JSONPath does not parse from here on", hint)
    })
}

/// The part of a quoted text that begins at its byte `at`, at least one character long; all of it where escapes make
/// the text in the file another one than the text that it means.
fn from(text: &Word<'_>, at: usize) -> std::ops::Range<usize> {
    let whole = text.span();
    if whole.len() != text.get_ref().len() + 2 {
        return whole;
    }
    (whole.start + 1 + at.min(text.get_ref().len().saturating_sub(1)))..whole.end - 1
}

/// The longest beginning that is a path, or the text with the `$` that was forgotten.
fn suggestion(text: &str) -> Option<String> {
    let rooted = [format!("${text}"), format!("$.{text}")];
    if !text.starts_with('$') {
        return rooted.into_iter().find(|path| Path::parse(path).is_ok());
    }
    (2..text.len())
        .rev()
        .filter_map(|end| text.get(..end))
        .find(|head| Path::parse(head).is_ok())
        .map(str::to_owned)
}

fn statuses(value: &Spanned<DeValue<'_>>) -> Vec<Status> {
    match value.get_ref() {
        DeValue::Array(list) => list.iter().flat_map(statuses).collect(),
        DeValue::String(text) => class(text).map(Status::Class).into_iter().collect(),
        _ => whole(value).and_then(|code| u16::try_from(code).ok()).map(Status::Code).into_iter().collect(),
    }
}

fn assertion(
    fields: &Fields<'_>,
    scope: &Scope<'_>,
    subject: Subject,
    value: &Spanned<DeValue<'_>>,
) -> Result<Assertion, Diagnostic> {
    let DeValue::Table(table) = value.get_ref() else {
        return Ok(Assertion {
            subject,
            predicates: vec![Predicate::Equals(Wanted::Yes, scope.json(value)?)],
        });
    };
    let words = Fields::new(fields.file, table, value.span());
    let mut predicates = Vec::new();
    for (key, value) in words.entries() {
        predicates.push(predicate(&words, scope, &key, value)?);
    }
    let absent = |p: &Predicate| matches!(p, Predicate::Exists(Wanted::No));
    if predicates.iter().any(absent) && predicates.len() > 1 {
        let message = "what is not there can have no other property";
        return Err(words.mistake(value.span(), message, "leave only `exists = false`, or take it out"));
    }
    Ok(Assertion { subject, predicates })
}

fn predicate(
    fields: &Fields<'_>,
    scope: &Scope<'_>,
    key: &Word<'_>,
    value: &Spanned<DeValue<'_>>,
) -> Result<Predicate, Diagnostic> {
    let template = || scope.parse(value.get_ref().as_str().unwrap_or_default(), value.span());
    let number = || match scalar(value) {
        serde_json::Value::Number(number) => number,
        _ => 0.into(),
    };
    Ok(match *key.get_ref() {
        "equals" => Predicate::Equals(Wanted::Yes, scope.json(value)?),
        "not_equals" => Predicate::Equals(Wanted::No, scope.json(value)?),
        "type" => Predicate::Type(
            word(value).and_then(|name| JsonType::named(name.get_ref())).unwrap_or(JsonType::Null),
        ),
        "min_len" => Predicate::MinLen(whole(value).unwrap_or_default()),
        "max_len" => Predicate::MaxLen(whole(value).unwrap_or_default()),
        "contains" => Predicate::Contains(Wanted::Yes, scope.json(value)?),
        "not_contains" => Predicate::Contains(Wanted::No, scope.json(value)?),
        "starts_with" => Predicate::Affix(Part::Start, template()?),
        "ends_with" => Predicate::Affix(Part::End, template()?),
        "matches" => Predicate::Matches(Wanted::Yes, pattern(fields, value, template()?)?),
        "not_matches" => Predicate::Matches(Wanted::No, pattern(fields, value, template()?)?),
        "gt" => Predicate::Compare(Order::Greater, number()),
        "ge" => Predicate::Compare(Order::AtLeast, number()),
        "lt" => Predicate::Compare(Order::Less, number()),
        "le" => Predicate::Compare(Order::AtMost, number()),
        "one_of" => {
            let list = value.get_ref().as_array().into_iter().flat_map(|list| list.iter());
            Predicate::OneOf(list.map(|item| scope.json(item)).collect::<Result<_, _>>()?)
        }
        "exists" => {
            Predicate::Exists(if value.get_ref().as_bool() == Some(false) { Wanted::No } else { Wanted::Yes })
        }
        word => return Err(fields.mistake(key.span(), format!("unknown predicate `{word}`"), "")),
    })
}

fn pattern(
    fields: &Fields<'_>,
    value: &Spanned<DeValue<'_>>,
    template: super::template::Template,
) -> Result<Pattern, Diagnostic> {
    Pattern::new(template).map_err(|problem| {
        let message = format!("this regular expression does not compile: {problem}");
        fields.mistake(
            value.span(),
            message,
            "write it in single quotes, so that TOML leaves its backslashes alone",
        )
    })
}
