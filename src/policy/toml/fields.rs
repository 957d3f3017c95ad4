//! Typed access to a table that was found to be made of the right words.

use std::ops::Range;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::notes::Notes;
use super::value::{found, in_order, number, whole};
use crate::base::diagnostic::Diagnostic;
use crate::base::duration;

/// A key or text and where it stands.
pub(crate) type Word<'a> = Spanned<&'a str>;
pub(crate) type Placed<'a> = Spanned<DeValue<'a>>;

/// A table and where it stands. What is asked of it and is there in another kind is noted as a mistake, and then
/// answered as if it were not there.
#[derive(Clone)]
pub struct Fields<'a> {
    notes: &'a Notes<'a>,
    table: &'a DeTable<'a>,
    pub(crate) span: Range<usize>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(notes: &'a Notes<'a>, table: &'a DeTable<'a>, span: Range<usize>) -> Self {
        Self { notes, table, span }
    }

    /// The value at `key`.
    pub(crate) fn get(&self, key: &str) -> Option<&'a Placed<'a>> {
        self.table.get(key)
    }

    /// Where the value at `key` stands; the table itself if it is not there.
    pub(crate) fn place(&self, key: &str) -> Range<usize> {
        self.get(key).map_or(self.span.clone(), Spanned::span)
    }

    /// The text at `key`.
    pub(crate) fn text(&self, key: &str) -> Option<Word<'a>> {
        self.typed(key, "text", word)
    }

    /// The text at `key` as a `T`; text that is none is noted.
    pub(crate) fn parse<T>(&self, key: &str) -> Option<T>
    where
        T: std::str::FromStr,
        T::Err: std::fmt::Display,
    {
        self.text(key).and_then(|text| self.parsed(&text))
    }

    /// A text as a `T`; text that is none is noted.
    pub(crate) fn parsed<T>(&self, text: &Word<'_>) -> Option<T>
    where
        T: std::str::FromStr,
        T::Err: std::fmt::Display,
    {
        self.keep(text.get_ref().parse().map_err(|e: T::Err| self.mistake(text.span(), e.to_string(), "")))
    }

    /// The duration at `key`.
    pub(crate) fn duration(&self, key: &str) -> Option<Duration> {
        self.typed(key, "a duration", |value| duration::parse(value.get_ref().as_str()?).ok())
    }

    /// The whole number at `key`.
    pub(crate) fn count(&self, key: &str) -> Option<u32> {
        self.typed(key, "a whole number", whole)
    }

    /// The number at `key`, which is finite.
    pub(crate) fn number(&self, key: &str) -> Option<f64> {
        self.typed(key, "a number", |value| number(value)?.as_f64())
    }

    /// What `key` says: yes or no.
    pub(crate) fn flag(&self, key: &str) -> Option<bool> {
        self.typed(key, "`true` or `false`", |value| value.get_ref().as_bool())
    }

    /// Whether `key` says `true`.
    pub(crate) fn is(&self, key: &str) -> bool {
        self.flag(key) == Some(true)
    }

    /// The table at `key`, unless there is a mistake in it.
    pub(crate) fn table(&self, key: &str) -> Option<Fields<'a>> {
        let table = self.typed(key, "a table", |value| self.as_table(value))?;
        (!self.notes.is_broken(table.table)).then_some(table)
    }

    /// The members of the list at `key`; none if it is not there.
    pub(crate) fn list(&self, key: &str) -> &'a [Placed<'a>] {
        self.typed(key, "a list", |value| value.get_ref().as_array().map(AsRef::as_ref)).unwrap_or_default()
    }

    /// The texts at `key`; none if it is not there.
    pub(crate) fn texts(&self, key: &str) -> Vec<Word<'a>> {
        self.get(key).map(|value| self.members(value)).unwrap_or_default()
    }

    /// The texts of a value that is a list of them.
    pub(crate) fn members(&self, list: &'a Placed<'a>) -> Vec<Word<'a>> {
        let members = list.get_ref().as_array().ok_or_else(|| self.unlike(list, "a list"));
        let members = self.keep(members).into_iter().flat_map(|members| members.iter());
        members.filter_map(|value| self.keep(self.as_text(value))).collect()
    }

    /// The tables at `key` in which there is no mistake; none if it is not there.
    pub(crate) fn tables(&self, key: &str) -> Vec<Fields<'a>> {
        let tables = self
            .list(key)
            .iter()
            .filter_map(|item| self.keep(self.as_table(item).ok_or_else(|| self.unlike(item, "a table"))));
        tables.filter(|table| !self.notes.is_broken(table.table)).collect()
    }

    /// The keys and values of the table at `key`, in the order of the file.
    pub(crate) fn map(&self, key: &str) -> Vec<(Word<'a>, &'a Placed<'a>)> {
        self.table(key).map(|fields| fields.entries()).unwrap_or_default()
    }

    /// All keys and values, in the order of the file.
    pub(crate) fn entries(&self) -> Vec<(Word<'a>, &'a Placed<'a>)> {
        let name =
            |key: &'a Spanned<std::borrow::Cow<'a, str>>| Spanned::new(key.span(), key.get_ref().as_ref());
        in_order(self.table).into_iter().map(|(key, value)| (name(key), value)).collect()
    }

    pub(crate) fn as_table(&self, value: &'a Placed<'a>) -> Option<Fields<'a>> {
        let table = value.get_ref().as_table()?;
        Some(Fields { notes: self.notes, table, span: value.span() })
    }

    /// A value that is a table without a mistake in it.
    pub(crate) fn sound(&self, value: &'a Placed<'a>) -> Option<Fields<'a>> {
        self.as_table(value).filter(|table| !self.notes.is_broken(table.table))
    }

    pub(crate) fn as_text(&self, value: &'a Placed<'a>) -> Result<Word<'a>, Diagnostic> {
        word(value).ok_or_else(|| self.unlike(value, "text"))
    }

    /// A value that is something else than what its reader can use.
    pub(crate) fn unlike(&self, value: &Placed<'_>, expected: &str) -> Diagnostic {
        self.mistake(value.span(), format!("expected {expected}, found {}", found(value)), "")
    }

    /// The text at `key`, which must be there.
    pub(crate) fn required(&self, key: &str) -> Result<Word<'a>, Diagnostic> {
        self.text(key).ok_or_else(|| self.missing(key))
    }

    /// A mistake: `key` is not there.
    pub(crate) fn missing(&self, key: &str) -> Diagnostic {
        self.mistake(self.span.clone(), format!("`{key}` is missing"), "")
    }

    /// A mistake at `place`. An empty hint is none.
    pub(crate) fn mistake(
        &self,
        place: Range<usize>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Diagnostic {
        let hint = hint.into();
        self.notes.file.diagnostic(place, message, (!hint.is_empty()).then_some(hint))
    }

    /// Notes a mistake at `place`. An empty hint is none.
    pub(crate) fn refuse(&self, place: Range<usize>, message: impl Into<String>, hint: impl Into<String>) {
        self.notes.add(self.mistake(place, message, hint));
    }

    /// The value; a refusal is noted, so that what comes after it in the file is looked at too.
    pub(crate) fn keep<T>(&self, result: Result<T, Diagnostic>) -> Option<T> {
        self.notes.keep(result)
    }

    /// The line of `place`, from 1.
    pub(crate) fn line(&self, place: &Range<usize>) -> usize {
        let text = self.notes.file.text.as_bytes();
        text[..place.start.min(text.len())].iter().filter(|b| **b == b'\n').count() + 1
    }

    fn typed<T>(
        &self,
        key: &str,
        expected: &str,
        read: impl FnOnce(&'a Placed<'a>) -> Option<T>,
    ) -> Option<T> {
        let value = self.get(key)?;
        self.keep(read(value).ok_or_else(|| self.unlike(value, expected)))
    }
}

fn word<'a>(value: &'a Placed<'a>) -> Option<Word<'a>> {
    value.get_ref().as_str().map(|text| Spanned::new(value.span(), text))
}
