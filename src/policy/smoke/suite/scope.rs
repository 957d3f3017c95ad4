//! Which placeholders may stand where: `sha`, `nonce`, `tenant`, what the file shares, and what an earlier step of the
//! same check captured.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::Value;
use toml::Spanned;
use toml::de::DeValue;

use super::template::{BadPlaceholder, JsonTemplate, Template};
use crate::base::diagnostic::{Diagnostic, nearest};
use crate::policy::smoke::of_release::is_of_release;
use crate::policy::toml::fields::{Fields, Word};
use crate::policy::toml::value::{in_order, scalar};

/// Placeholders that are always there.
const BUILT_IN: [&str; 6] = ["sha", "nonce", "tenant", "tenant_host", "tenant_url", NULL];
/// Stands for JSON's `null`, which TOML does not have.
const NULL: &str = "null";

/// Placeholders with the place of each, and whether it was used.
type Names = RefCell<BTreeMap<String, (Range<usize>, bool)>>;

/// What the whole file may use: `[vars]`, `[secrets]`, and what `[[setup]]` captures.
#[derive(Default)]
pub(super) struct Shared(Names);

impl Shared {
    /// Makes `name` known, which stands at `word`.
    pub(super) fn define(&self, file: &Fields<'_>, word: &Word<'_>, name: &str) -> Result<(), Diagnostic> {
        if word.get_ref().contains('.') || Template::parse(&format!("{{{{{name}}}}}")).is_err() {
            return Err(no_name(file, word));
        }
        self.0.borrow_mut().insert(name.to_owned(), (word.span(), false));
        Ok(())
    }

    /// Makes known what `scope` captured.
    pub(super) fn adopt(&self, scope: Scope<'_>) {
        self.0.borrow_mut().extend(scope.captured.into_inner());
    }

    /// Refuses what was never used.
    pub(super) fn finish(&self, file: &Fields<'_>) {
        for (name, (place, _)) in self.0.borrow().iter().filter(|(_, (_, used))| !used) {
            let hint = match name.contains('.') {
                true => format!("use it as `{{{{ {name} }}}}`, or take it out"),
                false => {
                    "a check uses it as `{{ NAME }}`; to ask only whether it is there, expect it".to_owned()
                }
            };
            file.refuse(place.clone(), format!("`{name}` is never used"), hint);
        }
    }
}

fn no_name(fields: &Fields<'_>, word: &Word<'_>) -> Diagnostic {
    let hint = "use letters, digits, `_` and `-`";
    fields.mistake(word.span(), format!("`{}` is no name", word.get_ref()), hint)
}

/// What is known at one place of the file.
pub(super) struct Scope<'a> {
    fields: Fields<'a>,
    shared: &'a Shared,
    /// Captured so far, where, and whether it was used.
    captured: Names,
    /// Captured anywhere in the check, for better advice.
    later: Vec<String>,
}

impl<'a> Scope<'a> {
    /// The scope of one check, in which `later` will be captured.
    pub(super) fn new(fields: Fields<'a>, later: Vec<String>, shared: &'a Shared) -> Self {
        Self { fields, shared, captured: RefCell::default(), later }
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
        if word.contains('.') || Template::parse(&format!("{{{{{word}}}}}")).is_err() {
            return Err(no_name(&self.fields, name));
        }
        if self.shared.0.borrow().contains_key(word) {
            let message = format!("`{word}` is captured by `[[setup]]` already");
            return Err(self.fields.mistake(name.span(), message, "choose another name"));
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
        let template = self.known(text, place.clone())?;
        if template.names().any(|name| name == NULL) {
            let hint = "write it alone, as a JSON value: `\"{{ null }}\"`";
            return Err(self.fields.mistake(place, "`{{ null }}` is no text", hint));
        }
        Ok(template)
    }

    fn known(&self, text: &str, place: Range<usize>) -> Result<Template, Diagnostic> {
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
                if self.known(text, value.span())?.single() == Some(NULL) {
                    return Ok(JsonTemplate::Fixed(Value::Null));
                }
                JsonTemplate::Text(self.parse(text, value.span())?).folded()
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
        if BUILT_IN.contains(&name) || is_of_release(name) {
            return Ok(());
        }
        let mut captured = self.captured.borrow_mut();
        if let Some((_, used)) = captured.get_mut(name) {
            *used = true;
            return Ok(());
        }
        let mut shared = self.shared.0.borrow_mut();
        if let Some((_, used)) = shared.get_mut(name) {
            *used = true;
            return Ok(());
        }
        let others = captured.keys().chain(shared.keys()).map(String::as_str);
        let known: Vec<&str> = BUILT_IN.into_iter().chain(others).collect();
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
