//! Promotions and rollbacks: every image, where it stood and where it stands.

use serde_json::{Map, Value, json};

use super::Render;
use super::github::Summary;
use super::json::object;
use super::page::{Mood, Page, cell};
use super::status::{candidate_page, candidates_json};
use super::table::Table;
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
pub(crate) fn receipts(receipts: &[Receipt]) -> Table {
    let rows = receipts.iter().map(|receipt| {
        let (mood, state) = state(&receipt.ended);
        let from = receipt.from.as_ref().map_or_else(|| "absent".to_owned(), Digest::short);
        let way =
            if receipt.ended == Ended::Already { from } else { format!("{from} -> {}", receipt.to.short()) };
        [(Mood::Strong, receipt.repository.to_string()), (mood, state), cell(way)]
    });
    Table::new(["image", "state", "from and to"], rows)
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
        object(json!({
            "sha": self.sha,
            "tag": self.tag,
            "images": self.receipts,
            "moved": moved(&self.receipts),
            "warnings": self.warnings,
            "release": self.release,
        }))
    }

    fn text(&self, page: &mut Page) {
        page.line(Mood::Good, &self.headline());
        receipts(&self.receipts).text(page);
    }

    fn summary(&self, summary: &mut Summary) {
        summary.heading(&self.headline());
        receipts(&self.receipts).summary(summary);
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
            Self::Listed(listing) => {
                object(json!({ "candidates": candidates_json(listing), "more": listing.more }))
            }
            Self::Moved { moves, reason, hooks, record } => {
                let mut fields = moves.fields();
                fields.extend(object(json!({
                    "reason": reason,
                    "hooks": hooks,
                    "held": record.held,
                    "post_mortem": record.draft,
                    "issue": record.issue,
                })));
                fields
            }
        }
    }

    fn text(&self, page: &mut Page) {
        match self {
            Self::Listed(listing) => candidate_page(page, listing, "--all"),
            Self::Moved { moves, hooks, record, .. } => {
                moves.text(page);
                let rows = hooks.iter().map(|hook| {
                    let mood = if hook.good { Mood::Good } else { Mood::Odd };
                    [cell(format!("hook {}", hook.hook)), (mood, hook.ended.clone())]
                });
                Table::new(["hook", "how it ended"], rows).text(page);
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
