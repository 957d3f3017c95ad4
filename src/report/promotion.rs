//! Promotions and rollbacks: every image, where it stood and where it stands.

use serde_json::{Map, Value, json};

use super::Render;
use super::diff;
use super::github::Summary;
use super::json::object;
use super::page::{Mood, Page, cell};
use super::status::{candidate_page, candidates_json};
use super::table::Table;
use crate::base::duration;
use crate::base::exit::Exit;
use crate::engine::execute::Executed;
use crate::model::commit::CommitSha;
use crate::model::digest::Digest;
use crate::model::image::counted;
use crate::model::moves::{Ended, Receipt};
use crate::model::tag::Tag;
use crate::model::verdict::Verdict;
use crate::policy::repair::Direction;
use crate::policy::soak::recovery::Targets;
use crate::tool::rollback_latest::record::RollbackRecord;
use crate::tool::rollback_latest::{Outcome as Rollback, Watched};

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
    /// The tags beside it, in one sentence.
    fn beside(&self) -> Option<String> {
        let tags: Vec<&str> = self.also.iter().map(Tag::as_str).collect();
        let would =
            if self.receipts.iter().any(|r| r.ended == Ended::WouldMove) { "would also be" } else { "also" };
        (!tags.is_empty()).then(|| format!("{would} tagged: {}", tags.join(", ")))
    }

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
            "also": self.also,
            "previous": self.previous(),
            "commits": self.since.as_ref().map(|since| &since.commits),
        }))
    }

    fn text(&self, page: &mut Page) {
        page.line(Mood::Good, &self.headline());
        receipts(&self.receipts).text(page);
        self.beside().iter().for_each(|words| page.line(Mood::Plain, words));
    }

    fn summary(&self, summary: &mut Summary) {
        summary.heading(&self.headline());
        receipts(&self.receipts).summary(summary);
        self.beside().iter().for_each(|words| summary.paragraph(words));
        self.warnings.iter().for_each(|warning| summary.paragraph(warning));
        if !self.changes.is_empty() {
            summary.paragraph("What changes:");
            diff::summary(summary, &self.changes);
        }
        if let Some(since) = self.since.as_ref().filter(|since| !since.commits.is_empty()) {
            summary.paragraph(&format!("Commits since {}, which was live:", since.previous.short()));
            summary.block(&since.commits.join("\n"));
        }
        let digests: Vec<String> =
            self.receipts.iter().map(|receipt| format!("{}@{}", receipt.repository, receipt.to)).collect();
        summary.folded("Whole digests", &digests.join("\n"));
    }

    fn previous(&self) -> Option<&CommitSha> {
        self.since.as_ref().map(|since| &since.previous)
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

fn ended(watched: &Watched) -> &'static str {
    match watched.met {
        Some(true) => "met",
        Some(false) => "missed",
        None => "stopped",
    }
}

fn recovery(watched: &Watched) -> Value {
    let targets = watched.targets.iter().map(|seen| {
        let state = match seen.state {
            Targets::Met => "met",
            Targets::Missed => "missed",
            Targets::Unknown => "unknown",
        };
        json!({ "metric": seen.metric, "state": state, "value": seen.number, "trouble": seen.trouble })
    });
    json!({
        "ended": ended(watched),
        "met_after_seconds": watched.since.map(|since| since.as_secs_f64()),
        "watched_seconds": watched.took.as_secs_f64(),
        "targets": targets.collect::<Vec<_>>(),
    })
}

/// What became of the recovery, and the cause that it points to.
fn recovery_lines(watched: &Watched) -> Vec<String> {
    let took = duration::show(watched.took);
    let mut lines = vec![match (watched.met, watched.since) {
        (Some(true), Some(since)) => {
            format!("recovery=met: after {}, and kept until {took} after the move", duration::show(since))
        }
        (Some(true), None) => format!("recovery=met: after {took}"),
        (Some(false), _) => format!(
            "recovery=missed: {took} after the move; the tags stay as they are, and nothing is unfrozen"
        ),
        (None, _) => {
            format!("recovery=stopped: a signal ended the watch after {took}; the tags stay as they are")
        }
    }];
    for seen in &watched.targets {
        let number = seen.number.map(|number| format!(" at {number}")).unwrap_or_default();
        lines.push(match (seen.state, &seen.trouble) {
            (Targets::Met, _) => {
                format!("{}: recovered{number}; its cause came with the release that was left", seen.metric)
            }
            (Targets::Missed, _) => {
                format!("{}: not recovered{number}; look for a cause outside that release", seen.metric)
            }
            (Targets::Unknown, why) => {
                let why = why.as_deref().unwrap_or("too few samples");
                format!("{}: could not be measured: {why}", seen.metric)
            }
        });
    }
    lines
}

impl Rollback {
    fn watched(&self) -> Option<&Watched> {
        match self {
            Self::Moved { watched, .. } => watched.as_deref(),
            Self::Listed(_) => None,
            // Only the last one is watched.
            Self::Rings(rings) => rings.last().and_then(|(_, outcome)| outcome.watched()),
        }
    }
}

impl Render for Rollback {
    fn verdict(&self) -> Verdict {
        match self.exit() {
            Exit::Done => Verdict::Green,
            Exit::No => Verdict::Red,
            _ => Verdict::Error,
        }
    }

    fn exit(&self) -> Exit {
        match self.watched().map(|watched| (watched.met, watched.signal)) {
            None | Some((Some(true), _)) => Exit::Done,
            Some((Some(false), _) | (None, None)) => Exit::No,
            Some((None, Some(signal))) => signal.exit(),
        }
    }

    fn fields(&self) -> Map<String, Value> {
        match self {
            Self::Listed(listing) => {
                object(json!({ "candidates": candidates_json(listing), "more": listing.more }))
            }
            Self::Rings(rings) => {
                let ring = |(ring, outcome): &(String, Self)| (ring.clone(), Value::Object(outcome.fields()));
                object(json!({ "rings": rings.iter().map(ring).collect::<Map<_, _>>() }))
            }
            Self::Moved { moves, reason, hooks, watched, record } => {
                let mut fields = moves.fields();
                if let Some(watched) = watched {
                    fields.insert("recovery".to_owned(), recovery(watched));
                }
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
            Self::Rings(rings) => rings.iter().for_each(|(_, outcome)| outcome.text(page)),
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
                for line in self.watched().map(recovery_lines).unwrap_or_default() {
                    page.line(Mood::Plain, &line);
                }
            }
        }
    }

    fn summary(&self, summary: &mut Summary) {
        if let Self::Rings(rings) = self {
            rings.iter().for_each(|(_, outcome)| outcome.summary(summary));
        }
        if let Self::Moved { moves, reason, record, .. } = self {
            moves.summary(summary);
            if let Some(reason) = reason {
                summary.paragraph(&format!("Reason: {reason}"));
            }
            for line in
                record_lines(record).into_iter().chain(self.watched().map(recovery_lines).unwrap_or_default())
            {
                summary.paragraph(&line);
            }
            if let Some(draft) = &record.draft {
                summary.folded("Post-mortem draft", draft);
            }
        }
    }

    fn outputs(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Listed(_) => Vec::new(),
            // The last one that moved is the ring that was named.
            Self::Rings(rings) => rings.last().map(|(_, outcome)| outcome.outputs()).unwrap_or_default(),
            Self::Moved { moves, watched, .. } => {
                let mut outputs = moves.outputs();
                outputs.extend(watched.as_ref().map(|watched| ("recovery", ended(watched).to_owned())));
                outputs
            }
        }
    }
}
