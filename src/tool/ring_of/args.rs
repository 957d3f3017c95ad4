//! The command line of `ring-of`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Parser, ValueEnum};

use crate::base::text;
use crate::model::key::Key;
use crate::policy::rings::bucket::Share;
use crate::tool::options::OutputOptions;

/// Says which ring a tenant, session or task is in, by coalmine.toml alone
///
/// Uses no network. Without a key it deals a whole list to the rings, compares two configurations, looks for a share, or
/// exports the map.
///
/// Exit codes: 0 done; 1 nobody or too few are in a ring; 2 usage, or a mistake in a file.
#[derive(Parser, Clone, Debug)]
#[command(name = "ring-of", version)]
pub struct Args {
    /// The name of a tenant, session or task
    #[arg(value_name = "KEY", conflicts_with_all = ["list", "diff", "fit", "export"])]
    pub keys: Vec<Key>,
    /// The tenants, one a line [default: the `tenants` file of the configuration]
    #[arg(long, value_name = "FILE")]
    pub list: Option<PathBuf>,
    /// List who is in another ring than by this older coalmine.toml
    #[arg(long, value_name = "OLD", conflicts_with_all = ["fit", "export"])]
    pub diff: Option<PathBuf>,
    /// Find the smallest share in this band, such as `5-10`, with which the ring has its `min_tenants`
    #[arg(long, value_name = "BAND", conflicts_with = "export")]
    pub fit: Option<Band>,
    /// Print the map for another program
    #[arg(long, value_enum, value_name = "FORM")]
    pub export: Option<Form>,
    /// Configuration file [env: COALMINE_CONFIG] [default: ./coalmine.toml, then ./.github/coalmine.toml]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: OutputOptions,
}

/// How a map is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// Ring by key
    Json,
    /// Key, ring and tag
    Csv,
    /// A variable for each ring, with its keys
    Env,
    /// A map file of HAProxy
    Haproxy,
    /// A flag definition of flagd; needs no list
    Flagd,
}

/// A band of shares, in percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Band {
    /// The smallest.
    pub least: Share,
    /// The largest.
    pub most: Share,
}

impl FromStr for Band {
    type Err = String;
    fn from_str(band: &str) -> Result<Self, String> {
        let share = |part: &str| part.trim().parse().ok().and_then(Share::of_percent);
        let parts = band.split_once('-').map(|(least, most)| (share(least), share(most)));
        match parts {
            Some((Some(least), Some(most))) if least <= most => Ok(Self { least, most }),
            _ => Err(format!(
                "`{}` is not a band: expected two shares in percent, as in `5-10`",
                text::escape(band, 40)
            )),
        }
    }
}
