//! The history in its registry: read, and written so that two writers lose nothing.
//!
//! Every entry first gets a tag of its own, `release-history-<time>-<random>`, and then a place in the document under
//! `release-history`. A writer reads the document, adds every entry that has a tag and no place, writes, and looks
//! again. Each tags before it looks, so whoever writes last sees every entry: the last document is whole. Readers
//! take in what has a tag and no place yet, so an entry counts from the moment its tag is there.

use futures_util::future::try_join_all;
use jiff::Timestamp;

use super::WRITING;
use crate::io::clock;
use crate::io::env::Env;
use crate::io::registry::artifacts::Artifact;
use crate::io::registry::client::Client;
use crate::io::registry::error::{Problem, RegistryError};
use crate::io::run;
use crate::model::commit::CommitSha;
use crate::model::digest::Digest;
use crate::model::history::{Entry, Event, Moved};
use crate::model::moves::{Ended, Receipt};
use crate::model::record::HISTORY_TYPE;
use crate::model::reference::Reference;
use crate::model::repository::Repository;
use crate::model::tag::Tag;
use crate::policy::history::History;

const ROUNDS: u32 = 60;
/// Where an entry stands while it has no place in the document.
const ENTRY: &str = "dev.coalmine.history.entry";
const TAG: &str = "release-history";
/// Tags of entries older than this have served: no writer lives that long.
const SERVED: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);
/// Served tags that one writer takes away, where the registry lets it.
const SWEPT: usize = 5;

#[derive(Clone, Debug, Default)]
pub struct StoredHistory {
    pub history: History,
    /// The document's manifest, which the next one names when it is full.
    document: Option<Artifact>,
    /// Whether entries were taken in that have no place in the document yet.
    pending: bool,
    served: Vec<Tag>,
}

/// An identifier for what is written at `at`, unlike every other.
pub fn new_id(at: Timestamp) -> String {
    format!("{}-{}", at.as_millisecond(), clock::nonce())
}

/// A new entry about `tag`, by whoever runs this.
pub fn entry(
    env: &Env,
    event: Event,
    tag: &Tag,
    sha: Option<&CommitSha>,
    receipts: &[Receipt],
    reason: Option<&str>,
) -> Entry {
    let at = clock::now();
    let moved = receipts.iter().filter(|receipt| receipt.ended == Ended::Moved);
    let moved = moved.map(|receipt| Moved {
        repository: receipt.repository.clone(),
        from: receipt.from.clone(),
        to: receipt.to.clone(),
    });
    Entry {
        id: new_id(at),
        at,
        by: run::who(env),
        run: run::of(env),
        event,
        tag: tag.to_string(),
        sha: sha.cloned(),
        moved: moved.collect(),
        reason: reason.map(str::to_owned),
        prev: None,
    }
}

/// Reads the history of the first of `places` that has one, and says which that is; the first place, with an empty
/// history, where none has.
pub async fn find(
    client: &Client<'_>,
    places: &[Repository],
) -> Result<(Repository, StoredHistory), RegistryError> {
    let (first, others) = places.split_first().expect("there is always a place where records are kept");
    let stored = read(client, first).await?;
    if stored.history.entries().next().is_some() {
        return Ok((first.clone(), stored));
    }
    let found = try_join_all(others.iter().map(|place| read(client, place))).await?;
    let written = |(_, stored): &(&Repository, StoredHistory)| stored.history.entries().next().is_some();
    let found = others.iter().zip(found).find(written);
    Ok(found.map_or((first.clone(), stored), |(place, stored)| (place.clone(), stored)))
}

/// Reads the history; an empty one if there is none.
pub async fn read(client: &Client<'_>, home: &Repository) -> Result<StoredHistory, RegistryError> {
    let reference = Reference::Tagged(home.clone(), TAG.parse().expect("a constant tag"));
    let unfit = |found: String| {
        RegistryError::new(format!("read {reference}"), Problem::Unfit { expected: "a history", found })
    };
    let document = client.artifact(&reference, HISTORY_TYPE).await?;
    let history = match &document {
        Some(artifact) => History::read(&artifact.content).map_err(unfit)?,
        None => History::default(),
    };
    let mut stored = StoredHistory { history, document, pending: false, served: Vec::new() };
    let tags = client.tags(home).await?;
    let oldest =
        stored.history.entries().next().filter(|_| stored.history.before().is_some()).map(|entry| entry.at);
    let mut open: Vec<(Timestamp, Tag)> = Vec::new();
    for (at, id, tag) in tags.iter().filter_map(|tag| entry_tag(tag)) {
        if stored.history.has(&id) || oldest.is_some_and(|oldest| at < oldest) {
            if clock::now().duration_since(at) > SERVED {
                stored.served.push(tag);
            }
        } else {
            open.push((at, tag));
        }
    }
    open.sort();
    let entries = open.into_iter().map(|(_, tag)| open_entry(client, home, tag));
    for entry in try_join_all(entries).await?.into_iter().flatten() {
        if !stored.history.has(&entry.id) {
            stored.history.append(entry);
            stored.pending = true;
        }
    }
    Ok(stored)
}

/// The time and identifier that the tag of an entry tells.
fn entry_tag(tag: &str) -> Option<(Timestamp, String, Tag)> {
    let id = tag.strip_prefix(TAG)?.strip_prefix('-')?;
    let at = Timestamp::from_millisecond(id.split('-').next()?.parse().ok()?).ok()?;
    Some((at, id.to_owned(), tag.parse().ok()?))
}

async fn open_entry(
    client: &Client<'_>,
    home: &Repository,
    tag: Tag,
) -> Result<Option<Entry>, RegistryError> {
    let reference = Reference::Tagged(home.clone(), tag);
    let artifact = match client.artifact(&reference, HISTORY_TYPE).await {
        Ok(artifact) => artifact,
        Err(error) if matches!(error.problem, Problem::Unfit { .. }) => {
            client.context().console.warn(&format!("{reference} is no entry of the history: left out"));
            None
        }
        Err(error) => return Err(error),
    };
    // None: swept by another writer since the list was read, which gave it a place.
    let Some(artifact) = artifact else { return Ok(None) };
    let entry = artifact.annotation(ENTRY).and_then(|text| serde_json::from_str(text).ok());
    if entry.is_none() {
        client.context().console.warn(&format!("{reference} is no entry that this version reads: left out"));
    }
    Ok(entry)
}

/// Writes `entry` into the history.
///
/// # Errors
/// The registry refuses or cannot be reached. From the moment its own tag was written the entry counts all the same.
pub async fn append(client: &Client<'_>, home: &Repository, entry: &Entry) -> Result<(), RegistryError> {
    let mut entry = entry.clone();
    // Once under its own time; once more under a later one, where the clock here is behind the history.
    for _ in 0..2 {
        let stored = settle(client, home, &entry).await?;
        if stored.history.has(&entry.id) {
            sweep(client, home, &stored.served).await;
            return Ok(());
        }
        let kept = || stored.history.entries().map(|entry| entry.at);
        let behind =
            stored.history.before().is_some() && kept().min().is_some_and(|oldest| entry.at < oldest);
        let Some(newest) = kept().max().filter(|_| behind) else { break };
        entry.id = new_id(newest + jiff::SignedDuration::from_millis(1));
    }
    Err(overtaken(home, "a history without this entry".to_owned()))
}

/// Gives `entry` a tag, and everything that has a tag its place in the document.
async fn settle(
    client: &Client<'_>,
    home: &Repository,
    entry: &Entry,
) -> Result<StoredHistory, RegistryError> {
    let text = serde_json::to_string(entry).expect("an entry is JSON");
    let artifact = Artifact::of(HISTORY_TYPE, bytes::Bytes::new(), None, &[(ENTRY, &text)]);
    let tag: Tag = format!("{TAG}-{}", entry.id).parse().expect("digits and hex digits make a tag");
    client.put_artifact(home, &artifact, Some(&tag)).await?;
    for _ in 0..ROUNDS {
        let stored = read(client, home).await?;
        if !stored.pending {
            return Ok(stored);
        }
        write(client, home, stored).await?;
    }
    Err(overtaken(home, format!("that other commands wrote over it {ROUNDS} times")))
}

fn overtaken(home: &Repository, found: String) -> RegistryError {
    RegistryError::new(format!("write {home}:{TAG}"), Problem::Unfit { expected: "a place in it", found })
}

/// Begins the history anew with `entry`, where it was lost or cannot be read. A document that cannot be read is kept
/// under a tag of its own.
pub async fn restart(client: &Client<'_>, home: &Repository, entry: &Entry) -> Result<(), RegistryError> {
    match read(client, home).await {
        Ok(_) => {}
        Err(error) if matches!(error.problem, Problem::Unfit { .. }) => {
            let reference = Reference::Tagged(home.clone(), TAG.parse().expect("a constant tag"));
            if let Some(unreadable) = client.manifest(&reference).await? {
                client.put_tag_again(home, &aside(&unreadable.digest), &unreadable).await?;
            }
            let artifact = Artifact::of(HISTORY_TYPE, History::default().write().into(), None, &[]);
            client.put_artifact(home, &artifact, Some(&TAG.parse().expect("a constant tag"))).await?;
        }
        Err(error) => return Err(error),
    }
    append(client, home, entry).await
}

/// The tag that keeps a document which `release-history` names no more.
fn aside(digest: &Digest) -> Tag {
    format!("{TAG}.{}", &digest.hex()[..16]).parse().expect("hex digits make a tag")
}

async fn write(client: &Client<'_>, home: &Repository, stored: StoredHistory) -> Result<(), RegistryError> {
    let history = match &stored.document {
        Some(document) if stored.history.is_full() => {
            // The full document stays reachable: it is tagged by its own digest, as nothing else names it.
            let tag = aside(&document.manifest.digest);
            client.put_tag_again(home, &tag, &document.manifest).await?;
            stored.history.continued(document.manifest.digest.clone())
        }
        _ => stored.history,
    };
    let artifact = Artifact::of(HISTORY_TYPE, history.write().into(), None, &[]);
    client.put_artifact(home, &artifact, Some(&TAG.parse().expect("a constant tag"))).await
}

/// Takes away tags that have served, where the registry deletes tags. Where it does not, they do no harm.
async fn sweep(client: &Client<'_>, home: &Repository, served: &[Tag]) {
    for tag in served.iter().take(SWEPT) {
        if client.delete_tag(home, tag).await.is_err() {
            return;
        }
    }
}

/// Writes `entries` into the history. What cannot be written is returned as words for a person.
pub async fn remember(client: &Client<'_>, home: &Repository, entries: &[Entry]) -> Vec<String> {
    let client = client.until(clock::instant() + WRITING);
    let mut lost = Vec::new();
    for entry in entries {
        if let Err(error) = append(&client, home, entry).await {
            lost.push(format!("the {} is not in the history: {error}", entry.event.as_str()));
        }
    }
    lost
}
