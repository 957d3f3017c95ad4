//! What happened, and what a person writes into the history: that promotions may go on, that it begins anew.

use futures_util::future::try_join_all;

use crate::engine::overview::read_overview;
use crate::engine::target::Target;
use crate::io::registry::client::Client;
use crate::ledger::history::append::{place_all, write};
use crate::ledger::{history, hold};
use crate::model::history::{Entry, Event};
use crate::model::hold::Hold;
use crate::model::repository::Repository;
use crate::policy::history::Break;
use crate::tool::failure::Failure;

/// What happened.
#[derive(Clone, Debug)]
pub struct Told {
    /// Oldest first.
    pub entries: Vec<Entry>,
    /// Where the chain breaks, if it does.
    pub broken: Option<Break>,
    /// Why this cannot be all that happened.
    pub doubt: Option<String>,
    /// Whether older entries are kept, which were not asked for.
    pub older: bool,
}

/// The history, newest document only or back to the first entry.
///
/// # Errors
/// It cannot be read at all, or no records are kept.
pub(super) async fn told(client: &Client<'_>, target: &Target, all: bool) -> Result<Told, Failure> {
    kept_at(target)?;
    let overview = read_overview(client, target).await?;
    let mut history = overview.history().clone();
    if let Some((home, _)) = overview.ledger.as_ref().filter(|_| all) {
        history = history::read_back(client, home, history).await?;
    }
    let doubt = history.doubt(target.tag.as_str(), &overview.stands());
    let trouble = (!overview.trouble.is_empty()).then(|| overview.trouble.join("; "));
    Ok(Told {
        entries: history.entries().cloned().collect(),
        broken: history.verify(),
        doubt: trouble.or(doubt),
        older: history.before().is_some(),
    })
}

fn kept_at(target: &Target) -> Result<Vec<Repository>, Failure> {
    let places = target.places();
    if places.is_empty() {
        return Err(Failure::usage(
            "there is no history with `records = false`",
            "keep records to have holds and a history",
        ));
    }
    Ok(places)
}

/// Lifts the hold, or acknowledges a broken history. Without either nothing is written.
///
/// # Errors
/// The registry refuses or cannot be reached.
pub(super) async fn resume(
    client: &Client<'_>,
    target: &Target,
    reason: &str,
) -> Result<Option<Box<Entry>>, Failure> {
    let (mut home, mut stored) = history::find(client, &kept_at(target)?).await?;
    let holds = holds(client, target).await?;
    let standing = stored.history.standing(target.tag.as_str());
    let held = standing.hold.is_some() || !holds.is_empty();
    if (!held && stored.history.verify_since_resume().is_none()) || target.dry_run {
        return Ok(standing.hold.map(Box::new));
    }
    if let Some(other) = holds.iter().find_map(|hold| hold.home.clone()).filter(|other| *other != home) {
        stored = history::read(client, &other).await?;
        home = other;
    }
    stored.trouble().iter().for_each(|words| client.context().console.warn(words));
    let live = standing.last_move.as_ref().and_then(|last| last.sha.clone());
    let env = &client.context().env;
    let entry = history::entry(env, Event::Resume, &target.tag, live.as_ref(), &[], Some(reason));
    let written = write(client, &home, &stored, std::slice::from_ref(&entry)).await?;
    place_all(client, &home, &stored, &written).await;
    let lost = hold::lift_all(client, &target.tag, holds.iter()).await;
    match lost.into_iter().next() {
        Some(error) => Err(error.into()),
        None => Ok(Some(Box::new(entry))),
    }
}

/// The holds that stand on any image.
async fn holds(client: &Client<'_>, target: &Target) -> Result<Vec<Hold>, Failure> {
    let reads = target.images.iter().map(|image| hold::read(client, image, &target.tag));
    let mut holds: Vec<Hold> = try_join_all(reads).await?.into_iter().flatten().collect();
    holds.dedup_by(|a, b| a.id == b.id);
    Ok(holds)
}

/// Begins the history anew: the one before is lost or cannot be read. What is there is kept under a tag of its own.
///
/// # Errors
/// The registry refuses or cannot be reached.
pub(super) async fn restart(
    client: &Client<'_>,
    target: &Target,
    reason: &str,
) -> Result<Box<Entry>, Failure> {
    let places = kept_at(target)?;
    let env = &client.context().env;
    let entry = history::entry(env, Event::Restart, &target.tag, None, &[], Some(reason));
    if !target.dry_run {
        history::append::restart(client, &places[0], &entry).await?;
    }
    Ok(Box::new(entry))
}
