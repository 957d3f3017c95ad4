//! Whether a rollback holds promotions or rejected this release, and whether the history that says so is whole.
//!
//! Two things tell: the history, and the tags `<tag>-hold` and `<tag>-rejected` of every image. Either is enough to
//! refuse, so that a lost history or a clean-up of tags lets nothing through.

use crate::model::commit::CommitSha;
use crate::model::facts::{ImageFacts, Stand};
use crate::model::history::{Entry, Event};
use crate::model::hold::{HeldImage, Hold};
use crate::model::refusal::{Guard, Refusal};
use crate::model::tag::Tag;
use crate::policy::history::{History, Rejected};

/// What stands against a promotion of `sha`. `lifts`: somebody says that this very release is meant all the same.
pub fn check(
    sha: &CommitSha,
    tag: &Tag,
    facts: &[ImageFacts],
    history: &History,
    lifts: bool,
) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    refusals.extend(broken(history));
    if lifts {
        return refusals;
    }
    let standing = history.standing(tag.as_str());
    let stands: Vec<Stand> = facts.iter().map(ImageFacts::stand).collect();
    let word = |hold: &Entry| if matches!(hold.event, Event::Hold { .. }) { "a hold" } else { "a rollback" };
    let held = standing.hold.as_ref().map(|hold| format!("{}{}", word(hold), hold.told()));
    let tagged = || facts.iter().find_map(|image| image.hold.as_ref().ok()?.as_ref());
    if let Some(found) = held.or_else(|| tagged().map(|hold| told(hold, &stands))) {
        refusals.push(Refusal {
            guard: Guard::Hold,
            image: None,
            expected: format!("no hold on {tag}"),
            found,
            hint: "when the cause is repaired: `release-status resume --reason TEXT`, or promote with --lift-hold REASON".to_owned(),
        });
    }
    let rejected = standing.rejected.iter().find(|rejected| rejects(rejected, sha, facts));
    let found = match rejected {
        Some(rejected) => Some(format!("rejected by a rollback{}", rejected.by.told())),
        None if is_rejected(facts) => Some(format!("every image under {}", tag.rejected())),
        None => None,
    };
    if let Some(found) = found {
        refusals.push(Refusal {
            guard: Guard::Rejected,
            image: None,
            expected: format!("{sha} not to be rejected"),
            found,
            hint: "publish a new release with the repair; if you do want this one, promote it with --lift-hold REASON".to_owned(),
        });
    }
    refusals.extend(facts.iter().flat_map(|image| unread(image, tag)));
    refusals
}

/// The hold in words, compared with where the images stand: a rollback that was killed early has moved nothing.
pub fn told(hold: &Hold, stands: &[Stand]) -> String {
    let of = |image: &HeldImage| stands.iter().find(|stand| stand.repository == image.repository);
    let known: Vec<(&HeldImage, &Stand)> =
        hold.images.iter().filter_map(|image| Some((image, of(image)?))).collect();
    let stayed = !known.is_empty() && known.iter().all(|(image, stand)| image.digest == stand.live);
    let but = if stayed { "that still runs or was ended before it moved anything, " } else { "" };
    format!("a rollback {but}{hold}")
}

fn broken(history: &History) -> Option<Refusal> {
    let broken = history.verify_since_resume()?;
    Some(Refusal {
        guard: Guard::History,
        image: None,
        expected: format!("history entry {} ({}) as it was written", broken.number, broken.id),
        found: broken.found,
        hint: "somebody changed the history: find out who, then `release-status resume --reason TEXT` goes on from here".to_owned(),
    })
}

/// Whether a rejection is of this very release: of its sha, or of all its digests. An image that it shares with a
/// rejected release rejects nothing.
pub fn rejects(rejected: &Rejected, sha: &CommitSha, facts: &[ImageFacts]) -> bool {
    let same = |image: &ImageFacts| {
        let wanted =
            image.wanted.as_ref().ok().and_then(Option::as_ref).map(|staged| &staged.manifest.digest);
        let from = rejected.by.moved.iter().find(|moved| moved.repository == image.repository);
        wanted.is_some() && from.and_then(|moved| moved.from.as_ref()) == wanted
    };
    rejected.sha.as_ref() == Some(sha) || (!facts.is_empty() && facts.iter().all(same))
}

/// Whether every image is what a rollback left under `<tag>-rejected`.
pub fn is_rejected(facts: &[ImageFacts]) -> bool {
    let same = |image: &ImageFacts| match (&image.wanted, &image.rejected) {
        (Ok(Some(wanted)), Ok(Some(rejected))) => wanted.manifest.digest == *rejected,
        _ => false,
    };
    !facts.is_empty() && facts.iter().all(same)
}

fn unread(image: &ImageFacts, tag: &Tag) -> impl Iterator<Item = Refusal> {
    let of = |guard, name: Tag, why: Option<&crate::base::complaint::Complaint>| {
        why.map(|why| Refusal {
            guard,
            image: Some(image.repository.clone()),
            expected: format!("to read {name}"),
            found: why.message.clone(),
            hint: why.hint.clone(),
        })
    };
    let hold = of(Guard::Hold, tag.hold(), image.hold.as_ref().err());
    let rejected = of(Guard::Rejected, tag.rejected(), image.rejected.as_ref().err());
    hold.into_iter().chain(rejected)
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::model::digest::Digest;
    use crate::model::facts::ImageFacts;
    use crate::model::history::Event;
    use crate::model::refusal::Guard;
    use crate::policy::history::History;
    use crate::policy::history::tests::{entry, promotion, rollback};
    use crate::policy::plan::tests::{facts, manifest};

    fn guards(history: &History, sha: &str, facts: &[ImageFacts], lifts: bool) -> Vec<Guard> {
        check(&sha.parse().unwrap(), &"latest".parse().unwrap(), facts, history, lifts)
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
        assert!(guards(&history, "2222222", &[], true).is_empty());
    }

    #[test]
    fn an_image_that_a_release_shares_with_a_rejected_one_rejects_nothing() {
        let rejected = |name: &str, wanted: &str, seed: &str| ImageFacts {
            rejected: Ok(Some(manifest(seed).digest)),
            ..facts(name, wanted, Some("live"))
        };
        let history = History::default();
        let both = [rejected("a", "a2", "a2"), rejected("b", "b2", "b2")];
        assert_eq!(guards(&history, "2222222", &both, false), [Guard::Rejected]);
        assert!(guards(&history, "2222222", &both, true).is_empty());
        let repaired = [rejected("a", "a4", "a2"), rejected("b", "b2", "b2")];
        assert!(guards(&history, "4444444", &repaired, false).is_empty());
        let mut history = history;
        let mut back = entry("b", rollback("2222222"), "1111111");
        back.moved[0].from = Some(manifest("a2").digest);
        back.moved[0].repository = repaired[0].repository.clone();
        back.moved.push(crate::model::history::Moved {
            repository: repaired[1].repository.clone(),
            from: Some(manifest("b2").digest),
            to: Digest::of(b"b1"),
        });
        history.append(back);
        history.append(entry("c", Event::Resume, "1111111"));
        assert!(guards(&history, "4444444", &repaired, false).is_empty());
        assert_eq!(
            guards(&history, "5555555", &both, false),
            [Guard::Rejected],
            "the same under another sha"
        );
        let untagged = [facts("a", "a2", Some("live")), facts("b", "b2", Some("live"))];
        assert_eq!(guards(&history, "5555555", &untagged, false), [Guard::Rejected], "without its tags");
    }
}
