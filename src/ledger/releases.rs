//! Release records: written by publish-staging, read by whoever promotes, judges or rolls back.

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

/// A release record in its registry.
#[derive(Clone, Debug)]
pub struct StoredRecord {
    /// Where it is.
    pub name: RecordName,
    /// What it says.
    pub record: ReleaseRecord,
    pub(super) artifact: Artifact,
}

fn tag_of(sha: &CommitSha) -> Tag {
    format!("release-{sha}").parse().expect("a sha makes a tag")
}

/// The record of `sha`; `None` if there is none.
///
/// # Errors
/// The registry cannot be read, or what is there is no release record.
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
    let name = RecordName { home: home.clone(), digest: artifact.manifest.digest.clone() };
    Ok(Some(StoredRecord { name, record, artifact }))
}

/// Writes the record of `release`, unless one that names the same images is there.
///
/// # Errors
/// The registry refuses or cannot be reached.
pub async fn write(
    client: &Client<'_>,
    home: &Repository,
    release: &Release,
) -> Result<StoredRecord, RegistryError> {
    // A record that cannot be read is written anew: the staging tags were just checked against the source.
    if let Ok(Some(kept)) = read(client, home, &release.sha).await
        && kept.record.release == *release
    {
        return Ok(kept);
    }
    let record = ReleaseRecord {
        format: 1,
        release: release.clone(),
        commit_time: git::commit_time(&release.sha).await,
        published: clock::now(),
        run: run::of(&client.context().env),
    };
    let content = serde_json::to_vec(&record).expect("a record is JSON");
    let artifact = Artifact::of(RELEASE_TYPE, content.into(), None, &[]);
    client.put_artifact(home, &artifact, Some(&tag_of(&release.sha))).await?;
    let name = RecordName { home: home.clone(), digest: artifact.manifest.digest.clone() };
    Ok(StoredRecord { name, record, artifact })
}
