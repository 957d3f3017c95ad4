//! The images that move together.

use super::repository::Repository;
use crate::base::list::NonEmpty;

/// The repositories of a release, in order, each once. The last one is moved last: it is the one that the
/// consumers watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images(NonEmpty<Repository>);

/// `1 image`, `2 images`.
pub fn counted(count: usize) -> String {
    if count == 1 { "1 image".to_owned() } else { format!("{count} images") }
}

/// Why a list of repositories is no set of images.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotImages {
    #[error("there are no images: name them in `[release] images`, with `--image` or in RELEASE_IMAGES")]
    Empty,
    #[error("`{0}` is listed twice")]
    Twice(Repository),
}

impl Images {
    /// Takes the repositories in the order in which they are to move.
    ///
    /// # Errors
    /// None are given, or one is given twice.
    pub fn new(repositories: Vec<Repository>) -> Result<Self, NotImages> {
        for (i, repository) in repositories.iter().enumerate() {
            if repositories[..i].contains(repository) {
                return Err(NotImages::Twice(repository.clone()));
            }
        }
        NonEmpty::from_vec(repositories).map(Self).ok_or(NotImages::Empty)
    }

    /// `1 image`, `2 images`.
    pub fn counted(&self) -> String {
        counted(self.len())
    }

    /// The repositories, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Repository> {
        self.0.iter()
    }

    /// The first one, which keeps the release records unless the configuration says otherwise.
    pub fn first(&self) -> &Repository {
        self.0.first()
    }

    /// How many; at least 1.
    #[expect(clippy::len_without_is_empty, reason = "it never is")]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}
