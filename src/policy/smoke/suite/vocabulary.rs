//! Every word that `smoke.toml` knows, once: the reader refuses what is not here, and the JSON Schema in
//! `docs/schemas/` is written from it.

use super::body::BODY;
use super::capture::CAPTURE;
use super::command::{COMMAND, EXIT};
use super::predicates::PREDICATES;
use super::stream::STREAM;
use super::until::{RETRY, UNTIL};
use super::values::{SECRETS, VARS};
use crate::policy::toml::vocabulary::{Form, Key, Kind, Table, key};

/// Names of the methods that a request may have.
pub(super) const METHODS: [&str; 7] = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"];

/// A request, for editors: the reader says what is wrong with one.
const REQUEST_LINE: Kind = Kind::Like("^(GET|HEAD|OPTIONS|POST|PUT|PATCH|DELETE) (/|[{][{])");

const FLAKY: Kind = Kind::Choice(&["fail", "warn"]);

static EXPECTATION_FORM: Form = Form {
    name: "a value or predicates",
    hint: "write a predicate such as `{ exists = true }`, or `{ equals = {} }` for an empty object",
    kinds: &[Kind::Plain, Kind::Table(&PREDICATES)],
};
const EXPECTATION: Kind = Kind::Form(&EXPECTATION_FORM);

const CLASSES: Kind = Kind::Choice(&["1xx", "2xx", "3xx", "4xx", "5xx"]);
const STATUS_HINT: &str = "write a code from 100 to 599, a class such as `\"2xx\"`, or a list of these";

static CODE: Form = Form { name: "a status", hint: STATUS_HINT, kinds: &[Kind::Between(100, 599), CLASSES] };

static STATUS: Form = Form {
    name: "a status",
    hint: STATUS_HINT,
    kinds: &[Kind::Between(100, 599), CLASSES, Kind::List { of: &Kind::Form(&CODE), least: 1 }],
};

static AUTH: Form = Form {
    name: "a way to authorise",
    hint: "write `\"bearer\"`, `\"basic\"`, `\"none\"`, or `{ header = \"X-Api-Key\" }`",
    kinds: &[Kind::Choice(&["bearer", "basic", "none"]), Kind::Table(&AUTH_HEADER)],
};

static AUTH_HEADER: Table = Table {
    name: "auth",
    about: "The tenant's token as the value of a header",
    keys: &[&[key("header", Kind::Text, "the header's name")]],
    required: &["header"],
    either: &[],
};

/// The whole file.
pub(super) static FILE: Table = Table {
    name: "suite",
    about: "What must be true of every canary tenant before a release may be promoted",
    keys: &[&[
        key("format", Kind::Exactly(1), "version of this format: 1"),
        key("tenants", Kind::Table(&TENANTS), "who is asked; tokens never stand in this file"),
        key("defaults", Kind::Table(&DEFAULTS), "what holds unless a request says otherwise"),
        key("vars", VARS, "values that any request may use as {{ var.NAME }}"),
        key("secrets", SECRETS, "secrets of the tenants, from variables; {{ secret.NAME }}"),
        key("tls", Kind::Table(&TLS), "certificates beside the system's own"),
        key("ready", Kind::Table(&READY), "how a tenant says which build it runs; no check runs before"),
        key("setup", Kind::Tables(&SETUP), "steps that run once a tenant, before the checks"),
        key("isolation", Kind::Table(&ISOLATION), "that a tenant refuses strangers"),
        key("check", Kind::Tables(&CHECK), "what must be true"),
    ]],
    required: &["format", "check"],
    either: &[],
};

static TENANTS: Table = Table {
    name: "tenants",
    about: "Who is asked",
    keys: &[&[
        key(
            "urls_env",
            Kind::Text,
            "variable with the URLs, by newline, comma or space [default: CANARY_TENANT_URLS]",
        ),
        key(
            "tokens_env",
            Kind::Text,
            "variable with the tokens, in the same order [default: CANARY_ADMIN_TOKENS]",
        ),
        key("min", Kind::Count, "fewer tenants than this is an error, never a pass [default: 1]"),
    ]],
    required: &[],
    either: &[],
};

static DEFAULTS: Table = Table {
    name: "defaults",
    about: "What holds unless a request says otherwise",
    keys: &[&[
        key("auth", Kind::Form(&AUTH), "how the tenant's token is sent [default: \"bearer\"]"),
        key("timeout", Kind::Duration, "bound on one attempt [default: 10s]"),
        key("deadline", Kind::Duration, "bound on everything: waiting, retries, every tenant [default: 10m]"),
        key("cookies", Kind::Flag, "the setup, and each check, keep cookies and send them [default: false]"),
        key("flaky", FLAKY, "what a pass that needed a retry means [default: \"fail\"]"),
        key("expect", Kind::Table(&EVERYWHERE), "what must be true of every answer, beside its own `expect`"),
    ]],
    required: &[],
    either: &[],
};

static TLS: Table = Table {
    name: "tls",
    about: "Certificates beside the system's own; paths are relative to the suite",
    keys: &[&[
        key("ca_file", Kind::Text, "PEM file with further certificate authorities"),
        key("cert_file", Kind::Text, "PEM file with the client certificate and its chain"),
        key("key_file", Kind::Text, "PEM file with the client certificate's private key"),
    ]],
    required: &[],
    either: &[],
};

static REQUEST: [Key; 4] = [
    key(
        "request",
        REQUEST_LINE,
        "\"METHOD /path?query\"; takes placeholders; \"GET {{ next }}\" follows a captured URL of the tenant",
    ),
    key("auth", Kind::Form(&AUTH), "how the tenant's token is sent; \"none\": not at all"),
    key("header", Kind::Map(&Kind::Text), "further headers of the request"),
    key("timeout", Kind::Duration, "bound on one attempt"),
];

static EXPECTED: [Key; 1] = [key("expect", Kind::Table(&EXPECT), "what must be true of the answer")];

static STEP_KEYS: [Key; 6] = [
    key("body", Kind::Table(&BODY), "the body of the request, in one of six forms"),
    key(
        "capture",
        Kind::Map(&Kind::Form(&CAPTURE)),
        "what is taken from this answer, by the name that later requests use",
    ),
    key("stream", Kind::Table(&STREAM), "the answer is a stream of events, and how it is read"),
    key("until", Kind::Table(&UNTIL), "asks a read again until its expectations hold; a pass is then a pass"),
    key("retry", Kind::Table(&RETRY), "asks again while an expectation does not hold; a pass is then flaky"),
    key("idempotent", Kind::Flag, "says that asking twice is harmless, so that a write may be retried"),
];

/// The keys that belong to one request.
pub(super) fn of_a_request() -> impl Iterator<Item = &'static str> {
    REQUEST.iter().chain(&EXPECTED).chain(&STEP_KEYS).map(|key| key.name)
}

static NAMED: [Key; 2] =
    [key("name", Kind::Text, "how it is called in reports"), key("why", Kind::Text, "what it proves")];

static READY: Table = Table {
    name: "ready",
    about: "How a tenant says which build it runs",
    keys: &[
        &REQUEST,
        &EXPECTED,
        &[
            key("every", Kind::Duration, "how often a tenant is asked [default: 5s]"),
            key("within", Kind::Duration, "how long it may take [default: 5m]"),
            key("streak", Kind::Count, "how many right answers in a row are needed [default: 1]"),
        ],
    ],
    required: &["request", "expect"],
    either: &[],
};

static ISOLATION: Table = Table {
    name: "isolation",
    about: "Asks each tenant with a random token and without any: it must answer 401 or 403",
    keys: &[&[
        key("probe", REQUEST_LINE, "\"METHOD /path\" of something that needs the token"),
        key("timeout", Kind::Duration, "bound on one attempt"),
    ]],
    required: &["probe"],
    either: &[],
};

static CHECK: Table = Table {
    name: "check",
    about: "One thing that must be true: one request, steps in order, or a command",
    keys: &[
        &NAMED,
        &[
            key("labels", Kind::List { of: &Kind::Text, least: 1 }, "words by which --label chooses checks"),
            key(
                "cookies",
                Kind::Flag,
                "keeps the cookies that answers set, and sends them with later requests",
            ),
            key("command", COMMAND, "a program and its arguments, run instead of requests"),
            key("flaky", FLAKY, "what a pass of this check that needed a retry means"),
            key("repeat", Kind::Table(&REPEAT), "samples, for answers that are not the same every time"),
            key("step", Kind::Tables(&STEP), "requests in order; each may use what earlier ones captured"),
            key("cleanup", Kind::Tables(&CLEANUP), "requests that run whatever happened before"),
        ],
        &REQUEST,
        &EXPECTED,
        &STEP_KEYS,
    ],
    required: &["name"],
    either: &[&["request"], &["step"], &["command"]],
};

static SETUP: Table = Table {
    name: "setup",
    about: "A request that runs once a tenant, before the checks; what it captures is known to all of them",
    keys: &[
        &NAMED,
        &[key("cleanup", Kind::Tables(&CLEANUP), "requests that run after all checks, whatever happened")],
        &REQUEST,
        &EXPECTED,
        &STEP_KEYS,
    ],
    required: &["request", "expect"],
    either: &[],
};

static STEP: Table = Table {
    name: "step",
    about: "One request and what must be true of its answer",
    keys: &[&NAMED, &REQUEST, &EXPECTED, &STEP_KEYS],
    required: &["request", "expect"],
    either: &[],
};

static CLEANUP: Table = Table {
    name: "cleanup",
    about: "A request that takes away what the steps made; left out if it needs something that was not captured",
    keys: &[
        &[key("name", Kind::Text, "how it is called in reports")],
        &REQUEST,
        &EXPECTED,
        &[key("body", Kind::Table(&BODY), "the body of the request, in one of six forms")],
    ],
    required: &["request", "expect"],
    either: &[],
};

static EVERYWHERE: Table = Table {
    name: "everywhere",
    about: "What must be true of every answer to every request, such as the header that names its build",
    keys: &[&PARTS],
    required: &[],
    either: &[],
};

static PARTS: [Key; 4] = [
    key("header", Kind::Map(&EXPECTATION), "headers by name"),
    key("body", EXPECTATION, "the body as text"),
    key("json", Kind::Map(&EXPECTATION), "parts of the body by JSONPath (RFC 9535)"),
    key("within", Kind::Duration, "the answer came in this time"),
];

static EXPECT: Table = Table {
    name: "expect",
    about: "What must be true of an answer, or of the end of a command",
    keys: &[
        &[
            key(
                "status",
                Kind::Form(&STATUS),
                "the status code, a class such as \"2xx\", or a list of these",
            ),
            key("exit", EXIT, "the exit code of a command, or a list of these"),
            key("stdout", EXPECTATION, "what a command wrote to stdout, as text"),
            key("first_event_within", Kind::Duration, "the first event of a stream came in this time"),
        ],
        &PARTS,
    ],
    required: &[],
    either: &[&["status"], &["exit"]],
};

static REPEAT: Table = Table {
    name: "repeat",
    about: "Samples of an answer that is not the same every time",
    keys: &[&[
        key("times", Kind::Count, "how many samples"),
        key("pass", Kind::Count, "how many of them must pass"),
    ]],
    required: &["times", "pass"],
    either: &[],
};
