//! `promote-latest`: moves `:latest` of all images to a staged release, by digest, verified before and after.

use clap::Parser;

use super::Tool;
use super::failure::Failure;
use super::moving::{Mover, receipts};
use super::options::{ImageOptions, OutputOptions, RegistryOptions};
use super::reading::{LivePlatforms, facts, refused, resolve};
use super::settings::Settings;
use crate::io::registry::client::{Access, Client};
use crate::io::world::World;
use crate::model::commit::CommitSha;
use crate::model::moves::{Ended, Receipt};
use crate::model::repository::Repository;
use crate::model::tag::Tag;
use crate::policy::aftermath::Errand;
use crate::policy::promotion::{Decision, Expected, ImageFacts, Rules, decide};

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
    pub errand: Errand,
    /// The release, if it has a name.
    pub sha: Option<CommitSha>,
    /// The tag that was moved.
    pub tag: Tag,
    /// Every image.
    pub receipts: Vec<Receipt>,
    /// What is not as it should be and did not refuse.
    pub warnings: Vec<String>,
}

impl Tool for PromoteLatest {
    const NAME: &'static str = "promote-latest";
    type Args = Args;
    type Outcome = Outcome;

    fn output(args: &Args) -> &OutputOptions {
        &args.output
    }

    async fn run(args: Args, world: &World) -> Result<Outcome, Failure> {
        let settings =
            Settings::find(&args.registry, &args.images.images, &world.env)?.moving(args.to.as_ref());
        let client = settings.client(world, Access::PullPush)?;
        let rules = Rules::Promotion { expect: args.expect_current.clone() };
        let (sha, facts) =
            world.stop.unless(read_staged(&client, &settings, &args.sha, LivePlatforms::Needed)).await??;
        let decision = decide(Some(&sha), &settings.latest, &facts, &rules)
            .map_err(|refusals| refused(Some(&sha), refusals))?;
        carry_out(&client, &settings, decision, Errand::Promotion).await
    }
}

/// Reads the staged release that `typed` means, and where the tags stand.
pub(super) async fn read_staged(
    client: &Client<'_>,
    settings: &Settings,
    typed: &CommitSha,
    live: LivePlatforms,
) -> Result<(CommitSha, Vec<ImageFacts>), Failure> {
    let story = &client.world().story;
    story.say(&format!(
        "reading {} of {} image{}",
        settings.staging.tag(typed),
        settings.images.len(),
        plural(settings.images.len())
    ));
    let first = facts(client, settings, &sources(settings, typed), live).await;
    // The exact tag outranks every longer sha that begins the same.
    if first.iter().any(|image| !matches!(image.wanted, Ok(None))) {
        return Ok((typed.clone(), first));
    }
    let sha = resolve(client, settings, typed).await?;
    if sha == *typed {
        return Ok((sha, first));
    }
    story.say(&format!("{typed} is {sha}"));
    let again = facts(client, settings, &sources(settings, &sha), live).await;
    Ok((sha, again))
}

fn sources(settings: &Settings, sha: &CommitSha) -> Vec<(Repository, Tag)> {
    settings.images.iter().map(|image| (image.clone(), settings.staging.tag(sha))).collect()
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// Carries a decision out, or tells it with `--dry-run`.
pub(super) async fn carry_out(
    client: &Client<'_>,
    settings: &Settings,
    decision: Decision,
    errand: Errand,
) -> Result<Outcome, Failure> {
    let Decision { plan, warnings } = decision;
    let story = &client.world().story;
    warnings.iter().for_each(|warning| story.warn(warning));
    let mut receipts = if plan.moves.is_empty() || settings.dry_run {
        receipts(&plan, |_| Ended::WouldMove)
    } else {
        story.say(&format!("moving {} of {} image{}", plan.tag, plan.moves.len(), plural(plan.moves.len())));
        Mover { client, plan: &plan, errand, options: &settings.as_options() }.run().await?
    };
    let place = |receipt: &Receipt| settings.images.iter().position(|image| *image == receipt.repository);
    receipts.sort_by_key(place);
    Ok(Outcome { errand, sha: plan.sha, tag: plan.tag, receipts, warnings })
}
