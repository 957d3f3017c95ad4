//! `command`: a program that a check runs instead of sending requests.

use std::time::Duration;

use super::capture::is_telling;
use super::expect;
use super::expectation::{Assertion, Subject};
use super::scope::Scope;
use super::template::Template;
use crate::base::diagnostic::Diagnostic;
use crate::base::list::NonEmpty;
use crate::base::shell::quoted;
use crate::policy::toml::fields::Fields;
use crate::policy::toml::value::whole;
use crate::policy::toml::vocabulary::{Form, Kind};

/// A program, and what must be true of its end.
#[derive(Clone, Debug)]
pub struct Program {
    /// Its name or path, without placeholders.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<Template>,
    /// The exit codes that are right.
    pub exit: NonEmpty<u8>,
    /// What else: of its stdout, as text or as JSON.
    pub assertions: Vec<Assertion>,
    /// The time in which it ended.
    pub within: Option<Duration>,
    /// Bound on it; then its process group is killed.
    pub timeout: Duration,
}

impl std::fmt::Display for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&quoted(&self.program))?;
        self.arguments.iter().try_for_each(|argument| write!(f, " {}", quoted(&argument.to_string())))
    }
}

/// The program and its arguments.
pub(super) const COMMAND: Kind = Kind::List { of: &Kind::Text, least: 1 };

const CODE: Kind = Kind::Between(0, 255);
static EXIT_FORM: Form = Form {
    name: "an exit code",
    hint: "write a number from 0 to 255, or a list of these",
    kinds: &[CODE, Kind::List { of: &CODE, least: 1 }],
};
pub(super) const EXIT: Kind = Kind::Form(&EXIT_FORM);

/// Keys that belong to requests.
const OF_REQUESTS: [&str; 9] =
    ["auth", "header", "body", "capture", "stream", "until", "retry", "idempotent", "cookies"];

/// Reads the command of a check, which takes at most `timeout` unless it says so; `hidden` are the captures that are
/// credentials. `None`: it has none.
///
/// # Errors
/// The program depends on a placeholder, an argument holds a secret, or something is said of a request.
pub(super) fn read(
    table: &Fields<'_>,
    scope: &Scope<'_>,
    timeout: Duration,
    hidden: &[String],
) -> Result<Option<Program>, Diagnostic> {
    let Some(value) = table.get("command") else { return Ok(None) };
    if let Some(key) = OF_REQUESTS.into_iter().find(|key| table.get(key).is_some()) {
        let message = format!("`{key}` is said of requests, and this check runs a command");
        return Err(table.mistake(table.place(key), message, "leave it out"));
    }
    let mut arguments = Vec::new();
    for word in table.members(value) {
        let argument = scope.template(&word)?;
        let is_hidden = |name: &&str| {
            name.starts_with("secret.") || is_telling(name) || hidden.iter().any(|known| known == name)
        };
        if let Some(name) = argument.names().find(is_hidden) {
            let message = format!("`{name}` is a secret, and every user of the machine can read arguments");
            let hint = format!("the command finds it in ${}", variable(name));
            return Err(table.mistake(word.span(), message, hint));
        }
        arguments.push(argument);
    }
    let program = arguments.remove(0);
    let fixed = program.names().next().is_none() && !program.to_string().trim().is_empty();
    if !fixed {
        let message = "the first word is the program, and takes no placeholder";
        return Err(table.mistake(value.span(), message, "name the program as it is called"));
    }
    let expect = table.table("expect").ok_or_else(|| table.missing("expect"))?;
    for key in ["header", "body", "first_event_within"] {
        if expect.get(key).is_some() {
            let message = format!("a command has no `{key}`");
            return Err(expect.mistake(
                expect.place(key),
                message,
                "write `stdout`, or `json` for its parts",
            ));
        }
    }
    let exit = expect.get("exit").ok_or_else(|| expect.missing("exit"))?;
    let codes = match exit.get_ref().as_array() {
        Some(list) => list.iter().filter_map(whole).collect(),
        None => whole(exit).into_iter().collect::<Vec<_>>(),
    };
    let codes = codes.into_iter().filter_map(|code| u8::try_from(code).ok()).collect();
    let mut assertions = expect::assertions(&expect, scope);
    if let Some(value) = expect.get("stdout") {
        assertions.extend(expect.keep(expect::assertion(&expect, scope, Subject::Body, value)));
    }
    let timeout = table.duration("timeout").unwrap_or(timeout);
    Ok(Some(Program {
        program: program.to_string(),
        arguments,
        exit: NonEmpty::from_vec(codes).ok_or_else(|| expect.missing("exit"))?,
        assertions,
        within: expect::within(&expect, timeout)?,
        timeout,
    }))
}

/// The variable in which a command finds the value of the placeholder `name`.
pub fn variable(name: &str) -> String {
    let (prefix, name) = match name.split_once('.') {
        Some(("secret", name)) => ("CANARY_SECRET", name),
        Some((_, name)) => ("CANARY_VAR", name),
        None => ("CANARY_CAPTURED", name),
    };
    let part = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    format!("{prefix}_{}", name.chars().map(part).collect::<String>())
}
