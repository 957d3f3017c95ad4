//! Where "previous" is, told from tags alone.

use crate::base::list::NonEmpty;
use crate::model::commit::CommitSha;
use crate::model::digest::Digest;
use crate::model::refusal::{Guard, Refusal};
use crate::model::repository::Repository;
use crate::model::tag::Tag;

/// What is known of one image's way back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WayBack {
    /// The image that this is about.
    pub repository: Repository,
    pub tag: Tag,
    pub previous: Option<Digest>,
    /// The staged shas whose tags name that digest; sorted.
    pub shas: Vec<CommitSha>,
}

/// The sha that all images can go back to; `None` when the previous content has no staging tag any more, and its
/// digests alone have to do.
///
/// # Errors
/// An image has no `latest-previous`, or the images' previous releases are known to differ.
pub fn previous(images: &[WayBack]) -> Result<Option<CommitSha>, NonEmpty<Refusal>> {
    let lacking: Vec<Refusal> = images
        .iter()
        .filter(|image| image.previous.is_none())
        .map(|image| Refusal {
            guard: Guard::Previous,
            image: Some(image.repository.clone()),
            expected: format!("the tag {}, which each promotion leaves behind", image.tag),
            found: "no such tag".to_owned(),
            hint: "name the release to go back to: `rollback-latest --list` shows them".to_owned(),
        })
        .collect();
    if let Some(refusals) = NonEmpty::from_vec(lacking) {
        return Err(refusals);
    }
    let named: Vec<&WayBack> = images.iter().filter(|image| !image.shas.is_empty()).collect();
    let Some(first) = named.first() else { return Ok(None) };
    let shared = first.shas.iter().find(|sha| named.iter().all(|image| image.shas.contains(sha)));
    match shared {
        Some(sha) if named.len() == images.len() => Ok(Some(sha.clone())),
        Some(_) => Ok(None),
        None => {
            let found: Vec<String> = named
                .iter()
                .map(|image| {
                    format!(
                        "{} of {}",
                        image.shas.iter().map(CommitSha::short).collect::<Vec<_>>().join("/"),
                        image.repository
                    )
                })
                .collect();
            Err(NonEmpty::one(Refusal {
                guard: Guard::Previous,
                image: None,
                expected: "one previous release for all images".to_owned(),
                found: found.join(", "),
                hint: "name the release to go back to: `rollback-latest --list` shows them".to_owned(),
            }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{WayBack, previous};
    use crate::model::digest::Digest;

    fn way(name: &str, previous: Option<&str>, shas: &[&str]) -> WayBack {
        WayBack {
            repository: format!("ghcr.io/a/{name}").parse().unwrap(),
            tag: "latest-previous".parse().unwrap(),
            previous: previous.map(|seed| Digest::of(seed.as_bytes())),
            shas: shas.iter().map(|sha| sha.parse().unwrap()).collect(),
        }
    }

    #[test]
    fn all_images_have_to_go_back_to_one_release() {
        let sha = |text: &str| Some(text.parse().unwrap());
        assert_eq!(
            previous(&[way("x", Some("1"), &["1111111"]), way("y", Some("2"), &["1111111", "2222222"])]),
            Ok(sha("1111111"))
        );
        assert_eq!(previous(&[way("x", Some("1"), &[]), way("y", Some("2"), &["1111111"])]), Ok(None));
        assert_eq!(previous(&[way("x", Some("1"), &[])]), Ok(None));
        assert!(previous(&[way("x", Some("1"), &["1111111"]), way("y", None, &[])]).is_err());
        assert!(previous(&[way("x", Some("1"), &["1111111"]), way("y", Some("2"), &["2222222"])]).is_err());
    }
}
