//! Every file of a folder, by name and hash, and everything that may not be in a bundle.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::base::complaint::Complaint;
use crate::base::text;
use crate::io::source::error::SourceError;
use crate::model::bundle::PINS_FILE;
use crate::model::digest::Digest;
use crate::policy::bundle::FileFact;
use crate::policy::bundle::secrets::{self, OVERLAP_BYTES};

/// Most files of one bundle.
const FILES: usize = 100_000;
/// Deepest folder: walking into deeper ones would use up the stack.
const DEPTH: usize = 64;
/// How much of a file is in memory at a time.
const STRETCH_BYTES: usize = 256 * 1024;
/// Longest file that is looked at for being nothing but a hash.
const HASH_FILE_BYTES: u64 = 4_096;
/// Longest path: what a header of the ustar format holds (POSIX, `pax`, "ustar Interchange Format").
const PATH_BYTES: usize = 255;
/// Most refusals that are told: more of them are one mistake many times.
const REFUSALS: usize = 50;

/// What was found in a folder.
pub(super) struct Survey {
    /// Its files, in the order of their names as bytes.
    pub files: Vec<FileFact>,
    /// Why it cannot be published.
    pub refusals: Vec<Complaint>,
}

struct Walk<'a> {
    root: &'a Path,
    survey: Survey,
    /// Names as a file system sees them that does not tell upper case from lower case.
    folded: HashMap<String, String>,
}

/// Reads every file of `root` once.
///
/// # Errors
/// The folder or a file cannot be read.
pub(super) fn survey(root: &Path) -> Result<Survey, SourceError> {
    match fs::metadata(root) {
        Ok(meta) if meta.is_dir() => {}
        Ok(_) => {
            let (expected, found) = ("a folder with a bundle.toml", "a file".to_owned());
            return Err(SourceError::Unfit { path: root.to_owned(), expected, found });
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return Err(SourceError::Missing(root.to_owned()));
        }
        Err(source) => return Err(SourceError::Read { path: root.to_owned(), source }),
    }
    let survey = Survey { files: Vec::new(), refusals: Vec::new() };
    let mut walk = Walk { root, survey, folded: HashMap::new() };
    walk.folder("", 0)?;
    walk.survey.files.sort_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
    Ok(walk.survey)
}

impl Walk<'_> {
    fn refuse(&mut self, path: &str, found: &str, hint: &str) {
        if self.survey.refusals.len() < REFUSALS {
            let path = text::escape(&self.root.join(path).display().to_string(), 400);
            self.survey.refusals.push(Complaint::new(format!("`{path}`: {found}"), hint));
        }
    }

    fn folder(&mut self, folder: &str, depth: usize) -> Result<(), SourceError> {
        let at = self.root.join(folder);
        let failed = |source| SourceError::Read { path: at.clone(), source };
        if depth > DEPTH {
            self.refuse(folder, &format!("it is more than {DEPTH} folders deep"), "use fewer folders");
            return Ok(());
        }
        for entry in fs::read_dir(&at).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            let shown = name.to_string_lossy();
            let path = if folder.is_empty() { shown.to_string() } else { format!("{folder}/{shown}") };
            let plain =
                name.to_str().is_some_and(|name| text::escape(name, 1_000) == name && !name.contains('\\'));
            if !plain {
                self.refuse(
                    &path,
                    "its name is not plain UTF-8",
                    "rename it: other machines could not write it",
                );
                continue;
            }
            self.entry(&path, depth)?;
        }
        Ok(())
    }

    fn entry(&mut self, path: &str, depth: usize) -> Result<(), SourceError> {
        let at = self.root.join(path);
        let meta = fs::symlink_metadata(&at).map_err(|source| SourceError::Read { path: at, source })?;
        let other = self.folded.insert(path.to_lowercase(), path.to_owned());
        if let Some(other) = other {
            let found = format!("the name is there twice: `{}`", text::escape(&other, 400));
            self.refuse(path, &found, "rename one: some file systems do not tell upper case from lower case");
        }
        if meta.is_symlink() {
            self.refuse(path, "it is a link", "put the file itself there");
        } else if meta.is_dir() && path.rsplit('/').next() == Some(".git") {
            self.refuse(
                path,
                "it is the folder of a repository",
                "give a folder below it, such as bundle:prompts",
            );
        } else if meta.is_dir() {
            self.folder(path, depth + 1)?;
        } else if !meta.is_file() {
            self.refuse(path, "it is no file: a device, a socket or a pipe", "remove it");
        } else if path == PINS_FILE {
            self.refuse(
                path,
                "this name is taken",
                "rename it: publish-staging writes pins.json into the bundle",
            );
        } else if path.len() > PATH_BYTES || tar::Header::new_ustar().set_path(path).is_err() {
            self.refuse(path, "its path is too long for an archive", "use shorter names");
        } else if self.survey.files.len() == FILES {
            self.refuse("", &format!("it has more than {FILES} files"), "split the bundle");
        } else {
            let fact = self.file(path, &meta)?;
            self.survey.files.push(fact);
        }
        Ok(())
    }

    /// Hashes a file and looks for what must not be published.
    fn file(&mut self, path: &str, meta: &fs::Metadata) -> Result<FileFact, SourceError> {
        let at = self.root.join(path);
        let failed = |source| SourceError::Read { path: at.clone(), source };
        let mut file = File::open(&at).map_err(failed)?;
        let opened = file.metadata().map_err(failed)?;
        if (opened.dev(), opened.ino()) != (meta.dev(), meta.ino()) {
            return Err(failed(std::io::Error::other("it was replaced while it was read")));
        }
        let (mut hasher, mut size, mut line, mut seen) = (Sha256::new(), 0_u64, 1_usize, 0_usize);
        // What was kept of the stretch before, then what is new.
        let (mut buffer, mut kept) = (vec![0; OVERLAP_BYTES + STRETCH_BYTES], 0);
        let mut holds = None;
        loop {
            let read = file.read(&mut buffer[kept..]).map_err(failed)?;
            if read == 0 {
                break;
            }
            hasher.update(&buffer[kept..kept + read]);
            size += read as u64;
            let stretch = &buffer[..kept + read];
            if size <= HASH_FILE_BYTES {
                holds = only_hash(stretch);
            }
            for (start, kind) in secrets::find(stretch) {
                if start >= seen {
                    let line = line + stretch[..start].iter().filter(|b| **b == b'\n').count();
                    let hint = "take it out and revoke it: a bundle is read by every machine that runs it";
                    self.refuse(&format!("{path}:{line}"), &format!("it holds what looks like {kind}"), hint);
                    seen = start + 1;
                }
            }
            let end = kept + read;
            let keep = end.min(OVERLAP_BYTES);
            line += stretch[..end - keep].iter().filter(|b| **b == b'\n').count();
            seen = seen.saturating_sub(end - keep);
            buffer.copy_within(end - keep..end, 0);
            kept = keep;
        }
        if size > HASH_FILE_BYTES {
            holds = None;
        }
        let executable = meta.permissions().mode() & 0o100 != 0;
        Ok(FileFact { path: path.to_owned(), executable, size, sha256: Digest::from_hasher(hasher), holds })
    }
}

/// The hash that is all that a file holds: alone, or as `sha256sum` prints it for one file.
fn only_hash(bytes: &[u8]) -> Option<Digest> {
    let line = std::str::from_utf8(bytes).ok()?.trim();
    let word = line.split_whitespace().next().filter(|_| line.lines().count() == 1)?;
    format!("sha256:{}", word.strip_prefix("sha256:").unwrap_or(word)).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{only_hash, survey};

    #[test]
    fn a_file_that_holds_one_hash_is_known_by_it() {
        let hex = "a".repeat(64);
        for text in [hex.clone(), format!("sha256:{hex}\n"), format!("{hex}  index.bin\n")] {
            assert_eq!(only_hash(text.as_bytes()).unwrap().hex(), hex, "{text}");
        }
        for text in [String::new(), hex[1..].to_owned(), format!("{hex}\n{hex}\n"), format!("x {hex}")] {
            assert!(only_hash(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn a_token_is_found_once_with_its_line_wherever_the_stretches_of_a_large_file_meet() {
        let folder = tempfile::tempdir().unwrap();
        let token = format!("ghp_{}", "a1".repeat(18));
        for before in [0, 256 * 1024 - 20, 256 * 1024 + 512 - 20, 600_000] {
            let text = format!("{}{token}\n{}", "line\n".repeat(before / 5), "more\n".repeat(200_000));
            std::fs::write(folder.path().join("prompt.md"), text).unwrap();
            let found = survey(folder.path()).unwrap().refusals;
            let told = found[0].message.clone();
            assert!(told.contains(&format!("prompt.md:{}`", before / 5 + 1)), "{told}");
            assert!(found.len() == 1 && !told.contains(&token), "{found:?}");
        }
    }
}
