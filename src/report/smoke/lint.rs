//! A suite that was looked at.

use serde_json::{Map, Value, json};

use crate::base::duration;
use crate::policy::smoke::suite::advice::Advice;
use crate::report::github::{Annotation, Level, Summary};
use crate::report::page::{Mood, Page, cell};
use crate::tool::canary_smoke::LintOutcome;

impl LintOutcome {
    fn facts(&self) -> Vec<(&'static str, String)> {
        let worst = &self.worst;
        let shown =
            |span: std::time::Duration| if span.is_zero() { "none".to_owned() } else { duration::show(span) };
        let setup = match worst.setup.is_zero() {
            true => String::new(),
            false => format!(", setup {}", duration::show(worst.setup)),
        };
        let longest = self.worst.total().min(self.deadline);
        vec![
            ("checks", self.checks.to_string()),
            ("requests", format!("{} for each tenant, if nothing is retried", self.requests)),
            (
                "longest run",
                format!(
                    "{}: ready {}{setup}, checks {}, asking again {}; deadline {}",
                    duration::show(longest),
                    shown(worst.ready),
                    shown(worst.checks),
                    shown(worst.again),
                    duration::show(self.deadline)
                ),
            ),
            ("sha256", self.suite.sha256.clone()),
        ]
    }

    fn headline(&self) -> String {
        match self.advice.len() {
            0 => format!("{}: no mistakes, no weak spots", self.suite.file),
            1 => format!("{}: no mistake, 1 weak spot", self.suite.file),
            n => format!("{}: no mistake, {n} weak spots", self.suite.file),
        }
    }

    fn weak_spots(&self) -> Vec<String> {
        let place = |advice: &Advice| match advice.line {
            Some(line) => format!("{}:{line}", self.suite.of_part(advice.part)),
            None => self.suite.file.clone(),
        };
        self.advice.iter().map(|advice| format!("{}: {}", place(advice), advice.message)).collect()
    }

    pub(super) fn fields(&self) -> Map<String, Value> {
        let advice =
            |a: &Advice| json!({ "file": self.suite.of_part(a.part), "line": a.line, "message": a.message });
        let seconds = |span: std::time::Duration| json!(span.as_secs_f64());
        Map::from_iter([
            ("suite".to_owned(), json!({ "file": self.suite.file, "sha256": self.suite.sha256 })),
            ("checks".to_owned(), json!(self.checks)),
            ("requests".to_owned(), json!(self.requests)),
            ("worst_case_seconds".to_owned(), seconds(self.worst.total())),
            ("deadline_seconds".to_owned(), seconds(self.deadline)),
            ("advice".to_owned(), Value::Array(self.advice.iter().map(advice).collect())),
        ])
    }

    pub(super) fn text(&self, page: &mut Page) {
        page.line(if self.advice.is_empty() { Mood::Good } else { Mood::Odd }, &self.headline());
        let rows: Vec<_> = self
            .facts()
            .into_iter()
            .map(|(what, text)| vec![(Mood::Dim, what.to_owned()), cell(text)])
            .collect();
        page.table(&rows);
        self.weak_spots().iter().for_each(|spot| page.line(Mood::Odd, &format!("weak: {spot}")));
    }

    pub(super) fn summary(&self, summary: &mut Summary) {
        summary.heading(&self.headline());
        let rows: Vec<Vec<String>> =
            self.facts().into_iter().map(|(what, text)| vec![what.to_owned(), text]).collect();
        summary.table(&["", ""], &rows);
        self.weak_spots().iter().for_each(|spot| summary.paragraph(&format!("weak: {spot}")));
    }

    pub(super) fn annotations(&self) -> Vec<Annotation> {
        let annotation = |advice: &Advice| Annotation {
            level: Level::Warning,
            title: "weak spot".to_owned(),
            message: advice.message.clone(),
            place: Some((self.suite.of_part(advice.part).to_owned(), advice.line.unwrap_or(1))),
        };
        self.advice.iter().map(annotation).collect()
    }
}
