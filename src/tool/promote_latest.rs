//! `promote-latest`: moves `:latest` of all images to a staged release, by digest, verified before and after.

mod args;
mod evidence;
mod record;

pub use self::args::Args;
use self::evidence::Handed;
use self::record::Done;
use super::Tool;
use super::failure::Failure;
use super::options::OutputOptions;
use super::settings::Settings;
use crate::engine::budget::FINISHING;
use crate::engine::contention::yield_to_rollback::{Meanwhile, yield_to_rollback};
use crate::engine::execute::{Executed, execute};
use crate::engine::failure::EngineError;
use crate::engine::inspect::LivePlatforms;
use crate::engine::resolve::read_staged;
use crate::engine::target::Target;
use crate::io::context::Context;
use crate::io::registry::client::{Access, Client};
use crate::ledger::recall::{Question, Recalled, recall};
use crate::model::moves::Plan;
use crate::model::repository::Repository;
use crate::policy::gates::images::Rules;
use crate::policy::plan::decide;
use crate::policy::repair::Direction;

/// The binary.
pub struct PromoteLatest;

impl Tool for PromoteLatest {
    const NAME: &'static str = "promote-latest";
    type Args = Args;
    type Outcome = Executed;

    fn output(args: &Args) -> &OutputOptions {
        &args.output
    }

    async fn run(args: Args, context: &Context) -> Result<Executed, Failure> {
        let settings =
            Settings::find(&args.registry, &args.images.images, &context.env)?.on_tag(args.to.as_ref());
        let handed = Handed::read(&args, &settings)?;
        let client = settings.client(context, Access::PullPush)?;
        let target = &settings.target;
        let read = read_staged(&client, target, &args.sha, LivePlatforms::Needed);
        let (sha, facts) = context.stop.unless(read).await??;
        let recalled = match &target.home {
            Some(home) => {
                let question = Question {
                    home,
                    staging: &target.staging,
                    tag: &target.tag,
                    sha: &sha,
                    facts: &facts,
                    demand: handed.demand(),
                    files: &handed.pieces,
                    lifts: args.lift_hold.is_some(),
                    allow_older: args.allow_older,
                };
                Some((home, context.stop.unless(recall(&client, &question)).await?))
            }
            None => None,
        };
        let against = recalled.as_ref().map(|(_, recalled)| recalled.refusals.clone()).unwrap_or_default();
        let rules = Rules::Promotion { expect: args.expect_current.clone() };
        let mut decision = decide(Some(&sha), &target.tag, &facts, &rules, against)
            .map_err(|refusals| EngineError::refused(Some(&sha), refusals))?;
        let plan = decision.plan.clone();
        let Some((home, recalled)) = recalled else {
            return Ok(execute(&client, target, decision, Direction::Promotion).await?);
        };
        if !plan.moves.is_empty() {
            decision.warnings.extend(recalled.warnings.iter().cloned());
        }
        let carried = execute(&client, target, decision, Direction::Promotion).await;
        let mut outcome = give_way(&client, target, (home, &recalled), &plan, carried).await?;
        outcome.release = recalled.kept.as_ref().map(|kept| kept.name.to_string());
        let (args, handed) = (&args, &handed);
        let done = Done { client: &client, target, home, args, handed, recalled: &recalled, facts: &facts };
        if context.stop.within(FINISHING, done.record(&mut outcome)).await.is_err() {
            let words = "stopped: the promotion may not be in the history";
            context.console.warn(words);
            outcome.warnings.push(words.to_owned());
        }
        Ok(outcome)
    }
}

/// What a promotion came to once a rollback that ran meanwhile has its way. One that wrote nothing, not even its
/// anchors, has nothing to give way with.
async fn give_way(
    client: &Client<'_>,
    target: &Target,
    (home, recalled): (&Repository, &Recalled),
    plan: &Plan,
    carried: Result<Executed, EngineError>,
) -> Result<Executed, EngineError> {
    let signal = match &carried {
        Ok(outcome) if outcome.moved() => None,
        Err(EngineError::Moving(failure)) => failure.signal,
        Ok(_) | Err(_) => return carried,
    };
    let known = &recalled.history.history;
    match yield_to_rollback(client, target, home, known, plan, signal).await {
        Meanwhile::NoRollback => carried,
        Meanwhile::Unknown(why) => {
            let words = format!("whether a rollback ran meanwhile cannot be told: {why}");
            client.context().console.warn(&words);
            carried.map(|mut outcome| {
                outcome.warnings.push(words);
                outcome
            })
        }
        Meanwhile::Rollback(failure) => Err(EngineError::Moving(failure)),
    }
}
