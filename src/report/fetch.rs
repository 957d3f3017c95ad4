//! What was brought to a machine.

use serde_json::{Map, Value, json};

use super::Render;
use super::github::Summary;
use super::json::object;
use super::page::{Mood, Page};
use crate::base::exit::Exit;
use crate::model::verdict::Verdict;
use crate::tool::fetch_bundle::Outcome;

impl Outcome {
    fn headline(&self) -> String {
        let (bundle, digest, already) = (&self.bundle, &self.digest, self.already && !self.moved);
        match (self.dry_run, already) {
            (_, true) => format!("already: {bundle} is {digest}"),
            (true, false) => format!("dry run: {bundle} is {digest}, which would be fetched"),
            (false, false) => format!("fetched: {bundle} is {digest}"),
        }
    }
}

impl Render for Outcome {
    fn verdict(&self) -> Verdict {
        Verdict::Green
    }

    fn exit(&self) -> Exit {
        Exit::Done
    }

    fn fields(&self) -> Map<String, Value> {
        object(json!({
            "bundle": self.bundle.to_string(),
            "digest": self.digest,
            "folder": self.folder.display().to_string(),
            "link": self.link.as_ref().map(|link| link.display().to_string()),
            "already": self.already,
            "moved_link": self.moved,
            "removed": self.removed,
            "dry_run": self.dry_run,
        }))
    }

    fn text(&self, page: &mut Page) {
        page.line(Mood::Good, &self.headline());
        let place = self.link.as_ref().unwrap_or(&self.folder);
        page.line(Mood::Plain, &format!("  {}", place.display()));
    }

    fn summary(&self, summary: &mut Summary) {
        summary.heading(&self.headline());
    }

    fn outputs(&self) -> Vec<(&'static str, String)> {
        vec![("digest", self.digest.to_string()), ("folder", self.folder.display().to_string())]
    }
}
