//! The history in its registry, written so that two writers lose nothing, and kept short.
//!
//! A writer puts its entry under a tag of its own, and at the same time the document with the entry in it, as it was
//! read before. Then it reads again ([`settle`]): two writers at once both read, and the later one overwrites the
//! document of the earlier one. But each has put its entry before it reads again, so whoever comes last sees every entry
//! that lacks a place, and gives it one. Until then readers see it by its tag.
//!
//! A writer that was slower may still overwrite the document with an older one; the tags are there for an hour more, so
//! the entries count all the same. Then the tags are deleted, where the registry deletes tags. Where it does not, tags
//! are used again once enough of them have served.

use futures_util::future::{join_all, join3};
use jiff::SignedDuration;

use super::{DOCUMENT, ENTRY, StoredHistory, TAG, document_of, new_id, read, read_again, time_of};
use crate::io::clock;
use crate::io::registry::artifacts::Artifact;
use crate::io::registry::client::Client;
use crate::io::registry::error::{Problem, RegistryError};
use crate::ledger::WRITING;
use crate::model::digest::Digest;
use crate::model::history::Entry;
use crate::model::record::HISTORY_TYPE;
use crate::model::repository::Repository;
use crate::model::tag::Tag;
use crate::policy::history::History;

/// Rounds of writing the document.
const ROUNDS: u32 = 60;
/// Tags of placed entries are deleted when they are this old: no writer lives that long between reading and writing.
const SERVED: SignedDuration = SignedDuration::from_hours(1);
/// What was read longer ago is read again before the document is written.
const STALE: SignedDuration = SignedDuration::from_mins(10);
/// Served tags that one writer takes away at once.
const SWEPT: usize = 4;
/// So many old tags that have served mean that the registry deletes none: from then on tags are used again.
const UNSWEPT: usize = 48;
/// Tags that are used again.
const SLOTS: usize = 16;

/// Reads the history and writes `entry` into it.
///
/// # Errors
/// The registry refuses or cannot be reached.
pub async fn append(client: &Client<'_>, home: &Repository, entry: &Entry) -> Result<(), RegistryError> {
    let known = read(client, home).await?;
    let written = write(client, home, &known, std::slice::from_ref(entry)).await?;
    settle(client, home, &known, &written).await
}

/// Writes `entries` after all that was read as `known`, in their order: each with one manifest, and the document with
/// one more, all at once. Returns them as they were written, for [`settle`]; they count from now on.
///
/// # Errors
/// The registry refuses or cannot be reached: an entry may be missing.
pub async fn write(
    client: &Client<'_>,
    home: &Repository,
    known: &StoredHistory,
    entries: &[Entry],
) -> Result<Vec<Entry>, RegistryError> {
    let entries = later(known, entries);
    let mut slots = if reuses(known) { free_slots(known) } else { Vec::new() };
    let puts = join_all(entries.iter().map(|entry| {
        let tag = slots.pop().unwrap_or_else(|| tag_of(entry));
        async move { put(client, home, entry, &tag).await }
    }));
    let mut history = known.history.clone();
    entries.iter().for_each(|entry| history.append(entry.clone()));
    let fresh = known.read.is_some_and(|read| clock::now().duration_since(read) < STALE);
    let simple = fresh && known.damage.is_none() && !known.history.is_full();
    let placed = async { if simple { put_document(client, home, &history).await } else { Ok(()) } };
    let (put, placed, ()) = join3(puts, placed, sweep(client, home, known)).await;
    put.into_iter().collect::<Result<(), _>>()?;
    if let Err(error) = placed {
        client.context().console.detail(&error.to_string());
    }
    Ok(entries)
}

/// Reads again, and gives everything that has a tag its place in the document, whatever others wrote meanwhile.
///
/// # Errors
/// The registry refuses or cannot be reached. Whatever has a tag counts all the same.
pub async fn settle(
    client: &Client<'_>,
    home: &Repository,
    known: &StoredHistory,
    entries: &[Entry],
) -> Result<(), RegistryError> {
    let mut stored = read_again(client, home, known).await?;
    for _ in 0..ROUNDS {
        if let Some(damage) = stored.damage {
            return Err(damage);
        }
        // Another writer may have used the same tag again at the same time.
        let lost: Vec<&Entry> = entries.iter().filter(|entry| !stored.history.has(&entry.id)).collect();
        if lost.is_empty() && stored.open.is_empty() {
            return Ok(());
        }
        let puts = lost.iter().map(|entry| async { put(client, home, entry, &tag_of(entry)).await });
        join_all(puts).await.into_iter().collect::<Result<(), _>>()?;
        place(client, home, &stored).await?;
        stored = read_again(client, home, &stored).await?;
    }
    let found = format!("that other commands wrote over it {ROUNDS} times");
    let problem = Problem::Unfit { expected: "a place in it", found };
    Err(RegistryError::new(format!("write {home}:{TAG}"), problem))
}

/// Whether the registry deletes no tags, as far as its tags tell.
fn reuses(known: &StoredHistory) -> bool {
    old(known).count() >= UNSWEPT
}

fn old(known: &StoredHistory) -> impl Iterator<Item = &Tag> {
    let now = clock::now();
    known.served.iter().filter(move |served| now.duration_since(served.at) > SERVED).map(|served| &served.tag)
}

/// The entries with identifiers later than all that are known: their order is what everybody reads, whatever the clock
/// of this machine says.
fn later(known: &StoredHistory, entries: &[Entry]) -> Vec<Entry> {
    let mut newest = known.history.entries().filter_map(|entry| time_of(&entry.id)).max();
    let mut later = entries.to_vec();
    for entry in &mut later {
        let at = time_of(&entry.id).unwrap_or(entry.at);
        if let Some(newest) = newest.filter(|newest| at <= *newest) {
            entry.id = new_id(newest + SignedDuration::from_millis(1));
        }
        newest = time_of(&entry.id).or(newest);
    }
    later
}

fn tag_of(entry: &Entry) -> Tag {
    format!("{TAG}-{}", entry.id).parse().expect("digits and hex digits make a tag")
}

async fn put(client: &Client<'_>, home: &Repository, entry: &Entry, tag: &Tag) -> Result<(), RegistryError> {
    let text = serde_json::to_string(entry).expect("an entry is JSON");
    let artifact = Artifact::of(HISTORY_TYPE, bytes::Bytes::new(), None, &[(ENTRY, &text)]);
    client.put_note(home, &artifact, tag).await
}

/// Tags to use again, in an order that two writers hardly share.
fn free_slots(known: &StoredHistory) -> Vec<Tag> {
    let named = |slot: usize| -> Tag { format!("{TAG}-slot-{slot:02}").parse().expect("digits make a tag") };
    let is_free =
        |tag: &Tag| known.free.contains(tag) || !known.tags.iter().any(|known| known == tag.as_str());
    let begin = usize::from_str_radix(&clock::nonce()[..4], 16).unwrap_or_default();
    (0..SLOTS).map(|i| named((begin + i) % SLOTS)).filter(is_free).collect()
}

async fn place(client: &Client<'_>, home: &Repository, stored: &StoredHistory) -> Result<(), RegistryError> {
    let mut history = stored.history.clone();
    if history.is_full()
        && let Some(document) = &stored.document
    {
        // The full document stays reachable: it is tagged by its own digest, as nothing else names it.
        client.put_tag_again(home, &aside(&document.digest), document).await?;
        history = stored.placed.continued(document.digest.clone());
        stored.open.iter().for_each(|entry| history.append(entry.clone()));
    }
    put_document(client, home, &history).await
}

async fn put_document(
    client: &Client<'_>,
    home: &Repository,
    history: &History,
) -> Result<(), RegistryError> {
    let text = String::from_utf8(history.write()).expect("JSON is UTF-8");
    let artifact = Artifact::of(HISTORY_TYPE, bytes::Bytes::new(), None, &[(DOCUMENT, &text)]);
    client.put_note(home, &artifact, &TAG.parse().expect("a constant tag")).await
}

/// Begins the history anew with `entry`, where it was lost or cannot be read. A document that cannot be read is kept
/// under a tag of its own.
///
/// # Errors
/// The registry refuses or cannot be reached.
pub async fn restart(client: &Client<'_>, home: &Repository, entry: &Entry) -> Result<(), RegistryError> {
    if read(client, home).await?.damage.is_some() {
        if let Some(unreadable) = client.manifest(&document_of(home)).await? {
            let kept = client.put_tag_again(home, &aside(&unreadable.digest), &unreadable).await;
            // What it names may be lost: then there is nothing to keep.
            kept.unwrap_or_else(|error| client.context().console.warn(&error.to_string()));
        }
        put_document(client, home, &History::default()).await?;
    }
    append(client, home, entry).await
}

/// The tag that keeps a document which `release-history` names no more.
fn aside(digest: &Digest) -> Tag {
    format!("{TAG}.{}", &digest.hex()[..16]).parse().expect("hex digits make a tag")
}

/// Takes away some tags that have served, where the registry deletes tags. Where it does not, they do no harm.
async fn sweep(client: &Client<'_>, home: &Repository, known: &StoredHistory) {
    let placed = |tag: &&Tag| known.placed.has(tag.as_str().trim_start_matches("release-history-"));
    let most = if reuses(known) { 1 } else { SWEPT };
    let deletes = old(known).filter(placed).take(most).map(|tag| client.delete_tag(home, tag));
    for error in join_all(deletes).await.into_iter().filter_map(Result::err) {
        client.context().console.detail(&error.to_string());
    }
}

/// Writes `entries` after what was read as `known`, and settles them. What cannot be written is returned as words for a
/// person.
pub async fn remember(
    client: &Client<'_>,
    home: &Repository,
    known: &StoredHistory,
    entries: &[Entry],
) -> Vec<String> {
    let client = client.until(clock::instant() + WRITING);
    match write(&client, home, known, entries).await {
        Ok(written) => {
            place_all(&client, home, known, &written).await;
            Vec::new()
        }
        Err(error) => vec![lost(entries, &error)],
    }
}

/// [`settle`], where what goes wrong is no more than a detail: the entries are there.
pub async fn place_all(client: &Client<'_>, home: &Repository, known: &StoredHistory, entries: &[Entry]) {
    if let Err(error) = settle(client, home, known, entries).await {
        client.context().console.detail(&format!("the document of the history lacks an entry: {error}"));
    }
}

/// That entries could not be written, in words for a person.
pub fn lost(entries: &[Entry], error: &RegistryError) -> String {
    let names: Vec<&str> = entries.iter().map(|entry| entry.event.as_str()).collect();
    format!("the {} is not in the history: {error}", names.join(" and the "))
}
