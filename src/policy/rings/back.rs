//! Which rings a release is taken out of, and where each of them goes.

use crate::model::commit::CommitSha;
use crate::model::history::Event;
use crate::model::tag::Tag;
use crate::policy::history::History;
use crate::policy::rings::state::State;

/// How far a rollback goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The ring and every ring further out.
    Outward,
    /// Every ring.
    All,
    /// The ring alone.
    Alone,
}

/// The release that a rollback of this ring is about: what it runs. While the hold of such a rollback stands, the same
/// command goes on with the release that it was about, so that running it again never takes out what it went back to.
pub fn bad(history: &History, tag: &Tag, state: &State) -> Option<CommitSha> {
    let standing = history.standing(tag.as_str());
    let runs = state.runs().cloned();
    let Some(last) = &standing.last_move else { return runs };
    match (&standing.hold, &last.event) {
        (Some(hold), Event::Rollback { left: Some(left), .. }) if hold.id == last.id => Some(left.clone()),
        // Killed after it moved the tag and before it could say so: it had placed its hold first.
        (None, _) if matches!(state.hold, Ok(Some(_))) && last.sha != runs => last.sha.clone(),
        _ => runs,
    }
}

/// The rings within `reach` of the one at `place` that run `bad`, the outermost first: most tenants are helped first. Where
/// it is not known what is bad, only the one that was named.
pub fn rings(states: &[State], place: usize, reach: Reach, bad: Option<&CommitSha>) -> Vec<usize> {
    let within = |other: &usize| match reach {
        Reach::Outward => *other >= place,
        Reach::All => true,
        Reach::Alone => *other == place,
    };
    let runs = |other: &usize| match bad {
        Some(bad) => states[*other].runs() == Some(bad),
        None => *other == place,
    };
    (0..states.len()).rev().filter(within).filter(runs).collect()
}

/// Where the ring at `place` goes: to what the next ring outward runs; `None`: to what it ran before. `runs`: what each ring
/// runs by now.
pub fn destination<'s>(
    runs: &'s [Option<CommitSha>],
    place: usize,
    bad: Option<&CommitSha>,
) -> Option<&'s CommitSha> {
    runs.get(place + 1)?.as_ref().filter(|outward| Some(*outward) != bad)
}

#[cfg(test)]
mod tests {
    use super::{Reach, bad, destination, rings};
    use crate::model::commit::CommitSha;
    use crate::model::history::Event;
    use crate::policy::history::History;
    use crate::policy::history::tests::{entry, promotion, rollback};
    use crate::policy::rings::state::State;

    fn shas(runs: [&str; 4]) -> Vec<Option<CommitSha>> {
        runs.iter().map(|sha| (!sha.is_empty()).then(|| sha.parse().unwrap())).collect()
    }

    fn states(runs: [&str; 4]) -> Vec<State> {
        let state = |release| State { release: Ok(release), since: None, hold: Ok(None), proof: Ok(None) };
        shas(runs).into_iter().map(state).collect()
    }

    const A: &str = "aaaaaaa";
    const B: &str = "bbbbbbb";

    #[test]
    fn a_release_is_taken_out_of_the_ring_and_of_those_further_out_that_run_it() {
        for (runs, place, reach, found) in [
            ([B, B, A, A], 1, Reach::Outward, vec![1]),
            ([B, B, B, A], 1, Reach::Outward, vec![2, 1]),
            ([B, B, B, B], 0, Reach::Outward, vec![3, 2, 1, 0]),
            ([B, B, B, A], 1, Reach::All, vec![2, 1, 0]),
            ([B, B, B, A], 1, Reach::Alone, vec![1]),
            ([A, B, A, B], 1, Reach::Outward, vec![3, 1]),
            (["", B, "", ""], 0, Reach::Outward, vec![0]),
        ] {
            let states = states(runs);
            let bad = states[place].runs();
            assert_eq!(rings(&states, place, reach, bad), found, "{runs:?} {reach:?}");
        }
    }

    #[test]
    fn the_same_rollback_again_is_about_the_same_release_until_somebody_resumes() {
        let of = |history: &History, held: bool| {
            let hold = held.then(String::new);
            let state = State { hold: Ok(hold), ..states([A, "", "", ""]).swap_remove(0) };
            bad(history, &"latest".parse().unwrap(), &state).unwrap().to_string()
        };
        let mut history = History::default();
        assert_eq!(of(&history, false), A);
        history.append(entry("p", promotion(), B));
        assert_eq!(of(&history, false), A, "moved by hand, and nothing holds it");
        assert_eq!(of(&history, true), B, "killed before it could say that it went back");
        history.append(entry("r", rollback(B), A));
        assert_eq!(of(&history, true), B);
        history.append(entry("e", Event::Resume, A));
        history.append(entry("h", Event::Hold { alone: false }, A));
        assert_eq!(of(&history, true), A, "another hold, about what it runs now");
    }

    #[test]
    fn it_goes_to_what_the_next_ring_outward_runs_else_back() {
        let bad: CommitSha = B.parse().unwrap();
        for (runs, place, to) in [
            ([B, B, A, A], 1, Some(A)),
            ([B, B, B, A], 1, None),
            ([B, B, "", A], 1, None),
            ([B, B, B, B], 3, None),
        ] {
            let runs = shas(runs);
            assert_eq!(destination(&runs, place, Some(&bad)).map(CommitSha::as_str), to, "{runs:?}");
        }
    }
}
