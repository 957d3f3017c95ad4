//! The history in its registry, read.
//!
//! An entry is one small manifest under a tag of its own, `release-history-<time>-<random>`: from then on it counts. It
//! also gets a place in the document under `release-history` ([`append`]). Readers put both together, so nothing
//! depends on when that happens. What cannot be read is left out and told: one bad object hides nothing else.

pub mod append;

use std::collections::BTreeSet;

use futures_util::future::{join, join_all};
use jiff::Timestamp;

use crate::base::text;
use crate::io::clock;
use crate::io::env::Env;
use crate::io::registry::artifacts::UnreadArtifact;
use crate::io::registry::client::Client;
use crate::io::registry::error::{Problem, RegistryError};
use crate::io::run;
use crate::model::commit::CommitSha;
use crate::model::history::{Entry, Event, Moved};
use crate::model::manifest::Manifest;
use crate::model::moves::{Ended, Receipt};
use crate::model::record::HISTORY_TYPE;
use crate::model::reference::Reference;
use crate::model::repository::Repository;
use crate::model::tag::Tag;
use crate::policy::history::History;

/// Where an entry stands: in its manifest.
const ENTRY: &str = "dev.coalmine.history.entry";
/// Where the document stands: in its manifest too, so that it is read and written with one request.
const DOCUMENT: &str = "dev.coalmine.history";
const TAG: &str = "release-history";
/// Readings where entries vanish because another writer gives them their place meanwhile.
const TRIES: u32 = 4;

#[derive(Clone, Debug, Default)]
pub struct StoredHistory {
    /// The entries: those of the document, then those that have a tag and no place in it.
    pub history: History,
    /// Why the document cannot be read; its entries are missing then.
    pub damage: Option<RegistryError>,
    /// All tags of the repository that keeps the history.
    pub tags: Vec<String>,
    /// When it was read, by the clock of this machine; `None`: it was not.
    read: Option<Timestamp>,
    /// The document alone.
    placed: History,
    /// The manifest of the document.
    document: Option<Manifest>,
    /// Entries that have a tag and no place in the document.
    open: Vec<Entry>,
    /// Tags whose entries have their place.
    served: Vec<Served>,
    /// Tags that are used again and whose entries have their place.
    free: Vec<Tag>,
    /// Tags under which there is no entry that can be read. Told once.
    skipped: BTreeSet<Tag>,
}

/// The tag of an entry that has its place in the document.
#[derive(Clone, Debug)]
struct Served {
    at: Timestamp,
    tag: Tag,
}

/// What a tag says about the entry that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Name {
    /// Written once: its time and its identifier.
    Own(Timestamp, String),
    /// Written again and again, where a registry deletes no tags.
    Slot,
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
///
/// # Errors
/// No place has one, and the first cannot be read.
pub async fn find(
    client: &Client<'_>,
    places: &[Repository],
) -> Result<(Repository, StoredHistory), RegistryError> {
    let (first, others) = places.split_first().expect("there is always a place where records are kept");
    let stored = read(client, first).await;
    if stored.as_ref().is_ok_and(|stored| !stored.is_empty()) {
        return stored.map(|stored| (first.clone(), stored));
    }
    let found = join_all(others.iter().map(|place| read(client, place))).await;
    for (place, found) in others.iter().zip(found) {
        if let Some(found) = found.ok().filter(|found| !found.is_empty()) {
            return Ok((place.clone(), found));
        }
    }
    stored.map(|stored| (first.clone(), stored))
}

/// Reads the history; an empty one if there is none.
///
/// # Errors
/// The registry does not give out the document or its list of tags.
pub async fn read(client: &Client<'_>, home: &Repository) -> Result<StoredHistory, RegistryError> {
    read_again(client, home, &StoredHistory::default()).await
}

/// Reads the history again: two requests at once where nothing has changed since `known`.
///
/// # Errors
/// Those of [`read`].
pub async fn read_again(
    client: &Client<'_>,
    home: &Repository,
    known: &StoredHistory,
) -> Result<StoredHistory, RegistryError> {
    let mut tried = 1;
    loop {
        let (stored, vanished) = read_once(client, home, known).await?;
        if !vanished || tried == TRIES {
            return Ok(stored);
        }
        tried += 1;
    }
}

/// The history, and whether an entry vanished while it was read: then the document has it by now.
async fn read_once(
    client: &Client<'_>,
    home: &Repository,
    known: &StoredHistory,
) -> Result<(StoredHistory, bool), RegistryError> {
    let reference = document_of(home);
    let (unread, tags) = join(client.unread_artifact(&reference, HISTORY_TYPE), client.tags(home)).await;
    let mut stored =
        StoredHistory { tags: tags?, skipped: known.skipped.clone(), ..StoredHistory::default() };
    stored.read = Some(clock::now());
    let found = match unread {
        Ok(unread) => read_document(client, &reference, unread, known).await,
        Err(error) => Err(error),
    };
    match found {
        Ok((placed, document)) => (stored.placed, stored.document) = (placed, document),
        Err(error) if matches!(error.problem, Problem::Unfit { .. }) => stored.damage = Some(error),
        Err(error) => return Err(error),
    }
    let names: Vec<(Name, Tag)> = stored.tags.iter().filter_map(|tag| name_of(tag)).collect();
    let is_known = |id: &str| {
        stored.placed.has(id) || is_older(&stored.placed, id) || known.open.iter().any(|e| e.id == id)
    };
    let open = names.iter().filter(|(name, tag)| match name {
        Name::Own(_, id) => !is_known(id) && !known.skipped.contains(tag),
        Name::Slot => true,
    });
    let looked = join_all(open.map(|(_, tag)| open_entry(client, home, tag.clone()))).await;
    let vanished = stored.sort(client, home, known, &names, looked);
    Ok((stored, vanished))
}

impl StoredHistory {
    /// Whether nothing was ever written.
    pub fn is_empty(&self) -> bool {
        self.history.entries().next().is_none() && self.damage.is_none()
    }

    /// Why not all of it could be read, in words for a person.
    pub fn trouble(&self) -> Option<String> {
        self.damage.as_ref().map(|error| format!("the history cannot be read: {error}"))
    }

    /// Takes in what was found under the tags. Whether an entry vanished meanwhile.
    fn sort(
        &mut self,
        client: &Client<'_>,
        home: &Repository,
        known: &Self,
        names: &[(Name, Tag)],
        looked: Vec<(Tag, Found)>,
    ) -> bool {
        for (name, tag) in names {
            let Name::Own(at, id) = name else { continue };
            if self.placed.has(id) || is_older(&self.placed, id) {
                self.served.push(Served { at: *at, tag: tag.clone() });
            } else {
                self.open.extend(known.open.iter().find(|entry| entry.id == *id).cloned());
            }
        }
        let mut vanished = false;
        for (tag, found) in looked {
            match found {
                Found::Entry(entry) if self.placed.has(&entry.id) || is_older(&self.placed, &entry.id) => {
                    if name_of(tag.as_str()).is_some_and(|(name, _)| name == Name::Slot) {
                        self.free.push(tag);
                    }
                }
                Found::Entry(entry) if self.open.iter().any(|known| known.id == entry.id) => {}
                Found::Entry(entry) => self.open.push(*entry),
                Found::Vanished => vanished = true,
                Found::Unreadable(why) => {
                    if self.skipped.insert(tag.clone()) {
                        let reference = Reference::Tagged(home.clone(), tag);
                        client.context().console.warn(&format!("{reference} {why}, and is left out"));
                    }
                }
            }
        }
        self.open.sort_by(|a, b| time_of(&a.id).cmp(&time_of(&b.id)).then_with(|| a.id.cmp(&b.id)));
        self.history = self.placed.clone();
        self.open.iter().for_each(|entry| self.history.append(entry.clone()));
        vanished
    }
}

fn document_of(home: &Repository) -> Reference {
    Reference::Tagged(home.clone(), TAG.parse().expect("a constant tag"))
}

/// The document, unless it is the one that is known. Older versions wrote it as a blob.
async fn read_document(
    client: &Client<'_>,
    reference: &Reference,
    unread: Option<UnreadArtifact>,
    known: &StoredHistory,
) -> Result<(History, Option<Manifest>), RegistryError> {
    let Some(unread) = unread else { return Ok((History::default(), None)) };
    let manifest = unread.artifact.manifest.clone();
    if known.document.as_ref().is_some_and(|document| document.digest == manifest.digest) {
        return Ok((known.placed.clone(), Some(manifest)));
    }
    let read = |bytes: &[u8]| History::read(bytes).map_err(|found| unfit(reference, found));
    let placed = match unread.artifact.annotation(DOCUMENT) {
        Some(document) => read(document.as_bytes())?,
        None => read(&client.document(reference, unread).await?.content)?,
    };
    Ok((placed, Some(manifest)))
}

fn unfit(reference: &Reference, found: String) -> RegistryError {
    RegistryError::new(format!("read {reference}"), Problem::Unfit { expected: "a history", found })
}

/// Reads back to the first entry: the documents before the one that was read.
///
/// # Errors
/// A document cannot be read.
pub async fn read_back(
    client: &Client<'_>,
    home: &Repository,
    history: History,
) -> Result<History, RegistryError> {
    let mut whole = history;
    while let Some(before) = whole.before().cloned() {
        let reference = Reference::Pinned(home.clone(), before);
        let unread = client.unread_artifact(&reference, HISTORY_TYPE).await?;
        let unread = unread.ok_or_else(|| unfit(&reference, "no such document".to_owned()))?;
        let (older, _) = read_document(client, &reference, Some(unread), &StoredHistory::default()).await?;
        whole = whole.after(older);
    }
    Ok(whole)
}

/// Whether an entry with this identifier is from before the first one that `placed` keeps: then it is in a document
/// before that. Writers give an entry a later time than those that they know.
fn is_older(placed: &History, id: &str) -> bool {
    let oldest = placed.entries().next().filter(|_| placed.before().is_some()).and_then(|e| time_of(&e.id));
    oldest.zip(time_of(id)).is_some_and(|(oldest, at)| at < oldest)
}

fn time_of(id: &str) -> Option<Timestamp> {
    Timestamp::from_millisecond(id.split('-').next()?.parse().ok()?).ok()
}

/// What a tag says, if it is one of the history's: `release-history-<13 digits>-<16 hex digits>`, or
/// `release-history-slot-<2 digits>`.
fn name_of(tag: &str) -> Option<(Name, Tag)> {
    let id = tag.strip_prefix(TAG)?.strip_prefix('-')?;
    let (time, random) = id.split_once('-')?;
    let name = if time == "slot" && random.len() == 2 && random.bytes().all(|b| b.is_ascii_digit()) {
        Name::Slot
    } else {
        let own = time.len() >= 13 && random.len() == 16 && random.bytes().all(|b| b.is_ascii_hexdigit());
        Name::Own(time_of(id).filter(|_| own)?, id.to_owned())
    };
    Some((name, tag.parse().ok()?))
}

/// What is under the tag of an entry.
enum Found {
    Entry(Box<Entry>),
    /// Nothing any more: another writer gave it its place and took the tag away.
    Vanished,
    Unreadable(String),
}

async fn open_entry(client: &Client<'_>, home: &Repository, tag: Tag) -> (Tag, Found) {
    let reference = Reference::Tagged(home.clone(), tag.clone());
    let found = match client.unread_artifact(&reference, HISTORY_TYPE).await {
        Ok(Some(unread)) => {
            let entry = unread.artifact.annotation(ENTRY).map(serde_json::from_str::<Entry>);
            match entry {
                Some(Ok(entry)) => Found::Entry(Box::new(entry)),
                Some(Err(error)) => {
                    Found::Unreadable(format!("is no entry that this version reads: {}", text::told(&error)))
                }
                None => Found::Unreadable("is no entry of the history".to_owned()),
            }
        }
        Ok(None) => Found::Vanished,
        Err(error) if matches!(error.problem, Problem::Unfit { .. }) => {
            Found::Unreadable("is no entry of the history".to_owned())
        }
        Err(error) => Found::Unreadable(format!("cannot be read ({error})")),
    };
    (tag, found)
}

#[cfg(test)]
mod tests {
    use super::{Name, name_of};

    #[test]
    fn only_names_that_a_writer_makes_are_taken_for_entries() {
        let own = name_of("release-history-1795227489100-e19b38fce2029ef7").unwrap().0;
        assert!(matches!(own, Name::Own(_, id) if id == "1795227489100-e19b38fce2029ef7"));
        assert_eq!(name_of("release-history-slot-07").unwrap().0, Name::Slot);
        for foreign in [
            "release-history",
            "release-history-1",
            "release-history-slot-7x",
            "release-history.0123",
            "release-history-1795227489100-e19b",
        ] {
            assert!(name_of(foreign).is_none(), "{foreign}");
        }
    }
}
