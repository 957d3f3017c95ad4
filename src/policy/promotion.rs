//! From what the registry holds to the plan of a promotion or rollback, or to every reason against it.

use crate::base::complaint::Complaint;
use crate::base::list::NonEmpty;
use crate::model::commit::CommitSha;
use crate::model::digest::Digest;
use crate::model::manifest::{Manifest, Platform};
use crate::model::moves::{Move, Plan};
use crate::model::refusal::{Guard, Refusal};
use crate::model::release::{Missing, Staged};
use crate::model::repository::Repository;
use crate::model::tag::Tag;

/// A fact, or why it is not known.
pub type Known<T> = Result<T, Unread>;

/// Why a fact is not known.
pub type Unread = Complaint;

/// What a tag names now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// The manifest.
    pub manifest: Manifest,
    /// What it runs on; empty if that was not asked for or cannot be told.
    pub platforms: Vec<Platform>,
}

/// Everything that is known of one image.
#[derive(Clone, Debug)]
pub struct ImageFacts {
    /// Which one.
    pub repository: Repository,
    /// The tag that the wanted content was read from.
    pub source: Tag,
    /// What is wanted; `None`: there is no such tag.
    pub wanted: Known<Option<Staged>>,
    /// Where the tag to move stands; `None`: it does not exist.
    pub current: Known<Option<Live>>,
}

/// How strict the guards are.
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
    /// The tag does not exist.
    Absent,
    /// The tag names this.
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

/// A plan, and what a person should know about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What to write.
    pub plan: Plan,
    /// What is not as it should be and did not refuse.
    pub warnings: Vec<String>,
}

/// Decides. Every guard is asked about every image, and every "no" is listed. `memory`: what the records say against
/// it, which counts when there is something to move.
///
/// # Errors
/// The refusals.
pub fn decide(
    sha: Option<&CommitSha>,
    tag: &Tag,
    facts: &[ImageFacts],
    rules: &Rules,
    memory: Vec<Refusal>,
) -> Result<Decision, NonEmpty<Refusal>> {
    let mut refusals = Vec::new();
    let mut warnings = Vec::new();
    let mut plan = Plan { sha: sha.cloned(), tag: tag.clone(), moves: Vec::new(), already: Vec::new() };
    for image in facts {
        let (wanted, current) = match known(image, &mut refusals) {
            Some((Some(wanted), current)) => (wanted, current),
            Some((None, _)) => {
                refusals.push(not_staged(image));
                continue;
            }
            None => continue,
        };
        check_whole(image, wanted, rules, &mut refusals, &mut warnings);
        if let Rules::Promotion { expect } = rules {
            check_platforms(image, wanted, current, &mut refusals);
            check_expected(image, tag, current, expect, &mut refusals);
        }
        let from = current.map(|live| live.manifest.clone());
        if from.as_ref().is_some_and(|from| from.digest == wanted.manifest.digest) {
            plan.already.push((image.repository.clone(), wanted.manifest.clone()));
        } else {
            plan.moves.push(Move { repository: image.repository.clone(), from, to: wanted.manifest.clone() });
        }
    }
    tell_once(&mut refusals);
    // Nothing to move: it is so already, and no memory says otherwise.
    if !refusals.is_empty() || !plan.moves.is_empty() {
        refusals.extend(memory);
    }
    match NonEmpty::from_vec(refusals) {
        Some(refusals) => Err(refusals),
        None => Ok(Decision { plan, warnings }),
    }
}

/// The facts of an image, if both are known; what is not becomes a refusal.
fn known<'a>(
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

/// What kept several images from being read, as a host that has no address does, is said once and not of an image.
fn tell_once(refusals: &mut Vec<Refusal>) {
    let mut told: Vec<Refusal> = Vec::new();
    for refusal in refusals.drain(..) {
        let same = |known: &&mut Refusal| {
            known.guard == Guard::Readable && refusal.guard == Guard::Readable && known.found == refusal.found
        };
        match told.iter_mut().find(same) {
            Some(known) if known.image == refusal.image => {}
            Some(known) => known.image = None,
            None => told.push(refusal),
        }
    }
    *refusals = told;
}

fn not_staged(image: &ImageFacts) -> Refusal {
    Refusal {
        guard: Guard::Staged,
        image: Some(image.repository.clone()),
        expected: format!("the tag {}", image.source),
        found: "no such tag".to_owned(),
        hint: "check the sha with `release-status`, or publish it for this image with publish-staging"
            .to_owned(),
    }
}

fn check_whole(
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
    warnings.extend(
        tolerable
            .iter()
            .map(|missing| format!("{}:{} is not whole: {missing}", image.repository, image.source)),
    );
    if fatal.is_empty() {
        return;
    }
    let found: Vec<String> = fatal.iter().map(ToString::to_string).collect();
    refusals.push(Refusal {
        guard: Guard::Whole,
        image: Some(image.repository.clone()),
        expected: format!("everything that {} ({}) names", image.source, wanted.manifest.digest.short()),
        found: found.join("; "),
        hint: "machines could not pull it: publish the sha again, or choose another; a clean-up of untagged versions may have deleted it".to_owned(),
    });
}

fn check_platforms(image: &ImageFacts, wanted: &Staged, current: Option<&Live>, refusals: &mut Vec<Refusal>) {
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

fn check_expected(
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

#[cfg(test)]
pub(crate) mod tests {
    use super::{Decision, Expected, ImageFacts, Live, Rules, Unread, decide};
    use crate::base::list::NonEmpty;
    use crate::model::digest::Digest;
    use crate::model::manifest::{Body, Manifest, MediaType, Platform};
    use crate::model::refusal::{Guard, Refusal};
    use crate::model::release::{Missing, Staged};

    pub(crate) fn manifest(seed: &str) -> Manifest {
        let bytes = bytes::Bytes::from(seed.to_owned());
        Manifest {
            digest: Digest::of(&bytes),
            media_type: MediaType::OciIndex,
            bytes,
            body: Body::Index(Vec::new()),
        }
    }

    fn platform(architecture: &str) -> Platform {
        Platform { os: "linux".to_owned(), architecture: architecture.to_owned(), variant: None }
    }

    fn facts(name: &str, wanted: &str, current: Option<&str>) -> ImageFacts {
        let repository: crate::model::repository::Repository =
            format!("ghcr.io/acme/{name}").parse().unwrap();
        let platforms = vec![platform("amd64"), platform("arm64")];
        let staged = Staged {
            repository: repository.clone(),
            manifest: manifest(wanted),
            platforms: platforms.clone(),
            missing: Vec::new(),
        };
        let live = current.map(|seed| Live { manifest: manifest(seed), platforms });
        ImageFacts {
            repository,
            source: "staging-4c1d56e".parse().unwrap(),
            wanted: Ok(Some(staged)),
            current: Ok(live),
        }
    }

    fn asked(facts: &[ImageFacts], rules: &Rules) -> Result<Decision, NonEmpty<Refusal>> {
        decide(Some(&"4c1d56e".parse().unwrap()), &"latest".parse().unwrap(), facts, rules, Vec::new())
    }

    fn promotion() -> Rules {
        Rules::Promotion { expect: Vec::new() }
    }

    fn guards(result: Result<Decision, NonEmpty<Refusal>>) -> Vec<Guard> {
        result
            .err()
            .map(|refusals| refusals.iter().map(|refusal| refusal.guard).collect())
            .unwrap_or_default()
    }

    #[test]
    fn moves_what_is_elsewhere_and_leaves_what_is_there() {
        let decision = asked(
            &[facts("a", "new", Some("old")), facts("b", "new", Some("new")), facts("c", "new", None)],
            &promotion(),
        )
        .unwrap();
        let moved: Vec<&str> = decision.plan.moves.iter().map(|m| m.repository.name()).collect();
        assert_eq!((moved, decision.plan.already.len()), (vec!["acme/a", "acme/c"], 1));
    }

    #[test]
    fn lists_every_reason_of_every_image() {
        let mut unread = facts("a", "new", None);
        unread.current = Err(Unread { message: "timeout".to_owned(), hint: String::new() });
        let mut missing = facts("b", "new", None);
        missing.wanted = Ok(None);
        let mut poorer = facts("c", "new", Some("old"));
        if let Ok(Some(staged)) = &mut poorer.wanted {
            staged.platforms.pop();
            staged
                .missing
                .push(Missing::Child { digest: Digest::of(b"x"), platform: Some(platform("arm64")) });
        }
        let expect = Rules::Promotion { expect: vec![Expected::Absent] };
        assert_eq!(
            guards(asked(&[unread, missing, poorer], &expect)),
            [Guard::Readable, Guard::Staged, Guard::Whole, Guard::Platforms, Guard::ExpectCurrent]
        );
    }

    #[test]
    fn a_rollback_is_stopped_by_a_missing_manifest_only() {
        let with = |missing: Missing| {
            let mut image = facts("a", "old", Some("new"));
            if let Ok(Some(staged)) = &mut image.wanted {
                staged.platforms.clear();
                staged.missing.push(missing);
            }
            [image]
        };
        let digest = || Digest::of(b"x");
        let unknown =
            Platform { os: "unknown".to_owned(), architecture: "unknown".to_owned(), variant: None };
        let blob = with(Missing::Blob { digest: digest(), of: digest() });
        let attestation = with(Missing::Child { digest: digest(), platform: Some(unknown) });
        let child = with(Missing::Child { digest: digest(), platform: Some(platform("amd64")) });
        assert_eq!(asked(&blob, &Rules::Rollback).unwrap().warnings.len(), 1);
        assert_eq!(asked(&attestation, &Rules::Rollback).unwrap().warnings.len(), 1);
        assert_eq!(guards(asked(&child, &Rules::Rollback)), [Guard::Whole]);
        assert_eq!(guards(asked(&attestation, &promotion())), [Guard::Whole, Guard::Platforms]);
    }

    #[test]
    fn what_is_expected_to_be_live_may_be_named_for_each_image() {
        let expect = |values: &[Option<&str>]| Rules::Promotion {
            expect: values
                .iter()
                .map(|v| v.map_or(Expected::Absent, |seed| Expected::Digest(manifest(seed).digest)))
                .collect(),
        };
        let images = [facts("a", "new", Some("old-a")), facts("b", "new", Some("old-b"))];
        assert!(asked(&images, &expect(&[Some("old-a"), Some("old-b")])).is_ok());
        assert_eq!(guards(asked(&images, &expect(&[Some("old-a")]))), [Guard::ExpectCurrent]);
        assert!(asked(&[facts("a", "new", None)], &expect(&[None])).is_ok());
    }
}
