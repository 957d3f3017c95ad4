//! Whether a rollback holds promotions or rejected this release, and whether the history that says so is whole.

use crate::model::commit::CommitSha;
use crate::model::digest::Digest;
use crate::model::refusal::{Guard, Refusal};
use crate::policy::history::{History, Rejected};

/// Holds, rejections, and a history that does not hold together. `lifts`: somebody says that this very release is
/// meant all the same.
pub fn check_history(
    sha: &CommitSha,
    tag: &str,
    digests: &[Digest],
    history: &History,
    lifts: bool,
) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    if let Some(broken) = history.verify_since_resume() {
        refusals.push(Refusal {
            guard: Guard::History,
            image: None,
            expected: format!("history entry {} ({}) as it was written", broken.number, broken.id),
            found: broken.found,
            hint: "somebody changed the history: find out who, then `release-status resume --reason TEXT` goes on from here".to_owned(),
        });
    }
    if lifts {
        return refusals;
    }
    let standing = history.standing(tag);
    if let Some(hold) = &standing.hold {
        refusals.push(Refusal {
            guard: Guard::Hold,
            image: None,
            expected: format!("no hold on {tag}"),
            found: format!("a rollback{}", hold.told()),
            hint: "when the cause is repaired: `release-status resume --reason TEXT`, or promote with --lift-hold REASON".to_owned(),
        });
    }
    let rejects = |rejected: &&Rejected| {
        rejected.sha.as_ref() == Some(sha) || rejected.digests.iter().any(|digest| digests.contains(digest))
    };
    if let Some(rejected) = standing.rejected.iter().find(rejects) {
        refusals.push(Refusal {
            guard: Guard::Rejected,
            image: None,
            expected: format!("{sha} not to be rejected"),
            found: format!("rejected by a rollback{}", rejected.by.told()),
            hint: "publish a new release with the repair; if this one is meant all the same, promote it with --lift-hold REASON".to_owned(),
        });
    }
    refusals
}

#[cfg(test)]
mod tests {
    use super::check_history;
    use crate::model::digest::Digest;
    use crate::model::history::Event;
    use crate::model::refusal::Guard;
    use crate::policy::history::History;
    use crate::policy::history::tests::{entry, promotion, rollback};

    fn guards(history: &History, sha: &str, digests: &[Digest], lifts: bool) -> Vec<Guard> {
        check_history(&sha.parse().unwrap(), "latest", digests, history, lifts)
            .iter()
            .map(|refusal| refusal.guard)
            .collect()
    }

    #[test]
    fn a_hold_stops_everything_a_rejection_only_what_was_rejected() {
        let mut history = History::default();
        history.append(entry("a", promotion(), "2222222"));
        history.append(entry("b", rollback("2222222"), "1111111"));
        assert_eq!(guards(&history, "3333333", &[], false), [Guard::Hold]);
        assert_eq!(guards(&history, "2222222", &[], false), [Guard::Hold, Guard::Rejected]);
        history.append(entry("c", Event::Resume, "1111111"));
        assert!(guards(&history, "3333333", &[], false).is_empty());
        assert_eq!(guards(&history, "2222222", &[], false), [Guard::Rejected]);
        assert_eq!(guards(&history, "4444444", &[Digest::of(b"from")], false), [Guard::Rejected]);
        assert!(guards(&history, "2222222", &[], true).is_empty());
    }
}
