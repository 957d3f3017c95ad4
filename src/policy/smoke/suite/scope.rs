//! Which placeholders may stand where: `sha`, `nonce`, `tenant`, and what an earlier step of the same check captured.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::Value;
use toml::Spanned;
use toml::de::DeValue;

use super::template::{BadPlaceholder, JsonTemplate, Template};
use crate::base::diagnostic::{Diagnostic, nearest};
use crate::policy::toml::fields::{Fields, Word};
use crate::policy::toml::value::{in_order, scalar};

const BUILT_IN: [&str; 3] = ["sha", "nonce", "tenant"];

/// What is known at one place of the file.
pub(super) struct Scope<'a> {
    fields: Fields<'a>,
    /// Captured so far, where, and whether it was used.
    captured: RefCell<BTreeMap<String, (Range<usize>, bool)>>,
    /// Captured anywhere in the check, for better advice.
    later: Vec<String>,
}

impl<'a> Scope<'a> {
    /// The scope of one check, in which `later` will be captured.
    pub(super) fn new(fields: Fields<'a>, later: Vec<String>) -> Self {
        Self { fields, captured: RefCell::default(), later }
    }

    /// Makes `name` known from here on.
    pub(super) fn define(&self, name: &Word<'_>) -> Result<(), Diagnostic> {
        let word = *name.get_ref();
        if BUILT_IN.contains(&word) {
            return Err(self.fields.mistake(
                name.span(),
                format!("`{word}` is taken: it is always there"),
                "choose another name",
            ));
        }
        if Template::parse(&format!("{{{{{word}}}}}")).is_err() {
            return Err(self.fields.mistake(
                name.span(),
                format!("`{word}` is no name"),
                "use letters, digits, `_` and `-`",
            ));
        }
        match self.captured.borrow_mut().insert(word.to_owned(), (name.span(), false)) {
            None => Ok(()),
            Some(_) => Err(self.fields.mistake(
                name.span(),
                format!("`{word}` is captured twice in this check"),
                "give each capture a name of its own",
            )),
        }
    }

    /// Refuses what was captured and never used.
    pub(super) fn finish(&self) -> Result<(), Diagnostic> {
        for (name, (place, used)) in self.captured.borrow().iter() {
            if !used {
                return Err(self.fields.mistake(
                    place.clone(),
                    format!("`{name}` is captured and never used"),
                    "to ask only whether it is there, write `expect.json.\"...\" = { exists = true }`",
                ));
            }
        }
        Ok(())
    }

    /// A text with placeholders, all of them known.
    pub(super) fn template(&self, text: &Word<'_>) -> Result<Template, Diagnostic> {
        self.parse(text.get_ref(), text.span())
    }

    /// The same of a text that stands in another file, shown at `place`.
    pub(super) fn parse(&self, text: &str, place: Range<usize>) -> Result<Template, Diagnostic> {
        let template = Template::parse(text).map_err(|BadPlaceholder(from)| {
            self.fields.mistake(
                place.clone(),
                format!("the placeholder that begins with `{from}` is not one"),
                "write `{{ name }}` with letters, digits, `_` and `-`",
            )
        })?;
        for name in template.names() {
            self.note(name, &place)?;
        }
        Ok(template)
    }

    /// A value with placeholders in its texts.
    pub(super) fn json(&self, value: &Spanned<DeValue<'_>>) -> Result<JsonTemplate, Diagnostic> {
        Ok(match value.get_ref() {
            DeValue::String(text) => {
                let template = self.parse(text, value.span())?;
                if template.names().next().is_none() {
                    JsonTemplate::Fixed(Value::String(text.to_string()))
                } else {
                    JsonTemplate::Text(template)
                }
            }
            DeValue::Array(list) => {
                JsonTemplate::List(list.iter().map(|item| self.json(item)).collect::<Result<_, _>>()?)
            }
            DeValue::Table(table) => {
                let mut entries = Vec::new();
                for (key, value) in in_order(table) {
                    if key.get_ref().contains("{{") {
                        let message = "a key takes no placeholder";
                        return Err(self.fields.mistake(key.span(), message, "only values do"));
                    }
                    entries.push((key.get_ref().to_string(), self.json(value)?));
                }
                JsonTemplate::Object(entries)
            }
            _ => {
                let found =
                    scalar(value).ok_or_else(|| self.fields.unlike(value, "something that JSON can hold"))?;
                JsonTemplate::Fixed(found)
            }
        })
    }

    fn note(&self, name: &str, place: &Range<usize>) -> Result<(), Diagnostic> {
        if BUILT_IN.contains(&name) {
            return Ok(());
        }
        let mut captured = self.captured.borrow_mut();
        if let Some((_, used)) = captured.get_mut(name) {
            *used = true;
            return Ok(());
        }
        let known: Vec<&str> = BUILT_IN.into_iter().chain(captured.keys().map(String::as_str)).collect();
        let hint = if self.later.iter().any(|later| later == name) {
            "it is captured by this step or a later one; a request can use only what came before".to_owned()
        } else if let Some(meant) = nearest(name, known.iter().copied()) {
            format!("did you mean `{{{{ {meant} }}}}`?")
        } else {
            format!("known here: {}", known.join(", "))
        };
        Err(self.fields.mistake(place.clone(), format!("`{name}` is not known here"), hint))
    }
}
