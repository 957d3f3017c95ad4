//! A folder of prompts and configuration as an image. What decides its digest is in the folder alone: no time, owner,
//! umask, locale or order of files, and no sha of a commit.

mod pack;
mod survey;

use std::path::{Path, PathBuf};
use std::process::Command as StdCommand;

use tokio::process::Command;

use self::survey::Survey;
use super::error::SourceError;
use super::origin::Origin;
use crate::base::complaint::Complaint;
use crate::base::list::NonEmpty;
use crate::base::redact::Redactor;
use crate::base::text::{EXCERPT_BYTES, escape};
use crate::io::child;
use crate::policy::bundle::{self, Definition, FILE};
use crate::policy::config::{Hook, is_credential};
use crate::policy::toml::TomlFile;

/// Looks at the folder, runs its checks, and packs it into a temporary file.
///
/// # Errors
/// Everything that may not be published, each with its file; a mistake in `bundle.toml`; a check that failed.
pub async fn open(folder: &Path, secrets: &Redactor) -> Result<Origin, SourceError> {
    let path = folder.to_owned();
    let (survey, definition) = blocking(move || {
        let survey = survey::survey(&path)?;
        let definition = define(&path, &survey)?;
        Ok((survey, definition))
    })
    .await?;
    check(folder, &definition, secrets).await?;
    let path = folder.to_owned();
    blocking(move || pack::pack(&path, &survey.files, &definition.pins)).await
}

/// Hashing and packing gigabytes would stop every other task of this thread.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SourceError> + Send + 'static,
) -> Result<T, SourceError> {
    tokio::task::spawn_blocking(work).await.map_err(|e| SourceError::Interrupted(e.to_string()))?
}

/// What `bundle.toml` makes of the files; with what is wrong in the folder, everything that is wrong with either.
fn define(folder: &Path, survey: &Survey) -> Result<Definition, SourceError> {
    let (path, mut refusals) = (folder.join(FILE), survey.refusals.clone());
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let hint = "write a bundle.toml that names the parts; see docs/bundles.md";
            refusals.insert(0, Complaint::new(format!("`{}` has no `{FILE}`", folder.display()), hint));
            String::new()
        }
        Err(source) => return Err(SourceError::Read { path, source }),
    };
    let mistakes = if text.is_empty() && !refusals.is_empty() {
        None
    } else {
        let name = path.display().to_string();
        match bundle::read(&TomlFile { name: &name, text: &text }, &survey.files) {
            Ok(definition) if refusals.is_empty() => return Ok(definition),
            Ok(_) => None,
            Err(mistakes) => Some(mistakes),
        }
    };
    match (NonEmpty::from_vec(refusals), mistakes) {
        (None, Some(mistakes)) => Err(SourceError::Mistaken(mistakes)),
        (Some(refusals), mistakes) => {
            let told = mistakes.iter().flatten().map(|mistake| Complaint::new(mistake.to_string(), ""));
            let all = refusals.into_vec().into_iter().chain(told).collect();
            Err(NonEmpty::from_vec(all).map_or(SourceError::Missing(path), SourceError::Refused))
        }
        (None, None) => Err(SourceError::Missing(path)),
    }
}

/// Runs the checks one after the other, in the folder; each that fails is told.
async fn check(folder: &Path, definition: &Definition, secrets: &Redactor) -> Result<(), SourceError> {
    let mut refusals = Vec::new();
    for (name, hook) in &definition.checks {
        if let Err(why) = run(folder, hook, secrets).await {
            let message = format!("`{}`: the check `{name}` {why}", folder.display());
            refusals.push(Complaint::new(message, "make the check pass, then publish the bundle"));
        }
    }
    NonEmpty::from_vec(refusals).map_or(Ok(()), |refusals| Err(SourceError::Refused(refusals)))
}

/// A program with a `/` in its name is one of the folder.
async fn run(folder: &Path, hook: &Hook, secrets: &Redactor) -> Result<(), String> {
    let (program, arguments) = hook.argv.split_first().ok_or("names no program")?;
    let failed = |e: std::io::Error| format!("could not be started: {e}");
    let folder = std::fs::canonicalize(folder).map_err(failed)?;
    let path = if program.contains('/') { folder.join(program) } else { PathBuf::from(program) };
    let mut command = StdCommand::new(path);
    command.args(arguments).current_dir(folder);
    let given = |name: &str| hook.credentials.iter().any(|asked| asked == name);
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| is_credential(name) && !given(name)) {
            command.env_remove(name);
        }
    }
    let ended = child::run(&mut Command::from(command), hook.timeout).await;
    let ended = ended.map_err(|error| format!("`{}` {error}", escape(program, 100)))?;
    match (ended.status, secrets.excerpt(&ended.words, EXCERPT_BYTES)) {
        (status, _) if status.success() => Ok(()),
        (status, words) if words.is_empty() => Err(format!("failed with {status}")),
        (status, words) => Err(format!("failed with {status}: {words}")),
    }
}
