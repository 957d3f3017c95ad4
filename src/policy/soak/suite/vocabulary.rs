//! Every word that `soak.toml` knows, once: the reader refuses what is not here, and the JSON Schema in
//! `docs/schemas/` is written from it.

use super::beside::Event;
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
        key("preflight", Kind::Tables(&PREFLIGHT), "what must be true before the soak begins"),
        key("recovery", Kind::Table(&RECOVERY), "what must be reached after a rollback"),
        key("snapshot", Kind::Table(&SNAPSHOT), "what is measured before the opening and at the close"),
        key("notify", Kind::Table(&NOTIFY), "who is told what the soak comes to"),
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
        key(
            "extend",
            Kind::Size,
            "how often an inconclusive soak goes on for another window if more samples can decide [default: 0]",
        ),
        key(
            "react_within",
            Kind::Duration,
            "a breach older than this without a rollback is told at every tick",
        ),
    ]],
    required: &["window"],
    either: &[],
};

static PREFLIGHT: Table = Table {
    name: "preflight",
    about: "One thing that must be true before the soak begins",
    keys: &[
        &[
            key("name", Kind::Text, "how it is called in the table"),
            key("why", Kind::Text, "what it protects"),
            key("owner", Kind::Text, "who sees to it"),
            key("issue", Kind::Text, "where it is tracked"),
        ],
        &[
            key("closed", Kind::Text, "this issue is closed: \"owner/name#12\""),
            key("labelled", Kind::Table(&LABELLED), "this issue bears a label"),
            key("tip_of", Kind::Text, "the release is the tip of this branch on GitHub"),
            key("alive", Kind::Text, "this source answers"),
            key("same", Kind::Table(&SAME), "canary and stable report the same configuration"),
            key("junit", Kind::Text, "every case of this JUnit report passed"),
            key("run", ARGV, "this program ends with 0"),
            key("metric", Kind::Text, "this metric met its target in the last hour"),
        ],
    ],
    required: &["name"],
    either: &[
        &["closed"],
        &["labelled"],
        &["tip_of"],
        &["alive"],
        &["same"],
        &["junit"],
        &["run"],
        &["metric"],
    ],
};

static LABELLED: Table = Table {
    name: "labelled",
    about: "An issue and the label that it must bear",
    keys: &[&[
        key("issue", Kind::Text, "the issue: \"owner/name#12\""),
        key("label", Kind::Text, "the label"),
    ]],
    required: &["issue", "label"],
    either: &[],
};

static SAME: Table = Table {
    name: "same",
    about: "Two sources that must answer a request with the same JSON",
    keys: &[&[
        key("canary", Kind::Text, "the http-json source of the canary"),
        key("stable", Kind::Text, "the http-json source of stable"),
        key("request", Kind::Like("^GET /"), "\"GET /path\" below both"),
        key(
            "ignore",
            Kind::List { of: &Kind::Text, least: 1 },
            "keys that may differ, with dots between them: \"build.sha\"",
        ),
    ]],
    required: &["canary", "stable", "request"],
    either: &[],
};

static RECOVERY: Table = Table {
    name: "recovery",
    about: "What a rollback must reach, in time and for long enough, before deployments go on",
    keys: &[&[
        key("within", Kind::Duration, "the time within which every target is met"),
        key("hold", Kind::Duration, "how long they are kept then"),
        key("every", Kind::Duration, "how often somebody looks [default: 30s]"),
        key("over", Kind::Duration, "the length of time, back from a look, that is measured [default: 5m]"),
        key("target", Kind::Tables(&TARGET), "what must be reached"),
    ]],
    required: &["within", "hold", "target"],
    either: &[],
};

static TARGET: Table = Table {
    name: "target",
    about: "A metric and what it must reach after a rollback",
    keys: &[&[
        key("metric", Kind::Text, "a metric of this file"),
        key("at_least", Kind::Number, "the target [default: that of the metric]"),
        key("above", Kind::Number, "the target, itself left out"),
        key("at_most", Kind::Number, "the target"),
        key("below", Kind::Number, "the target, itself left out"),
    ]],
    required: &["metric"],
    either: &[],
};

static SNAPSHOT: Table = Table {
    name: "snapshot",
    about: "Numbers that are taken before the opening and at the close",
    keys: &[&[
        key("metrics", Kind::List { of: &Kind::Text, least: 1 }, "metrics of this file"),
        key("over", Kind::Duration, "the length of time that is measured [default: 24h]"),
    ]],
    required: &["metrics"],
    either: &[],
};

static NOTIFY: Table = Table {
    name: "notify",
    about: "Posts one JSON document with a `text`",
    keys: &[&[
        key("url_env", Kind::Text, "variable with the address"),
        key(
            "on",
            Kind::List { of: &Kind::Choice(&Event::WORDS), least: 1 },
            "what is told [default: all of it]",
        ),
    ]],
    required: &["url_env"],
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
