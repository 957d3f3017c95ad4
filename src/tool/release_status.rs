//! `release-status`: what is live, what is staged, what is broken; and whether the set-up works.

pub mod doctor;

use clap::{Parser, Subcommand};
use futures_util::future::join_all;
use jiff::Timestamp;

use self::doctor::Finding;
use super::Tool;
use super::failure::Failure;
use super::options::{ImageOptions, OutputOptions, RegistryOptions};
use super::settings::Settings;
use crate::engine::candidates::{Candidate, candidates};
use crate::engine::inspect::inspect;
use crate::engine::target::Target;
use crate::io::clock;
use crate::io::context::Context;
use crate::io::registry::client::{Access, Client};
use crate::io::registry::error::RegistryError;
use crate::ledger::{history, staged};
use crate::model::commit::CommitSha;
use crate::model::digest::Digest;
use crate::model::history::{Entry, Event};
use crate::model::reference::Reference;
use crate::model::repository::Repository;
use crate::model::tag::Tag;
use crate::policy::history::{Break, History};

/// Shows what is live, staged, held and broken, and checks the set-up. Only `resume` writes anything
///
/// Exit codes: 0 done; 1 the registry failed, or --check or doctor found something wrong; 2 usage.
#[derive(Parser, Clone, Debug)]
#[command(name = "release-status", version)]
pub struct Args {
    #[command(subcommand)]
    pub(crate) question: Option<Question>,
    /// Exit with 1 unless all images are at one complete staged release and no hold stands; use it as a merge gate
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
#[derive(Subcommand, Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// List the staged releases, and whether each is complete
    Candidates,
    /// List every promotion, rollback and resume, and verify that nobody changed the list
    History,
    /// Lift a hold, so that releases can be promoted again; a rejected release stays rejected
    Resume {
        /// Why you lift the hold; kept in the history
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Check configuration, tenants, credentials and registries: one line each, with what to do
    Doctor,
}

/// The binary.
pub struct ReleaseStatus;

/// The answer.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// What is live and staged.
    Status(Box<Status>),
    /// Where one could go back to.
    Candidates(Vec<Candidate>),
    /// What happened, oldest first, and where the chain of it breaks.
    History(Vec<Entry>, Option<Break>),
    /// A hold was lifted; `None`: there was none.
    Resumed(Option<Box<Entry>>),
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
    /// The rollback that holds promotions, if one does.
    pub hold: Option<Entry>,
    /// Where the history breaks, if it does.
    pub broken: Option<Break>,
    /// When the live release became live, by the history.
    pub since: Option<Timestamp>,
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
        complaints.extend(self.hold.iter().map(|hold| format!("held since a rollback{}", hold.told())));
        complaints
            .extend(self.broken.iter().map(|broken| format!("history entry {} was changed", broken.number)));
        let all_whole = self.live.iter().all(|image| image.digest.is_some() && image.missing.is_empty());
        if self.sha.is_none() && all_whole {
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

    async fn run(args: Args, context: &Context) -> Result<Outcome, Failure> {
        if args.question == Some(Question::Doctor) {
            return Ok(Outcome::Doctor(
                context.stop.unless(doctor::examine(&args.registry, &args.images.images, context)).await?,
            ));
        }
        let settings = Settings::find(&args.registry, &args.images.images, &context.env)?;
        if let Some(Question::Resume { reason }) = &args.question {
            let client = settings.client(context, Access::PullPush)?;
            return Ok(Outcome::Resumed(
                context.stop.unless(resume(&client, &settings.target, reason)).await??,
            ));
        }
        let client = settings.client(context, Access::Pull)?;
        match args.question {
            Some(Question::Candidates) => {
                Ok(Outcome::Candidates(context.stop.unless(candidates(&client, &settings.target)).await??))
            }
            Some(Question::History) => {
                let home = kept_at(&settings.target)?;
                let history = context.stop.unless(history::read(&client, home)).await??.history;
                Ok(Outcome::History(history.entries().cloned().collect(), history.verify()))
            }
            Some(Question::Resume { .. } | Question::Doctor) | None => {
                let status = context.stop.unless(status(&client, &settings.target, args.check)).await??;
                Ok(Outcome::Status(Box::new(status)))
            }
        }
    }
}

fn kept_at(target: &Target) -> Result<&Repository, Failure> {
    let none = || {
        Failure::usage(
            "there is no history where `records = false`",
            "keep records to have holds and a history",
        )
    };
    target.home.as_ref().ok_or_else(none)
}

/// Lifts the hold, or acknowledges a broken history. Without either nothing is written.
async fn resume(client: &Client<'_>, target: &Target, reason: &str) -> Result<Option<Box<Entry>>, Failure> {
    let home = kept_at(target)?;
    let history = history::read(client, home).await?.history;
    let standing = history.standing(target.tag.as_str());
    if (standing.hold.is_none() && history.verify_since_resume().is_none()) || target.dry_run {
        return Ok(standing.hold.map(Box::new));
    }
    let live = standing.last_move.as_ref().and_then(|last| last.sha.clone());
    let env = &client.context().env;
    let entry = history::entry(env, Event::Resume, &target.tag, live.as_ref(), &[], Some(reason));
    history::append(client, home, &entry).await?;
    Ok(Some(Box::new(entry)))
}

async fn status(client: &Client<'_>, target: &Target, check: bool) -> Result<Status, RegistryError> {
    let live = join_all(target.images.iter().map(|image| live(client, target, image))).await;
    let live = live.into_iter().collect::<Result<Vec<_>, _>>()?;
    let staged = candidates(client, target).await?;
    let history = match &target.home {
        Some(home) => history::read(client, home).await?.history,
        None => History::default(),
    };
    let standing = history.standing(target.tag.as_str());
    let sha = live
        .first()
        .and_then(|first| first.shas.iter().find(|sha| live.iter().all(|image| image.shas.contains(sha))))
        .cloned();
    let built = staged
        .iter()
        .find(|candidate| Some(&candidate.sha) == sha.as_ref())
        .and_then(|candidate| candidate.built);
    let since = standing.last_move.filter(|last| last.sha == sha).map(|last| last.at);
    let (tag, read, hold, broken) =
        (target.tag.clone(), clock::now(), standing.hold, history.verify_since_resume());
    Ok(Status { tag, live, sha, staged, built, read, check, hold, broken, since })
}

async fn live(
    client: &Client<'_>,
    target: &Target,
    repository: &Repository,
) -> Result<LiveImage, RegistryError> {
    let reference = Reference::Tagged(repository.clone(), target.tag.clone());
    let staged = inspect(client, reference).await?;
    let shas = match &staged {
        Some(staged) => staged::shas_of(client, &target.staging, repository, &staged.manifest.digest).await?,
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
