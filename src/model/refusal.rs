//! A guard's "no", with all that a person needs to act on it.

use std::fmt;

use serde::Serialize;

use super::repository::Repository;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Guard {
    Staged,
    /// The typed prefix means more than one published sha.
    Ambiguous,
    /// The manifest names something that the registry does not have.
    Whole,
    /// A platform that is live now is not in the new image.
    Platforms,
    /// `--expect-current` does not hold.
    ExpectCurrent,
    /// A version that is to be given names other content already.
    AlsoTag,
    /// The staging tag names another digest than what is to be staged.
    Restage,
    /// There is no earlier release to go back to.
    Previous,
    /// The images that are named are not those of the release.
    Set,
    /// The release record is missing, or names other digests than the staging tags.
    Record,
    /// The evidence is missing, not green, too old, or about something else.
    Evidence,
    Hold,
    /// A rollback moved away from this release.
    Rejected,
    /// The release is older than the live one.
    Forward,
    /// The history is not what was written.
    History,
    /// The registry could not be read, so nothing is known.
    Readable,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    pub guard: Guard,
    /// The image it is about; `None`: the release as a whole.
    pub image: Option<Repository>,
    pub expected: String,
    /// What the guard found instead, with its own words.
    pub found: String,
    pub hint: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(image) = &self.image {
            write!(f, "{image}: ")?;
        }
        write!(f, "expected {}, found {}", self.expected, self.found)
    }
}
