//! The history as a hash chain: append, verify, and what follows from it.
//!
//! Entries are kept as the bytes they were written with, and those are hashed: a later version that adds a field
//! does not break the chain.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::base::text;
use crate::model::commit::CommitSha;
use crate::model::digest::Digest;
use crate::model::facts::Stand;
use crate::model::history::{Entry, Event};
use crate::model::repository::Repository;

/// Most entries in one document; older ones are in the documents before it.
pub const ENTRIES: usize = 200;
/// Most bytes of the entries in one document: releases of hundreds of images make long entries, and a document is read
/// up to 4 MiB.
const BYTES: usize = 1024 * 1024;

/// The history document: the last entries, oldest first.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Document {
    format: u32,
    /// The document that holds the entries before the first one here, by the digest of its manifest.
    #[serde(default)]
    before: Option<Digest>,
    entries: Vec<Box<RawValue>>,
}

#[derive(Clone, Debug, Default)]
pub struct History {
    before: Option<Digest>,
    links: Vec<Link>,
}

#[derive(Clone, Debug)]
struct Link {
    raw: String,
    entry: Entry,
}

/// A place where the chain does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    /// The entry whose bytes are not those that the next one names, counted from 1, oldest first.
    pub number: usize,
    /// The identifier of the entry that differs.
    pub id: String,
    pub found: String,
}

/// A release at the time when it became live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lived {
    /// Its sha.
    pub sha: CommitSha,
    /// When.
    pub at: Timestamp,
    /// What every image stood at then, as far as the history tells.
    pub images: BTreeMap<Repository, Digest>,
}

impl Lived {
    /// Whether these digests are those of this release; an image that the history does not know says nothing.
    pub fn fits<'a>(&self, mut digests: impl Iterator<Item = (&'a Repository, &'a Digest)> + Clone) -> bool {
        let known = digests.clone().any(|(repository, _)| self.images.contains_key(repository));
        known
            && digests.all(|(repository, digest)| self.images.get(repository).is_none_or(|own| own == digest))
    }
}

/// What follows from the history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// What holds promotions, if anything does: a rollback, or somebody's word.
    pub hold: Option<Entry>,
    /// Releases that a rollback moved away from and nobody meant to promote again.
    pub rejected: Vec<Rejected>,
    pub last_move: Option<Entry>,
}

/// A release that must not be promoted again by accident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    pub sha: Option<CommitSha>,
    /// The rollback that rejected it; it says from which digests the tags moved.
    pub by: Entry,
}

impl Standing {
    /// The entry by which `sha` became what is live now.
    pub fn promotion_of(&self, sha: Option<&CommitSha>) -> Option<&Entry> {
        self.last_move
            .as_ref()
            .filter(|last| last.sha.as_ref() == sha && matches!(last.event, Event::Promotion { .. }))
    }
}

impl History {
    /// Reads a history document.
    ///
    /// # Errors
    /// It is no such document, or an entry cannot be read.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let document: Document = serde_json::from_slice(bytes)
            .map_err(|e| format!("a history that cannot be read: {}", text::told(&e)))?;
        if document.format != 1 {
            return Err(format!("a history of format {}, which this version does not know", document.format));
        }
        let link = |(i, raw): (usize, Box<RawValue>)| {
            let entry = serde_json::from_str(raw.get())
                .map_err(|e| format!("a history whose entry {} cannot be read: {}", i + 1, text::told(&e)))?;
            Ok(Link { raw: raw.get().to_owned(), entry })
        };
        let links = document.entries.into_iter().enumerate().map(link).collect::<Result<_, String>>()?;
        Ok(Self { before: document.before, links })
    }

    /// The document, with its entries byte for byte.
    pub fn write(&self) -> Vec<u8> {
        let raw = |link: &Link| {
            RawValue::from_string(link.raw.clone()).expect("a link's text was JSON when it was read or made")
        };
        let document = Document {
            format: 1,
            before: self.before.clone(),
            entries: self.links.iter().map(raw).collect(),
        };
        serde_json::to_vec(&document).expect("a document is JSON")
    }

    /// The entries, oldest first.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.links.iter().map(|link| &link.entry)
    }

    /// The document that holds older entries.
    pub fn before(&self) -> Option<&Digest> {
        self.before.as_ref()
    }

    /// Whether an entry with this identifier is here.
    pub fn has(&self, id: &str) -> bool {
        self.links.iter().any(|link| link.entry.id == id)
    }

    /// Whether the next entry needs a new document.
    pub fn is_full(&self) -> bool {
        let bytes: usize = self.links.iter().map(|link| link.raw.len()).sum();
        self.links.len() >= ENTRIES || (self.links.len() > 1 && bytes > BYTES)
    }

    /// The same with the entries of `older`, the document before this one. They overlap.
    pub fn after(mut self, older: Self) -> Self {
        let lacking = older.links.into_iter().filter(|link| !self.has(&link.entry.id)).collect::<Vec<_>>();
        self.links.splice(0..0, lacking);
        Self { before: older.before, ..self }
    }

    /// Every time that a release became live under `tag`, oldest first.
    pub fn lived(&self, tag: &str) -> Vec<Lived> {
        let (mut images, mut lived) = (BTreeMap::new(), Vec::new());
        for entry in self.entries().filter(|entry| entry.tag == tag) {
            for moved in &entry.moved {
                images.insert(moved.repository.clone(), moved.to.clone());
            }
            let moves = matches!(entry.event, Event::Promotion { .. } | Event::Rollback { .. });
            if let Some(sha) = entry.sha.clone().filter(|_| moves) {
                lived.push(Lived { sha, at: entry.at, images: images.clone() });
            }
        }
        lived
    }

    /// The history that continues this full one in a document of its own; `digest` is this one's manifest.
    pub fn continued(&self, digest: Digest) -> Self {
        // Half of the entries stay: what follows from the history must not depend on where a document ends.
        Self { before: Some(digest), links: self.links[self.links.len() / 2..].to_vec() }
    }

    /// Adds `entry` on top.
    pub fn append(&mut self, mut entry: Entry) {
        entry.prev = self.links.last().map(|link| Digest::of(link.raw.as_bytes()));
        let raw = to_raw_value(&entry).expect("an entry is JSON").get().to_owned();
        self.links.push(Link { raw, entry });
    }

    /// Where the chain breaks, if it does. The first entry here may have one before it in an older document.
    pub fn verify(&self) -> Option<Break> {
        self.links.windows(2).enumerate().find_map(|(i, pair)| {
            let written = Digest::of(pair[0].raw.as_bytes());
            let named = pair[1].entry.prev.as_ref();
            (named != Some(&written)).then(|| Break {
                number: i + 1,
                id: text::escape(&pair[0].entry.id, 80),
                found: format!(
                    "bytes of {written}, while entry {} names {}",
                    i + 2,
                    named.map_or("none".to_owned(), ToString::to_string)
                ),
            })
        })
    }

    /// [`History::verify`], from the last time that somebody looked at it and resumed.
    pub fn verify_since_resume(&self) -> Option<Break> {
        let last = self.links.iter().rposition(|link| link.entry.event == Event::Resume).unwrap_or(0);
        let since = Self { before: None, links: self.links[last..].to_vec() };
        since.verify().map(|broken| Break { number: broken.number + last, ..broken })
    }

    /// The last rollback of `tag` that `known`, which was read earlier, does not have.
    pub fn rollback_since(&self, known: &Self, tag: &str) -> Option<&Entry> {
        let rollback = |entry: &&Entry| entry.tag == tag && matches!(entry.event, Event::Rollback { .. });
        self.entries().rev().filter(rollback).find(|entry| !known.has(&entry.id))
    }

    /// Why this cannot be all that happened to `tag`, in words for a person; `None` if it fits where the tags stand.
    pub fn doubt(&self, tag: &str, stands: &[Stand]) -> Option<String> {
        let live = stands.iter().any(|stand| stand.live.is_some());
        match self.standing(tag).last_move {
            Some(last) if live && !last.explains(stands) => Some(format!(
                "the tags do not match the history: its last entry is a {}{}, and {tag} was moved since",
                last.event.as_str(),
                last.told()
            )),
            None if live && stands.iter().any(|stand| stand.marked) => Some(format!(
                "the history of {tag} is lost: a rollback left its tags and there is no entry of it; `release-status restart-history --reason TEXT` says so in a new one"
            )),
            Some(_) | None => None,
        }
    }

    /// What follows for `tag`.
    pub fn standing(&self, tag: &str) -> Standing {
        let mut standing = Standing::default();
        for entry in self.entries().filter(|entry| entry.tag == tag) {
            match &entry.event {
                // A promotion is refused while a rollback holds, until an entry lifts the hold. So this one began before
                // the rollback, which went over it, and only its entry came later.
                Event::Promotion { .. } if standing.hold.as_ref().is_some_and(Entry::is_rollback) => {}
                Event::Promotion { .. } => {
                    // One that was done before the rollback, and got its place here after it, means nothing.
                    let stays = |r: &Rejected| r.sha.is_none() || r.sha != entry.sha || r.by.at > entry.at;
                    standing.rejected.retain(stays);
                    standing.last_move = Some(entry.clone());
                }
                Event::Rollback { left, hold, .. } => {
                    // Whoever goes back to a rejected release has said why.
                    standing.rejected.retain(|r| r.sha.is_none() || r.sha != entry.sha);
                    standing.last_move = Some(entry.clone());
                    if *hold {
                        standing.rejected.push(Rejected { sha: left.clone(), by: entry.clone() });
                        standing.hold = Some(entry.clone());
                    }
                }
                Event::Resume => standing.hold = None,
                Event::Hold { .. } => standing.hold = Some(entry.clone()),
                Event::RollbackFailed | Event::Restart | Event::Approval { .. } => {}
            }
        }
        standing
    }
}

#[cfg(test)]
pub(crate) mod tests;
