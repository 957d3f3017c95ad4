//! What was found wrong with a file so far.

use std::cell::RefCell;
use std::ops::Range;

use toml::de::DeTable;

use super::file::TomlFile;
use crate::base::diagnostic::Diagnostic;
use crate::base::list::NonEmpty;

/// The mistakes of one file, and which of its tables cannot be read because of them.
pub(super) struct Notes<'a> {
    pub(super) file: &'a TomlFile<'a>,
    mistakes: RefCell<Vec<Diagnostic>>,
    broken: RefCell<Vec<*const ()>>,
}

impl<'a> Notes<'a> {
    pub(super) fn new(file: &'a TomlFile<'a>) -> Self {
        Self { file, mistakes: RefCell::default(), broken: RefCell::default() }
    }

    pub(super) fn add(&self, mistake: Diagnostic) {
        let mut mistakes = self.mistakes.borrow_mut();
        if !mistakes.contains(&mistake) {
            mistakes.push(mistake);
        }
    }

    /// Adds a mistake at `place`.
    pub(super) fn at(&self, place: Range<usize>, message: impl Into<String>, hint: Option<String>) {
        self.add(self.file.diagnostic(place, message, hint));
    }

    /// The value; a refusal is noted.
    pub(super) fn keep<T>(&self, result: Result<T, Diagnostic>) -> Option<T> {
        result.map_err(|mistake| self.add(mistake)).ok()
    }

    /// Remembers that `table` holds a mistake.
    pub(super) fn mark(&self, table: &DeTable<'_>) {
        self.broken.borrow_mut().push(std::ptr::from_ref(table).cast());
    }

    /// Whether a mistake was found in `table`, or in a table of it.
    pub(super) fn is_broken(&self, table: &DeTable<'_>) -> bool {
        self.broken.borrow().contains(&std::ptr::from_ref(table).cast())
    }

    /// All mistakes, in the order of the file, if there is one.
    pub(super) fn so_far(&self) -> Result<(), NonEmpty<Diagnostic>> {
        let mut mistakes = self.mistakes.borrow().clone();
        mistakes.sort_by_key(|mistake| mistake.span.start);
        NonEmpty::from_vec(mistakes).map_or(Ok(()), Err)
    }
}
