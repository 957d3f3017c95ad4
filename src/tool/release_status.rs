//! `release-status`: what is live, what is staged, what is broken; and whether the set-up works.

use clap::{Parser, Subcommand};
use futures_util::future::join_all;
use jiff::Timestamp;

use super::Tool;
use super::candidates::{Candidate, candidates};
use super::doctor::{self, Finding};
use super::failure::Failure;
use super::options::{ImageOptions, OutputOptions, RegistryOptions};
use super::reading::inspect;
use super::rollback_latest::shas_of;
use super::settings::Settings;
use crate::io::clock;
use crate::io::registry::client::{Access, Client};
use crate::io::registry::error::RegistryError;
use crate::io::world::World;
use crate::model::commit::CommitSha;
use crate::model::digest::Digest;
use crate::model::reference::Reference;
use crate::model::repository::Repository;
use crate::model::tag::Tag;

/// Shows what is live, staged and broken, and checks the set-up. Writes nothing
///
/// Exit codes: 0 as asked; 1 with --check or doctor when something is not as it should be, or the registry failed;
/// 2 usage.
#[derive(Parser, Clone, Debug)]
#[command(name = "release-status", version)]
pub struct Args {
    #[command(subcommand)]
    pub(crate) question: Option<Question>,
    /// Exit 1 unless all images stand at one whole release: a merge gate
    #[arg(long)]
    pub check: bool,
    #[command(flatten)]
    pub(crate) images: ImageOptions,
    #[command(flatten)]
    pub(crate) registry: RegistryOptions,
    #[command(flatten)]
    pub(crate) output: OutputOptions,
}

/// What is asked.
#[derive(Subcommand, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// List the releases that one could roll back to, whole or broken
    Candidates,
    /// Check configuration, credentials and registries, one line each, with what to do
    Doctor,
}

/// The binary.
pub struct ReleaseStatus;

/// The answer.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// What is live and staged.
    Status(Status),
    /// Where one could go back to.
    Candidates(Vec<Candidate>),
    /// Whether the set-up works.
    Doctor(Vec<Finding>),
}

/// What is live and staged.
#[derive(Clone, Debug)]
pub struct Status {
    /// The tag that production runs.
    pub tag: Tag,
    /// Where it stands, for each image in order.
    pub live: Vec<LiveImage>,
    /// The sha that every image stands at, if they agree and it is known.
    pub sha: Option<CommitSha>,
    /// Staged releases, newest first.
    pub staged: Vec<Candidate>,
    /// When the live release was built.
    pub built: Option<Timestamp>,
    /// When this was read.
    pub read: Timestamp,
    /// Whether a disagreement ends with exit 1.
    pub check: bool,
}

/// Where the tag of one image stands.
#[derive(Clone, Debug)]
pub struct LiveImage {
    /// Which one.
    pub repository: Repository,
    /// What the tag names; `None`: it does not exist.
    pub digest: Option<Digest>,
    /// The shas that were staged with this digest; sorted.
    pub shas: Vec<CommitSha>,
    /// What the manifest names and the registry does not have.
    pub missing: Vec<String>,
}

impl Status {
    /// What is not as it should be, one sentence each; empty when all images stand at one whole release.
    pub fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        for image in &self.live {
            if image.digest.is_none() {
                complaints.push(format!("{} has no tag {}", image.repository, self.tag));
            }
            complaints.extend(
                image.missing.iter().map(|missing| format!("{} is not whole: {missing}", image.repository)),
            );
        }
        if self.sha.is_none() && complaints.is_empty() {
            complaints.push("the images do not stand at one staged release".to_owned());
        }
        complaints
    }
}

impl Tool for ReleaseStatus {
    const NAME: &'static str = "release-status";
    type Args = Args;
    type Outcome = Outcome;

    fn output(args: &Args) -> &OutputOptions {
        &args.output
    }

    async fn run(args: Args, world: &World) -> Result<Outcome, Failure> {
        if args.question == Some(Question::Doctor) {
            return Ok(Outcome::Doctor(
                world.stop.unless(doctor::examine(&args.registry, &args.images.images, world)).await?,
            ));
        }
        let settings = Settings::find(&args.registry, &args.images.images, &world.env)?;
        let client = settings.client(world, Access::Pull)?;
        match args.question {
            Some(Question::Candidates) => {
                Ok(Outcome::Candidates(world.stop.unless(candidates(&client, &settings)).await??))
            }
            Some(Question::Doctor) | None => {
                Ok(Outcome::Status(world.stop.unless(status(&client, &settings, args.check)).await??))
            }
        }
    }
}

async fn status(client: &Client<'_>, settings: &Settings, check: bool) -> Result<Status, RegistryError> {
    let live = join_all(settings.images.iter().map(|image| live(client, settings, image))).await;
    let live = live.into_iter().collect::<Result<Vec<_>, _>>()?;
    let staged = candidates(client, settings).await?;
    let sha = live
        .first()
        .and_then(|first| first.shas.iter().find(|sha| live.iter().all(|image| image.shas.contains(sha))))
        .cloned();
    let built = staged
        .iter()
        .find(|candidate| Some(&candidate.sha) == sha.as_ref())
        .and_then(|candidate| candidate.built);
    Ok(Status { tag: settings.latest.clone(), live, sha, staged, built, read: clock::now(), check })
}

async fn live(
    client: &Client<'_>,
    settings: &Settings,
    repository: &Repository,
) -> Result<LiveImage, RegistryError> {
    let reference = Reference::Tagged(repository.clone(), settings.latest.clone());
    let staged = inspect(client, reference).await?;
    let shas = match &staged {
        Some(staged) => shas_of(client, settings, repository, &staged.manifest.digest).await?,
        None => Vec::new(),
    };
    let missing = staged.iter().flat_map(|staged| &staged.missing).map(ToString::to_string).collect();
    Ok(LiveImage {
        repository: repository.clone(),
        digest: staged.map(|staged| staged.manifest.digest),
        shas,
        missing,
    })
}
