//! Images on this machine, read without unpacking anything: a blob is a stretch of a file.
//!
//! Layouts and archives are untrusted. Names in them are looked up, never used as paths; every manifest is hashed
//! when it is read, every blob while it is sent.

pub mod archive;
pub mod bundle;
pub mod docker_archive;
pub mod error;
pub mod layout;
pub mod origin;

use std::path::{Path, PathBuf};

use error::SourceError;
use origin::Origin;

use crate::base::redact::Redactor;
use crate::model::source::SourceSpec;

/// Reads the manifests of an image on this machine, and packs a bundle. `None` for sources that are in a registry.
/// `secrets` are kept out of what the checks of a bundle say.
///
/// # Errors
/// The file or folder is missing, is not of its kind, or is not whole.
pub async fn open(spec: &SourceSpec, secrets: &Redactor) -> Result<Option<Origin>, SourceError> {
    if let SourceSpec::Bundle(folder) = spec {
        return bundle::open(folder, secrets).await.map(Some);
    }
    let spec = spec.clone();
    // Hashing gigabytes would stop every other task of this thread.
    let work = tokio::task::spawn_blocking(move || match &spec {
        SourceSpec::Layout(text) => {
            split(text).and_then(|(path, name)| layout::open(&path, name.as_deref())).map(Some)
        }
        SourceSpec::OciArchive(text) => {
            split(text).and_then(|(path, name)| archive::open(&path, name.as_deref())).map(Some)
        }
        SourceSpec::DockerArchive(path) => docker_archive::open(path).map(Some),
        SourceSpec::Bundle(_) | SourceSpec::Registry(_) | SourceSpec::Here(_) => Ok(None),
    });
    work.await.map_err(|e| SourceError::Interrupted(e.to_string()))?
}

/// Parts `PATH[:REF]`. A path may hold colons: what exists as a whole is a path.
fn split(text: &str) -> Result<(PathBuf, Option<String>), SourceError> {
    let whole = Path::new(text);
    if whole.exists() {
        return Ok((whole.to_owned(), None));
    }
    match text.rsplit_once(':') {
        Some((path, name)) if Path::new(path).exists() => Ok((path.into(), Some(name.to_owned()))),
        _ => Err(SourceError::Missing(whole.to_owned())),
    }
}
