//! Failures: what was tried, on what, expected, found, what to do.

use std::error::Error;

use serde_json::{Map, Value, json};

use super::Render;
use super::github::{Annotation, Level, Summary};
use super::json::object;
use super::page::{Mood, Page};
use super::promotion::receipts;
use crate::base::exit::Exit;
use crate::model::verdict::Verdict;
use crate::tool::failure::Failure;

/// One complaint: the message, and what to do about it.
pub struct Complaint {
    /// What went wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// Everything that is wrong, for stderr, annotations and the document alike; never empty.
pub fn complaints(failure: &Failure) -> Vec<Complaint> {
    let one = |message: String, hint: Option<String>| vec![Complaint { message, hint }];
    match failure {
        Failure::Usage(error) => one(error.message.clone(), Some(error.hint.clone())),
        Failure::Mistake(diagnostic) => {
            // Whoever shows a complaint says that it is an error.
            one(diagnostic.to_string().trim_start_matches("error: ").to_owned(), None)
        }
        Failure::File(error) => one(chain(error), Some(error.hint().to_owned())),
        Failure::Source(error) => one(chain(error), Some(error.hint().to_owned())),
        Failure::Refused { refusals, .. } => refusals
            .iter()
            .map(|refusal| Complaint { message: refusal.to_string(), hint: Some(refusal.hint.clone()) })
            .collect(),
        Failure::Registry(error) => one(chain(error), Some(error.hint())),
        Failure::Moving(failure) => failure
            .causes
            .iter()
            .map(|cause| Complaint { message: cause.message.clone(), hint: Some(cause.hint.clone()) })
            .collect(),
        Failure::Stopped(_) => one("stopped by a signal before anything was moved".to_owned(), None),
    }
}

/// An error and its sources on one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// The last word on where the tags stand.
fn standing(failure: &Failure) -> &'static str {
    match (failure, failure.exit()) {
        (Failure::Moving(_), Exit::Split) => "split: the images disagree; run the commands below",
        (Failure::Moving(_), _) => "no tag was left moved",
        (Failure::Refused { .. } | Failure::Registry(_) | Failure::Stopped(_), _) => "nothing was moved",
        (Failure::Usage(_) | Failure::Mistake(_) | Failure::File(_) | Failure::Source(_), _) => {
            "no request was sent"
        }
    }
}

fn kind(failure: &Failure) -> &'static str {
    match failure {
        Failure::Usage(_) => "usage",
        Failure::Mistake(_) => "configuration",
        Failure::File(_) => "file",
        Failure::Source(_) => "source",
        Failure::Refused { .. } => "refused",
        Failure::Registry(_) => "registry",
        Failure::Moving(_) => "moving",
        Failure::Stopped(_) => "stopped",
    }
}

impl Render for Failure {
    fn verdict(&self) -> Verdict {
        Failure::verdict(self)
    }

    fn exit(&self) -> Exit {
        Failure::exit(self)
    }

    fn fields(&self) -> Map<String, Value> {
        let errors: Vec<Value> =
            complaints(self).iter().map(|c| json!({ "message": c.message, "hint": c.hint })).collect();
        let mut fields =
            object(json!({ "failure": kind(self), "standing": standing(self), "errors": errors }));
        fields.extend(match self {
            Self::Refused { sha, refusals } => object(json!({ "sha": sha, "refusals": refusals.as_slice() })),
            Self::Moving(failure) => {
                let images = &failure.receipts;
                object(json!({ "sha": failure.sha, "images": images, "repair": failure.repair }))
            }
            _ => Map::new(),
        });
        fields
    }

    fn text(&self, page: &mut Page) {
        let Self::Moving(failure) = self else { return };
        page.line(Mood::Bad, standing(self));
        receipts(&failure.receipts).text(page);
        if !failure.repair.is_empty() {
            page.gap();
            page.line(Mood::Strong, "To make the images agree again, run:");
            page.gap();
            for command in &failure.repair {
                page.line(Mood::Plain, &format!("  {command}"));
            }
        }
    }

    fn summary(&self, summary: &mut Summary) {
        summary.heading(&format!("{}: {}", self.verdict().as_str(), standing(self)));
        let lines: Vec<String> = complaints(self).into_iter().map(|c| c.message).collect();
        summary.block(&lines.join("\n"));
        if let Self::Moving(failure) = self {
            receipts(&failure.receipts).summary(summary);
            if !failure.repair.is_empty() {
                summary.paragraph("To make the images agree again, run:");
                summary.block(&failure.repair.join("\n"));
            }
        }
    }

    fn outputs(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Refused { sha: Some(sha), .. } => vec![("sha", sha.to_string())],
            Self::Moving(failure) => failure.sha.iter().map(|sha| ("sha", sha.to_string())).collect(),
            _ => Vec::new(),
        }
    }

    fn annotations(&self) -> Vec<Annotation> {
        let place = match self {
            Self::Mistake(diagnostic) => Some((diagnostic.file.clone(), diagnostic.position().0)),
            _ => None,
        };
        complaints(self)
            .into_iter()
            .map(|c| Annotation {
                level: Level::Error,
                title: standing(self).to_owned(),
                message: c.hint.map_or(c.message.clone(), |hint| format!("{}\n{hint}", c.message)),
                place: place.clone(),
            })
            .collect()
    }
}
