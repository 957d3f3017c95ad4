//! Whether a file is made of the vocabulary's words, with a value of the right kind at each. What comes after may
//! rely on that.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::vocabulary::{CAPTURE, Kind, PREDICATES, Table};
use crate::base::diagnostic::{Diagnostic, nearest};
use crate::base::duration;
use crate::policy::toml::TomlFile;

/// Checks `table` and all below it. `place` is shown when a key is missing.
///
/// # Errors
/// The first unknown key, missing key, or value of a wrong kind.
pub(super) fn check_table(
    file: &TomlFile<'_>,
    table: &DeTable<'_>,
    place: Range<usize>,
    spec: &Table,
) -> Result<(), Diagnostic> {
    for (key, value) in in_order(table) {
        let Some(known) = spec.key(key.get_ref()) else {
            return Err(unknown(file, key.span(), key.get_ref(), spec));
        };
        check(file, value, known.kind)?;
    }
    for name in spec.required {
        if !table.contains_key(*name) {
            let about = spec.key(name).map_or("", |key| key.about);
            return Err(file.diagnostic(
                place,
                format!("`{name}` is missing from `{}`", spec.name),
                Some(format!("`{name}`: {about}")),
            ));
        }
    }
    check_either(file, table, place, spec)
}

/// The keys of a table in the order in which they stand in the file.
pub(super) fn in_order<'t, 'i>(
    table: &'t DeTable<'i>,
) -> Vec<(&'t Spanned<std::borrow::Cow<'i, str>>, &'t Spanned<DeValue<'i>>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

fn unknown(file: &TomlFile<'_>, place: Range<usize>, word: &str, spec: &Table) -> Diagnostic {
    let known: Vec<&str> = spec.all().map(|key| key.name).collect();
    let hint = match nearest(word, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("`{}` takes {}", spec.name, listed(&known)),
    };
    file.diagnostic(place, format!("unknown key `{word}` in `{}`", spec.name), Some(hint))
}

fn check_either(
    file: &TomlFile<'_>,
    table: &DeTable<'_>,
    place: Range<usize>,
    spec: &Table,
) -> Result<(), Diagnostic> {
    if spec.either.is_empty() {
        return Ok(());
    }
    let begun: Vec<_> =
        spec.either.iter().filter(|set| set.iter().any(|name| table.contains_key(*name))).collect();
    let forms: Vec<String> = spec
        .either
        .iter()
        .map(|set| set.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(" and "))
        .collect();
    let hint = Some(format!("write {}", forms.join(", or ")));
    match begun.as_slice() {
        [set] => match set.iter().find(|name| !table.contains_key(**name)) {
            None => Ok(()),
            Some(name) => {
                Err(file.diagnostic(place, format!("`{name}` is missing from `{}`", spec.name), hint))
            }
        },
        [] => Err(file.diagnostic(place, format!("`{}` says nothing", spec.name), hint)),
        _ => Err(file.diagnostic(place, format!("`{}` says two things at once", spec.name), hint)),
    }
}

fn check(file: &TomlFile<'_>, value: &Spanned<DeValue<'_>>, kind: Kind) -> Result<(), Diagnostic> {
    let refuse =
        |expected: &str| Err(file.at(value, format!("expected {expected}, found {}", found(value)), None));
    match (kind, value.get_ref()) {
        (Kind::Text, DeValue::String(_))
        | (Kind::Flag, DeValue::Boolean(_))
        | (Kind::Number, DeValue::Integer(_) | DeValue::Float(_)) => Ok(()),
        (Kind::Count, DeValue::Integer(_)) if whole(value).is_some_and(|n| n > 0) => Ok(()),
        (Kind::Size, DeValue::Integer(_)) if whole(value).is_some() => Ok(()),
        (Kind::Span, DeValue::String(text)) => match duration::parse(text) {
            Ok(_) => Ok(()),
            Err(problem) => Err(file.at(value, problem, None)),
        },
        (Kind::Choice(words), DeValue::String(text)) if words.contains(&text.as_ref()) => Ok(()),
        (Kind::Choice(words), DeValue::String(text)) => Err(no_choice(file, value, text, words)),
        (Kind::Table(spec), DeValue::Table(table)) => check_table(file, table, value.span(), spec),
        (Kind::Tables(spec), DeValue::Array(list)) if list.is_empty() => Err(file.at(
            value,
            format!("there is no `{}`", spec.name),
            Some("an empty list proves nothing".to_owned()),
        )),
        (Kind::Tables(spec), DeValue::Array(list)) => {
            list.iter().try_for_each(|item| check(file, item, Kind::Table(spec)))
        }
        (Kind::Map(kind), DeValue::Table(table)) => {
            if table.is_empty() {
                return refuse("at least one key");
            }
            in_order(table).into_iter().try_for_each(|(_, value)| check(file, value, *kind))
        }
        (Kind::Expectation, DeValue::Table(table)) if table.is_empty() => Err(file.at(
            value,
            "an empty table expects nothing",
            Some(
                "write a predicate such as `{ exists = true }`, or `{ equals = {} }` for an empty object"
                    .to_owned(),
            ),
        )),
        (Kind::Capture, DeValue::String(_)) => Ok(()),
        (Kind::Capture, DeValue::Table(table)) => check_table(file, table, value.span(), &CAPTURE),
        (Kind::Expectation, DeValue::Table(table)) => check_table(file, table, value.span(), &PREDICATES),
        (Kind::Values, DeValue::Array(list)) if !list.is_empty() => {
            list.iter().try_for_each(|v| plain(file, v))
        }
        (Kind::Value | Kind::Expectation, _) => plain(file, value),
        (Kind::Status, _) => check_status(file, value),
        (Kind::Auth, _) => check_auth(file, value),
        (kind, _) => refuse(described(kind)),
    }
}

fn no_choice(file: &TomlFile<'_>, value: &Spanned<DeValue<'_>>, text: &str, words: &[&str]) -> Diagnostic {
    let hint = nearest(text, words.iter().copied()).map(|word| format!("did you mean `{word}`?"));
    file.at(value, format!("expected {}, found `{text}`", one_of(words)), hint)
}

fn described(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Flag => "`true` or `false`",
        Kind::Count => "a whole number from 1 on",
        Kind::Size => "a whole number from 0 on",
        Kind::Number => "a number",
        Kind::Span => "a span of time such as `\"10s\"`",
        Kind::Choice(_) => "one of the known words",
        Kind::Status | Kind::Auth | Kind::Value | Kind::Expectation => "a value",
        Kind::Values => "a list that is not empty",
        Kind::Table(_) | Kind::Map(_) => "a table",
        Kind::Capture => "a JSONPath, or `{ json = \"$.path\", redact = true }`",
        Kind::Tables(_) => "tables, written as `[[...]]`",
    }
}

/// JSON has no dates, and no numbers that are none.
fn plain(file: &TomlFile<'_>, value: &Spanned<DeValue<'_>>) -> Result<(), Diagnostic> {
    match value.get_ref() {
        DeValue::Datetime(_) => Err(file.at(
            value,
            "JSON has no dates",
            Some("write the text that the answer holds, in quotes".to_owned()),
        )),
        DeValue::Float(float) if !float.as_str().parse::<f64>().is_ok_and(f64::is_finite) => {
            Err(file.at(value, "JSON has no such number", None))
        }
        DeValue::Integer(_) if integer(value).is_none() => {
            Err(file.at(value, "this number is too large to be compared exactly", None))
        }
        DeValue::Array(list) => list.iter().try_for_each(|item| plain(file, item)),
        DeValue::Table(table) => in_order(table).into_iter().try_for_each(|(_, value)| plain(file, value)),
        DeValue::String(_) | DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) => Ok(()),
    }
}

fn check_status(file: &TomlFile<'_>, value: &Spanned<DeValue<'_>>) -> Result<(), Diagnostic> {
    let hint =
        || Some("write a code from 100 to 599, a class such as `\"2xx\"`, or a list of these".to_owned());
    match value.get_ref() {
        DeValue::Integer(_) if whole(value).is_some_and(|n| (100..=599).contains(&n)) => Ok(()),
        DeValue::String(text) if class(text).is_some() => Ok(()),
        DeValue::Array(list) if !list.is_empty() && !list.iter().any(|v| v.get_ref().is_array()) => {
            list.iter().try_for_each(|item| check_status(file, item))
        }
        _ => Err(file.at(value, format!("expected a status, found {}", found(value)), hint())),
    }
}

fn check_auth(file: &TomlFile<'_>, value: &Spanned<DeValue<'_>>) -> Result<(), Diagnostic> {
    let words = ["bearer", "basic", "none"];
    let hint = |text: &str| match nearest(text, words) {
        Some(word) => format!("did you mean `{word}`?"),
        None => "write `\"bearer\"`, `\"basic\"`, `\"none\"`, or `{ header = \"X-Api-Key\" }`".to_owned(),
    };
    match value.get_ref() {
        DeValue::String(text) if words.contains(&text.as_ref()) => Ok(()),
        DeValue::Table(table)
            if table.len() == 1 && table.get("header").is_some_and(|header| header.get_ref().is_str()) =>
        {
            Ok(())
        }
        DeValue::String(text) => {
            Err(file.at(value, format!("`{text}` is no way to authorise"), Some(hint(text))))
        }
        _ => Err(file.at(
            value,
            format!("expected a way to authorise, found {}", found(value)),
            Some(hint("")),
        )),
    }
}

/// The first digit of a class such as `2xx`.
pub(super) fn class(text: &str) -> Option<u16> {
    let digit = text.strip_suffix("xx")?.parse().ok()?;
    (1..=5).contains(&digit).then_some(digit)
}

/// A whole number that is not negative.
pub(super) fn whole(value: &Spanned<DeValue<'_>>) -> Option<u32> {
    integer(value).and_then(|n| u32::try_from(n).ok())
}

/// A number that fits into 64 bits.
pub(super) fn integer(value: &Spanned<DeValue<'_>>) -> Option<i64> {
    let number = value.get_ref().as_integer()?;
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

fn found(value: &Spanned<DeValue<'_>>) -> String {
    match value.get_ref() {
        DeValue::String(text) => format!("the text `{}`", crate::base::text::escape(text, 60)),
        DeValue::Integer(number) => format!("the number {}", number.as_str()),
        DeValue::Float(number) => format!("the number {}", number.as_str()),
        DeValue::Boolean(flag) => format!("`{flag}`"),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(list) if list.is_empty() => "an empty list".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(table) if table.is_empty() => "an empty table".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

fn listed(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

fn one_of(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ")
}
