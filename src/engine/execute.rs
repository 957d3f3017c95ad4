//! Carries a decision out: anchor, move, verify; put back on any failure.

use futures_util::future::join;

use super::abort::undo;
use super::anchors::{self, Anchors};
use super::contention::converged::settle;
use super::failure::EngineError;
use super::mover::{Mover, Trouble};
use super::target::Target;
use super::verify::verify;
use crate::io::registry::client::Client;
use crate::ledger::hold;
use crate::model::commit::CommitSha;
use crate::model::difference::ImageChange;
use crate::model::hold::Hold;
use crate::model::image::counted;
use crate::model::moves::{Ended, Receipt};
use crate::model::repository::Repository;
use crate::model::tag::Tag;
use crate::policy::plan::Decision;
use crate::policy::repair::Direction;

/// What a promotion or a rollback came to.
#[derive(Clone, Debug)]
pub struct Executed {
    pub direction: Direction,
    /// The release, if it has a name.
    pub sha: Option<CommitSha>,
    pub tag: Tag,
    pub receipts: Vec<Receipt>,
    /// What is not as it should be and did not refuse.
    pub warnings: Vec<String>,
    /// The release record, as `repository@sha256:...`.
    pub release: Option<String>,
    /// What is different in what was moved, where that was asked for.
    pub changes: Vec<ImageChange>,
    /// The tags that were written beside it.
    pub also: Vec<Tag>,
    /// What a promotion brings, if the commit of what was live before is known.
    pub since: Option<Box<Since>>,
}

#[derive(Clone, Debug)]
pub struct Since {
    /// The release that was live before.
    pub previous: CommitSha,
    /// The commits since that one, newest first, in words for a person; empty where nobody could tell.
    pub commits: Vec<String>,
}

/// What is to be done beside moving the tags.
#[derive(Clone, Copy, Debug)]
pub enum Work<'a> {
    /// Nothing but anchoring what is live.
    Promotion,
    /// What is left is kept from coming back.
    Rollback {
        /// Whether the release that is left is marked as rejected.
        rejects: bool,
        /// The hold to place before the first tag moves.
        hold: Option<&'a Hold>,
        /// Images that a rollback holds already: what it rejected there stays rejected.
        held: &'a [Repository],
    },
}

impl Executed {
    pub fn moved(&self) -> bool {
        self.receipts.iter().any(|receipt| receipt.ended == Ended::Moved)
    }
}

/// Carries a decision out, or tells it with `--dry-run`.
///
/// # Errors
/// Nothing could be anchored and nothing was moved; or a move failed and every image is named, with where it stands.
///
/// After a rollback the caller marks `latest-previous` ([`anchors::mark_previous`]), at the same time as its records.
pub async fn execute(
    client: &Client<'_>,
    target: &Target,
    decision: Decision,
    work: Work<'_>,
) -> Result<Executed, EngineError> {
    let Decision { plan, mut warnings } = decision;
    let direction = match work {
        Work::Promotion => Direction::Promotion,
        Work::Rollback { .. } => Direction::Rollback,
    };
    let console = &client.context().console;
    warnings.iter().for_each(|warning| console.warn(warning));
    let mut receipts = if plan.moves.is_empty() || target.dry_run {
        plan.receipts(|_| Ended::WouldMove)
    } else {
        console.say(&format!("moving {} of {}", plan.tag, counted(plan.moves.len())));
        let mover = Mover { client, plan: &plan, direction, target };
        match run(&mover, work, &mut warnings).await {
            Ok(receipts) => receipts,
            Err(EngineError::Moving(failure)) => {
                return Err(EngineError::Moving(settle(client, target, failure).await));
            }
            Err(failure) => return Err(failure),
        }
    };
    let place = |receipt: &Receipt| target.images.iter().position(|image| *image == receipt.repository);
    receipts.sort_by_key(place);
    Ok(Executed {
        direction,
        sha: plan.sha,
        tag: plan.tag,
        receipts,
        warnings,
        release: None,
        changes: Vec::new(),
        also: Vec::new(),
        since: None,
    })
}

/// Moves everything. The receipts are those of all images, in the order of the plan.
async fn run(
    mover: &Mover<'_, '_>,
    work: Work<'_>,
    warnings: &mut Vec<String>,
) -> Result<Vec<Receipt>, EngineError> {
    let mut earlier = Anchors::default();
    let mut unanchored = false;
    let seen = match work {
        Work::Promotion => {
            let (looked, found) = join(mover.look_again(), anchors::read(mover)).await;
            if let Err(trouble) = looked {
                return Err(undo(mover, &[], trouble).await);
            }
            earlier = found?;
            match anchor(mover, &earlier, warnings).await {
                Ok(whole) => unanchored = !whole,
                Err(failure) => {
                    anchors::lift(mover, &earlier, &failure).await;
                    return Err(failure);
                }
            }
            // Somebody may have moved a tag while the anchors were written: a promotion looks right before it writes.
            Vec::new()
        }
        Work::Rollback { rejects, hold, held } => {
            let looked = mover.look_again();
            let (seen, kept) =
                join(looked, keep_from_coming_back(mover, rejects, hold, held, warnings)).await;
            kept?;
            match seen {
                Ok(seen) => seen,
                Err(trouble) => return Err(undo(mover, &[], trouble).await),
            }
        }
    };
    let mut touched = Vec::new();
    let result = match mover.move_all(&seen, &mut touched).await {
        Ok(()) => {
            if mover.direction == Direction::Rollback {
                // It may write again what it found in place, if that does not stay there.
                touched = (0..mover.plan.moves.len()).collect();
            }
            verify(mover).await
        }
        Err(trouble) => Err(trouble),
    };
    match result {
        Ok(()) => Ok(mover.plan.receipts(|_| Ended::Moved)),
        Err(trouble) => {
            // Whoever moved the tag may have marked a way back of their own.
            let alone = !matches!(trouble, Trouble::Conflict(_));
            let mut failure = undo(mover, &touched, trouble).await;
            if alone {
                anchors::lift(mover, &earlier, &failure).await;
            }
            if let EngineError::Moving(failure) = &mut failure
                && unanchored
            {
                failure.lead_on(mover.target, mover.plan);
            }
            Err(failure)
        }
    }
}

/// Writes the anchors of a promotion. Whether all of them were written.
async fn anchor(
    mover: &Mover<'_, '_>,
    earlier: &Anchors,
    warnings: &mut Vec<String>,
) -> Result<bool, EngineError> {
    // Where there is nothing to anchor, or it is too broken, no write shows yet that writing is allowed.
    let new = mover.plan.moves.iter().filter(|m| m.from.is_none()).map(|m| m.repository.clone());
    let new: Vec<Repository> = new.collect();
    let (allowed, lost) = join(anchors::may_write(mover, &new), anchors::write(mover, earlier)).await;
    let lost = lost?;
    allowed?;
    let (broken, words): (Vec<Repository>, Vec<String>) = lost.into_iter().unzip();
    anchors::may_write(mover, &broken).await?;
    tell(mover, warnings, words);
    Ok(broken.is_empty())
}

/// What a rollback writes before the first tag moves: nobody may promote over one that was killed before it could say
/// so. None of it stops a rollback, but a denied write on each try says that the move would be denied too.
async fn keep_from_coming_back(
    mover: &Mover<'_, '_>,
    rejects: bool,
    hold: Option<&Hold>,
    held: &[Repository],
    warnings: &mut Vec<String>,
) -> Result<(), EngineError> {
    let anchored = async { if rejects { anchors::reject(mover, held).await } else { Vec::new() } };
    let placed = async {
        match hold {
            Some(hold) => hold::place(mover.client, &mover.plan.tag, hold).await,
            None => Vec::new(),
        }
    };
    let (anchored, placed) = mover.client.context().stop.unless(join(anchored, placed)).await?;
    let written = |image: &Repository| {
        anchored.iter().chain(&placed).any(|(repository, done)| repository == image && done.is_ok())
    };
    let unproven = mover.plan.moves.iter().map(|m| &m.repository).filter(|image| !written(image));
    anchors::may_write(mover, &unproven.cloned().collect::<Vec<_>>()).await?;
    let unheld =
        placed.into_iter().filter_map(|(image, done)| Some(format!("{image} is not held: {}", done.err()?)));
    let words: Vec<String> =
        unheld.chain(anchored.into_iter().filter_map(|(_, done)| Some(done.err()?.to_string()))).collect();
    tell(mover, warnings, words);
    Ok(())
}

fn tell(mover: &Mover<'_, '_>, warnings: &mut Vec<String>, words: Vec<String>) {
    words.iter().for_each(|words| mover.client.context().console.warn(words));
    warnings.extend(words);
}
