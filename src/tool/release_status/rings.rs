//! `rings` and `approve`: where each ring stands, and somebody's word that a release may come to one.

use jiff::Timestamp;

use crate::base::list::NonEmpty;
use crate::engine::failure::EngineError;
use crate::io::context::Context;
use crate::io::github_api::GithubApi;
use crate::io::registry::client::Access;
use crate::ledger::{history, releases, staged};
use crate::model::commit::CommitSha;
use crate::model::history::{Entry, Event};
use crate::model::record::Kind;
use crate::model::refusal::{Guard, Refusal};
use crate::policy::gates::evidence::newest_from;
use crate::policy::gates::ring::from;
use crate::policy::rings::outlook::Outlook;
use crate::policy::rings::state::State;
use crate::tool::failure::Failure;
use crate::tool::promote_ring::due::candidates;
use crate::tool::rings::Declared;
use crate::tool::rung::Rung;
use crate::tool::settings::Settings;

/// One ring.
#[derive(Clone, Debug)]
pub struct Row {
    /// What it is called.
    pub ring: String,
    /// The tag that its tenants follow.
    pub tag: String,
    /// What it runs, or why that is not known; `None`: nothing yet.
    pub release: Result<Option<CommitSha>, String>,
    /// Since when.
    pub since: Option<Timestamp>,
    /// How many tenants it has, of how many; `None` where no list says so.
    pub tenants: Option<(usize, usize)>,
    /// Its share in basis points, with the rings before.
    pub share: Option<u32>,
    /// The newest verdict of each kind on what it runs, from this ring, in words.
    pub proven: Vec<String>,
    /// What it would take, and what it waits for.
    pub outlook: Outlook,
}

/// Reads where every ring stands.
///
/// # Errors
/// No rings are declared, or they cannot be read.
pub(super) async fn rows(settings: &Settings, context: &Context) -> Result<Vec<Row>, Failure> {
    let declared = Declared::of(settings.rings.clone(), settings.file.as_deref())?;
    let client = settings.client(context, Access::Pull)?;
    let dealt = declared.deal()?;
    let all = dealt.as_ref().map(|rows| rows.iter().map(|row| row.keys.len()).sum());
    let rung = Rung::read(&client, settings, declared, 0, None).await?;
    let rings = &rung.declared.rings;
    let mut rows = Vec::new();
    for (place, (ring, state)) in rings.rings.iter().zip(&rung.survey.states).enumerate() {
        let found = context.stop.unless(candidates(&client, settings, &rung, place)).await??;
        rows.push(Row {
            ring: ring.name.clone(),
            tag: ring.tag.to_string(),
            release: state.release.clone().map_err(|why| why.message),
            since: state.since,
            tenants: dealt.as_ref().zip(all).map(|(dealt, all)| (dealt[place].keys.len(), all)),
            share: ring.share.map(crate::policy::rings::bucket::Share::basis_points),
            proven: proven(&rung, place, state),
            outlook: rung.view().outlook(place, &found),
        });
    }
    Ok(rows)
}

fn proven(rung: &Rung, place: usize, state: &State) -> Vec<String> {
    let Some(proof) = state.proven() else { return Vec::new() };
    let from = from(&rung.declared.rings, place);
    let of = |kind: Kind| {
        let verdict = newest_from(&proof.record, &proof.pieces, kind, from.as_ref())?;
        Some(format!("{kind} {} {}", verdict.verdict.as_str(), verdict.finished.strftime("%F %H:%M UTC")))
    };
    [Kind::Smoke, Kind::Soak].into_iter().filter_map(of).collect()
}

/// Writes that whoever runs this approves `typed` for `ring`. Who they are is what GitHub says to their own token; else the
/// entry says that nobody confirmed it.
///
/// # Errors
/// There is no such ring or release, or the history cannot be written.
pub(super) async fn approve(
    settings: &Settings,
    context: &Context,
    typed: &CommitSha,
    ring: &str,
    reason: &str,
) -> Result<(Vec<Entry>, Vec<String>), Failure> {
    let declared = Declared::of(settings.rings.clone(), settings.file.as_deref())?;
    let ring = &declared.rings.rings[declared.place(ring)?];
    let client = settings.client(context, Access::PullPush)?;
    let (target, places) = (&settings.target, settings.target.places());
    let shas = context.stop.unless(staged::shas(&client, &target.staging, target.images.first())).await?;
    let mut meant: Vec<CommitSha> = shas.map_err(EngineError::from)?;
    meant.retain(|sha| typed.begins(sha));
    let found = if meant.len() == 1 {
        "a release without a record".to_owned()
    } else {
        format!("{} releases", meant.len())
    };
    let stored = match meant.as_slice() {
        [sha] => {
            context.stop.unless(releases::find(&client, &places, sha)).await?.map_err(EngineError::from)?
        }
        _ => None,
    };
    let Some(stored) = stored else {
        let refusal = Refusal {
            guard: Guard::Record,
            image: None,
            expected: format!("one published release that {typed} means, with a record"),
            found,
            hint: "publish it with publish-staging, and give more digits".to_owned(),
        };
        return Err(EngineError::refused(None, NonEmpty::one(refusal)).into());
    };
    let by = ring.approve.as_ref().map(|approve| approve.by.clone()).unwrap_or_default();
    let mut warnings = Vec::new();
    let proven = match GithubApi::whose(&context.env, &by).await {
        Ok(proven) => Some(proven),
        Err(why) => {
            warnings.push(format!("GitHub did not confirm who approves: {why}"));
            None
        }
    };
    let insiders = |name: &String| proven.as_ref().is_some_and(|proven| proven.is(name));
    if !by.is_empty() && !by.iter().any(insiders) {
        warnings.push(format!(
            "this approval does not count: ring {} asks for one by {}",
            ring.name,
            by.join(" or ")
        ));
    }
    let event = Event::Approval { record: stored.name.to_string(), proven };
    let sha = &stored.record.release.sha;
    let entry = history::entry(&context.env, event, &ring.tag, Some(sha), &[], Some(reason));
    if !target.dry_run {
        history::append::append(&client, &stored.name.home, &entry).await.map_err(EngineError::from)?;
    }
    warnings.iter().for_each(|words| context.console.warn(words));
    Ok((vec![entry], warnings))
}
