//! Every word that `smoke.toml` knows, once: the reader refuses what is not here, and the JSON Schema in
//! `docs/schemas/` is written from it.

use crate::policy::toml::vocabulary::{Form, Key, Kind, Table, key};

/// JSON types by name, as `type` takes them.
pub(super) const TYPES: [&str; 7] = ["object", "array", "string", "number", "integer", "boolean", "null"];

/// Names of the methods that a request may have.
pub(super) const METHODS: [&str; 7] = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"];

/// A request, for editors: the reader says what is wrong with one.
const REQUEST_LINE: Kind = Kind::Like("^(GET|HEAD|OPTIONS|POST|PUT|PATCH|DELETE) /");

const VALUES: Kind = Kind::List { of: &Kind::Json, least: 1 };

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

static CAPTURE: Form = Form {
    name: "a capture",
    hint: "write a JSONPath, or `{ json = \"$.path\", redact = true }`",
    kinds: &[Kind::Text, Kind::Table(&CAPTURED)],
};

static CAPTURED: Table = Table {
    name: "capture",
    about: "What is taken from an answer",
    keys: &[&[
        key("json", Kind::Text, "JSONPath into the answer"),
        key(
            "redact",
            Kind::Flag,
            "keep the value out of every report [default: if it is sent as a credential]",
        ),
    ]],
    required: &["json"],
    either: &[],
};

pub(super) static FILE: Table = Table {
    name: "suite",
    about: "What must be true of every canary tenant before a release may be promoted",
    keys: &[&[
        key("format", Kind::Exactly(1), "version of this format: 1"),
        key("tenants", Kind::Table(&TENANTS), "who is asked; tokens never stand in this file"),
        key("defaults", Kind::Table(&DEFAULTS), "what holds unless a request says otherwise"),
        key("tls", Kind::Table(&TLS), "certificates beside the system's own"),
        key("ready", Kind::Table(&READY), "how a tenant says which build it runs; no check runs before"),
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
        key(
            "flaky",
            Kind::Choice(&["fail", "warn"]),
            "what a pass that needed a retry means [default: \"fail\"]",
        ),
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
        "\"METHOD /path?query\"; takes {{ sha }}, {{ nonce }}, {{ tenant }} and captures",
    ),
    key("auth", Kind::Form(&AUTH), "how the tenant's token is sent; \"none\": not at all"),
    key("header", Kind::Map(&Kind::Text), "further headers of the request"),
    key("timeout", Kind::Duration, "bound on one attempt"),
];

static EXPECTED: [Key; 1] = [key("expect", Kind::Table(&EXPECT), "what must be true of the answer")];

static STEP_KEYS: [Key; 4] = [
    key("body", Kind::Table(&BODY), "the body of the request, in one of four forms"),
    key(
        "capture",
        Kind::Map(&Kind::Form(&CAPTURE)),
        "JSONPath of this answer, by the name that later requests use",
    ),
    key("retry", Kind::Table(&RETRY), "asks again while an expectation does not hold; a pass is then flaky"),
    key("idempotent", Kind::Flag, "says that asking twice is harmless, so that a write may be retried"),
];

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
    about: "One thing that must be true: one request, or steps in order",
    keys: &[
        &NAMED,
        &[
            key("repeat", Kind::Table(&REPEAT), "samples, for answers that are not the same every time"),
            key("step", Kind::Tables(&STEP), "requests in order; each may use what earlier ones captured"),
            key("cleanup", Kind::Tables(&CLEANUP), "requests that run whatever happened before"),
        ],
        &REQUEST,
        &EXPECTED,
        &STEP_KEYS,
    ],
    required: &["name"],
    either: &[&["request", "expect"], &["step"]],
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
        &[key("body", Kind::Table(&BODY), "the body of the request, in one of four forms")],
    ],
    required: &["request", "expect"],
    either: &[],
};

static BODY: Table = Table {
    name: "body",
    about: "The body of a request, in one of four forms",
    keys: &[&[
        key("json", Kind::Json, "sent as application/json"),
        key("text", Kind::Text, "sent as text/plain"),
        key("form", Kind::Map(&Kind::Text), "sent as application/x-www-form-urlencoded"),
        key("file", Kind::Text, "a text file beside the suite, sent as it is"),
    ]],
    required: &[],
    either: &[&["json"], &["text"], &["form"], &["file"]],
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
    about: "What must be true of an answer",
    keys: &[
        &[key("status", Kind::Form(&STATUS), "the status code, a class such as \"2xx\", or a list of these")],
        &PARTS,
    ],
    required: &["status"],
    either: &[],
};

static RETRY: Table = Table {
    name: "retry",
    about: "Asks again while an expectation does not hold",
    keys: &[&[key("within", Kind::Duration, "for how long"), key("every", Kind::Duration, "how often")]],
    required: &["within", "every"],
    either: &[],
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

/// What can be asked of a value. All of the predicates of one table must hold.
pub(super) static PREDICATES: Table = Table {
    name: "predicates",
    about: "What must be true of a value; all of these",
    keys: &[&[
        key("equals", Kind::Json, "is this, type included"),
        key("not_equals", Kind::Json, "is not this"),
        key("type", Kind::Choice(&TYPES), "is of this JSON type"),
        key("min_len", Kind::Size, "has at least so many characters, members or keys"),
        key("max_len", Kind::Size, "has at most so many characters, members or keys"),
        key("contains", Kind::Json, "a text has this part; a list has this member"),
        key("not_contains", Kind::Json, "a text has no such part; a list has no such member"),
        key("starts_with", Kind::Text, "a text begins so"),
        key("ends_with", Kind::Text, "a text ends so"),
        key("matches", Kind::Text, "a text has a match of this regular expression"),
        key("not_matches", Kind::Text, "a text has no match of this regular expression"),
        key("gt", Kind::Number, "is a number greater than this"),
        key("ge", Kind::Number, "is a number not less than this"),
        key("lt", Kind::Number, "is a number less than this"),
        key("le", Kind::Number, "is a number not greater than this"),
        key("one_of", VALUES, "is one of these"),
        key("exists", Kind::Flag, "is there, or is not"),
    ]],
    required: &[],
    either: &[],
};
