//! `smoke.toml`: what must be true of every canary tenant. Text to typed rules; everything that can be wrong with the
//! file is found here, before the first request.
//!
//! Format: the words in `suite/vocabulary.rs`, described in `docs/tools/canary-smoke.md`. JSONPath is RFC 9535, regular
//! expressions are those of the `regex` crate (linear time, no look-around).

pub mod advice;
pub mod expectation;
pub mod json_path;
pub mod proof;
pub mod template;
pub mod worst_case;

mod checks;
mod credentials;
mod expect;
mod request;
mod scope;
mod vocabulary;

use std::collections::BTreeSet;
use std::time::Duration;

use self::expectation::{Expect, Subject};
use self::json_path::Path;
use self::template::{JsonTemplate, Template};
use crate::base::list::NonEmpty;
use crate::model::check::Repeat;
use crate::policy::toml::{self, Mistakes, TomlFile};

/// Bound on one attempt, unless the file says otherwise.
pub const TIMEOUT: Duration = Duration::from_secs(10);
/// Bound on everything, unless the file says otherwise.
pub const DEADLINE: Duration = Duration::from_secs(600);

#[derive(Clone, Debug)]
pub struct Suite {
    pub tenants: TenantSource,
    /// Bound on everything.
    pub deadline: Duration,
    pub flaky: FlakyRule,
    pub tls: TlsFiles,
    /// How a tenant says which build it runs.
    pub ready: Option<Ready>,
    /// What must be true, in the order of the file; the checks of `[isolation]` last. Names are unique.
    pub checks: NonEmpty<Check>,
    /// Files that were read into bodies, by the name in the suite, with their text.
    pub body_files: Vec<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantSource {
    pub urls_env: String,
    pub tokens_env: String,
    /// Fewer are an error.
    pub min: u32,
}

/// What a pass that needed a retry means for the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlakyRule {
    Fail,
    Warn,
}

/// Paths of PEM files, as the suite writes them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFiles {
    pub ca: Option<String>,
    pub client: Option<(String, String)>,
}

/// How a tenant says which build it runs.
#[derive(Clone, Debug)]
pub struct Ready {
    pub step: Step,
    pub every: Duration,
    pub within: Duration,
    /// How many right answers in a row.
    pub streak: u32,
}

/// One thing that must be true.
#[derive(Clone, Debug)]
pub struct Check {
    pub name: String,
    pub why: Option<String>,
    pub line: usize,
    /// How often it is run, and how many of these must pass.
    pub repeat: Repeat,
    /// Its steps, in order.
    pub steps: NonEmpty<Step>,
    /// What takes away what the steps made.
    pub cleanup: Vec<Step>,
}

/// One request and what must be true of its answer.
#[derive(Clone, Debug)]
pub struct Step {
    pub name: Option<String>,
    pub line: usize,
    pub request: Request,
    pub expect: Expect,
    /// What is taken from the answer, by name.
    pub captures: Vec<(String, Path)>,
    /// Which of the captures are credentials: marked, so called, or sent as one by a step of the check.
    pub credentials: BTreeSet<String>,
    /// Which of the captures are marked `redact = true`.
    pub redacted: BTreeSet<String>,
    /// Whether, and how, it is asked again while an expectation does not hold.
    pub retry: Option<Retry>,
    /// Whether the suite says that asking twice is harmless.
    pub idempotent: bool,
    /// Bound on one attempt.
    pub timeout: Duration,
}

impl Step {
    /// Whether the request may make something that is still there afterwards.
    pub fn writes(&self) -> bool {
        !self.request.is_read() && !self.idempotent
    }

    /// The parts of the answer that something is expected of, or that are captured.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        let expected = self.expect.assertions.iter().chain(&self.expect.everywhere);
        let expected = expected.filter_map(|assertion| match &assertion.subject {
            Subject::Json(path) => Some(path),
            Subject::Header(_) | Subject::Body => None,
        });
        expected.chain(self.captures.iter().map(|(_, path)| path))
    }

    /// Whether sending the request twice does no more than sending it once (RFC 9110, section 9.2.2).
    pub fn is_repeatable(&self) -> bool {
        !self.writes() || matches!(self.request.method, "PUT" | "DELETE")
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    pub within: Duration,
    pub every: Duration,
}

#[derive(Clone, Debug)]
pub struct Request {
    /// `GET`, `POST` and so on.
    pub method: &'static str,
    pub target: Template,
    /// Whether and how a token is sent.
    pub auth: Auth,
    /// Further headers, names in lower case.
    pub headers: Vec<(String, Template)>,
    pub body: Option<Body>,
}

impl Request {
    /// Whether the method only reads (RFC 9110, section 9.2.1).
    pub fn is_read(&self) -> bool {
        matches!(self.method, "GET" | "HEAD" | "OPTIONS")
    }
}

impl std::fmt::Display for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.target)
    }
}

/// Whether and how a token is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    None,
    Own(Scheme),
    /// A random one that the tenant must refuse.
    Stranger(Scheme),
}

/// In which form a token is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `Authorization: Bearer <token>`.
    Bearer,
    /// `Authorization: Basic <base64 of user:password>`; the token is `user:password`, or a user without password.
    Basic,
    /// The token as the value of this header.
    Header(String),
}

#[derive(Clone, Debug)]
pub enum Body {
    /// `application/json`.
    Json(JsonTemplate),
    /// `text/plain`, or whatever the request's own header says.
    Text(Template),
    /// `application/x-www-form-urlencoded`.
    Form(Vec<(String, Template)>),
}

/// Reads the text of a file beside the suite, for `body.file`; the message says why it cannot.
pub type LoadFile<'a> = &'a dyn Fn(&str) -> Result<String, String>;

/// Reads `smoke.toml`.
pub fn read(file: &TomlFile<'_>, load: LoadFile<'_>) -> Result<Suite, Mistakes> {
    toml::read(file, &vocabulary::FILE, |fields| checks::read_suite(fields, load))
}

/// The JSON Schema of `smoke.toml`, for editors.
pub fn schema() -> String {
    toml::schema::write("smoke.toml", &vocabulary::FILE)
}
