//! A promotion yields to a rollback that ran while it moved.
//!
//! A rollback writes its entry into the history and looks at the tags afterwards (`reassert`). A promotion writes the
//! tags, or puts them back, and reads the history afterwards. Whoever comes second sees the other: either the promotion
//! finds the entry and takes the tags to where the rollback wanted them, or all it wrote was there before the entry,
//! and the rollback finds it and goes over it. Both write the same digest, so that nothing is lost if both do.

use std::time::Duration;

use futures_util::future::join_all;

use crate::base::complaint::Complaint;
use crate::base::list::NonEmpty;
use crate::base::shell::quoted;
use crate::base::text;
use crate::engine::budget::{FINISHING, YIELD};
use crate::engine::failure::MoveFailure;
use crate::engine::target::Target;
use crate::io::clock;
use crate::io::registry::client::Client;
use crate::io::stop::Signal;
use crate::ledger::history::{self, StoredHistory};
use crate::model::digest::Digest;
use crate::model::history::Entry;
use crate::model::manifest::Manifest;
use crate::model::moves::{Ended, Move, Plan};
use crate::model::reference::Reference;
use crate::model::repository::Repository;

/// Tries of one tag, each after reading where it stands.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(250);

/// Whether a rollback ran while a promotion moved.
pub enum Meanwhile {
    NoRollback,
    /// The history could not be read: why. The tags were verified all the same.
    Unknown(String),
    /// One did, and this is where everything stands now that it has its way.
    Rollback(Box<MoveFailure>),
}

/// Looks whether a rollback began after `known` was read, and if so, takes the tags to where it wants them.
pub async fn yield_to_rollback(
    client: &Client<'_>,
    target: &Target,
    home: &Repository,
    known: &StoredHistory,
    plan: &Plan,
    signal: Option<Signal>,
) -> Meanwhile {
    let client = client.until(clock::instant() + YIELD.time(signal.is_some()));
    let reading = history::read_again(&client, home, known);
    let read = match signal {
        Some(_) => Ok(reading.await),
        None => client.context().stop.within(FINISHING, reading).await,
    };
    let now = match read {
        Ok(Ok(stored)) => stored,
        Ok(Err(error)) => return Meanwhile::Unknown(error.to_string()),
        Err(_) => return Meanwhile::Unknown("stopped by a signal".to_owned()),
    };
    match now.history.rollback_since(&known.history, target.tag.as_str()) {
        Some(rollback) => Meanwhile::Rollback(give_way(&client, target, plan, rollback, signal).await),
        None => now.trouble().map_or(Meanwhile::NoRollback, Meanwhile::Unknown),
    }
}

async fn give_way(
    client: &Client<'_>,
    target: &Target,
    plan: &Plan,
    rollback: &Entry,
    signal: Option<Signal>,
) -> Box<MoveFailure> {
    let told = rollback.told();
    client.context().console.warn(&format!("a rollback ran in the meantime{told}; yielding to it"));
    let ended = join_all(plan.moves.iter().map(|m| yield_one(client, plan, m, rollback))).await;
    let given = plan.moves.iter().zip(&ended).all(
        |(m, ended)| matches!(ended, Ended::Foreign { found } if Some(found) == wanted(m, rollback).as_ref()),
    );
    let cause = Complaint::new(
        format!("a rollback of {} ran while this promotion moved it{told}", plan.tag),
        "a rollback outranks a promotion that began before it: look with `release-status`",
    );
    let sha = rollback.sha.as_ref().map_or_else(|| "--previous".to_owned(), ToString::to_string);
    let reason = rollback.reason.as_ref().map(|why| format!(" --reason {}", quoted(why))).unwrap_or_default();
    let repair = target.command(&format!("rollback-latest {sha}{reason}"), target.images.iter());
    Box::new(MoveFailure {
        sha: plan.sha.clone(),
        causes: NonEmpty::one(cause),
        receipts: plan.receipts(|i| ended[i].clone()),
        repair: if given { Vec::new() } else { vec![repair] },
        signal,
    })
}

/// Where `rollback` wanted the image; one that it did not have to move stays where it was before the promotion.
fn wanted(m: &Move, rollback: &Entry) -> Option<Digest> {
    let moved = rollback.moved.iter().find(|moved| moved.repository == m.repository);
    moved.map(|moved| moved.to.clone()).or_else(|| m.from.as_ref().map(|from| from.digest.clone()))
}

/// Takes one tag to where the rollback wanted it, if it stands where this promotion put it, before or after it put
/// it back.
async fn yield_one(client: &Client<'_>, plan: &Plan, m: &Move, rollback: &Entry) -> Ended {
    let console = &client.context().console;
    let Some(wanted) = wanted(m, rollback) else {
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
