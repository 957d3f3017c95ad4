//! Whether a staging tag may be written.

use crate::model::digest::Digest;
use crate::model::refusal::{Guard, Refusal};
use crate::model::repository::Repository;
use crate::model::tag::Tag;

/// What is to happen to one staging tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Staging {
    Already,
    /// It is to be written.
    Write,
}

/// Decides about `tag`, which names `found` and is to name `wanted`.
///
/// # Errors
/// It names something else, and nobody said that this is meant: what was tested under this name would no longer be
/// what is promoted under it.
pub fn decide(
    repository: &Repository,
    tag: &Tag,
    wanted: &Digest,
    found: Option<&Digest>,
    force: bool,
) -> Result<Staging, Refusal> {
    match found {
        Some(found) if found == wanted => Ok(Staging::Already),
        Some(found) if !force => Err(Refusal {
            guard: Guard::Restage,
            image: Some(repository.clone()),
            expected: format!("{tag} to be absent or {wanted}"),
            found: found.to_string(),
            hint: "another build was staged under this sha: publish under the sha it was built from, or use --force-restage".to_owned(),
        }),
        _ => Ok(Staging::Write),
    }
}

#[cfg(test)]
mod tests {
    use super::{Staging, decide};
    use crate::model::digest::Digest;

    #[test]
    fn another_digest_under_the_same_sha_is_refused_unless_it_is_meant() {
        let (a, b) = (Digest::of(b"a"), Digest::of(b"b"));
        for (found, force, result) in [
            (None, false, Some(Staging::Write)),
            (Some(&a), false, Some(Staging::Already)),
            (Some(&b), false, None),
            (Some(&b), true, Some(Staging::Write)),
        ] {
            assert_eq!(
                decide(
                    &"ghcr.io/a/b".parse().unwrap(),
                    &"staging-4c1d56e".parse().unwrap(),
                    &a,
                    found,
                    force
                )
                .ok(),
                result
            );
        }
    }
}
