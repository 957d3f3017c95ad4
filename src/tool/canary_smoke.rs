//! `canary-smoke`: proves that every canary tenant runs this build and passes the smoke suite.

pub(in crate::tool) mod args;
mod captures;
mod checks;
mod cleanup;
mod fleet;
mod lint;
mod prove;
mod ready;
mod record;
mod request;
mod run;
pub(in crate::tool) mod serving;
mod session;
mod step;
mod suite;

use self::args::Command;
use super::Tool;
use super::failure::Failure;
use super::options::OutputOptions;
use crate::io::context::Context;
use crate::model::verdict::Verdict;

pub use self::args::Args;
pub use self::lint::LintOutcome;
pub use self::prove::{ProveOutcome, Row as ProveRow, RowEnd};
pub use self::record::Recorded;
pub use self::run::RunOutcome;
pub use self::suite::SuiteFile;

pub struct CanarySmoke;

#[derive(Clone, Debug)]
pub enum Outcome {
    Run(Box<RunOutcome>),
    Lint(LintOutcome),
    Prove(ProveOutcome),
    Recorded(Recorded),
    Schema(String),
}

impl Tool for CanarySmoke {
    const NAME: &'static str = "canary-smoke";
    type Args = Args;
    type Outcome = Outcome;

    fn output(args: &Args) -> &OutputOptions {
        &args.output
    }

    fn junit(args: &Args) -> Option<&std::path::Path> {
        args.junit.as_deref()
    }

    async fn run(args: Args, context: &Context) -> Result<Outcome, Failure> {
        match args.command.clone() {
            None => Ok(Outcome::Run(Box::new(run::run(&args, context).await?))),
            Some(Command::Lint { file }) => {
                Ok(Outcome::Lint(lint::lint(file.as_ref().unwrap_or(&args.suite))?))
            }
            Some(Command::Prove { min_score }) => {
                Ok(Outcome::Prove(prove::prove(&args, min_score, context).await?))
            }
            Some(Command::Record { verdict }) => {
                Ok(Outcome::Recorded(record::attach_file(&args, &verdict, context).await?))
            }
            Some(Command::Schema) => Ok(Outcome::Schema(crate::policy::smoke::suite::schema())),
        }
    }

    async fn keep(args: &Args, outcome: &Outcome, verdict: Verdict, document: &str, context: &Context) {
        if let Outcome::Run(run) = outcome {
            let sha = run.release.as_ref().map(|release| &release.sha);
            args.recording(context).keep(sha, verdict, document).await;
        }
    }
}
