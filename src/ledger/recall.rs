//! Everything the records say about a promotion, read before it.

use futures_util::future::join;

use super::history::{self, StoredHistory};
use super::releases::{self, StoredRecord};
use super::{evidence, staged};
use crate::io::git;
use crate::io::registry::client::Client;
use crate::io::registry::error::RegistryError;
use crate::model::commit::CommitSha;
use crate::model::digest::Digest;
use crate::model::facts::ImageFacts;
use crate::model::refusal::{Guard, Refusal};
use crate::model::repository::Repository;
use crate::model::tag::{StagingPattern, Tag};
use crate::policy::gates::evidence::{Demand, Piece, judge};
use crate::policy::gates::hold::check_history;
use crate::policy::gates::order::{self, Order};
use crate::policy::gates::record::check_record;
use crate::policy::history::History;

/// What a promotion wants to know.
pub struct Question<'a> {
    /// The repository that keeps the records.
    pub home: &'a Repository,
    /// How a staging tag is written.
    pub staging: &'a StagingPattern,
    /// The tag that is to move.
    pub tag: &'a Tag,
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
pub struct Recalled {
    /// The release record.
    pub kept: Option<StoredRecord>,
    /// The history.
    pub history: StoredHistory,
    /// Every piece of evidence that was looked at.
    pub pieces: Vec<Piece>,
    /// What speaks against the promotion.
    pub refusals: Vec<Refusal>,
    /// What should be known and does not.
    pub warnings: Vec<String>,
}

/// Reads the records of `home`. What cannot be read is a refusal: unknown is not allowed.
pub async fn recall(client: &Client<'_>, question: &Question<'_>) -> Recalled {
    let home = question.home;
    let (kept, history) = join(releases::read(client, home, question.sha), history::read(client, home)).await;
    let mut recalled = Recalled {
        kept: None,
        history: StoredHistory::default(),
        pieces: question.files.to_vec(),
        refusals: Vec::new(),
        warnings: Vec::new(),
    };
    match kept {
        Ok(kept) => {
            recalled.refusals.extend(check_record(
                question.sha,
                kept.as_ref().map(|kept| &kept.record),
                question.facts,
            ));
            recalled.kept = kept;
        }
        Err(error) => recalled.refusals.push(unreadable(Guard::Record, &error)),
    }
    match history {
        Ok(stored) => {
            let digests = wanted_digests(question.facts);
            recalled.refusals.extend(check_history(
                question.sha,
                question.tag.as_str(),
                &digests,
                &stored.history,
                question.lifts,
            ));
            recalled.history = stored;
        }
        Err(error) => recalled.refusals.push(unreadable(Guard::History, &error)),
    }
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

fn wanted_digests(facts: &[ImageFacts]) -> Vec<Digest> {
    facts
        .iter()
        .filter_map(|image| image.wanted.as_ref().ok()?.as_ref())
        .map(|staged| staged.manifest.digest.clone())
        .collect()
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

    /// Whether the release is newer than the live one.
    async fn look_ahead(&mut self, client: &Client<'_>, question: &Question<'_>) {
        let Some(kept) = self.kept.as_ref().filter(|_| !question.allow_older) else { return };
        let Some(live) =
            live_sha(client, question.staging, question.tag, &self.history.history, question.facts).await
        else {
            if question.facts.iter().any(|image| matches!(image.current, Ok(Some(_)))) {
                self.warnings.push(
                    "what is live has no record: whether this release is newer cannot be told".to_owned(),
                );
            }
            return;
        };
        let order = match releases::read(client, question.home, &live).await {
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
    staging: &StagingPattern,
    tag: &Tag,
    history: &History,
    facts: &[ImageFacts],
) -> Option<CommitSha> {
    let standing = history.standing(tag.as_str());
    if let Some(last) = standing.last_move.filter(|last| last.explains(facts)) {
        return last.sha;
    }
    let first = facts.first()?;
    let live = first.current.as_ref().ok()?.as_ref()?;
    let shas = staged::shas_of(client, staging, &first.repository, &live.manifest.digest).await.ok()?;
    shas.into_iter().next()
}
