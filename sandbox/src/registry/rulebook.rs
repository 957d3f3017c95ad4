//! The rules in force and how often each has matched.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::rule::{Fault, Rule, RuleId};
use crate::store::Route;

#[derive(Default)]
pub(super) struct Rulebook {
    entries: Mutex<Vec<Entry>>,
    next: AtomicU64,
    refusing: AtomicU64,
}

struct Entry {
    id: RuleId,
    rule: Rule,
    matched: u64,
    played: u64,
}

impl Rulebook {
    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, rule: Rule) -> RuleId {
        let id = RuleId(self.next.fetch_add(1, Ordering::Relaxed));
        self.entries().push(Entry { id, rule, matched: 0, played: 0 });
        id
    }

    pub(super) fn remove(&self, id: RuleId) {
        self.entries().retain(|entry| entry.id != id);
    }

    pub(super) fn clear(&self) {
        self.entries().clear();
        self.refusing.store(0, Ordering::SeqCst);
    }

    /// How many requests the rule's fault was applied to; 0 for a rule that is gone.
    pub(super) fn played(&self, id: RuleId) -> u64 {
        self.entries().iter().find(|entry| entry.id == id).map_or(0, |entry| entry.played)
    }

    /// Counts the request in every rule and gives the faults to apply to it, in the order rules were added.
    pub(super) fn draw(&self, overall: u64, method: &str, path: &str, route: &Route) -> Vec<Fault> {
        let mut drawn = Vec::new();
        for entry in self.entries().iter_mut() {
            if !entry.rule.when.fits(method, path, route) {
                continue;
            }
            entry.matched += 1;
            let when = &entry.rule.when;
            let counted = when.nth.as_ref().is_none_or(|nth| nth.contains(&entry.matched));
            if counted && when.overall_nth.as_ref().is_none_or(|nth| nth.contains(&overall)) {
                entry.played += 1;
                drawn.push(entry.rule.fault.clone());
            }
        }
        drawn
    }

    /// Resets the next `count` connections; `u64::MAX` all until the rules are cleared.
    pub(super) fn refuse(&self, count: u64) {
        self.refusing.store(count, Ordering::SeqCst);
    }

    /// Whether the next connection is to be served; counts a refused one.
    pub(super) fn admits(&self) -> bool {
        let refused = self.refusing.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| match left {
            0 => None,
            u64::MAX => Some(u64::MAX),
            left => Some(left - 1),
        });
        refused.is_err()
    }
}
