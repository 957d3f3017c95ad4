//! When a move came to nothing: what was moved is put back, and every image is named, with where it stands.

use futures_util::future::{join, join_all};

use super::failure::{Failure, MoveFailure, MoveProblem};
use super::moving::{Mover, Trouble};
use super::putting_back::{BUDGET, BUDGET_AFTER_SIGNAL, put_back};
use crate::base::list::NonEmpty;
use crate::io::clock;
use crate::io::registry::client::Client;
use crate::io::stop::Signal;
use crate::model::moves::{Ended, Plan, Receipt};
use crate::policy::repair::{remark, repair};

impl Mover<'_, '_> {
    /// Puts back what was moved and says where everything stands.
    pub(super) async fn undo(&self, touched: &[usize], trouble: Trouble) -> Failure {
        let console = &self.client.context().console;
        let (problem, signal) = told(trouble);
        let receipts = if touched.is_empty() {
            self.receipts(|_| Ended::Untouched)
        } else {
            console.warn(&format!("{}; putting back", problem.message));
            let budget = if signal.is_some() { BUDGET_AFTER_SIGNAL } else { BUDGET };
            let client = self.client.until(clock::instant() + budget);
            let moves = self.plan.moves.iter().enumerate();
            let ended = join_all(moves.map(|(i, m)| put_back(&client, self.plan, m, touched.contains(&i))));
            let (ended, stayed) = join(ended, self.ended_of_stayed(&client)).await;
            self.all_receipts(|i| ended[i].clone(), &stayed)
        };
        self.failure(problem, signal, receipts)
    }

    /// The failure that names `problem`, every image, and the commands that repair what is left.
    pub(super) fn failure(
        &self,
        problem: MoveProblem,
        signal: Option<Signal>,
        receipts: Vec<Receipt>,
    ) -> Failure {
        let mut causes = vec![problem];
        causes.extend(receipts.iter().filter_map(remark).map(|message| MoveProblem {
            message,
            hint: "run the printed commands, then `release-status`".to_owned(),
        }));
        let repair = repair(self.direction, self.plan, &receipts, self.options);
        let causes = NonEmpty::from_vec(causes).expect("the first cause is always there");
        Failure::Moving(Box::new(MoveFailure {
            sha: self.plan.sha.clone(),
            causes,
            receipts,
            repair,
            signal,
        }))
    }

    /// Where the images stand that did not have to move.
    pub(super) async fn ended_of_stayed(&self, client: &Client<'_>) -> Vec<Ended> {
        let stayed = self.stayed();
        let looks = stayed.iter().map(|m| put_back(client, self.plan, m, false));
        join_all(looks).await.into_iter().map(|ended| ended.or_there(Ended::Already)).collect()
    }

    /// The receipts, with how the images ended that did not have to move.
    pub(super) fn all_receipts(&self, ended: impl Fn(usize) -> Ended, stayed: &[Ended]) -> Vec<Receipt> {
        let mut receipts = self.receipts(ended);
        let first = self.plan.moves.len();
        receipts[first..].iter_mut().zip(stayed).for_each(|(receipt, ended)| receipt.ended = ended.clone());
        receipts
    }

    /// The receipts: moves first, in order, then what was there already.
    pub(super) fn receipts(&self, ended: impl Fn(usize) -> Ended) -> Vec<Receipt> {
        receipts(self.plan, ended)
    }
}

/// A receipt for every image of `plan`, in its order; `ended` tells how each move ended.
pub fn receipts(plan: &Plan, ended: impl Fn(usize) -> Ended) -> Vec<Receipt> {
    let moved = plan.moves.iter().enumerate().map(|(i, m)| Receipt {
        repository: m.repository.clone(),
        from: m.from.as_ref().map(|manifest| manifest.digest.clone()),
        to: m.to.digest.clone(),
        ended: ended(i),
    });
    let already = plan.already.iter().map(|(repository, manifest)| Receipt {
        repository: repository.clone(),
        from: Some(manifest.digest.clone()),
        to: manifest.digest.clone(),
        ended: Ended::Already,
    });
    moved.chain(already).collect()
}

/// What stopped a move, in words and with what to do; and the signal, if it was one.
pub(super) fn told(trouble: Trouble) -> (MoveProblem, Option<Signal>) {
    match trouble {
        Trouble::Registry(error) => (MoveProblem { message: error.to_string(), hint: error.hint() }, None),
        Trouble::Conflict(message) => {
            let hint = "somebody else moves this tag: wait until they are done, look with `release-status`, then decide again";
            (MoveProblem { message, hint: hint.to_owned() }, None)
        }
        Trouble::Signal(signal) => {
            let message = format!("stopped by {}", signal.name());
            (MoveProblem { message, hint: "run the same command again to finish".to_owned() }, Some(signal))
        }
    }
}
