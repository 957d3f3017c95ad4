//! What is captured of an answer.

use serde_json::Value;
use url::Url;

use super::{Exhibit, broken_off, link};
use crate::model::check::{BodyEnd, Mismatch};
use crate::policy::smoke::cookies::SetCookie;
use crate::policy::smoke::suite::Step;
use crate::policy::smoke::suite::capture::{Capture, Source};
use crate::policy::strict_json;

impl Exhibit<'_> {
    /// # Errors
    /// What is not there.
    pub(super) fn captured(&self, step: &Step) -> Result<Vec<(String, Value)>, Vec<Mismatch>> {
        let (mut captured, mut missing) = (Vec::new(), Vec::new());
        for capture in &step.captures {
            let document = match &capture.from {
                Source::Json(_) => self.document().map(Some),
                Source::Body => self.text().map(|_| None),
                Source::Header(_) | Source::Cookie(_) | Source::Link(_) => Ok(None),
            };
            match document.map(|document| (document, self.take(capture, document))) {
                Ok((_, Some(value))) => captured.push((capture.name.clone(), value)),
                Ok((document, None)) => missing.push(self.missing(capture, document)),
                Err(mismatch) => missing.push(mismatch),
            }
        }
        if missing.is_empty() { Ok(captured) } else { Err(missing) }
    }

    /// What can be captured although an expectation does not hold, or the answer broke off: what the step made has to
    /// be cleaned up too.
    pub fn salvage(&self, step: &Step) -> Vec<(String, Value)> {
        let whole = self.answer.end == BodyEnd::Whole;
        let part = (!whole).then(|| broken_off::closed(&self.answer.body)).flatten();
        let part = part.and_then(|part| strict_json::parse(&part).ok());
        let document = if whole { self.document().ok() } else { part.as_ref() };
        // Of a body that broke off a list is not whole either, and names what this step may not have made; of a text
        // nobody knows where it ends.
        let sure = step.captures.iter().filter(|capture| match &capture.from {
            Source::Json(path) => whole || path.is_singular(),
            Source::Body => whole,
            Source::Header(_) | Source::Cookie(_) | Source::Link(_) => true,
        });
        sure.filter_map(|capture| Some((capture.name.clone(), self.take(capture, document)?))).collect()
    }

    fn take(&self, capture: &Capture, document: Option<&Value>) -> Option<Value> {
        let found = self.place(capture, document)?;
        if capture.is_url() {
            return self.resolved(found.as_str()?).map(Value::from);
        }
        let Some(pattern) = &capture.pattern else { return Some(found) };
        let text = match &found {
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => found.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => return None,
        };
        let groups = pattern.captures(&text)?;
        let group = groups.get(1).or_else(|| groups.get(0).filter(|_| groups.len() == 1))?;
        Some(Value::from(group.as_str()))
    }

    fn place(&self, capture: &Capture, document: Option<&Value>) -> Option<Value> {
        let headers = |name: &'static str| {
            self.answer.headers.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
        };
        match &capture.from {
            Source::Json(path) => path.find(document?),
            Source::Header(name) => self.header(name),
            Source::Link(relation) => {
                headers("link").find_map(|value| link::target(value, relation)).map(Value::from)
            }
            Source::Cookie(name) => headers("set-cookie")
                .filter_map(SetCookie::parse)
                .rfind(|cookie| cookie.name == name)
                .map(|cookie| Value::from(cookie.value)),
            Source::Body => self.text().ok(),
        }
    }

    /// A URL as a whole.
    fn resolved(&self, url: &str) -> Option<String> {
        match self.asked {
            Some(asked) => asked.join(url).ok().map(String::from),
            None => Url::parse(url).ok().map(String::from),
        }
    }

    fn missing(&self, capture: &Capture, document: Option<&Value>) -> Mismatch {
        let what = match &capture.pattern {
            Some(pattern) => format!("a match of {pattern} to capture as `{}`", capture.name),
            None => format!("a value to capture as `{}`", capture.name),
        };
        let found = self.place(capture, document);
        Mismatch {
            subject: capture.from.to_string(),
            expected: self.quote(&what),
            found: found.map_or_else(|| "nothing".to_owned(), |found| self.quote(&found.to_string())),
        }
    }
}
