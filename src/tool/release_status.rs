//! `release-status`: what is live, what is staged, what is broken; and whether the set-up works.

pub mod diff;
pub mod doctor;
mod records;
pub mod rings;
mod status;
mod stop;

use clap::{Parser, Subcommand};

use self::diff::{Difference, Side};
use self::doctor::Finding;
pub use self::records::Told;
use self::records::{restart, resume, told};
pub use self::status::{Check, LiveImage, Status};
use super::Tool;
use super::failure::Failure;
use super::options::{ImageOptions, OutputOptions, RegistryOptions};
use super::settings::Settings;
use crate::engine::candidates::{Listing, Shown, candidates};
use crate::io::context::Context;
use crate::io::registry::client::Access;
use crate::model::commit::CommitSha;
use crate::model::history::Entry;

/// Shows what is live, staged, held and broken, and checks the set-up. Only `hold`, `approve` and `resume` write anything
///
/// Exit codes: 0 done; 1 the registry failed, or --check or doctor found something wrong; 2 usage.
#[derive(Parser, Clone, Debug)]
#[command(name = "release-status", version)]
pub struct Args {
    #[command(subcommand)]
    pub(crate) question: Option<Question>,
    /// Exit with 1 unless all images are at one complete staged release and no hold stands. `--check=merge` is for pull
    /// requests: a hold, or no release yet, is told and ends with 0, because both end with a merge
    #[arg(long, value_name = "FOR", num_args = 0..=1, require_equals = true, default_missing_value = "live")]
    pub check: Option<Check>,
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
    /// List the releases you can go back to, and whether each is complete
    Candidates {
        /// Every release, not only the ten newest
        #[arg(long)]
        all: bool,
    },
    /// List the promotions, rollbacks and resumes, and verify that nobody changed the list
    History {
        /// Back to the first one, not only the newest
        #[arg(long)]
        all: bool,
    },
    /// Show what is different between two releases: images, how they run, and the files and pins of bundles
    Diff {
        /// `live`, `candidate` (the newest staged release), or a sha
        #[arg(value_name = "A", default_value = "live")]
        from: Side,
        /// The same
        #[arg(value_name = "B", default_value = "candidate")]
        to: Side,
    },
    /// Show each ring: what it runs and since when, its tenants, what is proven, what it waits for and who must act
    Rings,
    /// Hold promotions without a rollback
    Hold {
        /// Hold this ring alone; without it every ring is held
        #[arg(long, value_name = "RING")]
        ring: Option<String>,
        /// Why; kept in the history and the hold
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Approve a release for a ring; GitHub is asked who you are, by GITHUB_TOKEN
    Approve {
        /// Commit of the release, or any unique prefix of it with at least 7 digits
        #[arg(value_name = "SHA")]
        sha: CommitSha,
        /// The ring that it may come to
        #[arg(long, value_name = "RING")]
        ring: String,
        /// Why; kept in the history
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Lift a hold, so that releases can be promoted again; a rejected release stays rejected
    Resume {
        /// Why you lift the hold; kept in the history
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Begin the history anew where it was lost or cannot be read; what is there is kept under another tag
    RestartHistory {
        /// Why, for whoever reads about it later
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Check configuration, tenants, credentials and registries: one line each, with what to do
    Doctor,
}

pub struct ReleaseStatus;

#[derive(Clone, Debug)]
pub enum Outcome {
    Status(Box<Status>),
    /// Where one could go back to.
    Candidates(Listing),
    /// What is different between two releases.
    Diff(Box<Difference>),
    /// What happened.
    History(Told),
    /// The rings.
    Rings(Vec<rings::Row>),
    /// Rings are held, or a release is approved for one: the entries, and what should be known.
    Noted(Vec<Entry>, Vec<String>),
    /// A hold was lifted; `None`: there was none.
    Resumed(Option<Box<Entry>>),
    /// The history begins anew with this entry.
    Restarted(Box<Entry>),
    Doctor(Vec<Finding>),
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
            let mut resumed = None;
            for target in stop::targets(&settings) {
                let entry = context.stop.unless(resume(&client, &target, reason)).await??;
                resumed = resumed.or(entry);
            }
            return Ok(Outcome::Resumed(resumed));
        }
        match &args.question {
            Some(Question::Hold { ring, reason }) => {
                let (entries, notes) = stop::hold(&settings, context, ring.as_deref(), reason).await?;
                return Ok(Outcome::Noted(entries, notes));
            }
            Some(Question::Approve { sha, ring, reason }) => {
                let (entries, notes) = rings::approve(&settings, context, sha, ring, reason).await?;
                return Ok(Outcome::Noted(entries, notes));
            }
            Some(Question::Rings) => return Ok(Outcome::Rings(rings::rows(&settings, context).await?)),
            _ => {}
        }
        if let Some(Question::RestartHistory { reason }) = &args.question {
            let client = settings.client(context, Access::PullPush)?;
            let restarted = context.stop.unless(restart(&client, &settings.target, reason)).await??;
            return Ok(Outcome::Restarted(restarted));
        }
        let client = settings.client(context, Access::Pull)?;
        let target = &settings.target;
        match args.question {
            Some(Question::Candidates { all }) => {
                let shown = if all { Shown::All } else { Shown::Ten };
                Ok(Outcome::Candidates(context.stop.unless(candidates(&client, target, shown)).await??))
            }
            Some(Question::History { all }) => {
                Ok(Outcome::History(context.stop.unless(told(&client, target, all)).await??))
            }
            Some(Question::Diff { from, to }) => {
                let compared = diff::diff(&client, target, &from, &to);
                Ok(Outcome::Diff(Box::new(context.stop.unless(compared).await??)))
            }
            _ => {
                let status = context.stop.unless(status::read(&client, target, args.check)).await??;
                Ok(Outcome::Status(Box::new(status)))
            }
        }
    }
}
