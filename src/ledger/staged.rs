//! What the staging tags remember: which shas were published, and under which digests.

use futures_util::future::try_join_all;

use crate::io::registry::client::Client;
use crate::io::registry::error::RegistryError;
use crate::model::commit::CommitSha;
use crate::model::digest::Digest;
use crate::model::reference::Reference;
use crate::model::repository::Repository;
use crate::model::tag::StagingPattern;

/// The shas that are staged for `repository`; sorted.
pub async fn shas(
    client: &Client<'_>,
    staging: &StagingPattern,
    repository: &Repository,
) -> Result<Vec<CommitSha>, RegistryError> {
    let mut shas: Vec<CommitSha> =
        client.tags(repository).await?.iter().filter_map(|tag| staging.sha_of(tag)).collect();
    shas.sort();
    Ok(shas)
}

/// The shas whose staging tags name `digest`; sorted.
pub async fn shas_of(
    client: &Client<'_>,
    staging: &StagingPattern,
    repository: &Repository,
    digest: &Digest,
) -> Result<Vec<CommitSha>, RegistryError> {
    let shas = shas(client, staging, repository).await?;
    let digests = shas.iter().map(|sha| async move {
        let reference = Reference::Tagged(repository.clone(), staging.tag(sha));
        client.digest(&reference).await
    });
    let digests = try_join_all(digests).await?;
    Ok(shas
        .into_iter()
        .zip(digests)
        .filter(|(_, found)| found.as_ref() == Some(digest))
        .map(|(sha, _)| sha)
        .collect())
}
