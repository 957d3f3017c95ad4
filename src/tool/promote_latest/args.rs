//! The command line of `promote-latest`.

use std::path::PathBuf;

use clap::Parser;

use crate::base::shell::quoted;
use crate::model::commit::CommitSha;
use crate::model::record::Kind;
use crate::model::tag::Tag;
use crate::policy::gates::images::Expected;
use crate::tool::options::MoveOptions;

/// Moves the tag `latest` of every image of a release to the digests staged under its commit
///
/// Checks everything first: every manifest and every blob of every platform, evidence, holds and order. If no guard
/// refuses, it moves all images, the last one last, and reads every tag back. If anything fails, it puts back what it
/// moved.
///
/// Exit codes: 0 promoted, or live already; 1 refused or failed, nothing was left moved; 2 usage; 4 the images disagree,
/// and the commands that repair them are printed.
#[derive(Parser, Clone, Debug)]
#[command(name = "promote-latest", version)]
pub struct Args {
    /// Commit of the release, or any unique prefix of it with at least 7 digits
    #[arg(value_name = "SHA")]
    pub sha: CommitSha,
    /// Refuse unless the tag names DIGEST now, or does not exist (`absent`); give one for each image
    #[arg(long, value_name = "DIGEST|absent")]
    pub expect_current: Vec<Expected>,
    /// Require this kind of evidence, preflight, smoke or soak, instead of the configured kinds (repeatable)
    #[arg(long, value_name = "KIND", conflicts_with = "no_require")]
    pub require: Vec<Kind>,
    /// Require no evidence
    #[arg(long)]
    pub no_require: bool,
    /// Use this verdict, which `--result` of canary-smoke or canary-soak wrote, like those in the registry (repeatable)
    #[arg(long, value_name = "FILE")]
    pub evidence: Vec<PathBuf>,
    /// Accept only verdicts that were made with exactly this suite file
    #[arg(long, value_name = "FILE")]
    pub suite: Option<PathBuf>,
    /// Promote even if the release is older than the live one
    #[arg(long)]
    pub allow_older: bool,
    /// Promote this release although a hold stands or it was rejected; the reason is kept in the history
    #[arg(long, value_name = "REASON")]
    pub lift_hold: Option<String>,
    /// Also give every image this tag, such as `v1.4.2` or `v1` (repeatable). Written before the tag that deployers watch,
    /// and put back if that one does not move. A full version that names something else is never moved
    #[arg(long, value_name = "TAG")]
    pub also_tag: Vec<Tag>,
    #[command(flatten)]
    pub(crate) moving: MoveOptions,
}

impl Args {
    /// What a printed promotion repeats of this one, quoted for a shell.
    pub(super) fn repeated(&self) -> String {
        let mut words: Vec<String> = self.require.iter().map(|kind| format!("--require {kind}")).collect();
        words.extend(self.no_require.then(|| "--no-require".to_owned()));
        let path = |option: &str, path: &PathBuf| format!("{option} {}", quoted(&path.display().to_string()));
        words.extend(self.evidence.iter().map(|file| path("--evidence", file)));
        words.extend(self.suite.iter().map(|file| path("--suite", file)));
        words.extend(self.allow_older.then(|| "--allow-older".to_owned()));
        words.extend(self.also_tag.iter().map(|tag| format!("--also-tag {tag}")));
        words.extend(self.lift_hold.iter().map(|reason| format!("--lift-hold {}", quoted(reason))));
        words.join(" ")
    }
}
