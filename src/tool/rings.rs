//! What the programs about rings share: the declaration, and the tenants it names.

use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::settings::{Settings, read_config};
use crate::base::diagnostic::Diagnostic;
use crate::base::list::NonEmpty;
use crate::base::text;
use crate::io::env::Env;
use crate::io::files;
use crate::model::digest::Digest;
use crate::model::key::{self, Key};
use crate::policy::rings::members::{Row, deal, too_few};
use crate::policy::rings::{Ring, Rings};

/// The rings of a configuration, and where it stands.
#[derive(Clone, Debug)]
pub struct Declared {
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

    /// The rings of what a run is about, if there are any.
    pub(crate) fn of_settings(settings: &Settings) -> Option<Self> {
        Self::of(settings.rings.clone(), settings.file.as_deref()).ok()
    }

    /// The place of the ring with this name or tag.
    ///
    /// # Errors
    /// There is none.
    pub fn place(&self, name: &str) -> Result<usize, Failure> {
        let found = self.rings.rings.iter().position(|ring| ring.name == name || ring.tag.as_str() == name);
        found.ok_or_else(|| {
            let shown = text::escape(name, 80);
            Failure::usage(
                format!("there is no ring `{shown}`"),
                format!("the rings are {}", self.rings.names()),
            )
        })
    }

    /// Everybody, dealt to the rings; `None` where no list says who there is.
    ///
    /// # Errors
    /// The list cannot be read, or nobody or too few are in a ring: it would prove nothing.
    pub fn deal(&self) -> Result<Option<Vec<Row>>, Failure> {
        let Some(keys) = self.tenants()? else { return Ok(None) };
        let rows = deal(&self.rings, &keys);
        match rows.iter().find_map(too_few) {
            Some(few) => Err(Failure::usage(few, "see who is where with `ring-of`, and change `[[ring]]`")),
            None => Ok(Some(rows)),
        }
    }

    /// sha256 of the gates file of each ring that has one, in order.
    ///
    /// # Errors
    /// A file cannot be read.
    pub(crate) fn suites(&self) -> Result<Vec<Option<String>>, Failure> {
        let suite = |ring: &Ring| {
            let path = ring.soak.as_ref().map(|path| self.folder.join(path));
            Ok(path.map(|path| files::read(&path)).transpose()?.map(|text| Digest::of(text.as_bytes()).hex()))
        };
        self.rings.rings.iter().map(suite).collect()
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
