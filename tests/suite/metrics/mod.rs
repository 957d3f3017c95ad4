//! The sources of a soak, each against the real thing.

pub(crate) mod canned;
mod others;
mod postgres;
mod prometheus;
mod servers;

use std::future::Future;
use std::time::Duration;

/// Longer than any answer of a server on this machine takes.
const PATIENCE: Duration = Duration::from_secs(20);

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

#[expect(clippy::disallowed_methods, reason = "a test waits for another process in real time")]
fn wait(span: Duration) {
    std::thread::sleep(span);
}
