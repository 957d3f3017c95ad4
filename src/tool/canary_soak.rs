//! `canary-soak`: watches the metrics of a release for hours or days and gives a verdict.

mod args;
mod lint;
pub(in crate::tool) mod load;
pub(in crate::tool) mod measure;
mod memory;
mod notice;
mod preflight;
mod replay;
mod ring;
mod watch;

use self::args::Command;
use super::Tool;
use super::failure::Failure;
use super::options::OutputOptions;
use crate::io::context::Context;
use crate::model::verdict::Verdict;

pub use self::args::Args;
pub use self::lint::{LintOutcome, Row as LintRow};
pub use self::load::GatesFile;
pub use self::preflight::{PreflightOutcome, Stand};
pub use self::watch::SoakOutcome;

pub struct CanarySoak;

#[derive(Clone, Debug)]
pub enum Outcome {
    Soak(Box<SoakOutcome>),
    /// There is no open soak to go on with.
    Idle,
    /// A soak of the past, judged again.
    Replay(Box<SoakOutcome>),
    /// What must be true before a soak was found out.
    Preflight(PreflightOutcome),
    Lint(LintOutcome),
    Schema(String),
}

impl Tool for CanarySoak {
    const NAME: &'static str = "canary-soak";
    type Args = Args;
    type Outcome = Outcome;

    fn output(args: &Args) -> &OutputOptions {
        &args.output
    }

    fn chart(args: &Args) -> Option<&std::path::Path> {
        args.chart.as_deref()
    }

    async fn run(args: Args, context: &Context) -> Result<Outcome, Failure> {
        match args.command.clone() {
            None => {
                let watched = watch::run(&args, context).await?;
                Ok(watched.map_or(Outcome::Idle, |soak| Outcome::Soak(Box::new(soak))))
            }
            Some(Command::Lint { file, traffic }) => {
                Ok(Outcome::Lint(lint::lint(&args, file.as_ref(), traffic, context).await?))
            }
            Some(Command::Replay { state, from, to }) => {
                let past = match (state, from, to) {
                    (Some(state), _, _) => replay::Past::Recorded(state),
                    (None, Some(from), Some(to)) => replay::Past::Between(from, to),
                    (None, _, _) => {
                        return Err(Failure::usage(
                            "it is not said what is judged again",
                            "name a state file, or give `--from` and `--to`",
                        ));
                    }
                };
                Ok(Outcome::Replay(Box::new(replay::replay(&args, past, context).await?)))
            }
            Some(Command::Preflight) => Ok(Outcome::Preflight(preflight::preflight(&args, context).await?)),
            Some(Command::Schema) => Ok(Outcome::Schema(crate::policy::soak::suite::schema())),
        }
    }

    async fn keep(args: &Args, outcome: &Outcome, verdict: Verdict, document: &str, context: &Context) {
        let (sha, images) = match outcome {
            Outcome::Soak(soak) if soak.state.closed => (&soak.state.sha, &soak.state.images),
            Outcome::Preflight(preflight) => (&preflight.sha, &preflight.images),
            Outcome::Soak(_) | Outcome::Idle | Outcome::Replay(_) | Outcome::Lint(_) | Outcome::Schema(_) => {
                return;
            }
        };
        args.recording(context).keep((!images.is_empty()).then_some(sha), verdict, document).await;
    }
}
