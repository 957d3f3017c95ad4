//! Who is in which ring.

use serde_json::{Map, Value, json};

use super::Render;
use super::github::Summary;
use super::json::object;
use super::page::{Cell, Mood, Page, cell};
use super::table::Table;
use crate::base::exit::Exit;
use crate::model::key::Key;
use crate::model::verdict::Verdict;
use crate::policy::rings::bucket::Share;
use crate::policy::rings::members::{Member, Row, too_few};
use crate::tool::ring_of::Outcome;

/// A row for each ring: name, tenants, what part of all they are, the configured share.
fn rows(rows: &[Row]) -> Table {
    let all: usize = rows.iter().map(|row| row.keys.len()).sum();
    let line = |row: &Row| -> [Cell; 4] {
        let mood = if too_few(row).is_some() { Mood::Bad } else { Mood::Strong };
        let share = row.share.map_or_else(|| "-".to_owned(), |share| share.to_string());
        [
            (mood, row.ring.clone()),
            cell(counted(row.keys.len())),
            cell(part(row.keys.len(), all)),
            cell(share),
        ]
    };
    Table::new(["ring", "tenants", "of all", "share, with the rings before"], rows.iter().map(line))
}

/// `3 tenants`.
pub(crate) fn counted(count: usize) -> String {
    if count == 1 { "1 tenant".to_owned() } else { format!("{count} tenants") }
}

/// `4.2 %` of all, rounded to a tenth.
pub(crate) fn part(count: usize, all: usize) -> String {
    let tenths = if all == 0 { 0 } else { (count * 2_000 + all) / (all * 2) };
    format!("{}.{} %", tenths / 10, tenths % 10)
}

fn place(found: &Member) -> String {
    if found.named { "named".to_owned() } else { format!("{} of 10000", found.bucket) }
}

fn changes(changed: &[(Key, String, String)]) -> Table {
    let rows = changed.iter().map(|(key, old, new)| {
        [(Mood::Strong, key.to_string()), cell(old.as_str()), cell(format!("-> {new}"))]
    });
    Table::new(["key", "before", "after"], rows)
}

fn fitted(ring: &str, share: Share, keys: &[Key]) -> String {
    let names = keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    format!("percent = {}   # {ring}: {} ({names})", share.percent(), counted(keys.len()))
}

impl Outcome {
    fn complaints(&self) -> Vec<String> {
        match self {
            Self::Table(rows) => rows.iter().filter_map(too_few).collect(),
            Self::TooFew(few) => few.clone(),
            Self::Unfit(ring, share, found) => {
                vec![format!(
                    "even with {share} ring {ring} has only {}, fewer than its `min_tenants`",
                    counted(*found)
                )]
            }
            Self::Members(_) | Self::Changed(..) | Self::Fitted(..) | Self::Exported(_) => Vec::new(),
        }
    }
}

impl Render for Outcome {
    fn verdict(&self) -> Verdict {
        if self.complaints().is_empty() { Verdict::Green } else { Verdict::Red }
    }

    fn exit(&self) -> Exit {
        if self.complaints().is_empty() { Exit::Done } else { Exit::No }
    }

    fn fields(&self) -> Map<String, Value> {
        let mut fields = object(match self {
            Self::Members(found) => {
                let one = |(found, ring): &(Member, String)| json!({ "key": found.key, "ring": ring, "bucket": found.bucket, "named": found.named });
                json!({ "keys": found.iter().map(one).collect::<Vec<_>>() })
            }
            Self::Table(rows) => {
                let row = |row: &Row| json!({ "ring": row.ring, "tag": row.tag, "tenants": row.keys, "share": row.share.map(Share::basis_points) });
                json!({ "rings": rows.iter().map(row).collect::<Vec<_>>() })
            }
            Self::Changed(changed, all) => {
                let one = |(key, old, new): &(Key, String, String)| json!({ "key": key, "before": old, "after": new });
                json!({ "changed": changed.iter().map(one).collect::<Vec<_>>(), "tenants": all })
            }
            Self::Fitted(ring, share, keys) => {
                json!({ "ring": ring, "share": share.basis_points(), "tenants": keys })
            }
            Self::Exported(text) => json!({ "export": text }),
            Self::Unfit(..) | Self::TooFew(_) => json!({}),
        });
        fields.insert("complaints".to_owned(), json!(self.complaints()));
        fields
    }

    fn text(&self, page: &mut Page) {
        match self {
            Self::Members(found) => {
                let one = |(found, ring): &(Member, String)| {
                    [cell(found.key.as_str()), (Mood::Strong, ring.clone()), cell(place(found))]
                };
                Table::new(["key", "ring", "by"], found.iter().map(one)).text(page);
            }
            Self::Table(all) => rows(all).text(page),
            Self::Changed(changed, all) => {
                page.line(Mood::Strong, &format!("{} of {all} change rings", changed.len()));
                changes(changed).text(page);
            }
            Self::Fitted(ring, share, keys) => page.line(Mood::Plain, &fitted(ring, *share, keys)),
            Self::Exported(text) => text.lines().for_each(|line| page.line(Mood::Plain, line)),
            Self::Unfit(..) | Self::TooFew(_) => {}
        }
        self.complaints().iter().for_each(|complaint| page.line(Mood::Bad, complaint));
    }

    fn summary(&self, summary: &mut Summary) {
        summary.heading("rings");
        match self {
            Self::Table(all) => rows(all).summary(summary),
            Self::Changed(changed, _) => changes(changed).summary(summary),
            Self::Fitted(ring, share, keys) => summary.paragraph(&fitted(ring, *share, keys)),
            Self::Members(_) | Self::Exported(_) | Self::Unfit(..) | Self::TooFew(_) => {}
        }
        self.complaints().iter().for_each(|complaint| summary.paragraph(complaint));
    }

    fn outputs(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Members(found) if found.len() == 1 => vec![("ring", found[0].1.clone())],
            _ => Vec::new(),
        }
    }
}
