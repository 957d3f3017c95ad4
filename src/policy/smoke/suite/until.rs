//! Asking again: `until`, which waits for a state, and `retry`, which should not be needed.

use std::time::Duration;

use crate::base::diagnostic::Diagnostic;
use crate::base::duration;
use crate::policy::toml::fields::Fields;
use crate::policy::toml::vocabulary::{Kind, Table, key};

/// Asking again while an expectation does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// For how long.
    pub within: Duration,
    /// How often.
    pub every: Duration,
    /// Whether the suite waits for a state: then a pass that took several attempts is a pass, and not flaky.
    pub until: bool,
}

pub(super) static UNTIL: Table = Table {
    name: "until",
    about: "Asks a read again until its expectations hold, and then passes; the report says how long that took",
    ..RETRY
};

pub(super) static RETRY: Table = Table {
    name: "retry",
    about: "Asks again while an expectation does not hold",
    keys: &[&[key("within", Kind::Duration, "for how long"), key("every", Kind::Duration, "how often")]],
    required: &["within", "every"],
    either: &[],
};

/// Reads `until` or `retry` of a step whose request is a `method`; `repeatable`: asking twice is harmless.
///
/// # Errors
/// Both are there, the request writes, or it would be asked once only.
pub(super) fn read(table: &Fields<'_>, method: &str, repeatable: bool) -> Result<Option<Retry>, Diagnostic> {
    let (name, until, words) = match (table.table("until"), table.table("retry")) {
        (None, None) => return Ok(None),
        (Some(words), None) => ("until", true, words),
        (None, Some(words)) => ("retry", false, words),
        (Some(_), Some(words)) => {
            let hint = "`until` waits for a state and is green; `retry` is for what should not be needed";
            return Err(words.mistake(words.span.clone(), "`until` and `retry` are both here", hint));
        }
    };
    if !repeatable {
        let message = match until {
            true => format!("`until` asks many times, and this {method} may write"),
            false => format!("a {method} is not retried: it could be done twice"),
        };
        let hint = "write `idempotent = true` if asking twice is harmless";
        return Err(words.mistake(words.span.clone(), message, hint));
    }
    let (Some(within), Some(every)) = (words.duration("within"), words.duration("every")) else {
        return Err(words.missing("within"));
    };
    if every > within {
        let (every, within) = (duration::show(every), duration::show(within));
        let message = format!("asking every {every} within {within} is asking once");
        return Err(words.mistake(
            words.span.clone(),
            message,
            format!("`{name}.every` is at most `within`"),
        ));
    }
    Ok(Some(Retry { within, every, until }))
}
