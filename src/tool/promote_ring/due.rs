//! `--due`: the outermost ring that has something to take.

use futures_util::future::try_join_all;

use crate::engine::failure::EngineError;
use crate::io::registry::client::Client;
use crate::ledger::rings::proof;
use crate::ledger::staged;
use crate::model::commit::CommitSha;
use crate::model::history::Event;
use crate::policy::rings::outlook::Wait;
use crate::policy::rings::state::Proof;
use crate::tool::failure::Failure;
use crate::tool::rung::Rung;
use crate::tool::settings::Settings;

/// What is due.
pub(super) enum Due {
    /// This step.
    Step { place: usize, sha: CommitSha, passed_over: Vec<CommitSha> },
    /// Nothing yet: each ring, and what it waits for.
    Waits(Vec<(String, Wait)>),
    /// Every ring runs the newest release that there is for it.
    Nothing,
}

/// Finds what is due, from the last ring to the first.
///
/// # Errors
/// The registry cannot be read.
pub(super) async fn find(client: &Client<'_>, settings: &Settings, rung: &Rung) -> Result<Due, Failure> {
    let rings = &rung.declared.rings;
    let mut all = Vec::new();
    for place in (0..=rings.last()).rev() {
        let found = candidates(client, settings, rung, place);
        let found = client.context().stop.unless(found).await??;
        let outlook = rung.view().outlook(place, &found);
        if let Some(sha) = outlook.take {
            return Ok(Due::Step { place, sha, passed_over: outlook.passed_over });
        }
        let name = &rings.rings[place].name;
        all.extend(outlook.waits.into_iter().map(|wait| (name.clone(), wait)));
    }
    Ok(if all.is_empty() { Due::Nothing } else { Due::Waits(all) })
}

/// The releases that the ring at `place` may take, with what is recorded of them, newest first. For the first ring: what
/// was staged and never came to it.
pub(crate) async fn candidates(
    client: &Client<'_>,
    settings: &Settings,
    rung: &Rung,
    place: usize,
) -> Result<Vec<Proof>, EngineError> {
    let (target, view) = (&settings.target, rung.view());
    let places = target.places();
    let shas = if place > 0 {
        view.arrived(place)
    } else {
        let tag = rung.declared.rings.rings[0].tag.as_str();
        let came = |sha: &CommitSha| {
            view.history.entries().any(|entry| {
                let moved = matches!(entry.event, Event::Promotion { .. } | Event::Rollback { .. });
                entry.tag == tag && moved && entry.sha.as_ref() == Some(sha)
            })
        };
        let staged = staged::shas(client, &target.staging, target.images.first()).await?;
        let runs = rung.survey.states[0].runs();
        staged.into_iter().filter(|sha| Some(sha) != runs && !came(sha) && !view.is_rejected(sha)).collect()
    };
    let proofs = try_join_all(shas.iter().map(|sha| proof(client, &places, sha))).await?;
    let mut proofs: Vec<Proof> = proofs.into_iter().flatten().collect();
    if place == 0 {
        proofs.sort_by_key(|proof| std::cmp::Reverse((proof.record.commit_time, proof.record.published)));
    }
    Ok(proofs)
}
