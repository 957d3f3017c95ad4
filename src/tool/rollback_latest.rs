//! `rollback-latest`: moves `:latest` of all images back, with the engine of `promote-latest` and fewer guards.

mod args;
mod previous;
pub mod record;

pub use self::args::Args;
use self::previous::read_previous;
use self::record::RollbackRecord;
use super::Tool;
use super::failure::Failure;
use super::options::OutputOptions;
use super::settings::Settings;
use crate::engine::budget::{FINISHING, REASSERT};
use crate::engine::candidates::{Candidate, candidates};
use crate::engine::contention::reassert::reassert;
use crate::engine::execute::{Executed, execute};
use crate::engine::failure::EngineError;
use crate::engine::inspect::LivePlatforms;
use crate::engine::mover::Mover;
use crate::engine::resolve::read_staged;
use crate::engine::target::Target;
use crate::io::clock;
use crate::io::context::Context;
use crate::io::hooks;
use crate::io::registry::client::{Access, Client};
use crate::model::commit::CommitSha;
use crate::model::facts::ImageFacts;
use crate::policy::gates::images::Rules;
use crate::policy::plan::{Decision, decide};
use crate::policy::repair::Direction;

/// The binary.
pub struct RollbackLatest;

/// What a rollback came to.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It moved tags, or found them where they should be.
    Moved {
        /// The images.
        moves: Executed,
        /// Why, in the words of whoever ran it.
        reason: Option<String>,
        /// The hooks that were run, in order.
        hooks: Vec<hooks::HookReport>,
        /// What was written about it.
        record: Box<RollbackRecord>,
    },
    /// It listed where one could go.
    Listed(Vec<Candidate>),
}

impl Tool for RollbackLatest {
    const NAME: &'static str = "rollback-latest";
    type Args = Args;
    type Outcome = Outcome;

    fn output(args: &Args) -> &OutputOptions {
        &args.output
    }

    async fn run(args: Args, context: &Context) -> Result<Outcome, Failure> {
        let settings =
            Settings::find(&args.registry, &args.images.images, &context.env)?.on_tag(args.to.as_ref());
        let target = &settings.target;
        if args.list {
            let client = settings.client(context, Access::Pull)?;
            let listed = context.stop.unless(candidates(&client, target)).await?;
            return Ok(Outcome::Listed(listed.map_err(EngineError::from)?));
        }
        let client = settings.client(context, Access::PullPush)?;
        let (decision, facts) = context.stop.unless(plan(&client, target, args.sha.as_ref())).await??;
        let mut hooks = hooks::Runner::new(context, target.dry_run || decision.plan.moves.is_empty());
        hooks.run("capture", settings.hooks.capture.as_ref()).await;
        hooks.run("freeze", settings.hooks.freeze.as_ref()).await;
        let plan = decision.plan.clone();
        let mut moves = execute(&client, target, decision, Direction::Rollback).await?;
        hooks.run("rotate-cache", settings.hooks.rotate_cache.as_ref()).await;
        hooks.run("throttle", settings.hooks.throttle.as_ref()).await;
        let writing = record::write(&client, &settings, &args, &facts, &mut moves);
        let written = context.stop.within(FINISHING, writing).await;
        let record = written.unwrap_or_else(|_| {
            let words = "stopped: the rollback may not be in the history, and nothing may be held";
            context.console.warn(words);
            moves.warnings.push(words.to_owned());
            RollbackRecord::default()
        });
        if target.home.is_some() && !target.dry_run && !plan.moves.is_empty() {
            let client = client.until(clock::instant() + REASSERT);
            let mover = Mover {
                client: &client,
                plan: &plan,
                direction: Direction::Rollback,
                options: &target.options,
            };
            context.stop.within(FINISHING, reassert(&mover)).await.unwrap_or(Ok(()))?;
        }
        Ok(Outcome::Moved {
            moves,
            reason: args.reason,
            hooks: hooks.into_reports(),
            record: Box::new(record),
        })
    }
}

async fn plan(
    client: &Client<'_>,
    target: &Target,
    sha: Option<&CommitSha>,
) -> Result<(Decision, Vec<ImageFacts>), EngineError> {
    let (sha, facts) = match sha {
        Some(typed) => {
            let (sha, facts) = read_staged(client, target, typed, LivePlatforms::Unneeded).await?;
            (Some(sha), facts)
        }
        None => read_previous(client, target).await?,
    };
    let decision = decide(sha.as_ref(), &target.tag, &facts, &Rules::Rollback, Vec::new());
    Ok((decision.map_err(|refusals| EngineError::refused(sha.as_ref(), refusals))?, facts))
}
