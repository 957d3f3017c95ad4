//! The options that the binaries share. What each means is fixed; see `docs/options.md`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::base::duration;
use crate::model::repository::{Registry, Repository};
use crate::model::tag::Tag;

/// The form of the result on stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a person to read.
    Text,
    /// One JSON document, `"format": 1`.
    Json,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// Colour on a terminal, unless NO_COLOR is set; CLICOLOR_FORCE=1 turns it on everywhere.
    Auto,
    /// Colour everywhere.
    Always,
    /// No colour.
    Never,
}

/// Where and how the result is written: every binary has these.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Output")]
pub struct OutputOptions {
    /// What to print on stdout
    #[arg(long, value_enum, default_value_t = Format::Text, global = true)]
    pub format: Format,
    /// Also write the JSON document to FILE; the file is complete or not there
    #[arg(long, value_name = "FILE", global = true)]
    pub result: Option<PathBuf>,
    /// When to use colour [env: NO_COLOR, CLICOLOR_FORCE]
    #[arg(long, value_enum, default_value_t = Color::Auto, global = true)]
    pub color: Color,
    /// Print more on stderr; -vv prints every HTTP request, without credentials
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
    /// Print only warnings and errors on stderr
    #[arg(short, long, conflicts_with = "verbose", global = true)]
    pub quiet: bool,
}

/// Which registry, and how it is spoken to.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Registry")]
pub struct PlaceOptions {
    /// Configuration file [env: COALMINE_CONFIG] [default: ./coalmine.toml, then ./.github/coalmine.toml]
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// Use plain HTTP for this registry (repeatable); `localhost`, `127.0.0.0/8` and `[::1]` do not need this
    #[arg(long, value_name = "REGISTRY", global = true)]
    pub plain_http: Vec<Registry>,
}

/// How to work with the registry: every binary that moves or shows tags has these.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Registry")]
pub struct RegistryOptions {
    #[command(flatten)]
    pub(crate) place: PlaceOptions,
    /// Do all reads and checks, print the plan, write nothing
    #[arg(long, global = true)]
    pub dry_run: bool,
    /// The longest the whole command may take, such as `90s` or `5m`
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "120s", global = true)]
    pub deadline: Duration,
}

/// What a promotion and a rollback have in common.
#[derive(Args, Clone, Debug)]
pub struct MoveOptions {
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

/// Which images: every binary that takes the release as published has this.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Registry")]
pub struct ImageOptions {
    /// An image of the release (repeatable, in order; the last one moves last); overrides the configuration [env: RELEASE_IMAGES]
    #[arg(long = "image", value_name = "REPOSITORY", global = true)]
    pub images: Vec<Repository>,
}
