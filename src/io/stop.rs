//! SIGINT, SIGTERM and SIGHUP as a value: whoever is in the middle of something looks at it and finishes or puts back.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;

use super::clock::{self, Instant};
use crate::base::exit::Exit;

/// A signal that asks the process to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT: ctrl-c, or the first signal of a cancelled workflow.
    Interrupt,
    /// SIGTERM: what a cancelled workflow sends 7.5 s after SIGINT, and what `kill` sends.
    Terminate,
    /// SIGHUP: the terminal or the connection to it was closed.
    HangUp,
}

impl Signal {
    /// The exit code that says so.
    pub fn exit(self) -> Exit {
        match self {
            Self::Interrupt => Exit::Interrupted,
            Self::Terminate => Exit::Terminated,
            Self::HangUp => Exit::HungUp,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
            Self::HangUp => "SIGHUP",
        }
    }
}

/// Whether, and by what, this run was asked to stop. Clones share the answer.
#[derive(Clone, Default)]
pub struct Stop {
    signal: Rc<Cell<Option<(Signal, Instant)>>>,
    wake: Rc<Notify>,
}

impl Stop {
    pub fn signal(&self) -> Option<Signal> {
        self.signal.get().map(|(signal, _)| signal)
    }

    /// Waits for a signal; returns at once if one came.
    pub async fn wait(&self) -> Signal {
        loop {
            let woken = self.wake.notified();
            if let Some((signal, _)) = self.signal.get() {
                return signal;
            }
            woken.await;
        }
    }

    /// Runs `work`, unless a signal comes first: then `work` is dropped where it stands. Not for writes.
    ///
    /// # Errors
    /// The signal, if it came first.
    pub async fn unless<T>(&self, work: impl Future<Output = T>) -> Result<T, Signal> {
        tokio::select! {
            biased;
            signal = self.wait() => Err(signal),
            done = work => Ok(done),
        }
    }

    /// Runs `work` to its end, or until `grace` after a signal came, whenever that was: for what should be finished,
    /// and may be dropped.
    ///
    /// # Errors
    /// The signal, if it came first.
    pub async fn within<T>(&self, grace: Duration, work: impl Future<Output = T>) -> Result<T, Signal> {
        let over = async {
            let signal = self.wait().await;
            if let Some((_, came)) = self.signal.get() {
                clock::sleep_until(came + grace).await;
            }
            signal
        };
        tokio::select! {
            biased;
            done = work => Ok(done),
            signal = over => Err(signal),
        }
    }

    /// Says that `signal` came.
    pub fn raise(&self, signal: Signal) {
        if self.signal.get().is_none() {
            self.signal.set(Some((signal, clock::instant())));
        }
        self.wake.notify_waiters();
    }

    /// Listens for the process's signals for as long as it is polled.
    pub async fn listen(&self) -> std::io::Result<std::convert::Infallible> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        // nohup(1) has it ignored, and it stays so.
        let mut hang_up = if ignores_hang_up() { None } else { Some(signal(SignalKind::hangup())?) };
        loop {
            tokio::select! {
                _ = interrupt.recv() => self.raise(Signal::Interrupt),
                _ = terminate.recv() => self.raise(Signal::Terminate),
                () = next(hang_up.as_mut()) => self.raise(Signal::HangUp),
            }
        }
    }
}

/// Waits for the next one; for ever, if nobody listens.
async fn next(signal: Option<&mut tokio::signal::unix::Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

/// Whether the process was started with SIGHUP ignored: proc(5), the first bit of `SigIgn` in `/proc/[pid]/status`.
/// Where there is no such file, nobody says so.
fn ignores_hang_up() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}
