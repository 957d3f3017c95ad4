//! `stream`: an answer that comes event by event, until when it is read, and what text its events make together.

use std::time::Duration;

use super::expect;
use super::expectation::{Assertion, Subject};
use super::json_path::Path;
use super::predicates::PREDICATE;
use super::scope::Scope;
use crate::base::diagnostic::Diagnostic;
use crate::policy::toml::fields::{Fields, Placed};
use crate::policy::toml::vocabulary::{Form, Key, Kind, Table, key};

/// How a stream is read.
#[derive(Clone, Debug)]
pub struct Stream {
    /// The part of each event that is text of the whole.
    pub join: Option<Path>,
    /// What is true of the last event: of its data as text, or of a part of it.
    pub stop: Option<Assertion>,
    /// Bound on all of it, from sending the request on.
    pub within: Duration,
    /// No more events are read.
    pub max_events: Option<u32>,
}

impl Stream {
    /// The joined part as a path into the list of all events.
    pub fn joined(&self) -> Option<Path> {
        let inside = self.join.as_ref()?.as_str().trim().strip_prefix('$')?;
        Path::parse(&format!("$[*]{inside}")).ok()
    }
}

pub(super) static STREAM: Table = Table {
    name: "stream",
    about: "The answer is a stream of events: server-sent events, or lines of JSON",
    keys: &[&[
        key("join", Kind::Text, "JSONPath to the text in each event; `expect.body` is these texts, joined"),
        key("stop_when", Kind::Form(&STOP), "what is true of the last event"),
        key("within", Kind::Duration, "the last event comes in this time [default: the timeout]"),
        key(
            "max_events",
            Kind::Count,
            "no more events are read; with `stop_when`, the last one is among them",
        ),
    ]],
    required: &[],
    either: &[],
};

static STOP: Form = Form {
    name: "a value or predicates",
    hint: "write the last event's data, such as `\"[DONE]\"`, or `{ json = \"$.done\", equals = true }`",
    kinds: &[Kind::Plain, Kind::Table(&LAST)],
};

static LAST: Table = Table {
    name: "stop_when",
    about: "What is true of the last event; all of these",
    keys: &[&JSON, PREDICATE],
    required: &[],
    either: &[],
};

static JSON: [Key; 1] =
    [key("json", Kind::Text, "JSONPath into the event's data [default: the data as text]")];

/// Reads `stream` of a step whose attempts end after `timeout`; `None`: the answer is none.
///
/// # Errors
/// A path or predicate cannot be read.
pub(super) fn read(
    table: &Fields<'_>,
    scope: &Scope<'_>,
    timeout: Duration,
) -> Result<Option<Stream>, Diagnostic> {
    let Some(stream) = table.table("stream") else {
        if let Some(expect) =
            table.table("expect").filter(|expect| expect.get("first_event_within").is_some())
        {
            let place = expect.place("first_event_within");
            let hint = "write `stream = { stop_when = ... }` beside `expect`";
            return Err(expect.mistake(place, "there are no events without `stream`", hint));
        }
        return Ok(None);
    };
    let join = stream.text("join").map(|text| expect::path(&stream, &text)).transpose()?;
    let stop = stream.get("stop_when").map(|value| last(&stream, scope, value)).transpose()?;
    let within = stream.duration("within").unwrap_or(timeout);
    Ok(Some(Stream { join, stop, within, max_events: stream.count("max_events") }))
}

fn last<'a>(fields: &Fields<'a>, scope: &Scope<'_>, value: &'a Placed<'a>) -> Result<Assertion, Diagnostic> {
    let path = fields.as_table(value).and_then(|words| words.text("json"));
    let subject = match path {
        Some(path) => Subject::Json(expect::path(fields, &path)?),
        None => Subject::Body,
    };
    let last = expect::assertion(fields, scope, subject, value)?;
    if last.predicates.is_empty() {
        let hint = "write a predicate, such as `equals`, beside it";
        return Err(fields.mistake(value.span(), "nothing is said of the last event", hint));
    }
    Ok(last)
}
