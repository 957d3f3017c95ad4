//! What the records say against a promotion.

use crate::base::text;
use crate::model::commit::CommitSha;
use crate::model::digest::Digest;
use crate::model::history::Entry;
use crate::model::record::ReleaseRecord;
use crate::model::refusal::{Guard, Refusal};
use crate::policy::history::{History, Rejected};
use crate::policy::promotion::ImageFacts;

/// Whether the staging tags still name what was published.
pub fn check_record(sha: &CommitSha, record: Option<&ReleaseRecord>, facts: &[ImageFacts]) -> Vec<Refusal> {
    let Some(record) = record else {
        return vec![Refusal {
            guard: Guard::Record,
            image: None,
            expected: format!("the record release-{sha}, which publish-staging writes"),
            found: "no such record".to_owned(),
            hint: "publish the release with publish-staging, or set `records = false` to go by tags alone"
                .to_owned(),
        }];
    };
    let mut refusals = Vec::new();
    for image in facts {
        let Ok(Some(staged)) = &image.wanted else { continue };
        let recorded = record.release.images.iter().find(|recorded| recorded.repository == image.repository);
        let (expected, hint) = match recorded {
            Some(recorded) if recorded.digest == staged.manifest.digest => continue,
            Some(recorded) => (
                recorded.digest.to_string(),
                "the tag was moved after publication: publish again under a new sha, or restore the tag",
            ),
            None => (
                "no such image in the release record".to_owned(),
                "publish the release again with every image",
            ),
        };
        refusals.push(Refusal {
            guard: Guard::Record,
            image: Some(image.repository.clone()),
            expected: format!("{} to name {expected}, as recorded", image.source),
            found: staged.manifest.digest.to_string(),
            hint: hint.to_owned(),
        });
    }
    refusals
}

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
            found: format!("a rollback{}", told(hold)),
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
            found: format!("rejected by a rollback{}", told(&rejected.by)),
            hint: "publish a new release with the repair; if this one is meant all the same, promote it with --lift-hold REASON".to_owned(),
        });
    }
    refusals
}

/// When, by whom and why, as far as it was written down.
pub fn told(entry: &Entry) -> String {
    let by = entry.by.as_ref().map(|by| format!(" by {}", text::escape(by, 80))).unwrap_or_default();
    let why = entry.reason.as_ref().map(|why| format!(": {}", text::escape(why, 200))).unwrap_or_default();
    format!(" at {}{by}{why}", entry.at.strftime("%F %T UTC"))
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
