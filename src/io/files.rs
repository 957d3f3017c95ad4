//! Files of the person who runs the command.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// Configuration, suites and evidence are small; more than this is a mistake, not a file of ours.
const FILE_BYTES: u64 = 4 * 1024 * 1024;

/// What went wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("failed to read `{path}`")]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// It is larger than any file of its kind.
    #[error("failed to read `{path}`: expected at most {FILE_BYTES} bytes, found more")]
    TooLarge { path: PathBuf },
    /// It is not below the folder that it has to be in, or a link leads out of there.
    #[error("failed to read `{path}`: it is outside the folder of the {owner}")]
    Outside { path: PathBuf, owner: &'static str },
    /// It could not be written.
    #[error("failed to write `{path}`")]
    Write {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

impl FileError {
    /// What the person can do about it, as one sentence for the line under the error.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Read { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                "check the path: there is no such file"
            }
            Self::Read { .. } => "check that the file may be read and is UTF-8 text",
            Self::TooLarge { .. } => "check that this is the right file",
            Self::Outside { .. } => "put it below that folder; links that lead out are not followed",
            Self::Write { .. } => {
                "check that the folder is there, may be written to, and that the disk is not full"
            }
        }
    }
}

/// The text of `path`; `None` if there is no such file.
///
/// # Errors
/// It is there and cannot be read, is no UTF-8, or is larger than 4 MiB.
pub fn read_if_there(path: &Path) -> Result<Option<String>, FileError> {
    let failed = |source| FileError::Read { path: path.to_owned(), source };
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut text = String::new();
    file.take(FILE_BYTES + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > FILE_BYTES {
        return Err(FileError::TooLarge { path: path.to_owned() });
    }
    Ok(Some(text))
}

/// The text of `path`, which must be there.
///
/// # Errors
/// It cannot be read, is no UTF-8, or is larger than 4 MiB.
pub fn read(path: &Path) -> Result<String, FileError> {
    read_if_there(path)?
        .ok_or_else(|| FileError::Read { path: path.to_owned(), source: std::io::ErrorKind::NotFound.into() })
}

/// The text of `file` below the folder that the `owner` stands in. For names that somebody else chose.
///
/// # Errors
/// As with [`read`]; and if the name, or a link in it, leads out of the folder.
pub fn read_below(folder: &Path, file: &Path, owner: &'static str) -> Result<String, FileError> {
    let path = folder.join(file);
    let true_path = |path: &Path| {
        std::fs::canonicalize(path).map_err(|source| FileError::Read { path: path.to_owned(), source })
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let (found, folder) = (true_path(&path)?, true_path(folder)?);
    if !found.starts_with(folder) {
        return Err(FileError::Outside { path, owner });
    }
    read(&found)
}

/// A result file that appears whole or not at all: a temporary file beside it, then a rename.
pub struct ResultFile {
    path: PathBuf,
    temporary: NamedTempFile,
}

impl ResultFile {
    /// Makes sure, before anything is done, that the file can be written later, and takes away an older one: the
    /// result of another run must never pass for the result of this one.
    ///
    /// # Errors
    /// The folder is missing or not writable, or the older file cannot be removed.
    pub fn reserve(path: &Path) -> Result<Self, FileError> {
        let failed = |source| FileError::Write { path: path.to_owned(), source };
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let temporary = NamedTempFile::new_in(folder).map_err(failed)?;
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(error)),
            _ => Ok(Self { path: path.to_owned(), temporary }),
        }
    }

    /// Writes `text` and puts the file in its place.
    ///
    /// # Errors
    /// The disk is full, or the rename failed; the file is then not there at all.
    pub fn write(mut self, text: &str) -> Result<(), FileError> {
        let path = self.path.clone();
        let failed = |source| FileError::Write { path: path.clone(), source };
        self.temporary.write_all(text.as_bytes()).map_err(failed)?;
        self.temporary.as_file().sync_all().map_err(failed)?;
        readable_by_all(self.temporary.as_file()).map_err(failed)?;
        self.temporary.persist(&self.path).map_err(|error| failed(error.error))?;
        Ok(())
    }
}

/// Replaces the file at `path` by `text`, whole: whoever reads it, and whenever the process is killed, it is the old
/// file or the new one.
///
/// # Errors
/// The folder is missing or not writable, or the disk is full.
pub fn replace(path: &Path, text: &str) -> Result<(), FileError> {
    let failed = |source| FileError::Write { path: path.to_owned(), source };
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut temporary = NamedTempFile::new_in(folder).map_err(failed)?;
    temporary.write_all(text.as_bytes()).map_err(failed)?;
    temporary.as_file().sync_all().map_err(failed)?;
    readable_by_all(temporary.as_file()).map_err(failed)?;
    temporary.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// A temporary file is private to its user; a result is for the next step, which may run as another one.
fn readable_by_all(file: &std::fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(test)]
mod tests {
    use super::{ResultFile, read_if_there};

    #[test]
    fn an_older_result_is_gone_from_the_moment_a_run_begins() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("result.json");
        std::fs::write(&path, "old").unwrap();
        let reserved = ResultFile::reserve(&path).unwrap();
        assert_eq!(read_if_there(&path).unwrap(), None);
        reserved.write("new").unwrap();
        assert_eq!(read_if_there(&path).unwrap().as_deref(), Some("new"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_that_is_not_there_is_found_before_anything_is_done() {
        assert!(ResultFile::reserve(std::path::Path::new("/nonexistent/result.json")).is_err());
    }
}
