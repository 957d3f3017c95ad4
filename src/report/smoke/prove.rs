//! A suite that was tested: which faults it notices.

use serde_json::{Map, Value, json};

use crate::base::exit::Exit;
use crate::model::verdict::Verdict;
use crate::report::github::Summary;
use crate::report::page::{Cell, Mood, Page, cell};
use crate::tool::canary_smoke::ProveOutcome;

impl ProveOutcome {
    pub(super) fn verdict(&self) -> Verdict {
        match (self.unfit.is_empty(), self.is_enough()) {
            (false, _) => Verdict::Inconclusive,
            (true, true) => Verdict::Green,
            (true, false) => Verdict::Red,
        }
    }

    pub(super) fn exit(&self) -> Exit {
        match (self.unfit.is_empty(), self.is_enough()) {
            (false, _) => Exit::Inconclusive,
            (true, true) => Exit::Done,
            (true, false) => Exit::No,
        }
    }

    fn headline(&self) -> (Mood, String) {
        let (noticed, all) = self.score();
        if !self.unfit.is_empty() {
            let message = format!("INCONCLUSIVE: {} is not healthy enough to be recorded", self.tenant);
            return (Mood::Odd, message);
        }
        let share = (noticed * 100).checked_div(all).unwrap_or_default();
        let line = format!("{} notices {noticed} of {all} faults ({share} %)", self.suite.file);
        if self.is_enough() {
            (Mood::Good, line)
        } else {
            (Mood::Bad, format!("{line}; {} % are asked for", self.min_score))
        }
    }

    fn cells(&self) -> Vec<Vec<Cell>> {
        let row = |row: &crate::tool::canary_smoke::ProveRow| {
            let noticed = if row.noticed_by.is_empty() {
                (Mood::Bad, "NOBODY".to_owned())
            } else {
                let but = if row.missed.is_empty() {
                    String::new()
                } else {
                    format!(" (not: {})", row.missed.join(", "))
                };
                (Mood::Good, format!("{}{but}", row.noticed_by.join(", ")))
            };
            vec![cell(row.fault.as_str()), cell(row.place.clone()), noticed]
        };
        // What nobody notices is what this is about: it comes first.
        let (survivors, noticed): (Vec<_>, Vec<_>) =
            self.rows.iter().partition(|row| row.noticed_by.is_empty());
        survivors.into_iter().chain(noticed).map(row).collect()
    }

    pub(super) fn fields(&self) -> Map<String, Value> {
        let (noticed, all) = self.score();
        let row = |row: &crate::tool::canary_smoke::ProveRow| json!({ "fault": row.fault.as_str(), "request": row.place, "noticed_by": row.noticed_by, "missed": row.missed });
        Map::from_iter([
            ("suite".to_owned(), json!({ "file": self.suite.file, "sha256": self.suite.sha256 })),
            ("sha".to_owned(), json!(self.sha)),
            ("tenant".to_owned(), json!(self.tenant)),
            ("unfit".to_owned(), json!(self.unfit)),
            ("noticed".to_owned(), json!(noticed)),
            ("all".to_owned(), json!(all)),
            ("min_score".to_owned(), json!(self.min_score)),
            ("faults".to_owned(), Value::Array(self.rows.iter().map(row).collect())),
        ])
    }

    pub(super) fn text(&self, page: &mut Page) {
        let (mood, headline) = self.headline();
        page.line(mood, &headline);
        self.unfit.iter().for_each(|check| page.line(Mood::Odd, &format!("  not passed: {check}")));
        if !self.rows.is_empty() {
            page.gap();
            let head = ["fault", "request", "noticed by"].map(|word| (Mood::Dim, word.to_owned())).to_vec();
            page.table(&std::iter::once(head).chain(self.cells()).collect::<Vec<_>>());
        }
    }

    pub(super) fn summary(&self, summary: &mut Summary) {
        summary.heading(&self.headline().1);
        self.unfit.iter().for_each(|check| summary.paragraph(&format!("not passed: {check}")));
        let rows: Vec<Vec<String>> =
            self.cells().into_iter().map(|row| row.into_iter().map(|(_, text)| text).collect()).collect();
        if !rows.is_empty() {
            summary.table(&["fault", "request", "noticed by"], &rows);
        }
    }
}
