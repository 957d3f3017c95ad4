//! The state of a soak: a file, read and replaced whole by one tick at a time, and a copy in the registry, with which
//! any runner goes on.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

use crate::base::complaint::Complaint;
use crate::io::clock;
use crate::io::files::{self, FileError};
use crate::io::registry::artifacts::Artifact;
use crate::io::registry::client::Client;
use crate::io::registry::error::{Problem, RegistryError};
use crate::io::stop::{Signal, Stop};
use crate::model::digest::Digest;
use crate::model::reference::Reference;
use crate::model::repository::Repository;
use crate::model::tag::Tag;
use crate::policy::soak::state::State;

/// How often a state file that another tick holds is tried again.
const AGAIN: Duration = Duration::from_millis(200);

/// A state file that this process holds. It is let go when this is dropped, also where the process is killed.
pub struct StateFile {
    path: PathBuf,
    _lock: File,
}

/// Why there is no state.
#[derive(Debug)]
pub enum StateError {
    /// The file cannot be read or written.
    File(FileError),
    /// It holds something else.
    Content(Complaint),
    /// A signal came while another tick held it.
    Stopped(Signal),
}

impl StateFile {
    /// Waits until no other tick holds the file at `path`.
    ///
    /// # Errors
    /// The lock beside it cannot be made, or a signal came.
    pub async fn hold(path: &Path, stop: &Stop) -> Result<Self, StateError> {
        let beside = PathBuf::from(format!("{}.lock", path.display()));
        let failed = |source| StateError::File(FileError::Write { path: beside.clone(), source });
        let lock = File::options().create(true).truncate(false).write(true).open(&beside).map_err(failed)?;
        loop {
            match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Self { path: path.to_owned(), _lock: lock }),
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    stop.unless(clock::sleep(AGAIN)).await.map_err(StateError::Stopped)?;
                }
                Err(error) => return Err(failed(error.into())),
            }
        }
    }

    /// What it holds; `None`: it is not there.
    ///
    /// # Errors
    /// It cannot be read, or holds no state of this version.
    pub fn read(&self) -> Result<Option<State>, StateError> {
        let Some(text) = files::read_if_there(&self.path).map_err(StateError::File)? else { return Ok(None) };
        let state: Result<State, _> = serde_json::from_str(&text);
        match state {
            Ok(state) if state.format == 1 => Ok(Some(state)),
            Ok(State { format, .. }) => Err(self.content(&format!("its format is {format}"))),
            Err(error) => Err(self.content(&error.to_string())),
        }
    }

    fn content(&self, found: &str) -> StateError {
        StateError::Content(Complaint::new(
            format!("`{}` is no state of a soak that this version reads: {found}", self.path.display()),
            "name another file with `--state`, or remove this one to begin again",
        ))
    }

    /// Replaces what it holds: a kill leaves the old state or the new one.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, state: &State) -> Result<(), StateError> {
        let text = serde_json::to_string_pretty(state).map_err(|e| self.content(&e.to_string()))?;
        files::replace(&self.path, &text).map_err(StateError::File)
    }
}

/// `artifactType` of a soak's state.
pub const STATE_TYPE: &str = "application/vnd.coalmine.soak.v1+json";

/// Where the registry keeps the state of one soak.
#[derive(Clone, Debug)]
pub struct Place {
    /// The repository of the records.
    pub home: Repository,
    /// Names the release, the file and the ring, so that another file is another soak.
    pub tag: Tag,
}

impl Place {
    /// What is kept there, and its digest; `None`: nothing.
    ///
    /// # Errors
    /// The registry cannot be read, or holds something else.
    pub async fn read(&self, client: &Client<'_>) -> Result<Option<(Digest, State)>, RegistryError> {
        let reference = Reference::Tagged(self.home.clone(), self.tag.clone());
        let Some(artifact) = client.artifact(&reference, STATE_TYPE).await? else { return Ok(None) };
        match serde_json::from_slice::<State>(&artifact.content) {
            Ok(state) if state.format == 1 => Ok(Some((artifact.manifest.digest, state))),
            Ok(State { format, .. }) => Err(self.unfit(format!("one of format {format}"))),
            Err(error) => Err(self.unfit(crate::base::text::told(&error))),
        }
    }

    /// Replaces what is kept there.
    ///
    /// # Errors
    /// The registry refuses or cannot be reached.
    pub async fn write(&self, client: &Client<'_>, state: &State) -> Result<(), RegistryError> {
        let text = serde_json::to_vec(state).map_err(|error| self.unfit(error.to_string()))?;
        let artifact = Artifact::of(STATE_TYPE, text.into(), None, &[]);
        client.put_artifact(&self.home, &artifact, Some(&self.tag)).await
    }

    fn unfit(&self, found: String) -> RegistryError {
        let problem = Problem::Unfit { expected: "the state of a soak", found };
        RegistryError::new(format!("read {}:{}", self.home, self.tag), problem)
    }
}
