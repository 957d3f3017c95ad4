//! The files through which a step talks to its GitHub runner. What is written is made in `report::github`.

use std::io::Write as _;
use std::path::PathBuf;

use super::env::Env;
use super::files::FileError;

/// `$GITHUB_OUTPUT` and `$GITHUB_STEP_SUMMARY`, where they are set.
pub struct GithubFiles {
    output: Option<PathBuf>,
    summary: Option<PathBuf>,
}

impl GithubFiles {
    /// `None` unless this runs as a step of a workflow.
    pub fn find(env: &Env) -> Option<Self> {
        env.is_github_actions()
            .then(|| Self { output: env.path("GITHUB_OUTPUT"), summary: env.path("GITHUB_STEP_SUMMARY") })
    }

    /// Appends `text` to the step's outputs.
    pub fn append_output(&self, text: &str) -> Result<(), FileError> {
        append(self.output.as_ref(), text)
    }

    /// Appends `text` to the step's summary.
    pub fn append_summary(&self, text: &str) -> Result<(), FileError> {
        append(self.summary.as_ref(), text)
    }
}

fn append(path: Option<&PathBuf>, text: &str) -> Result<(), FileError> {
    let Some(path) = path else { return Ok(()) };
    std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|source| FileError::Write { path: path.clone(), source })
}
