//! A soak file that was looked at.

use serde_json::{Map, Value, json};

use crate::base::duration;
use crate::policy::soak::outlook::Errors;
use crate::report::github::Summary;
use crate::report::page::{Cell, Mood, Page, cell};
use crate::tool::canary_soak::{LintOutcome, LintRow};

const HEAD: [&str; 8] = [
    "metric",
    "decides",
    "least samples",
    "samples that prove it",
    "samples a day",
    "wrong promotion",
    "wrong rollback",
    "no answer",
];

impl LintOutcome {
    fn headline(&self) -> String {
        let window = duration::show(self.window);
        format!("{}: no mistake; {} metrics gate over {window}", self.gates.file, self.gating)
    }

    fn rows(&self) -> Vec<Vec<Cell>> {
        let count = |count: Option<u64>| cell(count.map_or("-".to_owned(), |count| count.to_string()));
        let row = |row: &LintRow| {
            let decides = if row.gates { "gates" } else { "observed" };
            let errors = row.outlook.map(|outlook| outlook.errors());
            let chance =
                |chance: fn(Errors) -> f64| cell(errors.map_or("-".to_owned(), |it| percent(chance(it))));
            vec![
                cell(row.name.clone()),
                cell(decides),
                count(row.min_samples),
                count(row.proves),
                count(row.daily),
                chance(|errors| errors.wrong_promotion),
                chance(|errors| errors.wrong_rollback),
                chance(|errors| errors.no_answer),
            ]
        };
        self.metrics.iter().map(row).collect()
    }

    fn advice(&self) -> Vec<String> {
        let of = |row: &LintRow| {
            let place = format!("{}:{}", self.gates.file, row.line);
            let name = row.name.clone();
            row.advice.iter().map(move |advice| format!("{place}: `{name}`: {advice}")).collect::<Vec<_>>()
        };
        let notes = self.notes.iter().map(|note| format!("{}: {note}", self.gates.file));
        self.metrics.iter().flat_map(of).chain(notes).chain(self.whole()).collect()
    }

    /// All gating metrics together.
    fn whole(&self) -> Option<String> {
        self.errors.map(|errors| {
            format!(
                "the whole soak: wrong promotion {}, wrong rollback at most {}, no answer {} (a sick release has twice the bad samples that are allowed, or is worse by the whole margin; a healthy one half of them, or is as good as stable)",
                percent(errors.wrong_promotion),
                percent(errors.wrong_rollback),
                percent(errors.no_answer)
            )
        })
    }

    pub(super) fn fields(&self) -> Map<String, Value> {
        let row = |row: &LintRow| {
            json!({
                "name": row.name,
                "line": row.line,
                "gates": row.gates,
                "min_samples": row.min_samples,
                "proves": row.proves,
                "daily": row.daily,
                "after_samples": row.outlook.map(|outlook| outlook.samples),
                "errors": row.outlook.map(|outlook| errors(outlook.errors())),
                "advice": row.advice,
            })
        };
        Map::from_iter([
            ("gates".to_owned(), json!(self.gates)),
            ("window_seconds".to_owned(), json!(self.window.as_secs_f64())),
            ("gating".to_owned(), json!(self.gating)),
            ("errors".to_owned(), json!(self.errors.map(errors))),
            ("notes".to_owned(), json!(self.notes)),
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

fn errors(errors: Errors) -> Value {
    json!({
        "wrong_promotion": errors.wrong_promotion,
        "wrong_rollback": errors.wrong_rollback,
        "no_answer": errors.no_answer,
    })
}

fn percent(chance: f64) -> String {
    format!("{:.1} %", chance * 100.0)
}
