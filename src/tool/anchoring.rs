//! The way back, in tags: what is written before a move, after it, and when it came to nothing.

use std::time::Duration;

use futures_util::future::join_all;

use super::failure::Failure;
use super::moving::Mover;
use crate::io::clock;
use crate::io::registry::error::RegistryError;
use crate::io::stop::Signal;
use crate::model::manifest::Manifest;
use crate::model::reference::Reference;
use crate::model::repository::Repository;
use crate::policy::repair::Direction;

/// Time for putting anchors back after a promotion that came to nothing.
const BUDGET: Duration = Duration::from_secs(10);
/// The same after a signal, on top of what putting back takes (actions/runner kills 7.5 s after its SIGINT).
const BUDGET_AFTER_SIGNAL: Duration = Duration::from_millis(500);

/// What `latest-previous` of each image named before a promotion, in the order of the plan: moves, then what stays.
#[derive(Default)]
pub(super) struct Anchors(Vec<Result<Option<Manifest>, RegistryError>>);

impl Mover<'_, '_> {
    /// Every image that has somewhere to go back to, with where it stands before the move; in the order of the plan.
    fn outgoing(&self) -> Vec<(&Repository, Option<&Manifest>)> {
        let moves = self.plan.moves.iter().map(|m| (&m.repository, m.from.as_ref()));
        // What does not move in this promotion was live before it too: "previous" has to mean all images.
        let stays = self.plan.already.iter().map(|(repository, manifest)| (repository, Some(manifest)));
        moves.chain(stays).collect()
    }

    /// Reads what the anchors of a promotion name now. What cannot be read stops nothing.
    ///
    /// # Errors
    /// A signal came.
    pub(super) async fn anchors(&self) -> Result<Anchors, Signal> {
        let tag = self.plan.tag.previous();
        let outgoing = self.outgoing();
        let looks = outgoing.iter().map(|(repository, _)| {
            let reference = Reference::Tagged((*repository).clone(), tag.clone());
            async move { self.client.manifest(&reference).await }
        });
        Ok(Anchors(self.client.context().stop.unless(join_all(looks)).await?))
    }

    /// Tags the outgoing digests, so that no retention policy deletes the way back. A promotion does not go on
    /// without; a rollback does: what it leaves is not what anybody wants back.
    ///
    /// A rollback uses a tag of its own: `latest-previous` keeps naming what was good before, so that a rollback to
    /// it that was killed half-way can simply be run again.
    ///
    /// A promotion that finds the anchors of everything it moves in place continues one that was killed: what that
    /// one had moved already stays anchored where it was before it.
    pub(super) async fn anchor(&self, earlier: &Anchors) -> Result<(), Failure> {
        let context = self.client.context();
        let tag = match self.direction {
            Direction::Promotion => self.plan.tag.previous(),
            Direction::Rollback => self.plan.tag.rejected(),
        };
        let moving = self.plan.moves.len();
        let mut outgoing = self.outgoing();
        if self.direction == Direction::Rollback {
            outgoing.truncate(moving);
        } else if !self.plan.already.is_empty() && self.continues(earlier) {
            return Ok(());
        }
        let anchors = outgoing.into_iter().filter_map(|(repository, from)| Some((repository, from?)));
        let anchors = anchors.map(|(repository, from)| self.client.put_tag_again(repository, &tag, from));
        let results = context.stop.unless(join_all(anchors)).await?;
        for error in results.into_iter().filter_map(Result::err) {
            match self.direction {
                Direction::Promotion => return Err(error.into()),
                Direction::Rollback => context.console.warn(&error.to_string()),
            }
        }
        Ok(())
    }

    /// Whether an earlier run of this very promotion has anchored everything.
    fn continues(&self, earlier: &Anchors) -> bool {
        let pairs = || earlier.0.iter().zip(self.outgoing());
        let digest = |anchor: &'_ Result<Option<Manifest>, RegistryError>| {
            anchor.as_ref().ok().and_then(Option::as_ref).map(|manifest| manifest.digest.clone())
        };
        pairs().all(|(anchor, _)| digest(anchor).is_some())
            && pairs()
                .take(self.plan.moves.len())
                .all(|(anchor, (_, from))| digest(anchor) == from.map(|manifest| manifest.digest.clone()))
    }

    /// After a promotion that left every image where it was: `latest-previous` means again what it meant. Otherwise
    /// a failed promotion would take the way back away. What cannot be read or written is told.
    pub(super) async fn lift_anchors(&self, earlier: &Anchors, failure: &Failure) {
        let signal = match failure {
            Failure::Moving(failure) if failure.receipts.iter().all(|r| r.ended.is_as_before()) => {
                failure.signal
            }
            Failure::Stopped(signal) => Some(*signal),
            Failure::Registry(_) => None,
            _ => return,
        };
        let budget = if signal.is_some() { BUDGET_AFTER_SIGNAL } else { BUDGET };
        let client = self.client.until(clock::instant() + budget);
        let tag = self.plan.tag.previous();
        let puts = earlier.0.iter().zip(self.outgoing()).map(|(anchor, (repository, from))| {
            let (client, tag) = (&client, &tag);
            async move {
                match anchor {
                    Ok(Some(was)) if Some(&was.digest) != from.map(|from| &from.digest) => {
                        client.put_tag_again(repository, tag, was).await.map_err(|error| error.to_string())
                    }
                    Ok(_) => Ok(()),
                    Err(error) => Err(format!("{tag} of {repository} may name what is live: {error}")),
                }
            }
        });
        for warning in join_all(puts).await.into_iter().filter_map(Result::err) {
            client.context().console.warn(&warning);
        }
    }

    /// After a rollback, "previous" is what is live now: a second `--previous` must not lead to what was rejected,
    /// nor forward again.
    pub(super) async fn mark_previous(&self) {
        if self.direction == Direction::Promotion {
            return;
        }
        let tag = self.plan.tag.previous();
        let moved = self.plan.moves.iter().map(|m| (&m.repository, &m.to));
        let stayed = self.plan.already.iter().map(|(repository, manifest)| (repository, manifest));
        let marks = moved.chain(stayed);
        let marks = marks.map(|(repository, manifest)| self.client.put_tag_again(repository, &tag, manifest));
        for error in join_all(marks).await.into_iter().filter_map(Result::err) {
            self.client.context().console.warn(&error.to_string());
        }
    }
}
