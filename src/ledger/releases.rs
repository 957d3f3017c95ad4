//! Release records: written by publish-staging, read by whoever promotes, judges or rolls back.

use futures_util::future::{join_all, try_join_all};

use crate::io::registry::artifacts::Artifact;
use crate::io::registry::client::Client;
use crate::io::registry::error::{Problem, RegistryError};
use crate::io::{clock, git, run};
use crate::model::commit::CommitSha;
use crate::model::record::{RELEASE_TYPE, RecordName, ReleaseRecord};
use crate::model::reference::Reference;
use crate::model::release::Release;
use crate::model::repository::Repository;
use crate::model::tag::Tag;

#[derive(Clone, Debug)]
pub struct StoredRecord {
    pub name: RecordName,
    pub record: ReleaseRecord,
    pub(super) artifact: Artifact,
}

fn tag_of(sha: &CommitSha) -> Tag {
    format!("release-{sha}").parse().expect("a sha makes a tag")
}

/// The shas that have a record, by the tags of the repository that keeps it.
pub fn named(tags: &[String]) -> Vec<CommitSha> {
    tags.iter().filter_map(|tag| tag.strip_prefix("release-")?.parse().ok()).collect()
}

/// The record of `sha`; `None` if there is none.
pub async fn read(
    client: &Client<'_>,
    home: &Repository,
    sha: &CommitSha,
) -> Result<Option<StoredRecord>, RegistryError> {
    let reference = Reference::Tagged(home.clone(), tag_of(sha));
    let Some(artifact) = client.artifact(&reference, RELEASE_TYPE).await? else { return Ok(None) };
    let unfit = |found: String| {
        RegistryError::new(
            format!("read {reference}"),
            Problem::Unfit { expected: "a release record", found },
        )
    };
    let record: ReleaseRecord =
        serde_json::from_slice(&artifact.content).map_err(|e| unfit(e.to_string()))?;
    if record.format != 1 || record.release.sha != *sha {
        return Err(unfit(format!("a record of {} in format {}", record.release.sha, record.format)));
    }
    // A copy says where the record itself is, with its evidence and the history.
    let home = record.home.as_ref().unwrap_or(home).clone();
    let name = RecordName { home, digest: artifact.manifest.digest.clone() };
    Ok(Some(StoredRecord { name, record, artifact }))
}

/// The record of `sha` in the first of `places` that has one: the repository that keeps the records, or an image's
/// with a copy. `None` if no place has one, or there are no places.
///
/// # Errors
/// No place has one, and the first cannot be read or has something else.
pub async fn find(
    client: &Client<'_>,
    places: &[Repository],
    sha: &CommitSha,
) -> Result<Option<StoredRecord>, RegistryError> {
    let Some((first, others)) = places.split_first() else { return Ok(None) };
    let found = read(client, first, sha).await;
    if matches!(found, Ok(Some(_))) {
        return found;
    }
    let copies = join_all(others.iter().map(|place| read(client, place, sha))).await;
    match copies.into_iter().find(|copy| matches!(copy, Ok(Some(_)))) {
        Some(copy) => copy,
        // Without a record a list of images is believed: one "not found" is not enough for that.
        None if matches!(found, Ok(None)) => read(client, first, sha).await,
        None => found,
    }
}

/// Writes the record of `release` into `home`, and a copy into every image's repository: whoever names one of the
/// images finds out what belongs together. One that names the same images, in whatever order, is left as it is, with
/// the evidence on it. `missing`: images of the release that are not published yet.
pub async fn write(
    client: &Client<'_>,
    home: &Repository,
    release: &Release,
    missing: &[Repository],
) -> Result<StoredRecord, RegistryError> {
    // A record that cannot be read is written anew: the staging tags were just checked against the source.
    let stored = match read(client, home, &release.sha).await {
        Ok(Some(stored)) if stored.record.release.is_same(release) && stored.record.missing == missing => {
            stored
        }
        _ => {
            let record = ReleaseRecord {
                format: 1,
                release: release.clone(),
                home: Some(home.clone()),
                missing: missing.to_vec(),
                commit_time: git::commit_time(&release.sha).await,
                published: clock::now(),
                run: run::of(&client.context().env),
            };
            let content = serde_json::to_vec(&record).expect("a record is JSON");
            let artifact = Artifact::of(RELEASE_TYPE, content.into(), None, &[]);
            client.put_artifact(home, &artifact, Some(&tag_of(&release.sha))).await?;
            let name = RecordName { home: home.clone(), digest: artifact.manifest.digest.clone() };
            StoredRecord { name, record, artifact }
        }
    };
    let others = release.images.iter().map(|image| &image.repository).filter(|place| *place != home);
    try_join_all(others.map(|place| copy(client, place, &stored))).await?;
    Ok(stored)
}

async fn copy(client: &Client<'_>, place: &Repository, stored: &StoredRecord) -> Result<(), RegistryError> {
    let tag = tag_of(&stored.record.release.sha);
    let there = client.digest(&Reference::Tagged(place.clone(), tag.clone())).await;
    if matches!(there, Ok(Some(digest)) if digest == stored.name.digest) {
        return Ok(());
    }
    client.put_artifact(place, &stored.artifact, Some(&tag)).await
}
