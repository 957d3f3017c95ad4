//! What is to move: the images and the tag.

use crate::model::image::Images;
use crate::model::repository::Repository;
use crate::model::tag::{StagingPattern, Tag};

/// The images of a release and the tag that moves on all of them.
#[derive(Clone, Debug)]
pub struct Target {
    /// The images, in order; the last one moves last.
    pub images: Images,
    pub staging: StagingPattern,
    pub tag: Tag,
    /// The repository that keeps the records; `None`: none are kept.
    pub home: Option<Repository>,
    /// Whether nothing is to be written.
    pub dry_run: bool,
    /// The options with which another command means the same configuration, tag and registries, quoted for a shell.
    pub options: String,
    /// What a printed command of the same program repeats of this one, quoted for a shell: its reason, its evidence.
    pub repeated: String,
}

impl Target {
    /// Where records may be: the repository that keeps them, then every image's, where copies of release records are.
    /// Whoever lists the images in another order finds them all the same. None where none are kept.
    pub fn places(&self) -> Vec<Repository> {
        let Some(home) = &self.home else { return Vec::new() };
        let others = self.images.iter().filter(|image| *image != home);
        std::iter::once(home).chain(others).cloned().collect()
    }

    /// Whether coalmine writes this tag for its own purposes.
    pub fn owns(&self, tag: &Tag) -> bool {
        let own = [self.tag.clone(), self.tag.previous(), self.tag.rejected(), self.tag.hold()];
        let prefixes = ["release-", "evidence-", "sha256-"];
        own.contains(tag)
            || self.staging.sha_of(tag.as_str()).is_some()
            || prefixes.iter().any(|prefix| tag.as_str().starts_with(prefix))
    }

    /// A command line: `words`, then `images`, then the options that mean the same configuration and registries.
    pub fn command<'a>(&self, words: &str, images: impl IntoIterator<Item = &'a Repository>) -> String {
        let mut command = words.trim_end().to_owned();
        for image in images {
            command.push_str(&format!(" --image {image}"));
        }
        format!("{command} {}", self.options).trim_end().to_owned()
    }
}
