//! Why a tool did not do its work.

use crate::base::diagnostic::Diagnostic;
use crate::base::exit::Exit;
use crate::base::list::NonEmpty;
use crate::io::files::FileError;
use crate::io::registry::error::RegistryError;
use crate::io::source::error::SourceError;
use crate::io::stop::Signal;
use crate::model::commit::CommitSha;
use crate::model::moves::Receipt;
use crate::model::refusal::Refusal;
use crate::model::verdict::Verdict;

/// Everything that can end a command early. A new variant does not compile until its exit code is chosen.
#[derive(Debug)]
pub enum Failure {
    /// The command line or the environment asks for something that cannot be.
    Usage(UsageError),
    /// A file that a person wrote is wrong at a place that can be shown.
    Mistake(Box<Diagnostic>),
    /// A file cannot be read or written; nothing was sent.
    File(FileError),
    /// What is to be published cannot be read; nothing was sent.
    Source(SourceError),
    /// One or more guards said no. Nothing was moved.
    Refused {
        /// The release, once it was known.
        sha: Option<CommitSha>,
        /// Every guard that said no.
        refusals: NonEmpty<Refusal>,
    },
    /// The registry failed before anything was moved.
    Registry(RegistryError),
    /// A move failed. Every image is named, with where it stands now.
    Moving(Box<MoveFailure>),
    /// A signal came before anything was moved.
    Stopped(Signal),
}

/// A command line that cannot be, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageError {
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: String,
}

/// A move that did not come to its end.
#[derive(Debug)]
pub struct MoveFailure {
    /// The release, if it has a name.
    pub sha: Option<CommitSha>,
    /// What went wrong, first cause first.
    pub causes: NonEmpty<MoveProblem>,
    /// Every image of the release, in order.
    pub receipts: Vec<Receipt>,
    /// The commands that make the images agree again, word for word; empty unless they disagree.
    pub repair: Vec<String>,
    /// The signal that asked to stop, if that was the cause.
    pub signal: Option<Signal>,
}

/// One thing that went wrong while tags moved.
#[derive(Debug)]
pub struct MoveProblem {
    /// What, on what, expected and found.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

impl Failure {
    /// A wrong command line.
    pub fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage(UsageError { message: message.into(), hint: hint.into() })
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) | Self::Mistake(_) | Self::File(_) | Self::Source(_) => Exit::Usage,
            Self::Refused { .. } | Self::Registry(_) => Exit::No,
            Self::Moving(failure) => failure.exit(),
            Self::Stopped(signal) => signal.exit(),
        }
    }

    /// The verdict.
    pub fn verdict(&self) -> Verdict {
        match self.exit() {
            Exit::Done => Verdict::Green,
            Exit::No | Exit::Split => Verdict::Red,
            Exit::Inconclusive => Verdict::Inconclusive,
            Exit::Pending => Verdict::Pending,
            Exit::Usage | Exit::HungUp | Exit::Interrupted | Exit::Terminated => Verdict::Error,
        }
    }
}

impl MoveFailure {
    /// Split outranks everything: a person has to act. Otherwise every image is as before.
    pub fn exit(&self) -> Exit {
        if !self.repair.is_empty() {
            return Exit::Split;
        }
        self.signal.map_or(Exit::No, Signal::exit)
    }
}

impl From<Diagnostic> for Failure {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Mistake(Box::new(diagnostic))
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Self {
        Self::Registry(error)
    }
}

impl From<Signal> for Failure {
    fn from(signal: Signal) -> Self {
        Self::Stopped(signal)
    }
}
