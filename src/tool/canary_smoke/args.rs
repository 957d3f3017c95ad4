//! The command line of `canary-smoke`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Parser, Subcommand};

use crate::base::duration;
use crate::io::context::Context;
use crate::model::commit::CommitSha;
use crate::tool::options::{ImageOptions, OutputOptions, PlaceOptions};
use crate::tool::recording::Recording;

/// Checks that every canary tenant runs a build and passes the smoke suite
///
/// Waits until every tenant serves the build, runs the checks on all tenants at the same time, and asks again which
/// build answered. Never moves a tag. Tokens are read from the environment, never from an argument, and each is sent to
/// its own tenant only.
///
/// Exit codes: 0 green; 1 red: an expectation failed; 2 usage, or a mistake in the suite: no request was sent;
/// 3 inconclusive: a tenant was unreachable, timed out or served another build; 129, 130 or 143 stopped by a signal,
/// after cleaning up.
#[derive(Parser, Clone, Debug)]
#[command(name = "canary-smoke", version, args_conflicts_with_subcommands = false)]
pub struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) build: BuildOptions,
    #[command(flatten)]
    pub(crate) fleet: FleetOptions,
    /// The suite to run
    #[arg(long, value_name = "FILE", default_value = "smoke.toml", help_heading = "Suite", global = true)]
    pub suite: PathBuf,
    /// The longest the whole run may take, such as `90s` or `10m` [default: from the suite]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, help_heading = "Suite", global = true)]
    pub deadline: Option<Duration>,
    /// Also write a JUnit report to FILE; the file is complete or not there
    #[arg(long, value_name = "FILE", help_heading = "Output", global = true)]
    pub junit: Option<PathBuf>,
    /// Do not attach the verdict to the release record; pass the file from --result to `promote-latest --evidence`
    #[arg(long, help_heading = "Output", global = true)]
    pub no_record: bool,
    /// On a GitHub runner, ask it to mask each token and captured credential. The lines on stderr that ask for it contain
    /// them, so do not pipe stderr anywhere. The runner masks every line of a secret without this
    #[arg(long, help_heading = "Output", global = true)]
    pub self_mask: bool,
    #[command(flatten)]
    pub(crate) images: ImageOptions,
    #[command(flatten)]
    pub(crate) place: PlaceOptions,
    #[command(flatten)]
    pub(crate) output: OutputOptions,
}

impl Args {
    pub(super) fn recording<'a>(&'a self, context: &'a Context) -> Recording<'a> {
        Recording { no_record: self.no_record, place: &self.place, images: &self.images, context }
    }
}

/// Which build is to be proven.
#[derive(ClapArgs, Clone, Debug)]
#[command(next_help_heading = "Build")]
pub(crate) struct BuildOptions {
    /// Commit of the build, 7 to 64 hex digits
    #[arg(long, value_name = "SHA", conflicts_with = "release", global = true)]
    pub sha: Option<CommitSha>,
    /// Take commit and digests from this file, which `publish-staging --result` wrote; the verdict names these digests
    #[arg(long, value_name = "FILE", global = true)]
    pub release: Option<PathBuf>,
}

/// Who is asked.
#[derive(ClapArgs, Clone, Debug)]
#[command(next_help_heading = "Tenants")]
pub(crate) struct FleetOptions {
    /// A tenant (repeatable), instead of the lists in the environment; its token is in `CANARY_TOKEN_<NAME>`
    /// [env: CANARY_TENANT_URLS, CANARY_ADMIN_TOKENS]
    #[arg(long = "tenant", value_name = "NAME=URL", global = true)]
    pub tenants: Vec<String>,
}

/// What is to be done instead of a run.
#[derive(Subcommand, Clone, Debug)]
pub(crate) enum Command {
    /// Check the suite without sending a request: mistakes, weak spots, and how long a run can take
    Lint {
        /// The suite to check, instead of --suite
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Test the suite itself: record one healthy tenant, replay it with one fault at a time, and list the faults that
    /// no check notices
    Prove {
        /// The share of faults that must be noticed, in percent
        #[arg(long, value_name = "PERCENT", default_value_t = 100, value_parser = clap::value_parser!(u8).range(0..=100))]
        min_score: u8,
    },
    /// Attach a verdict that another job made with --no-record to the record of its release, for whoever looks later
    Record {
        /// The verdict, as --result wrote it
        #[arg(value_name = "VERDICT")]
        verdict: PathBuf,
    },
    /// Print the JSON Schema of smoke.toml
    Schema,
}
