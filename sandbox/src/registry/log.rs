//! The log of every request, in order of arrival.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hyper::{HeaderMap, Request};

use crate::body::Body;
use crate::clock;
use crate::store::Route;

/// One request as the registry saw it.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Position since the log was cleared, from 1: what [`When::overall_nth`](crate::When) counts.
    pub index: u64,
    /// Equal for requests that came over the same connection.
    pub connection: u64,
    pub method: String,
    pub path: String,
    /// Query as sent, without `?`.
    pub query: Option<String>,
    pub repository: Option<String>,
    /// Tag or digest addressed, if any.
    pub reference: Option<String>,
    /// All Accept lines, one entry each.
    pub accept: Vec<String>,
    pub content_type: Option<String>,
    /// First word of Authorization (`Basic`, `Bearer`), never the secret; `None`: no such header.
    pub authorization: Option<String>,
    pub user_agent: Option<String>,
    pub if_match: Option<String>,
    pub if_none_match: Option<String>,
    pub body_bytes: u64,
    /// Status answered; `None` while under way and for ever if the connection was cut instead.
    pub status: Option<u16>,
    /// Bytes of response body that were sent.
    pub answered_bytes: u64,
    /// Names of the faults applied to it.
    pub faults: Vec<&'static str>,
    /// Counted from the registry's start.
    pub arrived: Duration,
    /// When the answer (or cut) was ready, after the registry's start; `None` while under way.
    pub finished: Option<Duration>,
}

/// All requests since the last clearing.
pub(super) struct Log {
    start: Instant,
    state: Mutex<Requests>,
}

#[derive(Default)]
struct Requests {
    entries: Vec<Entry>,
    generation: u64,
    in_flight: u64,
    max_in_flight: u64,
}

struct Entry {
    seen: Seen,
    received: Arc<AtomicU64>,
    sent: Arc<AtomicU64>,
}

impl Log {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { start: clock::now(), state: Mutex::default() })
    }

    fn state(&self) -> MutexGuard<'_, Requests> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn snapshot(&self) -> Vec<Seen> {
        let count = |bytes: &AtomicU64| bytes.load(Ordering::SeqCst);
        self.state()
            .entries
            .iter()
            .map(|entry| Seen {
                body_bytes: count(&entry.received),
                answered_bytes: count(&entry.sent),
                ..entry.seen.clone()
            })
            .collect()
    }

    /// Most requests that were under way at once since the last clearing.
    pub(super) fn max_in_flight(&self) -> u64 {
        self.state().max_in_flight
    }

    /// Forgets everything; requests still under way stay out of the new log.
    pub(super) fn clear(&self) {
        let mut state = self.state();
        *state = Requests { generation: state.generation + 1, ..Requests::default() };
    }

    pub(super) fn arrive(
        self: &Arc<Self>,
        request: &Request<Body>,
        connection: u64,
        route: &Route,
    ) -> Ticket {
        let arrived = clock::now().duration_since(self.start);
        let repository = route.repository().map(str::to_owned);
        let reference = route.reference().map(str::to_owned);
        let mut state = self.state();
        let index = state.entries.len() as u64 + 1;
        let seen =
            describe(request, Seen { index, connection, arrived, repository, reference, ..Seen::default() });
        let (received, sent) = (Arc::default(), Arc::default());
        let ticket = Ticket {
            log: Arc::clone(self),
            generation: state.generation,
            index,
            received: Arc::clone(&received),
            sent: Arc::clone(&sent),
        };
        state.entries.push(Entry { seen, received, sent });
        state.in_flight += 1;
        state.max_in_flight = state.max_in_flight.max(state.in_flight);
        ticket
    }
}

fn describe(request: &Request<Body>, seen: Seen) -> Seen {
    let headers = request.headers();
    let authorization = header(headers, "authorization")
        .map(|value| value.split_whitespace().next().unwrap_or_default().to_owned());
    let accept = headers.get_all("accept").iter().map(|line| String::from_utf8_lossy(line.as_bytes()).into());
    Seen {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().map(str::to_owned),
        accept: accept.collect(),
        content_type: header(headers, "content-type"),
        authorization,
        user_agent: header(headers, "user-agent"),
        if_match: header(headers, "if-match"),
        if_none_match: header(headers, "if-none-match"),
        ..seen
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// A request under way; dropping it notes its end.
pub(super) struct Ticket {
    log: Arc<Log>,
    generation: u64,
    index: u64,
    received: Arc<AtomicU64>,
    sent: Arc<AtomicU64>,
}

impl Ticket {
    /// Position in the log, from 1.
    pub(super) fn index(&self) -> u64 {
        self.index
    }

    /// Counter of request body bytes.
    pub(super) fn received(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.received)
    }

    /// Counter of response body bytes.
    pub(super) fn sent(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.sent)
    }

    pub(super) fn note_faults(&self, faults: Vec<&'static str>) {
        self.with(|seen| seen.faults = faults);
    }

    pub(super) fn note_status(&self, status: u16) {
        self.with(|seen| seen.status = Some(status));
    }

    fn with(&self, change: impl FnOnce(&mut Seen)) {
        let mut state = self.log.state();
        if state.generation == self.generation
            && let Some(entry) = state.entries.get_mut(self.index as usize - 1)
        {
            change(&mut entry.seen);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let finished = clock::now().duration_since(self.log.start);
        self.with(|seen| seen.finished = Some(finished));
        let mut state = self.log.state();
        if state.generation == self.generation {
            state.in_flight -= 1;
        }
    }
}
