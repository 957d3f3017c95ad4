//! What the parts of a run share: the suite, the build, the time that is left, and where a step stands in it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde_json::Value;

use crate::base::duration;
use crate::base::secret::Secret;
use crate::io::clock::{self, Instant};
use crate::io::context::Context;
use crate::io::probe::{Connection, Probe};
use crate::io::stop::Signal;
use crate::model::check::Answer;
use crate::model::commit::CommitSha;
use crate::model::digest::Digest;
use crate::model::tenant::Tenant;
use crate::policy::smoke::suite::template::Variables;
use crate::policy::smoke::suite::{Step, Suite};
use crate::tool::failure::Failure;

/// The header by which a replayed request says which exchange it repeats.
pub(super) const EXCHANGE: &str = "x-coalmine-exchange";
/// The number of `[ready]` within a recording.
pub(super) const READY_EXCHANGE: usize = 0;

/// How a run goes about its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    Full,
    Record,
    /// One sample, asked once, nothing waited for, nothing cleaned up: the other side is a recording.
    Replay,
}

#[derive(Clone, Debug)]
pub(super) struct Recorded {
    pub(super) method: &'static str,
    pub(super) target: String,
    pub(super) body: String,
    pub(super) answer: Answer,
}

/// Why a run was cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interruption {
    /// The time for the whole run, which was this long, is over.
    Deadline(Duration),
    Signal(Signal),
}

impl fmt::Display for Interruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deadline(deadline) => write!(f, "the deadline of {} passed", duration::show(*deadline)),
            Self::Signal(signal) => write!(f, "stopped by {}", signal.name()),
        }
    }
}

/// Everything that the parts of a run share.
pub(super) struct Session<'w> {
    pub(super) suite: &'w Suite,
    pub(super) sha: CommitSha,
    pub(super) context: &'w Context,
    pub(super) probe: Probe<'w>,
    pub(super) pace: Pace,
    pub(super) deadline: Duration,
    pub(super) until: Instant,
    /// Random, and so part of everything that this run makes on a tenant.
    pub(super) nonce: String,
    /// A token that no tenant knows.
    pub(super) stranger: Secret,
    pub(super) recording: Option<RefCell<BTreeMap<usize, Recorded>>>,
}

#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) tenant: &'a Tenant,
    pub(super) step: &'a Step,
    pub(super) exchange: usize,
    pub(super) haste: Haste,
    /// If the answer is to prove which build is served: over which connection it is asked. No cache may give it.
    pub(super) proof: Option<Connection>,
}

/// What becomes of a step when the run is to stop.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Haste {
    /// It is left at once.
    Drop,
    /// Its answer is awaited a little longer: it names what has to be cleaned up.
    Linger,
    /// It goes on: it cleans up, within a bound of its own.
    Finish,
}

impl Session<'_> {
    /// What placeholders stand for at the beginning of a check. The nonce is unique for run, tenant, check and sample.
    pub(super) fn variables(&self, tenant: &Tenant, check: &str, sample: u32) -> Variables {
        let place = format!("{}\n{check}\n{sample}", tenant.name);
        let part = Digest::of(place.as_bytes()).hex();
        [
            ("sha", self.sha.to_string()),
            ("tenant", tenant.name.to_string()),
            ("nonce", format!("{}-{}", self.nonce, &part[..8])),
        ]
        .into_iter()
        .map(|(name, text)| (name.to_owned(), Value::String(text)))
        .collect()
    }

    /// Tells a step of the work; a replay is nobody's story.
    pub(super) fn say(&self, line: &str) {
        if self.pace != Pace::Replay {
            self.context.console.say(line);
        }
    }

    /// Whether the run has to stop, and why.
    pub(super) fn interruption(&self) -> Option<Interruption> {
        let signal = self.context.stop.signal().map(Interruption::Signal);
        let over = clock::instant() >= self.until;
        signal.or(over.then_some(Interruption::Deadline(self.deadline)))
    }

    /// Returns when the run has to stop.
    pub(super) async fn interrupted(&self) -> Interruption {
        tokio::select! {
            biased;
            signal = self.context.stop.wait() => Interruption::Signal(signal),
            () = clock::sleep_until(self.until) => Interruption::Deadline(self.deadline),
        }
    }

    /// Waits.
    pub(super) async fn wait(&self, span: Duration) -> Result<(), Interruption> {
        tokio::select! {
            biased;
            interruption = self.interrupted() => Err(interruption),
            () = clock::sleep(span) => Ok(()),
        }
    }
}

/// 64 random bits in hex.
pub(super) fn random() -> Result<String, Failure> {
    crate::io::random::hex::<8>().map_err(|e| {
        Failure::usage(format!("failed to get random bytes: {e}"), "run it where the system gives some")
    })
}

pub(super) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
