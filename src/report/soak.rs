//! Soaks: verdict, the table of metrics, failing rows, documents for machines.

mod document;
mod lint;
mod preflight;
mod table;

use serde_json::{Map, Value, json};

use super::Render;
use super::github::{Annotation, Level, Summary};
use super::page::{Mood, Page};
use crate::base::duration;
use crate::base::exit::Exit;
use crate::model::verdict::Verdict;
use crate::policy::soak::judge::Reason;
use crate::tool::canary_soak::{Outcome, SoakOutcome};

/// Failing rows of one metric that are shown to a person; the document has all of them.
const ROWS: usize = 5;

impl SoakOutcome {
    fn exit(&self) -> Exit {
        match (self.judged.verdict, self.signal) {
            (Verdict::Green, _) => Exit::Done,
            (Verdict::Red, _) => Exit::No,
            (Verdict::Inconclusive, _) => Exit::Inconclusive,
            (Verdict::Pending | Verdict::Error, Some(signal)) => signal.exit(),
            (Verdict::Pending, None) => Exit::Pending,
            (Verdict::Error, None) => Exit::Usage,
        }
    }

    /// The verdict in one line.
    fn headline(&self) -> (Mood, String) {
        let (mood, word) = match self.judged.verdict {
            Verdict::Green => (Mood::Good, "GREEN"),
            Verdict::Red => (Mood::Bad, "RED"),
            Verdict::Inconclusive => (Mood::Odd, "INCONCLUSIVE"),
            Verdict::Pending if self.signal.is_some() => (Mood::Odd, "STOPPED"),
            Verdict::Pending => (Mood::Strong, "PENDING"),
            Verdict::Error => (Mood::Odd, "ERROR"),
        };
        let red: Vec<&str> = self.names(Verdict::Red);
        let why = match (&self.judged.reason, red.as_slice()) {
            (_, [_, ..]) => format!(": {}", red.join(", ")),
            (Some(reason), []) => format!(": {}: {reason}", reason.word()),
            (None, []) => String::new(),
        };
        (mood, format!("{word}: {}{why} ({})", self.state.sha, self.time()))
    }

    /// The gating metrics with this verdict.
    fn names(&self, verdict: Verdict) -> Vec<&str> {
        let judged = self.soak.metrics.iter().zip(&self.judged.metrics);
        judged
            .filter(|(metric, finding)| metric.gates && finding.verdict == verdict)
            .map(|(metric, _)| metric.name.as_str())
            .collect()
    }

    /// How far the clock is.
    fn time(&self) -> String {
        let window = duration::show(self.soak.window);
        match &self.state.tick {
            None => format!("0 of {window} counted"),
            Some(tick) => format!(
                "{} of {window} counted, coverage {:.0} %",
                duration::show(tick.counted),
                tick.coverage * 100.0
            ),
        }
    }

    /// What a person should know beside the table.
    fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        if let Some(tick) = &self.state.tick {
            if let Some(found) = &tick.astray {
                remarks.push(format!(
                    "the clock stands while a tenant does not serve {}: {found}",
                    self.state.sha
                ));
            }
            if tick.longest_gap >= self.soak.tick {
                let gap = duration::show(tick.longest_gap);
                remarks.push(format!("the longest time that was not counted is {gap}"));
            }
        }
        for (metric, finding) in self.soak.metrics.iter().zip(&self.judged.metrics) {
            let since = self.state.metrics.get(&metric.name).and_then(|memory| memory.first_breach);
            if let (Verdict::Red, Some(since)) = (finding.verdict, since) {
                let class = metric.class.as_ref().map(|class| format!(", class {class}")).unwrap_or_default();
                remarks.push(format!("{}: has missed its target since {since}{class}", metric.name));
            }
            if let Some(reason) = &finding.reason {
                remarks.push(format!("{}: {reason}", metric.name));
            }
        }
        if self.judged.verdict == Verdict::Pending {
            remarks.push("still open: the same command goes on with it".to_owned());
        }
        remarks
    }

    fn text(&self, page: &mut Page) {
        let (mood, headline) = self.headline();
        page.line(mood, &headline);
        page.gap();
        page.table(&table::rows(self));
        for (name, rows) in &self.samples {
            page.gap();
            page.line(Mood::Strong, &format!("failing rows of {name}: {}", rows.len()));
            rows.iter().take(ROWS).for_each(|row| page.line(Mood::Plain, &format!("  {row}")));
        }
        let remarks = self.remarks();
        if !remarks.is_empty() {
            page.gap();
            remarks.iter().for_each(|remark| page.line(Mood::Dim, remark));
        }
    }

    fn summary(&self, summary: &mut Summary) {
        summary.heading(&self.headline().1);
        let rows: Vec<Vec<String>> = table::rows(self)
            .into_iter()
            .skip(1)
            .map(|row| row.into_iter().map(|(_, text)| text).collect())
            .collect();
        summary.table(&table::HEAD, &rows);
        for (name, rows) in &self.samples {
            summary.paragraph(&format!("failing rows of {name}: {}", rows.len()));
            let lines: Vec<String> = rows.iter().take(ROWS).map(ToString::to_string).collect();
            summary.block(&lines.join("\n"));
        }
        self.remarks().iter().for_each(|remark| summary.paragraph(remark));
    }

    fn annotations(&self) -> Vec<Annotation> {
        let level = match self.judged.verdict {
            Verdict::Green | Verdict::Pending => return Vec::new(),
            Verdict::Red | Verdict::Inconclusive | Verdict::Error => Level::Error,
        };
        let judged = self.soak.metrics.iter().zip(&self.judged.metrics);
        let decided =
            judged.filter(|(metric, finding)| metric.gates && finding.verdict == self.judged.verdict);
        decided
            .map(|(metric, finding)| Annotation {
                level,
                title: format!("{} {}", metric.name, finding.verdict.as_str()),
                message: table::sentence(metric, finding),
                place: Some((self.gates.file.clone(), metric.line)),
            })
            .collect()
    }
}

impl Render for Outcome {
    fn verdict(&self) -> Verdict {
        match self {
            Self::Soak(soak) => soak.judged.verdict,
            Self::Preflight(preflight) => preflight.verdict(),
            Self::Lint(_) | Self::Schema(_) => Verdict::Green,
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Soak(soak) => soak.exit(),
            Self::Preflight(preflight) => preflight.exit(),
            Self::Lint(_) | Self::Schema(_) => Exit::Done,
        }
    }

    fn exit_unpublished(&self) -> Exit {
        // Nothing was moved: a verdict that nobody can read is no verdict.
        Exit::Usage
    }

    fn fields(&self) -> Map<String, Value> {
        match self {
            Self::Soak(soak) => document::fields(soak),
            Self::Preflight(preflight) => preflight.fields(),
            Self::Lint(lint) => lint.fields(),
            Self::Schema(text) => {
                let schema: Value = serde_json::from_str(text).unwrap_or_default();
                Map::from_iter([("schema".to_owned(), json!(schema))])
            }
        }
    }

    fn text(&self, page: &mut Page) {
        match self {
            Self::Soak(soak) => soak.text(page),
            Self::Preflight(preflight) => preflight.text(page),
            Self::Lint(lint) => lint.text(page),
            Self::Schema(text) => text.lines().for_each(|line| page.line(Mood::Plain, line)),
        }
    }

    fn summary(&self, summary: &mut Summary) {
        match self {
            Self::Soak(soak) => soak.summary(summary),
            Self::Preflight(preflight) => preflight.summary(summary),
            Self::Lint(lint) => lint.summary(summary),
            Self::Schema(_) => {}
        }
    }

    fn outputs(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Soak(soak) => {
                let reason = soak.judged.reason.as_ref().map(Reason::word).unwrap_or_default();
                vec![
                    ("sha", soak.state.sha.to_string()),
                    ("reason", reason.to_owned()),
                    ("red", soak.names(Verdict::Red).join(", ")),
                ]
            }
            Self::Preflight(preflight) => vec![("sha", preflight.sha.to_string())],
            Self::Lint(_) | Self::Schema(_) => Vec::new(),
        }
    }

    fn annotations(&self) -> Vec<Annotation> {
        match self {
            Self::Soak(soak) => soak.annotations(),
            Self::Preflight(preflight) => preflight.annotations(),
            Self::Lint(_) | Self::Schema(_) => Vec::new(),
        }
    }
}
