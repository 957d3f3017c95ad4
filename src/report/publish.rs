//! Publications: every image, its digest, and what it took.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Render;
use super::github::Summary;
use super::page::{Cell, Mood, Page, cell};
use crate::base::exit::Exit;
use crate::base::text;
use crate::model::verdict::Verdict;
use crate::tool::publish_staging::{Blobs, Outcome, Published};

impl Outcome {
    fn headline(&self) -> String {
        let all_there = self.images.iter().all(|image| image.already);
        match (self.dry_run, all_there) {
            (_, true) => format!("already: {} is published", self.tag),
            (true, false) => format!("dry run: {} would be published", self.tag),
            (false, false) => format!("published: {}", self.tag),
        }
    }

    fn rows(&self) -> Vec<Vec<Cell>> {
        let rows = self.release.images.iter().zip(&self.images);
        rows.map(|(record, published)| {
            let platforms: Vec<String> = record.platforms.iter().map(ToString::to_string).collect();
            vec![
                (Mood::Strong, record.repository.to_string()),
                cell(record.digest.short()),
                cell(platforms.join(", ")),
                (Mood::Dim, effort(published)),
            ]
        })
        .collect()
    }

    fn digests(&self) -> Value {
        let digests: BTreeMap<String, String> = self
            .release
            .images
            .iter()
            .map(|image| (image.repository.to_string(), image.digest.to_string()))
            .collect();
        json!(digests)
    }
}

fn effort(published: &Published) -> String {
    let Blobs { there, mounted, sent } = published.blobs;
    match (published.already, there + mounted + sent) {
        (true, 0) => "already".to_owned(),
        (false, 0) => String::new(),
        _ => format!(
            "{sent} blobs sent ({}), {mounted} mounted, {there} there",
            text::bytes(published.sent_bytes)
        ),
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
        let mut fields = Map::new();
        fields.insert("sha".to_owned(), json!(self.release.sha));
        fields.insert("tag".to_owned(), json!(self.tag));
        fields.insert("images".to_owned(), json!(self.release.images));
        fields.insert("digests".to_owned(), self.digests());
        fields.insert("dry_run".to_owned(), json!(self.dry_run));
        fields.insert("release".to_owned(), json!(self.record));
        fields.insert("missing".to_owned(), json!(self.missing));
        fields
    }

    fn text(&self, page: &mut Page) {
        page.line(Mood::Good, &self.headline());
        page.table(&self.rows());
    }

    fn summary(&self, summary: &mut Summary) {
        summary.heading(&self.headline());
        let rows: Vec<Vec<String>> =
            self.rows().into_iter().map(|row| row.into_iter().map(|(_, text)| text).collect()).collect();
        summary.table(&["image", "digest", "platforms", "effort"], &rows);
    }

    fn outputs(&self) -> Vec<(&'static str, String)> {
        let mut outputs =
            vec![("sha", self.release.sha.to_string()), ("digests", self.digests().to_string())];
        outputs.extend(self.record.iter().map(|record| ("release", record.clone())));
        outputs
    }
}
