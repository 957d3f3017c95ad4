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
pub(crate) mod tests {
    use super::{ENTRIES, History};
    use crate::model::digest::Digest;
    use crate::model::facts::Stand;
    use crate::model::history::{Entry, Event, Moved};

    pub(crate) fn entry(id: &str, event: Event, sha: &str) -> Entry {
        let moved = Moved {
            repository: "ghcr.io/a/b".parse().unwrap(),
            from: Some(Digest::of(b"from")),
            to: Digest::of(sha.as_bytes()),
        };
        Entry {
            id: id.to_owned(),
            at: "2026-11-21T00:00:00Z".parse().unwrap(),
            by: Some("ann".to_owned()),
            run: None,
            event,
            tag: "latest".to_owned(),
            sha: Some(sha.parse().unwrap()),
            moved: vec![moved],
            reason: None,
            prev: None,
        }
    }

    pub(crate) fn promotion() -> Event {
        Event::Promotion { evidence: Vec::new(), skipped: Vec::new() }
    }

    pub(crate) fn rollback(left: &str) -> Event {
        Event::Rollback { left: Some(left.parse().unwrap()), hold: true, partial: None }
    }

    fn of(events: &[(Event, &str)]) -> History {
        let mut history = History::default();
        for (i, (event, sha)) in events.iter().enumerate() {
            history.append(entry(&format!("e{i}"), event.clone(), sha));
        }
        history
    }

    #[test]
    fn a_changed_byte_in_the_middle_is_found_and_named() {
        let history = of(&[(promotion(), "1111111"), (promotion(), "2222222"), (promotion(), "3333333")]);
        assert_eq!(history.verify(), None);
        let text = String::from_utf8(history.write()).unwrap();
        let forged = History::read(text.replace("2222222", "2222223").as_bytes()).unwrap();
        let found = forged.verify().unwrap();
        assert_eq!((found.number, found.id.as_str()), (2, "e1"));
        assert_eq!(History::read(text.as_bytes()).unwrap().verify(), None);
        assert!(History::read(&text.as_bytes()[..text.len() / 2]).is_err());
    }

    #[test]
    fn a_history_that_cannot_be_read_is_told_harmlessly() {
        let hostile = r#"{"format":1,"entries":[{"event":{"kind":"\u001b[2J\n::error::x"}}]}"#;
        let error = History::read(hostile.as_bytes()).unwrap_err();
        assert!(error.contains(r"\u{1b}[2J\n::error::x"), "{error:?}");
    }

    #[test]
    fn a_field_that_this_version_does_not_know_breaks_no_chain() {
        let mut history = of(&[(promotion(), "1111111")]);
        let text =
            String::from_utf8(history.write()).unwrap().replace(r#""id":"e0""#, r#""id":"e0","news":1"#);
        history = History::read(text.as_bytes()).unwrap();
        history.append(entry("e1", promotion(), "2222222"));
        assert_eq!(History::read(&history.write()).unwrap().verify(), None);
    }

    #[test]
    fn a_rollback_holds_and_rejects_until_somebody_resumes_or_means_it() {
        let held =
            of(&[(promotion(), "1111111"), (promotion(), "2222222"), (rollback("2222222"), "1111111")])
                .standing("latest");
        assert!(held.hold.is_some() && held.rejected.len() == 1);
        let resumed =
            of(&[(promotion(), "2222222"), (rollback("2222222"), "1111111"), (Event::Resume, "1111111")])
                .standing("latest");
        assert!(resumed.hold.is_none() && resumed.rejected.len() == 1);
        let meant =
            of(&[(rollback("2222222"), "1111111"), (Event::Resume, "1111111"), (promotion(), "2222222")])
                .standing("latest");
        assert!(meant.hold.is_none() && meant.rejected.is_empty());
        assert!(of(&[(rollback("2222222"), "1111111")]).standing("edge").hold.is_none());
    }

    #[test]
    fn a_rollback_that_came_later_is_found_and_one_that_was_known_is_not() {
        let known = of(&[(promotion(), "1111111"), (rollback("2222222"), "1111111")]);
        let mut later = known.clone();
        later.append(entry("r", Event::Resume, "1111111"));
        assert_eq!(later.rollback_since(&known, "latest"), None);
        later.append(entry("b", rollback("3333333"), "1111111"));
        assert_eq!(later.rollback_since(&known, "latest").map(|e| e.id.as_str()), Some("b"));
        assert_eq!(later.rollback_since(&known, "edge"), None);
        later.append(entry("d", rollback("4444444"), "1111111"));
        assert_eq!(later.rollback_since(&known, "latest").map(|e| e.id.as_str()), Some("d"));
    }

    #[test]
    fn a_promotion_that_was_done_before_the_rollback_and_written_after_it_lifts_no_rejection() {
        let mut history = History::default();
        let late = "2026-11-21T00:00:01Z".parse().unwrap();
        history.append(Entry { at: late, ..entry("b", rollback("2222222"), "1111111") });
        history.append(entry("a", promotion(), "2222222"));
        assert_eq!(history.standing("latest").rejected.len(), 1);
        history.append(Entry { at: late, ..entry("c", promotion(), "2222222") });
        assert!(history.standing("latest").rejected.is_empty());
    }

    #[test]
    fn a_full_document_is_continued_in_another_one_and_forgets_nothing_that_matters() {
        let mut history = History::default();
        for i in 0..ENTRIES {
            history.append(entry(&format!("e{i}"), promotion(), "1111111"));
        }
        assert!(history.is_full());
        let next = history.continued(Digest::of(b"manifest"));
        assert_eq!((next.verify(), next.before().is_some(), next.is_full()), (None, true, false));
        assert!(next.has(&format!("e{}", ENTRIES - 1)));
    }

    #[test]
    fn going_back_to_a_rejected_release_takes_its_rejection_away_and_no_other() {
        let history = of(&[
            (promotion(), "2222222"),
            (rollback("2222222"), "1111111"),
            (rollback("1111111"), "2222222"),
            (rollback("2222222"), "3333333"),
            (rollback("3333333"), "1111111"),
        ]);
        let rejected: Vec<String> =
            history.standing("latest").rejected.iter().map(|r| r.sha.as_ref().unwrap().to_string()).collect();
        assert_eq!(rejected, ["2222222", "3333333"]);
        let promoted = |history: History, sha: &str| {
            history.standing("latest").promotion_of(Some(&sha.parse().unwrap())).is_some()
        };
        assert!(promoted(of(&[(promotion(), "2222222")]), "2222222"));
        assert!(!promoted(of(&[(promotion(), "2222222")]), "1111111"));
        assert!(!promoted(of(&[(rollback("2222222"), "1111111")]), "1111111"));
    }

    #[test]
    fn tags_that_were_moved_since_the_last_entry_are_doubted_whichever_image_they_are_of() {
        let stand = |name: &str, live: Option<&[u8]>, marked: bool| Stand {
            repository: format!("ghcr.io/a/{name}").parse().unwrap(),
            live: live.map(Digest::of),
            marked,
        };
        let history = of(&[(promotion(), "1111111")]);
        let doubt = |history: &History, stands: &[Stand]| history.doubt("latest", stands).is_some();
        for (stands, doubted) in [
            (vec![stand("b", Some(b"1111111"), false)], false),
            (vec![stand("b", Some(b"other"), false)], true),
            (vec![stand("b", Some(b"other"), false), stand("c", None, false)], true),
            (vec![stand("b", None, false)], false),
        ] {
            assert_eq!(doubt(&history, &stands), doubted, "{stands:?}");
        }
        assert!(doubt(&History::default(), &[stand("b", Some(b"x"), false), stand("c", None, true)]));
        assert!(!doubt(&History::default(), &[stand("b", Some(b"x"), false)]));
    }

    #[test]
    fn the_history_knows_what_every_release_stood_at_when_it_was_live() {
        let digest = |seed: &str| Digest::of(seed.as_bytes());
        let moved = |name: &str, to: &str| Moved {
            repository: format!("ghcr.io/a/{name}").parse().unwrap(),
            from: None,
            to: digest(to),
        };
        let with = |id: &str, sha: &str, moved: Vec<Moved>| Entry { moved, ..entry(id, promotion(), sha) };
        let mut history = History::default();
        history.append(with("a", "1111111", vec![moved("x", "x1"), moved("y", "y1")]));
        // The second image did not change.
        history.append(with("b", "2222222", vec![moved("x", "x2")]));
        let lived = history.lived("latest");
        let names = [moved("x", "x2"), moved("y", "y1"), moved("z", "z1")];
        let pairs = || names.iter().map(|moved| (&moved.repository, &moved.to));
        assert!(lived[1].fits(pairs()) && !lived[0].fits(pairs()));
        assert!(!lived[1].fits(pairs().skip(2)), "it knows nothing of that image");
        assert!(history.lived("edge").is_empty());
    }

    #[test]
    fn a_history_is_read_back_over_documents_that_overlap() {
        let mut first = History::default();
        (0..ENTRIES).for_each(|i| first.append(entry(&format!("e{i}"), promotion(), "1111111")));
        let mut second = first.continued(Digest::of(b"first"));
        second.append(entry("last", promotion(), "2222222"));
        let whole = second.after(first);
        assert_eq!((whole.entries().count(), whole.verify(), whole.before()), (ENTRIES + 1, None, None));
    }

    #[test]
    fn resuming_acknowledges_a_break_before_it() {
        let text = String::from_utf8(
            of(&[(promotion(), "1111111"), (promotion(), "2222222"), (promotion(), "3333333")]).write(),
        )
        .unwrap();
        let mut forged = History::read(text.replace("2222222", "2222223").as_bytes()).unwrap();
        assert!(forged.verify_since_resume().is_some());
        forged.append(entry("r", Event::Resume, "1111111"));
        assert!(forged.verify_since_resume().is_none() && forged.verify().is_some());
    }
}
