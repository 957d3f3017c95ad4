//! What is asked of a source: which keys fit its kind, and whether the answer fits the metric.

use toml::de::DeValue;

use super::{Ask, PLACEHOLDERS, Query, Source, SourceKind, Take, Which};
use crate::base::diagnostic::nearest;
use crate::policy::smoke::suite::json_path::Path;
use crate::policy::smoke::suite::template::{BadPlaceholder, JsonTemplate, Template};
use crate::policy::toml::fields::{Fields, Placed, Word};
use crate::policy::toml::value::{in_order, scalar};

/// Keys of questions, and the kinds of sources that know them.
const KEYS: [(&str, &[&str]); 15] = [
    ("sql", &["postgres"]),
    ("samples_sql", &["postgres"]),
    ("counter", &["prometheus"]),
    ("histogram", &["prometheus"]),
    ("query", &["prometheus"]),
    ("good", &["prometheus", "http-json"]),
    ("bad", &["prometheus", "http-json"]),
    ("total", &["prometheus", "http-json"]),
    ("canary", &["prometheus"]),
    ("stable", &["prometheus"]),
    ("request", &["http-json"]),
    ("body", &["http-json"]),
    ("value", &["http-json"]),
    ("case", &["junit"]),
    ("run", &["command"]),
];

/// What a metric of a kind needs to know.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    /// Good samples of all.
    Share,
    /// The same, by bucket.
    Buckets,
    /// The same for canary and stable.
    Arms,
    /// One number.
    Number,
}

/// Reads the question of `metric`, which stands in `fields`: the metric itself, or one side of it.
pub(super) fn read(
    fields: &Fields<'_>,
    metric: &Fields<'_>,
    kind: &str,
    sources: &[(String, Option<Source>)],
) -> Option<Ask> {
    let name = fields.keep(fields.required("source"))?;
    let Some((_, source)) = sources.iter().find(|(known, _)| known == name.get_ref()) else {
        let hint = match nearest(name.get_ref(), sources.iter().map(|(known, _)| known.as_str())) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("write a table `[source.{}]`", name.get_ref()),
        };
        fields.refuse(name.span(), format!("there is no source `{}`", name.get_ref()), hint);
        return None;
    };
    let source = source.as_ref()?;
    let word = source.kind.word();
    for (key, kinds) in KEYS.iter().filter(|(_, kinds)| !kinds.contains(&word)) {
        if let Some(value) = fields.get(key) {
            let hint =
                format!("`{}` is a {word} source; `{key}` is for {}", name.get_ref(), kinds.join(" and "));
            fields.refuse(value.span(), format!("`{key}` cannot be asked of this source"), hint);
        }
    }
    let need = match kind {
        "rate" | "zero" => Need::Share,
        "latency" => Need::Buckets,
        "compare" => Need::Arms,
        _ => Need::Number,
    };
    let counts = !matches!(kind, "value" | "trend");
    let question = Question { fields, metric, need, counts, zero: kind == "zero" };
    let query = match source.kind {
        SourceKind::Postgres { .. } => question.sql(),
        SourceKind::Prometheus(_) => question.prometheus(),
        SourceKind::HttpJson(_) => question.json(),
        SourceKind::Junit { .. } => question.junit(),
        SourceKind::Command => question.command(),
    }?;
    Some(Ask { source: (*name.get_ref()).to_owned(), query })
}

struct Question<'a, 'f> {
    fields: &'a Fields<'f>,
    metric: &'a Fields<'f>,
    need: Need,
    /// Whether the answers are added up over the soak's time.
    counts: bool,
    zero: bool,
}

impl Question<'_, '_> {
    fn refuse<T>(&self, message: &str, hint: &str) -> Option<T> {
        self.fields.refuse(self.fields.place("source"), message, hint);
        None
    }

    fn required(&self, key: &str) -> Option<Word<'_>> {
        match self.fields.text(key) {
            Some(text) if text.get_ref().trim().is_empty() => {
                self.fields.refuse(text.span(), format!("`{key}` is empty"), "");
                None
            }
            Some(text) => Some(text),
            None => self.refuse(&format!("`{key}` is missing: what is this source asked?"), ""),
        }
    }

    /// Which of `good` and `bad` is there.
    fn which(&self) -> Option<(Which, Word<'_>)> {
        match (self.fields.text("good"), self.fields.text("bad")) {
            (Some(good), None) => Some((Which::Good, good)),
            (None, Some(bad)) => Some((Which::Bad, bad)),
            (None, None) => self.refuse("nothing says which samples are counted", "write `good` or `bad`"),
            (Some(_), Some(_)) => self.refuse("`good` and `bad` say the same twice", "write one of them"),
        }
    }

    fn sql(&self) -> Option<Query> {
        if self.need == Need::Buckets {
            return self.refuse(
                "a database has no buckets",
                "write a `rate` with `count(*) FILTER (WHERE seconds <= 0.5) AS good, count(*) AS total`",
            );
        }
        let sql = self.required("sql")?;
        if self.counts && !(sql.get_ref().contains("$1") && sql.get_ref().contains("$2")) {
            let hint = "write for example `created_at >= $1 AND created_at < $2`";
            self.fields.refuse(sql.span(), "this statement counts more than the soak's own time", hint);
            return None;
        }
        let sql = sql.into_inner().to_owned();
        let samples = self.fields.text("samples_sql").map(|text| (*text.get_ref()).to_owned());
        Some(Query::Sql { sql, samples })
    }

    fn prometheus(&self) -> Option<Query> {
        let has = |key: &str| self.fields.get(key).is_some();
        match self.need {
            Need::Buckets => {
                let selector = self.required("histogram")?.into_inner().to_owned();
                let Some(within) = self.metric.duration("within") else {
                    self.metric.refuse(self.metric.span.clone(), "`within` is missing: the limit", "");
                    return None;
                };
                Some(Query::Histogram { selector, within })
            }
            Need::Number if has("counter") => {
                let selector = self.required("counter")?.into_inner().to_owned();
                Some(Query::Counter { selector, which: None, arms: None })
            }
            Need::Number => Some(Query::Promql(self.template(&self.required("query")?)?)),
            Need::Share if !has("counter") => {
                let (of, hits) = self.which()?;
                let total = self.template(&self.required("total")?)?;
                Some(Query::PromqlShare { of, hits: self.template(&hits)?, total })
            }
            Need::Share | Need::Arms => {
                let selector = self.required("counter")?.into_inner().to_owned();
                let (of, matchers) = self.which()?;
                let which = Some((of, matchers.into_inner().to_owned()));
                let arms = if self.need == Need::Arms {
                    let arm = |key| self.required(key).map(|text| text.into_inner().to_owned());
                    Some((arm("canary")?, arm("stable")?))
                } else {
                    None
                };
                Some(Query::Counter { selector, which, arms })
            }
        }
    }

    fn json(&self) -> Option<Query> {
        let line = self.required("request")?;
        let (method, target) = match line.get_ref().split_once(' ') {
            Some(("GET", target)) => ("GET", target),
            Some(("POST", target)) => ("POST", target),
            _ => {
                let hint = "write `\"GET /path?query\"` or `\"POST /path\"`";
                self.fields.refuse(line.span(), "this is no request", hint);
                return None;
            }
        };
        if !target.starts_with('/') || target.contains(|c: char| c.is_control() || c == '#') {
            let hint = "a path begins with `/` and goes on below the source's URL";
            self.fields.refuse(line.span(), format!("`{target}` is no path"), hint);
            return None;
        }
        let target = self.parse(target, &line)?;
        let body = match self.fields.get("body") {
            Some(value) if method == "GET" => {
                self.fields.refuse(value.span(), "a GET has no body", "use POST, or leave `body` out");
                return None;
            }
            Some(value) => Some(self.json_template(value)?),
            None => None,
        };
        let take = match self.need {
            Need::Number => Take::Value(self.path(&self.required("value")?)?),
            Need::Share => self.share()?,
            Need::Buckets | Need::Arms => {
                return self.refuse(
                    "one JSON answer has neither buckets nor two sides",
                    "ask a Prometheus or a database, or a command that asks twice",
                );
            }
        };
        Some(Query::Json { method, target, body, take })
    }

    fn share(&self) -> Option<Take> {
        let (of, hits) = self.which()?;
        let hits = self.path(&hits)?;
        if self.zero && of == Which::Bad && self.metric.get("exposure").is_some() {
            return Some(Take::Bad(hits));
        }
        Some(Take::Share { of, hits, total: self.path(&self.required("total")?)? })
    }

    fn junit(&self) -> Option<Query> {
        if self.need != Need::Share {
            return self.refuse(
                "a JUnit report knows passed and failed cases",
                "watch it with a `zero` or a `rate`",
            );
        }
        Some(Query::Junit { case: self.required("case")?.into_inner().to_owned() })
    }

    fn command(&self) -> Option<Query> {
        if self.need == Need::Buckets {
            return self.refuse(
                "a command prints no buckets",
                "watch it with a `rate`, and print how many were in time as `good`",
            );
        }
        let words = self.fields.texts("run");
        if words.first().is_none_or(|program| program.get_ref().is_empty()) {
            return self.refuse(
                "`run` is missing: which program is run?",
                "write `run = [\"program\", \"argument\"]`",
            );
        }
        let argv = words.iter().map(|word| self.template(word)).collect::<Option<Vec<_>>>()?;
        Some(Query::Command { argv })
    }

    fn path(&self, text: &Word<'_>) -> Option<Path> {
        let path = Path::parse(text.get_ref());
        let hint = "see RFC 9535, for example `$.data[*].id`";
        self.fields
            .keep(path.map_err(|_| self.fields.mistake(text.span(), "this JSONPath does not parse", hint)))
    }

    fn template(&self, text: &Word<'_>) -> Option<Template> {
        self.parse(text.get_ref(), text)
    }

    /// Reads `text`, a part of what stands at `place`.
    fn parse(&self, text: &str, place: &Word<'_>) -> Option<Template> {
        let template = match Template::parse(text) {
            Ok(template) => template,
            Err(BadPlaceholder(from)) => {
                let message = format!("the placeholder that begins with `{from}` is not one");
                self.fields.refuse(place.span(), message, "write `{{ name }}`");
                return None;
            }
        };
        for name in template.names().filter(|name| !PLACEHOLDERS.contains(name)) {
            let hint = match nearest(name, PLACEHOLDERS) {
                Some(meant) => format!("did you mean `{{{{ {meant} }}}}`?"),
                None => format!("known here: {}", PLACEHOLDERS.join(", ")),
            };
            self.fields.refuse(place.span(), format!("`{name}` is not known here"), hint);
        }
        Some(template)
    }

    fn json_template(&self, value: &Placed<'_>) -> Option<JsonTemplate> {
        Some(match value.get_ref() {
            DeValue::String(text) => {
                let template = self.template(&Word::new(value.span(), text))?;
                JsonTemplate::Text(template)
            }
            DeValue::Array(list) => {
                JsonTemplate::List(list.iter().map(|item| self.json_template(item)).collect::<Option<_>>()?)
            }
            DeValue::Table(table) => JsonTemplate::Object(
                in_order(table)
                    .into_iter()
                    .map(|(key, value)| Some((key.get_ref().to_string(), self.json_template(value)?)))
                    .collect::<Option<_>>()?,
            ),
            _ => {
                let found =
                    scalar(value).ok_or_else(|| self.fields.unlike(value, "something that JSON can hold"));
                JsonTemplate::Fixed(self.fields.keep(found)?)
            }
        })
    }
}
