//! `rollback-latest`: moves `:latest` of all images back, with the engine of `promote-latest` and fewer guards.

mod args;
mod destination;
mod previous;
pub mod record;
mod recovery;
mod rings;

pub use self::args::Args;
use std::pin::pin;

use futures_util::future::{join, join3, maybe_done};

use self::record::{Record, RollbackRecord};
pub use self::recovery::{Seen, Watched};
use super::Tool;
use super::failure::Failure;
use super::options::OutputOptions;
use super::settings::Settings;
use crate::engine::anchors;
use crate::engine::budget::{FINISHING, REASSERT};
use crate::engine::candidates::{Listing, Shown, candidates};
use crate::engine::contention::reassert::reassert;
use crate::engine::execute::{Executed, Work, execute};
use crate::engine::failure::EngineError;
use crate::engine::mover::Mover;
use crate::io::clock;
use crate::io::context::Context;
use crate::io::hooks;
use crate::io::registry::client::Access;
use crate::policy::gates::images::Rules;
use crate::policy::plan::decide;
use crate::policy::repair::Direction;

pub struct RollbackLatest;

#[derive(Clone, Debug)]
pub enum Outcome {
    /// It moved tags, or found them where they should be.
    Moved {
        moves: Box<Executed>,
        /// Why, in the words of whoever ran it.
        reason: Option<String>,
        /// The hooks that were run, in order.
        hooks: Vec<hooks::HookReport>,
        /// What became of the recovery targets, where they were watched.
        watched: Option<Box<Watched>>,
        /// What was written about it.
        record: Box<RollbackRecord>,
    },
    /// It listed where one could go.
    Listed(Listing),
    /// It took a release out of rings: each ring that it was in, the outermost first.
    Rings(Vec<(String, Outcome)>),
}

impl Tool for RollbackLatest {
    const NAME: &'static str = "rollback-latest";
    type Args = Args;
    type Outcome = Outcome;

    fn output(args: &Args) -> &OutputOptions {
        &args.moving.output
    }

    async fn run(args: Args, context: &Context) -> Result<Outcome, Failure> {
        let mut settings = Settings::of_move(&args.moving, &context.env)?;
        if let Some(ring) = &args.ring {
            let go = async |args: Args| {
                let outcome = Box::pin(Self::run(args, context)).await?;
                let sha = match &outcome {
                    Outcome::Moved { moves, .. } => moves.sha.clone(),
                    Outcome::Listed(_) | Outcome::Rings(_) => None,
                };
                Ok((outcome, sha))
            };
            return Ok(Outcome::Rings(rings::back(&args, ring, &settings, context, go).await?));
        }
        settings.target.repeated = args.repeated();
        let target = &settings.target;
        if args.list {
            let client = settings.client(context, Access::Pull)?;
            let shown = if args.all { Shown::All } else { Shown::Ten };
            let listed = context.stop.unless(candidates(&client, target, shown)).await?;
            return Ok(Outcome::Listed(listed.map_err(EngineError::from)?));
        }
        let watch = args.watch.as_ref().map(|file| recovery::Watch::load(file, context)).transpose()?;
        let client = settings.client(context, Access::PullPush)?;
        let ask = destination::Ask { client: &client, target, args: &args };
        let to = context.stop.unless(destination::read(ask)).await??;
        let mut decision =
            decide(to.sha.as_ref(), &target.tag, &to.facts, &Rules::Rollback, Vec::new(), Vec::new())
                .map_err(|refusals| EngineError::refused(to.sha.as_ref(), refusals))?;
        decision.warnings.extend(to.warnings.iter().cloned());
        let plan = decision.plan.clone();
        let idle = target.dry_run || plan.moves.is_empty();
        let runner = hooks::Runner { context, idle };
        let run = |name, hook| runner.run(name, hook);
        let hooks = &settings.hooks;
        let before = join(run("capture", hooks.capture.as_ref()), run("freeze", hooks.freeze.as_ref()));
        let mut before = pin!(maybe_done(before));
        hooks::wait(before.as_mut()).await;
        let rejects = settings.hold && !args.no_hold;
        let written = Record { client: &client, settings: &settings, args: &args, to: &to, rejects };
        let hold = if idle { None } else { written.hold(&plan) };
        let work = Work::Rollback { rejects, hold: hold.as_ref(), held: &to.held() };
        // What is only told is read while the tags move.
        let left = async {
            let left = written.left().await;
            if idle {
                return (left, Vec::new(), String::new());
            }
            let (staying, found) = join(written.staying(left.as_ref()), written.found(left.as_ref())).await;
            (left, staying, found)
        };
        let (moved, (left, staying, found)) =
            join(hooks::beside(before.as_mut(), execute(&client, target, decision, work)), left).await;
        let mut moves = match moved {
            Ok(moves) => moves,
            Err(error) => return Err(written.take_back(hold.as_ref(), error).await.into()),
        };
        for words in staying.into_iter().filter(|words| !to.warnings.contains(words)) {
            context.console.warn(&words);
            moves.warnings.push(words);
        }
        let moved_at = clock::now();
        let mover = Mover { client: &client, plan: &plan, direction: Direction::Rollback, target };
        let marked = async {
            if !idle {
                anchors::mark_previous(&mover).await;
            }
        };
        let after = async {
            let rotated = run("rotate-cache", hooks.rotate_cache.as_ref()).await;
            (rotated, run("throttle", hooks.throttle.as_ref()).await)
        };
        let recorded = join(written.write(&plan, left.as_ref(), &found, &mut moves), marked);
        let recorded = context.stop.within(FINISHING, recorded);
        let (recorded, (), (rotated, throttled)) = join3(recorded, before.as_mut(), after).await;
        let (captured, frozen) = before.take_output().unwrap_or_default();
        let mut hooks: Vec<hooks::HookReport> =
            [captured, frozen, rotated, throttled].into_iter().flatten().collect();
        let record = recorded.map_or_else(
            |_| {
                let words =
                    "stopped: the rollback may be missing in the history, and latest-previous may be older";
                context.console.warn(words);
                moves.warnings.push(words.to_owned());
                RollbackRecord::default()
            },
            |(record, ())| record,
        );
        let settled = written.settle(&record);
        if to.ledger.is_some() && !idle {
            let client = client.until(clock::instant() + REASSERT);
            let mover = Mover { client: &client, plan: &plan, direction: Direction::Rollback, target };
            let again = join(reassert(&mover, hold.as_ref()), settled);
            context.stop.within(FINISHING, again).await.map_or(Ok(()), |(stands, ())| stands)?;
        } else {
            let _ = context.stop.within(FINISHING, settled).await;
        }
        let watched = match watch.filter(|_| !target.dry_run) {
            Some(watch) => Some(Box::new(watch.run(moves.sha.as_ref(), moved_at).await)),
            None => None,
        };
        if watched.as_ref().is_some_and(|watched| watched.met == Some(true)) {
            // A rollback that was killed while it watched moved everything before: its hook has yet to run.
            let runner = hooks::Runner { context, idle: false };
            hooks.extend(runner.run("unfreeze", settings.hooks.unfreeze.as_ref()).await);
        }
        let (moves, record) = (Box::new(moves), Box::new(record));
        Ok(Outcome::Moved { moves, reason: args.reason, hooks, watched, record })
    }
}
