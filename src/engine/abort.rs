//! When a move came to nothing: what was moved is put back, and every image is named, with where it stands.

use futures_util::future::{join, join_all};

use super::budget::RESTORE;
use super::failure::{EngineError, MoveFailure};
use super::mover::{Mover, Trouble};
use super::restore::put_back;
use crate::io::clock;
use crate::io::registry::client::Client;
use crate::model::moves::{Ended, Plan, Receipt};

/// Puts back what was moved and says where everything stands. `touched`: the moves that a PUT was sent for.
pub async fn undo(mover: &Mover<'_, '_>, touched: &[usize], trouble: Trouble) -> EngineError {
    let (problem, signal) = trouble.told();
    let receipts = if touched.is_empty() {
        mover.plan.receipts(|_| Ended::Untouched)
    } else {
        mover.client.context().console.warn(&format!("{}; putting back", problem.message));
        let client = mover.client.until(clock::instant() + RESTORE.time(signal.is_some()));
        let moves = mover.plan.moves.iter().enumerate();
        let ended = join_all(moves.map(|(i, m)| put_back(&client, mover.plan, m, touched.contains(&i))));
        let (ended, stayed) = join(ended, ended_of_stayed(&client, mover.plan)).await;
        all_receipts(mover.plan, |i| ended[i].clone(), &stayed)
    };
    EngineError::Moving(Box::new(MoveFailure::of(
        mover.direction,
        mover.plan,
        mover.options,
        (problem, signal),
        receipts,
    )))
}

/// Where the images stand that did not have to move.
pub async fn ended_of_stayed(client: &Client<'_>, plan: &Plan) -> Vec<Ended> {
    let stayed = plan.stayed();
    let looks = stayed.iter().map(|m| put_back(client, plan, m, false));
    join_all(looks).await.into_iter().map(|ended| ended.or_there(Ended::Already)).collect()
}

/// The receipts, with how the images ended that did not have to move.
pub fn all_receipts(plan: &Plan, ended: impl Fn(usize) -> Ended, stayed: &[Ended]) -> Vec<Receipt> {
    let mut receipts = plan.receipts(ended);
    let first = plan.moves.len();
    receipts[first..].iter_mut().zip(stayed).for_each(|(receipt, ended)| receipt.ended = ended.clone());
    receipts
}
