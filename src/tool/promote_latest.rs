//! `promote-latest`: moves `:latest` of all images to a staged release, by digest, verified before and after.

mod entry;
mod handed;

use std::path::PathBuf;

use clap::Parser;

use self::entry::Done;
use self::handed::Handed;
use super::Tool;
use super::agreement::settle;
use super::failure::Failure;
use super::giving_way::give_way;
use super::memory::{Question, recall};
use super::moving::{FINISHING, Mover};
use super::options::{ImageOptions, OutputOptions, RegistryOptions};
use super::reading::{LivePlatforms, facts, refused, resolve};
use super::settings::Settings;
use super::undoing::receipts;
use crate::io::context::Context;
use crate::io::registry::client::{Access, Client};
use crate::io::stop::Signal;
use crate::model::commit::CommitSha;
use crate::model::image::counted;
use crate::model::moves::{Ended, Receipt};
use crate::model::record::Kind;
use crate::model::repository::Repository;
use crate::model::tag::Tag;
use crate::policy::promotion::{Decision, Expected, ImageFacts, Rules, decide};
use crate::policy::repair::Direction;

/// Moves the tag `latest` of every image of a release to the digests staged under its commit
///
/// Reads and checks everything first: every manifest and every blob of every platform. Moves only if no guard says
/// no, the last image last, reads every tag back, and puts back what was moved if anything fails.
///
/// Exit codes: 0 done or already so; 1 refused or failed, nothing left moved; 2 usage; 4 split, with the commands to
/// repair it.
#[derive(Parser, Clone, Debug)]
#[command(name = "promote-latest", version)]
pub struct Args {
    /// Commit of the release: 7 to 64 hex digits, or any unique beginning of a published sha
    #[arg(value_name = "SHA")]
    pub sha: CommitSha,
    /// Refuse unless the tag names DIGEST now, or does not exist (`absent`); give one for each image
    #[arg(long, value_name = "DIGEST|absent")]
    pub expect_current: Vec<Expected>,
    /// Ask for this kind of evidence instead of the configured ones: smoke or soak (repeatable)
    #[arg(long, value_name = "KIND", conflicts_with = "no_require")]
    pub require: Vec<Kind>,
    /// Ask for no evidence
    #[arg(long)]
    pub no_require: bool,
    /// A verdict document, as `canary-smoke --result` wrote it; counts like recorded evidence (repeatable)
    #[arg(long, value_name = "FILE")]
    pub evidence: Vec<PathBuf>,
    /// Let only evidence count that was judged with this very suite file
    #[arg(long, value_name = "FILE")]
    pub suite: Option<PathBuf>,
    /// Promote even if the release is older than the live one
    #[arg(long)]
    pub allow_older: bool,
    /// Promote this very release in spite of a hold or a rejection
    #[arg(long, value_name = "REASON")]
    pub lift_hold: Option<String>,
    /// Move this tag instead of the configured `latest`
    #[arg(long, value_name = "TAG")]
    pub to: Option<Tag>,
    #[command(flatten)]
    pub(crate) images: ImageOptions,
    #[command(flatten)]
    pub(crate) registry: RegistryOptions,
    #[command(flatten)]
    pub(crate) output: OutputOptions,
}

/// The binary.
pub struct PromoteLatest;

/// What a promotion or a rollback came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Which command it was.
    pub direction: Direction,
    /// The release, if it has a name.
    pub sha: Option<CommitSha>,
    /// The tag that was moved.
    pub tag: Tag,
    /// Every image.
    pub receipts: Vec<Receipt>,
    /// What is not as it should be and did not refuse.
    pub warnings: Vec<String>,
    /// The release record, as `repository@sha256:...`.
    pub release: Option<String>,
}

impl Tool for PromoteLatest {
    const NAME: &'static str = "promote-latest";
    type Args = Args;
    type Outcome = Outcome;

    fn output(args: &Args) -> &OutputOptions {
        &args.output
    }

    async fn run(args: Args, context: &Context) -> Result<Outcome, Failure> {
        let settings =
            Settings::find(&args.registry, &args.images.images, &context.env)?.moving(args.to.as_ref());
        let handed = Handed::read(&args, &settings)?;
        let client = settings.client(context, Access::PullPush)?;
        let rules = Rules::Promotion { expect: args.expect_current.clone() };
        let (sha, facts) =
            context.stop.unless(read_staged(&client, &settings, &args.sha, LivePlatforms::Needed)).await??;
        let memory = match &settings.home {
            Some(home) => {
                let question = Question {
                    sha: &sha,
                    facts: &facts,
                    demand: handed.demand(),
                    files: &handed.pieces,
                    lifts: args.lift_hold.is_some(),
                    allow_older: args.allow_older,
                };
                Some(context.stop.unless(recall(&client, &settings, home, &question)).await?)
            }
            None => None,
        };
        let against = memory.as_ref().map(|memory| memory.refusals.clone()).unwrap_or_default();
        let mut decision = decide(Some(&sha), &settings.latest, &facts, &rules, against)
            .map_err(|refusals| refused(Some(&sha), refusals))?;
        if let Some(memory) = memory.as_ref().filter(|_| !decision.plan.moves.is_empty()) {
            decision.warnings.extend(memory.warnings.iter().cloned());
        }
        let plan = decision.plan.clone();
        let carried = carry_out(&client, &settings, decision, Direction::Promotion).await;
        if let (Some(home), Some(memory)) = (&settings.home, &memory)
            && let Some(signal) = wrote(&carried)
            && let Some(failure) = give_way(&client, &settings, home, memory, &plan, signal).await
        {
            return Err(failure);
        }
        let mut outcome = carried?;
        if let (Some(home), Some(memory)) = (&settings.home, &memory) {
            outcome.release = memory.kept.as_ref().map(|kept| kept.name.to_string());
            let (client, settings, args) = (&client, &settings, &args);
            let (handed, facts) = (&handed, &facts);
            let done = Done { client, settings, home, args, handed, memory, facts };
            if context.stop.within(FINISHING, done.record(&mut outcome)).await.is_err() {
                let words = "stopped: the promotion may not be in the history";
                context.console.warn(words);
                outcome.warnings.push(words.to_owned());
            }
        }
        Ok(outcome)
    }
}

/// Whether a promotion wrote anything, if only its anchors, and if so, the signal that ended it, if one did.
fn wrote(carried: &Result<Outcome, Failure>) -> Option<Option<Signal>> {
    match carried {
        Ok(outcome) => outcome.receipts.iter().any(|receipt| receipt.ended == Ended::Moved).then_some(None),
        Err(Failure::Moving(failure)) => Some(failure.signal),
        Err(_) => None,
    }
}

/// Reads the staged release that `typed` means, and where the tags stand.
pub(super) async fn read_staged(
    client: &Client<'_>,
    settings: &Settings,
    typed: &CommitSha,
    live: LivePlatforms,
) -> Result<(CommitSha, Vec<ImageFacts>), Failure> {
    let console = &client.context().console;
    console.say(&format!("reading {} of {}", settings.staging.tag(typed), settings.images.counted()));
    let first = facts(client, settings, &sources(settings, typed), live).await;
    // The exact tag outranks every longer sha that begins the same.
    if first.iter().any(|image| !matches!(image.wanted, Ok(None))) {
        return Ok((typed.clone(), first));
    }
    let sha = resolve(client, settings, typed).await?;
    if sha == *typed {
        return Ok((sha, first));
    }
    console.say(&format!("{typed} is {sha}"));
    let again = facts(client, settings, &sources(settings, &sha), live).await;
    Ok((sha, again))
}

fn sources(settings: &Settings, sha: &CommitSha) -> Vec<(Repository, Tag)> {
    settings.images.iter().map(|image| (image.clone(), settings.staging.tag(sha))).collect()
}

/// Carries a decision out, or tells it with `--dry-run`.
pub(super) async fn carry_out(
    client: &Client<'_>,
    settings: &Settings,
    decision: Decision,
    direction: Direction,
) -> Result<Outcome, Failure> {
    let Decision { plan, warnings } = decision;
    let console = &client.context().console;
    warnings.iter().for_each(|warning| console.warn(warning));
    let mut receipts = if plan.moves.is_empty() || settings.dry_run {
        receipts(&plan, |_| Ended::WouldMove)
    } else {
        console.say(&format!("moving {} of {}", plan.tag, counted(plan.moves.len())));
        match (Mover { client, plan: &plan, direction, options: &settings.as_options() }).run().await {
            Ok(receipts) => receipts,
            Err(Failure::Moving(failure)) => {
                return Err(Failure::Moving(settle(client, settings, failure).await));
            }
            Err(failure) => return Err(failure),
        }
    };
    let place = |receipt: &Receipt| settings.images.iter().position(|image| *image == receipt.repository);
    receipts.sort_by_key(place);
    Ok(Outcome { direction, sha: plan.sha, tag: plan.tag, receipts, warnings, release: None })
}
