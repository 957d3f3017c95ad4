//! The command line of `promote-latest`.

use std::path::PathBuf;

use clap::Parser;

use crate::base::shell::quoted;
use crate::model::commit::CommitSha;
use crate::model::record::Kind;
use crate::model::tag::Tag;
use crate::policy::gates::images::Expected;
use crate::tool::options::{ImageOptions, OutputOptions, RegistryOptions};

/// Moves the tag `latest` of every image of a release to the digests staged under its commit
///
/// Reads and checks everything first: every manifest and every blob of every platform. Moves only if no guard says
/// no, the last image last, reads every tag back, and puts back what was moved if anything fails.
///
/// Exit codes: 0 done or already so; 1 refused or failed, nothing left moved; 2 usage; 4 split, with the commands to
/// repair it.
#[derive(Parser, Clone, Debug)]
#[command(name = "promote-latest", version)]
pub struct Args {
    /// Commit of the release: 7 to 64 hex digits, or any unique beginning of a published sha
    #[arg(value_name = "SHA")]
    pub sha: CommitSha,
    /// Refuse unless the tag names DIGEST now, or does not exist (`absent`); give one for each image
    #[arg(long, value_name = "DIGEST|absent")]
    pub expect_current: Vec<Expected>,
    /// Ask for this kind of evidence instead of the configured ones: smoke or soak (repeatable)
    #[arg(long, value_name = "KIND", conflicts_with = "no_require")]
    pub require: Vec<Kind>,
    /// Ask for no evidence
    #[arg(long)]
    pub no_require: bool,
    /// A verdict document, as `canary-smoke --result` wrote it; counts like recorded evidence (repeatable)
    #[arg(long, value_name = "FILE")]
    pub evidence: Vec<PathBuf>,
    /// Let only evidence count that was judged with this very suite file
    #[arg(long, value_name = "FILE")]
    pub suite: Option<PathBuf>,
    /// Promote even if the release is older than the live one
    #[arg(long)]
    pub allow_older: bool,
    /// Promote this very release in spite of a hold or a rejection
    #[arg(long, value_name = "REASON")]
    pub lift_hold: Option<String>,
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

impl Args {
    /// What a printed promotion repeats of this one, quoted for a shell.
    pub(super) fn repeated(&self) -> String {
        let mut words: Vec<String> = self.require.iter().map(|kind| format!("--require {kind}")).collect();
        words.extend(self.no_require.then(|| "--no-require".to_owned()));
        let path = |option: &str, path: &PathBuf| format!("{option} {}", quoted(&path.display().to_string()));
        words.extend(self.evidence.iter().map(|file| path("--evidence", file)));
        words.extend(self.suite.iter().map(|file| path("--suite", file)));
        words.extend(self.allow_older.then(|| "--allow-older".to_owned()));
        words.extend(self.lift_hold.iter().map(|reason| format!("--lift-hold {}", quoted(reason))));
        words.join(" ")
    }
}
