//! Promotions go forward: a release that is older than the live one is not promoted by accident.

use crate::model::record::ReleaseRecord;
use crate::model::refusal::{Guard, Refusal};

/// What git says of two commits, where both are at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ancestry {
    Descendant,
    /// The candidate came before the live one.
    Ancestor,
    /// Neither is the other's ancestor, or not both are known.
    Unrelated,
}

/// How a candidate relates to the live release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// It is newer, or the same.
    Forward,
    /// Why it is older.
    Backward(String),
    /// Nothing tells: why.
    Unknown(String),
}

/// Compares by ancestry, then by commit time, then by the number of the run that published, where both came from
/// the same workflow, then by the time of publication.
pub fn order(candidate: &ReleaseRecord, live: &ReleaseRecord, ancestry: Ancestry) -> Order {
    let shas = format!("{} and live {}", candidate.release.sha, live.release.sha);
    match ancestry {
        _ if candidate.release.sha == live.release.sha => return Order::Forward,
        Ancestry::Descendant => return Order::Forward,
        Ancestry::Ancestor => {
            return Order::Backward(format!("the commit is an ancestor of live {}", live.release.sha));
        }
        Ancestry::Unrelated => {}
    }
    if let (Some(ours), Some(theirs)) = (candidate.commit_time, live.commit_time)
        && ours != theirs
    {
        let (ours_shown, theirs_shown) = (ours.strftime("%F %T"), theirs.strftime("%F %T UTC"));
        return if ours > theirs {
            Order::Forward
        } else {
            Order::Backward(format!("{shas} are commits of {ours_shown} and {theirs_shown}"))
        };
    }
    match (run_number(candidate), run_number(live)) {
        (Some((workflow, ours)), Some((other, theirs))) if workflow == other && ours != theirs => {
            if ours > theirs {
                Order::Forward
            } else {
                Order::Backward(format!("{shas} are of runs {ours} and {theirs}"))
            }
        }
        // The weakest sign, and the only one that every record has.
        _ if candidate.published > live.published => Order::Forward,
        _ if candidate.published < live.published => {
            let (ours, theirs) =
                (candidate.published.strftime("%F %T%.3f"), live.published.strftime("%F %T%.3f UTC"));
            Order::Backward(format!("{shas} were published at {ours} and {theirs}"))
        }
        _ => Order::Unknown(format!("{shas} were published at the same moment")),
    }
}

/// The workflow that published, and the number of its run.
fn run_number(record: &ReleaseRecord) -> Option<([Option<&str>; 2], u64)> {
    let run = record.run.as_ref()?;
    Some(([run.repository.as_deref(), run.workflow.as_deref()], run.number?))
}

/// The refusal of a step backward.
pub fn refusal(why: String) -> Refusal {
    Refusal {
        guard: Guard::Forward,
        image: None,
        expected: "a release that is newer than the live one".to_owned(),
        found: why,
        hint: "to go back use rollback-latest; if you do want this release, use --allow-older".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Ancestry, Order, order};
    use crate::model::record::{ReleaseRecord, Run};
    use crate::model::release::Release;

    #[test]
    fn without_anything_else_the_time_of_publication_decides() {
        let at = |sha: &str, published: &str| ReleaseRecord {
            published: published.parse().unwrap(),
            ..record(sha, None, None)
        };
        let (early, late) = ("2026-11-21T00:00:00Z", "2026-11-21T00:00:01Z");
        let order = |ours, theirs| order(&at("1111111", ours), &at("2222222", theirs), Ancestry::Unrelated);
        assert_eq!(order(late, early), Order::Forward);
        assert!(matches!(order(early, late), Order::Backward(why) if why.contains("were published at")));
        assert!(matches!(order(early, early), Order::Unknown(_)));
    }

    fn record(sha: &str, commit: Option<&str>, number: Option<u64>) -> ReleaseRecord {
        let run = number.map(|number| Run { number: Some(number), ..Run::default() });
        let release = Release { sha: sha.parse().unwrap(), images: Vec::new() };
        ReleaseRecord {
            format: 1,
            release,
            home: None,
            missing: Vec::new(),
            commit_time: commit.map(|t| t.parse().unwrap()),
            published: "2026-11-21T00:00:00Z".parse().unwrap(),
            run,
        }
    }

    #[test]
    fn ancestry_outranks_time_which_outranks_the_run() {
        let (early, late) = (Some("2026-11-20T00:00:00Z"), Some("2026-11-21T00:00:00Z"));
        for (ours, theirs, ancestry, forward) in [
            ((early, Some(1)), (late, Some(2)), Ancestry::Descendant, Some(true)),
            ((late, Some(2)), (early, Some(1)), Ancestry::Ancestor, Some(false)),
            ((late, Some(1)), (early, Some(2)), Ancestry::Unrelated, Some(true)),
            ((early, Some(2)), (late, Some(1)), Ancestry::Unrelated, Some(false)),
            ((early, Some(2)), (early, Some(1)), Ancestry::Unrelated, Some(true)),
            ((None, Some(1)), (early, Some(2)), Ancestry::Unrelated, Some(false)),
            ((None, None), (early, Some(2)), Ancestry::Unrelated, None),
        ] {
            let found = match order(
                &record("1111111", ours.0, ours.1),
                &record("2222222", theirs.0, theirs.1),
                ancestry,
            ) {
                Order::Forward => Some(true),
                Order::Backward(_) => Some(false),
                Order::Unknown(_) => None,
            };
            assert_eq!(found, forward, "{ours:?} {theirs:?} {ancestry:?}");
        }
    }
}
