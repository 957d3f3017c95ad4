//! What a suite expects of an answer, as types.

use std::time::Duration;

use regex::Regex;
use regex_syntax::hir::{Hir, HirKind};

use super::json_path::Path;
use super::template::{Encoding, JsonTemplate, Template, Unfit, Variables};
use crate::base::list::NonEmpty;

/// Everything that must be true of one answer.
#[derive(Clone, Debug)]
pub struct Expect {
    /// The status codes that are right.
    pub status: NonEmpty<Status>,
    /// The time in which the answer came.
    pub within: Option<Duration>,
    /// What else, in the order of the file.
    pub assertions: Vec<Assertion>,
    /// What must be true of every answer of the suite.
    pub everywhere: Vec<Assertion>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Code(u16),
    /// All that begin with this digit.
    Class(u16),
}

impl Status {
    /// Whether `code` is one of these.
    pub fn takes(self, code: u16) -> bool {
        match self {
            Self::Code(wanted) => wanted == code,
            Self::Class(digit) => code / 100 == digit,
        }
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Code(code) => write!(f, "{code}"),
            Self::Class(digit) => write!(f, "{digit}xx"),
        }
    }
}

/// What must be true of one part of an answer.
#[derive(Clone, Debug)]
pub struct Assertion {
    pub subject: Subject,
    pub predicates: Vec<Predicate>,
}

#[derive(Clone, Debug)]
pub enum Subject {
    /// A header, by its name in lower case.
    Header(String),
    Body,
    Json(Path),
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Header(name) => write!(f, "header {name}"),
            Self::Body => f.write_str("body"),
            Self::Json(path) => f.write_str(path.as_str()),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonType {
    /// `{}`
    Object,
    /// `[]`
    Array,
    /// `""`
    String,
    Number,
    /// A number without a fraction.
    Integer,
    /// `true`, `false`
    Boolean,
    /// `null`
    Null,
}

impl JsonType {
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "object" => Self::Object,
            "array" => Self::Array,
            "string" => Self::String,
            "number" => Self::Number,
            "integer" => Self::Integer,
            "boolean" => Self::Boolean,
            "null" => Self::Null,
            _ => return None,
        })
    }
}

/// An order between numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
    /// `<`
    Less,
    /// `<=`
    AtMost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Start,
    End,
}

/// Whether something is to be so, or is not to be so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    Yes,
    No,
}

/// One thing that must be true of a value.
#[derive(Clone, Debug)]
pub enum Predicate {
    /// `equals`, `not_equals`, and a bare value.
    Equals(Wanted, JsonTemplate),
    /// `type`.
    Type(JsonType),
    /// `min_len`.
    MinLen(u32),
    /// `max_len`.
    MaxLen(u32),
    /// `contains`, `not_contains`.
    Contains(Wanted, JsonTemplate),
    /// `starts_with`, `ends_with`.
    Affix(Part, Template),
    /// `matches`, `not_matches`.
    Matches(Wanted, Pattern),
    /// `gt`, `ge`, `lt`, `le`.
    Compare(Order, serde_json::Number),
    /// `one_of`.
    OneOf(Vec<JsonTemplate>),
    /// `exists`.
    Exists(Wanted),
}

/// A regular expression, perhaps with placeholders, which stand for themselves letter by letter.
#[derive(Clone, Debug)]
pub struct Pattern {
    template: Template,
    compiled: Option<Regex>,
}

impl Pattern {
    /// Compiles `template`; with placeholders, once to see that it does.
    ///
    /// # Errors
    /// It is no regular expression; what is wrong with it.
    pub fn new(template: Template) -> Result<Self, String> {
        let trial: Variables = template.names().map(|name| (name.to_owned(), "x".into())).collect();
        let text = template.render(&trial, Encoding::Regex).map_err(|e| e.to_string())?;
        let regex = Regex::new(&text).map_err(|e| last_line(&e.to_string()))?;
        let compiled = trial.is_empty().then_some(regex);
        Ok(Self { template, compiled })
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.template.names()
    }

    /// Whether every text that it matches has in it what the placeholder `name` stands for.
    pub fn needs(&self, name: &str) -> bool {
        // Hex digits as in a sha, which no other part of the expression has.
        const WORD: &str = "5a17c0ffee";
        let other = |found: &str| if found == name { WORD } else { "x" };
        let trial: Variables =
            self.template.names().map(|found| (found.to_owned(), other(found).into())).collect();
        let text = self.template.render(&trial, Encoding::Regex);
        text.is_ok_and(|text| regex_syntax::parse(&text).is_ok_and(|hir| always_has(&hir, WORD.as_bytes())))
    }

    /// The expression with its placeholders filled.
    pub fn regex(&self, variables: &Variables) -> Result<Regex, Unfit> {
        if let Some(regex) = &self.compiled {
            return Ok(regex.clone());
        }
        let text = self.template.render(variables, Encoding::Regex)?;
        // The trial compiled with a short value; what a longer one can break is only the size limit.
        Regex::new(&text)
            .map_err(|_| Unfit::NotText(self.template.to_string(), "a value too long for a pattern"))
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.template.fmt(f)
    }
}

fn always_has(hir: &Hir, word: &[u8]) -> bool {
    match hir.kind() {
        HirKind::Literal(literal) => literal.0.windows(word.len()).any(|part| part == word),
        HirKind::Capture(capture) => always_has(&capture.sub, word),
        HirKind::Repetition(repetition) => repetition.min > 0 && always_has(&repetition.sub, word),
        HirKind::Concat(parts) => parts.iter().any(|part| always_has(part, word)),
        HirKind::Alternation(ways) => ways.iter().all(|way| always_has(way, word)),
        HirKind::Empty | HirKind::Class(_) | HirKind::Look(_) => false,
    }
}

/// The crate draws the expression with a caret over several lines, the last of which says what is wrong.
fn last_line(message: &str) -> String {
    message.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
}
