//! The command line of `promote-ring`.

use std::path::PathBuf;

use clap::Parser;

use crate::model::commit::CommitSha;
use crate::model::tag::Tag;
use crate::tool::options::{ImageOptions, MoveOptions, OutputOptions, RegistryOptions};
use crate::tool::promote_latest;

/// Moves the tag of a ring to a release that has earned it in the ring before
///
/// Works as promote-latest does, and asks for more: green evidence from the ring before for this very release, an approval
/// where one is configured, no hold and no red verdict in any ring. Says first who is in the ring.
///
/// Exit codes: 0 moved, there already, or nothing is due; 1 refused or failed, nothing was left moved; 2 usage; 4 the images
/// disagree, and the commands that repair them are printed; 5 a ring waits for its turn.
#[derive(Parser, Clone, Debug)]
#[command(name = "promote-ring", version, group = clap::ArgGroup::new("what").required(true).args(["sha", "due"]))]
pub struct Args {
    /// Commit of the release, or any unique prefix of it with at least 7 digits
    #[arg(value_name = "SHA")]
    pub sha: Option<CommitSha>,
    /// The ring that it goes to [default: the one after the last that it came to]
    #[arg(long, value_name = "RING", conflicts_with = "due")]
    pub to: Option<String>,
    /// Move the outermost ring that has something to take, one ring a command; the newest earned release wins
    #[arg(long)]
    pub due: bool,
    /// Ask for smoke evidence only, and skip the order of the rings, soaks, approvals and turns; the reason and what was
    /// skipped are kept in the history
    #[arg(long, value_name = "REASON", conflicts_with = "due")]
    pub skip_rings: Option<String>,
    /// Use this verdict, which `canary-smoke --result` wrote, like those in the registry (repeatable)
    #[arg(long, value_name = "FILE", conflicts_with = "due")]
    pub evidence: Vec<PathBuf>,
    /// Promote even if the release is older than the one that the ring runs
    #[arg(long, conflicts_with = "due")]
    pub allow_older: bool,
    /// Promote this release although a hold stands or it was rejected; the reason is kept in the history
    #[arg(long, value_name = "REASON", conflicts_with = "due")]
    pub lift_hold: Option<String>,
    #[command(flatten)]
    pub(crate) images: ImageOptions,
    #[command(flatten)]
    pub(crate) registry: RegistryOptions,
    #[command(flatten)]
    pub(crate) output: OutputOptions,
}

impl Args {
    /// The promotion of `sha` that the engine carries out.
    pub(super) fn as_promotion(&self, sha: &CommitSha, tag: &Tag) -> promote_latest::Args {
        promote_latest::Args {
            sha: sha.clone(),
            expect_current: Vec::new(),
            require: Vec::new(),
            no_require: false,
            evidence: self.evidence.clone(),
            suite: None,
            allow_older: self.allow_older,
            lift_hold: self.lift_hold.clone(),
            also_tag: Vec::new(),
            moving: MoveOptions {
                to: Some(tag.clone()),
                images: self.images.clone(),
                registry: self.registry.clone(),
                output: self.output.clone(),
            },
        }
    }
}
