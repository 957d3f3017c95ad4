//! Whether the images that are named are those of the release: its record decides, not the caller's list.

use crate::model::commit::CommitSha;
use crate::model::record::ReleaseRecord;
use crate::model::refusal::{Guard, Refusal};
use crate::model::repository::Repository;

/// A promotion moves all images of a release and no other. `command`: what moves exactly those of the record.
pub fn check_promotion(named: &[Repository], record: &ReleaseRecord, command: &str) -> Vec<Refusal> {
    let sha = &record.release.sha;
    let mut refusals = Vec::new();
    if !record.missing.is_empty() {
        refusals.push(Refusal {
            guard: Guard::Set,
            image: None,
            expected: format!("every image of {sha} to be published"),
            found: format!("nothing published for {}", listed(&record.missing)),
            hint: "publish what is missing with publish-staging; coalmine.toml says which images belong together".to_owned(),
        });
    }
    let recorded: Vec<Repository> =
        record.release.images.iter().map(|image| image.repository.clone()).collect();
    let lacking = without(&recorded, named);
    let unknown = without(named, &[recorded.as_slice(), record.missing.as_slice()].concat());
    if !lacking.is_empty() || !unknown.is_empty() {
        let mut found = format!("only {}", listed(named));
        if lacking.is_empty() {
            found = format!("also {}", listed(&unknown));
        }
        refusals.push(Refusal {
            guard: Guard::Set,
            image: None,
            expected: format!("the images of {sha} together: {}", listed(&recorded)),
            found,
            hint: format!("run `{command}`"),
        });
    }
    refusals
}

/// The refusal of a rollback that would leave `lacking` images of the release where they are.
pub fn part(sha: &CommitSha, record: &ReleaseRecord, lacking: &[Repository], command: &str) -> Refusal {
    let recorded: Vec<Repository> =
        record.release.images.iter().map(|image| image.repository.clone()).collect();
    Refusal {
        guard: Guard::Set,
        image: None,
        expected: format!("the images of {sha} together: {}", listed(&recorded)),
        found: format!("a list without {}, which would stay where it is", listed(lacking)),
        hint: format!("run `{command}`, or add --partial REASON to move only what you named"),
    }
}

/// What of `all` is not in `some`.
pub fn without(all: &[Repository], some: &[Repository]) -> Vec<Repository> {
    all.iter().filter(|one| !some.contains(one)).cloned().collect()
}

pub fn listed(repositories: &[Repository]) -> String {
    repositories.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::check_promotion;
    use crate::model::digest::Digest;
    use crate::model::manifest::MediaType;
    use crate::model::record::ReleaseRecord;
    use crate::model::release::{ImageRecord, Release};
    use crate::model::repository::Repository;

    fn names(names: &[&str]) -> Vec<Repository> {
        names.iter().map(|name| format!("ghcr.io/a/{name}").parse().unwrap()).collect()
    }

    fn record(images: &[&str], missing: &[&str]) -> ReleaseRecord {
        let image = |repository: Repository| ImageRecord {
            digest: Digest::of(repository.name().as_bytes()),
            repository,
            media_type: MediaType::OciIndex,
            platforms: Vec::new(),
            pins: None,
        };
        let images = names(images).into_iter().map(image).collect();
        ReleaseRecord {
            format: 1,
            release: Release { sha: "4c1d56e".parse().unwrap(), images },
            home: None,
            missing: names(missing),
            commit_time: None,
            published: "2026-11-21T12:00:00Z".parse().unwrap(),
            run: None,
        }
    }

    #[test]
    fn only_the_whole_set_in_any_order_is_promoted() {
        for (named, images, missing, refusals) in [
            (&["x", "y"][..], &["x", "y"][..], &[][..], 0),
            (&["y", "x"], &["x", "y"], &[], 0),
            (&["x"], &["x", "y"], &[], 1),
            (&["x", "y", "z"], &["x", "y"], &[], 1),
            (&["x", "z"], &["x", "y"], &[], 1),
            (&["x", "y"], &["x"], &["y"], 1),
            (&["x"], &["x"], &["y"], 1),
        ] {
            let found = check_promotion(&names(named), &record(images, missing), "promote-latest");
            assert_eq!(found.len(), refusals, "{named:?} {images:?} {missing:?}: {found:?}");
        }
    }
}
