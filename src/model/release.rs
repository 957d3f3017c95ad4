//! A release: one build of every image.

use serde::{Deserialize, Serialize};

use super::bundle::Pins;
use super::commit::CommitSha;
use super::digest::Digest;
use super::manifest::{Body, Manifest, MediaType, Platform};
use super::repository::Repository;

/// One image of a release as the registry holds it, read completely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staged {
    /// The repository that the image is published to.
    pub repository: Repository,
    pub manifest: Manifest,
    /// What the image runs on, attestations left out; sorted, unique. Empty if the configuration could not be read.
    pub platforms: Vec<Platform>,
    /// What the manifest names and the registry does not have.
    pub missing: Vec<Missing>,
}

/// Something that a manifest names and the registry does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// A child manifest of an index: pulls for this platform fail.
    Child {
        /// The digest that the index names.
        digest: Digest,
        platform: Option<Platform>,
    },
    Blob {
        /// The digest that the manifest names.
        digest: Digest,
        of: Digest,
    },
}

impl Missing {
    /// Whether what is missing is an attestation: nothing that a machine pulls to run.
    pub fn is_attestation(&self) -> bool {
        matches!(self, Self::Child { platform: Some(platform), .. } if platform.is_unknown())
    }

    pub fn is_manifest(&self) -> bool {
        matches!(self, Self::Child { .. })
    }
}

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Child { digest, platform: Some(platform) } => {
                write!(f, "no manifest {digest} for {platform}")
            }
            Self::Child { digest, platform: None } => write!(f, "no manifest {digest}"),
            Self::Blob { digest, of } => write!(f, "no blob {digest} of manifest {}", of.short()),
        }
    }
}

/// One image of a release by name, as records and results write it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageRecord {
    pub repository: Repository,
    /// The digest that the staging tag names.
    pub digest: Digest,
    /// The media type of the manifest with this digest.
    pub media_type: MediaType,
    /// What it runs on; sorted.
    pub platforms: Vec<Platform>,
    /// What a bundle says of itself; absent for everything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pins: Option<Pins>,
}

/// One build of every image, in the order of the images.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    pub sha: CommitSha,
    /// The images in the order of the configuration.
    pub images: Vec<ImageRecord>,
}

impl Release {
    /// Whether both name the same images and contents, in whatever order.
    pub fn is_same(&self, other: &Self) -> bool {
        let has = |image: &ImageRecord| {
            other.images.iter().any(|o| o.repository == image.repository && o.digest == image.digest)
        };
        self.sha == other.sha && self.images.len() == other.images.len() && self.images.iter().all(has)
    }
}

impl From<&Staged> for ImageRecord {
    fn from(staged: &Staged) -> Self {
        Self {
            repository: staged.repository.clone(),
            digest: staged.manifest.digest.clone(),
            media_type: staged.manifest.media_type,
            platforms: staged.platforms.clone(),
            pins: Pins::of_manifest(&staged.manifest.bytes),
        }
    }
}

/// The platforms that an index lists, attestations left out; sorted, unique. A single image does not know: its
/// configuration does.
pub fn listed_platforms(manifest: &Manifest) -> Vec<Platform> {
    let Body::Index(children) = &manifest.body else { return Vec::new() };
    let mut platforms: Vec<Platform> = children
        .iter()
        .filter(|child| !child.is_attestation())
        .filter_map(|child| child.platform.clone())
        .collect();
    platforms.sort();
    platforms.dedup();
    platforms
}
