//! The values of a table whose shape was checked.

use std::ops::Range;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::shape::{in_order, whole};
use crate::base::diagnostic::Diagnostic;
use crate::base::duration;
use crate::policy::toml::TomlFile;

/// A key or text and where it stands.
pub(super) type Word<'a> = Spanned<&'a str>;

/// A table and where it stands.
#[derive(Clone)]
pub(super) struct Fields<'a> {
    pub(super) file: &'a TomlFile<'a>,
    table: &'a DeTable<'a>,
    pub(super) span: Range<usize>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(file: &'a TomlFile<'a>, table: &'a DeTable<'a>, span: Range<usize>) -> Self {
        Self { file, table, span }
    }

    /// The value at `key`.
    pub(super) fn get(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.table.get(key)
    }

    /// Where the value at `key` stands; the table itself if it is not there.
    pub(super) fn place(&self, key: &str) -> Range<usize> {
        self.get(key).map_or(self.span.clone(), Spanned::span)
    }

    /// The text at `key`.
    pub(super) fn text(&self, key: &str) -> Option<Word<'a>> {
        self.get(key).and_then(word)
    }

    /// The span of time at `key`.
    pub(super) fn span(&self, key: &str) -> Option<Duration> {
        self.text(key).and_then(|text| duration::parse(text.get_ref()).ok())
    }

    /// The whole number at `key`.
    pub(super) fn count(&self, key: &str) -> Option<u32> {
        self.get(key).and_then(whole)
    }

    /// Whether `key` says `true`.
    pub(super) fn is(&self, key: &str) -> bool {
        self.get(key).and_then(|value| value.get_ref().as_bool()) == Some(true)
    }

    /// The table at `key`.
    pub(super) fn table(&self, key: &str) -> Option<Fields<'a>> {
        self.get(key).and_then(|value| self.as_table(value))
    }

    /// The tables at `key`; none if it is not there.
    pub(super) fn tables(&self, key: &str) -> Vec<Fields<'a>> {
        let list = self.get(key).and_then(|value| value.get_ref().as_array());
        list.into_iter().flat_map(|list| list.iter()).filter_map(|item| self.as_table(item)).collect()
    }

    /// The keys and values of the table at `key`, in the order of the file.
    pub(super) fn map(&self, key: &str) -> Vec<(Word<'a>, &'a Spanned<DeValue<'a>>)> {
        self.table(key).map(|fields| fields.entries()).unwrap_or_default()
    }

    /// All keys and values, in the order of the file.
    pub(super) fn entries(&self) -> Vec<(Word<'a>, &'a Spanned<DeValue<'a>>)> {
        let name =
            |key: &'a Spanned<std::borrow::Cow<'a, str>>| Spanned::new(key.span(), key.get_ref().as_ref());
        in_order(self.table).into_iter().map(|(key, value)| (name(key), value)).collect()
    }

    /// A mistake at `place`.
    pub(super) fn mistake(
        &self,
        place: Range<usize>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Diagnostic {
        let hint = hint.into();
        self.file.diagnostic(place, message, (!hint.is_empty()).then_some(hint))
    }

    /// The line of `place`, from 1.
    pub(super) fn line(&self, place: &Range<usize>) -> usize {
        self.file.text.as_bytes()[..place.start.min(self.file.text.len())]
            .iter()
            .filter(|b| **b == b'\n')
            .count()
            + 1
    }

    /// The table that `value` is, if it is one.
    pub(super) fn as_table(&self, value: &'a Spanned<DeValue<'a>>) -> Option<Fields<'a>> {
        let table = value.get_ref().as_table()?;
        Some(Fields { file: self.file, table, span: value.span() })
    }
}

/// A text and where it stands.
pub(super) fn word<'a>(value: &'a Spanned<DeValue<'a>>) -> Option<Word<'a>> {
    value.get_ref().as_str().map(|text| Spanned::new(value.span(), text))
}
