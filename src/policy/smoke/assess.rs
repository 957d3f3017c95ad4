//! An answer against what was expected of it. Pure; what it quotes of an answer is cleaned of secrets and bounded.

pub mod cache;

mod broken_off;
mod build;
mod charset;
mod command;
mod link;
mod predicate;
mod sha;
mod streamed;
mod taken;
mod told;

use std::cell::OnceCell;
use std::time::Duration;

use serde_json::Value;
use url::Url;

use self::told::Told;
use super::suite::Step;
use super::suite::expectation::{Assertion, Subject};
use super::suite::proof::proves_build;
use super::suite::stream::Stream;
use super::suite::template::Variables;
use crate::base::duration;
use crate::base::list::NonEmpty;
use crate::base::redact::Redactor;
use crate::base::text::EXCERPT_BYTES;
use crate::model::check::{Answer, BodyEnd, Mismatch};
use crate::policy::strict_json;

/// The longest body that is read, in bytes (contract of the tool: 1 MiB).
pub const BODY_BYTES: usize = 1024 * 1024;

pub use self::told::is_last;

/// What an answer shows.
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
    asked: Option<&'a Url>,
    stream: Option<&'a Stream>,
    told: Option<Told>,
    json: OnceCell<Result<Value, String>>,
}

impl<'a> Exhibit<'a> {
    /// An answer, with the values of placeholders and the secrets that must not be quoted.
    pub fn new(answer: &'a Answer, variables: &'a Variables, secrets: &'a Redactor) -> Self {
        Self { answer, variables, secrets, asked: None, stream: None, told: None, json: OnceCell::new() }
    }

    /// With the URL of the request, which relative URLs in the answer start from.
    pub fn of(self, asked: &'a Url) -> Self {
        Self { asked: Some(asked), ..self }
    }

    /// As a stream that is read so, if it is one.
    pub fn heard(self, stream: Option<&'a Stream>) -> Self {
        let told = stream.and_then(|stream| Told::of(stream, self.answer, self.variables));
        Self { stream, told, ..self }
    }

    /// Holds the answer, which took `elapsed`, and `first` to its first event, against what `step` expects.
    pub fn assess(&self, step: &Step, elapsed: Duration, first: Option<Duration>) -> Assessment {
        if let Some(found) = self.other_build(step) {
            return Assessment::Unknown(format!("another build answered: {found}"));
        }
        let all = step.expect.assertions.iter().chain(&step.expect.everywhere);
        let (body, head): (Vec<&Assertion>, Vec<&Assertion>) =
            all.partition(|a| !matches!(a.subject, Subject::Header(_)));
        let mut mismatches: Vec<Mismatch> = self.status(step).into_iter().collect();
        mismatches.extend(head.iter().flat_map(|assertion| self.look(assertion)));
        if let Some(stream) = self.stream.filter(|_| mismatches.is_empty()) {
            mismatches.extend(self.streamed(stream, step.expect.first_event, elapsed, first));
        }
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
            mismatches.extend(late(step.expect.within, elapsed));
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
        let found = match found.as_ref().filter(|_| assertion.as_number).map(predicate::as_number) {
            None => found,
            Some(Ok(number)) => Some(number),
            Some(Err(text)) => {
                let subject = assertion.subject.to_string();
                let expected = "a text that is a number".to_owned();
                return vec![Mismatch { subject, expected, found: self.quote(&text.to_string()) }];
            }
        };
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
        let joined = self.told.as_ref().zip(self.stream).and_then(|(told, stream)| told.text(stream));
        if let Some(joined) = joined {
            let quoted = |wrong: Mismatch| Mismatch { found: self.quote(&wrong.found), ..wrong };
            return joined.map(Value::from).map_err(quoted);
        }
        charset::text(self.answer).map(Value::from).map_err(|found| Mismatch {
            subject: "body".to_owned(),
            expected: "text".to_owned(),
            found: self.quote(&found),
        })
    }

    fn document(&self) -> Result<&Value, Mismatch> {
        if let Some(told) = &self.told {
            return Ok(&told.events);
        }
        let parsed = || match charset::text(self.answer) {
            Ok(text) => strict_json::parse(text.as_bytes()),
            Err(_) => strict_json::parse(&self.answer.body),
        };
        self.json.get_or_init(parsed).as_ref().map_err(|problem| {
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

fn late(within: Option<Duration>, elapsed: Duration) -> Option<Mismatch> {
    let within = within.filter(|within| elapsed > *within)?;
    Some(Mismatch {
        subject: "time".to_owned(),
        expected: format!("an answer within {}", duration::show(within)),
        found: format!("one after {}", duration::show(elapsed)),
    })
}
