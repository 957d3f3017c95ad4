//! An answer against what was expected of it. Pure; what it quotes of an answer is cleaned of secrets and bounded.

pub mod cache;

mod broken_off;
mod predicate;

use std::cell::OnceCell;
use std::time::Duration;

use serde_json::Value;

use super::suite::Step;
use super::suite::expectation::{Assertion, Subject};
use super::suite::proof::proves_build;
use super::suite::template::Variables;
use crate::base::duration;
use crate::base::list::NonEmpty;
use crate::base::redact::Redactor;
use crate::base::text::EXCERPT_BYTES;
use crate::model::check::{Answer, BodyEnd, Mismatch};
use crate::policy::strict_json;

/// The longest body that is read, in bytes (contract of the tool: 1 MiB).
pub const BODY_BYTES: usize = 1024 * 1024;

#[derive(Clone, Debug, PartialEq)]
pub enum Assessment {
    /// Every expectation holds; what was captured, by name.
    Holds(Vec<(String, Value)>),
    Fails(NonEmpty<Mismatch>),
    /// The rest of the answer, on which it depends, did not come.
    Unknown(String),
}

/// An answer and all that is needed to look at it.
pub struct Exhibit<'a> {
    answer: &'a Answer,
    variables: &'a Variables,
    secrets: &'a Redactor,
    json: OnceCell<Result<Value, String>>,
}

impl<'a> Exhibit<'a> {
    /// An answer, with the values of placeholders and the secrets that must not be quoted.
    pub fn new(answer: &'a Answer, variables: &'a Variables, secrets: &'a Redactor) -> Self {
        Self { answer, variables, secrets, json: OnceCell::new() }
    }

    /// Holds the answer, which took `elapsed`, against what `step` expects.
    pub fn assess(&self, step: &Step, elapsed: Duration) -> Assessment {
        if let Some(found) = self.other_build(step) {
            return Assessment::Unknown(format!("another build answered: {found}"));
        }
        let all = step.expect.assertions.iter().chain(&step.expect.everywhere);
        let (body, head): (Vec<&Assertion>, Vec<&Assertion>) =
            all.partition(|a| !matches!(a.subject, Subject::Header(_)));
        let mut mismatches: Vec<Mismatch> = self.status(step).into_iter().collect();
        mismatches.extend(head.iter().flat_map(|assertion| self.look(assertion)));
        match (self.answer.end, mismatches.is_empty()) {
            (BodyEnd::Whole, _) => {}
            (BodyEnd::TooLong, _) => mismatches.push(too_long()),
            (BodyEnd::Cut, true) => {
                return Assessment::Unknown("the answer broke off before its end".to_owned());
            }
            (BodyEnd::Cut, false) => {}
        }
        if self.answer.end == BodyEnd::Whole {
            mismatches.extend(body.iter().flat_map(|assertion| self.look(assertion)));
            mismatches.extend(late(step, elapsed));
        }
        let mut captured = Vec::new();
        if mismatches.is_empty() {
            match self.captured(step) {
                Ok(all) => captured = all,
                Err(missing) => mismatches = missing,
            }
        }
        // Ten paths into something that is no JSON say the same ten times.
        mismatches.dedup();
        NonEmpty::from_vec(mismatches).map_or(Assessment::Holds(captured), Assessment::Fails)
    }

    /// What the answer says of its build, if that is not the wanted one. An answer that does not say it is none of
    /// another build; it fails by what is expected of every answer.
    fn other_build(&self, step: &Step) -> Option<String> {
        let proofs = step.expect.everywhere.iter().filter(|assertion| proves_build(assertion));
        proofs.filter(|assertion| self.is_there(&assertion.subject)).find_map(|assertion| {
            let mismatch = self.look(assertion).into_iter().next()?;
            Some(format!("{}: expected {}, found {}", mismatch.subject, mismatch.expected, mismatch.found))
        })
    }

    fn is_there(&self, subject: &Subject) -> bool {
        match subject {
            Subject::Header(name) => self.header(name).is_some(),
            Subject::Body => false,
            Subject::Json(path) => {
                let whole = self.answer.end == BodyEnd::Whole;
                whole && self.document().is_ok_and(|document| path.find(document).is_some())
            }
        }
    }

    fn captured(&self, step: &Step) -> Result<Vec<(String, Value)>, Vec<Mismatch>> {
        let (mut captured, mut missing) = (Vec::new(), Vec::new());
        for (name, path) in &step.captures {
            match self.document().map(|document| path.find(document)) {
                Ok(Some(value)) => captured.push((name.clone(), value)),
                Ok(None) => missing.push(Mismatch {
                    subject: path.as_str().to_owned(),
                    expected: format!("a value to capture as `{name}`"),
                    found: "nothing".to_owned(),
                }),
                Err(mismatch) => missing.push(mismatch),
            }
        }
        if missing.is_empty() { Ok(captured) } else { Err(missing) }
    }

    /// What can be captured although an expectation does not hold, or the answer broke off: what the step made has to
    /// be cleaned up too.
    pub fn salvage(&self, step: &Step) -> Vec<(String, Value)> {
        let part = match self.answer.end {
            BodyEnd::Whole => None,
            BodyEnd::TooLong | BodyEnd::Cut => {
                broken_off::closed(&self.answer.body).and_then(|part| strict_json::parse(&part).ok())
            }
        };
        let Some(document) = part.as_ref().or_else(|| self.document().ok()) else { return Vec::new() };
        // A list of what was found is not whole either, and names what this step may not have made.
        let singular = step.captures.iter().filter(|(_, path)| path.is_singular() || part.is_none());
        singular.filter_map(|(name, path)| Some((name.clone(), path.find(document)?))).collect()
    }

    fn status(&self, step: &Step) -> Option<Mismatch> {
        let status = self.answer.status;
        if step.expect.status.iter().any(|wanted| wanted.takes(status)) {
            return None;
        }
        let wanted: Vec<String> = step.expect.status.iter().map(ToString::to_string).collect();
        let body = self.quote(&String::from_utf8_lossy(&self.answer.body));
        let found = if body.is_empty() { status.to_string() } else { format!("{status} with {body}") };
        Some(Mismatch { subject: "status".to_owned(), expected: wanted.join(" or "), found })
    }

    fn look(&self, assertion: &Assertion) -> Vec<Mismatch> {
        let found = match &assertion.subject {
            Subject::Header(name) => Ok(self.header(name)),
            Subject::Body => self.text().map(Some),
            Subject::Json(path) => self.document().map(|document| path.find(document)),
        };
        let found = match found {
            Ok(found) => found,
            Err(mismatch) => return vec![mismatch],
        };
        let many = matches!(&assertion.subject, Subject::Json(path) if !path.is_singular());
        let failed = assertion.predicates.iter().filter_map(|predicate| {
            predicate::failure(predicate, found.as_ref(), many, self.variables).map(|expected| Mismatch {
                subject: assertion.subject.to_string(),
                expected: self.quote(&expected),
                found: found
                    .as_ref()
                    .map_or_else(|| "nothing".to_owned(), |value| self.quote(&value.to_string())),
            })
        });
        failed.collect()
    }

    fn header(&self, name: &str) -> Option<Value> {
        let values: Vec<&str> = self
            .answer
            .headers
            .iter()
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
            .collect();
        (!values.is_empty()).then(|| Value::String(values.join(", ")))
    }

    fn text(&self) -> Result<Value, Mismatch> {
        std::str::from_utf8(&self.answer.body).map(Value::from).map_err(|error| Mismatch {
            subject: "body".to_owned(),
            expected: "text".to_owned(),
            found: format!("bytes that are no UTF-8 from byte {} on", error.valid_up_to()),
        })
    }

    fn document(&self) -> Result<&Value, Mismatch> {
        self.json.get_or_init(|| strict_json::parse(&self.answer.body)).as_ref().map_err(|problem| {
            let body = self.quote(&String::from_utf8_lossy(&self.answer.body));
            let found = if body.is_empty() {
                "nothing".to_owned()
            } else {
                format!("{body} ({})", self.quote(problem))
            };
            Mismatch { subject: "body".to_owned(), expected: "JSON".to_owned(), found }
        })
    }

    fn quote(&self, text: &str) -> String {
        self.secrets.excerpt(text.trim(), EXCERPT_BYTES)
    }
}

fn too_long() -> Mismatch {
    Mismatch {
        subject: "body".to_owned(),
        expected: format!("at most {BODY_BYTES} bytes"),
        found: "more".to_owned(),
    }
}

fn late(step: &Step, elapsed: Duration) -> Option<Mismatch> {
    let within = step.expect.within.filter(|within| elapsed > *within)?;
    Some(Mismatch {
        subject: "time".to_owned(),
        expected: format!("an answer within {}", duration::show(within)),
        found: format!("one after {}", duration::show(elapsed)),
    })
}
