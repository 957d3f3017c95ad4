//! The command line of `rollback-latest`.

use std::path::PathBuf;

use clap::Parser;

use crate::base::shell::quoted;
use crate::model::commit::CommitSha;
use crate::tool::options::MoveOptions;

/// Moves the tag `latest` of every image back to an earlier release
///
/// Waits for no gate: it refuses only a release that is not staged or lacks a manifest. With GITHUB_TOKEN set and a
/// coalmine.toml, `rollback-latest 4c1d56e` is all you have to type.
///
/// Exit codes: 0 rolled back, or live already; 1 refused or failed, nothing was left moved; 2 usage; 4 the images
/// disagree, and the commands that repair them are printed.
#[derive(Parser, Clone, Debug)]
#[command(name = "rollback-latest", version, group = clap::ArgGroup::new("target").required(true).args(["sha", "previous", "list", "ring"]))]
pub struct Args {
    /// Commit of the release to go back to, or any unique prefix of it with at least 7 digits
    #[arg(value_name = "SHA")]
    pub sha: Option<CommitSha>,
    /// Go back to the release that was live before the last promotion
    #[arg(long)]
    pub previous: bool,
    /// List the releases you can go back to, those that were live first, and move nothing
    #[arg(long)]
    pub list: bool,
    /// Take out of this ring, and of every ring further out, the release that the ring runs. Each goes to what the next ring
    /// outward runs, else to what it ran before
    #[arg(long, value_name = "RING", conflicts_with_all = ["sha", "previous", "list", "to"])]
    pub ring: Option<String>,
    /// With --ring: take the release out of all rings
    #[arg(long, requires = "ring", conflicts_with = "this_ring")]
    pub all_rings: bool,
    /// With --ring: leave the rings further out
    #[arg(long, requires = "ring")]
    pub this_ring: bool,
    /// With --list: every release, not only the ten newest
    #[arg(long, requires = "list")]
    pub all: bool,
    /// Why you roll back; kept in the history, the hold and the post-mortem
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Do not hold promotions, and do not reject the release that you leave
    #[arg(long)]
    pub no_hold: bool,
    /// Then watch the recovery targets in `[recovery]` of this soak file; run the hook `unfreeze` once they are met and kept.
    /// The tags stay where the rollback put them, whatever is seen; --deadline bounds the move and not the watch
    #[arg(long, value_name = "FILE")]
    pub watch: Option<PathBuf>,
    /// Move only the images that are named, although the release has more; the history keeps REASON
    #[arg(long, value_name = "REASON")]
    pub partial: Option<String>,
    /// File the post-mortem draft as an issue on GitHub, once for each rejected release
    #[arg(long)]
    pub open_issue: bool,
    #[command(flatten)]
    pub(crate) moving: MoveOptions,
}

impl Args {
    /// What a printed rollback repeats of this one, quoted for a shell.
    pub(super) fn repeated(&self) -> String {
        let mut words: Vec<String> =
            self.reason.iter().map(|reason| format!("--reason {}", quoted(reason))).collect();
        let watch = |file: &PathBuf| format!("--watch {}", quoted(&file.display().to_string()));
        words.extend(self.watch.iter().map(watch));
        words.extend(self.no_hold.then(|| "--no-hold".to_owned()));
        words.extend(self.partial.iter().map(|reason| format!("--partial {}", quoted(reason))));
        words.join(" ")
    }
}
