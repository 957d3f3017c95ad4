//! Text of a TOML file to typed rules; mistakes with file, line, column, caret and the nearest right word.

use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, Error};

use crate::base::diagnostic::{Diagnostic, nearest};

/// A TOML file and its name, for messages about it.
pub struct TomlFile<'a> {
    /// The file as the person named it.
    pub name: &'a str,
    /// Its text.
    pub text: &'a str,
}

impl TomlFile<'_> {
    /// Reads the file as `T`, which refuses unknown keys.
    ///
    /// # Errors
    /// The text is no TOML, has a key twice, an unknown key, or a value of the wrong type.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Diagnostic> {
        toml::from_str(self.text).map_err(|error| self.mistake(&error))
    }

    /// Reads the file as a table in which everything knows its place.
    ///
    /// # Errors
    /// The text is no TOML, or has a key twice.
    pub fn table(&self) -> Result<Spanned<DeTable<'_>>, Diagnostic> {
        DeTable::parse(self.text).map_err(|error| self.mistake(&error))
    }

    fn mistake(&self, error: &Error) -> Diagnostic {
        let message = error.message().to_owned();
        let hint = correction(&message);
        self.diagnostic(error.span().unwrap_or(0..0), message, hint)
    }

    /// A mistake at `span`.
    pub fn diagnostic(
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

    /// A mistake in the value of a key.
    pub fn at<T>(&self, value: &Spanned<T>, message: impl Into<String>, hint: Option<String>) -> Diagnostic {
        self.diagnostic(value.span(), message, hint)
    }
}

/// Finds, in a message such as "unknown field `imagess`, expected `images` or `home`", the word that was meant.
fn correction(message: &str) -> Option<String> {
    let mut words = message.split('`').skip(1).step_by(2);
    let wrong = words.next().filter(|_| message.starts_with("unknown"))?;
    nearest(wrong, words).map(|word| format!("did you mean `{word}`?"))
}
