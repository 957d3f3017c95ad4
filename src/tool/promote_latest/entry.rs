//! What a promotion writes about itself: its entry in the history, and the evidence it rested on.

use super::handed::Handed;
use super::{Args, Outcome};
use crate::io::registry::client::Client;
use crate::model::history::Event;
use crate::model::moves::{Ended, Receipt};
use crate::model::repository::Repository;
use crate::policy::promotion::ImageFacts;
use crate::tool::chronicle::entry;
use crate::tool::memory::{Memory, explains, keep_evidence, remember, since};
use crate::tool::settings::Settings;

/// A promotion that is done.
pub(super) struct Done<'a, 'w> {
    pub(super) client: &'a Client<'w>,
    pub(super) settings: &'a Settings,
    /// The repository that keeps the history.
    pub(super) home: &'a Repository,
    pub(super) args: &'a Args,
    pub(super) handed: &'a Handed,
    /// What was remembered before it.
    pub(super) memory: &'a Memory,
    /// Where the images stood before it.
    pub(super) facts: &'a [ImageFacts],
}

impl Done<'_, '_> {
    /// Writes it into the registry. It is done: what cannot be written is a warning.
    pub(super) async fn record(&self, outcome: &mut Outcome) {
        let standing = self.memory.chronicle.history.standing(self.settings.latest.as_str());
        let moved = outcome.receipts.iter().any(|receipt| receipt.ended == Ended::Moved);
        // Everything is there and the history does not say how: an earlier run was killed before it could write.
        let unexplained =
            standing.last_move.as_ref().is_some_and(|last| !explains(last, self.facts)) && !moved;
        if self.settings.dry_run || !(moved || unexplained) {
            return;
        }
        let env = &self.client.context().env;
        let note = |event, reason: Option<&str>, receipts: &[Receipt]| {
            entry(env, event, &self.settings.latest, outcome.sha.as_ref(), receipts, reason)
        };
        let evidence = self
            .memory
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
            note(Event::Promotion { evidence }, self.args.lift_hold.as_deref(), &outcome.receipts);
        if let Some(last) = standing.last_move.as_ref().filter(|_| unexplained) {
            promotion.moved = since(last, &outcome.receipts);
        }
        entries.push(promotion);
        let mut lost = remember(self.client, self.home, &entries).await;
        if let Some(kept) = &self.memory.kept {
            lost.extend(keep_evidence(self.client, kept, &self.handed.documents).await);
        }
        for warning in lost {
            self.client.context().console.warn(&warning);
            outcome.warnings.push(warning);
        }
    }
}
