//! The staged releases, newest first, whole or broken.

use std::collections::BTreeMap;

use futures_util::future::{join, join_all, try_join_all};
use jiff::Timestamp;
use serde::Serialize;

use super::inspect::inspect;
use super::target::Target;
use crate::io::registry::client::Client;
use crate::io::registry::decode;
use crate::io::registry::error::RegistryError;
use crate::ledger::{evidence as verdicts, history, releases, staged};
use crate::model::commit::CommitSha;
use crate::model::digest::Digest;
use crate::model::history::{Entry, Event};
use crate::model::manifest::Body;
use crate::model::record::VerdictRecord;
use crate::model::reference::Reference;
use crate::model::release::Staged;
use crate::model::repository::Repository;
use crate::model::verdict::Verdict;
use crate::policy::history::History;

/// Most releases that are shown, and looked into down to the last blob.
pub const SHOWN: usize = 10;

#[derive(Clone, Debug)]
pub struct Candidate {
    pub sha: CommitSha,
    /// When it was published, by its record; without one, when its first image says it was built: a reproducible build
    /// says nothing of use.
    pub time: Option<Timestamp>,
    /// Whether `time` is from the record.
    pub recorded: bool,
    /// Every image, in order.
    pub images: Vec<(Repository, ImageState)>,
    /// The newest verdict of each tool, in words.
    pub evidence: Vec<String>,
    /// When it was live; oldest first.
    pub lives: Vec<Life>,
}

/// One time that a release was live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Life {
    pub from: Timestamp,
    /// Until when; `None`: it still is.
    pub until: Option<Timestamp>,
    /// What ended it: `promotion` or `rollback`.
    pub left: Option<&'static str>,
}

/// What a registry holds of one image of a release.
#[derive(Clone, Debug)]
pub enum ImageState {
    Whole(Digest),
    /// What is missing.
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

    /// When it was published, if that is recorded.
    pub fn published(&self) -> Option<Timestamp> {
        self.time.filter(|_| self.recorded)
    }

    /// When it was built, as far as its first image says so; looked for only where no publication is recorded.
    pub fn built(&self) -> Option<Timestamp> {
        self.time.filter(|_| !self.recorded)
    }

    /// The digest of `repository` in this release.
    pub fn digest(&self, repository: &Repository) -> Option<&Digest> {
        self.images.iter().find(|(name, _)| name == repository).and_then(|(_, state)| match state {
            ImageState::Whole(digest) | ImageState::Broken(digest, _) => Some(digest),
            ImageState::Absent | ImageState::Unread(_) => None,
        })
    }
}

/// The newest staged releases, by the time of their publication; those without a time last.
pub async fn candidates(client: &Client<'_>, target: &Target) -> Result<Vec<Candidate>, RegistryError> {
    let lists =
        try_join_all(target.images.iter().map(|image| staged::shas(client, &target.staging, image))).await?;
    let mut shas: Vec<CommitSha> = lists.into_iter().flatten().collect();
    shas.sort();
    shas.dedup();
    let mut dated =
        join_all(shas.into_iter().map(|sha| async { (time(client, target, &sha).await, sha) })).await;
    dated.sort_by(|a, b| b.cmp(a));
    dated.truncate(SHOWN);
    let history = match &target.home {
        Some(home) => history::read(client, home).await?.history,
        None => History::default(),
    };
    let looks = dated.into_iter().map(|(time, sha)| look(client, target, sha, time));
    let mut candidates = join_all(looks).await;
    for candidate in &mut candidates {
        candidate.lives = lives(&history, target.tag.as_str(), &candidate.sha);
    }
    Ok(candidates)
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

/// The newest verdict of each tool on `sha`, in words. What cannot be read says so.
async fn evidence(client: &Client<'_>, target: &Target, sha: &CommitSha) -> Vec<String> {
    let Some(home) = &target.home else { return Vec::new() };
    let pieces = match releases::read(client, home, sha).await {
        Ok(Some(kept)) => verdicts::of(client, &kept).await,
        Ok(None) => return vec!["no record".to_owned()],
        Err(error) => Err(error),
    };
    let Ok(pieces) = pieces else { return vec!["evidence unread".to_owned()] };
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

async fn look(
    client: &Client<'_>,
    target: &Target,
    sha: CommitSha,
    (time, recorded): (Option<Timestamp>, bool),
) -> Candidate {
    let images = join_all(target.images.iter().map(|image| async {
        let reference = Reference::Tagged(image.clone(), target.staging.tag(&sha));
        (image.clone(), state(inspect(client, reference).await))
    }));
    let (images, evidence) = join(images, evidence(client, target, &sha)).await;
    Candidate { sha, time, recorded, images, evidence, lives: Vec::new() }
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

/// When the sha was published, and whether its record says so.
async fn time(client: &Client<'_>, target: &Target, sha: &CommitSha) -> (Option<Timestamp>, bool) {
    let record = match &target.home {
        Some(home) => releases::read(client, home, sha).await.ok().flatten(),
        None => None,
    };
    match record {
        Some(kept) => (Some(kept.record.published), true),
        None => (built(client, target, sha).await, false),
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
