//! Why a tool did not do its work.

use crate::base::complaint::Complaint;
use crate::base::exit::Exit;
use crate::engine::failure::EngineError;
use crate::io::files::FileError;
use crate::io::registry::error::RegistryError;
use crate::io::source::error::SourceError;
use crate::io::stop::Signal;
use crate::model::verdict::Verdict;
use crate::policy::toml::Mistakes;

/// Everything that can end a command early. A new variant does not compile until its exit code is chosen.
#[derive(Debug)]
pub enum Failure {
    /// The command line or the environment asks for something that cannot be.
    Usage(Complaint),
    /// A file that a person wrote is wrong, at places that can be shown.
    Mistake(Mistakes),
    /// A file cannot be read or written; nothing was sent.
    File(FileError),
    /// What is to be published cannot be read; nothing was sent.
    Source(SourceError),
    /// The engine did not do its work: refused, failed, put back or stopped.
    Engine(EngineError),
}

impl Failure {
    pub fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage(Complaint::new(message, hint))
    }

    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) | Self::Mistake(_) | Self::File(_) | Self::Source(_) => Exit::Usage,
            Self::Engine(error) => error.exit(),
        }
    }

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

impl From<Mistakes> for Failure {
    fn from(mistakes: Mistakes) -> Self {
        Self::Mistake(mistakes)
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::Mistaken(mistakes) => Self::Mistake(mistakes),
            error => Self::Source(error),
        }
    }
}

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Self {
        Self::Engine(error.into())
    }
}

impl From<Signal> for Failure {
    fn from(signal: Signal) -> Self {
        Self::Engine(signal.into())
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}
