//! A name in a repository: one that can move, or one that cannot.

use std::fmt;
use std::str::FromStr;

use super::digest::Digest;
use super::repository::Repository;
use super::tag::Tag;

/// What a manifest is asked for by. Whatever moves a tag takes its source as [`Reference::Pinned`] content.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    /// `repository:tag`, which may name something else a moment later.
    Tagged(Repository, Tag),
    /// `repository@sha256:...`, for ever the same bytes.
    Pinned(Repository, Digest),
}

impl Reference {
    /// The part before the tag or the digest.
    pub fn repository(&self) -> &Repository {
        match self {
            Self::Tagged(repository, _) | Self::Pinned(repository, _) => repository,
        }
    }

    /// The last part of the manifest's path: tag or digest.
    pub fn name(&self) -> String {
        match self {
            Self::Tagged(_, tag) => tag.to_string(),
            Self::Pinned(_, digest) => digest.to_string(),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tagged(repository, tag) => write!(f, "{repository}:{tag}"),
            Self::Pinned(repository, digest) => write!(f, "{repository}@{digest}"),
        }
    }
}

impl FromStr for Reference {
    type Err = String;

    /// Reads `repository:tag` or `repository@digest`. Both at once are refused: tools disagree on which one is
    /// meant (google/go-containerregistry#540). Neither is refused too: `latest` is never implied.
    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((repository, digest)) = text.split_once('@') {
            let repository = repository
                .parse::<Repository>()
                .map_err(|e| format!("{e}; a reference has a tag or a digest, not both"))?;
            return Ok(Self::Pinned(repository, digest.parse().map_err(|e| format!("{e}"))?));
        }
        match text.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => Ok(Self::Tagged(
                repository.parse().map_err(|e| format!("{e}"))?,
                tag.parse().map_err(|e| format!("{e}"))?,
            )),
            _ => Err(format!(
                "`{}` names no image: add `:tag` or `@sha256:...`",
                crate::base::text::escape(&crate::base::text::without_login(text), 300)
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Reference;

    #[test]
    fn reads_a_tag_or_a_digest_and_nothing_between() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for good in ["localhost:5000/a:b".to_owned(), format!("ghcr.io/a/b@{digest}")] {
            assert_eq!(good.parse::<Reference>().unwrap().to_string(), good);
        }
        for bad in [
            "ghcr.io/a/b".to_owned(),
            "localhost:5000/a".to_owned(),
            format!("ghcr.io/a/b:t@{digest}"),
            "ghcr.io/a/b@sha256:12".to_owned(),
        ] {
            assert!(bad.parse::<Reference>().is_err(), "{bad}");
        }
    }
}
