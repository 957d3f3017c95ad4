//! Which rings a release is taken out of, and where each of them goes.

use crate::model::commit::CommitSha;
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

/// The rings that run what the ring at `place` runs, within `reach`, the outermost first: most tenants are helped first. A
/// ring of which it is not known what it runs is left alone, but for the one that was named.
pub fn rings(states: &[State], place: usize, reach: Reach) -> Vec<usize> {
    let bad = states[place].runs();
    let within = |other: &usize| match reach {
        Reach::Outward => *other >= place,
        Reach::All => true,
        Reach::Alone => *other == place,
    };
    let runs = |other: &usize| *other == place || bad.is_some() && states[*other].runs() == bad;
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
    use super::{Reach, destination, rings};
    use crate::model::commit::CommitSha;
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
            assert_eq!(rings(&states(runs), place, reach), found, "{runs:?} {reach:?}");
        }
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
