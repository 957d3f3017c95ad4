//! `[vars]` and `[secrets]`: values that the whole file may use, from the file or from variables that it names.

use serde_json::Value;
use toml::de::DeValue;

use super::scope::Shared;
use crate::base::diagnostic::Diagnostic;
use crate::policy::toml::fields::{Fields, Placed, Word};
use crate::policy::toml::value::scalar;
use crate::policy::toml::vocabulary::{Form, Kind, Table, key};

/// What the names of variables begin with: a suite may be somebody's pull request, and the environment of a runner holds
/// secrets that are none of its business.
const PREFIX: &str = "CANARY_";

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Origin {
    /// It stands in the file.
    Fixed(Value),
    /// From this variable of the environment, as text.
    Env(String),
}

/// A value that a whole file may use.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    /// The placeholder: `var.NAME` or `secret.NAME`.
    pub name: String,
    /// Where it comes from.
    pub origin: Origin,
}

impl Named {
    /// Whether it is kept out of every report.
    pub fn is_secret(&self) -> bool {
        self.name.starts_with("secret.")
    }
}

static FROM_ENV: Table = Table {
    name: "variable",
    about: "A value from the environment",
    keys: &[&[key("env", Kind::Like("^CANARY_[A-Z0-9_]+$"), "the variable's name; it begins with CANARY_")]],
    required: &["env"],
    either: &[],
};

static VAR: Form = Form {
    name: "a value or a variable",
    hint: "write a text or a number, or `{ env = \"CANARY_NAME\" }`",
    kinds: &[Kind::Plain, Kind::Table(&FROM_ENV)],
};
const VAR_KIND: Kind = Kind::Form(&VAR);
pub(super) const VARS: Kind = Kind::Map(&VAR_KIND);

static SECRET: Form = Form {
    name: "a variable",
    hint: "write `{ env = \"CANARY_NAME\" }`: a secret never stands in this file",
    kinds: &[Kind::Table(&FROM_ENV)],
};
const SECRET_KIND: Kind = Kind::Form(&SECRET);
pub(super) const SECRETS: Kind = Kind::Map(&SECRET_KIND);

/// Reads both tables, and makes their placeholders known.
pub(super) fn read(file: &Fields<'_>, shared: &Shared) -> Vec<Named> {
    let mut all = Vec::new();
    for (table, prefix) in [("vars", "var"), ("secrets", "secret")] {
        for (word, value) in file.map(table) {
            let name = format!("{prefix}.{}", word.get_ref());
            let origin = file.keep(origin(file, value));
            file.keep(shared.define(file, &word, &name));
            all.extend(origin.map(|origin| Named { name, origin }));
        }
    }
    all
}

fn origin<'a>(file: &Fields<'a>, value: &'a Placed<'a>) -> Result<Origin, Diagnostic> {
    if let Some(table) = file.as_table(value) {
        return Ok(Origin::Env(variable(&table, &table.required("env")?)?));
    }
    if value.get_ref().as_str().is_some_and(|text| text.contains("{{")) {
        return Err(file.mistake(
            value.span(),
            "a variable takes no placeholder",
            "write it where it is used",
        ));
    }
    fixed(value).map(Origin::Fixed).ok_or_else(|| file.unlike(value, "something that JSON can hold"))
}

fn fixed(value: &Placed<'_>) -> Option<Value> {
    match value.get_ref() {
        DeValue::Array(list) => list.iter().map(fixed).collect::<Option<Vec<_>>>().map(Value::Array),
        _ => scalar(value),
    }
}

fn variable(table: &Fields<'_>, name: &Word<'_>) -> Result<String, Diagnostic> {
    let text = *name.get_ref();
    let rest = text.strip_prefix(PREFIX).unwrap_or_default();
    let good = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    if rest.is_empty() || !rest.chars().all(good) {
        let message = format!("a suite reads only variables whose names begin with {PREFIX}");
        let hint =
            format!("name it as in `{PREFIX}CLIENT_SECRETS`; the workflow passes it on under that name");
        return Err(table.mistake(name.span(), message, hint));
    }
    Ok(text.to_owned())
}
