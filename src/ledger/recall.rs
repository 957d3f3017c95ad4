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

/// Looks at the record and the history as they were read, and reads what else is needed. What cannot be read is a
/// refusal: unknown is not allowed.
pub async fn recall(
    client: &Client<'_>,
    question: &Question<'_>,
    kept: Result<Option<StoredRecord>, RegistryError>,
    ledger: Result<(Repository, StoredHistory), RegistryError>,
) -> Recalled {
    let mut recalled = Recalled {
        home: question.places[0].clone(),
        kept: None,
        history: StoredHistory::default(),
        pieces: question.files.to_vec(),
        set: Vec::new(),
        refusals: Vec::new(),
        warnings: Vec::new(),
        live: None,
    };
    let mut stored = ledger.map(|(home, stored)| {
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
            recalled.compare(question, kept.as_ref().map(|kept| &kept.record));
            recalled.kept = kept;
        }
        Err(error) => recalled.refusals.push(unreadable(Guard::Record, &error)),
    }
    match stored {
        Ok(mut stored) => {
            let damage = stored.damage.take();
            recalled.refusals.extend(damage.map(|error| unreadable_history(&error)));
            recalled.history = stored;
        }
        Err(error) => recalled.refusals.push(unreadable_history(&error)),
    }
    let Question { sha, tag, facts, lifts, .. } = *question;
    recalled.refusals.extend(hold::check(sha, tag, facts, &recalled.history.history, lifts));
    let (evidence, ahead) =
        join(recalled.weigh(client, question), recalled.look_ahead(client, question)).await;
    let (pieces, refusals) = evidence;
    recalled.pieces.extend(pieces);
    recalled.refusals.extend(refusals.into_iter().chain(ahead.refusals));
    recalled.warnings.extend(ahead.warnings);
    recalled.live = ahead.live;
    recalled
}

fn unreadable_history(error: &RegistryError) -> Refusal {
    let mut refusal = unreadable(Guard::History, error);
    refusal.hint.push_str(
        "; if it is damaged for good, `release-status restart-history --reason TEXT` begins a new one",
    );
    refusal
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
    /// Compares what is staged and named with the record.
    fn compare(&mut self, question: &Question<'_>, record: Option<&ReleaseRecord>) {
        self.refusals.extend(check_record(question.sha, record, question.facts));
        if let Some(record) = record {
            let named: Vec<Repository> = question.facts.iter().map(|f| f.repository.clone()).collect();
            let command = (question.command)(&record.release.images);
            self.set = check_promotion(&named, record, &command);
        }
    }

    /// The recorded evidence, and why it is not enough.
    async fn weigh(&self, client: &Client<'_>, question: &Question<'_>) -> (Vec<Piece>, Vec<Refusal>) {
        let Some(kept) = self.kept.as_ref().filter(|_| !question.demand.kinds.is_empty()) else {
            return Default::default();
        };
        match evidence::of(client, kept).await {
            Ok(recorded) => {
                let all = [question.files, &recorded].concat();
                let refusals = judge(&kept.record, &all, &question.demand);
                (recorded, refusals)
            }
            Err(error) => (Vec::new(), vec![unreadable(Guard::Evidence, &error)]),
        }
    }

    /// Whether the release is newer than the live one, and what belongs to the live one only.
    async fn look_ahead(&self, client: &Client<'_>, question: &Question<'_>) -> Ahead {
        let mut ahead = Ahead::default();
        let Some(kept) = &self.kept else { return ahead };
        let history = &self.history.history;
        ahead.warnings.extend(history.doubt(question.tag.as_str(), &stands(question.facts)));
        ahead.live = live_sha(client, question.staging, question.tag, history, question.facts).await;
        let Some(live) = ahead.live.clone() else {
            if question.facts.iter().any(|image| matches!(image.current, Ok(Some(_)))) {
                let words = "the live release has no record, so it is unknown whether this release is newer";
                ahead.warnings.push(words.to_owned());
            }
            return ahead;
        };
        let other = match releases::find(client, question.places, &live).await {
            Ok(other) => other,
            Err(error) => {
                ahead.refusals.push(unreadable(Guard::Forward, &error));
                return ahead;
            }
        };
        if let Some(other) = &other {
            ahead.warnings.extend(staying(client, question.tag, &other.record, &kept.record).await);
        }
        if question.allow_older {
            return ahead;
        }
        let order = match &other {
            Some(other) => {
                order::order(&kept.record, &other.record, git::ancestry(question.sha, &live).await)
            }
            None => Order::Unknown(format!("live {live} has no record")),
        };
        match order {
            Order::Forward => {}
            Order::Backward(why) => ahead.refusals.push(order::refusal(why)),
            Order::Unknown(why) => {
                ahead.warnings.push(format!("{why}, so it is unknown whether this release is newer"));
            }
        }
        ahead
    }
}

/// What the live release says about the one that is to follow it.
#[derive(Default)]
struct Ahead {
    refusals: Vec<Refusal>,
    warnings: Vec<String>,
    live: Option<CommitSha>,
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

/// The sha of what is live: by the history, or by the staging tags where they are few.
pub async fn live_sha(
    client: &Client<'_>,
    staging: &StagingPattern,
    tag: &Tag,
    history: &History,
    facts: &[ImageFacts],
) -> Option<CommitSha> {
    let live = |image: &ImageFacts| Some(image.current.as_ref().ok()?.as_ref()?.manifest.digest.clone());
    let stands: Vec<(&Repository, Digest)> =
        facts.iter().filter_map(|image| Some((&image.repository, live(image)?))).collect();
    let digests = stands.iter().map(|(repository, digest)| (*repository, digest));
    if let Some(lived) = history.lived(tag.as_str()).into_iter().rfind(|lived| lived.fits(digests.clone())) {
        return Some(lived.sha);
    }
    let (repository, digest) = stands.first()?;
    let shas = staged::shas_of(client, staging, repository, digest, staged::ASKED).await.ok()??;
    shas.into_iter().next()
}

pub fn stands(facts: &[ImageFacts]) -> Vec<Stand> {
    facts.iter().map(ImageFacts::stand).collect()
}
