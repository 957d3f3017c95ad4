//! What a tenant knows: what it runs, who asked what, what it was told to remember.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::{Follow, TenantFault, TenantSetup};
use crate::clock;

/// The sha that a tenant with [`TenantFault::ChangesMidRun`] changes to.
const CHANGED_SHA: &str = "c4a46edc4a46edc4a46edc4a46edc4a46edc4a46";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    pub sha: String,
    pub digest: String,
    /// The fault that came with the image.
    pub fault: Option<TenantFault>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub method: String,
    pub path: String,
    /// The connection that it came over: equal numbers are one connection.
    pub connection: u64,
    pub cache_control: Option<String>,
    /// The whole Authorization header, secret included: so that tests can prove where a token went.
    pub authorization: Option<String>,
    pub body: String,
    /// Status answered; `None` if there was no answer.
    pub status: Option<u16>,
}

/// What was made and not deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leftovers {
    pub memories: Vec<String>,
    pub conversations: Vec<String>,
}

impl Leftovers {
    pub fn is_empty(&self) -> bool {
        self.memories.is_empty() && self.conversations.is_empty()
    }
}

/// A conversation: title, and turns by id.
#[derive(Default)]
pub(super) struct Conversation {
    pub(super) title: String,
    pub(super) turns: BTreeMap<String, String>,
}

/// What the API reads and writes.
#[derive(Default)]
pub(super) struct Shelf {
    pub(super) memories: BTreeMap<String, String>,
    pub(super) conversations: BTreeMap<String, Conversation>,
    next_id: u64,
}

impl Shelf {
    /// A new id, unique within the tenant.
    pub(super) fn id(&mut self, kind: &str) -> String {
        self.next_id += 1;
        format!("{kind}-{:06}", self.next_id)
    }
}

/// State of one tenant, shared between its API and its look at the registry.
pub(super) struct State {
    pub(super) setup: TenantSetup,
    started: Instant,
    running: watch::Sender<Option<(Running, Instant)>>,
    asked: Mutex<Vec<Asked>>,
    answered: Mutex<HashMap<String, u64>>,
    shelf: Mutex<Shelf>,
}

impl State {
    pub(super) fn new(setup: TenantSetup) -> Self {
        Self {
            setup,
            started: clock::now(),
            running: watch::Sender::new(None),
            asked: Mutex::default(),
            answered: Mutex::default(),
            shelf: Mutex::default(),
        }
    }

    pub(super) fn shelf(&self) -> MutexGuard<'_, Shelf> {
        lock(&self.shelf)
    }

    pub(super) fn running(&self) -> Option<Running> {
        self.running.borrow().as_ref().map(|(running, _)| running.clone())
    }

    pub(super) fn run(&self, running: Running) {
        self.running.send_replace(Some((running, clock::now())));
    }

    /// The fault in force: the tenant's own, else the image's.
    pub(super) fn fault(&self) -> Option<TenantFault> {
        self.setup.fault.clone().or_else(|| self.running()?.fault)
    }

    /// How long ago the tenant (own fault) or its image (the image's) started.
    pub(super) fn age(&self) -> Duration {
        let since = match &*self.running.borrow() {
            Some((_, since)) if self.setup.fault.is_none() => *since,
            _ => self.started,
        };
        clock::now().duration_since(since)
    }

    pub(super) fn version(&self) -> Option<String> {
        let running = self.running()?;
        match self.fault() {
            Some(TenantFault::OldBuildForever(sha)) => Some(sha),
            Some(TenantFault::ChangesMidRun(after)) if lock(&self.asked).len() as u64 > after => {
                Some(CHANGED_SHA.into())
            }
            Some(TenantFault::BootsAfter(span)) if self.age() < span => None,
            _ => Some(running.sha),
        }
    }

    /// Whether `sha` is reported within `within`.
    pub(super) async fn runs(&self, sha: &str, within: Duration) -> bool {
        let mut changes = self.running.subscribe();
        let seen = async {
            while self.version().as_deref() != Some(sha) {
                // A version can also change by age or by number of requests, without a new image.
                let soon = clock::sleep(Duration::from_millis(20));
                tokio::select! {
                    _ = changes.changed() => {}
                    () = soon => {}
                }
            }
        };
        tokio::select! {
            () = seen => true,
            () = clock::sleep(within) => self.version().as_deref() == Some(sha),
        }
    }

    /// Notes a request; gives its number for [`State::answer`].
    pub(super) fn ask(&self, asked: Asked) -> usize {
        let mut all = lock(&self.asked);
        all.push(asked);
        all.len() - 1
    }

    pub(super) fn answer(&self, at: usize, status: u16) {
        if let Some(asked) = lock(&self.asked).get_mut(at) {
            asked.status = Some(status);
        }
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        lock(&self.asked).clone()
    }

    pub(super) fn forget_asked(&self) {
        lock(&self.asked).clear();
    }

    /// Counts a request to `path`: 1 for the first.
    pub(super) fn count(&self, path: &str) -> u64 {
        let mut answered = lock(&self.answered);
        let count = answered.entry(path.to_owned()).or_default();
        *count += 1;
        *count
    }

    pub(super) fn leftovers(&self) -> Leftovers {
        let shelf = self.shelf();
        Leftovers {
            memories: shelf.memories.values().cloned().collect(),
            conversations: shelf.conversations.values().map(|found| found.title.clone()).collect(),
        }
    }

    /// The sha of [`Follow::Fixed`].
    pub(super) fn fixed(&self) -> Option<String> {
        match &self.setup.follow {
            Follow::Fixed(sha) => Some(sha.clone()),
            Follow::Tag(_) | Follow::NewestStaging => None,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
