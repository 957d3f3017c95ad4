//! What each ring would take next, and what it waits for.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::commit::CommitSha;
use crate::model::history::Event;
use crate::model::record::{Kind, ReleaseRecord};
use crate::policy::gates::evidence::{Demand, judge};
use crate::policy::gates::order::{Ancestry, Order, order};
use crate::policy::gates::ring::{Step, kinds, unearned, waits};
use crate::policy::history::History;
use crate::policy::rings::Rings;
use crate::policy::rings::state::{Proof, State};

/// All that is known of the rings.
pub struct View<'a> {
    /// The rings.
    pub rings: &'a Rings,
    /// Where they stand.
    pub states: &'a [State],
    /// What happened to their tags.
    pub history: &'a History,
    /// What a step asks for where no soak is.
    pub require: &'a [Kind],
    /// sha256 of each ring's gates file.
    pub suites: &'a [Option<String>],
    /// The oldest evidence that counts.
    pub max_age: Duration,
    /// Now.
    pub now: Timestamp,
}

/// What a ring would take, and what stands in the way of what it does not take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outlook {
    /// The release that it may take now.
    pub take: Option<CommitSha>,
    /// Older ones that it will never run.
    pub passed_over: Vec<CommitSha>,
    /// What it waits for.
    pub waits: Vec<Wait>,
    /// Who holds the ring.
    pub held: Option<String>,
}

/// A release that a ring does not take yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// The release.
    pub sha: CommitSha,
    /// Why.
    pub why: String,
    /// What somebody has to do.
    pub act: String,
}

impl<'a> View<'a> {
    /// What a step into the ring at `place` asks of the evidence. `kinds`: those of [`kinds`].
    pub fn demand<'d>(&'d self, place: usize, kinds: &'d [Kind]) -> Demand<'d> {
        let before = self.step(place, None).before();
        let suite = self.suites.get(place).and_then(Option::as_deref);
        Demand { kinds, max_age: self.max_age, suite, ring: before, now: self.now }
    }

    /// A step into the ring at `place`.
    pub fn step<'s>(&'s self, place: usize, proof: Option<&'s Proof>) -> Step<'s> {
        let sha = proof.map(|proof| &proof.record.release.sha);
        Step { rings: self.rings, place, sha, proof, states: self.states, history: self.history }
    }

    /// Releases that came to the ring before `place` since the one that this ring runs; newest first.
    pub fn arrived(&self, place: usize) -> Vec<CommitSha> {
        let Some(before) = place.checked_sub(1) else { return Vec::new() };
        let tag = self.rings.rings[before].tag.as_str();
        let arrivals = self
            .history
            .entries()
            .rev()
            .filter(|entry| entry.tag == tag && matches!(entry.event, Event::Promotion { .. }));
        let mut shas: Vec<CommitSha> = Vec::new();
        let runs = self.states[place].runs();
        for sha in
            self.states[before].runs().into_iter().chain(arrivals.filter_map(|entry| entry.sha.as_ref()))
        {
            if Some(sha) == runs {
                break;
            }
            if !shas.contains(sha) {
                shas.push(sha.clone());
            }
        }
        shas.retain(|sha| !self.is_rejected(sha));
        shas
    }

    /// Whether a ring was rid of `sha`.
    pub fn is_rejected(&self, sha: &CommitSha) -> bool {
        let rejected = |tag: &str| self.history.standing(tag).rejected;
        self.rings
            .rings
            .iter()
            .any(|ring| rejected(ring.tag.as_str()).iter().any(|rejected| rejected.sha.as_ref() == Some(sha)))
    }

    /// What the ring at `place` would take of `candidates`, which are given newest first.
    pub fn outlook(&self, place: usize, candidates: &[Proof]) -> Outlook {
        let mut outlook = Outlook {
            held: self.states[place]
                .hold
                .as_ref()
                .map_or_else(|why| Some(format!(": {}", why.message)), Clone::clone),
            ..Outlook::default()
        };
        let runs = self.states[place].proven().map(|proof| &proof.record);
        // Whoever cannot be told to be newer is not moved without being named.
        let forward = |record: &ReleaseRecord| {
            runs.is_none_or(|runs| order(record, runs, Ancestry::Unrelated) == Order::Forward)
        };
        for proof in candidates.iter().filter(|proof| forward(&proof.record)) {
            let sha = &proof.record.release.sha;
            if outlook.take.is_some() {
                outlook.passed_over.push(sha.clone());
                continue;
            }
            let step = self.step(place, Some(proof));
            let kinds = kinds(self.rings, place, self.require);
            let refusals = judge(&proof.record, &proof.pieces, &self.demand(place, &kinds));
            let turn = waits(&step, self.require).map(|why| (why, "wait for its verdict".to_owned()));
            let first = turn.or_else(|| {
                let mut refusals = unearned(&step).into_iter().chain(refusals);
                refusals.next().map(|no| (format!("expected {}, found {}", no.expected, no.found), no.hint))
            });
            let held = outlook.held.as_ref().map(|held| {
                (format!("the ring is held{held}"), "`release-status resume --reason TEXT`".to_owned())
            });
            match first.or(held) {
                Some((why, act)) => outlook.waits.push(Wait { sha: sha.clone(), why, act }),
                None => outlook.take = Some(sha.clone()),
            }
        }
        outlook
    }
}

#[cfg(test)]
mod tests {
    use super::{Outlook, View};
    use crate::model::history::Entry;
    use crate::model::record::Kind;
    use crate::policy::gates::evidence::tests::{green, piece, proof};
    use crate::policy::history::History;
    use crate::policy::history::tests::{entry, promotion, rollback};
    use crate::policy::rings::members::tests::rings;
    use crate::policy::rings::state::{Proof, State};
    use std::time::Duration;

    const NOON: &str = "2026-11-21T12:00:00Z";

    /// A release with a green smoke verdict, or none.
    fn release(sha: &str, proven: bool, commit: &str) -> Proof {
        let mut verdict = green("2026-11-21T11:00:00Z");
        verdict.sha = sha.parse().unwrap();
        let mut proof = proof(if proven { vec![piece(verdict)] } else { Vec::new() });
        proof.record.release.sha = sha.parse().unwrap();
        proof.record.commit_time = Some(commit.parse().unwrap());
        proof
    }

    fn outlook(
        runs: [&str; 3],
        history: &History,
        place: usize,
        candidates: &[Proof],
    ) -> (Outlook, Vec<String>) {
        let state = |sha: &&str| State {
            release: Ok((!sha.is_empty()).then(|| sha.parse().unwrap())),
            since: None,
            hold: Ok(None),
            proof: Ok((!sha.is_empty()).then(|| release(sha, false, "2026-11-20T00:00:00Z"))),
        };
        let (rings, states) = (rings("10"), runs.iter().map(state).collect::<Vec<_>>());
        let suites = vec![None; 3];
        let view = View {
            rings: &rings,
            states: &states,
            history,
            require: &[Kind::Smoke],
            suites: &suites,
            max_age: Duration::from_secs(86_400),
            now: NOON.parse().unwrap(),
        };
        let arrived = view.arrived(place).iter().map(ToString::to_string).collect();
        (view.outlook(place, candidates), arrived)
    }

    fn arrived(shas: &[&str]) -> History {
        let mut history = History::default();
        for (i, sha) in shas.iter().enumerate() {
            let entry = entry(&format!("e{i}"), promotion(), sha);
            history.append(Entry { tag: "canary".to_owned(), ..entry });
        }
        history
    }

    #[test]
    fn the_newest_release_that_earned_it_wins_and_older_ones_are_named() {
        let history = arrived(&["1111111", "2222222", "3333333", "4444444"]);
        let of = |sha: &str, proven| release(sha, proven, &format!("2026-11-21T0{}:00:00Z", &sha[..1]));
        let all = [of("4444444", false), of("3333333", true), of("2222222", true)];
        let (found, arrived) = outlook(["4444444", "1111111", "1111111"], &history, 1, &all);
        assert_eq!(arrived, ["4444444", "3333333", "2222222"]);
        assert_eq!(found.take.unwrap().as_str(), "3333333");
        assert_eq!(found.passed_over[0].as_str(), "2222222");
        assert!(found.waits[0].why.contains("green smoke evidence from ring canary"), "{:?}", found.waits);
    }

    #[test]
    fn what_is_older_than_what_runs_or_was_rejected_is_not_taken() {
        let mut history = arrived(&["2222222", "3333333"]);
        history.append(Entry { tag: "ring-1".to_owned(), ..entry("b", rollback("3333333"), "1111111") });
        let older = [release("2222222", true, "2026-11-19T00:00:00Z")];
        let (found, arrived) = outlook(["3333333", "9999999", ""], &history, 1, &older);
        assert_eq!(arrived, ["2222222"]);
        assert_eq!(found, Outlook::default());
    }

    #[test]
    fn a_ring_that_runs_what_the_one_before_runs_has_nothing_to_take() {
        let (_, arrived) = outlook(["2222222", "2222222", ""], &arrived(&["1111111", "2222222"]), 1, &[]);
        assert!(arrived.is_empty());
    }
}
