//! `rollback-latest`: moves `:latest` of all images back, with the engine of `promote-latest` and fewer guards.

use std::time::Duration;

use clap::Parser;
use futures_util::future::{join_all, try_join_all};

use super::Tool;
use super::aftercare::{self, Aftercare};
use super::candidates::{Candidate, candidates};
use super::failure::Failure;
use super::moving::{FINISHING, Mover};
use super::options::{ImageOptions, OutputOptions, RegistryOptions};
use super::promote_latest::{Outcome as MoveOutcome, carry_out, read_staged};
use super::reading::{LivePlatforms, facts, refused, staged_shas};
use super::settings::Settings;
use crate::io::clock;
use crate::io::context::Context;
use crate::io::hooks;
use crate::io::registry::client::{Access, Client};
use crate::io::registry::error::RegistryError;
use crate::model::commit::CommitSha;
use crate::model::digest::Digest;
use crate::model::reference::Reference;
use crate::model::repository::Repository;
use crate::model::tag::Tag;
use crate::policy::promotion::{Decision, ImageFacts, Rules, decide};
use crate::policy::repair::Direction;
use crate::policy::rollback::{WayBack, previous};

/// Moves the tag `latest` of every image back to an earlier release
///
/// Waits on no gate. Only a manifest that is not there stops it. With GITHUB_TOKEN exported and a coalmine.toml,
/// `rollback-latest 4c1d56e` is all there is to type.
///
/// Exit codes: 0 done or already so; 1 refused or failed, nothing left moved; 2 usage; 4 split, with the commands to
/// repair it.
#[derive(Parser, Clone, Debug)]
#[command(name = "rollback-latest", version, group = clap::ArgGroup::new("target").required(true).args(["sha", "previous", "list"]))]
pub struct Args {
    /// Commit of the release to go back to: any unique beginning of at least 7 digits
    #[arg(value_name = "SHA")]
    pub sha: Option<CommitSha>,
    /// Go back to what was live before the last promotion
    #[arg(long)]
    pub previous: bool,
    /// List the releases that one could go back to, and move nothing
    #[arg(long)]
    pub list: bool,
    /// Why, for whoever reads about it later
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Leave promotions free and the release unrejected
    #[arg(long)]
    pub no_hold: bool,
    /// File the post-mortem draft as an issue on GitHub, once for each rejected release
    #[arg(long)]
    pub open_issue: bool,
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

/// Time for the last look, whatever the command's deadline says.
const AFTERWARDS: Duration = Duration::from_secs(20);

/// The binary.
pub struct RollbackLatest;

/// What a rollback came to.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It moved tags, or found them where they should be.
    Moved {
        /// The images.
        moves: MoveOutcome,
        /// Why, in the words of whoever ran it.
        reason: Option<String>,
        /// The hooks that were run, in order.
        hooks: Vec<hooks::HookReport>,
        /// What was written about it.
        aftercare: Box<Aftercare>,
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
            Settings::find(&args.registry, &args.images.images, &context.env)?.moving(args.to.as_ref());
        if args.list {
            let client = settings.client(context, Access::Pull)?;
            return Ok(Outcome::Listed(context.stop.unless(candidates(&client, &settings)).await??));
        }
        let client = settings.client(context, Access::PullPush)?;
        let (decision, facts) = context.stop.unless(plan(&client, &settings, args.sha.as_ref())).await??;
        let mut hooks = hooks::Runner::new(context, settings.dry_run || decision.plan.moves.is_empty());
        hooks.run("capture", settings.hooks.capture.as_ref()).await;
        hooks.run("freeze", settings.hooks.freeze.as_ref()).await;
        let plan = decision.plan.clone();
        let mut moves = carry_out(&client, &settings, decision, Direction::Rollback).await?;
        hooks.run("rotate-cache", settings.hooks.rotate_cache.as_ref()).await;
        hooks.run("throttle", settings.hooks.throttle.as_ref()).await;
        let taking = aftercare::take(&client, &settings, &args, &facts, &mut moves);
        let taken = context.stop.within(FINISHING, taking).await;
        let aftercare = taken.unwrap_or_else(|_| {
            let words = "stopped: the rollback may not be in the history, and nothing may be held";
            context.console.warn(words);
            moves.warnings.push(words.to_owned());
            Aftercare::default()
        });
        if settings.home.is_some() && !settings.dry_run && !plan.moves.is_empty() {
            let client = client.until(clock::instant() + AFTERWARDS);
            let options = settings.as_options();
            let mover =
                Mover { client: &client, plan: &plan, direction: Direction::Rollback, options: &options };
            context.stop.within(FINISHING, mover.stand_fast()).await.unwrap_or(Ok(()))?;
        }
        Ok(Outcome::Moved {
            moves,
            reason: args.reason,
            hooks: hooks.into_reports(),
            aftercare: Box::new(aftercare),
        })
    }
}

async fn plan(
    client: &Client<'_>,
    settings: &Settings,
    sha: Option<&CommitSha>,
) -> Result<(Decision, Vec<ImageFacts>), Failure> {
    let (sha, facts) = match sha {
        Some(typed) => {
            let (sha, facts) = read_staged(client, settings, typed, LivePlatforms::Unneeded).await?;
            (Some(sha), facts)
        }
        None => read_previous(client, settings).await?,
    };
    let decision = decide(sha.as_ref(), &settings.latest, &facts, &Rules::Rollback, Vec::new());
    Ok((decision.map_err(|refusals| refused(sha.as_ref(), refusals))?, facts))
}

/// Reads what `latest-previous` names, and finds the sha it was staged under.
async fn read_previous(
    client: &Client<'_>,
    settings: &Settings,
) -> Result<(Option<CommitSha>, Vec<ImageFacts>), Failure> {
    let tag = settings.latest.previous();
    client.context().console.say(&format!("reading {tag} of {}", settings.images.counted()));
    let sources: Vec<(Repository, Tag)> =
        settings.images.iter().map(|image| (image.clone(), tag.clone())).collect();
    let facts = facts(client, settings, &sources, LivePlatforms::Unneeded).await;
    let ways = join_all(facts.iter().map(|image| way_back(client, settings, image))).await;
    // What could not be read is refused by the guards, which name it.
    let ways: Vec<WayBack> = ways.into_iter().flatten().collect();
    let readable = ways.len() == facts.len();
    match previous(&ways) {
        Ok(sha) => Ok((sha.filter(|_| readable), facts)),
        Err(refusals) if readable => Err(refused(None, refusals)),
        Err(_) => Ok((None, facts)),
    }
}

async fn way_back(client: &Client<'_>, settings: &Settings, image: &ImageFacts) -> Option<WayBack> {
    let previous = image.wanted.as_ref().ok()?.as_ref().map(|staged| staged.manifest.digest.clone());
    let shas = match &previous {
        Some(digest) => match shas_of(client, settings, &image.repository, digest).await {
            Ok(shas) => shas,
            Err(error) => {
                client.context().console.warn(&format!("the previous release keeps no name: {error}"));
                Vec::new()
            }
        },
        None => Vec::new(),
    };
    Some(WayBack { repository: image.repository.clone(), tag: image.source.clone(), previous, shas })
}

/// The shas whose staging tags name `digest`; sorted.
pub(super) async fn shas_of(
    client: &Client<'_>,
    settings: &Settings,
    repository: &Repository,
    digest: &Digest,
) -> Result<Vec<CommitSha>, RegistryError> {
    let shas = staged_shas(client, &settings.staging, repository).await?;
    let digests = shas.iter().map(|sha| async move {
        let reference = Reference::Tagged(repository.clone(), settings.staging.tag(sha));
        client.digest(&reference).await
    });
    let digests = try_join_all(digests).await?;
    Ok(shas
        .into_iter()
        .zip(digests)
        .filter(|(_, found)| found.as_ref() == Some(digest))
        .map(|(sha, _)| sha)
        .collect())
}
