//! The checks of a suite, as a list.

use serde_json::{Map, Value, json};

use crate::report::github::Summary;
use crate::report::page::{Mood, Page, cell};
use crate::tool::canary_smoke::ListOutcome;

impl ListOutcome {
    fn rows(&self) -> Vec<[String; 3]> {
        let row = |check: &crate::tool::canary_smoke::Listed| {
            [check.name.clone(), check.labels.join(", "), check.place.clone()]
        };
        self.checks.iter().map(row).collect()
    }

    pub(super) fn fields(&self) -> Map<String, Value> {
        let check = |check: &crate::tool::canary_smoke::Listed| json!({ "name": check.name, "labels": check.labels, "place": check.place });
        Map::from_iter([("checks".to_owned(), Value::Array(self.checks.iter().map(check).collect()))])
    }

    pub(super) fn text(&self, page: &mut Page) {
        let rows: Vec<_> = self
            .rows()
            .into_iter()
            .map(|[name, labels, place]| vec![cell(name), (Mood::Dim, labels), (Mood::Dim, place)])
            .collect();
        page.table(&rows);
    }

    pub(super) fn summary(&self, summary: &mut Summary) {
        let rows: Vec<Vec<String>> = self.rows().into_iter().map(Vec::from).collect();
        summary.table(&["check", "labels", "place"], &rows);
    }
}
