//! A rollback looks again once everybody can know of it: the half of a pact whose other half is `giving_way`.

use futures_util::future::join_all;

use super::failure::Failure;
use super::moving::{Mover, Trouble};
use super::putting_back::{BUDGET, BUDGET_AFTER_SIGNAL, put_back};
use super::undoing::told;
use crate::io::clock;
use crate::io::registry::error::RegistryError;
use crate::model::moves::{Ended, Move};
use crate::model::reference::Reference;

impl Mover<'_, '_> {
    /// Looks once more, after everybody can know of this rollback, whether it still stands, and writes again what
    /// does not. A promotion that wrote before it could know is seen here; one that writes later sees the rollback
    /// in the history and gives way (`giving_way`). `latest-previous` is looked at too: that promotion anchored.
    ///
    /// # Errors
    /// Somebody else keeps moving a tag. What could not be read again is only told: it was read before.
    pub async fn stand_fast(&self) -> Result<(), Failure> {
        let console = &self.client.context().console;
        self.keep_previous().await;
        let (problem, signal) = match self.verify().await {
            Ok(()) => return Ok(()),
            Err(Trouble::Registry(error)) => {
                console
                    .warn(&format!("the rollback was verified, and could not be looked at again: {error}"));
                return Ok(());
            }
            Err(trouble) => told(trouble),
        };
        let budget = signal.map_or(BUDGET, |_| BUDGET_AFTER_SIGNAL);
        let client = self.client.until(clock::instant() + budget);
        let stand = |m: &Move| Move { from: Some(m.to.clone()), ..m.clone() };
        let moves: Vec<Move> = self.plan.moves.iter().map(stand).collect();
        let ended = join_all(moves.iter().map(|m| put_back(&client, self.plan, m, false))).await;
        let stayed = self.ended_of_stayed(&client).await;
        let receipts = self.all_receipts(|i| ended[i].clone().or_there(Ended::Moved), &stayed);
        if receipts.iter().all(|receipt| receipt.ended.is_there()) {
            return Ok(());
        }
        Err(self.failure(problem, signal, receipts))
    }

    /// Makes `latest-previous` name what this rollback chose, where it does not. What cannot be read or written is
    /// told.
    async fn keep_previous(&self) {
        let tag = self.plan.tag.previous();
        let stayed = self.stayed();
        let looks = self.plan.moves.iter().chain(&stayed).map(|m| async {
            let reference = Reference::Tagged(m.repository.clone(), tag.clone());
            if self.client.digest(&reference).await?.as_ref() != Some(&m.to.digest) {
                self.client.put_tag_again(&m.repository, &tag, &m.to).await?;
            }
            Ok::<_, RegistryError>(())
        });
        for error in join_all(looks).await.into_iter().filter_map(Result::err) {
            self.client.context().console.warn(&error.to_string());
        }
    }
}
