//! What the records say about a promotion, read before it and written after it.

use futures_util::future::join;

use super::chronicle::{self, Chronicle};
use super::records::{self, StoredRecord};
use super::rollback_latest::shas_of;
use super::settings::Settings;
use crate::io::registry::client::Client;
use crate::io::registry::error::RegistryError;
use crate::io::{clock, git};
use crate::model::commit::CommitSha;
use crate::model::digest::Digest;
use crate::model::history::{Entry, Moved};
use crate::model::moves::Receipt;
use crate::model::refusal::{Guard, Refusal};
use crate::model::repository::Repository;
use crate::policy::gates::evidence::{self, Demand, Piece};
use crate::policy::gates::memory::{check_history, check_record};
use crate::policy::gates::order::{self, Order};
use crate::policy::promotion::ImageFacts;

/// What a promotion wants to know.
pub struct Question<'a> {
    /// The release.
    pub sha: &'a CommitSha,
    /// What the registry holds of it.
    pub facts: &'a [ImageFacts],
    /// What evidence is asked for.
    pub demand: Demand<'a>,
    /// Evidence that was handed over as files.
    pub files: &'a [Piece],
    /// Whether a hold or rejection is lifted for this very release.
    pub lifts: bool,
    /// Whether it may be older than the live one.
    pub allow_older: bool,
}

/// What the records say.
pub struct Memory {
    /// The release record.
    pub kept: Option<StoredRecord>,
    /// The history.
    pub chronicle: Chronicle,
    /// Every piece of evidence that was looked at.
    pub pieces: Vec<Piece>,
    /// What speaks against the promotion.
    pub refusals: Vec<Refusal>,
    /// What should be known and does not.
    pub warnings: Vec<String>,
}

/// Reads the records of `home`. What cannot be read is a refusal: unknown is not allowed.
pub async fn recall(
    client: &Client<'_>,
    settings: &Settings,
    home: &Repository,
    question: &Question<'_>,
) -> Memory {
    let (kept, chronicle) =
        join(records::read(client, home, question.sha), chronicle::read(client, home)).await;
    let mut memory = Memory {
        kept: None,
        chronicle: Chronicle::default(),
        pieces: question.files.to_vec(),
        refusals: Vec::new(),
        warnings: Vec::new(),
    };
    match kept {
        Ok(kept) => {
            memory.refusals.extend(check_record(
                question.sha,
                kept.as_ref().map(|kept| &kept.record),
                question.facts,
            ));
            memory.kept = kept;
        }
        Err(error) => memory.refusals.push(unreadable(Guard::Record, &error)),
    }
    match chronicle {
        Ok(chronicle) => {
            let digests = wanted_digests(question.facts);
            memory.refusals.extend(check_history(
                question.sha,
                settings.latest.as_str(),
                &digests,
                &chronicle.history,
                question.lifts,
            ));
            memory.chronicle = chronicle;
        }
        Err(error) => memory.refusals.push(unreadable(Guard::History, &error)),
    }
    memory.weigh(client, question).await;
    memory.look_ahead(client, settings, home, question).await;
    memory
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

fn wanted_digests(facts: &[ImageFacts]) -> Vec<Digest> {
    facts
        .iter()
        .filter_map(|image| image.wanted.as_ref().ok()?.as_ref())
        .map(|staged| staged.manifest.digest.clone())
        .collect()
}

impl Memory {
    async fn weigh(&mut self, client: &Client<'_>, question: &Question<'_>) {
        let Some(kept) = self.kept.as_ref().filter(|_| !question.demand.kinds.is_empty()) else { return };
        match records::evidence(client, kept).await {
            Ok(recorded) => {
                self.pieces.extend(recorded);
                self.refusals.extend(evidence::judge(&kept.record, &self.pieces, &question.demand));
            }
            Err(error) => self.refusals.push(unreadable(Guard::Evidence, &error)),
        }
    }

    /// Whether the release is newer than the live one.
    async fn look_ahead(
        &mut self,
        client: &Client<'_>,
        settings: &Settings,
        home: &Repository,
        question: &Question<'_>,
    ) {
        let Some(kept) = self.kept.as_ref().filter(|_| !question.allow_older) else { return };
        let Some(live) = live_sha(client, settings, &self.chronicle, question.facts).await else {
            if question.facts.iter().any(|image| matches!(image.current, Ok(Some(_)))) {
                self.warnings.push(
                    "what is live has no record: whether this release is newer cannot be told".to_owned(),
                );
            }
            return;
        };
        let order = match records::read(client, home, &live).await {
            Ok(Some(other)) => {
                order::order(&kept.record, &other.record, git::ancestry(question.sha, &live).await)
            }
            Ok(None) => Order::Unknown,
            Err(error) => {
                self.refusals.push(unreadable(Guard::Forward, &error));
                return;
            }
        };
        match order {
            Order::Forward => {}
            Order::Backward(why) => self.refusals.push(order::refusal(why)),
            Order::Unknown => self
                .warnings
                .push(format!("nothing tells whether {} is newer than live {live}", question.sha)),
        }
    }
}

/// The sha of what is live: by the history where it still holds, by the staging tags otherwise.
pub async fn live_sha(
    client: &Client<'_>,
    settings: &Settings,
    chronicle: &Chronicle,
    facts: &[ImageFacts],
) -> Option<CommitSha> {
    let standing = chronicle.history.standing(settings.latest.as_str());
    if let Some(last) = standing.last_move.filter(|last| explains(last, facts)) {
        return last.sha;
    }
    let first = facts.first()?;
    let live = first.current.as_ref().ok()?.as_ref()?;
    let shas = shas_of(client, settings, &first.repository, &live.manifest.digest).await.ok()?;
    shas.into_iter().next()
}

/// Whether an entry is why the tags stand where they stand.
pub fn explains(entry: &Entry, facts: &[ImageFacts]) -> bool {
    entry.moved.iter().all(|moved| {
        let image = facts.iter().find(|image| image.repository == moved.repository);
        let current = image.and_then(|image| image.current.as_ref().ok()?.as_ref());
        current.is_some_and(|live| live.manifest.digest == moved.to)
    })
}

/// The moves that the killed run must have made: from where the last known move had led to where the tags stand.
pub fn since(last: &Entry, receipts: &[Receipt]) -> Vec<Moved> {
    let stands = |repository: &Repository| {
        receipts.iter().find(|receipt| receipt.repository == *repository).map(|receipt| receipt.to.clone())
    };
    let moved = last.moved.iter().filter_map(|moved| {
        let to = stands(&moved.repository)?;
        Some(Moved { repository: moved.repository.clone(), from: Some(moved.to.clone()), to })
    });
    moved.collect()
}

/// Time for writing records after a move, whatever the command's deadline says: the move is done, and what is not
/// written is only told.
const WRITING: std::time::Duration = std::time::Duration::from_secs(20);

/// Writes `entries` into the history. What cannot be written is returned as words for a person.
pub async fn remember(client: &Client<'_>, home: &Repository, entries: &[Entry]) -> Vec<String> {
    let client = client.until(clock::instant() + WRITING);
    let mut lost = Vec::new();
    for entry in entries {
        if let Err(error) = chronicle::append(&client, home, entry).await {
            lost.push(format!("the {} is not in the history: {error}", entry.event.as_str()));
        }
    }
    lost
}

/// Attaches handed-over evidence to the release record. What cannot be written is returned as words for a person.
pub async fn keep_evidence(client: &Client<'_>, kept: &StoredRecord, documents: &[Vec<u8>]) -> Vec<String> {
    let client = client.until(clock::instant() + WRITING);
    let mut lost = Vec::new();
    for document in documents {
        if let Err(error) = records::attach(&client, kept, document.clone()).await {
            lost.push(format!("the evidence is not recorded: {error}"));
        }
    }
    lost
}
