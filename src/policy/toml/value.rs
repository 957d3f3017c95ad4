//! Values of a TOML file as what they mean, and as words in a message.

use serde_json::{Number, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::vocabulary::Kind;

/// The keys of a table in the order in which they stand in the file.
pub(crate) fn in_order<'t, 'i>(
    table: &'t DeTable<'i>,
) -> Vec<(&'t Spanned<std::borrow::Cow<'i, str>>, &'t Spanned<DeValue<'i>>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

/// A whole number that is not negative.
pub(crate) fn whole(value: &Spanned<DeValue<'_>>) -> Option<u32> {
    integer(value).and_then(|n| u32::try_from(n).ok())
}

/// A number that fits into 64 bits.
pub(crate) fn integer(value: &Spanned<DeValue<'_>>) -> Option<i64> {
    let number = value.get_ref().as_integer()?;
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

/// A number that is finite, as JSON has it.
pub(crate) fn number(value: &Spanned<DeValue<'_>>) -> Option<Number> {
    match value.get_ref() {
        DeValue::Integer(_) => integer(value).map(Number::from),
        DeValue::Float(float) => float.as_str().parse().ok().and_then(Number::from_f64),
        _ => None,
    }
}

/// A value that is neither a list nor a table as JSON; `None`: JSON has no such value.
pub(crate) fn scalar(value: &Spanned<DeValue<'_>>) -> Option<Value> {
    match value.get_ref() {
        DeValue::Boolean(flag) => Some(Value::Bool(*flag)),
        DeValue::Integer(_) | DeValue::Float(_) => number(value).map(Value::Number),
        DeValue::String(text) => Some(Value::String(text.to_string())),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

/// What stands there, for a message.
pub(crate) fn found(value: &Spanned<DeValue<'_>>) -> String {
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

/// What may stand at a key of this kind, for a message.
pub(super) fn described(kind: Kind) -> String {
    match kind {
        Kind::Text | Kind::Like(_) => "text".to_owned(),
        Kind::Flag => "`true` or `false`".to_owned(),
        Kind::Count => "a whole number from 1 on".to_owned(),
        Kind::Size => "a whole number from 0 on".to_owned(),
        Kind::Exactly(number) => format!("the number {number}"),
        Kind::Between(least, most) => format!("a whole number from {least} to {most}"),
        Kind::Number => "a number".to_owned(),
        Kind::Duration => "a duration such as `\"10s\"`".to_owned(),
        Kind::Choice(words) => one_of(words),
        Kind::Json | Kind::Plain => "a value".to_owned(),
        Kind::List { least: 0, .. } => "a list".to_owned(),
        Kind::List { .. } => "a list that is not empty".to_owned(),
        Kind::Table(_) | Kind::Map(_) => "a table".to_owned(),
        Kind::Tables(_) => "tables, written as `[[...]]`".to_owned(),
        Kind::Form(form) => form.name.to_owned(),
    }
}

pub(super) fn one_of(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ")
}
