//! Where one can go: the releases that were live, those that are recorded, and those that are only staged.
//!
//! Their names come from the history and from lists of tags. What costs a request for each release is asked only for
//! the rows that are shown.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{join, join_all};
use jiff::Timestamp;
use serde::Serialize;

use super::inspect::inspect;
use super::overview::{Overview, read_overview};
use super::target::Target;
use crate::io::registry::client::Client;
use crate::io::registry::decode;
use crate::io::registry::error::RegistryError;
use crate::ledger::evidence as verdicts;
use crate::ledger::releases::{self, StoredRecord};
use crate::model::commit::CommitSha;
use crate::model::digest::Digest;
use crate::model::history::{Entry, Event};
use crate::model::manifest::Body;
use crate::model::record::VerdictRecord;
use crate::model::reference::Reference;
use crate::model::release::Staged;
use crate::model::repository::Repository;
use crate::model::verdict::Verdict;
use crate::policy::history::{History, Lived};

/// How many releases are shown, and looked into down to the last blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The newest, beside something else.
    Few,
    /// The ten newest.
    Ten,
    /// Every one.
    All,
}

impl Shown {
    fn most(self) -> usize {
        match self {
            Self::Few => 5,
            Self::Ten => 10,
            Self::All => usize::MAX,
        }
    }
}

/// Releases to choose from.
#[derive(Clone, Debug)]
pub struct Listing {
    /// Those that were live or are recorded first, newest first.
    pub rows: Vec<Candidate>,
    /// How many there are beside these.
    pub more: usize,
}

/// One release.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Its sha.
    pub sha: CommitSha,
    /// When it was published, by its record.
    pub published: Option<Timestamp>,
    /// When its first image says it was built; read where there is no record.
    pub built: Option<Timestamp>,
    /// What it is now.
    pub marks: Vec<Mark>,
    /// Every image that belongs to it, in order.
    pub images: Vec<(Repository, ImageState)>,
    /// The newest verdict of each tool, in words.
    pub evidence: Vec<String>,
    /// When it was live; oldest first.
    pub lives: Vec<Life>,
}

/// What a release is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// Its images are live.
    Live,
    /// `rollback-latest --previous` goes here.
    Previous,
    /// A rollback left it, and nobody meant it since.
    Rejected,
}

impl Mark {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Previous => "previous",
            Self::Rejected => "rejected",
        }
    }
}

/// One time that a release was live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Life {
    /// From when.
    pub from: Timestamp,
    /// Until when; `None`: it still is.
    pub until: Option<Timestamp>,
    /// What ended it: `promotion` or `rollback`.
    pub left: Option<&'static str>,
}

/// What a registry holds of one image of a release.
#[derive(Clone, Debug)]
pub enum ImageState {
    /// Everything.
    Whole(Digest),
    /// Something is missing: what.
    Broken(Digest, Vec<String>),
    /// The sha is not staged for this image.
    Absent,
    /// It could not be read: why.
    Unread(String),
}

impl Candidate {
    /// Whether every image is there, with everything it names.
    pub fn is_whole(&self) -> bool {
        self.images.iter().all(|(_, state)| matches!(state, ImageState::Whole(_)))
    }

    /// The digest of `repository` in this release.
    pub fn digest(&self, repository: &Repository) -> Option<&Digest> {
        self.images.iter().find(|(name, _)| name == repository).and_then(|(_, state)| match state {
            ImageState::Whole(digest) | ImageState::Broken(digest, _) => Some(digest),
            ImageState::Absent | ImageState::Unread(_) => None,
        })
    }
}

/// A name with what orders it: releases that were live or are recorded come first, then the newest.
struct Named {
    sha: CommitSha,
    known: bool,
    at: Option<Timestamp>,
    built: Option<Timestamp>,
    lived: Option<Lived>,
    record: Option<StoredRecord>,
}

/// The releases to choose from.
///
/// # Errors
/// What is live could not be read.
pub async fn candidates(
    client: &Client<'_>,
    target: &Target,
    shown: Shown,
) -> Result<Listing, RegistryError> {
    let overview = read_overview(client, target).await?;
    Ok(list(client, target, &overview, shown).await)
}

/// The same for somebody who has read the overview.
pub async fn list(client: &Client<'_>, target: &Target, overview: &Overview, shown: Shown) -> Listing {
    let (mut names, unread) = named(client, target, overview, shown.most()).await;
    names.sort_by_key(|name| (Reverse(name.known), Reverse(name.at), name.sha.clone()));
    let more = unread + names.len().saturating_sub(shown.most());
    names.truncate(shown.most());
    let looks = names.into_iter().map(|name| look(client, target, overview, name));
    Listing { rows: join_all(looks).await, more }
}

/// The names with their times, and how many there are of which no time is known.
async fn named(
    client: &Client<'_>,
    target: &Target,
    overview: &Overview,
    most: usize,
) -> (Vec<Named>, usize) {
    let mut names: Vec<Named> = Vec::new();
    for lived in overview.history().lived(target.tag.as_str()).into_iter().rev() {
        if !names.iter().any(|known| known.sha == lived.sha) {
            let (sha, at) = (lived.sha.clone(), Some(lived.at));
            names.push(Named { sha, known: true, at, built: None, lived: Some(lived), record: None });
        }
    }
    let is_new = |sha: &CommitSha| !names.iter().any(|known| known.sha == *sha);
    let recorded: BTreeSet<CommitSha> = overview.recorded().into_iter().filter(&is_new).collect();
    let staged: BTreeSet<CommitSha> =
        overview.staged().filter(|sha| is_new(sha) && !recorded.contains(*sha)).cloned().collect();
    // A name that was never live has no time before its record is read, or its image.
    let others =
        recorded.into_iter().map(|sha| (sha, true)).chain(staged.into_iter().map(|sha| (sha, false)));
    let others: Vec<(CommitSha, bool)> = others.collect();
    let looked = others.len().min(most);
    let unread = others.len() - looked;
    let dated = join_all(others.into_iter().take(looked).map(|(sha, known)| async move {
        let record = if known { read_record(client, target, &sha).await } else { None };
        let built = if record.is_none() { built(client, target, &sha).await } else { None };
        let at = record.as_ref().map(|record| record.record.published).or(built);
        Named { sha, known, at, built, lived: None, record }
    }));
    names.extend(dated.await);
    (names, unread)
}

async fn read_record(client: &Client<'_>, target: &Target, sha: &CommitSha) -> Option<StoredRecord> {
    releases::find(client, &target.places(), sha).await.ok().flatten()
}

async fn look(client: &Client<'_>, target: &Target, overview: &Overview, name: Named) -> Candidate {
    let record = match name.record {
        None if name.lived.is_some() => read_record(client, target, &name.sha).await,
        record => record,
    };
    let release = record.as_ref().map(|stored| &stored.record);
    let belongs = |image: &&Repository| {
        release.is_none_or(|record| {
            record.missing.contains(image) || record.release.images.iter().any(|r| r.repository == **image)
        })
    };
    let images = join_all(target.images.iter().filter(belongs).map(|image| async {
        let recorded =
            release.and_then(|record| record.release.images.iter().find(|r| r.repository == *image));
        let lived = name.lived.as_ref().and_then(|lived| lived.images.get(image));
        let staged = overview.staged_for(image).contains(&name.sha);
        let digest = recorded.map(|recorded| &recorded.digest).or(lived.filter(|_| !staged));
        let reference = match digest {
            Some(digest) => Reference::Pinned(image.clone(), digest.clone()),
            None => Reference::Tagged(image.clone(), target.staging.tag(&name.sha)),
        };
        (image.clone(), state(inspect(client, reference).await))
    }));
    let (images, evidence) = join(images, evidence(client, target, record.as_ref())).await;
    let mut candidate = Candidate {
        sha: name.sha,
        published: release.map(|record| record.published),
        built: name.built,
        marks: Vec::new(),
        images,
        evidence,
        lives: Vec::new(),
    };
    candidate.lives = lives(overview.history(), target.tag.as_str(), &candidate.sha);
    candidate.marks = marks(&candidate, target, overview);
    candidate
}

/// What the release is, by what the tags of its images name, and by the history.
fn marks(candidate: &Candidate, target: &Target, overview: &Overview) -> Vec<Mark> {
    let all = |named: &dyn Fn(&Repository) -> Option<Digest>| {
        !candidate.images.is_empty()
            && candidate.images.iter().all(|(image, _)| {
                let named = named(image);
                named.is_some() && candidate.digest(image) == named.as_ref()
            })
    };
    let standing = overview.history().standing(target.tag.as_str());
    let by_history = standing.rejected.iter().any(|rejected| rejected.sha.as_ref() == Some(&candidate.sha));
    let marks = [
        (all(&|image| overview.of(image)?.live.clone()), Mark::Live),
        (all(&|image| overview.of(image)?.previous.clone()), Mark::Previous),
        (by_history || all(&|image| overview.of(image)?.rejected.clone()), Mark::Rejected),
    ];
    marks.into_iter().filter(|(is, _)| *is).map(|(_, mark)| mark).collect()
}

/// When `sha` was live, by the history.
fn lives(history: &History, tag: &str, sha: &CommitSha) -> Vec<Life> {
    let moved = |entry: &&Entry| matches!(entry.event, Event::Promotion { .. } | Event::Rollback { .. });
    let moves: Vec<&Entry> = history.entries().filter(|entry| entry.tag == tag).filter(moved).collect();
    let next = |i: usize| moves.get(i + 1);
    let lives = moves.iter().enumerate().filter(|(_, entry)| entry.sha.as_ref() == Some(sha));
    lives
        .map(|(i, entry)| Life {
            from: entry.at,
            until: next(i).map(|e| e.at),
            left: next(i).map(|e| e.event.as_str()),
        })
        .collect()
}

/// The newest verdict of each tool on a release, in words. What cannot be read says so.
async fn evidence(client: &Client<'_>, target: &Target, record: Option<&StoredRecord>) -> Vec<String> {
    if target.home.is_none() {
        return Vec::new();
    }
    let Some(record) = record else { return vec!["no record".to_owned()] };
    let Ok(pieces) = verdicts::of(client, record).await else { return vec!["evidence unread".to_owned()] };
    let mut verdicts: Vec<VerdictRecord> =
        pieces.into_iter().filter_map(|piece| piece.verdict.ok()).collect();
    verdicts.sort_by_key(|verdict| verdict.finished);
    let newest: BTreeMap<String, Verdict> =
        verdicts.into_iter().map(|verdict| (verdict.tool, verdict.verdict)).collect();
    if newest.is_empty() {
        return vec!["no evidence".to_owned()];
    }
    newest.into_iter().map(|(tool, verdict)| format!("{tool} {}", verdict.as_str())).collect()
}

fn state(staged: Result<Option<Staged>, RegistryError>) -> ImageState {
    match staged {
        Ok(Some(staged)) if staged.missing.is_empty() => ImageState::Whole(staged.manifest.digest),
        Ok(Some(staged)) => ImageState::Broken(
            staged.manifest.digest,
            staged.missing.iter().map(ToString::to_string).collect(),
        ),
        Ok(None) => ImageState::Absent,
        Err(error) => ImageState::Unread(error.to_string()),
    }
}

/// When the first image that has this sha says it was built. What cannot be read has no time; it is shown all the
/// same.
async fn built(client: &Client<'_>, target: &Target, sha: &CommitSha) -> Option<Timestamp> {
    for image in target.images.iter() {
        let reference = Reference::Tagged(image.clone(), target.staging.tag(sha));
        let Ok(Some(mut manifest)) = client.manifest(&reference).await else { continue };
        if let Some(child) = manifest.children().iter().find(|child| !child.is_attestation()) {
            let child = Reference::Pinned(image.clone(), child.digest.clone());
            let Ok(Some(found)) = client.manifest(&child).await else { continue };
            manifest = found;
        }
        let Body::Image { config, .. } = &manifest.body else { continue };
        if let Ok(Some(config)) = client.config(image, config).await {
            return decode::created_of(&config);
        }
    }
    None
}
