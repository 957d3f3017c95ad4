//! The way back, in tags: what is written before a move, after it, and when it came to nothing.

use futures_util::future::join_all;

use super::budget::ANCHORS;
use super::failure::EngineError;
use super::inspect::examine;
use super::mover::Mover;
use crate::io::clock;
use crate::io::registry::error::{Problem, RegistryError};
use crate::io::stop::Signal;
use crate::model::manifest::Manifest;
use crate::model::moves::Plan;
use crate::model::reference::Reference;
use crate::model::repository::Repository;
use crate::policy::repair::Direction;

/// What `latest-previous` of each image named before a promotion, in the order of the plan: moves, then what stays.
#[derive(Default)]
pub struct Anchors(Vec<Result<Option<Manifest>, RegistryError>>);

/// Every image that has somewhere to go back to, with where it stands before the move; in the order of the plan.
fn outgoing(plan: &Plan) -> Vec<(&Repository, Option<&Manifest>)> {
    let moves = plan.moves.iter().map(|m| (&m.repository, m.from.as_ref()));
    // What does not move in this promotion was live before it too: "previous" has to mean all images.
    let stays = plan.already.iter().map(|(repository, manifest)| (repository, Some(manifest)));
    moves.chain(stays).collect()
}

/// Reads what the anchors of a promotion name now. What cannot be read stops nothing.
///
/// # Errors
/// A signal came.
pub async fn read(mover: &Mover<'_, '_>) -> Result<Anchors, Signal> {
    let tag = mover.plan.tag.previous();
    let outgoing = outgoing(mover.plan);
    let looks = outgoing.iter().map(|(repository, _)| {
        let reference = Reference::Tagged((*repository).clone(), tag.clone());
        async move { mover.client.manifest(&reference).await }
    });
    Ok(Anchors(mover.client.context().stop.unless(join_all(looks)).await?))
}

/// Tags the outgoing digests of a promotion, so that no retention policy deletes the way back. A promotion does not go
/// on without; but what is broken is not worth a way back, and must not keep the repair from going live. Returns the
/// images that get no anchor for that reason, each with words for a person.
///
/// One that finds the anchors of everything it moves in place continues one that was killed: what that one had moved
/// already stays anchored where it was before it.
///
/// # Errors
/// An anchor cannot be written, or a signal came.
pub async fn write(
    mover: &Mover<'_, '_>,
    earlier: &Anchors,
) -> Result<Vec<(Repository, String)>, EngineError> {
    if !mover.plan.already.is_empty() && continues(mover, earlier) {
        return Ok(Vec::new());
    }
    let anchors = outgoing(mover.plan).into_iter().filter_map(|(repository, from)| Some((repository, from?)));
    let anchors = anchors.map(|(repository, from)| anchor(mover, repository, from));
    let results = mover.client.context().stop.unless(join_all(anchors)).await?;
    let lost = results.into_iter().collect::<Result<Vec<_>, RegistryError>>()?;
    Ok(lost.into_iter().flatten().collect())
}

async fn anchor(
    mover: &Mover<'_, '_>,
    repository: &Repository,
    from: &Manifest,
) -> Result<Option<(Repository, String)>, RegistryError> {
    let tag = mover.plan.tag.previous();
    let Err(error) = mover.client.put_tag_again(repository, &tag, from).await else { return Ok(None) };
    if !error.refuses_content() {
        return Err(error);
    }
    let Ok(live) = examine(mover.client, repository, from.clone()).await else { return Err(error) };
    if live.missing.is_empty() {
        return Err(error);
    }
    let missing: Vec<String> = live.missing.iter().map(ToString::to_string).collect();
    let words = format!(
        "{repository} gets no {tag}, so there is no way back to what is live: what is live is broken ({})",
        missing.join("; ")
    );
    Ok(Some((repository.clone(), words)))
}

/// Marks what a rollback leaves as rejected, on all images of the release: an image that does not move belongs to it
/// too. Returns what cannot be written: nobody wants back what a rollback leaves.
///
/// The tag is one of its own: `latest-previous` keeps naming what was good before, so that a rollback to it that was
/// killed half-way can simply be run again. An image in `held` that does not move was moved by such a run.
pub async fn reject(
    mover: &Mover<'_, '_>,
    held: &[Repository],
) -> Vec<(Repository, Result<(), RegistryError>)> {
    let tag = mover.plan.tag.rejected();
    let moves = mover.plan.moves.iter().filter_map(|m| Some((&m.repository, m.from.as_ref()?)));
    let stays = mover.plan.already.iter().filter(|(repository, _)| !held.contains(repository));
    let marks = moves.chain(stays.map(|(repository, manifest)| (repository, manifest)));
    let marks = marks.map(|(repository, manifest)| async {
        (repository.clone(), mover.client.put_tag_again(repository, &tag, manifest).await)
    });
    join_all(marks).await
}

/// Finds out whether tags may be written in `repositories`, before the first one is moved: a move that is denied on the
/// second image would have to be put back on the first.
///
/// # Errors
/// The registry denies it. What cannot be found out is no reason to stop.
pub async fn may_write(mover: &Mover<'_, '_>, repositories: &[Repository]) -> Result<(), RegistryError> {
    let asked = join_all(repositories.iter().map(|repository| mover.client.may_push(repository))).await;
    let denied = |error: &RegistryError| matches!(error.problem, Problem::Denied { .. });
    asked.into_iter().filter_map(Result::err).find(denied).map_or(Ok(()), Err)
}

/// Whether an earlier run of this very promotion has anchored everything.
fn continues(mover: &Mover<'_, '_>, earlier: &Anchors) -> bool {
    let pairs = || earlier.0.iter().zip(outgoing(mover.plan));
    let digest = |anchor: &'_ Result<Option<Manifest>, RegistryError>| {
        anchor.as_ref().ok().and_then(Option::as_ref).map(|manifest| manifest.digest.clone())
    };
    pairs().all(|(anchor, _)| digest(anchor).is_some())
        && pairs()
            .take(mover.plan.moves.len())
            .all(|(anchor, (_, from))| digest(anchor) == from.map(|manifest| manifest.digest.clone()))
}

/// After a promotion that left every image where it was: `latest-previous` means again what it meant. Otherwise
/// a failed promotion would take the way back away. What cannot be read or written is told.
pub async fn lift(mover: &Mover<'_, '_>, earlier: &Anchors, failure: &EngineError) {
    let signal = match failure {
        EngineError::Moving(failure) if failure.receipts.iter().all(|r| r.ended.is_as_before()) => {
            failure.signal
        }
        EngineError::Stopped(signal) => Some(*signal),
        EngineError::Registry(_) => None,
        _ => return,
    };
    let client = mover.client.until(clock::instant() + ANCHORS.time(signal.is_some()));
    let tag = mover.plan.tag.previous();
    let puts = earlier.0.iter().zip(outgoing(mover.plan)).map(|(anchor, (repository, from))| {
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
pub async fn mark_previous(mover: &Mover<'_, '_>) {
    if mover.direction == Direction::Promotion {
        return;
    }
    let tag = mover.plan.tag.previous();
    let moved = mover.plan.moves.iter().map(|m| (&m.repository, &m.to));
    let stayed = mover.plan.already.iter().map(|(repository, manifest)| (repository, manifest));
    let marks = moved.chain(stayed);
    let marks = marks.map(|(repository, manifest)| mover.client.put_tag_again(repository, &tag, manifest));
    for error in join_all(marks).await.into_iter().filter_map(Result::err) {
        mover.client.context().console.warn(&error.to_string());
    }
}
