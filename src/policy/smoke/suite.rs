//! `smoke.toml`: what must be true of every canary tenant. Text to typed rules; everything that can be wrong with the
//! file is found here, before the first request.
//!
//! Format: the words in `suite/vocabulary.rs`, described in `docs/tools/canary-smoke.md`. JSONPath is RFC 9535, regular
//! expressions are those of the `regex` crate (linear time, no look-around).

pub mod advice;
pub mod body;
pub mod capture;
pub mod choice;
pub mod command;
pub mod expectation;
pub mod json_path;
pub mod proof;
pub mod several;
pub mod stream;
pub mod template;
pub mod until;
pub mod values;
pub mod worst_case;

mod checks;
mod credentials;
mod expect;
mod isolation;
mod predicates;
mod request;
mod scope;
mod setup;
mod step;
mod vocabulary;

use std::collections::BTreeSet;
use std::time::Duration;

use self::body::Body;
pub use self::body::LoadFile;
use self::capture::{Capture, Source};
use self::command::Program;
use self::expectation::{Expect, Subject};
use self::json_path::Path;
use self::stream::Stream;
use self::template::Template;
use self::until::Retry;
use self::values::Named;
use crate::base::list::NonEmpty;
use crate::model::check::{FlakyRule, Repeat};
use crate::policy::smoke::of_release;
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
    /// Certificates beside the system's own.
    pub tls: TlsFiles,
    /// How a tenant says which build it runs.
    pub ready: Option<Ready>,
    /// What the checks of each file share.
    pub parts: Vec<Part>,
    /// What must be true, in the order of the file; the checks of `[isolation]` last. Names are unique.
    pub checks: NonEmpty<Check>,
    /// Files that were read into bodies, by the name in the suite, with their bytes.
    pub body_files: Vec<(String, Vec<u8>)>,
    /// The placeholders for digests and pins of the release.
    pub of_release: BTreeSet<String>,
}

impl Suite {
    /// Every step in the order in which a recording numbers them: `[ready]`, setup, checks; with its cleanups.
    fn steps(&self) -> impl Iterator<Item = &Step> {
        let ready = self.ready.iter().map(|ready| &ready.step);
        let setup = self.parts.iter().flat_map(|part| &part.setup);
        let setup = setup.flat_map(|setup| std::iter::once(&setup.step).chain(&setup.cleanup));
        ready.chain(setup).chain(self.checks.iter().flat_map(Check::requests))
    }

    /// Whether any request carries the tenant's token.
    pub fn needs_tokens(&self) -> bool {
        self.steps().any(|step| matches!(step.request.auth, Auth::Own(_)))
    }
}

/// What the checks of one file share.
#[derive(Clone, Debug)]
pub struct Part {
    /// The file as the person named it.
    pub file: String,
    /// `[vars]` and `[secrets]`.
    pub values: Vec<Named>,
    /// What runs once a tenant, before the checks.
    pub setup: Vec<SetupStep>,
    /// Whether the setup keeps cookies and sends them.
    pub cookies: bool,
}

/// One step of a setup.
#[derive(Clone, Debug)]
pub struct SetupStep {
    /// What is asked.
    pub step: Step,
    /// What takes away what it made, after all checks.
    pub cleanup: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantSource {
    pub urls_env: String,
    pub tokens_env: String,
    /// Fewer are an error.
    pub min: u32,
}

impl Default for TenantSource {
    fn default() -> Self {
        Self {
            urls_env: "CANARY_TENANT_URLS".to_owned(),
            tokens_env: "CANARY_ADMIN_TOKENS".to_owned(),
            min: 1,
        }
    }
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
    /// The number of its file among the suite's parts.
    pub part: usize,
}

/// One thing that must be true.
#[derive(Clone, Debug)]
pub struct Check {
    pub name: String,
    pub why: Option<String>,
    /// By which it can be chosen.
    pub labels: Vec<String>,
    /// Its line in the file.
    pub line: usize,
    /// The number of its file among the suite's parts.
    pub part: usize,
    /// What it means if it is flaky.
    pub flaky: FlakyRule,
    /// Whether it keeps cookies and sends them.
    pub cookies: bool,
    /// How often it is run, and how many of these must pass.
    pub repeat: Repeat,
    /// Its steps, in order; none if a program is run instead.
    pub steps: Vec<Step>,
    /// The program that is run instead.
    pub program: Option<Program>,
    /// What takes away what the steps made.
    pub cleanup: Vec<Step>,
}

impl Check {
    /// Its steps, and what cleans up after them.
    fn requests(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().chain(&self.cleanup)
    }
}

fn twice(name: &str) -> String {
    format!("there are two checks named `{name}`")
}

/// One request and what must be true of its answer.
#[derive(Clone, Debug)]
pub struct Step {
    pub name: Option<String>,
    pub line: usize,
    pub request: Request,
    pub expect: Expect,
    /// What is taken from the answer.
    pub captures: Vec<Capture>,
    /// Whether, and how, it is asked again while an expectation does not hold.
    pub retry: Option<Retry>,
    /// Whether the suite says that asking twice is harmless.
    pub idempotent: bool,
    /// Bound on one attempt; of a stream, on what comes before its first byte.
    pub timeout: Duration,
    /// How the answer is read if it is a stream of events.
    pub stream: Option<Stream>,
}

impl Step {
    /// Marks the captures that are among `sent` as credentials.
    fn mark(&mut self, sent: &BTreeSet<String>) {
        self.captures.iter_mut().for_each(|capture| capture.credential |= sent.contains(&capture.name));
    }

    /// Whether the request may make something that is still there afterwards.
    pub fn writes(&self) -> bool {
        !self.request.is_read() && !self.idempotent
    }

    /// The parts of the answer that something is expected of, or that are captured.
    pub fn paths(&self) -> Vec<Path> {
        let expected = self.expect.assertions.iter().chain(&self.expect.everywhere);
        let expected = expected.filter_map(|assertion| match &assertion.subject {
            Subject::Json(path) => Some(path),
            Subject::Header(_) | Subject::Body => None,
        });
        let captured = self.captures.iter().filter_map(|capture| match &capture.from {
            Source::Json(path) => Some(path),
            Source::Header(_) | Source::Cookie(_) | Source::Link(_) | Source::Body => None,
        });
        let joined = self.stream.as_ref().and_then(Stream::joined);
        expected.chain(captured).cloned().chain(joined).collect()
    }

    /// The longest that one attempt takes.
    pub fn longest(&self) -> Duration {
        self.stream.as_ref().map_or(self.timeout, |stream| stream.within.max(self.timeout))
    }

    /// Whether sending the request twice does no more than sending it once (RFC 9110, section 9.2.2).
    pub fn is_repeatable(&self) -> bool {
        !self.writes() || matches!(self.request.method, "PUT" | "DELETE")
    }
}

/// What is sent.
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
    /// The names of its placeholders.
    pub fn names(&self) -> Vec<&str> {
        let headers = self.headers.iter().flat_map(|(_, template)| template.names());
        let body = self.body.iter().flat_map(Body::names);
        self.target.names().chain(headers).chain(body).collect()
    }

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

/// Reads `smoke.toml`.
pub fn read(file: &TomlFile<'_>, load: LoadFile<'_>) -> Result<Suite, Mistakes> {
    let mut suite = toml::read(file, &vocabulary::FILE, |fields| checks::read_suite(fields, load))?;
    suite.parts.iter_mut().for_each(|part| part.file = file.name.to_owned());
    let texts = suite.body_files.iter().filter_map(|(_, bytes)| std::str::from_utf8(bytes).ok());
    suite.of_release = of_release::used(file.text, texts);
    Ok(suite)
}

/// The JSON Schema of `smoke.toml`, for editors.
pub fn schema() -> String {
    toml::schema::write("smoke.toml", &vocabulary::FILE)
}
