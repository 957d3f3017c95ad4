//! The options that the binaries share. What each means is fixed; see `docs/options.md`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::base::duration;
use crate::model::repository::{Registry, Repository};

/// The form of the result on stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a person.
    Text,
    /// One JSON document, `"format": 1`.
    Json,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set; CLICOLOR_FORCE=1 insists.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Where and how the result is written: every binary has these.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Output")]
pub struct OutputOptions {
    /// Form of the result on stdout
    #[arg(long, value_enum, default_value_t = Format::Text, global = true)]
    pub format: Format,
    /// Also write the result as one JSON document to FILE, whole or not at all
    #[arg(long, value_name = "FILE", global = true)]
    pub result: Option<PathBuf>,
    /// Colour [also: NO_COLOR, CLICOLOR_FORCE]
    #[arg(long, value_enum, default_value_t = Color::Auto, global = true)]
    pub color: Color,
    /// Tell more on stderr; -vv shows every HTTP request, credentials redacted
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
    /// Tell only warnings and errors on stderr
    #[arg(short, long, conflicts_with = "verbose", global = true)]
    pub quiet: bool,
}

/// Which registry, and how it is spoken to.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Registry")]
pub struct PlaceOptions {
    /// Configuration [env: COALMINE_CONFIG] [default: ./coalmine.toml, then ./.github/coalmine.toml]
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// Speak plain HTTP to this registry; done without asking for localhost, 127.0.0.0/8 and [::1] (repeatable)
    #[arg(long, value_name = "REGISTRY", global = true)]
    pub plain_http: Vec<Registry>,
}

/// How to work with the registry: every binary that moves or shows tags has these.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Registry")]
pub struct RegistryOptions {
    #[command(flatten)]
    pub(crate) place: PlaceOptions,
    /// Read, check and plan the same, and write nothing
    #[arg(long, global = true)]
    pub dry_run: bool,
    /// Bound on the whole command, as in `90s` or `5m`
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "120s", global = true)]
    pub deadline: Duration,
}

/// Which images: every binary that takes the release as published has this.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Registry")]
pub struct ImageOptions {
    /// An image of the release, in order, the last one moved last; overrides the configuration (repeatable) [env: RELEASE_IMAGES]
    #[arg(long = "image", value_name = "REPOSITORY", global = true)]
    pub images: Vec<Repository>,
}
