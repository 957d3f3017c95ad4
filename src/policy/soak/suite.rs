//! `soak.toml`: which metrics are watched, for how long, and what they must show.

mod ask;
pub mod beside;
mod metric;
mod read;
mod tables;
mod vocabulary;

use std::time::Duration;

use self::beside::{Notify, Recovery, Row, Snapshot};
use super::judge::Rule;
use crate::base::list::NonEmpty;
use crate::policy::smoke::suite::json_path::Path;
use crate::policy::smoke::suite::template::{JsonTemplate, Template};
use crate::policy::toml::{self, Mistakes, TomlFile};

/// A soak, checked.
#[derive(Clone, Debug)]
pub struct Soak {
    /// The counted time after which it closes.
    pub window: Duration,
    /// When it closes.
    pub ends: Ends,
    /// How often the metrics are read, where one process watches.
    pub tick: Duration,
    /// What is not counted after all tenants serve the release: pods drain, caches fill.
    pub settle: Duration,
    /// How late a sample may reach its source: the last so much of time is not read yet.
    pub lag: Duration,
    /// The least share of the elapsed time that must be counted; above 0, at most 1.
    pub min_coverage: f64,
    /// The chance that a healthy release is called red before the close, over all gating metrics.
    pub alpha_red: f64,
    /// The one-sided error of what is proved at the close, for each metric.
    pub alpha_green: f64,
    /// How often an inconclusive soak goes on for another window, if more samples can help.
    pub extend: u32,
    /// After so long without a rollback, a breach is overdue.
    pub react_within: Option<Duration>,
    /// What must be true before it begins.
    pub preflight: Vec<Row>,
    /// What must be reached after a rollback.
    pub recovery: Option<Recovery>,
    /// What is measured before and after.
    pub snapshot: Option<Snapshot>,
    /// Who is told.
    pub notify: Option<Notify>,
    /// What is read, by name.
    pub sources: Vec<(String, Source)>,
    /// What must be true, in the order of the file; at least one of them gates, and names are unique.
    pub metrics: NonEmpty<Metric>,
}

/// When a soak closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// When the window is over.
    Window,
    /// As soon as every gating metric has its `min_samples`, and at the latest when the window is over.
    Samples,
}

/// One thing that is watched.
#[derive(Clone, Debug)]
pub struct Metric {
    /// Its name.
    pub name: String,
    /// What it protects.
    pub why: Option<String>,
    /// Its line in the file.
    pub line: usize,
    /// `false` (`mode = "observe"`): it is shown and decides nothing.
    pub gates: bool,
    /// What kind of harm a RED means, for the rollback that follows.
    pub class: Option<String>,
    /// What must be true.
    pub rule: Rule,
    /// For `zero`: the metric whose samples are the exposure, where the source counts only what is bad.
    pub exposure: Option<String>,
    /// Where its numbers come from: one, but two for [`Rule::Equal`] (left, right).
    pub asks: NonEmpty<Ask>,
}

/// A question to a source.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The source's name in [`Soak::sources`].
    pub source: String,
    /// What is asked.
    pub query: Query,
}

/// What is asked of a source; its kind fits the source's and the metric's.
#[derive(Clone, Debug)]
pub enum Query {
    /// PostgreSQL: one row with `good` or `bad` and `total`, two rows with `arm`, or one number. `$1 $2` are the
    /// interval, `$3 $4` canary and stable.
    Sql {
        /// The statement.
        sql: String,
        /// A statement for up to 50 failing rows.
        samples: Option<String>,
    },
    /// Prometheus: a counter, counted exactly from its raw samples.
    Counter {
        /// The counter's name, or a selector `name{label="value"}`.
        selector: String,
        /// Which of its series are the good or bad ones, as label matchers.
        which: Option<(Which, String)>,
        /// Label matchers of canary and stable, for `compare`.
        arms: Option<(String, String)>,
    },
    /// Prometheus: a histogram, counted exactly from its buckets.
    Histogram {
        /// The name without `_bucket`, or a selector.
        selector: String,
        /// The limit whose bucket is looked for; the buckets end at seconds.
        within: Duration,
    },
    /// Prometheus: one number by a free expression.
    Promql(Template),
    /// Prometheus: hits and total by free expressions. They extrapolate, and the report says so.
    PromqlShare {
        /// Which samples the first expression counts.
        of: Which,
        /// How many.
        hits: Template,
        /// Of how many.
        total: Template,
    },
    /// HTTP: numbers of a JSON answer. A path to one number is that number; a path that gives a list is its length.
    Json {
        /// `GET` or `POST`.
        method: &'static str,
        /// Path and query below the source's URL.
        target: Template,
        /// The body of a POST.
        body: Option<JsonTemplate>,
        /// What is taken from the answer.
        take: Take,
    },
    /// JUnit: how many of the cases passed. `*` in the pattern is anything.
    Junit {
        /// Which cases.
        case: String,
    },
    /// A command: JSON `{"good": 1, "total": 2}`, `{"bad": 1, "total": 2}`, `{"canary": {...}, "stable": {...}}`, or a
    /// number.
    Command {
        /// The program and its arguments.
        argv: Vec<Template>,
    },
}

/// What the templates of a query may hold: the interval as RFC 3339 and in seconds since 1970, its length as PromQL
/// takes it (`3600s`), the judged release's sha, and the shas of canary (the same) and stable (what `latest` named when
/// the soak opened).
pub const PLACEHOLDERS: [&str; 8] =
    ["start", "end", "start_unix", "end_unix", "window", "sha", "canary", "stable"];

/// Which samples a query counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The good ones.
    Good,
    /// The bad ones.
    Bad,
}

/// What is taken from a JSON answer.
#[derive(Clone, Debug)]
pub enum Take {
    /// A number.
    Value(Path),
    /// How many bad ones, for `zero` with an `exposure`.
    Bad(Path),
    /// Hits and total.
    Share {
        /// Which samples the first path counts.
        of: Which,
        /// How many.
        hits: Path,
        /// Of how many.
        total: Path,
    },
}

/// Where numbers come from. Secrets stand in the environment, never in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Bound on one question.
    pub timeout: Duration,
    /// What it is.
    pub kind: SourceKind,
}

/// What a source is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// A PostgreSQL database.
    Postgres {
        /// Variable with the connection string.
        dsn_env: String,
    },
    /// Anything that speaks Prometheus' HTTP API.
    Prometheus(Endpoint),
    /// Anything that answers JSON.
    HttpJson(Endpoint),
    /// A JUnit report on disk.
    Junit {
        /// The file, relative to the folder of `soak.toml`.
        file: String,
    },
    /// Commands of this machine.
    Command,
}

/// Where an HTTP source is and how it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Where it is.
    pub url: Place,
    /// How a request is authorised.
    pub auth: SourceAuth,
}

/// A URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// As it stands in the file.
    Url(String),
    /// In this variable.
    Env(String),
}

/// How a request to a source is authorised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceAuth {
    /// Not at all.
    None,
    /// `Authorization: Bearer`, the token in this variable.
    TokenEnv(String),
    /// `Authorization: Bearer`, the token printed by this command, asked again at each tick.
    TokenCommand(Vec<String>),
    /// `Authorization: Basic`, `user:password` in this variable.
    BasicEnv(String),
    /// Headers, each with its value in a variable.
    HeadersEnv(Vec<(String, String)>),
}

impl Soak {
    /// The source called `name`.
    pub fn source(&self, name: &str) -> Option<&Source> {
        self.sources.iter().find(|(known, _)| known == name).map(|(_, source)| source)
    }

    /// The metric called `name`.
    pub fn metric(&self, name: &str) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.name == name)
    }

    /// The longest window: with every extension.
    pub fn longest(&self) -> Duration {
        self.window * (1 + self.extend)
    }

    /// How many metrics gate.
    pub fn gating(&self) -> usize {
        self.metrics.iter().filter(|metric| metric.gates).count()
    }
}

/// Reads `soak.toml`.
///
/// # Errors
/// Every mistake, at its place.
pub fn read(file: &TomlFile<'_>) -> Result<Soak, Mistakes> {
    toml::read(file, &vocabulary::FILE, read::read_soak)
}

/// The JSON Schema of `soak.toml`, for editors.
pub fn schema() -> String {
    toml::schema::write("soak.toml", &vocabulary::FILE)
}

/// Placeholders by which a question names its interval.
const INTERVAL: [&str; 3] = ["start", "start_unix", "window"];

impl Query {
    /// Whether it asks about an interval, so that nothing is lost by a tick that was missed. An answer to any other
    /// question counts what happened since the tick before.
    pub fn looks_back(&self) -> bool {
        match self {
            Self::Sql { .. } | Self::Counter { .. } | Self::Histogram { .. } => true,
            Self::Promql(_) | Self::PromqlShare { .. } | Self::Json { .. } | Self::Command { .. } => {
                INTERVAL.iter().any(|name| self.uses(name))
            }
            // The report is whole each time.
            Self::Junit { .. } => true,
        }
    }

    /// Whether it asks about the release beside the judged one.
    pub fn uses_stable(&self) -> bool {
        match self {
            Self::Sql { sql, samples } => {
                sql.contains("$4") || samples.as_ref().is_some_and(|samples| samples.contains("$4"))
            }
            _ => self.uses("stable"),
        }
    }

    fn uses(&self, name: &str) -> bool {
        let names = |template: &Template| template.names().any(|used| used == name);
        match self {
            Self::Sql { .. } | Self::Counter { .. } | Self::Histogram { .. } | Self::Junit { .. } => false,
            Self::Promql(expression) => names(expression),
            Self::PromqlShare { hits, total, .. } => names(hits) || names(total),
            Self::Json { target, body, .. } => {
                names(target) || body.as_ref().is_some_and(|body| json_uses(body, name))
            }
            Self::Command { argv } => argv.iter().any(names),
        }
    }
}

fn json_uses(template: &JsonTemplate, name: &str) -> bool {
    match template {
        JsonTemplate::Fixed(_) => false,
        JsonTemplate::Text(text) => text.names().any(|used| used == name),
        JsonTemplate::List(items) => items.iter().any(|item| json_uses(item, name)),
        JsonTemplate::Object(entries) => entries.iter().any(|(_, value)| json_uses(value, name)),
    }
}

impl SourceKind {
    /// The word for it in the file.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Postgres { .. } => "postgres",
            Self::Prometheus(_) => "prometheus",
            Self::HttpJson(_) => "http-json",
            Self::Junit { .. } => "junit",
            Self::Command => "command",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Query, Soak, read};
    use crate::policy::soak::judge::{Goal, Rule};
    use crate::policy::toml::TomlFile;

    const HEAD: &str = "format = 1\n[soak]\nwindow = '24h'\n[source.db]\ntype = 'postgres'\ndsn_env = 'D'\n[source.p]\ntype = 'prometheus'\nurl = 'http://p'\n[source.c]\ntype = 'command'\n";
    const METRIC: &str = "[[metric]]\nname = 'm'\nkind = 'rate'\nat_least = 0.9\nmin_samples = 30\nsource = 'db'\nsql = 'SELECT $1, $2'\n";

    fn soak(text: &str) -> Result<Soak, String> {
        read(&TomlFile { name: "soak.toml", text })
            .map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    }

    #[test]
    fn the_examples_are_read() {
        for text in [
            include_str!("../../../docs/examples/soak/flexible-rollout.toml"),
            include_str!("../../../docs/examples/soak/operator-readiness.toml"),
            include_str!("../../../docs/examples/soak/prompt-canary.toml"),
            include_str!("../../../docs/examples/soak/fast-recovery.toml"),
        ] {
            soak(text).unwrap_or_else(|message| panic!("{message}"));
        }
    }

    #[test]
    fn a_metric_knows_its_rule_and_its_question() {
        let soak = soak(&format!("{HEAD}{METRIC}")).unwrap();
        let metric = soak.metrics.first();
        assert!(matches!(metric.rule, Rule::Rate { goal: Goal::AtLeast(_), min_samples: 30, .. }));
        assert!(matches!(&metric.asks.first().query, Query::Sql { samples: None, .. }));
        assert_eq!((soak.gating(), metric.line), (1, 13));
    }

    #[test]
    fn every_mistake_has_its_place_and_all_are_told_at_once() {
        let metric = |from: &str, to: &str| format!("{HEAD}{}", METRIC.replace(from, to));
        for (text, words) in [
            (metric("name = 'm'", "name = ''"), "a metric needs a name"),
            (format!("{HEAD}{METRIC}{METRIC}"), "there are two metrics named `m`"),
            (metric("'rate'", "'rat'"), "did you mean `rate`?"),
            (metric("at_least = 0.9", "at_least = 90"), "lies between 0 and 1"),
            (metric("at_least = 0.9\n", ""), "there is no target"),
            (metric("at_least = 0.9\n", "at_least = 0.9\nbelow = 0.8\n"), "there are two targets"),
            (metric("min_samples = 30\n", ""), "`min_samples` is missing"),
            (metric("source = 'db'", "source = 'dp'"), "there is no source `dp`"),
            (metric("sql =", "query ="), "`query` cannot be asked of this source"),
            (metric("sql =", "within = '1s'\nsql ="), "`within` says nothing of a `rate` metric"),
            (metric("name = 'm'", "name = 'm'\nmode = 'observe'"), "no metric gates"),
            (metric("'rate'", "'trend'"), "so it cannot gate"),
            (metric("'rate'", "'equal'"), "needs two counts"),
            (metric("sql = 'SELECT $1, $2'", "sql = ''"), "`sql` is empty"),
            (metric("$1", "now()"), "counts more than the soak's own time"),
            (
                metric("source = 'db'\nsql = 'SELECT $1, $2'", "source = 'p'\ncounter = 'c'"),
                "nothing says which samples",
            ),
            (
                metric("source = 'db'\nsql = 'SELECT $1, $2'", "source = 'c'\nrun = ['x', '{{ starrt }}']"),
                "did you mean `{{ start }}`?",
            ),
            (format!("{HEAD}{METRIC}").replace("'24h'", "'30m'"), "longer than `settle` and two ticks"),
            (format!("{HEAD}{METRIC}").replace("'http://p'", "'http://u:p@h'"), "no user and no password"),
            (format!("{HEAD}{METRIC}").replace("url = 'http://p'", ""), "say where it is, once"),
            (
                format!("{HEAD}{METRIC}").replace("dsn_env = 'D'", "url = 'http://p'"),
                "`url` is not for a postgres",
            ),
            (
                format!("{HEAD}{METRIC}").replace("window = '24h'", "window = '24h'\nalpha_red = 5"),
                "is a share",
            ),
        ] {
            let message = soak(&text).unwrap_err();
            assert!(message.contains(words) && message.contains('^'), "{words}: {message}");
        }
        let message = soak(&metric("min_samples = 30", "min_samples = 0").replace("'D'", "7")).unwrap_err();
        assert_eq!(message.matches("-->").count(), 2, "{message}");
    }
}
