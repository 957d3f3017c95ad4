//! A rollback looks again once everybody can know of it: the other half of `yield_to_rollback`.

use futures_util::future::{join_all, join3};

use crate::engine::abort::{all_receipts, ended_of_stayed};
use crate::engine::budget::RESTORE;
use crate::engine::failure::{EngineError, MoveFailure};
use crate::engine::mover::{Mover, Trouble};
use crate::engine::restore::put_back;
use crate::engine::verify::verify;
use crate::io::clock;
use crate::io::registry::error::RegistryError;
use crate::ledger::hold;
use crate::model::hold::Hold;
use crate::model::moves::{Ended, Move};
use crate::model::reference::Reference;

/// Looks once more, after everybody can know of this rollback, whether it still stands, and writes again what does
/// not. A promotion that wrote before it could know is seen here; one that writes later sees the rollback in the
/// history and yields (`yield_to_rollback`). `latest-previous` is looked at too: that promotion anchored. So is the
/// hold: another rollback at the same time may have taken it for its own.
///
/// # Errors
/// Somebody else keeps moving a tag. What could not be read again is only told: it was read before.
pub async fn reassert(mover: &Mover<'_, '_>, hold: Option<&Hold>) -> Result<(), EngineError> {
    let console = &mover.client.context().console;
    let held = async {
        if let Some(hold) = hold {
            hold::keep(mover.client, &mover.plan.tag, hold).await;
        }
    };
    let (verified, (), ()) = join3(verify(mover), keep_previous(mover), held).await;
    let (problem, signal) = match verified {
        Ok(()) => return Ok(()),
        Err(Trouble::Registry(error)) => {
            console.warn(&format!("the rollback was verified, but could not be read once more: {error}"));
            return Ok(());
        }
        Err(trouble) => trouble.told(),
    };
    let client = mover.client.until(clock::instant() + RESTORE.time(signal.is_some()));
    let stand = |m: &Move| Move { from: Some(m.to.clone()), ..m.clone() };
    let moves: Vec<Move> = mover.plan.moves.iter().map(stand).collect();
    let ended = join_all(moves.iter().map(|m| put_back(&client, mover.plan, m, false))).await;
    let stayed = ended_of_stayed(&client, mover.plan).await;
    let receipts = all_receipts(mover.plan, |i| ended[i].clone().or_there(Ended::Moved), &stayed);
    if receipts.iter().all(|receipt| receipt.ended.is_there()) {
        return Ok(());
    }
    Err(EngineError::Moving(Box::new(MoveFailure::of(
        mover.target,
        mover.direction,
        mover.plan,
        (problem, signal),
        receipts,
    ))))
}

/// Makes `latest-previous` name what this rollback chose, where it does not. What cannot be read or written is told.
async fn keep_previous(mover: &Mover<'_, '_>) {
    let tag = mover.plan.tag.previous();
    let stayed = mover.plan.stayed();
    let looks = mover.plan.moves.iter().chain(&stayed).map(|m| async {
        let reference = Reference::Tagged(m.repository.clone(), tag.clone());
        if mover.client.digest(&reference).await?.as_ref() != Some(&m.to.digest) {
            mover.client.put_tag_again(&m.repository, &tag, &m.to).await?;
        }
        Ok::<_, RegistryError>(())
    });
    for error in join_all(looks).await.into_iter().filter_map(Result::err) {
        mover.client.context().console.warn(&error.to_string());
    }
}
