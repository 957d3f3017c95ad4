//! What must be true before a soak, as a table.

use serde_json::{Map, Value, json};

use crate::base::exit::Exit;
use crate::model::verdict::Verdict;
use crate::report::github::{Annotation, Level, Summary};
use crate::report::json::object;
use crate::report::page::{Cell, Mood, Page, cell};
use crate::report::table::Table;
use crate::tool::canary_soak::{PreflightOutcome, Stand};

const HEAD: [&str; 4] = ["gate", "state", "owner", "issue"];

impl PreflightOutcome {
    fn open(&self) -> usize {
        self.rows.iter().filter(|(_, stand)| *stand != Stand::Met).count()
    }

    pub(super) fn verdict(&self) -> Verdict {
        if self.open() == 0 { Verdict::Green } else { Verdict::Red }
    }

    pub(super) fn exit(&self) -> Exit {
        if self.open() == 0 { Exit::Done } else { Exit::No }
    }

    fn headline(&self) -> String {
        match self.open() {
            0 => format!("GREEN: {} may begin its soak, all {} gates are met", self.sha, self.rows.len()),
            open => format!("RED: {}: {open} of {} gates are not met", self.sha, self.rows.len()),
        }
    }

    fn table(&self) -> Table {
        let text = |text: &Option<String>| cell(text.as_deref().unwrap_or("-"));
        let rows = self
            .rows
            .iter()
            .map(|(row, stand)| [cell(row.name.clone()), state(stand), text(&row.owner), text(&row.issue)]);
        Table::new(HEAD, rows)
    }

    /// What is not met, and what it protects.
    fn remarks(&self) -> Vec<String> {
        let told = self.rows.iter().filter_map(|(row, stand)| {
            let found = match stand {
                Stand::Met => return None,
                Stand::NotMet(found) => found.clone(),
                Stand::Unknown(why) => format!("could not be found out: {why}"),
            };
            let why = row.why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
            Some(format!("{}: {found}{why}", row.name))
        });
        told.collect()
    }

    pub(super) fn fields(&self) -> Map<String, Value> {
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|(row, stand)| {
                let (state, found) = match stand {
                    Stand::Met => ("met", None),
                    Stand::NotMet(found) => ("not met", Some(found)),
                    Stand::Unknown(found) => ("unknown", Some(found)),
                };
                json!({
                    "name": row.name, "line": row.line, "state": state, "found": found,
                    "why": row.why, "owner": row.owner, "issue": row.issue,
                })
            })
            .collect();
        object(json!({
            "command": "preflight",
            "sha": self.sha,
            "images": self.images,
            "suite": self.gates,
            "rows": rows,
            "finished": self.finished,
        }))
    }

    pub(super) fn text(&self, page: &mut Page) {
        page.line(if self.open() == 0 { Mood::Good } else { Mood::Bad }, &self.headline());
        self.table().text(page);
        self.remarks().iter().for_each(|remark| page.line(Mood::Plain, remark));
    }

    pub(super) fn summary(&self, summary: &mut Summary) {
        summary.heading(&self.headline());
        self.table().summary(summary);
        self.remarks().iter().for_each(|remark| summary.paragraph(remark));
    }

    pub(super) fn annotations(&self) -> Vec<Annotation> {
        let open = self.rows.iter().filter(|(_, stand)| *stand != Stand::Met);
        open.zip(self.remarks())
            .map(|((row, _), message)| Annotation {
                level: Level::Error,
                title: format!("{} is not met", row.name),
                message,
                place: Some((self.gates.file.clone(), row.line)),
            })
            .collect()
    }
}

fn state(stand: &Stand) -> Cell {
    match stand {
        Stand::Met => (Mood::Good, "met".to_owned()),
        Stand::NotMet(_) => (Mood::Bad, "not met".to_owned()),
        Stand::Unknown(_) => (Mood::Odd, "unknown".to_owned()),
    }
}
