//! Every word that `soak.toml` knows, once: the reader refuses what is not here, and the JSON Schema in
//! `docs/schemas/` is written from it.

use crate::policy::toml::vocabulary::{Key, Kind, Table, key};

/// A program and its arguments; no shell reads them.
const ARGV: Kind = Kind::List { of: &Kind::Text, least: 1 };

/// The whole file.
pub(super) static FILE: Table = Table {
    name: "soak file",
    about: "What a release must show under real use, and for how long",
    keys: &[&[
        key("format", Kind::Exactly(1), "version of this format: 1"),
        key("soak", Kind::Table(&SOAK), "for how long, and how sure"),
        key("source", Kind::Map(&Kind::Table(&SOURCE)), "where numbers come from, by name"),
        key("metric", Kind::Tables(&METRIC), "what must be true"),
    ]],
    required: &["format", "soak", "source", "metric"],
    either: &[],
};

static SOAK: Table = Table {
    name: "soak",
    about: "For how long the release is watched, and how sure the verdict is",
    keys: &[&[
        key("window", Kind::Duration, "the counted time after which the soak closes"),
        key("tick", Kind::Duration, "how often the metrics are read [default: 15m]"),
        key(
            "settle",
            Kind::Duration,
            "what is not counted after all tenants serve the release [default: 5m]",
        ),
        key("lag", Kind::Duration, "how late a sample may reach its source [default: 1m]"),
        key(
            "min_coverage",
            Kind::Number,
            "least share of the elapsed time that must be counted [default: 0.9]",
        ),
        key("alpha_red", Kind::Number, "chance of a false red before the close, whole soak [default: 0.05]"),
        key("alpha_green", Kind::Number, "one-sided error of what is proved at the close [default: 0.05]"),
        key("ends", Kind::Choice(&["window", "samples"]), "when it closes [default: \"window\"]"),
        key("assure", Kind::Choice(&["point", "bound"]), "what a green needs [default: \"point\"]"),
    ]],
    required: &["window"],
    either: &[],
};

/// The kinds of sources.
pub(super) const SOURCES: [&str; 5] = ["postgres", "prometheus", "http-json", "junit", "command"];

static SOURCE: Table = Table {
    name: "source",
    about: "Where numbers come from; secrets stand in variables, never in this file",
    keys: &[&[
        key("type", Kind::Choice(&SOURCES), "what it is"),
        key("timeout", Kind::Duration, "bound on one question [default: 30s]"),
        key("dsn_env", Kind::Text, "postgres: variable with the connection string"),
        key("url", Kind::Like("^https?://"), "prometheus, http-json: where it is"),
        key("url_env", Kind::Text, "prometheus, http-json: variable with the URL"),
        key("token_env", Kind::Text, "prometheus, http-json: variable with a bearer token"),
        key("token_command", ARGV, "prometheus, http-json: prints a bearer token; run again at each tick"),
        key("basic_env", Kind::Text, "prometheus, http-json: variable with user:password"),
        key(
            "header_env",
            Kind::Map(&Kind::Text),
            "prometheus, http-json: headers, each by a variable's name",
        ),
        key("file", Kind::Text, "junit: the report, relative to this file's folder"),
    ]],
    required: &["type"],
    either: &[],
};

/// The kinds of metrics.
pub(super) const KINDS: [&str; 7] = ["rate", "zero", "latency", "compare", "equal", "value", "trend"];

static METRIC: Table = Table {
    name: "metric",
    about: "One thing that is watched",
    keys: &[
        &[
            key("name", Kind::Text, "how it is called in reports"),
            key("why", Kind::Text, "what it protects"),
            key("kind", Kind::Choice(&KINDS), "how it is judged"),
            key(
                "mode",
                Kind::Choice(&["gate", "observe"]),
                "whether it decides, or is only shown [default: \"gate\"]",
            ),
            key("class", Kind::Text, "what kind of harm a red means"),
            key(
                "assure",
                Kind::Choice(&["point", "bound"]),
                "what a green needs [default: that of `[soak]`]",
            ),
        ],
        &[
            key("at_least", Kind::Number, "rate, value: the target; latency: the share that must be in time"),
            key("above", Kind::Number, "rate, value: the target, itself left out"),
            key("at_most", Kind::Number, "rate, value: the target"),
            key("below", Kind::Number, "rate, value: the target, itself left out"),
            key("within", Kind::Duration, "latency: the limit"),
            key("min_samples", Kind::Count, "rate, latency, compare, equal: fewer give no green"),
            key("min_exposure", Kind::Count, "zero: fewer samples give no green"),
            key("exposure", Kind::Text, "zero: the metric whose samples are counted as the exposure"),
            key("margin", Kind::Table(&MARGIN), "compare: by how much the canary may be worse"),
            key("split", Kind::Number, "compare: the canary's planned share of all samples"),
            key("tolerance", Kind::Size, "equal: by how much the counts may differ [default: 0]"),
            key(
                "breach",
                Kind::Table(&BREACH),
                "value, equal: how many of the last readings are a breach [default: the last; equal: the last two]",
            ),
        ],
        &[
            key("source", Kind::Text, "the source that is asked"),
            key("left", Kind::Table(&ASK), "equal: the one count"),
            key("right", Kind::Table(&ASK), "equal: the other count"),
        ],
        &QUERY,
    ],
    required: &["name", "kind"],
    either: &[&["source"], &["left", "right"]],
};

static MARGIN: Table = Table {
    name: "margin",
    about: "By how much the canary may be worse than stable",
    keys: &[&[
        key("points", Kind::Number, "percentage points: 10 allows 80 % where stable has 90 %"),
        key("percent", Kind::Number, "percent of stable's share: 10 allows 81 % where stable has 90 %"),
    ]],
    required: &[],
    either: &[&["points"], &["percent"]],
};

static BREACH: Table = Table {
    name: "breach",
    about: "How many of the last readings break the limit before it is a breach",
    keys: &[&[
        key("of", Kind::Count, "how many of the last readings are looked at"),
        key("at_least", Kind::Count, "how many of them break the limit"),
    ]],
    required: &["of", "at_least"],
    either: &[],
};

static ASK: Table = Table {
    name: "ask",
    about: "A question to a source",
    keys: &[&[key("source", Kind::Text, "the source that is asked")], &QUERY],
    required: &["source"],
    either: &[],
};

static QUERY: [Key; 15] = [
    key("sql", Kind::Text, "postgres: one row with good or bad and total, rows by arm, or one number"),
    key("samples_sql", Kind::Text, "postgres: up to 50 failing rows, shown with a red"),
    key("counter", Kind::Text, "prometheus: a counter, or a selector of one"),
    key("histogram", Kind::Text, "prometheus: a histogram without `_bucket`, or a selector of one"),
    key("query", Kind::Text, "prometheus: an expression that gives one number"),
    key("good", Kind::Text, "what is good: label matchers, an expression, or a JSONPath"),
    key("bad", Kind::Text, "what is bad: label matchers, an expression, or a JSONPath"),
    key("total", Kind::Text, "of how many: an expression, or a JSONPath"),
    key("canary", Kind::Text, "compare on a counter: label matchers of the canary"),
    key("stable", Kind::Text, "compare on a counter: label matchers of stable"),
    key("request", Kind::Like("^(GET|POST) /"), "http-json: \"GET /path?query\" below the source's URL"),
    key("body", Kind::Json, "http-json: what a POST sends"),
    key("value", Kind::Text, "http-json: JSONPath of a number, or of a list that is counted"),
    key("case", Kind::Text, "junit: names of the cases that count; `*` is anything"),
    key("run", ARGV, "command: the program and its arguments"),
];
