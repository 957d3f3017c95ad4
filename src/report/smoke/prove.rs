//! A suite that was tested: which faults it notices.

use serde_json::{Map, Value, json};

use crate::base::exit::Exit;
use crate::model::verdict::Verdict;
use crate::report::github::Summary;
use crate::report::page::{Cell, Mood, Page, cell};
use crate::tool::canary_smoke::{ProveOutcome, ProveRow, RowEnd};

impl ProveOutcome {
    pub(super) fn verdict(&self) -> Verdict {
        match (self.is_complete(), self.is_enough()) {
            (false, _) => Verdict::Inconclusive,
            (true, true) => Verdict::Green,
            (true, false) => Verdict::Red,
        }
    }

    pub(super) fn exit(&self) -> Exit {
        match (self.is_complete(), self.is_enough()) {
            (false, _) => Exit::Inconclusive,
            (true, true) => Exit::Done,
            (true, false) => Exit::No,
        }
    }

    fn headline(&self) -> (Mood, String) {
        let (noticed, played, all) = self.score();
        if !self.unfit.is_empty() {
            let message = format!("INCONCLUSIVE: {} is not healthy enough to be recorded", self.tenant);
            return (Mood::Odd, message);
        }
        if !self.is_complete() {
            let why = self.cut_short.as_deref().unwrap_or("it was cut short");
            let message = format!(
                "INCONCLUSIVE: {} of {all} faults were not played: {why}; {} notices {noticed} of the {played} others",
                all - played,
                self.suite.file
            );
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
        let row = |row: &ProveRow| {
            let end = match &row.end {
                RowEnd::NotPlayed => (Mood::Odd, "not played".to_owned()),
                RowEnd::Unnoticed => (Mood::Bad, "NOBODY".to_owned()),
                RowEnd::Noticed { by, missed } if missed.is_empty() => (Mood::Good, by.join(", ")),
                RowEnd::Noticed { by, missed } => {
                    (Mood::Good, format!("{} (not: {})", by.join(", "), missed.join(", ")))
                }
            };
            vec![cell(row.fault.as_str()), cell(row.place.clone()), end]
        };
        // What nobody notices is what this is about: it comes first.
        let mut rows: Vec<&ProveRow> = self.rows.iter().collect();
        rows.sort_by_key(|row| match row.end {
            RowEnd::Unnoticed => 0,
            RowEnd::Noticed { .. } => 1,
            RowEnd::NotPlayed => 2,
        });
        rows.into_iter().map(row).collect()
    }

    pub(super) fn fields(&self) -> Map<String, Value> {
        let (noticed, played, all) = self.score();
        let row = |row: &ProveRow| {
            let (by, missed) = match &row.end {
                RowEnd::Noticed { by, missed } => (by.as_slice(), missed.as_slice()),
                RowEnd::NotPlayed | RowEnd::Unnoticed => (&[][..], &[][..]),
            };
            let was_played = row.end != RowEnd::NotPlayed;
            json!({ "fault": row.fault.as_str(), "request": row.place, "played": was_played, "noticed_by": by, "missed": missed })
        };
        Map::from_iter([
            ("suite".to_owned(), json!({ "file": self.suite.file, "sha256": self.suite.sha256 })),
            ("sha".to_owned(), json!(self.sha)),
            ("tenant".to_owned(), json!(self.tenant)),
            ("unfit".to_owned(), json!(self.unfit)),
            ("unplayed".to_owned(), json!(self.unplayed)),
            ("cut_short".to_owned(), json!(self.cut_short)),
            ("noticed".to_owned(), json!(noticed)),
            ("played".to_owned(), json!(played)),
            ("all".to_owned(), json!(all)),
            ("min_score".to_owned(), json!(self.min_score)),
            ("faults".to_owned(), Value::Array(self.rows.iter().map(row).collect())),
        ])
    }

    pub(super) fn text(&self, page: &mut Page) {
        let (mood, headline) = self.headline();
        page.line(mood, &headline);
        self.unfit.iter().for_each(|check| page.line(Mood::Odd, &format!("  not passed: {check}")));
        if !self.unplayed.is_empty() {
            let names = self.unplayed.join(", ");
            page.line(Mood::Odd, &format!("  not tested, as no fault can be played to a command: {names}"));
        }
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
