//! A promotion gives way to a rollback that ran while it moved.
//!
//! A rollback writes its entry into the history and looks at the tags afterwards (`Mover::stand_fast`). A promotion
//! writes the tags, or puts them back, and reads the history afterwards. Whoever comes second sees the other:
//! either the promotion finds the entry and takes the tags to where the rollback wanted them, or all it wrote was
//! there before the entry, and the rollback finds it and goes over it. Both write the same digest, so that nothing is
//! lost if both do.

use std::time::Duration;

use futures_util::future::join_all;

use super::chronicle;
use super::failure::{Failure, MoveFailure, MoveProblem};
use super::memory::Memory;
use super::moving::FINISHING;
use super::settings::Settings;
use crate::base::list::NonEmpty;
use crate::base::text;
use crate::io::clock;
use crate::io::registry::client::Client;
use crate::io::stop::Signal;
use crate::model::digest::Digest;
use crate::model::history::Entry;
use crate::model::manifest::Manifest;
use crate::model::moves::{Ended, Move, Plan};
use crate::model::reference::Reference;
use crate::model::repository::Repository;
use crate::policy::gates::memory::told;

/// Time for looking at the history and giving way, whatever the command's deadline says.
const BUDGET: Duration = Duration::from_secs(20);
/// The same after a signal, on top of what putting back takes (actions/runner kills 7.5 s after its SIGINT).
const BUDGET_AFTER_SIGNAL: Duration = Duration::from_secs(1);
/// Tries of one tag, each after reading where it stands.
const TRIES: u32 = 4;
/// Wait between two tries.
const PAUSE: Duration = Duration::from_millis(250);

/// Whether a rollback began after `memory` was read, and if so, where everything stands once it has its way.
///
/// A history that cannot be read is told and stops nothing: the tags were verified.
pub async fn give_way(
    client: &Client<'_>,
    settings: &Settings,
    home: &Repository,
    memory: &Memory,
    plan: &Plan,
    signal: Option<Signal>,
) -> Option<Failure> {
    let budget = if signal.is_some() { BUDGET_AFTER_SIGNAL } else { BUDGET };
    let client = client.until(clock::instant() + budget);
    let console = &client.context().console;
    let unknown =
        |why: String| console.warn(&format!("whether a rollback ran meanwhile cannot be told: {why}"));
    let reading = chronicle::read(&client, home);
    let read = match signal {
        Some(_) => Ok(reading.await),
        None => client.context().stop.within(FINISHING, reading).await,
    };
    let now = match read {
        Ok(Ok(chronicle)) => chronicle.history,
        Ok(Err(error)) => {
            unknown(error.to_string());
            return None;
        }
        Err(_) => {
            unknown("stopped by a signal".to_owned());
            return None;
        }
    };
    let rollback = now.rollback_since(&memory.chronicle.history, settings.latest.as_str())?;
    console.warn(&format!("a rollback ran meanwhile{}; giving way", told(rollback)));
    let ended = join_all(plan.moves.iter().map(|m| yield_one(&client, plan, m, rollback))).await;
    let given = plan.moves.iter().zip(&ended).all(
        |(m, ended)| matches!(ended, Ended::Foreign { found } if Some(found) == target(m, rollback).as_ref()),
    );
    let receipts = super::undoing::receipts(plan, |i| ended[i].clone());
    let cause = MoveProblem {
        message: format!("a rollback of {} ran while this promotion moved it{}", plan.tag, told(rollback)),
        hint: "a rollback outranks a promotion that began before it: look with `release-status`".to_owned(),
    };
    let sha = rollback.sha.as_ref().map_or_else(|| "--previous".to_owned(), ToString::to_string);
    let repair = format!("rollback-latest {sha} {}", settings.as_options());
    Some(Failure::Moving(Box::new(MoveFailure {
        sha: plan.sha.clone(),
        causes: NonEmpty::one(cause),
        receipts,
        repair: if given { Vec::new() } else { vec![repair.trim_end().to_owned()] },
        signal,
    })))
}

/// Where `rollback` wanted the image; one that it did not have to move stays where it was before the promotion.
fn target(m: &Move, rollback: &Entry) -> Option<Digest> {
    let moved = rollback.moved.iter().find(|moved| moved.repository == m.repository);
    moved.map(|moved| moved.to.clone()).or_else(|| m.from.as_ref().map(|from| from.digest.clone()))
}

/// Takes one tag to where the rollback wanted it, if it stands where this promotion put it, before or after it put
/// it back.
async fn yield_one(client: &Client<'_>, plan: &Plan, m: &Move, rollback: &Entry) -> Ended {
    let console = &client.context().console;
    let Some(wanted) = target(m, rollback) else {
        return Ended::Unknown { why: "the rollback does not say where it wanted this image".to_owned() };
    };
    let reference = Reference::Tagged(m.repository.clone(), plan.tag.clone());
    let pinned = Reference::Pinned(m.repository.clone(), wanted.clone());
    let mut why = String::new();
    for _ in 0..TRIES {
        let looked = client.manifest(&reference).await;
        let seen = looked.map(|found| found.map(|manifest| manifest.digest));
        let done = match seen {
            Ok(Some(found)) if found == wanted => {
                mark(client, plan, m, &pinned).await;
                return Ended::Foreign { found };
            }
            Ok(Some(found)) if found != m.to.digest && m.from.as_ref().is_none_or(|f| f.digest != found) => {
                return Ended::Foreign { found };
            }
            Ok(_) => match content(client, &pinned).await {
                Ok(manifest) => client.put_tag(&m.repository, &plan.tag, &manifest).await,
                Err(words) => return Ended::Unknown { why: words },
            },
            Err(error) => Err(error),
        };
        if let Err(error) = done {
            console.detail(&error.to_string());
            why = text::escape(&error.to_string(), text::EXCERPT_BYTES);
            clock::sleep(PAUSE).await;
        }
    }
    Ended::Unknown { why }
}

/// `latest-previous` was anchored for a promotion that did not come to pass: "previous" is what the rollback chose.
async fn mark(client: &Client<'_>, plan: &Plan, m: &Move, pinned: &Reference) {
    let marked = match content(client, pinned).await {
        Ok(manifest) => client
            .put_tag_again(&m.repository, &plan.tag.previous(), &manifest)
            .await
            .map_err(|error| error.to_string()),
        Err(words) => Err(words),
    };
    if let Err(words) = marked {
        client.context().console.warn(&words);
    }
}

async fn content(client: &Client<'_>, pinned: &Reference) -> Result<Manifest, String> {
    let found = client.manifest(pinned).await.map_err(|error| error.to_string())?;
    found.ok_or_else(|| format!("{pinned} is not there"))
}
