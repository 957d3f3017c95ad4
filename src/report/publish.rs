//! Publications: every image, its digest, and what it took.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Render;
use super::github::Summary;
use super::json::object;
use super::page::{Mood, Page, cell};
use super::table::Table;
use crate::base::exit::Exit;
use crate::base::text;
use crate::model::release::ImageRecord;
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

    fn table(&self) -> Table {
        let rows = self.release.images.iter().zip(&self.images).map(|(record, published)| {
            let platforms: Vec<String> = record.platforms.iter().map(ToString::to_string).collect();
            [
                (Mood::Strong, record.repository.to_string()),
                cell(record.digest.short()),
                cell(platforms.join(", ")),
                (Mood::Dim, effort(published)),
            ]
        });
        Table::new(["image", "digest", "platforms", "effort"], rows)
    }

    /// One line for each pin that names no fixed version.
    fn floating(&self) -> Vec<String> {
        let images = self.release.images.iter();
        let of = |image: &ImageRecord| {
            let floating = image.pins.iter().flat_map(|pins| &pins.floating);
            floating
                .map(|(pin, why)| format!("{}: {pin} floats: {why}", image.repository))
                .collect::<Vec<_>>()
        };
        images.flat_map(of).collect()
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
        object(json!({
            "sha": self.release.sha,
            "tag": self.tag,
            "images": self.release.images,
            "digests": self.digests(),
            "dry_run": self.dry_run,
            "release": self.record,
            "missing": self.missing,
        }))
    }

    fn text(&self, page: &mut Page) {
        page.line(Mood::Good, &self.headline());
        self.table().text(page);
        self.floating().iter().for_each(|line| page.line(Mood::Odd, line));
    }

    fn summary(&self, summary: &mut Summary) {
        summary.heading(&self.headline());
        self.table().summary(summary);
        self.floating().iter().for_each(|line| summary.paragraph(line));
        let names = self.release.images.iter().map(|image| format!("{}@{}", image.repository, image.digest));
        summary.folded("Whole digests", &names.collect::<Vec<_>>().join("\n"));
    }

    fn outputs(&self) -> Vec<(&'static str, String)> {
        let mut outputs =
            vec![("sha", self.release.sha.to_string()), ("digests", self.digests().to_string())];
        outputs.extend(self.record.iter().map(|record| ("release", record.clone())));
        outputs
    }
}
