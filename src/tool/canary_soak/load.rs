//! The soak's file.

use std::path::Path;

use serde::Serialize;

use crate::io::files;
use crate::model::digest::Digest;
use crate::policy::soak::suite::{self, Soak};
use crate::policy::toml::TomlFile;
use crate::tool::failure::Failure;

/// Which file it was, to the byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GatesFile {
    /// The file as the person named it.
    pub file: String,
    /// sha256 of its bytes, in hex.
    pub sha256: String,
}

/// Reads and checks the file at `path`.
///
/// # Errors
/// It cannot be read, or has a mistake.
pub(super) fn load(path: &Path) -> Result<(Soak, GatesFile), Failure> {
    let text = files::read(path)?;
    let file = path.display().to_string();
    let soak = suite::read(&TomlFile { name: &file, text: &text })?;
    Ok((soak, GatesFile { file, sha256: Digest::of(text.as_bytes()).hex() }))
}
