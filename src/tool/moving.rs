//! Moves a tag of every image by digest: anchor, move, verify; put back on any failure.

use std::time::Duration;

use futures_util::future::{join, join_all, try_join_all};

use super::anchoring::Anchors;
use super::failure::Failure;
use crate::io::registry::client::Client;
use crate::io::registry::error::RegistryError;
use crate::io::stop::Signal;
use crate::model::digest::Digest;
use crate::model::moves::{Ended, Move, Plan, Receipt};
use crate::model::reference::Reference;
use crate::policy::repair::Direction;

/// Tries of one PUT, each after reading where the tag stands.
const TRIES: u32 = 4;
/// How long a PUT that is under way may still take when a signal comes: cutting it off would leave its end unknown.
const GRACE: Duration = Duration::from_millis(1_500);
/// How long what is left to write after a verified move may still take when a signal comes.
pub(super) const FINISHING: Duration = Duration::from_secs(3);

/// A plan that is being carried out.
pub struct Mover<'a, 'w> {
    /// The registries.
    pub client: &'a Client<'w>,
    /// What to write.
    pub plan: &'a Plan,
    /// For whom.
    pub direction: Direction,
    /// What a repair command needs to mean the same images and registries.
    pub options: &'a str,
}

/// Why a move stopped.
pub(super) enum Trouble {
    Registry(RegistryError),
    /// Somebody else moved the tag: what it named, or nothing.
    Conflict(String),
    Signal(Signal),
}

impl Mover<'_, '_> {
    /// Carries the plan out. The receipts are those of all images, in the order of the plan.
    ///
    /// # Errors
    /// Nothing could be anchored and nothing was moved; or a move failed and every image is named, with where it
    /// stands.
    pub async fn run(&self) -> Result<Vec<Receipt>, Failure> {
        let mut anchors = Anchors::default();
        if self.direction == Direction::Promotion {
            let (looked, earlier) = join(self.look_again(), self.anchors()).await;
            if let Err(trouble) = looked {
                return Err(self.undo(&[], trouble).await);
            }
            anchors = earlier?;
        }
        if let Err(failure) = self.anchor(&anchors).await {
            self.lift_anchors(&anchors, &failure).await;
            return Err(failure);
        }
        let mut touched = Vec::new();
        let result = match self.move_all(&mut touched).await {
            Ok(()) => {
                if self.direction == Direction::Rollback {
                    // It may write again what it found in place, if that does not stay there.
                    touched = (0..self.plan.moves.len()).collect();
                }
                self.verify().await
            }
            Err(trouble) => Err(trouble),
        };
        match result {
            Ok(()) => {
                let marked = self.client.context().stop.within(FINISHING, self.mark_previous()).await;
                if marked.is_err() {
                    self.client.context().console.warn("stopped before the way back was marked");
                }
                Ok(self.receipts(|_| Ended::Moved))
            }
            Err(trouble) => {
                // Whoever moved the tag may have marked a way back of their own.
                let alone = !matches!(trouble, Trouble::Conflict(_));
                let failure = self.undo(&touched, trouble).await;
                if alone {
                    self.lift_anchors(&anchors, &failure).await;
                }
                Err(failure)
            }
        }
    }

    /// Whether every tag still stands where the plan believes it. Before anything is written: what the first read got
    /// wrong, or somebody else moved since, then costs no putting back, and no anchor.
    async fn look_again(&self) -> Result<(), Trouble> {
        let stop = &self.client.context().stop;
        let looks = self.plan.moves.iter().map(|m| async move {
            let from = m.from.as_ref().map(|manifest| &manifest.digest);
            match stop.unless(self.look(m)).await.map_err(Trouble::Signal)? {
                Ok(seen) if seen.as_ref() == from || seen.as_ref() == Some(&m.to.digest) => Ok(()),
                Ok(seen) => Err(Trouble::Conflict(conflict(m, from, seen.as_ref()))),
                Err(error) => Err(Trouble::Registry(error)),
            }
        });
        try_join_all(looks).await.map(|_| ())
    }

    /// All images at once, but the last one, which moves when the others have.
    async fn move_all(&self, touched: &mut Vec<usize>) -> Result<(), Trouble> {
        let moves = &self.plan.moves;
        let Some(last) = moves.len().checked_sub(1) else { return Ok(()) };
        for group in [0..last, last..last + 1] {
            let results = join_all(moves[group.clone()].iter().map(|m| self.move_one(m))).await;
            let mut trouble = None;
            for (index, (sent, result)) in group.zip(results) {
                if sent {
                    touched.push(index);
                }
                trouble = trouble.or(result.err());
            }
            if let Some(trouble) = trouble {
                return Err(trouble);
            }
        }
        Ok(())
    }

    /// Moves one tag. The first of the pair says whether a PUT was sent, and so whether the tag may have moved.
    pub(super) async fn move_one(&self, m: &Move) -> (bool, Result<(), Trouble>) {
        let from = m.from.as_ref().map(|manifest| &manifest.digest);
        let mut sent = false;
        let mut failed: Option<RegistryError> = None;
        for tried in 1..=TRIES {
            let seen = match self.client.context().stop.unless(self.look(m)).await {
                Ok(Ok(seen)) => seen,
                Ok(Err(error)) => return (sent, Err(Trouble::Registry(failed.unwrap_or(error)))),
                Err(signal) => return (sent, Err(Trouble::Signal(signal))),
            };
            match seen {
                // Put there by an answer that was lost, or by somebody who wants the same.
                Some(digest) if digest == m.to.digest => return (sent, Ok(())),
                // A registry that fails in the middle of a write may drop the tag (zot): that is no conflict.
                seen if seen.as_ref() == from || (sent && seen.is_none()) => {}
                // Whoever rolls back has decided what must not be live. A promotion that began earlier does not know.
                seen if self.direction == Direction::Rollback => {
                    let words = conflict(m, from, seen.as_ref());
                    self.client.context().console.warn(&format!("{words}; the rollback goes over it"));
                }
                seen => return (sent, Err(Trouble::Conflict(conflict(m, from, seen.as_ref())))),
            }
            if let Some(error) = failed.take()
                && let Err(error) = self.again(error, tried - 1).await
            {
                return (sent, Err(Trouble::Registry(error)));
            }
            self.client
                .context()
                .console
                .detail(&format!("{}:{} -> {}", m.repository, self.plan.tag, m.to.digest));
            sent = true;
            match self.put(m).await {
                Ok(Ok(())) => return (sent, Ok(())),
                Ok(Err(error)) => failed = Some(error),
                Err(signal) => return (sent, Err(Trouble::Signal(signal))),
            }
        }
        // The last PUT failed too; its outcome is as unknown as that of the others.
        let end = match (self.look(m).await, failed) {
            (Ok(Some(digest)), _) if digest == m.to.digest => Ok(()),
            (_, Some(error)) | (Err(error), None) => Err(Trouble::Registry(error)),
            (Ok(_), None) => Ok(()),
        };
        (sent, end)
    }

    /// Waits before the next try, if there is any hope in one.
    async fn again(&self, error: RegistryError, tried: u32) -> Result<(), RegistryError> {
        if !error.is_transient() {
            return Err(error);
        }
        self.client.pause(&error, tried).await
    }

    async fn put(&self, m: &Move) -> Result<Result<(), RegistryError>, Signal> {
        let put = self.client.put_tag(&m.repository, &self.plan.tag, &m.to);
        tokio::pin!(put);
        tokio::select! {
            biased;
            done = &mut put => Ok(done),
            signal = self.client.context().stop.wait() => {
                let _ = tokio::time::timeout(GRACE, put).await;
                Err(signal)
            }
        }
    }

    pub(super) async fn look(&self, m: &Move) -> Result<Option<Digest>, RegistryError> {
        let reference = Reference::Tagged(m.repository.clone(), self.plan.tag.clone());
        let seen = self.client.digest(&reference).await?;
        let from = m.from.as_ref().map(|manifest| &manifest.digest);
        if seen.as_ref() == from || seen.as_ref() == Some(&m.to.digest) {
            return Ok(seen);
        }
        // Neither: before somebody is blamed, the bytes are hashed.
        Ok(self.client.manifest(&reference).await?.map(|manifest| manifest.digest))
    }
}

/// What was found where something else was expected, in words.
pub(super) fn conflict(m: &Move, expected: Option<&Digest>, found: Option<&Digest>) -> String {
    let show = |digest: Option<&Digest>| digest.map_or_else(|| "no such tag".to_owned(), ToString::to_string);
    format!("conflict: {}: expected the tag to name {}, found {}", m.repository, show(expected), show(found))
}
