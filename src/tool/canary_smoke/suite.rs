//! The suite's file, and the files beside it.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::io::files;
use crate::io::probe::Certificates;
use crate::model::digest::Digest;
use crate::policy::smoke::suite::{self, Suite};
use crate::policy::toml::TomlFile;
use crate::tool::failure::Failure;

/// Which suite it was, to the byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SuiteFile {
    pub file: String,
    /// sha256 of its bytes, in hex.
    pub sha256: String,
    /// The same of files that bodies were read from, by name.
    pub body_files: Vec<(String, String)>,
}

/// Reads and checks the suite at `path`.
pub(super) fn load(path: &Path) -> Result<(Suite, SuiteFile), Failure> {
    let text = files::read(path)?;
    let name = path.display().to_string();
    let beside = |file: &str| {
        // The suite may be somebody's pull request: no file of the runner goes to a tenant.
        files::read_below(folder(path), Path::new(file), "suite").map_err(|error| {
            let cause =
                std::error::Error::source(&error).map_or_else(String::new, |cause| format!(": {cause}"));
            format!("{error}{cause}")
        })
    };
    let suite = suite::read(&TomlFile { name: &name, text: &text }, &beside)?;
    let sha256 = |text: &str| Digest::of(text.as_bytes()).hex();
    let body_files = suite.body_files.iter().map(|(file, text)| (file.clone(), sha256(text))).collect();
    Ok((suite, SuiteFile { file: name, sha256: sha256(&text), body_files }))
}

/// Reads the certificates that the suite at `path` names.
pub(super) fn certificates(path: &Path, suite: &Suite) -> Result<Certificates, Failure> {
    let read = |file: &String| files::read(&beside(path, file));
    let ca = suite.tls.ca.as_ref().map(read).transpose()?;
    let client = match &suite.tls.client {
        Some((cert, key)) if cert == key => Some(read(cert)?),
        Some((cert, key)) => Some(format!("{}\n{}", read(cert)?, read(key)?)),
        None => None,
    };
    Ok(Certificates { ca, client })
}

fn beside(suite: &Path, file: &str) -> PathBuf {
    folder(suite).join(file)
}

fn folder(suite: &Path) -> &Path {
    suite.parent().unwrap_or(Path::new(""))
}
