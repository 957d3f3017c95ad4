//! A file and the places in it.

use std::ops::Range;

use crate::base::diagnostic::Diagnostic;

/// A TOML file and its name, for messages about it.
pub struct TomlFile<'a> {
    pub name: &'a str,
    pub text: &'a str,
}

impl TomlFile<'_> {
    /// A mistake at `span`, in bytes of the text.
    pub(super) fn diagnostic(
        &self,
        span: Range<usize>,
        message: impl Into<String>,
        hint: Option<String>,
    ) -> Diagnostic {
        Diagnostic {
            file: self.name.to_owned(),
            source: self.text.to_owned(),
            span,
            message: message.into(),
            hint,
        }
    }
}
