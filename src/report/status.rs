//! The state of a release: live, staged, broken; and the doctor's findings.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::Render;
use super::diff;
use super::github::{Annotation, Level, Summary};
use super::json::object;
use super::page::{Cell, Mood, Page, cell};
use super::rings::{ring_json, ring_table};
use super::table::Table;
use crate::base::duration;
use crate::base::exit::Exit;
use crate::engine::candidates::{Candidate, ImageState, Life, Listing, Mark};
use crate::engine::changes::is_same;
use crate::model::commit::CommitSha;
use crate::model::digest::Digest;
use crate::model::history::{Entry, Event};
use crate::model::verdict::Verdict;
use crate::policy::history::Break;
use crate::tool::release_status::diff::Difference;
use crate::tool::release_status::doctor::{Finding, Health};
use crate::tool::release_status::{Check, LiveImage, Outcome, Status, Told};

/// The candidates as they stand in documents.
pub fn candidates_json(listing: &Listing) -> Value {
    let image = |(repository, state): &(crate::model::repository::Repository, ImageState)| match state {
        ImageState::Whole(digest) => json!({ "repository": repository, "state": "whole", "digest": digest }),
        ImageState::Broken(digest, missing) => {
            json!({ "repository": repository, "state": "broken", "digest": digest, "missing": missing })
        }
        ImageState::Absent => json!({ "repository": repository, "state": "absent" }),
        ImageState::Unread(why) => json!({ "repository": repository, "state": "unread", "why": why }),
    };
    let candidate = |c: &Candidate| {
        let images: Vec<Value> = c.images.iter().map(image).collect();
        json!({ "sha": c.sha, "published": c.published, "built": c.built, "marks": c.marks, "whole": c.is_whole(), "images": images, "evidence": c.evidence, "lives": c.lives })
    };
    Value::Array(listing.rows.iter().map(candidate).collect())
}

/// The candidates for a person.
pub fn candidate_page(page: &mut Page, listing: &Listing, all: &str) {
    if listing.rows.is_empty() {
        page.line(Mood::Odd, "no release is staged: check the images' names, and `staging` in coalmine.toml");
        return;
    }
    candidate_table(&listing.rows).text(page);
    if listing.more > 0 {
        page.line(Mood::Dim, &format!("{} more: {all} lists them", listing.more));
    }
}

fn candidate_table(candidates: &[Candidate]) -> Table {
    Table::new(["sha", "made", "state", "now", "remarks"], candidates.iter().map(candidate_row))
}

fn candidate_summary(candidates: &[Candidate], summary: &mut Summary) {
    candidate_table(candidates).summary(summary);
    let shas: Vec<String> = candidates.iter().map(|candidate| candidate.sha.to_string()).collect();
    summary.folded("Whole commits", &shas.join("\n"));
}

fn candidate_row(candidate: &Candidate) -> [Cell; 5] {
    let trouble: Vec<String> = candidate
        .images
        .iter()
        .filter_map(|(repository, state)| match state {
            ImageState::Whole(_) => None,
            ImageState::Broken(_, missing) => Some(format!("{repository}: {}", missing.join("; "))),
            ImageState::Absent => Some(format!("{repository}: not staged")),
            ImageState::Unread(why) => Some(format!("{repository}: {why}")),
        })
        .collect();
    let at = |word: &str, time: Timestamp| format!("{word} {}", time.strftime("%Y-%m-%d %H:%M UTC"));
    let made = match (candidate.published, candidate.built) {
        (Some(published), _) => at("published", published),
        (None, Some(built)) => at("built", built),
        (None, None) => "no record".to_owned(),
    };
    let marks: Vec<&str> = candidate.marks.iter().map(|mark| mark.as_str()).collect();
    let mood = if candidate.marks.contains(&Mark::Rejected) { Mood::Odd } else { Mood::Strong };
    let state = if candidate.is_whole() {
        (Mood::Good, "whole".to_owned())
    } else {
        (Mood::Bad, "broken".to_owned())
    };
    let lives: Vec<String> = candidate.lives.iter().map(life).collect();
    let remarks: Vec<String> = candidate.evidence.iter().cloned().chain(lives).chain(trouble).collect();
    [
        (Mood::Strong, candidate.sha.to_string()),
        cell(made),
        state,
        (mood, marks.join(", ")),
        (Mood::Dim, remarks.join(", ")),
    ]
}

fn life(life: &Life) -> String {
    let from = life.from.strftime("%F %H:%M UTC");
    match (life.until, life.left) {
        (Some(until), Some(left)) => {
            let span = std::time::Duration::try_from(until.duration_since(life.from)).unwrap_or_default();
            format!("live {from} for {}, left by {left}", duration::show(span))
        }
        _ => format!("live since {from}"),
    }
}

/// A person reads down to what happened last; a summary is read from the top.
fn history_table<'a>(entries: impl Iterator<Item = &'a Entry>) -> Table {
    Table::new(["when", "what", "tag", "sha", "who and why"], entries.map(entry_row))
}

fn entry_row(entry: &Entry) -> [Cell; 5] {
    let (mood, what) = match &entry.event {
        Event::Promotion { evidence, skipped } if skipped.is_empty() => {
            (Mood::Good, format!("promotion ({} evidence)", evidence.len()))
        }
        Event::Promotion { skipped, .. } => {
            (Mood::Odd, format!("promotion that skipped {}", skipped.join("; ")))
        }
        Event::Hold { alone } => (Mood::Odd, if *alone { "hold of this ring" } else { "hold" }.to_owned()),
        Event::Approval { proven, .. } => (
            Mood::Good,
            proven.as_ref().map_or("approval, not confirmed by GitHub".to_owned(), |proven| {
                format!("approval by {}, confirmed by GitHub", proven.login)
            }),
        ),
        Event::Rollback { left, hold, partial } => {
            let left = left.as_ref().map(|left| format!(" from {}", left.short())).unwrap_or_default();
            let held = if *hold { ", held" } else { "" };
            let part = partial.as_ref().map(|why| format!(", a part: {why}")).unwrap_or_default();
            (Mood::Odd, format!("rollback{left}{held}{part}"))
        }
        Event::Resume => (Mood::Plain, "resume".to_owned()),
        Event::RollbackFailed => (Mood::Odd, "rollback that moved nothing".to_owned()),
        Event::Restart => (Mood::Odd, "the history begins anew".to_owned()),
    };
    let sha = entry.sha.as_ref().map(ToString::to_string).unwrap_or_default();
    let words = [entry.by.clone(), entry.reason.clone()].into_iter().flatten().collect::<Vec<_>>().join(": ");
    let at = entry.at.strftime("%F %T UTC").to_string();
    [cell(at), (mood, what), cell(entry.tag.clone()), (Mood::Strong, sha), (Mood::Dim, words)]
}

fn break_line(broken: &Break) -> String {
    let (number, id) = (broken.number, &broken.id);
    format!("the history was changed: entry {number} ({id}) is not what was written: {}", broken.found)
}

fn live_table(live: &[LiveImage]) -> Table {
    Table::new(["image", "sha", "digest", "missing"], live.iter().map(live_row))
}

fn live_row(image: &LiveImage) -> [Cell; 4] {
    let shas: Vec<&str> = image.shas.iter().map(CommitSha::as_str).collect();
    let sha = match (&image.digest, shas.is_empty()) {
        (None, _) => (Mood::Bad, "no such tag".to_owned()),
        (Some(_), true) => (Mood::Odd, "not a staged release".to_owned()),
        (Some(_), false) => (Mood::Good, shas.join(", ")),
    };
    let digest = image.digest.as_ref().map(Digest::short).unwrap_or_default();
    [
        (Mood::Strong, image.repository.to_string()),
        sha,
        (Mood::Dim, digest),
        (Mood::Bad, image.missing.join("; ")),
    ]
}

impl Status {
    fn headline(&self) -> (Mood, String) {
        let ago = |time: Option<Timestamp>| {
            time.and_then(|time| std::time::Duration::try_from(self.read.duration_since(time)).ok())
                .map(duration::show)
        };
        let candidate = self.staged.rows.iter().find(|candidate| Some(&candidate.sha) == self.sha.as_ref());
        let age = candidate.and_then(|candidate| match (candidate.published, candidate.built) {
            (Some(published), _) => Some(("published", ago(Some(published))?)),
            (None, built) => Some(("built", ago(built)?)),
        });
        let made = age.map(|(made, age)| format!(", {made} {age} ago")).unwrap_or_default();
        let live = ago(self.since).map(|age| format!(", live for {age}")).unwrap_or_default();
        match (&self.sha, self.complaints().as_slice()) {
            (Some(sha), []) => (Mood::Good, format!("{} is {sha}{made}{live}", self.tag)),
            (_, complaints) => (Mood::Bad, complaints.join("; ")),
        }
    }
}

fn finding_table(findings: &[Finding]) -> Table {
    Table::new(["", "subject", "found"], findings.iter().map(finding_row))
}

fn finding_row(finding: &Finding) -> [Cell; 3] {
    let (mood, word) = match finding.health {
        Health::Good => (Mood::Good, "ok"),
        Health::Odd => (Mood::Odd, "look"),
        Health::Bad => (Mood::Bad, "bad"),
    };
    let found = if finding.hint.is_empty() {
        finding.found.clone()
    } else {
        format!("{} ({})", finding.found, finding.hint)
    };
    [(mood, word.to_owned()), (Mood::Strong, finding.subject.clone()), cell(found)]
}

fn diff_headline(difference: &Difference) -> String {
    let (from, to) = (&difference.from, &difference.to);
    if is_same(&difference.images) {
        format!("no difference between {from} and {to}")
    } else {
        format!("from {from} to {to}")
    }
}

impl Render for Outcome {
    fn verdict(&self) -> Verdict {
        if self.exit() == Exit::Done { Verdict::Green } else { Verdict::Red }
    }

    fn exit(&self) -> Exit {
        let bad = match self {
            Self::Status(status) => !status.refusals().is_empty(),
            Self::Candidates(_)
            | Self::Diff(_)
            | Self::Resumed(_)
            | Self::Restarted(_)
            | Self::Rings(_)
            | Self::Noted(..) => false,
            Self::History(told) => told.broken.is_some(),
            Self::Doctor(findings) => findings.iter().any(|finding| finding.health == Health::Bad),
        };
        if bad { Exit::No } else { Exit::Done }
    }

    fn fields(&self) -> Map<String, Value> {
        object(match self {
            Self::Status(status) => {
                let live = |i: &LiveImage| json!({ "repository": i.repository, "digest": i.digest, "shas": i.shas, "missing": i.missing });
                json!({
                    "tag": status.tag,
                    "sha": status.sha,
                    "live": status.live.iter().map(live).collect::<Vec<_>>(),
                    "complaints": status.complaints(),
                    "staged": candidates_json(&status.staged),
                    "hold": status.hold,
                    "holds": status.holds,
                    "doubt": status.doubt,
                    "since": status.since,
                    "trouble": status.trouble,
                    "more": status.staged.more,
                })
            }
            Self::History(told) => {
                let broken = told.broken.as_ref().map(break_line);
                json!({ "entries": told.entries, "broken": broken, "doubt": told.doubt, "older": told.older })
            }
            Self::Rings(rows) => json!({ "rings": rows.iter().map(ring_json).collect::<Vec<_>>() }),
            Self::Noted(entries, notes) => json!({ "entries": entries, "warnings": notes }),
            Self::Diff(diff) => json!({ "from": diff.from, "to": diff.to, "images": diff.images }),
            Self::Restarted(entry) => json!({ "restarted": entry }),
            Self::Resumed(entry) => json!({ "resumed": entry }),
            Self::Candidates(listing) => {
                json!({ "candidates": candidates_json(listing), "more": listing.more })
            }
            Self::Doctor(findings) => json!({ "findings": findings }),
        })
    }

    fn text(&self, page: &mut Page) {
        match self {
            Self::Status(status) => {
                let (mood, headline) = status.headline();
                page.line(mood, &headline);
                live_table(&status.live).text(page);
                status.doubt.iter().for_each(|doubt| page.line(Mood::Odd, doubt));
                page.gap();
                page.line(Mood::Strong, "releases, newest first:");
                candidate_page(page, &status.staged, "`release-status candidates --all`");
            }
            Self::Candidates(listing) => candidate_page(page, listing, "--all"),
            Self::Diff(difference) => {
                page.line(Mood::Strong, &diff_headline(difference));
                diff::text(page, &difference.images);
            }
            Self::History(Told { entries, broken, doubt, older }) => {
                if *older {
                    page.line(Mood::Dim, "older entries: `release-status history --all`");
                }
                match doubt {
                    Some(doubt) => page.line(Mood::Bad, doubt),
                    None if entries.is_empty() => {
                        page.line(Mood::Plain, "no entry: nothing was promoted yet");
                    }
                    None => {}
                }
                history_table(entries.iter()).text(page);
                match broken {
                    Some(broken) => page.line(Mood::Bad, &break_line(broken)),
                    None => page.line(
                        Mood::Good,
                        &format!("nobody changed the history (entries: {})", entries.len()),
                    ),
                }
            }
            Self::Rings(rows) => ring_table(rows).text(page),
            Self::Noted(entries, _) => history_table(entries.iter()).text(page),
            Self::Resumed(Some(_)) => {
                page.line(
                    Mood::Good,
                    "resumed: releases may be promoted again; what was rejected stays rejected",
                );
            }
            Self::Resumed(None) => page.line(Mood::Plain, "already: there was no hold"),
            Self::Restarted(entry) => {
                let at = entry.at.strftime("%F %T UTC");
                page.line(Mood::Good, &format!("the history begins anew at {at}"));
            }
            Self::Doctor(findings) => finding_table(findings).text(page),
        }
    }

    fn summary(&self, summary: &mut Summary) {
        match self {
            Self::Status(status) => {
                summary.heading(&status.headline().1);
                live_table(&status.live).summary(summary);
                let name =
                    |image: &LiveImage| Some(format!("{}@{}", image.repository, image.digest.as_ref()?));
                let digests: Vec<String> = status.live.iter().filter_map(name).collect();
                summary.folded("Whole digests", &digests.join("\n"));
                if !status.staged.rows.is_empty() {
                    summary.paragraph("Releases, newest first:");
                    candidate_summary(&status.staged.rows, summary);
                }
            }
            Self::Candidates(listing) => {
                summary.heading("rollback candidates");
                candidate_summary(&listing.rows, summary);
            }
            Self::Rings(rows) => {
                summary.heading("rings");
                ring_table(rows).summary(summary);
            }
            Self::Noted(entries, _) => history_table(entries.iter()).summary(summary),
            Self::Diff(difference) => {
                summary.heading(&diff_headline(difference));
                diff::summary(summary, &difference.images);
            }
            Self::Restarted(_) => summary.heading("the history begins anew"),
            Self::History(Told { entries, broken, .. }) => {
                summary.heading(&broken.as_ref().map_or("history".to_owned(), break_line));
                history_table(entries.iter().rev()).summary(summary);
            }
            Self::Resumed(Some(_)) => summary.heading("resumed"),
            Self::Resumed(None) => summary.heading("already: there was no hold"),
            Self::Doctor(findings) => {
                summary.heading("doctor");
                finding_table(findings).summary(summary);
            }
        }
    }

    fn annotations(&self) -> Vec<Annotation> {
        let Self::Status(status) = self else { return Vec::new() };
        let of = |level: Level, title: &str, message: String| Annotation {
            level,
            title: title.to_owned(),
            message,
            place: None,
        };
        let waiting = status.waiting().into_iter().filter(|_| status.check == Some(Check::Merge));
        let notices = waiting.map(|why| of(Level::Notice, "promotions wait, merges do not", why));
        let refusals = status.refusals().into_iter();
        refusals.map(|why| of(Level::Error, "release-status --check", why)).chain(notices).collect()
    }

    fn outputs(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Status(status) => status.sha.iter().map(|sha| ("sha", sha.to_string())).collect(),
            Self::Candidates(_)
            | Self::Diff(_)
            | Self::History(_)
            | Self::Resumed(_)
            | Self::Rings(_)
            | Self::Noted(..)
            | Self::Restarted(_)
            | Self::Doctor(_) => Vec::new(),
        }
    }
}
