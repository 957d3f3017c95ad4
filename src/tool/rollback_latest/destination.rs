//! Where a rollback goes: the release that was asked for, as its record knows it.

use futures_util::future::join_all;

use super::args::Args;
use super::previous::read_previous;
use crate::base::list::NonEmpty;
use crate::engine::failure::EngineError;
use crate::engine::inspect::{LivePlatforms, facts, name_missing_repositories};
use crate::engine::resolve::{Ledger, read_release};
use crate::engine::target::Target;
use crate::io::registry::client::Client;
use crate::ledger::history::{self, StoredHistory};
use crate::ledger::recall::stays;
use crate::ledger::releases::StoredRecord;
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
    /// Its record.
    pub record: Option<StoredRecord>,
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
    let (sha, facts, record, ledger) = match &args.sha {
        Some(typed) => {
            let read = read_release(client, target, typed, LivePlatforms::Unneeded).await?;
            (Some(read.sha), read.facts, read.record, read.ledger)
        }
        None => {
            let read = read_previous(client, target).await?;
            (read.sha, read.facts, Ok(read.record), read.ledger)
        }
    };
    let mut to = Destination { sha, facts, ledger: None, record: None, partial: false, warnings: Vec::new() };
    to.record = record.unwrap_or_else(|error| {
        to.warnings.push(format!("the release record cannot be read: {error}"));
        None
    });
    to.remember(client, &places, ledger).await;
    match (to.record.clone(), &to.sha) {
        (Some(record), _) => to.follow(ask, &record).await?,
        (None, Some(sha)) if !places.is_empty() => {
            to.warnings
                .push(format!("{sha} has no release record: only the images that are named are moved"));
            to.follow_history(client, target).await;
        }
        (None, _) => {}
    }
    to.refuse_rejected(ask)?;
    name_missing_repositories(client, &mut to.facts).await;
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

    /// Takes what the images stood at when the release was live from the history, where no staging tag says it.
    async fn follow_history(&mut self, client: &Client<'_>, target: &Target) {
        let Some((_, stored)) = &self.ledger else { return };
        let lived = stored.history.lived(target.tag.as_str());
        let Some(lived) = lived.into_iter().rfind(|lived| Some(&lived.sha) == self.sha.as_ref()) else {
            return;
        };
        for image in &mut self.facts {
            let digest = lived.images.get(&image.repository).filter(|_| matches!(image.wanted, Ok(None)));
            if let Some(digest) = digest {
                let pinned = [Reference::Pinned(image.repository.clone(), digest.clone())];
                if let Some(found) = facts(client, &target.tag, &pinned, LivePlatforms::Unneeded).await.pop()
                {
                    *image = found;
                }
            }
        }
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
    async fn remember(&mut self, client: &Client<'_>, places: &[Repository], ledger: Ledger) {
        let Some(mut ledger) = ledger else { return };
        let home = self.record.as_ref().map(|record| record.name.home.clone());
        if let Some(home) = home.as_ref().filter(|home| ledger.as_ref().is_ok_and(|(read, _)| read != *home))
        {
            ledger = history::read(client, home).await.map(|stored| (home.clone(), stored));
        }
        let (home, stored) = ledger.unwrap_or_else(|error| {
            self.warnings.push(format!("the history cannot be read: {error}"));
            (home.unwrap_or_else(|| places[0].clone()), StoredHistory::default())
        });
        self.warnings.extend(stored.trouble());
        self.ledger = Some((home, stored));
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
