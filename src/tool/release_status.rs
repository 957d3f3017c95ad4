//! `release-status`: what is live, what is staged, what is broken; and whether the set-up works.

pub mod doctor;
mod records;
mod status;

use clap::{Parser, Subcommand};

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
use crate::model::history::Entry;

/// Shows what is live, staged, held and broken, and checks the set-up. Only `resume` writes anything
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
    /// What happened.
    History(Told),
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
            return Ok(Outcome::Resumed(
                context.stop.unless(resume(&client, &settings.target, reason)).await??,
            ));
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
            Some(Question::Resume { .. } | Question::RestartHistory { .. } | Question::Doctor) | None => {
                let status = context.stop.unless(status::read(&client, target, args.check)).await??;
                Ok(Outcome::Status(Box::new(status)))
            }
        }
    }
}
