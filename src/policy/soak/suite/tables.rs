//! The tables beside the metrics, read.

use std::time::Duration;

use super::SourceKind;
use super::beside::{Check, Event, Notify, Recovery, Row, Snapshot, Target};
use super::metric::optional_goal;
use crate::base::diagnostic::nearest;
use crate::base::list::NonEmpty;
use crate::policy::toml::fields::{Fields, Word};

/// What the tables of the file may name.
pub(super) struct Known<'a> {
    /// The metrics, as far as they are right.
    pub(super) metrics: &'a [super::Metric],
    /// The sources; `None`: with a mistake.
    pub(super) sources: &'a [(String, Option<super::Source>)],
}

impl Known<'_> {
    /// The metric that `word` names.
    fn metric(&self, fields: &Fields<'_>, word: &Word<'_>) -> Option<String> {
        let name = *word.get_ref();
        if self.metrics.iter().any(|metric| metric.name == name) {
            return Some(name.to_owned());
        }
        let meant = nearest(name, self.metrics.iter().map(|metric| metric.name.as_str()));
        let hint = meant.map(|meant| format!("did you mean `{meant}`?")).unwrap_or_default();
        fields.refuse(word.span(), format!("there is no metric `{name}`"), hint);
        None
    }

    /// The source that `word` names, if it is of one of `kinds`.
    fn source(&self, fields: &Fields<'_>, word: &Word<'_>, kinds: &[&str]) -> Option<String> {
        let name = *word.get_ref();
        let Some((_, source)) = self.sources.iter().find(|(known, _)| known == name) else {
            fields.refuse(word.span(), format!("there is no source `{name}`"), "");
            return None;
        };
        let kind = source.as_ref().map(|source| SourceKind::word(&source.kind));
        if kind.is_some_and(|kind| !kinds.contains(&kind)) {
            let hint = format!("it is for {}; a `metric` row can ask any source", kinds.join(" and "));
            fields.refuse(word.span(), "this source cannot be asked so", hint);
            return None;
        }
        kind.map(|_| name.to_owned())
    }
}

pub(super) fn recovery(fields: &Fields<'_>, known: &Known<'_>) -> Option<Recovery> {
    let seconds = |key: &str, default: u64| fields.duration(key).unwrap_or(Duration::from_secs(default));
    let mut targets = Vec::new();
    for target in fields.tables("target") {
        let metric = target.keep(target.required("metric")).and_then(|word| known.metric(&target, &word));
        let goal = optional_goal(&target);
        targets.extend(metric.map(|metric| Target { metric, goal }));
    }
    Some(Recovery {
        within: fields.duration("within")?,
        hold: fields.duration("hold")?,
        every: seconds("every", 30),
        over: seconds("over", 300),
        targets: NonEmpty::from_vec(targets)?,
    })
}

pub(super) fn row(fields: &Fields<'_>, known: &Known<'_>) -> Option<Row> {
    let name = fields.keep(fields.required("name"))?;
    let text = |key: &str| fields.text(key).map(|text| (*text.get_ref()).to_owned());
    let argv: Vec<String> =
        fields.texts("run").into_iter().map(|word| word.into_inner().to_owned()).collect();
    let check = if let Some(issue) = fields.parse("closed") {
        Check::Closed(issue)
    } else if let Some(labelled) = fields.table("labelled") {
        Check::Labelled(labelled.parse("issue")?, labelled.text("label")?.into_inner().to_owned())
    } else if let Some(branch) = text("tip_of") {
        Check::TipOf(branch)
    } else if let Some(source) = fields.text("alive") {
        Check::Alive(known.source(fields, &source, &["postgres", "prometheus", "junit"])?)
    } else if let Some(same) = fields.table("same") {
        read_same(&same, known)?
    } else if let Some(file) = text("junit") {
        Check::Junit(file)
    } else if let Some(metric) = fields.text("metric") {
        Check::Metric(known.metric(fields, &metric)?)
    } else if argv.is_empty() {
        return None;
    } else {
        Check::Run(argv)
    };
    Some(Row {
        line: fields.line(&name.span()),
        name: name.into_inner().to_owned(),
        why: text("why"),
        owner: text("owner"),
        issue: text("issue"),
        check,
    })
}

fn read_same(same: &Fields<'_>, known: &Known<'_>) -> Option<Check> {
    let source = |key: &str| {
        let word = same.keep(same.required(key))?;
        known.source(same, &word, &["http-json"])
    };
    let (canary, stable) = (source("canary"), source("stable"));
    let request = same.keep(same.required("request"))?;
    let Some(target) = request.get_ref().strip_prefix("GET ").map(str::trim) else {
        same.refuse(request.span(), "configurations are read by GET", "write `request = \"GET /path\"`");
        return None;
    };
    let target = target.to_owned();
    let ignore = same.texts("ignore").into_iter().map(|key| key.into_inner().to_owned()).collect();
    Some(Check::Same { canary: canary?, stable: stable?, target, ignore })
}

pub(super) fn notify(fields: &Fields<'_>) -> Option<Notify> {
    let words = fields.texts("on");
    let on =
        Event::ALL.into_iter().filter(|event| words.iter().any(|word| *word.get_ref() == event.as_str()));
    let on: Vec<Event> = on.collect();
    let on = if words.is_empty() { Event::ALL.to_vec() } else { on };
    Some(Notify { url_env: fields.keep(fields.required("url_env"))?.into_inner().to_owned(), on })
}

pub(super) fn snapshot(fields: &Fields<'_>, known: &Known<'_>) -> Snapshot {
    let names = fields.texts("metrics");
    let metrics = names.iter().filter_map(|word| known.metric(fields, word)).collect();
    Snapshot { metrics, over: fields.duration("over").unwrap_or(Duration::from_secs(24 * 3_600)) }
}
