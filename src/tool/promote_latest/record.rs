//! What a promotion writes about itself: its entry in the history, and the evidence it rested on.

use super::args::Args;
use super::evidence::Handed;
use crate::engine::execute::Executed;
use crate::engine::target::Target;
use crate::io::registry::client::Client;
use crate::ledger::evidence;
use crate::ledger::history::{entry, remember};
use crate::ledger::recall::Recalled;
use crate::model::facts::ImageFacts;
use crate::model::history::Event;
use crate::model::moves::Receipt;
use crate::model::repository::Repository;

/// A promotion that is done.
pub(super) struct Done<'a, 'w> {
    pub(super) client: &'a Client<'w>,
    pub(super) target: &'a Target,
    /// The repository that keeps the history.
    pub(super) home: &'a Repository,
    pub(super) args: &'a Args,
    pub(super) handed: &'a Handed,
    /// What the records said before it.
    pub(super) recalled: &'a Recalled,
    /// Where the images stood before it.
    pub(super) facts: &'a [ImageFacts],
}

impl Done<'_, '_> {
    /// Writes it into the registry. It is done: what cannot be written is a warning.
    pub(super) async fn record(&self, outcome: &mut Executed) {
        let standing = self.recalled.history.history.standing(self.target.tag.as_str());
        let moved = outcome.moved();
        // Everything is there and the history does not say how: an earlier run was killed before it could write.
        let unexplained =
            standing.last_move.as_ref().is_some_and(|last| !last.explains(self.facts)) && !moved;
        if self.target.dry_run || !(moved || unexplained) {
            return;
        }
        let env = &self.client.context().env;
        let note = |event, reason: Option<&str>, receipts: &[Receipt]| {
            entry(env, event, &self.target.tag, outcome.sha.as_ref(), receipts, reason)
        };
        let pieces = self
            .recalled
            .pieces
            .iter()
            .map(|piece| piece.sha256.clone())
            .filter(|sha256| !sha256.is_empty())
            .collect();
        let mut entries = Vec::new();
        if let Some(reason) = self.args.lift_hold.as_deref().filter(|_| standing.hold.is_some()) {
            entries.push(note(Event::Resume, Some(reason), &[]));
        }
        let mut promotion =
            note(Event::Promotion { evidence: pieces }, self.args.lift_hold.as_deref(), &outcome.receipts);
        if let Some(last) = standing.last_move.as_ref().filter(|_| unexplained) {
            promotion.moved = last.moved_since(&outcome.receipts);
        }
        entries.push(promotion);
        let mut lost = remember(self.client, self.home, &entries).await;
        if let Some(kept) = &self.recalled.kept {
            lost.extend(evidence::keep(self.client, kept, &self.handed.documents).await);
        }
        for warning in lost {
            self.client.context().console.warn(&warning);
            outcome.warnings.push(warning);
        }
    }
}
