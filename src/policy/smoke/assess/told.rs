//! What a stream of events says: its events, and the text that they make together.

use serde_json::Value;

use super::predicate;
use crate::model::check::{Answer, BodyEnd, Mismatch};
use crate::policy::smoke::stream::{self, Framing, Reader};
use crate::policy::smoke::suite::expectation::{Assertion, Subject};
use crate::policy::smoke::suite::stream::Stream;
use crate::policy::smoke::suite::template::Variables;

/// The events of an answer.
pub(super) struct Told {
    /// All of them, as a list.
    pub(super) events: Value,
    /// Whether the last one is the one that the suite waits for.
    pub(super) stopped: bool,
}

/// Whether the event with this number, from 0, and this data is the last one that is read.
pub fn is_last(stream: &Stream, number: usize, data: &str, variables: &Variables) -> bool {
    let full = stream.max_events.is_some_and(|most| number + 1 >= most as usize);
    full || stream.stop.as_ref().is_some_and(|stop| holds(stop, data, variables))
}

fn holds(stop: &Assertion, data: &str, variables: &Variables) -> bool {
    let found = match &stop.subject {
        Subject::Json(path) => path.find(&stream::value(data)),
        Subject::Body | Subject::Header(_) => Some(Value::from(data)),
    };
    let many = matches!(&stop.subject, Subject::Json(path) if !path.is_singular());
    let found =
        if stop.as_number { found.and_then(|found| predicate::as_number(&found).ok()) } else { found };
    stop.predicates.iter().all(|p| predicate::failure(p, found.as_ref(), many, variables).is_none())
}

impl Told {
    /// The events of `answer`; `None`: it is no stream.
    pub(super) fn of(stream: &Stream, answer: &Answer, variables: &Variables) -> Option<Self> {
        let mut reader = Reader::new(Framing::of(&answer.headers)?);
        let mut all = reader.push(&answer.body);
        if answer.end == BodyEnd::Whole {
            all.extend(reader.finish());
        }
        let stops = |data: &str| stream.stop.as_ref().is_some_and(|stop| holds(stop, data, variables));
        let (mut events, mut stopped) = (Vec::new(), false);
        for (number, data) in all.iter().enumerate() {
            events.push(stream::value(data));
            stopped = stops(data);
            if is_last(stream, number, data, variables) {
                break;
            }
        }
        Some(Self { events: Value::Array(events), stopped })
    }

    /// How many events there are, in words.
    pub(super) fn count(&self) -> String {
        match self.events.as_array().map_or(0, Vec::len) {
            0 => "no event".to_owned(),
            1 => "1 event".to_owned(),
            count => format!("{count} events"),
        }
    }

    /// The texts of the events, joined. An event without such a part has none: the first and the last often do not.
    ///
    /// # Errors
    /// What stands there instead of text, or that no event has it.
    pub(super) fn text(&self, stream: &Stream) -> Option<Result<String, Mismatch>> {
        let join = stream.join.as_ref()?;
        let refuse = |found: String| {
            let expected = "text in the events".to_owned();
            Some(Err(Mismatch { subject: format!("stream at {}", join.as_str()), expected, found }))
        };
        let (mut text, mut some) = (String::new(), false);
        for event in self.events.as_array().into_iter().flatten() {
            match join.find(event) {
                None | Some(Value::Null) => {}
                Some(Value::String(part)) => {
                    some = true;
                    text.push_str(&part);
                }
                Some(Value::Array(parts)) if !join.is_singular() && parts.iter().all(Value::is_string) => {
                    some |= !parts.is_empty();
                    parts.iter().filter_map(Value::as_str).for_each(|part| text.push_str(part));
                }
                Some(other) => return refuse(other.to_string()),
            }
        }
        if some { Some(Ok(text)) } else { refuse(format!("none in {}", self.count())) }
    }
}
