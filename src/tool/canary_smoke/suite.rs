//! The suite's file, and the files beside it.

use std::path::{Path, PathBuf};

use crate::io::files;
use crate::io::probe::Certificates;
use crate::model::digest::Digest;
use crate::policy::smoke::suite::several::join;
use crate::policy::smoke::suite::{self, Suite};
use crate::policy::toml::TomlFile;
use crate::tool::failure::Failure;

/// Which suite it was, to the byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuiteFile {
    /// The file as the person named it; several with ` + ` between them.
    pub file: String,
    /// sha256 of its bytes, in hex; of several files that of their own sha256, one a line.
    pub sha256: String,
    /// Each file, with the sha256 of its bytes.
    pub files: Vec<(String, String)>,
    /// sha256 of files that bodies were read from, by name.
    pub body_files: Vec<(String, String)>,
}

impl SuiteFile {
    /// The name of the file number `part`.
    pub fn of_part(&self, part: usize) -> &str {
        self.files.get(part).map_or(self.file.as_str(), |(file, _)| file)
    }
}

/// Reads and checks the suites at `paths`, and joins them.
///
/// # Errors
/// One cannot be read or has a mistake, or they do not fit together.
pub(super) fn load(paths: &[PathBuf]) -> Result<(Suite, SuiteFile), Failure> {
    let (mut suites, mut files) = (Vec::new(), Vec::new());
    for path in paths {
        let (suite, sha256) = load_one(path)?;
        suites.push(suite);
        files.push((path.display().to_string(), sha256));
    }
    let mut suites = suites.into_iter();
    let none = || Failure::usage("there is no suite", "name one with `--suite FILE`");
    let first = suites.next().ok_or_else(none)?;
    let suite = join(first, suites.collect()).map_err(Failure::Usage)?;
    let name = files.iter().map(|(file, _)| file.as_str()).collect::<Vec<_>>().join(" + ");
    let sha256 = match files.as_slice() {
        [(_, only)] => only.clone(),
        several => {
            digest(several.iter().map(|(_, sha256)| format!("{sha256}\n")).collect::<String>().as_bytes())
        }
    };
    let body_files = suite.body_files.iter().map(|(file, text)| (file.clone(), digest(text))).collect();
    Ok((suite, SuiteFile { file: name, sha256, files, body_files }))
}

fn digest(bytes: &[u8]) -> String {
    Digest::of(bytes).hex()
}

fn load_one(path: &Path) -> Result<(Suite, String), Failure> {
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
    let mut suite = suite::read(&TomlFile { name: &name, text: &text }, &beside)?;
    suite.parts.iter_mut().for_each(|part| part.file.clone_from(&name));
    let placed = |file: String| folder(path).join(file).display().to_string();
    suite.tls.ca = suite.tls.ca.map(placed);
    suite.tls.client = suite.tls.client.map(|(cert, key)| (placed(cert), placed(key)));
    Ok((suite, digest(text.as_bytes())))
}

/// Reads the certificates that the suite names.
///
/// # Errors
/// A file cannot be read.
pub(super) fn certificates(suite: &Suite) -> Result<Certificates, Failure> {
    let read = |file: &String| files::read(Path::new(file));
    let ca = suite.tls.ca.as_ref().map(read).transpose()?;
    let client = match &suite.tls.client {
        Some((cert, key)) if cert == key => Some(read(cert)?),
        Some((cert, key)) => Some(format!("{}\n{}", read(cert)?, read(key)?)),
        None => None,
    };
    Ok(Certificates { ca, client })
}

fn folder(suite: &Path) -> &Path {
    suite.parent().unwrap_or(Path::new(""))
}
