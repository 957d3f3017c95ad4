//! A stream of events against what was expected of it as such.

use std::time::Duration;

use super::{Exhibit, predicate};
use crate::base::duration;
use crate::model::check::{BodyEnd, Mismatch};
use crate::policy::smoke::suite::expectation::Subject;
use crate::policy::smoke::suite::stream::Stream;

impl Exhibit<'_> {
    /// What is wrong with the stream as such: its type, its end, its first event.
    pub(super) fn streamed(
        &self,
        stream: &Stream,
        first_within: Option<Duration>,
        elapsed: Duration,
        first: Option<Duration>,
    ) -> Vec<Mismatch> {
        let Some(told) = &self.told else {
            let kind = self.header("content-type").unwrap_or_default();
            return vec![Mismatch {
                subject: "header content-type".to_owned(),
                expected: "text/event-stream, or JSON in lines".to_owned(),
                found: if kind.is_null() { "nothing".to_owned() } else { self.quote(&kind.to_string()) },
            }];
        };
        let say =
            |expected: String, found: String| Mismatch { subject: "stream".to_owned(), expected, found };
        let mut all = Vec::new();
        let late = self.answer.end == BodyEnd::Cut && elapsed >= stream.within;
        if late || (self.answer.end == BodyEnd::Whole && stream.stop.is_some() && !told.stopped) {
            let end = if late {
                format!("{}, and no end", told.count())
            } else {
                format!("{} without it", told.count())
            };
            all.push(say(self.wanted_end(stream), end));
        }
        // Of a stream that broke off nobody knows what would have come.
        let open = self.answer.end == BodyEnd::Cut && !late;
        let missed = |within: Duration| first.map_or(!open || elapsed > within, |first| first > within);
        if let Some(within) = first_within.filter(|within| missed(*within)) {
            let after = |first: Duration| format!("one after {}ms", first.as_millis());
            let found = first.map_or_else(|| "none".to_owned(), after);
            all.push(say(format!("a first event within {}", duration::show(within)), found));
        }
        all
    }

    fn wanted_end(&self, stream: &Stream) -> String {
        let within = duration::show(stream.within);
        let most = stream.max_events.map_or_else(String::new, |most| format!(" and {most} events"));
        let Some(stop) = &stream.stop else { return format!("its end within {within}{most}") };
        let part = match &stop.subject {
            Subject::Json(path) => format!(" at {}", path.as_str()),
            Subject::Body | Subject::Header(_) => String::new(),
        };
        let words = stop.predicates.iter();
        let words = words.filter_map(|p| predicate::failure(p, None, false, self.variables));
        let words = self.quote(&words.collect::<Vec<_>>().join(" and "));
        format!("an event with {words}{part} within {within}{most}")
    }
}
