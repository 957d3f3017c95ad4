//! Promotions and rollbacks: every image, where it stood and where it stands.

use serde_json::{Map, Value, json};

use super::Render;
use super::github::Summary;
use super::page::{Cell, Mood, Page, cell};
use super::status::{candidate_page, candidates_json};
use crate::base::exit::Exit;
use crate::engine::execute::Executed;
use crate::model::digest::Digest;
use crate::model::image::counted;
use crate::model::moves::{Ended, Receipt};
use crate::model::verdict::Verdict;
use crate::policy::repair::Direction;
use crate::tool::rollback_latest::Outcome as Rollback;
use crate::tool::rollback_latest::record::RollbackRecord;

/// One row for each image: name, state, from and to.
pub fn receipt_rows(receipts: &[Receipt]) -> Vec<Vec<Cell>> {
    receipts
        .iter()
        .map(|receipt| {
            let (mood, state) = state(&receipt.ended);
            let from = receipt.from.as_ref().map_or_else(|| "absent".to_owned(), Digest::short);
            let way = if receipt.ended == Ended::Already {
                from
            } else {
                format!("{from} -> {}", receipt.to.short())
            };
            vec![(Mood::Strong, receipt.repository.to_string()), (mood, state), cell(way)]
        })
        .collect()
}

fn state(ended: &Ended) -> (Mood, String) {
    match ended {
        Ended::Moved => (Mood::Good, "moved".to_owned()),
        Ended::Already => (Mood::Good, "already".to_owned()),
        Ended::WouldMove => (Mood::Odd, "would move".to_owned()),
        Ended::PutBack => (Mood::Odd, "put back".to_owned()),
        Ended::Untouched => (Mood::Plain, "untouched".to_owned()),
        Ended::Foreign { found } => (Mood::Bad, format!("moved by somebody else to {}", found.short())),
        Ended::Stranded => (Mood::Bad, "NOT put back".to_owned()),
        Ended::Gone => (Mood::Bad, "GONE".to_owned()),
        Ended::Unknown { .. } => (Mood::Bad, "UNKNOWN".to_owned()),
    }
}

/// The receipts as they stand in documents.
pub fn receipts_json(receipts: &[Receipt]) -> Value {
    json!(receipts)
}

/// Image -> from, to; of those that were moved.
fn moved(receipts: &[Receipt]) -> Value {
    let moved = receipts.iter().filter(|receipt| receipt.ended == Ended::Moved);
    Value::Object(moved.map(|r| (r.repository.to_string(), json!({ "from": r.from, "to": r.to }))).collect())
}

impl Executed {
    fn headline(&self) -> String {
        let what = self.sha.as_ref().map_or_else(|| "the previous release".to_owned(), ToString::to_string);
        let (tag, count) = (&self.tag, self.receipts.len());
        let any = |wanted: &Ended| self.receipts.iter().any(|receipt| receipt.ended == *wanted);
        let direction = match self.direction {
            Direction::Promotion => "promoted",
            Direction::Rollback => "rolled back",
        };
        if any(&Ended::WouldMove) {
            format!("dry run: {tag} would move to {what}")
        } else if any(&Ended::Moved) {
            format!("{direction}: {tag} is {what}, {} verified", counted(count))
        } else {
            format!("already: {tag} is {what}")
        }
    }
}

impl Render for Executed {
    fn verdict(&self) -> Verdict {
        Verdict::Green
    }

    fn exit(&self) -> Exit {
        Exit::Done
    }

    fn fields(&self) -> Map<String, Value> {
        let mut fields = Map::new();
        fields.insert("sha".to_owned(), json!(self.sha));
        fields.insert("tag".to_owned(), json!(self.tag));
        fields.insert("images".to_owned(), receipts_json(&self.receipts));
        fields.insert("moved".to_owned(), moved(&self.receipts));
        fields.insert("warnings".to_owned(), json!(self.warnings));
        fields.insert("release".to_owned(), json!(self.release));
        fields
    }

    fn text(&self, page: &mut Page) {
        page.line(Mood::Good, &self.headline());
        page.table(&receipt_rows(&self.receipts));
    }

    fn summary(&self, summary: &mut Summary) {
        summary.heading(&self.headline());
        let rows: Vec<Vec<String>> = receipt_rows(&self.receipts)
            .into_iter()
            .map(|row| row.into_iter().map(|(_, text)| text).collect())
            .collect();
        summary.table(&["image", "state", "from and to"], &rows);
        self.warnings.iter().for_each(|warning| summary.paragraph(warning));
    }

    fn outputs(&self) -> Vec<(&'static str, String)> {
        let sha = self.sha.iter().map(|sha| ("sha", sha.to_string()));
        let release = self.release.iter().map(|release| ("release", release.clone()));
        sha.chain(release).chain([("moved", moved(&self.receipts).to_string())]).collect()
    }
}

fn record_lines(record: &RollbackRecord) -> Vec<String> {
    let mut lines = Vec::new();
    if record.held {
        lines.push("held: nothing is promoted until `release-status resume --reason TEXT`".to_owned());
    }
    lines.extend(record.file.iter().map(|file| format!("post-mortem draft: {}", file.display())));
    lines.extend(record.issue.iter().map(|issue| format!("issue: {issue}")));
    lines
}

impl Render for Rollback {
    fn verdict(&self) -> Verdict {
        Verdict::Green
    }

    fn exit(&self) -> Exit {
        Exit::Done
    }

    fn fields(&self) -> Map<String, Value> {
        match self {
            Self::Listed(candidates) => {
                Map::from_iter([("candidates".to_owned(), candidates_json(candidates))])
            }
            Self::Moved { moves, reason, hooks, record } => {
                let mut fields = moves.fields();
                fields.insert("reason".to_owned(), json!(reason));
                fields.insert("hooks".to_owned(), json!(hooks));
                fields.insert("held".to_owned(), json!(record.held));
                fields.insert("post_mortem".to_owned(), json!(record.draft));
                fields.insert("issue".to_owned(), json!(record.issue));
                fields
            }
        }
    }

    fn text(&self, page: &mut Page) {
        match self {
            Self::Listed(candidates) => candidate_page(page, candidates),
            Self::Moved { moves, hooks, record, .. } => {
                moves.text(page);
                let rows: Vec<Vec<Cell>> = hooks
                    .iter()
                    .map(|hook| {
                        vec![
                            cell(format!("hook {}", hook.hook)),
                            (if hook.good { Mood::Good } else { Mood::Odd }, hook.ended.clone()),
                        ]
                    })
                    .collect();
                page.table(&rows);
                for line in record_lines(record) {
                    page.line(Mood::Plain, &line);
                }
            }
        }
    }

    fn summary(&self, summary: &mut Summary) {
        if let Self::Moved { moves, reason, record, .. } = self {
            moves.summary(summary);
            if let Some(reason) = reason {
                summary.paragraph(&format!("Reason: {reason}"));
            }
            for line in record_lines(record) {
                summary.paragraph(&line);
            }
            if let Some(draft) = &record.draft {
                summary.block(draft);
            }
        }
    }

    fn outputs(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Listed(_) => Vec::new(),
            Self::Moved { moves, .. } => moves.outputs(),
        }
    }
}
