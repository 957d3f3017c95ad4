//! The tables of the file, put together.

use std::time::Duration;

use super::metric::{self, Defaults, assure, share};
use super::tables::{self, Known};
use super::{Endpoint, Ends, Place, Soak, Source, SourceAuth, SourceKind};
use crate::base::list::NonEmpty;
use crate::policy::soak::judge::Assure;
use crate::policy::toml::fields::{Fields, Word};

const MINUTE: Duration = Duration::from_secs(60);
/// Bound on one question, unless the file says otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Reads the whole file, whose words are right.
pub(super) fn read_soak(fields: &Fields<'_>) -> Option<Soak> {
    let soak = fields.table("soak");
    let span =
        |key: &str, default: Duration| soak.as_ref().and_then(|table| table.duration(key)).unwrap_or(default);
    let share =
        |key: &str, default: f64| soak.as_ref().and_then(|table| share(table, key)).unwrap_or(default);
    let word = |key: &str| soak.as_ref().and_then(|table| table.text(key)).map(Word::into_inner);
    let sources = read_sources(fields);
    let assure = word("assure").map_or(Assure::Point, assure);
    let mut metrics: Vec<super::Metric> = Vec::new();
    for table in fields.tables("metric") {
        let Some(metric) = metric::read(&table, &Defaults { sources: &sources, assure }) else { continue };
        if metrics.iter().any(|other| other.name == metric.name) {
            let message = format!("there are two metrics named `{}`", metric.name);
            table.refuse(table.place("name"), message, "a name is what reports and records go by");
        }
        metrics.push(metric);
    }
    check_exposures(fields, &metrics);
    if !metrics.is_empty() && !metrics.iter().any(|metric| metric.gates) {
        let hint =
            "a soak that nothing can turn red proves nothing: take `mode = \"observe\"` out of one metric";
        fields.refuse(0..0, "no metric gates", hint);
    }
    let known = Known { metrics: &metrics, sources: &sources };
    let preflight =
        fields.tables("preflight").iter().filter_map(|table| tables::row(table, &known)).collect();
    let recovery = fields.table("recovery").and_then(|table| tables::recovery(&table, &known));
    let snapshot = fields.table("snapshot").map(|table| tables::snapshot(&table, &known));
    let soak = Soak {
        window: span("window", Duration::ZERO),
        ends: match word("ends") {
            Some("samples") => Ends::Samples,
            _ => Ends::Window,
        },
        tick: span("tick", 15 * MINUTE),
        settle: span("settle", 5 * MINUTE),
        lag: span("lag", MINUTE),
        min_coverage: share("min_coverage", 0.9),
        alpha_red: share("alpha_red", 0.05),
        alpha_green: share("alpha_green", 0.05),
        extend: soak.as_ref().and_then(|table| table.count("extend")).unwrap_or(0),
        react_within: soak.as_ref().and_then(|table| table.duration("react_within")),
        preflight,
        recovery,
        snapshot,
        notify: fields.table("notify").and_then(|table| tables::notify(&table)),
        sources: sources.into_iter().filter_map(|(name, source)| Some((name, source?))).collect(),
        metrics: NonEmpty::from_vec(metrics)?,
    };
    check_window(fields, &soak);
    Some(soak)
}

/// A soak shorter than the time that is not counted and two ticks looks once or never.
fn check_window(fields: &Fields<'_>, soak: &Soak) {
    let Some(table) = fields.table("soak") else { return };
    let least = soak.settle + 2 * soak.tick;
    if soak.window <= least {
        let least = crate::base::duration::show(least);
        let message = format!("the window must be longer than `settle` and two ticks, which is {least}");
        table.refuse(
            table.place("window"),
            message,
            "make the window longer, or `tick` and `settle` shorter",
        );
    }
}

fn check_exposures(fields: &Fields<'_>, metrics: &[super::Metric]) {
    for table in fields.tables("metric") {
        let Some(word) = table.text("exposure") else { continue };
        let known = metrics.iter().any(|metric| metric.name == *word.get_ref() && metric.exposure.is_none());
        if !known && !metrics.is_empty() {
            let message = format!("there is no metric `{}` that counts samples", word.get_ref());
            table.refuse(word.span(), message, "name a metric whose source knows the total");
        }
    }
}

/// Every source by its name; `None` where it has a mistake, so that its metrics are not told that it is missing.
fn read_sources(fields: &Fields<'_>) -> Vec<(String, Option<Source>)> {
    let Some(table) = fields.table("source") else { return Vec::new() };
    let entries = table.entries().into_iter();
    entries
        .map(|(name, value)| {
            let source = table.sound(value).and_then(|source| read_source(&source));
            ((*name.get_ref()).to_owned(), source)
        })
        .collect()
}

fn read_source(fields: &Fields<'_>) -> Option<Source> {
    let kind = fields.keep(fields.required("type"))?.into_inner();
    let own: &[&str] = match kind {
        "postgres" => &["dsn_env"],
        "prometheus" | "http-json" => {
            &["url", "url_env", "token_env", "token_command", "basic_env", "header_env"]
        }
        "junit" => &["file"],
        _ => &[],
    };
    for (key, _) in fields.entries() {
        let word = *key.get_ref();
        if !own.contains(&word) && !matches!(word, "type" | "timeout") {
            let hint = if own.is_empty() { String::new() } else { format!("it takes {}", own.join(", ")) };
            fields.refuse(key.span(), format!("`{word}` is not for a {kind} source"), hint);
        }
    }
    let needed = |key: &str| {
        let text = fields.text(key);
        if text.is_none() {
            fields.refuse(fields.span.clone(), format!("a {kind} source needs `{key}`"), "");
        }
        text.map(|text| (*text.get_ref()).to_owned())
    };
    let kind = match kind {
        "postgres" => SourceKind::Postgres { dsn_env: needed("dsn_env")? },
        "prometheus" => SourceKind::Prometheus(read_endpoint(fields)?),
        "http-json" => SourceKind::HttpJson(read_endpoint(fields)?),
        "junit" => SourceKind::Junit { file: needed("file")? },
        "command" => SourceKind::Command,
        other => {
            fields.refuse(fields.place("type"), format!("`{other}` is not a source"), "");
            return None;
        }
    };
    Some(Source { timeout: fields.duration("timeout").unwrap_or(TIMEOUT), kind })
}

fn read_endpoint(fields: &Fields<'_>) -> Option<Endpoint> {
    let text = |key: &str| fields.text(key).map(|text| (*text.get_ref()).to_owned());
    let url = match (text("url"), text("url_env")) {
        (Some(url), None) => {
            check_url(fields, &url);
            Place::Url(url)
        }
        (None, Some(variable)) => Place::Env(variable),
        _ => {
            fields.refuse(fields.span.clone(), "say where it is, once", "write `url` or `url_env`");
            return None;
        }
    };
    let headers: Vec<(String, String)> = fields
        .map("header_env")
        .into_iter()
        .filter_map(|(name, value)| {
            let variable = fields.keep(fields.as_text(value))?;
            Some(((*name.get_ref()).to_owned(), variable.into_inner().to_owned()))
        })
        .collect();
    let argv: Vec<String> =
        fields.texts("token_command").into_iter().map(|word| word.into_inner().to_owned()).collect();
    let ways = [
        text("token_env").map(SourceAuth::TokenEnv),
        text("basic_env").map(SourceAuth::BasicEnv),
        (!argv.is_empty()).then_some(SourceAuth::TokenCommand(argv)),
        (!headers.is_empty()).then_some(SourceAuth::HeadersEnv(headers)),
    ];
    let mut ways = ways.into_iter().flatten();
    let auth = ways.next().unwrap_or(SourceAuth::None);
    if ways.next().is_some() {
        let hint = "write one of `token_env`, `token_command`, `basic_env` and `header_env`";
        fields.refuse(fields.span.clone(), "there are two ways to authorise", hint);
    }
    Some(Endpoint { url, auth })
}

/// A secret in the URL would stand in the repository.
fn check_url(fields: &Fields<'_>, url: &str) {
    let problem = match url::Url::parse(url) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") => "a source is asked by http or https",
        Ok(url) if url.password().is_some() || !url.username().is_empty() => {
            "a URL in this file holds no user and no password"
        }
        Ok(_) => return,
        Err(_) => "this is no URL",
    };
    fields.refuse(fields.place("url"), problem, "write `https://host/path`; secrets go into variables");
}
