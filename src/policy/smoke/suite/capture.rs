//! What is taken from an answer: by JSONPath, from a header, a cookie, a link or the body, perhaps by a regular expression.

use regex::Regex;

use super::expect;
use super::json_path::Path;
use crate::base::diagnostic::Diagnostic;
use crate::policy::toml::fields::{Fields, Placed, Word};
use crate::policy::toml::vocabulary::{Form, Kind, Table, key};

/// Words in the name of a parameter, a field or a capture that holds a credential.
const TELLING: [&str; 11] = [
    "auth",
    "cookie",
    "credential",
    "csrf",
    "jwt",
    "passw",
    "pwd",
    "secret",
    "session",
    "signature",
    "token",
];

/// One value that is taken from an answer.
#[derive(Clone, Debug)]
pub struct Capture {
    /// The name by which later requests use it.
    pub name: String,
    /// Where it stands.
    pub from: Source,
    /// What of it is taken: the first group of this expression, or its whole match if it has no group.
    pub pattern: Option<Regex>,
    /// Whether it is marked `redact = true`.
    pub redacted: bool,
    /// Whether it is a credential: marked, so called, a cookie, or sent as one by a later step.
    pub credential: bool,
}

/// Where a captured value stands in an answer.
#[derive(Clone, Debug)]
pub enum Source {
    /// In the JSON body.
    Json(Path),
    /// In a header, by its name in lower case.
    Header(String),
    /// In a cookie that the answer sets.
    Cookie(String),
    /// In the `Link` header, by the relation (RFC 8288): a whole URL.
    Link(String),
    /// The body as text.
    Body,
}

impl Capture {
    /// Whether it is read out of the body.
    pub fn reads_body(&self) -> bool {
        matches!(self.from, Source::Json(_) | Source::Body)
    }

    /// Whether the value is a URL, which is taken as a whole: relative ones are resolved against the request's own.
    pub fn is_url(&self) -> bool {
        match &self.from {
            Source::Link(_) => self.pattern.is_none(),
            Source::Header(name) => {
                matches!(name.as_str(), "location" | "content-location") && self.pattern.is_none()
            }
            Source::Json(_) | Source::Cookie(_) | Source::Body => false,
        }
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Json(path) => f.write_str(path.as_str()),
            Self::Header(name) => write!(f, "header {name}"),
            Self::Cookie(name) => write!(f, "cookie {name}"),
            Self::Link(relation) => write!(f, "link {relation}"),
            Self::Body => f.write_str("body"),
        }
    }
}

pub(super) static CAPTURE: Form = Form {
    name: "a capture",
    hint: "write a JSONPath, or a table such as `{ header = \"Location\" }` or `{ regex = 'id=(\\d+)' }`",
    kinds: &[Kind::Text, Kind::Table(&TAKEN)],
};

/// The keys that say where a value stands; at most one of them.
const SOURCES: [&str; 5] = ["json", "header", "cookie", "link", "body"];

static TAKEN: Table = Table {
    name: "capture",
    about: "What is taken from an answer",
    keys: &[&[
        key("json", Kind::Text, "JSONPath into the answer"),
        key("header", Kind::Text, "name of a header; `Location` becomes a whole URL"),
        key("cookie", Kind::Text, "name of a cookie that the answer sets"),
        key("link", Kind::Text, "relation in the `Link` header, such as \"next\": a whole URL"),
        key("body", Kind::Flag, "true: the body as text"),
        key(
            "regex",
            Kind::Text,
            "takes the first group of this expression, or its match, of the body or of what else is named",
        ),
        key(
            "redact",
            Kind::Flag,
            "keep the value out of every report [default: if it is sent as a credential]",
        ),
    ]],
    required: &[],
    either: &[],
};

/// Reads the capture `name`.
///
/// # Errors
/// It names no place or two, or its path or expression does not compile.
pub(super) fn read<'a>(
    table: &Fields<'a>,
    name: &Word<'_>,
    value: &'a Placed<'a>,
) -> Result<Capture, Diagnostic> {
    let name = name.get_ref().to_string();
    let Some(words) = table.as_table(value) else {
        let from = Source::Json(expect::path(table, &table.as_text(value)?)?);
        let credential = is_telling(&name);
        return Ok(Capture { name, from, pattern: None, redacted: false, credential });
    };
    let from = source(&words)?;
    let pattern = words.text("regex").map(|text| pattern(&words, &text)).transpose()?;
    let redacted = words.is("redact");
    let credential = redacted || matches!(from, Source::Cookie(_)) || is_telling(&name);
    Ok(Capture { name, from, pattern, redacted, credential })
}

fn source(words: &Fields<'_>) -> Result<Source, Diagnostic> {
    let named: Vec<&str> = SOURCES.into_iter().filter(|key| words.get(key).is_some()).collect();
    let text = |key: &str| words.required(key).map(|text| text.get_ref().to_string());
    Ok(match named.as_slice() {
        ["json"] => Source::Json(expect::path(words, &words.required("json")?)?),
        ["header"] => Source::Header(text("header")?.to_ascii_lowercase()),
        ["cookie"] => Source::Cookie(text("cookie")?),
        ["link"] => Source::Link(text("link")?.to_ascii_lowercase()),
        ["body"] if words.is("body") => Source::Body,
        [] if words.get("regex").is_some() => Source::Body,
        [] | ["body"] => {
            let hint = "write one of `json`, `header`, `cookie`, `link`, `body = true` and `regex`";
            return Err(words.mistake(words.span.clone(), "this capture takes nothing", hint));
        }
        [first, second, ..] => {
            let message = format!("this capture takes from two places: `{first}` and `{second}`");
            return Err(words.mistake(words.place(second), message, "capture each under a name of its own"));
        }
        [_] => return Err(words.missing("json")),
    })
}

fn pattern(words: &Fields<'_>, text: &Word<'_>) -> Result<Regex, Diagnostic> {
    Regex::new(text.get_ref()).map_err(|problem| {
        let problem = problem.to_string();
        let problem = problem.lines().last().unwrap_or_default().trim_start_matches("error: ");
        let message = format!("this regular expression does not compile: {problem}");
        let hint = "write it in single quotes, so that TOML leaves its backslashes alone";
        words.mistake(text.span(), message, hint)
    })
}

/// Whether `name` is what a credential is called.
pub fn is_telling(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with("key") || name == "sig" || TELLING.iter().any(|word| name.contains(word))
}
