//! One file per binary: read, decide (`policy`), act (`io`), and an outcome for `report`.

pub mod aftercare;
pub mod agreement;
pub mod anchoring;
pub mod canary_smoke;
pub mod candidates;
pub mod chronicle;
pub mod failure;
pub mod giving_way;
pub mod memory;
pub mod moving;
pub mod options;
pub mod promote_latest;
pub mod publish_staging;
pub mod putting_back;
pub mod reading;
pub mod records;
pub mod release_status;
pub mod rollback_latest;
pub mod settings;
pub mod standing_fast;
pub mod undoing;
pub mod verifying;

use crate::io::context::Context;
use crate::model::verdict::Verdict;

/// A binary of the toolkit.
pub trait Tool {
    /// The name of the binary.
    const NAME: &'static str;
    /// The command line.
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
