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

/// Staging tags whose digests are asked for to find a name that neither the history nor a record knows: each costs a
/// request.
pub const ASKED: usize = 12;

/// The shas whose staging tags name `digest`, sorted; `None` where there are more than `limit` staging tags.
///
/// # Errors
/// The registry could not be read.
pub async fn shas_of(
    client: &Client<'_>,
    staging: &StagingPattern,
    repository: &Repository,
    digest: &Digest,
    limit: usize,
) -> Result<Option<Vec<CommitSha>>, RegistryError> {
    let shas = shas(client, staging, repository).await?;
    if shas.len() > limit {
        return Ok(None);
    }
    let digests = shas.iter().map(|sha| async move {
        let reference = Reference::Tagged(repository.clone(), staging.tag(sha));
        client.digest(&reference).await
    });
    let digests = try_join_all(digests).await?;
    let named = shas.into_iter().zip(digests).filter(|(_, found)| found.as_ref() == Some(digest));
    Ok(Some(named.map(|(sha, _)| sha).collect()))
}
