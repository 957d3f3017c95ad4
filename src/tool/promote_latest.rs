//! `promote-latest`: moves `:latest` of all images to a staged release, by digest, verified before and after.

mod args;
mod evidence;
mod record;

use std::time::Duration;

pub use self::args::Args;
use self::evidence::Handed;
use self::record::Done;
use super::Tool;
use super::failure::Failure;
use super::options::OutputOptions;
use super::rings::Declared;
use super::rung::Rung;
use super::settings::Settings;
use crate::engine::beside::Beside;
use crate::engine::budget::FINISHING;
use crate::engine::changes::compare;
use crate::engine::contention::yield_to_rollback::{Meanwhile, yield_to_rollback};
use crate::engine::execute::{Executed, Since, Work, execute};
use crate::engine::failure::EngineError;
use crate::engine::inspect::{LivePlatforms, name_missing_repositories};
use crate::engine::resolve::{ReadRelease, read_release};
use crate::engine::target::Target;
use crate::io::clock;
use crate::io::context::Context;
use crate::io::github_api;
use crate::io::registry::client::{Access, Client};
use crate::ledger::recall::{Question, Recalled, recall};
use crate::model::commit::CommitSha;
use crate::model::difference::ImageChange;
use crate::model::moves::{Move, Plan};
use crate::model::release::ImageRecord;
use crate::policy::gates::hold;
use crate::policy::gates::images::Rules;
use crate::policy::history::History;
use crate::policy::plan::decide;
use crate::policy::rings::Rings;

pub struct PromoteLatest;

/// The longest that comparing what was moved may take.
const COMPARING: Duration = Duration::from_secs(20);

impl Tool for PromoteLatest {
    const NAME: &'static str = "promote-latest";
    type Args = Args;
    type Outcome = Executed;

    fn output(args: &Args) -> &OutputOptions {
        &args.moving.output
    }

    async fn run(args: Args, context: &Context) -> Result<Executed, Failure> {
        let settings = Settings::of_move(&args.moving, &context.env)?;
        let declared = Declared::of_settings(&settings);
        if let Some(declared) = &declared {
            refuse_shortcuts(&args, &declared.rings)?;
        }
        if let Some(tag) = args.also_tag.iter().find(|tag| settings.target.owns(tag)) {
            let words = format!("`--also-tag {tag}`: coalmine writes this tag itself");
            return Err(Failure::usage(words, "give a version, such as `v1.4.2`"));
        }
        let client = settings.client(context, Access::PullPush)?;
        let rung = match declared.filter(|_| args.moving.to.is_none()) {
            Some(declared) => {
                let last = declared.rings.last();
                Some(Rung::read(&client, &settings, declared, last, None).await?)
            }
            None => None,
        };
        step(&args, settings, &client, rung.as_ref()).await
    }
}

/// With rings, this program is the step into the last one, and the rings say what it asks for.
fn refuse_shortcuts(args: &Args, rings: &Rings) -> Result<(), Failure> {
    let hint = "use promote-ring; for a hotfix, `promote-ring SHA --to RING --skip-rings REASON`";
    if let Some((_, ring)) = args.moving.to.as_ref().and_then(|tag| rings.of_tag(tag)) {
        return Err(Failure::usage(format!("{} is the tag of ring {}", ring.tag, ring.name), hint));
    }
    if args.moving.to.is_none() && (args.no_require || !args.require.is_empty()) {
        return Err(Failure::usage("the rings say which evidence a promotion needs", hint));
    }
    Ok(())
}

/// Moves the tag of `settings` to the release, as far as the guards let it. `rung`: the ring that it belongs to.
///
/// # Errors
/// A guard refused, or the registry failed.
pub(crate) async fn step(
    args: &Args,
    mut settings: Settings,
    client: &Client<'_>,
    rung: Option<&Rung>,
) -> Result<Executed, Failure> {
    let context = client.context();
    settings.target.repeated = args.repeated();
    let handed = Handed::read(args, &settings, rung)?;
    let target = &settings.target;
    let read = read_release(client, target, &args.sha, LivePlatforms::Needed);
    let ReadRelease { sha, mut facts, record, ledger } = context.stop.unless(read).await??;
    name_missing_repositories(client, &mut facts).await;
    let lifts = args.lift_hold.is_some();
    let recalled = match (target.places().as_slice(), ledger) {
        ([], _) | (_, None) => None,
        (places, Some(ledger)) => {
            let whole = |images: &[ImageRecord]| {
                let program = if args.moving.to.is_some() && rung.is_some() {
                    "promote-ring"
                } else {
                    "promote-latest"
                };
                let words = format!("{program} {sha} {}", target.repeated);
                target.command(&words, images.iter().map(|image| &image.repository))
            };
            let question = Question {
                places,
                staging: &target.staging,
                tag: &target.tag,
                sha: &sha,
                facts: &facts,
                demand: handed.demand(),
                files: &handed.pieces,
                lifts,
                allow_older: args.allow_older,
                command: &whole,
            };
            Some(context.stop.unless(recall(client, &question, record, ledger)).await?)
        }
    };
    let (beside, taken) = context.stop.unless(Beside::read(client, &args.also_tag, &sha, &facts)).await??;
    let (mut set, mut against) = match &recalled {
        Some(recalled) => (recalled.set.clone(), recalled.refusals.clone()),
        None => (Vec::new(), hold::check(&sha, &target.tag, &facts, &History::default(), lifts)),
    };
    set.extend(taken);
    let judged = rung.map(|rung| rung.judge(&sha, recalled.as_ref(), lifts)).unwrap_or_default();
    against.extend(judged.refusals);
    let rules = Rules::Promotion { expect: args.expect_current.clone() };
    let mut decision = decide(Some(&sha), &target.tag, &facts, &rules, set, against)
        .map_err(|refusals| EngineError::refused(Some(&sha), refusals))?;
    let plan = decision.plan.clone();
    if let Some(recalled) = recalled.as_ref().filter(|_| !plan.moves.is_empty()) {
        decision.warnings.extend(recalled.warnings.iter().cloned());
        decision.warnings.extend(judged.skipped.iter().map(|gate| format!("skipped: {gate}")));
    }
    if !target.dry_run {
        beside.write(client, target, &plan).await?;
    }
    let carried = execute(client, target, decision, Work::Promotion).await;
    let carried = match &recalled {
        Some(recalled) => give_way(client, target, recalled, &plan, carried).await,
        None => carried,
    };
    let mut outcome = beside.end_with(client, carried).await?;
    outcome.release =
        recalled.as_ref().and_then(|recalled| recalled.kept.as_ref()).map(|kept| kept.name.to_string());
    let (skipped, handed, recalled) = (&judged.skipped, &handed, recalled.as_ref());
    let reason = rung.and_then(|rung| rung.skip.as_deref()).or(args.lift_hold.as_deref());
    let done = Done { client, target, args, handed, recalled, facts: &facts, skipped, reason };
    if context.stop.within(FINISHING, done.record(&mut outcome)).await.is_err() {
        let words = "stopped: the promotion may be missing in the history";
        context.console.warn(words);
        outcome.warnings.push(words.to_owned());
    }
    if let Some(previous) = recalled.and_then(|recalled| recalled.live.clone()).filter(|_| outcome.moved()) {
        let commits = commits(context, &previous, &sha).await;
        outcome.since = Some(Box::new(Since { previous, commits }));
    }
    if context.env.get("GITHUB_STEP_SUMMARY").is_some() {
        outcome.changes = changes(client, &plan).await;
    }
    Ok(outcome)
}

/// What production gets with `plan`, for the step summary. It comes after the move and its record,
/// and holds up nothing: what takes too long is left out.
async fn changes(client: &Client<'_>, plan: &Plan) -> Vec<ImageChange> {
    let pair = |m: &Move| (m.repository.clone(), m.from.clone(), Some(m.to.clone()));
    let pairs: Vec<_> = plan.moves.iter().map(pair).collect();
    let client = client.until(clock::instant() + COMPARING);
    let mut changes = client.context().stop.unless(compare(&client, &pairs)).await.unwrap_or_default();
    changes.retain(ImageChange::tells);
    changes
}

/// The commits that the promotion brings, on a GitHub runner. Nobody waits for them: what cannot be read is left out.
async fn commits(context: &Context, from: &CommitSha, to: &CommitSha) -> Vec<String> {
    if !context.env.is_github_actions() {
        return Vec::new();
    }
    let asked = async { github_api::GithubApi::of(&context.env)?.commits(from, to).await };
    match context.stop.within(FINISHING, asked).await {
        Ok(Ok(commits)) => commits,
        Ok(Err(why)) => {
            context.console.detail(&format!("the commits since {from} are not told: {why}"));
            Vec::new()
        }
        Err(_) => Vec::new(),
    }
}

/// What a promotion came to once a rollback that ran meanwhile has its way. One that wrote nothing, not even its
/// anchors, has nothing to give way with.
async fn give_way(
    client: &Client<'_>,
    target: &Target,
    recalled: &Recalled,
    plan: &Plan,
    carried: Result<Executed, EngineError>,
) -> Result<Executed, EngineError> {
    let signal = match &carried {
        Ok(outcome) if outcome.moved() => None,
        Err(EngineError::Moving(failure)) => failure.signal,
        Ok(_) | Err(_) => return carried,
    };
    let known = &recalled.history;
    match yield_to_rollback(client, target, &recalled.home, known, plan, signal).await {
        Meanwhile::NoRollback => carried,
        Meanwhile::Unknown(why) => {
            let words = format!("could not check whether a rollback ran in the meantime: {why}");
            client.context().console.warn(&words);
            carried.map(|mut outcome| {
                outcome.warnings.push(words);
                outcome
            })
        }
        Meanwhile::Rollback(failure) => Err(EngineError::Moving(failure)),
    }
}
