//! A soak file that was looked at.

use serde_json::{Map, Value, json};

use crate::base::duration;
use crate::report::github::Summary;
use crate::report::page::{Cell, Mood, Page, cell};
use crate::tool::canary_soak::{LintOutcome, LintRow};

const HEAD: [&str; 4] = ["metric", "decides", "least samples", "samples that prove it"];

impl LintOutcome {
    fn headline(&self) -> String {
        let window = duration::show(self.window);
        format!("{}: no mistake; {} metrics gate over {window}", self.gates.file, self.gating)
    }

    fn rows(&self) -> Vec<Vec<Cell>> {
        let count = |count: Option<u64>| cell(count.map_or("-".to_owned(), |count| count.to_string()));
        let row = |row: &LintRow| {
            let decides = if row.gates { "gates" } else { "observed" };
            vec![cell(row.name.clone()), cell(decides), count(row.min_samples), count(row.proves)]
        };
        self.metrics.iter().map(row).collect()
    }

    fn advice(&self) -> Vec<String> {
        let of = |row: &LintRow| {
            let place = format!("{}:{}", self.gates.file, row.line);
            let name = row.name.clone();
            row.advice.iter().map(move |advice| format!("{place}: `{name}`: {advice}")).collect::<Vec<_>>()
        };
        self.metrics.iter().flat_map(of).collect()
    }

    pub(super) fn fields(&self) -> Map<String, Value> {
        let row = |row: &LintRow| {
            json!({
                "name": row.name,
                "line": row.line,
                "gates": row.gates,
                "min_samples": row.min_samples,
                "proves": row.proves,
                "advice": row.advice,
            })
        };
        Map::from_iter([
            ("gates".to_owned(), json!(self.gates)),
            ("window_seconds".to_owned(), json!(self.window.as_secs_f64())),
            ("gating".to_owned(), json!(self.gating)),
            ("metrics".to_owned(), Value::Array(self.metrics.iter().map(row).collect())),
        ])
    }

    pub(super) fn text(&self, page: &mut Page) {
        page.line(Mood::Good, &self.headline());
        page.gap();
        let head = HEAD.map(|word| (Mood::Dim, word.to_owned())).to_vec();
        page.table(&std::iter::once(head).chain(self.rows()).collect::<Vec<_>>());
        let advice = self.advice();
        if !advice.is_empty() {
            page.gap();
            advice.iter().for_each(|line| page.line(Mood::Odd, line));
        }
    }

    pub(super) fn summary(&self, summary: &mut Summary) {
        summary.heading(&self.headline());
        let rows: Vec<Vec<String>> =
            self.rows().into_iter().map(|row| row.into_iter().map(|(_, text)| text).collect()).collect();
        summary.table(&HEAD, &rows);
        self.advice().iter().for_each(|line| summary.paragraph(line));
    }
}
