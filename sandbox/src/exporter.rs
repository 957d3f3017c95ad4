//! A pretend process that exposes counters as Prometheus scrapes them, and that can restart.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use hyper::{Request, Response};

use crate::body::{self, Body};
use crate::clock;
use crate::wire::{Answer, Connection, Server};

/// Counters at `/metrics` on loopback; dropping it closes the port.
pub struct Exporter {
    server: Server,
    process: Arc<Process>,
}

#[derive(Default)]
struct Process {
    now: Mutex<Now>,
}

#[derive(Default)]
struct Now {
    /// Series as they are exposed, `name{label="value"}`, and their counts.
    counters: BTreeMap<String, u64>,
    /// Unix seconds.
    started: f64,
    scrapes: u64,
}

impl Exporter {
    /// Starts a process without any counter.
    ///
    /// # Errors
    ///
    /// No port can be taken.
    pub fn start() -> io::Result<Self> {
        let process = Arc::new(Process::default());
        process.with(|now| now.started = unix_seconds());
        Ok(Self { server: Server::start(0, Arc::clone(&process))?, process })
    }

    /// Host and port.
    pub fn host(&self) -> String {
        self.server.address().to_string()
    }

    /// Counts `more` events of `series`, written as it is exposed: `name{label="value"}`. The first count gives birth to
    /// it.
    pub fn count(&self, series: &str, more: u64) {
        self.process.with(|now| *now.counters.entry(series.to_owned()).or_default() += more);
    }

    /// Restarts: every counter is gone.
    pub fn restart(&self) {
        self.process.with(|now| {
            now.counters.clear();
            now.started = unix_seconds();
        });
    }

    /// How often it was scraped.
    pub fn scrapes(&self) -> u64 {
        self.process.with(|now| now.scrapes)
    }
}

impl Process {
    fn with<T>(&self, work: impl FnOnce(&mut Now) -> T) -> T {
        work(&mut self.now.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn exposition(&self) -> String {
        self.with(|now| {
            now.scrapes += 1;
            let mut text = format!("process_start_time_seconds {}\n", now.started);
            for (series, count) in &now.counters {
                text.push_str(&format!("{series} {count}\n"));
            }
            text
        })
    }
}

impl Answer for Process {
    async fn answer(self: Arc<Self>, request: Request<Body>, _: Connection) -> Response<Body> {
        let mut response = Response::new(body::empty());
        if request.uri().path() == "/metrics" {
            *response.body_mut() = body::full(self.exposition());
            let kind = hyper::header::HeaderValue::from_static("text/plain; version=0.0.4");
            response.headers_mut().insert("content-type", kind);
        } else {
            *response.status_mut() = hyper::StatusCode::NOT_FOUND;
        }
        response
    }
}

fn unix_seconds() -> f64 {
    clock::wall().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
