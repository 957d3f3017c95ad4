//! The state of a soak between its ticks: the file of this machine, and the copy in the registry.

use std::path::PathBuf;
use std::time::Duration;

use crate::engine::failure::EngineError;
use crate::io::clock;
use crate::io::context::Context;
use crate::io::registry::client::{Access, Client};
use crate::ledger::soak::{Place, StateError, StateFile};
use crate::model::digest::Digest;
use crate::policy::soak::state::{State, Subject};
use crate::tool::failure::Failure;
use crate::tool::settings::Settings;

/// Bound on reading or writing the copy in the registry, or a tag.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where one soak is remembered.
pub(super) struct Memory<'a> {
    pub(super) path: PathBuf,
    /// The registry's copy; `None` where no records are kept.
    pub(super) copy: Option<(Settings, Place)>,
    pub(super) subject: Subject,
    pub(super) context: &'a Context,
}

/// What one tick begins with. The file is held until this is dropped.
pub(super) struct Recalled {
    file: StateFile,
    /// `None`: the soak was not opened yet.
    pub(super) state: Option<State>,
    /// What the registry held.
    seen: Option<Digest>,
}

impl Memory<'_> {
    /// A client for the registry's copy and the ring's tag, with a bound of its own.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub(super) fn client(&self, access: Access) -> Result<Option<Client<'_>>, Failure> {
        let Some((settings, _)) = &self.copy else { return Ok(None) };
        Ok(Some(settings.client(self.context, access)?.until(clock::instant() + PATIENCE)))
    }

    /// Reads both, and takes the one that saw more.
    ///
    /// # Errors
    /// They cannot be read, or belong to another soak. A registry that cannot be read is no error where the file is
    /// there: only ticks of other machines are missed then.
    pub(super) async fn recall(&self) -> Result<Recalled, Failure> {
        let file = StateFile::hold(&self.path, &self.context.stop).await.map_err(refused)?;
        let local = file.read().map_err(refused)?.map(|state| self.own(state)).transpose()?;
        let copy = match (self.client(Access::Pull)?, &self.copy) {
            (Some(client), Some((_, place))) => {
                self.context.stop.unless(place.read(&client)).await.map_err(EngineError::from)?
            }
            _ => Ok(None),
        };
        let copy = match copy {
            Ok(copy) => copy,
            Err(error) if local.is_some() => {
                self.context.console.warn(&format!("the registry's copy of the state is not read: {error}"));
                None
            }
            Err(error) => return Err(error.into()),
        };
        let (seen, copy) = copy.unzip();
        let copy = copy.map(|state| self.own(state)).transpose()?;
        let state = match (local, copy) {
            (Some(local), Some(copy)) => Some(local.later(copy)),
            (local, copy) => local.or(copy),
        };
        Ok(Recalled { file, state, seen })
    }

    /// Keeps the state after a tick. `false`: another machine made a tick meanwhile, and this one has to be made again.
    ///
    /// # Errors
    /// The file cannot be written. A registry that does not take its copy is a warning: the next tick asks again.
    pub(super) async fn keep(&self, recalled: &Recalled, state: &State) -> Result<bool, Failure> {
        if let (Some(client), Some((_, place))) = (self.client(Access::PullPush)?, &self.copy) {
            let warn = |what: &str, error: String| {
                self.context
                    .console
                    .warn(&format!("the registry's copy of the state is not {what}: {error}"));
            };
            match place.read(&client).await {
                Ok(now) if now.as_ref().map(|(digest, _)| digest) != recalled.seen.as_ref() => {
                    return Ok(false);
                }
                Ok(_) => {
                    if let Err(error) = place.write(&client, state).await {
                        warn("written", error.to_string());
                    }
                }
                Err(error) => warn("read", error.to_string()),
            }
        }
        recalled.file.write(state).map_err(refused)?;
        Ok(true)
    }

    fn own(&self, state: State) -> Result<State, Failure> {
        match state.differs(&self.subject) {
            None => Ok(state),
            Some(other) => Err(Failure::usage(
                format!("`{}` holds the state of {other}", self.path.display()),
                "name another file with `--state` to begin a new soak",
            )),
        }
    }
}

fn refused(error: StateError) -> Failure {
    match error {
        StateError::File(error) => Failure::File(error),
        StateError::Content(complaint) => Failure::Usage(complaint),
        StateError::Stopped(signal) => signal.into(),
    }
}
