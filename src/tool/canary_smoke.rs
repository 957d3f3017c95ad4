//! `canary-smoke`: proves that every canary tenant runs this build and passes the smoke suite.

mod args;
mod captures;
mod checks;
mod cleanup;
mod command;
mod fleet;
mod init;
mod lint;
mod list;
mod memory;
mod prove;
mod ready;
mod record;
mod request;
mod run;
mod session;
mod setup;
mod step;
mod suite;

use self::args::Command;
use super::Tool;
use super::failure::Failure;
use super::options::OutputOptions;
use crate::io::context::Context;
use crate::model::verdict::Verdict;

pub use self::args::Args;
pub use self::init::InitOutcome;
pub use self::lint::LintOutcome;
pub use self::list::{ListOutcome, Listed};
pub use self::prove::{ProveOutcome, Row as ProveRow, RowEnd};
pub use self::run::RunOutcome;
pub use self::suite::SuiteFile;

/// The binary.
pub struct CanarySmoke;

/// What it comes to.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The suite was run.
    Run(Box<RunOutcome>),
    /// The checks of the suite.
    List(ListOutcome),
    /// The suite was checked.
    Lint(LintOutcome),
    /// The suite was tested.
    Prove(ProveOutcome),
    /// A first suite was written.
    Init(InitOutcome),
    /// The JSON Schema.
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
            None if args.list => Ok(Outcome::List(list::list(&args)?)),
            None => Ok(Outcome::Run(Box::new(run::run(&args, context).await?))),
            Some(Command::Lint { files }) => {
                Ok(Outcome::Lint(lint::lint(if files.is_empty() { &args.suite } else { &files })?))
            }
            Some(Command::Prove { min_score }) => {
                Ok(Outcome::Prove(prove::prove(&args, min_score, context).await?))
            }
            Some(Command::Init { from }) => {
                Ok(Outcome::Init(init::init(&args, from.as_deref(), context).await?))
            }
            Some(Command::Schema) => Ok(Outcome::Schema(crate::policy::smoke::suite::schema())),
        }
    }

    async fn keep(args: &Args, outcome: &Outcome, verdict: Verdict, document: &str, context: &Context) {
        if let Outcome::Run(run) = outcome {
            if run.part_of.is_some() {
                return context.console.say("the verdict on a part of the suite is not recorded");
            }
            record::keep(args, run.release.as_ref(), verdict, document, context).await;
        }
    }
}
