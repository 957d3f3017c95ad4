//! `canary-soak`: watches the metrics of a release for hours or days and gives a verdict.

mod args;
mod lint;
pub(in crate::tool) mod load;
pub(in crate::tool) mod measure;
mod memory;
mod preflight;
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

/// The binary.
pub struct CanarySoak;

/// What it comes to.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// A soak, open or closed.
    Soak(Box<SoakOutcome>),
    /// What must be true before a soak was found out.
    Preflight(PreflightOutcome),
    /// The file was checked.
    Lint(LintOutcome),
    /// The JSON Schema.
    Schema(String),
}

impl Tool for CanarySoak {
    const NAME: &'static str = "canary-soak";
    type Args = Args;
    type Outcome = Outcome;

    fn output(args: &Args) -> &OutputOptions {
        &args.output
    }

    async fn run(args: Args, context: &Context) -> Result<Outcome, Failure> {
        match args.command.clone() {
            None => Ok(Outcome::Soak(Box::new(watch::run(&args, context).await?))),
            Some(Command::Lint { file }) => {
                Ok(Outcome::Lint(lint::lint(file.as_ref().unwrap_or(&args.gates))?))
            }
            Some(Command::Preflight) => Ok(Outcome::Preflight(preflight::preflight(&args, context).await?)),
            Some(Command::Schema) => Ok(Outcome::Schema(crate::policy::soak::suite::schema())),
        }
    }

    async fn keep(args: &Args, outcome: &Outcome, verdict: Verdict, document: &str, context: &Context) {
        let (sha, images) = match outcome {
            Outcome::Soak(soak) if soak.state.closed => (&soak.state.sha, &soak.state.images),
            Outcome::Preflight(preflight) => (&preflight.sha, &preflight.images),
            Outcome::Soak(_) | Outcome::Lint(_) | Outcome::Schema(_) => return,
        };
        args.recording(context).keep((!images.is_empty()).then_some(sha), verdict, document).await;
    }
}
