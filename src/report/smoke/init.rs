//! A suite that was written.

use serde_json::{Map, Value, json};

use crate::report::page::{Mood, Page};
use crate::tool::canary_smoke::InitOutcome;

impl InitOutcome {
    pub(super) fn fields(&self) -> Map<String, Value> {
        let file = ("file".to_owned(), json!(self.file.display().to_string()));
        Map::from_iter([file, ("found".to_owned(), json!(self.found))])
    }

    pub(super) fn text(&self, page: &mut Page) {
        page.line(Mood::Good, &format!("wrote {}", self.file.display()));
        self.found.iter().for_each(|line| page.line(Mood::Plain, &format!("  {line}")));
        page.line(Mood::Plain, "next: put your own checks in, then run `canary-smoke lint`");
    }
}
