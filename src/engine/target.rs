//! What is to move: the images and the tag.

use crate::model::image::Images;
use crate::model::repository::Repository;
use crate::model::tag::{StagingPattern, Tag};

/// The images of a release and the tag that moves on all of them.
#[derive(Clone, Debug)]
pub struct Target {
    /// The images, in order; the last one moves last.
    pub images: Images,
    /// How a staging tag is written.
    pub staging: StagingPattern,
    /// The tag.
    pub tag: Tag,
    /// The repository that keeps the records; `None`: none are kept.
    pub home: Option<Repository>,
    /// Whether nothing is to be written.
    pub dry_run: bool,
    /// The options with which another command means the same images, tag and registries, quoted for a shell.
    pub options: String,
}
