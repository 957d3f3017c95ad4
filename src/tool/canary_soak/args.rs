//! The command line of `canary-soak`.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use jiff::Timestamp;

use crate::io::context::Context;
use crate::model::commit::CommitSha;
use crate::model::tag::Tag;
use crate::tool::canary_smoke::args::FleetOptions;
use crate::tool::options::{ImageOptions, OutputOptions, PlaceOptions};
use crate::tool::recording::Recording;

/// Watches the metrics of a release for hours or days and gives a verdict
///
/// Reads the metrics of soak.toml at every tick and judges all samples since the opening. The time counts only while
/// every tenant serves the release, as `[ready]` of smoke.toml proves. Moves no tag. With --once it makes one tick, for
/// schedules. Its memory is the state file, and a copy in the registry where records are kept, so that any run may go on
/// where another was stopped.
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
    /// Commit of the release, 7 to 64 hex digits; with --once and records it may be left out: the open soak goes on
    #[arg(long, value_name = "SHA", help_heading = "Soak", global = true)]
    pub sha: Option<CommitSha>,
    /// Commit of the release beside it, where soak.toml asks about `{{ stable }}` or `$4`
    #[arg(long, value_name = "SHA", help_heading = "Soak", global = true)]
    pub stable: Option<CommitSha>,
    /// Make one tick and end: 5 while the soak is open
    #[arg(long, help_heading = "Soak", global = true)]
    pub once: bool,
    /// Count the time only while this ring's tag names the release; another release on it ends the soak
    #[arg(long, value_name = "NAME", help_heading = "Soak", global = true)]
    pub ring: Option<Tag>,
    /// Memory of the soak [default: soak-SHA.state.json]; where records are kept, the registry has a copy
    #[arg(long, value_name = "FILE", help_heading = "Soak", global = true)]
    pub state: Option<PathBuf>,
    /// Suite whose `[ready]` says which build a tenant serves
    #[arg(long, value_name = "FILE", default_value = "smoke.toml", help_heading = "Tenants", global = true)]
    pub suite: PathBuf,
    /// Also draw each metric's course into FILE, as SVG; the file is complete or not there
    #[arg(long, value_name = "FILE", help_heading = "Output", global = true)]
    pub chart: Option<PathBuf>,
    /// Keep nothing in the registry: neither the state nor the verdict
    #[arg(long, help_heading = "Output", global = true)]
    pub no_record: bool,
    /// On a GitHub runner, ask it to mask each token. The lines on stderr that ask for it contain them, so do not pipe
    /// stderr anywhere. The runner masks every line of a secret without this
    #[arg(long, help_heading = "Output", global = true)]
    pub self_mask: bool,
    #[command(flatten)]
    pub(crate) fleet: FleetOptions,
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

/// What is to be done instead of a soak.
#[derive(Subcommand, Clone, Debug)]
pub(crate) enum Command {
    /// Judge a recorded soak again, or everything between two moments, by --gates; nothing is recorded
    Replay {
        /// State file of the soak
        #[arg(value_name = "STATE", conflicts_with_all = ["from", "to"])]
        state: Option<PathBuf>,
        /// First moment, such as 2026-11-20T09:00:00Z
        #[arg(long, value_name = "TIME")]
        from: Option<Timestamp>,
        /// First moment after it
        #[arg(long, value_name = "TIME")]
        to: Option<Timestamp>,
    },
    /// Find out whether everything in `[[preflight]]` is true: 0 if it is, else 1
    Preflight,
    /// Check the file: mistakes, how many samples each metric needs, and how likely a wrong verdict is. Sends no request
    /// without --traffic
    Lint {
        /// File to check, instead of --gates
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
        /// Ask the sources about the last 24 hours: how many samples come, whether a role may write, where buckets end
        #[arg(long)]
        traffic: bool,
    },
    /// Print the JSON Schema of soak.toml
    Schema,
}
