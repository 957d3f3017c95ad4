//! The command line of `canary-soak`.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::model::commit::CommitSha;
use crate::tool::canary_smoke::args::FleetOptions;
use crate::tool::options::OutputOptions;

/// Watches the metrics of a release for hours or days and gives a verdict
///
/// Reads the metrics of soak.toml at every tick and judges all samples since the opening. The time counts only while
/// every tenant serves the release, as `[ready]` of smoke.toml proves. Moves no tag. With --once it makes one tick, for
/// schedules; its memory is the state file, so any run may go on where another was stopped.
///
/// Exit codes: 0 green; 1 red; 2 usage, or a mistake in a file: no request was sent; 3 inconclusive: no data, too few
/// samples, a failed source, too little of the time observed; 5 still open (--once); 130, 143 stopped by a signal: the
/// same command goes on.
#[derive(Parser, Clone, Debug)]
#[command(name = "canary-soak", version, args_conflicts_with_subcommands = false)]
pub struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// What must be true, and for how long
    #[arg(long, value_name = "FILE", default_value = "soak.toml", help_heading = "Soak", global = true)]
    pub gates: PathBuf,
    /// Commit of the release, 7 to 64 hex digits
    #[arg(long, value_name = "SHA", help_heading = "Soak", global = true)]
    pub sha: Option<CommitSha>,
    /// Commit of the release beside it, where soak.toml asks about `{{ stable }}` or `$4`
    #[arg(long, value_name = "SHA", help_heading = "Soak", global = true)]
    pub stable: Option<CommitSha>,
    /// Make one tick and end: 5 while the soak is open
    #[arg(long, help_heading = "Soak", global = true)]
    pub once: bool,
    /// Memory of the soak [default: soak-<SHA>.state.json]
    #[arg(long, value_name = "FILE", help_heading = "Soak", global = true)]
    pub state: Option<PathBuf>,
    /// Suite whose `[ready]` says which build a tenant serves
    #[arg(long, value_name = "FILE", default_value = "smoke.toml", help_heading = "Tenants", global = true)]
    pub suite: PathBuf,
    /// Under GitHub Actions: do not ask the runner to mask each token (it masks secrets of one token a line by itself)
    #[arg(long, help_heading = "Output", global = true)]
    pub no_self_mask: bool,
    #[command(flatten)]
    pub(crate) fleet: FleetOptions,
    #[command(flatten)]
    pub(crate) output: OutputOptions,
}

/// What is to be done instead of a soak.
#[derive(Subcommand, Clone, Debug)]
pub(crate) enum Command {
    /// Check the file without any request: mistakes, and how many samples each metric needs
    Lint {
        /// File to check, instead of --gates
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Print the JSON Schema of soak.toml
    Schema,
}
