//! One folder or file a program: read, decide (`policy`), act (`engine`), and an outcome for `report`.

pub mod canary_smoke;
pub mod canary_soak;
pub mod failure;
pub mod options;
pub mod promote_latest;
pub mod publish_staging;
mod recording;
pub mod release_status;
pub mod ring_of;
pub mod rings;
pub mod rollback_latest;
pub mod settings;

use crate::io::context::Context;
use crate::model::verdict::Verdict;

pub trait Tool {
    const NAME: &'static str;
    type Args: clap::Parser + Clone;
    /// What it comes to when it could do its work, whatever the verdict.
    type Outcome;

    /// Where and how the result is to be written.
    fn output(args: &Self::Args) -> &options::OutputOptions;

    /// Where a JUnit report is to be written, if the tool has one and it was asked for.
    fn junit(_args: &Self::Args) -> Option<&std::path::Path> {
        None
    }

    /// Does the work. Prints nothing and ends no process.
    ///
    /// # Errors
    /// Everything that kept it from doing the work, each with its own exit code.
    fn run(
        args: Self::Args,
        context: &Context,
    ) -> impl Future<Output = Result<Self::Outcome, failure::Failure>>;

    /// Keeps the published document of an outcome, where the tool has a place for it. Changes no verdict: what cannot
    /// be kept is told on stderr.
    fn keep(
        _args: &Self::Args,
        _outcome: &Self::Outcome,
        _verdict: Verdict,
        _document: &str,
        _world: &Context,
    ) -> impl Future<Output = ()> {
        async {}
    }
}
