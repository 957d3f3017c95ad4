//! Failures: what was tried, on what, expected, found, what to do.

use std::error::Error;

use serde_json::{Map, Value, json};

use super::Render;
use super::github::{Annotation, Level, Summary};
use super::json::object;
use super::page::{Mood, Page};
use super::promotion::receipts;
use crate::base::complaint::Complaint;
use crate::base::diagnostic::Diagnostic;
use crate::base::exit::Exit;
use crate::engine::failure::EngineError;
use crate::model::moves::Ended;
use crate::model::verdict::Verdict;
use crate::tool::failure::Failure;

/// Everything that is wrong, for stderr, annotations and the document alike; never empty.
pub fn complaints(failure: &Failure) -> Vec<Complaint> {
    match failure {
        Failure::Usage(error) => vec![error.clone()],
        Failure::Mistake(mistakes) => {
            mistakes.iter().map(|mistake| Complaint::new(mistake.to_string(), "")).collect()
        }
        Failure::File(error) => vec![Complaint::new(chain(error), error.hint())],
        Failure::Source(error) if !error.refusals().is_empty() => error.refusals().to_vec(),
        Failure::Source(error) => vec![Complaint::new(chain(error), error.hint())],
        Failure::Engine(EngineError::Refused { refusals, .. }) => {
            refusals.iter().map(|refusal| Complaint::new(refusal.to_string(), &refusal.hint)).collect()
        }
        Failure::Engine(EngineError::Registry(error)) => vec![Complaint::new(chain(error), error.hint())],
        Failure::Engine(EngineError::Moving(failure)) => failure.causes.as_slice().to_vec(),
        Failure::Engine(EngineError::Stopped(_)) => {
            vec![Complaint::new("stopped by a signal before anything was moved", "")]
        }
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
        (Failure::Engine(EngineError::Moving(failure)), Exit::Split) if failure.is_unread() => {
            "could not tell where every image stands; run the commands below"
        }
        (Failure::Engine(EngineError::Moving(_)), Exit::Split) => {
            "split: the images disagree; run the commands below"
        }
        (Failure::Engine(EngineError::Moving(failure)), _) => {
            let any = |ended: fn(&Ended) -> bool| failure.receipts.iter().any(|image| ended(&image.ended));
            match (any(|ended| !ended.is_as_before()), any(|ended| *ended == Ended::PutBack)) {
                (true, _) => "somebody else moved a tag meanwhile; what this command moved was put back",
                (false, true) => "what was moved was put back",
                (false, false) => "nothing was moved",
            }
        }
        (Failure::Engine(_), _) => "nothing was moved",
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
        Failure::Engine(EngineError::Refused { .. }) => "refused",
        Failure::Engine(EngineError::Registry(_)) => "registry",
        Failure::Engine(EngineError::Moving(_)) => "moving",
        Failure::Engine(EngineError::Stopped(_)) => "stopped",
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
            complaints(self).iter().map(|c| json!({ "message": c.message, "hint": c.advice() })).collect();
        let mut fields =
            object(json!({ "failure": kind(self), "standing": standing(self), "errors": errors }));
        fields.extend(match self {
            Self::Engine(EngineError::Refused { sha, refusals }) => {
                object(json!({ "sha": sha, "refusals": refusals.as_slice() }))
            }
            Self::Engine(EngineError::Moving(failure)) => {
                let images = &failure.receipts;
                object(json!({ "sha": failure.sha, "images": images, "repair": failure.repair }))
            }
            _ => Map::new(),
        });
        fields
    }

    fn text(&self, page: &mut Page) {
        let Self::Engine(EngineError::Moving(failure)) = self else { return };
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
        let told = |c: Complaint| {
            c.advice().map_or(c.message.clone(), |hint| format!("{}\n  hint: {hint}", c.message))
        };
        let lines: Vec<String> = complaints(self).into_iter().map(told).collect();
        summary.block(&lines.join("\n"));
        if let Self::Engine(EngineError::Moving(failure)) = self {
            receipts(&failure.receipts).summary(summary);
            if !failure.repair.is_empty() {
                summary.paragraph("To make the images agree again, run:");
                summary.block(&failure.repair.join("\n"));
            }
        }
    }

    fn outputs(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Engine(EngineError::Refused { sha: Some(sha), .. }) => vec![("sha", sha.to_string())],
            Self::Engine(EngineError::Moving(failure)) => {
                failure.sha.iter().map(|sha| ("sha", sha.to_string())).collect()
            }
            _ => Vec::new(),
        }
    }

    fn annotations(&self) -> Vec<Annotation> {
        let places: &[Diagnostic] = match self {
            Self::Mistake(mistakes) => mistakes.as_slice(),
            _ => &[],
        };
        let places = places.iter().map(|mistake| Some((mistake.file.clone(), mistake.position().0)));
        complaints(self)
            .into_iter()
            .zip(places.chain(std::iter::repeat(None)))
            .map(|(c, place)| Annotation {
                level: Level::Error,
                title: standing(self).to_owned(),
                message: c.advice().map_or(c.message.clone(), |hint| format!("{}\n{hint}", c.message)),
                place,
            })
            .collect()
    }
}
