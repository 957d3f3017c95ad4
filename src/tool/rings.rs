//! What the programs about rings share: the declaration, and the tenants it names.

use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::settings::read_config;
use crate::base::diagnostic::Diagnostic;
use crate::base::list::NonEmpty;
use crate::io::env::Env;
use crate::io::files;
use crate::model::key::{self, Key};
use crate::policy::rings::Rings;

/// The rings of a configuration, and where it stands.
#[derive(Clone, Debug)]
pub struct Declared {
    /// The rings.
    pub rings: Rings,
    /// The folder that paths in the configuration begin at.
    pub folder: PathBuf,
}

impl Declared {
    /// The rings of the configuration that is named or found.
    ///
    /// # Errors
    /// It cannot be read, or declares no rings.
    pub fn find(config: Option<&Path>, env: &Env) -> Result<Self, Failure> {
        let (config, file) = read_config(config, env)?;
        Self::of(config.rings, file.as_deref())
    }

    /// The rings that `file` declares.
    ///
    /// # Errors
    /// There are none.
    pub fn of(rings: Option<Rings>, file: Option<&Path>) -> Result<Self, Failure> {
        let Some(rings) = rings else {
            let place = file.map_or_else(|| "no coalmine.toml".to_owned(), |file| file.display().to_string());
            return Err(Failure::usage(
                format!("no rings are declared: {place}"),
                "declare `[rings]` and at least two `[[ring]]`; see docs/rings.md",
            ));
        };
        let folder = file.and_then(Path::parent).map(Path::to_owned).unwrap_or_default();
        Ok(Self { rings, folder })
    }

    /// All tenants, if the configuration names a file of them.
    ///
    /// # Errors
    /// The file cannot be read, or has a mistake.
    pub fn tenants(&self) -> Result<Option<Vec<Key>>, Failure> {
        self.rings.tenants.as_ref().map(|path| list(&self.folder.join(path))).transpose()
    }
}

/// Reads a list of tenants.
///
/// # Errors
/// The file cannot be read, or a line is no key.
pub fn list(path: &Path) -> Result<Vec<Key>, Failure> {
    let text = files::read(path)?;
    key::list(&text).map_err(|(line, message)| {
        let start: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
        let end = start + text[start..].lines().next().map_or(0, str::len);
        let (file, hint) = (path.display().to_string(), Some("write one tenant a line".to_owned()));
        Failure::Mistake(NonEmpty::one(Diagnostic {
            file,
            source: text.clone(),
            span: start..end,
            message,
            hint,
        }))
    })
}
