//! `release-status diff`: what would change in production, image by image.

use std::str::FromStr;

use futures_util::future::try_join_all;

use crate::engine::candidates::{Shown, candidates};
use crate::engine::changes::{Pair, compare};
use crate::engine::resolve::{read_ledger, resolve};
use crate::engine::target::Target;
use crate::io::registry::client::Client;
use crate::model::commit::CommitSha;
use crate::model::difference::ImageChange;
use crate::model::manifest::Manifest;
use crate::model::reference::Reference;
use crate::tool::failure::Failure;

/// One of the two that are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Side {
    /// What the tag names now.
    Live,
    /// The newest staged release.
    Candidate,
    /// The release of this commit.
    Sha(CommitSha),
}

impl FromStr for Side {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "live" => Ok(Self::Live),
            "candidate" => Ok(Self::Candidate),
            sha => sha.parse().map(Self::Sha).map_err(|e| format!("{e}; or write `live` or `candidate`")),
        }
    }
}

/// What is different.
#[derive(Clone, Debug)]
pub struct Difference {
    /// What the first side is called.
    pub from: String,
    /// What the second side is called.
    pub to: String,
    /// Every image, in order.
    pub images: Vec<ImageChange>,
}

/// Compares two releases.
///
/// # Errors
/// One of them is not there, or the registry cannot be read.
pub(super) async fn diff(
    client: &Client<'_>,
    target: &Target,
    from: &Side,
    to: &Side,
) -> Result<Difference, Failure> {
    let ((from, old), (to, new)) = (side(client, target, from).await?, side(client, target, to).await?);
    let repositories = target.images.iter().cloned();
    let pairs: Vec<Pair> =
        repositories.zip(old).zip(new).map(|((image, old), new)| (image, old, new)).collect();
    Ok(Difference { from, to, images: compare(client, &pairs).await })
}

/// What a side is called, and its images.
async fn side(
    client: &Client<'_>,
    target: &Target,
    side: &Side,
) -> Result<(String, Vec<Option<Manifest>>), Failure> {
    let (name, tag) = match side {
        Side::Live => (target.tag.to_string(), target.tag.clone()),
        Side::Candidate => {
            let newest =
                candidates(client, target, Shown::All).await?.rows.into_iter().next().ok_or_else(|| {
                    Failure::usage("no release is staged", "publish one, or name two releases: `diff A B`")
                })?;
            (newest.sha.to_string(), target.staging.tag(&newest.sha))
        }
        Side::Sha(typed) => {
            let exact = Reference::Tagged(target.images.first().clone(), target.staging.tag(typed));
            let sha = match client.digest(&exact).await? {
                Some(_) => typed.clone(),
                None => resolve(client, target, typed, &read_ledger(client, target).await).await?,
            };
            (sha.to_string(), target.staging.tag(&sha))
        }
    };
    let reads = target.images.iter().map(|image| Reference::Tagged(image.clone(), tag.clone()));
    let reads: Vec<Reference> = reads.collect();
    Ok((name, try_join_all(reads.iter().map(|reference| client.manifest(reference))).await?))
}
