//! Moves a tag of every image by digest: anchor, move, verify; put back on any failure.

use std::time::Duration;

use futures_util::future::{join, join_all, try_join_all};

use super::failure::{Failure, MoveFailure, MoveProblem};
use super::putting_back::{BUDGET, BUDGET_AFTER_SIGNAL, put_back};
use crate::base::list::NonEmpty;
use crate::io::clock;
use crate::io::registry::client::Client;
use crate::io::registry::error::RegistryError;
use crate::io::stop::Signal;
use crate::model::digest::Digest;
use crate::model::manifest::Manifest;
use crate::model::moves::{Ended, Move, Plan, Receipt};
use crate::model::reference::Reference;
use crate::model::repository::Repository;
use crate::policy::aftermath::{Errand, remark, repair};

/// How long a tag may take to show its new digest: registries with several replicas lag behind their writes.
const VERIFY: Duration = Duration::from_secs(60);
/// Tries of one PUT, each after reading where the tag stands.
const TRIES: u32 = 4;
/// How long a PUT that is under way may still take when a signal comes: cutting it off would leave its end unknown.
const GRACE: Duration = Duration::from_millis(1_500);
/// How long what is left to write after a verified move may still take when a signal comes.
pub(super) const FINISHING: Duration = Duration::from_secs(3);
/// How often a rollback writes a tag again that somebody else has moved meanwhile.
const PASSES: u32 = 5;
/// First wait between two looks at a tag; doubled up to the longest.
const FIRST_LOOK: Duration = Duration::from_millis(50);
const LONGEST_LOOK: Duration = Duration::from_secs(2);

/// A plan that is being carried out.
pub struct Mover<'a, 'w> {
    /// The registries.
    pub client: &'a Client<'w>,
    /// What to write.
    pub plan: &'a Plan,
    /// For whom.
    pub errand: Errand,
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
        if self.errand == Errand::Promotion
            && let Err(trouble) = self.look_again().await
        {
            return Err(self.undo(&[], trouble).await);
        }
        self.anchor().await?;
        let mut touched = Vec::new();
        let result = match self.move_all(&mut touched).await {
            Ok(()) => {
                if self.errand == Errand::Rollback {
                    // It may write again what it found in place, if that does not stay there.
                    touched = (0..self.plan.moves.len()).collect();
                }
                self.verify().await
            }
            Err(trouble) => Err(trouble),
        };
        match result {
            Ok(()) => {
                let marked = self.client.world().stop.within(FINISHING, self.mark_previous()).await;
                if marked.is_err() {
                    self.client.world().story.warn("stopped before the way back was marked");
                }
                Ok(self.receipts(|_| Ended::Moved))
            }
            Err(trouble) => Err(self.undo(&touched, trouble).await),
        }
    }

    /// Whether every tag still stands where the plan believes it. Before anything is written: what the first read got
    /// wrong, or somebody else moved since, then costs no putting back, and no anchor.
    async fn look_again(&self) -> Result<(), Trouble> {
        let stop = &self.client.world().stop;
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

    /// Tags the outgoing digests, so that no retention policy deletes the way back. A promotion does not go on
    /// without; a rollback does: what it leaves is not what anybody wants back.
    ///
    /// A rollback uses a tag of its own: `latest-previous` keeps naming what was good before, so that a rollback to
    /// it that was killed half-way can simply be run again.
    async fn anchor(&self) -> Result<(), Failure> {
        let tag = match self.errand {
            Errand::Promotion => self.plan.tag.previous(),
            Errand::Rollback => self.plan.tag.rejected(),
        };
        let outgoing = self.plan.moves.iter().filter_map(|m| Some((&m.repository, m.from.as_ref()?)));
        // What does not move in this promotion was live before it too: "previous" has to mean all images.
        let staying = self.plan.already.iter().map(|(repository, manifest)| (repository, manifest));
        let staying = staying.filter(|_| self.errand == Errand::Promotion);
        let anchors = outgoing
            .chain(staying)
            .map(|(repository, from)| self.client.put_tag_again(repository, &tag, from));
        let world = self.client.world();
        let results = world.stop.unless(join_all(anchors)).await?;
        for error in results.into_iter().filter_map(Result::err) {
            match self.errand {
                Errand::Promotion => return Err(error.into()),
                Errand::Rollback => world.story.warn(&error.to_string()),
            }
        }
        Ok(())
    }

    /// After a rollback, "previous" is what is live now: a second `--previous` must not lead to what was rejected,
    /// nor forward again.
    async fn mark_previous(&self) {
        if self.errand == Errand::Promotion {
            return;
        }
        let tag = self.plan.tag.previous();
        let moved = self.plan.moves.iter().map(|m| (&m.repository, &m.to));
        let stayed = self.plan.already.iter().map(|(repository, manifest)| (repository, manifest));
        let marks = moved.chain(stayed);
        let marks = marks.map(|(repository, manifest)| self.client.put_tag_again(repository, &tag, manifest));
        for error in join_all(marks).await.into_iter().filter_map(Result::err) {
            self.client.world().story.warn(&error.to_string());
        }
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
    async fn move_one(&self, m: &Move) -> (bool, Result<(), Trouble>) {
        let from = m.from.as_ref().map(|manifest| &manifest.digest);
        let mut sent = false;
        let mut failed: Option<RegistryError> = None;
        for tried in 1..=TRIES {
            let seen = match self.client.world().stop.unless(self.look(m)).await {
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
                seen if self.errand == Errand::Rollback => {
                    let words = conflict(m, from, seen.as_ref());
                    self.client.world().story.warn(&format!("{words}; the rollback goes over it"));
                }
                seen => return (sent, Err(Trouble::Conflict(conflict(m, from, seen.as_ref())))),
            }
            if let Some(error) = failed.take()
                && let Err(error) = self.again(error, tried - 1).await
            {
                return (sent, Err(Trouble::Registry(error)));
            }
            self.client
                .world()
                .story
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
            signal = self.client.world().stop.wait() => {
                let _ = tokio::time::timeout(GRACE, put).await;
                Err(signal)
            }
        }
    }

    async fn look(&self, m: &Move) -> Result<Option<Digest>, RegistryError> {
        let reference = Reference::Tagged(m.repository.clone(), self.plan.tag.clone());
        let seen = self.client.digest(&reference).await?;
        let from = m.from.as_ref().map(|manifest| &manifest.digest);
        if seen.as_ref() == from || seen.as_ref() == Some(&m.to.digest) {
            return Ok(seen);
        }
        // Neither: before somebody is blamed, the bytes are hashed.
        Ok(self.client.manifest(&reference).await?.map(|manifest| manifest.digest))
    }

    /// Reads every tag until it shows the wanted digest; those that stood there before, too: the release is all of
    /// them. What a rollback had to write again is followed by another look at all: two of them at once could
    /// otherwise each see the other's image in its place, and leave a mix.
    pub(super) async fn verify(&self) -> Result<(), Trouble> {
        let stayed = self.stayed();
        for _ in 0..PASSES {
            let all = self.plan.moves.iter().chain(&stayed);
            let written = try_join_all(all.map(|m| self.verify_one(m))).await?;
            if !written.contains(&true) {
                return Ok(());
            }
        }
        Err(Trouble::Conflict(format!("conflict: somebody else keeps moving {}", self.plan.tag)))
    }

    /// Whether the tag had to be written again before it showed the wanted digest.
    async fn verify_one(&self, m: &Move) -> Result<bool, Trouble> {
        let from = m.from.as_ref().map(|manifest| &manifest.digest);
        let until = clock::instant() + VERIFY.min(self.client.remaining());
        let mut passes = match self.errand {
            Errand::Promotion => 0,
            Errand::Rollback => PASSES,
        };
        let (mut wait, mut written) = (FIRST_LOOK, false);
        loop {
            let seen = self.client.world().stop.unless(self.look(m)).await.map_err(Trouble::Signal)?;
            let last = match seen {
                Ok(Some(digest)) if digest == m.to.digest => return Ok(written),
                Ok(Some(digest)) if Some(&digest) != from && passes == 0 => {
                    return Err(Trouble::Conflict(conflict(m, Some(&m.to.digest), Some(&digest))));
                }
                Ok(seen) => Trouble::Conflict(conflict(m, Some(&m.to.digest), seen.as_ref())),
                Err(error) => Trouble::Registry(error),
            };
            if clock::instant() + wait >= until {
                return Err(last);
            }
            self.client.world().stop.unless(clock::sleep(wait)).await.map_err(Trouble::Signal)?;
            wait = (wait * 2).min(LONGEST_LOOK);
            if passes > 0 && matches!(last, Trouble::Conflict(_)) {
                // Lag or somebody else's write: the same bytes once more are right for both.
                passes -= 1;
                let (sent, moved) = self.move_one(m).await;
                written |= sent;
                moved?;
            }
        }
    }

    /// The images that stood there before, as moves from where they are to where they are.
    pub(super) fn stayed(&self) -> Vec<Move> {
        let stay = |(repository, to): &(Repository, Manifest)| Move {
            repository: repository.clone(),
            from: Some(to.clone()),
            to: to.clone(),
        };
        self.plan.already.iter().map(stay).collect()
    }

    /// Puts back what was moved and says where everything stands.
    async fn undo(&self, touched: &[usize], trouble: Trouble) -> Failure {
        let story = &self.client.world().story;
        let (problem, signal) = told(trouble);
        let receipts = if touched.is_empty() {
            self.receipts(|_| Ended::Untouched)
        } else {
            story.warn(&format!("{}; putting back", problem.message));
            let budget = if signal.is_some() { BUDGET_AFTER_SIGNAL } else { BUDGET };
            let client = self.client.until(clock::instant() + budget);
            let moves = self.plan.moves.iter().enumerate();
            let ended = join_all(moves.map(|(i, m)| put_back(&client, self.plan, m, touched.contains(&i))));
            let (ended, stayed) = join(ended, self.ended_of_stayed(&client)).await;
            self.all_receipts(|i| ended[i].clone(), &stayed)
        };
        self.failure(problem, signal, receipts)
    }

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
        let repair = repair(self.errand, self.plan, &receipts, self.options);
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

    pub(super) fn all_receipts(&self, ended: impl Fn(usize) -> Ended, stayed: &[Ended]) -> Vec<Receipt> {
        let mut receipts = self.receipts(ended);
        let first = self.plan.moves.len();
        receipts[first..].iter_mut().zip(stayed).for_each(|(receipt, ended)| receipt.ended = ended.clone());
        receipts
    }

    /// The receipts: moves first, in order, then what was there already.
    fn receipts(&self, ended: impl Fn(usize) -> Ended) -> Vec<Receipt> {
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

/// What was found where something else was expected, in words.
pub(super) fn conflict(m: &Move, expected: Option<&Digest>, found: Option<&Digest>) -> String {
    let show = |digest: Option<&Digest>| digest.map_or_else(|| "no such tag".to_owned(), ToString::to_string);
    format!("conflict: {}: expected the tag to name {}, found {}", m.repository, show(expected), show(found))
}

pub(super) fn told(trouble: Trouble) -> (MoveProblem, Option<Signal>) {
    match trouble {
        Trouble::Registry(error) => (MoveProblem { message: error.to_string(), hint: error.hint() }, None),
        Trouble::Conflict(message) => {
            let hint = "somebody else moves this tag: wait until they are done, look with `release-status`, then decide again";
            (MoveProblem { message, hint: hint.to_owned() }, None)
        }
        Trouble::Signal(signal) => {
            let message = format!(
                "stopped by {}",
                match signal {
                    Signal::Interrupt => "SIGINT",
                    Signal::Terminate => "SIGTERM",
                }
            );
            (MoveProblem { message, hint: "run the same command again to finish".to_owned() }, Some(signal))
        }
    }
}
