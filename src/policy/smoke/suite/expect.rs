//! Expectations: status, headers, body, JSONPaths, time.

use std::time::Duration;

use toml::de::DeValue;

use super::expectation::{
    Assertion, Expect, JsonType, Order, Part, Pattern, Predicate, Status, Subject, Wanted,
};
use super::json_path::Path;
use super::scope::Scope;
use crate::base::diagnostic::Diagnostic;
use crate::base::duration;
use crate::base::list::NonEmpty;
use crate::policy::toml::fields::{Fields, Placed, Word};
use crate::policy::toml::value::{number, whole};

/// Reads the `expect` of a step whose attempts end after `timeout`.
pub(super) fn read(fields: &Fields<'_>, scope: &Scope<'_>, timeout: Duration) -> Result<Expect, Diagnostic> {
    let expect = fields.table("expect").ok_or_else(|| fields.missing("expect"))?;
    let status = expect.get("status").ok_or_else(|| expect.missing("status"))?;
    let status = NonEmpty::from_vec(statuses(&expect, status)?).ok_or_else(|| expect.missing("status"))?;
    let assertions = assertions(&expect, scope);
    let within = within(&expect, timeout)?;
    Ok(Expect { status, within, assertions, everywhere: Vec::new() })
}

/// Reads the parts of an answer that something is expected of, in the order of the file. Mistakes are kept.
pub(super) fn assertions(expect: &Fields<'_>, scope: &Scope<'_>) -> Vec<Assertion> {
    let mut assertions = Vec::new();
    for (name, value) in expect.map("header") {
        let subject = Subject::Header(name.get_ref().to_ascii_lowercase());
        assertions.extend(expect.keep(assertion(expect, scope, subject, value)));
    }
    if let Some(value) = expect.get("body") {
        assertions.extend(expect.keep(assertion(expect, scope, Subject::Body, value)));
    }
    for (text, value) in expect.map("json") {
        let Some(path) = expect.keep(path(expect, &text)) else { continue };
        assertions.extend(expect.keep(assertion(expect, scope, Subject::Json(path), value)));
    }
    assertions
}

/// Reads the time in which an answer must come, where attempts end after `timeout`.
pub(super) fn within(expect: &Fields<'_>, timeout: Duration) -> Result<Option<Duration>, Diagnostic> {
    let Some(within) = expect.duration("within") else { return Ok(None) };
    if within > timeout {
        let place = expect.place("within");
        let message = format!("this can never fail: an attempt ends after {}", duration::show(timeout));
        let hint = format!("raise `timeout` above {}", duration::show(within));
        return Err(expect.mistake(place, message, hint));
    }
    Ok(Some(within))
}

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

fn statuses(fields: &Fields<'_>, value: &Placed<'_>) -> Result<Vec<Status>, Diagnostic> {
    if let DeValue::Array(list) = value.get_ref() {
        let statuses = list.iter().map(|item| statuses(fields, item)).collect::<Result<Vec<_>, _>>()?;
        return Ok(statuses.concat());
    }
    let code = || whole(value).and_then(|code| u16::try_from(code).ok()).map(Status::Code);
    let status = value.get_ref().as_str().and_then(class).map(Status::Class).or_else(code);
    Ok(vec![status.ok_or_else(|| fields.unlike(value, "a status"))?])
}

/// The first digit of a class such as `2xx`.
fn class(text: &str) -> Option<u16> {
    let digit = text.strip_suffix("xx")?.parse().ok()?;
    (1..=5).contains(&digit).then_some(digit)
}

fn assertion<'a>(
    fields: &Fields<'a>,
    scope: &Scope<'_>,
    subject: Subject,
    value: &'a Placed<'a>,
) -> Result<Assertion, Diagnostic> {
    let Some(words) = fields.as_table(value) else {
        return Ok(Assertion {
            subject,
            predicates: vec![Predicate::Equals(Wanted::Yes, scope.json(value)?)],
        });
    };
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
    value: &Placed<'_>,
) -> Result<Predicate, Diagnostic> {
    let text = || value.get_ref().as_str().ok_or_else(|| fields.unlike(value, "text"));
    let template = || scope.parse(text()?, value.span());
    let number = || number(value).ok_or_else(|| fields.unlike(value, "a number"));
    let whole = || whole(value).ok_or_else(|| fields.unlike(value, "a whole number from 0 on"));
    Ok(match *key.get_ref() {
        "equals" => Predicate::Equals(Wanted::Yes, scope.json(value)?),
        "not_equals" => Predicate::Equals(Wanted::No, scope.json(value)?),
        "type" => {
            let named = JsonType::named(text()?);
            Predicate::Type(named.ok_or_else(|| fields.unlike(value, "a JSON type"))?)
        }
        "min_len" => Predicate::MinLen(whole()?),
        "max_len" => Predicate::MaxLen(whole()?),
        "contains" => Predicate::Contains(Wanted::Yes, scope.json(value)?),
        "not_contains" => Predicate::Contains(Wanted::No, scope.json(value)?),
        "starts_with" => Predicate::Affix(Part::Start, template()?),
        "ends_with" => Predicate::Affix(Part::End, template()?),
        "matches" => Predicate::Matches(Wanted::Yes, pattern(fields, value, template()?)?),
        "not_matches" => Predicate::Matches(Wanted::No, pattern(fields, value, template()?)?),
        "gt" => Predicate::Compare(Order::Greater, number()?),
        "ge" => Predicate::Compare(Order::AtLeast, number()?),
        "lt" => Predicate::Compare(Order::Less, number()?),
        "le" => Predicate::Compare(Order::AtMost, number()?),
        "one_of" => {
            let list = value.get_ref().as_array().ok_or_else(|| fields.unlike(value, "a list"))?;
            Predicate::OneOf(list.iter().map(|item| scope.json(item)).collect::<Result<_, _>>()?)
        }
        "exists" => match value.get_ref().as_bool() {
            Some(true) => Predicate::Exists(Wanted::Yes),
            Some(false) => Predicate::Exists(Wanted::No),
            None => return Err(fields.unlike(value, "`true` or `false`")),
        },
        word => return Err(fields.mistake(key.span(), format!("unknown predicate `{word}`"), "")),
    })
}

fn pattern(
    fields: &Fields<'_>,
    value: &Placed<'_>,
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
