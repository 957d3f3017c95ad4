//! Verdicts on a release, attached to its record: written by whoever judges, read by whoever promotes.

use futures_util::future::{join_all, try_join_all};

use super::WRITING;
use super::releases::StoredRecord;
use crate::base::text;
use crate::io::clock;
use crate::io::registry::artifacts::Artifact;
use crate::io::registry::client::Client;
use crate::io::registry::error::{Problem, RegistryError};
use crate::io::registry::referrers::{Referrers, fallback_tag};
use crate::model::digest::Digest;
use crate::model::record::VERDICT_TYPE;
use crate::model::reference::Reference;
use crate::model::tag::Tag;
use crate::policy::gates::evidence::Piece;

/// Rounds of writing the fallback list: each one takes in what others wrote meanwhile.
const ROUNDS: u32 = 60;

/// The tag that keeps a verdict where the registry has no referrers API: of its own, so that two writers never
/// overwrite each other, and no clean-up of untagged versions takes it.
fn evidence_tag(record: &Digest, verdict: &Digest) -> Tag {
    format!("{}{}", evidence_prefix(record), &verdict.hex()[..16]).parse().expect("hex digits make a tag")
}

fn evidence_prefix(record: &Digest) -> String {
    format!("evidence-{}-", &record.hex()[..16])
}

/// Attaches a verdict document to a release record. The same document twice is one.
pub async fn attach(
    client: &Client<'_>,
    kept: &StoredRecord,
    document: Vec<u8>,
) -> Result<(), RegistryError> {
    let home = &kept.name.home;
    let artifact = Artifact::of(VERDICT_TYPE, document.into(), Some(&kept.artifact.manifest), &[]);
    client.put_artifact(home, &artifact, None).await?;
    if client.referrers(home, &kept.name.digest).await?.kept {
        return Ok(());
    }
    let tag = evidence_tag(&kept.name.digest, &artifact.manifest.digest);
    client.put_tag_again(home, &tag, &artifact.manifest).await?;
    list_by_hand(client, kept).await
}

/// Writes the fallback list until it names every verdict that has a tag of its own.
///
/// Two writers at once both read, and the later one overwrites the earlier one's list. But each tags its verdict
/// before it looks at the tags, and looks again after it wrote: whoever writes last sees every tag that was there
/// before, so the last list is whole.
async fn list_by_hand(client: &Client<'_>, kept: &StoredRecord) -> Result<(), RegistryError> {
    let (home, subject) = (&kept.name.home, &kept.name.digest);
    let tag = fallback_tag(subject);
    for tried in 1..=ROUNDS {
        let (mut list, tagged) = (client.referrers(home, subject).await?, tagged(client, kept).await?);
        let lacking: Vec<&Artifact> =
            tagged.iter().filter(|artifact| !list.has(&artifact.manifest.digest)).collect();
        if lacking.is_empty() {
            return Ok(());
        }
        lacking.into_iter().for_each(|artifact| list.add(artifact));
        match client.put_tag_again(home, &tag, &list.index()).await {
            Err(error) if !error.is_transient() || tried == ROUNDS => return Err(error),
            // Written, or perhaps written: the next round sees.
            _ => {}
        }
    }
    let found = format!("that other commands wrote over it {ROUNDS} times");
    Err(RegistryError::new(
        format!("write {home}:{tag}"),
        Problem::Unfit { expected: "a list of verdicts", found },
    ))
}

/// The verdicts that have tags of their own.
async fn tagged(client: &Client<'_>, kept: &StoredRecord) -> Result<Vec<Artifact>, RegistryError> {
    let (home, prefix) = (&kept.name.home, evidence_prefix(&kept.name.digest));
    let tags = client.tags(home).await?;
    let tags = tags.iter().filter(|tag| tag.starts_with(&prefix)).filter_map(|tag| tag.parse::<Tag>().ok());
    let artifacts = try_join_all(tags.map(|tag| async move {
        client.artifact(&Reference::Tagged(home.clone(), tag), VERDICT_TYPE).await
    }));
    Ok(artifacts.await?.into_iter().flatten().collect())
}

/// Every verdict on a release that the registry holds; sorted by digest. What cannot be read is a piece too: it may
/// have been a red one.
pub async fn of(client: &Client<'_>, kept: &StoredRecord) -> Result<Vec<Piece>, RegistryError> {
    let home = &kept.name.home;
    let list: Referrers = client.referrers(home, &kept.name.digest).await?;
    let mut digests = list.of_type(VERDICT_TYPE);
    if !list.kept {
        digests.extend(tagged(client, kept).await?.into_iter().map(|artifact| artifact.manifest.digest));
    }
    digests.sort();
    digests.dedup();
    let pieces = join_all(digests.into_iter().map(|digest| async move {
        let reference = Reference::Pinned(home.clone(), digest.clone());
        match client.artifact(&reference, VERDICT_TYPE).await {
            Ok(Some(artifact)) => piece(reference.to_string(), &artifact.content),
            Ok(None) => Piece {
                origin: reference.to_string(),
                sha256: String::new(),
                verdict: Err("it is listed and not there".to_owned()),
            },
            Err(error) => Piece {
                origin: reference.to_string(),
                sha256: String::new(),
                verdict: Err(error.to_string()),
            },
        }
    }));
    Ok(pieces.await)
}

pub fn piece(origin: String, document: &[u8]) -> Piece {
    let verdict = serde_json::from_slice(document)
        .map_err(|e| format!("a verdict that cannot be read: {}", text::escape(&e.to_string(), 200)));
    Piece { origin, sha256: Digest::of(document).hex(), verdict }
}

/// Attaches handed-over evidence to the release record. What cannot be written is returned as words for a person.
pub async fn keep(client: &Client<'_>, kept: &StoredRecord, documents: &[Vec<u8>]) -> Vec<String> {
    let client = client.until(clock::instant() + WRITING);
    let mut lost = Vec::new();
    for document in documents {
        if let Err(error) = attach(&client, kept, document.clone()).await {
            lost.push(format!("the evidence is not recorded: {error}"));
        }
    }
    lost
}
