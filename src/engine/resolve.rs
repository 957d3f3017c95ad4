//! From what a person typed to the staged release, read.

use futures_util::future::try_join_all;

use super::failure::EngineError;
use super::inspect::{LivePlatforms, facts};
use super::target::Target;
use crate::io::registry::client::Client;
use crate::io::registry::error::RegistryError;
use crate::ledger::staged;
use crate::model::commit::CommitSha;
use crate::model::facts::ImageFacts;
use crate::model::reference::Reference;
use crate::policy::resolution;

/// Reads the staged release that `typed` means, and where the tags stand.
pub async fn read_staged(
    client: &Client<'_>,
    target: &Target,
    typed: &CommitSha,
    live: LivePlatforms,
) -> Result<(CommitSha, Vec<ImageFacts>), EngineError> {
    let console = &client.context().console;
    console.say(&format!("reading {} of {}", target.staging.tag(typed), target.images.counted()));
    let first = facts(client, &target.tag, &sources(target, typed), live).await;
    // The exact tag outranks every longer sha that begins the same.
    if first.iter().any(|image| !matches!(image.wanted, Ok(None))) {
        return Ok((typed.clone(), first));
    }
    let sha = resolve(client, target, typed).await?;
    if sha == *typed {
        return Ok((sha, first));
    }
    console.say(&format!("{typed} is {sha}"));
    let again = facts(client, &target.tag, &sources(target, &sha), live).await;
    Ok((sha, again))
}

fn sources(target: &Target, sha: &CommitSha) -> Vec<Reference> {
    target.images.iter().map(|image| Reference::Tagged(image.clone(), target.staging.tag(sha))).collect()
}

/// The published sha that a person means. Costs nothing when the exact tag is there, which `facts` sees; this is
/// for when it is not: the lists of all images are read.
///
/// # Errors
/// A list could not be read, or no published sha or more than one is meant.
pub async fn resolve(
    client: &Client<'_>,
    target: &Target,
    typed: &CommitSha,
) -> Result<CommitSha, EngineError> {
    let lists = target.images.iter().map(|repository| async move {
        Ok::<_, RegistryError>((repository.clone(), staged::shas(client, &target.staging, repository).await?))
    });
    let lists = try_join_all(lists).await?;
    resolution::resolve(typed, &lists).map_err(|refusals| EngineError::refused(None, refusals))
}
