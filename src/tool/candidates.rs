//! The staged releases, newest first, whole or broken.

use futures_util::future::{join_all, try_join_all};
use jiff::Timestamp;

use super::reading::{inspect, staged_shas};
use super::settings::Settings;
use crate::io::registry::client::Client;
use crate::io::registry::decode;
use crate::io::registry::error::RegistryError;
use crate::model::commit::CommitSha;
use crate::model::digest::Digest;
use crate::model::manifest::Body;
use crate::model::reference::Reference;
use crate::model::release::Staged;
use crate::model::repository::Repository;

/// Most releases that are shown, and looked into down to the last blob.
pub const SHOWN: usize = 10;

/// One staged release.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Its sha.
    pub sha: CommitSha,
    /// When its first image says it was built.
    pub built: Option<Timestamp>,
    /// Every image, in order.
    pub images: Vec<(Repository, ImageState)>,
}

/// What a registry holds of one image of a release.
#[derive(Clone, Debug)]
pub enum ImageState {
    /// Everything.
    Whole(Digest),
    /// Something is missing: what.
    Broken(Digest, Vec<String>),
    /// The sha is not staged for this image.
    Absent,
    /// It could not be read: why.
    Unread(String),
}

impl Candidate {
    /// Whether every image is there, with everything it names.
    pub fn is_whole(&self) -> bool {
        self.images.iter().all(|(_, state)| matches!(state, ImageState::Whole(_)))
    }

    /// The digest of `repository` in this release.
    pub fn digest(&self, repository: &Repository) -> Option<&Digest> {
        self.images.iter().find(|(name, _)| name == repository).and_then(|(_, state)| match state {
            ImageState::Whole(digest) | ImageState::Broken(digest, _) => Some(digest),
            ImageState::Absent | ImageState::Unread(_) => None,
        })
    }
}

/// The newest staged releases, by the build time in their first image's configuration; those without one last.
///
/// # Errors
/// The lists of tags could not be read.
pub async fn candidates(client: &Client<'_>, settings: &Settings) -> Result<Vec<Candidate>, RegistryError> {
    let lists =
        try_join_all(settings.images.iter().map(|image| staged_shas(client, &settings.staging, image)))
            .await?;
    let mut shas: Vec<CommitSha> = lists.into_iter().flatten().collect();
    shas.sort();
    shas.dedup();
    let mut dated =
        join_all(shas.into_iter().map(|sha| async { (built(client, settings, &sha).await, sha) })).await;
    dated.sort_by(|a, b| b.cmp(a));
    dated.truncate(SHOWN);
    Ok(join_all(dated.into_iter().map(|(built, sha)| look(client, settings, sha, built))).await)
}

async fn look(
    client: &Client<'_>,
    settings: &Settings,
    sha: CommitSha,
    built: Option<Timestamp>,
) -> Candidate {
    let images = join_all(settings.images.iter().map(|image| async {
        let reference = Reference::Tagged(image.clone(), settings.staging.tag(&sha));
        (image.clone(), state(inspect(client, reference).await))
    }))
    .await;
    Candidate { sha, built, images }
}

fn state(staged: Result<Option<Staged>, RegistryError>) -> ImageState {
    match staged {
        Ok(Some(staged)) if staged.missing.is_empty() => ImageState::Whole(staged.manifest.digest),
        Ok(Some(staged)) => ImageState::Broken(
            staged.manifest.digest,
            staged.missing.iter().map(ToString::to_string).collect(),
        ),
        Ok(None) => ImageState::Absent,
        Err(error) => ImageState::Unread(error.to_string()),
    }
}

/// When the first image that has this sha says it was built. What cannot be read has no time; it is shown all the
/// same.
async fn built(client: &Client<'_>, settings: &Settings, sha: &CommitSha) -> Option<Timestamp> {
    for image in settings.images.iter() {
        let reference = Reference::Tagged(image.clone(), settings.staging.tag(sha));
        let Ok(Some(mut manifest)) = client.manifest(&reference).await else { continue };
        if let Some(child) = manifest.children().iter().find(|child| !child.is_attestation()) {
            let child = Reference::Pinned(image.clone(), child.digest.clone());
            let Ok(Some(found)) = client.manifest(&child).await else { continue };
            manifest = found;
        }
        let Body::Image { config, .. } = &manifest.body else { continue };
        if let Ok(Some(config)) = client.config(image, config).await {
            return decode::created_of(&config);
        }
    }
    None
}
