//! From what the registry holds to the plan of a promotion or rollback, or to every reason against it.

use crate::base::list::NonEmpty;
use crate::model::commit::CommitSha;
use crate::model::facts::ImageFacts;
use crate::model::moves::{Move, Plan};
use crate::model::refusal::{Guard, Refusal};
use crate::model::tag::Tag;
use crate::policy::gates::images::{self, Rules};

/// A plan, and what a person should know about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What is to be written, image by image.
    pub plan: Plan,
    /// What is not as it should be and did not refuse.
    pub warnings: Vec<String>,
}

/// Decides. Every guard is asked about every image, and every "no" is listed. `set`: what is wrong with the list of
/// images; `recorded`: what the records say against it, which counts when there is something to move.
pub fn decide(
    sha: Option<&CommitSha>,
    tag: &Tag,
    facts: &[ImageFacts],
    rules: &Rules,
    set: Vec<Refusal>,
    recorded: Vec<Refusal>,
) -> Result<Decision, NonEmpty<Refusal>> {
    let mut refusals = set;
    let mut warnings = Vec::new();
    let mut plan = Plan { sha: sha.cloned(), tag: tag.clone(), moves: Vec::new(), already: Vec::new() };
    for image in facts {
        let (wanted, current) = match images::known(image, &mut refusals) {
            Some((Some(wanted), current)) => (wanted, current),
            Some((None, _)) => {
                refusals.push(images::not_staged(image));
                continue;
            }
            None => continue,
        };
        images::check_whole(image, wanted, rules, &mut refusals, &mut warnings);
        if let Rules::Promotion { expect } = rules {
            images::check_platforms(image, wanted, current, &mut refusals);
            images::check_expected(image, tag, current, expect, &mut refusals);
        }
        let from = current.map(|live| live.manifest.clone());
        if from.as_ref().is_some_and(|from| from.digest == wanted.manifest.digest) {
            plan.already.push((image.repository.clone(), wanted.manifest.clone()));
        } else {
            plan.moves.push(Move { repository: image.repository.clone(), from, to: wanted.manifest.clone() });
        }
    }
    // Nothing to move: it is so already, and no record says otherwise.
    if !refusals.is_empty() || !plan.moves.is_empty() {
        refusals.extend(recorded);
    }
    tell_once(&mut refusals);
    match NonEmpty::from_vec(refusals) {
        Some(refusals) => Err(refusals),
        None => Ok(Decision { plan, warnings }),
    }
}

/// What kept several images from being read, as a host that has no address does, is said once and not of an image. Holds
/// and rejections that could not be read for the same reason are not said again.
fn tell_once(refusals: &mut Vec<Refusal>) {
    let mut told: Vec<Refusal> = Vec::new();
    for refusal in refusals.drain(..) {
        let same = |known: &&mut Refusal| known.guard == Guard::Readable && known.found == refusal.found;
        match told.iter_mut().find(same) {
            Some(known) if known.image == refusal.image => {}
            Some(known) => {
                known.image = None;
                known.expected = "to read every image".to_owned();
            }
            None => told.push(refusal),
        }
    }
    *refusals = told;
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{Decision, decide};
    use crate::base::complaint::Complaint;
    use crate::base::list::NonEmpty;
    use crate::model::digest::Digest;
    use crate::model::facts::{ImageFacts, Live};
    use crate::model::manifest::{Body, Manifest, MediaType, Platform};
    use crate::model::reference::Reference;
    use crate::model::refusal::{Guard, Refusal};
    use crate::model::release::{Missing, Staged};
    use crate::policy::gates::images::{Expected, Rules};

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

    pub(crate) fn facts(name: &str, wanted: &str, current: Option<&str>) -> ImageFacts {
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
            source: Reference::Tagged(repository.clone(), "staging-4c1d56e".parse().unwrap()),
            repository,
            hold: Ok(None),
            rejected: Ok(None),
            wanted: Ok(Some(staged)),
            current: Ok(live),
        }
    }

    fn asked(facts: &[ImageFacts], rules: &Rules) -> Result<Decision, NonEmpty<Refusal>> {
        decide(
            Some(&"4c1d56e".parse().unwrap()),
            &"latest".parse().unwrap(),
            facts,
            rules,
            Vec::new(),
            Vec::new(),
        )
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
        unread.current = Err(Complaint::new("timeout", ""));
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
