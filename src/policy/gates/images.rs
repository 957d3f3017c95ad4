//! Whether every image can be read, is whole, and is not poorer than what is live.

use crate::model::digest::Digest;
use crate::model::facts::{ImageFacts, Live};
use crate::model::reference::Reference;
use crate::model::refusal::{Guard, Refusal};
use crate::model::release::{Missing, Staged};
use crate::model::tag::Tag;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rules {
    /// A promotion: the image must be whole, for every platform that is live now.
    Promotion {
        /// `--expect-current`: what the tag may name now; empty: anything.
        expect: Vec<Expected>,
    },
    /// A rollback: somebody needs it now. Only a manifest that is not there stops it; the rest is told.
    Rollback,
}

/// One value of `--expect-current`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    Absent,
    Digest(Digest),
}

impl std::str::FromStr for Expected {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "absent" {
            return Ok(Self::Absent);
        }
        text.parse().map(Self::Digest).map_err(|e| format!("{e}, or the word `absent`"))
    }
}

/// The facts of an image, if both are known; what is not becomes a refusal.
pub(crate) fn known<'a>(
    image: &'a ImageFacts,
    refusals: &mut Vec<Refusal>,
) -> Option<(Option<&'a Staged>, Option<&'a Live>)> {
    for unread in image.wanted.as_ref().err().into_iter().chain(image.current.as_ref().err()) {
        refusals.push(Refusal {
            guard: Guard::Readable,
            image: Some(image.repository.clone()),
            expected: "to read it".to_owned(),
            found: unread.message.clone(),
            hint: unread.hint.clone(),
        });
    }
    Some((image.wanted.as_ref().ok()?.as_ref(), image.current.as_ref().ok()?.as_ref()))
}

pub(crate) fn not_staged(image: &ImageFacts) -> Refusal {
    let kind = match &image.source {
        Reference::Tagged(..) => "tag",
        Reference::Pinned(..) => "manifest",
    };
    Refusal {
        guard: Guard::Staged,
        image: Some(image.repository.clone()),
        expected: format!("the {kind} {}", image.source.name()),
        found: format!("no such {kind}"),
        hint: "check the sha with `release-status`, or publish it for this image with publish-staging"
            .to_owned(),
    }
}

pub(crate) fn check_whole(
    image: &ImageFacts,
    wanted: &Staged,
    rules: &Rules,
    refusals: &mut Vec<Refusal>,
    warnings: &mut Vec<String>,
) {
    let refuses = |missing: &&Missing| match rules {
        Rules::Promotion { .. } => true,
        Rules::Rollback => missing.is_manifest() && !missing.is_attestation(),
    };
    let (fatal, tolerable): (Vec<&Missing>, Vec<&Missing>) = wanted.missing.iter().partition(refuses);
    warnings.extend(tolerable.iter().map(|missing| format!("{} is not whole: {missing}", image.source)));
    if fatal.is_empty() {
        return;
    }
    let found: Vec<String> = fatal.iter().map(ToString::to_string).collect();
    refusals.push(Refusal {
        guard: Guard::Whole,
        image: Some(image.repository.clone()),
        expected: format!("everything that {} ({}) names", image.source.name(), wanted.manifest.digest.short()),
        found: found.join("; "),
        hint: "machines could not pull it: publish the sha again, or choose another; a clean-up of untagged versions may have deleted it".to_owned(),
    });
}

pub(crate) fn check_platforms(
    image: &ImageFacts,
    wanted: &Staged,
    current: Option<&Live>,
    refusals: &mut Vec<Refusal>,
) {
    let Some(live) = current else { return };
    let lost: Vec<String> =
        live.platforms.iter().filter(|p| !wanted.platforms.contains(p)).map(ToString::to_string).collect();
    if lost.is_empty() {
        return;
    }
    let has: Vec<String> = wanted.platforms.iter().map(ToString::to_string).collect();
    refusals.push(Refusal {
        guard: Guard::Platforms,
        image: Some(image.repository.clone()),
        expected: format!("{}, which is live now", lost.join(", ")),
        found: if has.is_empty() { "no platform".to_owned() } else { format!("only {}", has.join(", ")) },
        hint: "build every platform that is in use; a copy without `--all` flattens an index to one platform"
            .to_owned(),
    });
}

pub(crate) fn check_expected(
    image: &ImageFacts,
    tag: &Tag,
    current: Option<&Live>,
    expect: &[Expected],
    refusals: &mut Vec<Refusal>,
) {
    let found = current.map_or(Expected::Absent, |live| Expected::Digest(live.manifest.digest.clone()));
    if expect.is_empty() || expect.contains(&found) {
        return;
    }
    let show = |expected: &Expected| match expected {
        Expected::Absent => "absent".to_owned(),
        Expected::Digest(digest) => digest.to_string(),
    };
    let wanted: Vec<String> = expect.iter().map(show).collect();
    refusals.push(Refusal {
        guard: Guard::ExpectCurrent,
        image: Some(image.repository.clone()),
        expected: format!("{tag} to be {}", wanted.join(" or ")),
        found: show(&found),
        hint: "somebody moved it since you looked: look again with `release-status`".to_owned(),
    });
}
