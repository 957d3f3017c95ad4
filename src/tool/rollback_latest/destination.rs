//! Where a rollback goes: the release that was asked for, as its record knows it.

use futures_util::future::{join, join_all};

use super::args::Args;
use super::previous::read_previous;
use crate::base::list::NonEmpty;
use crate::engine::failure::EngineError;
use crate::engine::inspect::{LivePlatforms, facts};
use crate::engine::resolve::read_staged;
use crate::engine::target::Target;
use crate::io::registry::client::Client;
use crate::io::registry::error::RegistryError;
use crate::ledger::history::{self, StoredHistory};
use crate::ledger::recall::stays;
use crate::ledger::releases::{self, StoredRecord};
use crate::model::commit::CommitSha;
use crate::model::digest::Digest;
use crate::model::facts::ImageFacts;
use crate::model::moves::{Move, Plan};
use crate::model::reference::Reference;
use crate::model::refusal::{Guard, Refusal};
use crate::model::release::ImageRecord;
use crate::model::repository::Repository;
use crate::policy::gates::hold::{is_rejected, rejects};
use crate::policy::gates::set::part;

/// A release to go back to.
pub(super) struct Destination {
    pub sha: Option<CommitSha>,
    pub facts: Vec<ImageFacts>,
    /// The repository that keeps the history, and the history; `None` where no records are kept.
    pub ledger: Option<(Repository, StoredHistory)>,
    /// Whether images of the release are left where they are, because somebody wants only a part.
    pub partial: bool,
    pub warnings: Vec<String>,
}

/// What a rollback asks for, and whom it asks.
#[derive(Clone, Copy)]
pub(super) struct Ask<'a> {
    pub client: &'a Client<'a>,
    pub target: &'a Target,
    pub args: &'a Args,
}

/// Reads where somebody wants to go. The release record decides which images belong to it, and at which digests; where
/// there is none, the staging tags of the images that are named have to do. Nothing that is only recorded stops it.
///
/// # Errors
/// The release cannot be told, a part of it would stay behind, or it is rejected and nobody said why it is meant.
pub(super) async fn read(ask: Ask<'_>) -> Result<Destination, EngineError> {
    let Ask { client, target, args } = ask;
    let places = target.places();
    let found = async {
        match &args.sha {
            Some(typed) => {
                let read = read_staged(client, target, typed, LivePlatforms::Unneeded);
                let (read, record) = join(read, releases::find(client, &places, typed)).await;
                let (sha, facts) = read?;
                let record = if sha == *typed { record } else { releases::find(client, &places, &sha).await };
                Ok((Some(sha), facts, record))
            }
            None => {
                let (sha, facts) = read_previous(client, target).await?;
                let record = match &sha {
                    Some(sha) => releases::find(client, &places, sha).await,
                    None => Ok(None),
                };
                Ok((sha, facts, record))
            }
        }
    };
    let ledger = async { if places.is_empty() { None } else { Some(history::find(client, &places).await) } };
    let (found, ledger): (Result<_, EngineError>, _) = join(found, ledger).await;
    let (sha, facts, record) = found?;
    let mut to = Destination { sha, facts, ledger: None, partial: false, warnings: Vec::new() };
    let record = record.unwrap_or_else(|error| {
        to.warnings.push(format!("the release record cannot be read: {error}"));
        None
    });
    match (&record, &to.sha) {
        (Some(record), _) => to.follow(ask, record).await?,
        (None, Some(sha)) if !places.is_empty() => to.warnings.push(format!(
            "{sha} has no release record: only the images that are named are moved, by their staging tags"
        )),
        (None, _) => {}
    }
    to.remember(client, &places, ledger, record.as_ref()).await;
    to.refuse_rejected(ask)?;
    Ok(to)
}

impl Destination {
    /// Takes the images, and what they are, from the record.
    async fn follow(&mut self, ask: Ask<'_>, stored: &StoredRecord) -> Result<(), EngineError> {
        let Ask { client, target, .. } = ask;
        let release = &stored.record.release;
        let mut kept = Vec::new();
        for image in std::mem::take(&mut self.facts) {
            let recorded = release.images.iter().find(|recorded| recorded.repository == image.repository);
            let wanted = image.wanted.as_ref().ok().and_then(Option::as_ref);
            match recorded {
                Some(recorded) if wanted.is_some_and(|w| w.manifest.digest == recorded.digest) => {
                    kept.push(image);
                }
                Some(recorded) => {
                    if let Some(wanted) = wanted {
                        self.warnings.push(format!(
                            "{} names {}, and the record of {} names {}, which is where this goes",
                            image.source, wanted.manifest.digest, release.sha, recorded.digest
                        ));
                    }
                    let pinned = Reference::Pinned(image.repository.clone(), recorded.digest.clone());
                    kept.extend(facts(client, &target.tag, &[pinned], LivePlatforms::Unneeded).await);
                }
                // It is not published yet where the record was written: its staging tag has to do.
                None if stored.record.missing.contains(&image.repository) => kept.push(image),
                None => {
                    let stands = image.current.as_ref().ok().and_then(Option::as_ref);
                    let stands = stands.map(|live| &live.manifest.digest);
                    self.warnings.push(stays(&image.repository, &target.tag, &release.sha, stands));
                }
            }
        }
        self.facts = kept;
        self.ask_for_the_rest(ask, stored).await
    }

    /// Images of the release that nobody named: no trouble where they stand there already.
    async fn ask_for_the_rest(&mut self, ask: Ask<'_>, stored: &StoredRecord) -> Result<(), EngineError> {
        let Ask { client, target, args } = ask;
        let release = &stored.record.release;
        let named =
            |image: &&ImageRecord| self.facts.iter().any(|facts| facts.repository == image.repository);
        let looks = release.images.iter().filter(|image| !named(image)).map(|image| async move {
            let stands =
                client.digest(&Reference::Tagged(image.repository.clone(), target.tag.clone())).await;
            (image, stands.is_ok_and(|stands| stands.as_ref() == Some(&image.digest)))
        });
        let looked = join_all(looks).await;
        let lacking: Vec<Repository> =
            looked.iter().filter(|(_, there)| !there).map(|(image, _)| image.repository.clone()).collect();
        if lacking.is_empty() {
            return Ok(());
        }
        self.partial = true;
        if args.partial.is_some() {
            let stay =
                lacking.iter().map(|image| format!("only a part of {} is moved: {image} stays", release.sha));
            self.warnings.extend(stay);
            return Ok(());
        }
        let images = release.images.iter().map(|image| &image.repository);
        let words = format!("rollback-latest {} {}", release.sha, target.repeated);
        let command = target.command(&words, images);
        let refusal = part(&release.sha, &stored.record, &lacking, &command);
        Err(EngineError::refused(Some(&release.sha), NonEmpty::one(refusal)))
    }

    /// Takes in the history, which is where the record says.
    async fn remember(
        &mut self,
        client: &Client<'_>,
        places: &[Repository],
        ledger: Option<Result<(Repository, StoredHistory), RegistryError>>,
        record: Option<&StoredRecord>,
    ) {
        let Some(mut ledger) = ledger else { return };
        if let Some(record) = record
            && ledger.as_ref().ok().is_none_or(|(home, _)| *home != record.name.home)
        {
            let home = record.name.home.clone();
            ledger = history::read(client, &home).await.map(|stored| (home, stored));
        }
        self.ledger = Some(ledger.unwrap_or_else(|error| {
            self.warnings.push(format!("the history cannot be read: {error}"));
            let home = record.map_or_else(|| places[0].clone(), |record| record.name.home.clone());
            (home, StoredHistory::default())
        }));
    }

    /// Going back to what a rollback rejected may be right, but not by mistake.
    fn refuse_rejected(&mut self, Ask { target, args, .. }: Ask<'_>) -> Result<(), EngineError> {
        let Some(sha) = &self.sha else { return Ok(()) };
        let standing = self.ledger.as_ref().map(|(_, stored)| stored.history.standing(target.tag.as_str()));
        let by =
            standing.iter().flat_map(|standing| &standing.rejected).find(|r| rejects(r, sha, &self.facts));
        let found = match by {
            Some(rejected) => format!("rejected by a rollback{}", rejected.by.told()),
            None if is_rejected(&self.facts) => format!("every image under {}", target.tag.rejected()),
            None => return Ok(()),
        };
        if args.reason.is_some() || args.moving.registry.dry_run {
            self.warnings.push(format!("{sha} is a release that was {found}"));
            return Ok(());
        }
        let refusal = Refusal {
            guard: Guard::Rejected,
            image: None,
            expected: format!("{sha} not to be rejected, or a reason to go back to it"),
            found,
            hint: "choose another release (`rollback-latest --list`), or say why this one is meant with --reason TEXT".to_owned(),
        };
        Err(EngineError::refused(Some(sha), NonEmpty::one(refusal)))
    }

    pub(super) fn held(&self) -> Vec<Repository> {
        let held = self.facts.iter().filter(|image| matches!(image.hold, Ok(Some(_))));
        held.map(|image| image.repository.clone()).collect()
    }

    /// The images that move or stay in `plan`, with what they name before it.
    pub(super) fn before(plan: &Plan) -> Vec<(Repository, Option<Digest>)> {
        let from = |m: &Move| (m.repository.clone(), m.from.as_ref().map(|from| from.digest.clone()));
        plan.moves.iter().map(from).chain(plan.stayed().iter().map(from)).collect()
    }
}
