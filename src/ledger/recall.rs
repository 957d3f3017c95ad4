//! Everything the records say about a promotion, read before it.

use futures_util::future::{join, join_all};

use super::history::{self, StoredHistory};
use super::releases::{self, StoredRecord};
use super::{evidence, staged};
use crate::io::git;
use crate::io::registry::client::Client;
use crate::io::registry::error::RegistryError;
use crate::model::commit::CommitSha;
use crate::model::digest::Digest;
use crate::model::facts::{ImageFacts, Stand};
use crate::model::record::ReleaseRecord;
use crate::model::reference::Reference;
use crate::model::refusal::{Guard, Refusal};
use crate::model::release::ImageRecord;
use crate::model::repository::Repository;
use crate::model::tag::{StagingPattern, Tag};
use crate::policy::gates::evidence::{Demand, Piece, judge};
use crate::policy::gates::hold;
use crate::policy::gates::order::{self, Order};
use crate::policy::gates::record::check_record;
use crate::policy::gates::set::check_promotion;
use crate::policy::history::History;

/// What a promotion wants to know.
pub struct Question<'a> {
    /// Where records may be, best first; never empty.
    pub places: &'a [Repository],
    pub staging: &'a StagingPattern,
    /// The tag that is to move.
    pub tag: &'a Tag,
    pub sha: &'a CommitSha,
    /// What the registry holds of it.
    pub facts: &'a [ImageFacts],
    pub demand: Demand<'a>,
    /// Evidence that was handed over as files.
    pub files: &'a [Piece],
    /// Whether a hold or rejection is lifted for this very release.
    pub lifts: bool,
    /// Whether it may be older than the live one.
    pub allow_older: bool,
    /// The command line that moves exactly these images to the release.
    pub command: &'a dyn Fn(&[ImageRecord]) -> String,
}

pub struct Recalled {
    /// The repository that keeps the records of this release.
    pub home: Repository,
    pub kept: Option<StoredRecord>,
    pub history: StoredHistory,
    /// Every piece of evidence that was looked at.
    pub pieces: Vec<Piece>,
    /// What is wrong with the list of images.
    pub set: Vec<Refusal>,
    /// What else speaks against the promotion.
    pub refusals: Vec<Refusal>,
    /// What should be known and does not.
    pub warnings: Vec<String>,
    /// The release that is live, if its commit is known.
    pub live: Option<CommitSha>,
}

/// Reads the records. What cannot be read is a refusal: unknown is not allowed.
pub async fn recall(client: &Client<'_>, question: &Question<'_>) -> Recalled {
    let places = question.places;
    let (kept, stored) =
        join(releases::find(client, places, question.sha), history::find(client, places)).await;
    let mut recalled = Recalled {
        home: places[0].clone(),
        kept: None,
        history: StoredHistory::default(),
        pieces: question.files.to_vec(),
        set: Vec::new(),
        refusals: Vec::new(),
        warnings: Vec::new(),
        live: None,
    };
    let mut stored = stored.map(|(home, stored)| {
        recalled.home = home;
        stored
    });
    match kept {
        Ok(kept) => {
            if let Some(kept) = kept.as_ref().filter(|kept| kept.name.home != recalled.home) {
                // The record says where its history is; what stands elsewhere is another release's.
                recalled.home = kept.name.home.clone();
                stored = history::read(client, &recalled.home).await;
            }
            let record = kept.as_ref().map(|kept| &kept.record);
            recalled.refusals.extend(check_record(question.sha, record, question.facts));
            if let Some(record) = record {
                let named: Vec<Repository> = question.facts.iter().map(|f| f.repository.clone()).collect();
                let command = (question.command)(&record.release.images);
                recalled.set = check_promotion(&named, record, &command);
            }
            recalled.kept = kept;
        }
        Err(error) => recalled.refusals.push(unreadable(Guard::Record, &error)),
    }
    match stored {
        Ok(stored) => recalled.history = stored,
        Err(error) => {
            let mut refusal = unreadable(Guard::History, &error);
            refusal.hint.push_str(
                "; if it is damaged for good, `release-status restart-history --reason TEXT` begins a new one",
            );
            recalled.refusals.push(refusal);
        }
    }
    let Question { sha, tag, facts, lifts, .. } = *question;
    recalled.refusals.extend(hold::check(sha, tag, facts, &recalled.history.history, lifts));
    recalled.weigh(client, question).await;
    recalled.look_ahead(client, question).await;
    recalled
}

fn unreadable(guard: Guard, error: &RegistryError) -> Refusal {
    Refusal {
        guard,
        image: None,
        expected: "to read it".to_owned(),
        found: error.to_string(),
        hint: error.hint(),
    }
}

impl Recalled {
    async fn weigh(&mut self, client: &Client<'_>, question: &Question<'_>) {
        let Some(kept) = self.kept.as_ref().filter(|_| !question.demand.kinds.is_empty()) else { return };
        match evidence::of(client, kept).await {
            Ok(recorded) => {
                self.pieces.extend(recorded);
                self.refusals.extend(judge(&kept.record, &self.pieces, &question.demand));
            }
            Err(error) => self.refusals.push(unreadable(Guard::Evidence, &error)),
        }
    }

    /// Whether the release is newer than the live one, and what belongs to the live one only.
    async fn look_ahead(&mut self, client: &Client<'_>, question: &Question<'_>) {
        let Some(kept) = &self.kept else { return };
        let history = &self.history.history;
        self.warnings.extend(history.doubt(question.tag.as_str(), &stands(question.facts)));
        let found = live_sha(client, question.staging, question.tag, history, question.facts).await;
        self.live.clone_from(&found);
        let Some(live) = found else {
            if question.facts.iter().any(|image| matches!(image.current, Ok(Some(_)))) {
                self.warnings.push(
                    "the live release has no record, so it is unknown whether this release is newer"
                        .to_owned(),
                );
            }
            return;
        };
        let other = match releases::find(client, question.places, &live).await {
            Ok(other) => other,
            Err(error) => {
                self.refusals.push(unreadable(Guard::Forward, &error));
                return;
            }
        };
        if let Some(other) = &other {
            self.warnings.extend(staying(client, question.tag, &other.record, &kept.record).await);
        }
        if question.allow_older {
            return;
        }
        let order = match &other {
            Some(other) => {
                order::order(&kept.record, &other.record, git::ancestry(question.sha, &live).await)
            }
            None => Order::Unknown,
        };
        match order {
            Order::Forward => {}
            Order::Backward(why) => self.refusals.push(order::refusal(why)),
            Order::Unknown => self.warnings.push(format!(
                "could not find out whether {} is newer than {live}, which is live",
                question.sha
            )),
        }
    }
}

/// The images of the live release that do not belong to the one that is to be live, with what they stand at, in words
/// for a person.
pub async fn staying(
    client: &Client<'_>,
    tag: &Tag,
    live: &ReleaseRecord,
    next: &ReleaseRecord,
) -> Vec<String> {
    let (live, next) = (&live.release, &next.release);
    let leaves = |image: &&ImageRecord| !next.images.iter().any(|other| other.repository == image.repository);
    let looks = live.images.iter().filter(leaves).map(|image| async {
        let stands = client.digest(&Reference::Tagged(image.repository.clone(), tag.clone())).await;
        stays(&image.repository, tag, &next.sha, stands.ok().flatten().as_ref())
    });
    join_all(looks).await
}

/// That an image is left where it is.
pub fn stays(repository: &Repository, tag: &Tag, sha: &CommitSha, stands: Option<&Digest>) -> String {
    let stands = stands.map_or_else(|| "as it is".to_owned(), |digest| format!("at {digest}"));
    format!("{repository} is no image of {sha}: its {tag} stays {stands}")
}

/// The sha of what is live: by the history where it still holds, by the staging tags otherwise.
pub async fn live_sha(
    client: &Client<'_>,
    staging: &StagingPattern,
    tag: &Tag,
    history: &History,
    facts: &[ImageFacts],
) -> Option<CommitSha> {
    let standing = history.standing(tag.as_str());
    if let Some(last) = standing.last_move.filter(|last| last.explains(&stands(facts))) {
        return last.sha;
    }
    let first = facts.first()?;
    let live = first.current.as_ref().ok()?.as_ref()?;
    let shas = staged::shas_of(client, staging, &first.repository, &live.manifest.digest).await.ok()?;
    shas.into_iter().next()
}

pub fn stands(facts: &[ImageFacts]) -> Vec<Stand> {
    facts.iter().map(ImageFacts::stand).collect()
}
