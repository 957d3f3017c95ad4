//! What a promotion writes about itself: its entry in the history, and the evidence it rested on.

use futures_util::future::{join, join_all};

use super::args::Args;
use super::evidence::Handed;
use crate::engine::execute::Executed;
use crate::engine::target::Target;
use crate::io::registry::client::Client;
use crate::ledger::history::append::remember;
use crate::ledger::history::entry;
use crate::ledger::recall::{Recalled, stands};
use crate::ledger::{evidence, hold};
use crate::model::facts::ImageFacts;
use crate::model::history::Event;
use crate::model::hold::Hold;
use crate::model::moves::Receipt;
use crate::policy::gates::hold::is_rejected;

pub(super) struct Done<'a, 'w> {
    pub(super) client: &'a Client<'w>,
    pub(super) target: &'a Target,
    pub(super) args: &'a Args,
    pub(super) handed: &'a Handed<'a>,
    /// What the records said before it; `None` where none are kept.
    pub(super) recalled: Option<&'a Recalled>,
    /// Where the images stood before it.
    pub(super) facts: &'a [ImageFacts],
    /// Gates of the rings that were skipped.
    pub(super) skipped: &'a [String],
    /// Why, in the words of whoever ran it.
    pub(super) reason: Option<&'a str>,
}

impl Done<'_, '_> {
    /// Writes it into the registry. It is done: what cannot be written is a warning.
    pub(super) async fn record(&self, outcome: &mut Executed) {
        if self.target.dry_run {
            return;
        }
        let mut lost = match self.recalled {
            Some(recalled) => self.remember(recalled, outcome).await,
            None => Vec::new(),
        };
        if self.args.lift_hold.is_some() {
            lost.extend(self.lift().await);
        }
        for warning in lost {
            self.client.context().console.warn(&warning);
            outcome.warnings.push(warning);
        }
    }

    /// Writes the entry, and the evidence that was handed over.
    async fn remember(&self, recalled: &Recalled, outcome: &Executed) -> Vec<String> {
        let standing = recalled.history.history.standing(self.target.tag.as_str());
        // Everything is there and the history does not say how: an earlier run was killed before it could write.
        let unexplained = standing.last_move.as_ref().is_some_and(|last| !last.explains(&stands(self.facts)))
            && !outcome.moved();
        let lifted = self.args.lift_hold.as_deref();
        let held = standing.hold.is_some() || self.holds().next().is_some();
        let env = &self.client.context().env;
        let note = |event, receipts: &[Receipt]| {
            entry(env, event, &self.target.tag, outcome.sha.as_ref(), receipts, self.reason)
        };
        let mut entries = Vec::new();
        if lifted.is_some() && held {
            entries.push(note(Event::Resume, &[]));
        }
        if outcome.moved() || unexplained {
            let sums = recalled.pieces.iter().map(|piece| piece.sha256.clone());
            let evidence = sums.filter(|sha256| !sha256.is_empty()).collect();
            let event = Event::Promotion { evidence, skipped: self.skipped.to_vec() };
            let mut promotion = note(event, &outcome.receipts);
            if let Some(last) = standing.last_move.as_ref().filter(|_| unexplained) {
                promotion.moved = last.moved_since(&outcome.receipts);
            }
            entries.push(promotion);
        }
        if entries.is_empty() {
            return Vec::new();
        }
        let kept = async {
            match &recalled.kept {
                Some(kept) => evidence::keep(self.client, kept, &self.handed.documents).await,
                None => Vec::new(),
            }
        };
        let written = remember(self.client, &recalled.home, &recalled.history, &entries);
        let (lost, unkept) = join(written, kept).await;
        [lost, unkept].concat()
    }

    fn holds(&self) -> impl Iterator<Item = &Hold> {
        self.facts.iter().filter_map(|image| image.hold.as_ref().ok()?.as_ref())
    }

    /// Takes away what a rollback left against this release: somebody said that it is meant.
    async fn lift(&self) -> Vec<String> {
        let lifted = hold::lift_all(self.client, &self.target.tag, self.holds()).await.into_iter();
        let lost = lifted.map(|error| format!("a hold stays: {error}")).collect();
        if is_rejected(self.facts) {
            let tag = self.target.tag.rejected();
            let deletes = self.facts.iter().map(|image| self.client.delete_tag(&image.repository, &tag));
            // A registry that deletes no tags keeps the mark: the next promotion of this release asks again.
            for error in join_all(deletes).await.into_iter().filter_map(Result::err) {
                self.client.context().console.detail(&error.to_string());
            }
        }
        lost
    }
}
