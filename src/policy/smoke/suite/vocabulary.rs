//! Every word that `smoke.toml` knows, once: the reader refuses what is not here, and the JSON Schema in
//! `docs/schemas/` is written from it.

/// What may stand at a key.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A text.
    Text,
    /// `true` or `false`.
    Flag,
    /// A whole number from 1 on.
    Count,
    /// A whole number from 0 on.
    Size,
    /// A number.
    Number,
    /// A span of time with a unit.
    Span,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A status code, a class such as `"2xx"`, or a list of these.
    Status,
    /// How a request is authorised.
    Auth,
    /// Anything that JSON can hold.
    Value,
    /// A list of anything that JSON can hold.
    Values,
    /// A value that is to be equal, or a table of predicates.
    Expectation,
    /// A table with these keys.
    Table(&'static Table),
    /// `[[...]]`: a list of tables with these keys.
    Tables(&'static Table),
    /// A table whose keys are free.
    Map(&'static Kind),
}

/// One key.
#[derive(Debug)]
pub struct Key {
    /// The word.
    pub name: &'static str,
    /// What may stand there.
    pub kind: Kind,
    /// What it says, for whoever writes the file.
    pub about: &'static str,
}

/// One table.
#[derive(Debug)]
pub struct Table {
    /// What it is called in the schema.
    pub name: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// Its keys, in groups that tables share.
    pub keys: &'static [&'static [Key]],
    /// Keys that must be there.
    pub required: &'static [&'static str],
    /// Sets of keys of which exactly one must be there; empty: no such rule.
    pub either: &'static [&'static [&'static str]],
}

impl Table {
    /// All keys.
    pub fn all(&self) -> impl Iterator<Item = &'static Key> {
        self.keys.iter().flat_map(|group| group.iter())
    }

    /// The key called `name`.
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.all().find(|key| key.name == name)
    }
}

const fn key(name: &'static str, kind: Kind, about: &'static str) -> Key {
    Key { name, kind, about }
}

/// JSON types by name, as `type` takes them.
pub const TYPES: [&str; 7] = ["object", "array", "string", "number", "integer", "boolean", "null"];

/// Names of the methods that a request may have.
pub const METHODS: [&str; 7] = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"];

/// The whole file.
pub static FILE: Table = Table {
    name: "suite",
    about: "What must be true of every canary tenant before a release may be promoted",
    keys: &[&[
        key("format", Kind::Count, "version of this format: 1"),
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
        key("auth", Kind::Auth, "how the tenant's token is sent [default: \"bearer\"]"),
        key("timeout", Kind::Span, "bound on one attempt [default: 10s]"),
        key("deadline", Kind::Span, "bound on everything: waiting, retries, every tenant [default: 10m]"),
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
        Kind::Text,
        "\"METHOD /path?query\"; takes {{ sha }}, {{ nonce }}, {{ tenant }} and captures",
    ),
    key("auth", Kind::Auth, "how the tenant's token is sent; \"none\": not at all"),
    key("header", Kind::Map(&Kind::Text), "further headers of the request"),
    key("timeout", Kind::Span, "bound on one attempt"),
];

static EXPECTED: [Key; 1] = [key("expect", Kind::Table(&EXPECT), "what must be true of the answer")];

static STEP_KEYS: [Key; 4] = [
    key("body", Kind::Table(&BODY), "the body of the request, in one of four forms"),
    key("capture", Kind::Map(&Kind::Text), "JSONPath of this answer, by the name that later requests use"),
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
            key("every", Kind::Span, "how often a tenant is asked [default: 5s]"),
            key("within", Kind::Span, "how long it may take [default: 5m]"),
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
        key("probe", Kind::Text, "\"METHOD /path\" of something that needs the token"),
        key("timeout", Kind::Span, "bound on one attempt"),
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
        key("json", Kind::Value, "sent as application/json"),
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
    key("header", Kind::Map(&Kind::Expectation), "headers by name"),
    key("body", Kind::Expectation, "the body as text"),
    key("json", Kind::Map(&Kind::Expectation), "parts of the body by JSONPath (RFC 9535)"),
    key("within", Kind::Span, "the answer came in this time"),
];

static EXPECT: Table = Table {
    name: "expect",
    about: "What must be true of an answer",
    keys: &[
        &[key("status", Kind::Status, "the status code, a class such as \"2xx\", or a list of these")],
        &PARTS,
    ],
    required: &["status"],
    either: &[],
};

static RETRY: Table = Table {
    name: "retry",
    about: "Asks again while an expectation does not hold",
    keys: &[&[key("within", Kind::Span, "for how long"), key("every", Kind::Span, "how often")]],
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
pub static PREDICATES: Table = Table {
    name: "predicates",
    about: "What must be true of a value; all of these",
    keys: &[&[
        key("equals", Kind::Value, "is this, type included"),
        key("not_equals", Kind::Value, "is not this"),
        key("type", Kind::Choice(&TYPES), "is of this JSON type"),
        key("min_len", Kind::Size, "has at least so many characters, members or keys"),
        key("max_len", Kind::Size, "has at most so many characters, members or keys"),
        key("contains", Kind::Value, "a text has this part; a list has this member"),
        key("not_contains", Kind::Value, "a text has no such part; a list has no such member"),
        key("starts_with", Kind::Text, "a text begins so"),
        key("ends_with", Kind::Text, "a text ends so"),
        key("matches", Kind::Text, "a text has a match of this regular expression"),
        key("not_matches", Kind::Text, "a text has no match of this regular expression"),
        key("gt", Kind::Number, "is a number greater than this"),
        key("ge", Kind::Number, "is a number not less than this"),
        key("lt", Kind::Number, "is a number less than this"),
        key("le", Kind::Number, "is a number not greater than this"),
        key("one_of", Kind::Values, "is one of these"),
        key("exists", Kind::Flag, "is there, or is not"),
    ]],
    required: &[],
    either: &[],
};
