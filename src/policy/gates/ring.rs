//! Whether a release has earned a ring: it was in the ring before and is proven there, nobody holds the rings, and
//! whoever has to approve it did.

use crate::model::commit::CommitSha;
use crate::model::history::{Entry, Event};
use crate::model::record::Kind;
use crate::model::refusal::{Guard, Refusal};
use crate::model::verdict::Verdict;
use crate::policy::gates::approval;
use crate::policy::gates::evidence::{From, newest_from};
use crate::policy::history::History;
use crate::policy::rings::state::{Proof, State};
use crate::policy::rings::{Admit, Ring, Rings};

/// A step of a release into a ring, and what is known about it.
pub struct Step<'a> {
    /// The rings.
    pub rings: &'a Rings,
    /// The place of the ring that it is to come to, from 0.
    pub place: usize,
    /// The release, once it is known.
    pub sha: Option<&'a CommitSha>,
    /// What is recorded of it; `None`: nothing is.
    pub proof: Option<&'a Proof>,
    /// Where the rings stand, in order.
    pub states: &'a [State],
    /// What happened to their tags.
    pub history: &'a History,
}

impl<'a> Step<'a> {
    fn named(&self) -> &str {
        self.sha.map_or("the release", CommitSha::as_str)
    }

    fn ring(&self) -> &'a Ring {
        &self.rings.rings[self.place]
    }

    /// The ring that must prove a release before it comes here; `None` for the first.
    pub fn before(&self) -> Option<From<'a>> {
        from(self.rings, self.place.checked_sub(1)?)
    }
}

/// The ring at `place`, as one that gives verdicts.
pub fn from(rings: &Rings, place: usize) -> Option<From<'_>> {
    rings.rings.get(place).map(|ring| From { ring: &ring.name, tag: ring.tag.as_str(), first: place == 0 })
}

/// The evidence that a step into the ring at `place` asks for, from the ring before it. The first ring is where a release is
/// tried, so it asks for none.
pub fn kinds(rings: &Rings, place: usize, require: &[Kind]) -> Vec<Kind> {
    match (place, &rings.rings[place].soak) {
        (0, _) => Vec::new(),
        (_, Some(_)) => vec![Kind::Soak],
        (_, None) => require.to_vec(),
    }
}

/// What no reason on the command line sets aside but `--lift-hold`: a hold on any ring, and a red verdict in any ring.
pub fn stopped(step: &Step<'_>) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    for (place, (ring, state)) in step.rings.rings.iter().zip(step.states).enumerate() {
        let refuse = |guard, expected: String, found: String, hint: &str| Refusal {
            guard,
            image: None,
            expected,
            found,
            hint: hint.to_owned(),
        };
        match &state.hold {
            // The guard of the tag that is to move says this one.
            Ok(Some(_)) if place == step.place => {}
            Ok(Some(told)) if !is_of_one_ring(step.history, ring) => refusals.push(refuse(
                Guard::Hold,
                format!("no hold on ring {}", ring.name),
                format!("a hold{told}"),
                "when the cause is repaired: `release-status resume --reason TEXT`",
            )),
            Ok(_) => {}
            Err(why) => refusals.push(refuse(
                Guard::Hold,
                format!("to know whether ring {} is held", ring.name),
                why.message.clone(),
                &why.hint,
            )),
        }
        let runs = match (&state.release, &state.proof) {
            (Ok(_), Ok(proof)) => proof.as_ref(),
            // It is what the step replaces.
            (Err(_), _) if place == step.place => None,
            (Err(why), _) | (_, Err(why)) => {
                let expected = format!("to know what ring {} runs, and how well", ring.name);
                refusals.push(refuse(Guard::Ring, expected, why.message.clone(), &why.hint));
                None
            }
        };
        let red = |proof: &&Proof| {
            [Kind::Smoke, Kind::Soak].into_iter().find_map(|kind| {
                newest_from(&proof.record, &proof.pieces, kind, from(step.rings, place).as_ref())
                    .filter(|verdict| verdict.verdict == Verdict::Red)
                    .map(|verdict| (kind, verdict.finished))
            })
        };
        if let Some((proof, (kind, at))) = runs.and_then(|proof| Some((proof, red(&proof)?))) {
            refusals.push(refuse(
                Guard::Ring,
                format!("no red verdict in ring {}", ring.name),
                format!("red {kind} at {} on {}", at.strftime("%F %T UTC"), proof.record.release.sha),
                &format!("take it out: `rollback-latest --ring {}`", ring.name),
            ));
        }
    }
    refusals.extend(rejected(step));
    refusals
}

/// Whether the hold of `ring` is one that a person placed on it alone: others may go on.
fn is_of_one_ring(history: &History, ring: &Ring) -> bool {
    let hold = history.standing(ring.tag.as_str()).hold;
    hold.is_some_and(|hold| matches!(hold.event, Event::Hold { alone: true }))
}

/// A release that was taken out of another ring comes to none.
fn rejected(step: &Step<'_>) -> Option<Refusal> {
    let others = step.rings.rings.iter().enumerate().filter(|(place, _)| *place != step.place);
    let by = |ring: &Ring| {
        let rejected = step.history.standing(ring.tag.as_str()).rejected;
        rejected.into_iter().find(|rejected| step.sha.is_some() && rejected.sha.as_ref() == step.sha)
    };
    let (ring, rejected) = others.filter_map(|(_, ring)| Some((ring, by(ring)?))).next()?;
    Some(Refusal {
        guard: Guard::Rejected,
        image: None,
        expected: format!("{} not to be rejected in any ring", step.named()),
        found: format!("taken out of ring {} by a rollback{}", ring.name, rejected.by.told()),
        hint: "publish a new release with the repair; if you do want this one, promote it with --lift-hold REASON".to_owned(),
    })
}

/// What `--skip-rings` sets aside, beside the evidence: the order of the rings, and the approval.
pub fn unearned(step: &Step<'_>) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    if let Some(before) = step.place.checked_sub(1) {
        let before = &step.rings.rings[before];
        if !was_in(step, before) {
            refusals.push(Refusal {
                guard: Guard::Ring,
                image: None,
                expected: format!("{} to have been in ring {}", step.named(), before.name),
                found: "it never was".to_owned(),
                hint: format!(
                    "`promote-ring {} --to {}` first; for a hotfix, --skip-rings REASON",
                    step.named(),
                    before.name
                ),
            });
        }
    }
    refusals.extend(approval::check(step.ring(), step.sha, step.proof, step.history));
    refusals
}

fn was_in(step: &Step<'_>, ring: &Ring) -> bool {
    let promoted = |entry: &Entry| {
        entry.tag == ring.tag.as_str()
            && entry.sha.as_ref() == step.sha
            && matches!(entry.event, Event::Promotion { .. })
    };
    step.history.entries().any(promoted)
        || step
            .states
            .iter()
            .zip(&step.rings.rings)
            .any(|(state, other)| other.name == ring.name && state.runs() == step.sha)
}

/// Why the ring does not take the release yet: the one that it runs has no verdict. `require`: what steps without a soak
/// ask for.
pub fn waits(step: &Step<'_>, require: &[Kind]) -> Option<String> {
    let (next, ring) = (step.place + 1, step.ring());
    let runs = step.states[step.place].runs().filter(|runs| Some(*runs) != step.sha)?;
    if step.rings.admit == Admit::Always || next > step.rings.last() {
        return None;
    }
    // It has gone on already.
    if step.states[next..].iter().any(|state| state.runs() == Some(runs)) {
        return None;
    }
    let from = from(step.rings, step.place);
    let open = |kind: &Kind| {
        let proof = step.states[step.place].proven();
        let verdict = proof.and_then(|proof| newest_from(&proof.record, &proof.pieces, *kind, from.as_ref()));
        verdict.is_none_or(|verdict| verdict.verdict == Verdict::Pending)
    };
    let kind = kinds(step.rings, next, require).into_iter().find(open)?;
    Some(format!("ring {} runs {runs}, which has no {kind} verdict yet", ring.name))
}

#[cfg(test)]
mod tests {
    use super::{Step, kinds, stopped, unearned, waits};
    use crate::model::history::{Entry, Event, Proven};
    use crate::model::record::{Kind, VerdictRecord};
    use crate::model::refusal::Guard;
    use crate::model::verdict::Verdict;
    use crate::policy::gates::evidence::tests::{green, piece, proof};
    use crate::policy::history::History;
    use crate::policy::history::tests::{entry, promotion, rollback};
    use crate::policy::rings::Rings;
    use crate::policy::rings::state::State;
    use crate::policy::{config, toml::TomlFile};

    const SHA: &str = "4c1d56e";

    fn rings() -> Rings {
        let text = "format = 1\n[rings]\nsalt = 'p'\n[[ring]]\nname = 'canary'\ntenants = ['s']\n\
            [[ring]]\nname = 'ring-1'\npercent = 10\nsoak = 'soak.toml'\n\
            [[ring]]\nname = 'latest'\napprove = { by = ['acme/release', 'eve'], not_self = true }\n";
        config::read(&TomlFile { name: "c", text }).unwrap().rings.unwrap()
    }

    /// Each ring runs what is named; the release under test carries these verdicts.
    fn states(runs: [&str; 3], verdicts: &[VerdictRecord]) -> Vec<State> {
        let state = |sha: &&str| State {
            release: Ok((!sha.is_empty()).then(|| sha.parse().unwrap())),
            since: None,
            hold: Ok(None),
            proof: Ok((*sha == SHA).then(|| proof(verdicts.iter().cloned().map(piece).collect()))),
        };
        runs.iter().map(state).collect()
    }

    fn of(tag: &str, event: Event, sha: &str) -> Entry {
        Entry { tag: tag.to_owned(), ..entry(&format!("{tag}-{}", event.as_str()), event, sha) }
    }

    fn verdict(tool: &str, ring: Option<&str>, word: Verdict) -> VerdictRecord {
        VerdictRecord {
            tool: tool.to_owned(),
            ring: ring.map(str::to_owned),
            verdict: word,
            ..green("2026-11-21T11:00:00Z")
        }
    }

    fn with<T>(place: usize, states: &[State], history: &History, ask: impl FnOnce(&Step<'_>) -> T) -> T {
        let (rings, sha, proof) = (rings(), SHA.parse().unwrap(), proof(Vec::new()));
        ask(&Step { rings: &rings, place, sha: Some(&sha), proof: Some(&proof), states, history })
    }

    fn guards(refusals: Vec<crate::model::refusal::Refusal>) -> Vec<Guard> {
        refusals.into_iter().map(|refusal| refusal.guard).collect()
    }

    #[test]
    fn the_first_ring_asks_for_nothing_and_a_soak_takes_the_place_of_what_is_required() {
        let rings = rings();
        assert!(kinds(&rings, 0, &[Kind::Smoke]).is_empty());
        assert_eq!(kinds(&rings, 1, &[Kind::Smoke]), [Kind::Soak]);
        assert_eq!(kinds(&rings, 2, &[Kind::Smoke]), [Kind::Smoke]);
    }

    #[test]
    fn a_release_that_was_not_in_the_ring_before_has_not_earned_this_one() {
        let (nowhere, mut history) = (states(["", "", ""], &[]), History::default());
        assert_eq!(guards(with(0, &nowhere, &history, unearned)), []);
        assert_eq!(guards(with(1, &nowhere, &history, unearned)), [Guard::Ring]);
        history.append(of("canary", promotion(), SHA));
        assert_eq!(guards(with(1, &nowhere, &history, unearned)), []);
        let there = states([SHA, "", ""], &[]);
        assert_eq!(guards(with(1, &there, &History::default(), unearned)), []);
    }

    #[test]
    fn only_a_proven_approval_by_somebody_else_of_this_record_counts() {
        let there = states(["", SHA, ""], &[]);
        let proven = |login: &str, teams: &[&str]| {
            Some(Proven { login: login.to_owned(), teams: teams.iter().map(|t| (*t).to_owned()).collect() })
        };
        let record = proof(Vec::new()).name.to_string();
        for (record, proven, found) in [
            (record.clone(), proven("bob", &["acme/release"]), ""),
            (record.clone(), proven("Eve", &[]), ""),
            (record.clone(), proven("mallory", &["acme/dev"]), "not one of them"),
            (record.clone(), proven("ann", &["acme/release"]), "who published it"),
            (record.clone(), None, "did not confirm"),
            ("ghcr.io/a/x@sha256:other".to_owned(), proven("eve", &[]), "another record"),
        ] {
            let mut history = History::default();
            history.append(of("latest", Event::Approval { record, proven }, SHA));
            let refusals = with(2, &there, &history, unearned);
            match found {
                "" => assert!(refusals.is_empty(), "{refusals:?}"),
                words => assert!(
                    refusals[0].guard == Guard::Approval && refusals[0].found.contains(words),
                    "{refusals:?}"
                ),
            }
        }
        let mut other = History::default();
        other.append(of("ring-1", Event::Approval { record, proven: proven("eve", &[]) }, SHA));
        assert_eq!(with(2, &there, &other, unearned)[0].found, "none");
    }

    #[test]
    fn red_in_any_ring_and_a_rollback_of_any_ring_stop_every_step() {
        let none = History::default();
        let red = [verdict("canary-soak", Some("ring-1"), Verdict::Red)];
        for place in 0..3 {
            assert_eq!(guards(with(place, &states(["", SHA, ""], &red), &none, stopped)), [Guard::Ring]);
        }
        // Red somewhere else is not red here.
        assert_eq!(guards(with(0, &states([SHA, "", ""], &red), &none, stopped)), []);
        let smoke = [verdict("canary-smoke", None, Verdict::Red)];
        assert_eq!(guards(with(2, &states([SHA, "", ""], &smoke), &none, stopped)), [Guard::Ring]);
        let mut history = History::default();
        history.append(of("ring-1", rollback("2222222"), "1111111"));
        let mut held = states(["", "", ""], &[]);
        held[1].hold = Ok(Some(" by ann".to_owned()));
        assert_eq!(guards(with(2, &held, &history, stopped)), [Guard::Hold]);
        history.append(of("ring-1", Event::Resume, "1111111"));
        history.append(of("ring-1", Event::Hold { alone: true }, "1111111"));
        assert_eq!(
            guards(with(2, &held, &history, stopped)),
            [],
            "a ring that is held alone stops only itself"
        );
        let mut history = History::default();
        history.append(of("ring-1", rollback(SHA), "1111111"));
        assert_eq!(guards(with(2, &states(["", "", ""], &[]), &history, stopped)), [Guard::Rejected]);
    }

    #[test]
    fn what_cannot_be_read_of_a_ring_stops_the_others() {
        let mut unknown = states(["", "", ""], &[]);
        unknown[0].release = Err(crate::base::complaint::Complaint::new("timeout", ""));
        assert_eq!(guards(with(2, &unknown, &History::default(), stopped)), [Guard::Ring]);
        assert_eq!(
            guards(with(0, &unknown, &History::default(), stopped)),
            [],
            "it is what the step replaces"
        );
    }

    #[test]
    fn a_ring_takes_the_next_release_when_its_own_has_a_verdict() {
        let none = History::default();
        let wait = |place: usize, states: &[State]| {
            let (rings, sha) = (rings(), "7777777".parse().unwrap());
            waits(
                &Step { rings: &rings, place, sha: Some(&sha), proof: None, states, history: &none },
                &[Kind::Smoke],
            )
        };
        assert!(wait(0, &states([SHA, "", ""], &[])).unwrap().contains("no soak verdict yet"));
        for word in [Verdict::Green, Verdict::Inconclusive, Verdict::Red] {
            assert_eq!(
                wait(0, &states([SHA, "", ""], &[verdict("canary-soak", Some("canary"), word)])),
                None
            );
        }
        let open = [verdict("canary-soak", Some("canary"), Verdict::Pending)];
        assert!(wait(0, &states([SHA, "", ""], &open)).is_some());
        assert_eq!(wait(0, &states([SHA, SHA, ""], &[])), None, "it has gone on");
        assert_eq!(wait(0, &states(["", "", ""], &[])), None);
        assert!(wait(1, &states(["", SHA, ""], &[])).unwrap().contains("no smoke verdict yet"));
        assert_eq!(wait(2, &states(["", "", SHA], &[])), None, "the last ring is always free");
    }
}
