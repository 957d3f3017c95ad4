//! The soak's file.

use std::path::Path;

use serde::Serialize;

use crate::io::context::Context;
use crate::io::files;
use crate::io::metrics::Sources;
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
pub(in crate::tool) fn load(path: &Path) -> Result<(Soak, GatesFile), Failure> {
    let text = files::read(path)?;
    let file = path.display().to_string();
    let soak = suite::read(&TomlFile { name: &file, text: &text })?;
    Ok((soak, GatesFile { file, sha256: Digest::of(text.as_bytes()).hex() }))
}

/// The sources of a soak file, set up from the environment.
///
/// # Errors
/// Variables are not set; all of them are named.
pub(in crate::tool) fn sources<'c>(
    soak: &Soak,
    file: &Path,
    context: &'c Context,
) -> Result<Sources<'c>, Failure> {
    Sources::new(context, soak, file.parent().unwrap_or(Path::new(""))).map_err(|missing| {
        Failure::usage(
            missing.join("; "),
            "set the variables in the environment of the soak; their names stand in its file",
        )
    })
}
