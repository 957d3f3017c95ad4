//! From what a person typed to the release: its images as they are staged, its record, and the history, read at once.

use futures_util::future::{join, join_all, join3};

use super::failure::EngineError;
use super::inspect::{LivePlatforms, facts};
use super::target::Target;
use crate::io::registry::client::Client;
use crate::io::registry::error::RegistryError;
use crate::ledger::history::{self, StoredHistory};
use crate::ledger::releases::{self, StoredRecord};
use crate::ledger::staged;
use crate::model::commit::CommitSha;
use crate::model::facts::ImageFacts;
use crate::model::reference::Reference;
use crate::policy::resolution;

/// The history and the repository that keeps it, or why it cannot be read; `None` where no records are kept.
pub type Ledger = Option<Result<(crate::model::repository::Repository, StoredHistory), RegistryError>>;

/// A release as it was read.
pub struct ReadRelease {
    /// Its sha.
    pub sha: CommitSha,
    /// Its images under their staging tags, and where the tags stand.
    pub facts: Vec<ImageFacts>,
    /// Its record.
    pub record: Result<Option<StoredRecord>, RegistryError>,
    /// The history.
    pub ledger: Ledger,
}

/// Reads the release that `typed` means, and where the tags stand.
///
/// # Errors
/// The lists of tags could not be read, or the prefix is ambiguous.
pub async fn read_release(
    client: &Client<'_>,
    target: &Target,
    typed: &CommitSha,
    live: LivePlatforms,
) -> Result<ReadRelease, EngineError> {
    let console = &client.context().console;
    console.say(&format!("reading {} of {}", target.staging.tag(typed), target.images.counted()));
    let (places, sources) = (target.places(), sources(target, typed));
    let first = facts(client, &target.tag, &sources, live);
    let (facts, record, ledger) =
        join3(first, releases::find(client, &places, typed), read_ledger(client, target)).await;
    // The exact tag outranks every longer sha that begins the same, and so does a record.
    let exact = facts.iter().any(|image| !matches!(image.wanted, Ok(None))) || !matches!(record, Ok(None));
    let sha = if exact { typed.clone() } else { resolve(client, target, typed, &ledger).await? };
    if sha == *typed {
        return Ok(ReadRelease { sha, facts, record, ledger });
    }
    console.say(&format!("{typed} is {sha}"));
    let sources = self::sources(target, &sha);
    let again = self::facts(client, &target.tag, &sources, live);
    let (facts, record) = join(again, releases::find(client, &places, &sha)).await;
    Ok(ReadRelease { sha, facts, record, ledger })
}

/// Reads the history, where records are kept.
pub async fn read_ledger(client: &Client<'_>, target: &Target) -> Ledger {
    let places = target.places();
    if places.is_empty() { None } else { Some(history::find(client, &places).await) }
}

fn sources(target: &Target, sha: &CommitSha) -> Vec<Reference> {
    target.images.iter().map(|image| Reference::Tagged(image.clone(), target.staging.tag(sha))).collect()
}

/// The published sha that a person means, by the staging tags of all images, the release records and the history. Costs
/// nothing when the exact tag is there.
///
/// # Errors
/// A list that it may be in could not be read, or no published sha or more than one is meant.
pub async fn resolve(
    client: &Client<'_>,
    target: &Target,
    typed: &CommitSha,
    ledger: &Ledger,
) -> Result<CommitSha, EngineError> {
    let lists = target.images.iter().map(|image| staged::shas(client, &target.staging, image));
    let (mut shas, mut unread) = (Vec::new(), None);
    for list in join_all(lists).await {
        match list {
            Ok(list) => shas.extend(list),
            Err(error) => unread = Some(error),
        }
    }
    if let Some(Ok((_, stored))) = ledger {
        shas.extend(releases::named(&stored.tags));
        shas.extend(stored.history.lived(target.tag.as_str()).into_iter().map(|lived| lived.sha));
    }
    let sha = resolution::resolve(typed, &shas).map_err(|refusals| EngineError::refused(None, refusals))?;
    match unread {
        // It may be in the list that could not be read.
        Some(error) if sha == *typed => Err(error.into()),
        _ => Ok(sha),
    }
}
