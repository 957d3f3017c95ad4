//! The folder that bundles are brought to. `DIR/sha256:...` is a whole bundle or not there, and `DIR/<tag>` is a link to
//! one of them that is replaced in one step. What is not whole has a name that begins with a dot, and is cleared away by
//! the next run. One program at a time writes, by a lock on the folder.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rustix::fs::{FlockOperation, flock};
use tempfile::TempDir;

use super::clock;
use super::files::FileError;
use crate::model::digest::Digest;
use crate::model::tag::Tag;

/// How names begin that are not whole yet, or not any more.
const UNFINISHED: &str = ".part-";

/// The folder, locked.
pub struct BundleFolder {
    root: PathBuf,
    lock: File,
}

impl BundleFolder {
    /// Makes the folder, locks it, and clears away what a killed run left. `None`: another program works in it.
    ///
    /// # Errors
    /// The folder cannot be made or written to.
    pub fn lock(root: &Path) -> Result<Option<Self>, FileError> {
        let failed = |source| FileError::Write { path: root.to_owned(), source };
        fs::create_dir_all(root).map_err(failed)?;
        let lock = File::open(root).map_err(failed)?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
            Err(e) => return Err(failed(e.into())),
        }
        let folder = Self { root: root.to_owned(), lock };
        for name in folder.names().map_err(failed)? {
            if name.starts_with(UNFINISHED) {
                remove(&folder.root.join(name)).map_err(failed)?;
            }
        }
        Ok(Some(folder))
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let names = fs::read_dir(&self.root)?.map(|entry| Ok(entry?.file_name().into_string().ok()));
        Ok(names.collect::<io::Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    /// Where the bundle with this digest is, or will be.
    pub fn place(&self, digest: &Digest) -> PathBuf {
        self.root.join(digest.to_string())
    }

    /// A new folder to unpack into, which is gone when it is dropped.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn unfinished(&self) -> Result<TempDir, FileError> {
        let made = tempfile::Builder::new().prefix(UNFINISHED).tempdir_in(&self.root);
        made.map_err(|source| FileError::Write { path: self.root.clone(), source })
    }

    /// Gives `tree`, which is whole, its name. All of it is on the disk before.
    ///
    /// # Errors
    /// The disk failed.
    pub fn keep(&self, tree: &Path, digest: &Digest) -> Result<(), FileError> {
        let failed = |source| FileError::Write { path: tree.to_owned(), source };
        self.sync().map_err(failed)?;
        fs::rename(tree, self.place(digest)).map_err(failed)?;
        self.lock.sync_all().map_err(failed)
    }

    /// Everything that was written is on the disk.
    fn sync(&self) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        rustix::fs::syncfs(&self.lock)?;
        self.lock.sync_all()
    }

    /// Points `DIR/<tag>` at the bundle, in one step. Whether it pointed elsewhere before.
    ///
    /// # Errors
    /// The link cannot be written, or something else has its name.
    pub fn point(&self, tag: &Tag, digest: &Digest) -> Result<bool, FileError> {
        let link = self.root.join(tag.as_str());
        let failed = |source| FileError::Write { path: link.clone(), source };
        let target = digest.to_string();
        let moved = fs::read_link(&link).ok().as_deref() != Some(Path::new(&target));
        if moved {
            let place = self.unfinished()?;
            let new = place.path().join("link");
            symlink(&target, &new).map_err(failed)?;
            fs::rename(&new, &link).map_err(failed)?;
            self.lock.sync_all().map_err(failed)?;
        }
        fs::write(seen_at(&self.root, tag), format!("{target}\n")).map_err(failed)?;
        Ok(moved)
    }

    /// Removes all bundles but `wanted`, those that a tag points at, and the newest others, `keep` in all. What was removed.
    ///
    /// # Errors
    /// The folder cannot be read or written.
    pub fn prune(&self, keep: usize, wanted: &Digest) -> Result<Vec<Digest>, FileError> {
        let failed = |source| FileError::Write { path: self.root.clone(), source };
        let names = self.names().map_err(failed)?;
        let linked: Vec<PathBuf> =
            names.iter().filter_map(|name| fs::read_link(self.root.join(name)).ok()).collect();
        let mut others: Vec<(std::time::SystemTime, Digest)> = Vec::new();
        let mut used = 0;
        for digest in names.iter().filter_map(|name| name.parse::<Digest>().ok()) {
            let meta = fs::symlink_metadata(self.place(&digest)).map_err(failed)?;
            if digest == *wanted || linked.contains(&PathBuf::from(digest.to_string())) {
                used += 1;
            } else if meta.is_dir() {
                others.push((meta.modified().map_err(failed)?, digest));
            }
        }
        others.sort();
        let spare = (others.len() + used).saturating_sub(keep.max(used)).min(others.len());
        let mut removed = Vec::new();
        for (_, digest) in others.drain(..spare) {
            // Its name goes first: half a bundle never has one.
            let place = self.unfinished()?;
            fs::rename(self.place(&digest), place.path().join("old")).map_err(failed)?;
            removed.push(digest);
        }
        Ok(removed)
    }
}

fn remove(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}

/// The file whose time says when the registry last confirmed what `tag` names.
fn seen_at(root: &Path, tag: &Tag) -> PathBuf {
    root.join(format!(".seen-{tag}"))
}

/// What `DIR/<tag>` points at, and how long ago the registry confirmed it.
pub fn standing(root: &Path, tag: &Tag) -> Option<(Digest, Option<Duration>)> {
    let target = fs::read_link(root.join(tag.as_str())).ok()?;
    let digest = target.to_str()?.parse().ok()?;
    let seen = fs::metadata(seen_at(root, tag)).and_then(|meta| meta.modified()).ok();
    let seen = seen.and_then(|time| Timestamp::try_from(time).ok());
    let age = seen.and_then(|seen| Duration::try_from(clock::now().duration_since(seen)).ok());
    Some((digest, age))
}

#[cfg(test)]
mod tests {
    use super::{BundleFolder, standing};
    use crate::model::digest::Digest;
    use crate::model::tag::Tag;

    fn bundle(folder: &BundleFolder, name: &str) -> Digest {
        let digest = Digest::of(name.as_bytes());
        let place = folder.unfinished().unwrap();
        let tree = place.path().join("tree");
        std::fs::create_dir(&tree).unwrap();
        std::fs::write(tree.join("name"), name).unwrap();
        folder.keep(&tree, &digest).unwrap();
        let file = std::fs::File::open(folder.place(&digest)).unwrap();
        let second = std::time::Duration::from_secs(name.len() as u64);
        file.set_modified(std::time::SystemTime::UNIX_EPOCH + second).unwrap();
        digest
    }

    #[test]
    fn the_newest_bundles_stay_and_always_those_that_a_tag_names() {
        let root = tempfile::tempdir().unwrap();
        let folder = BundleFolder::lock(root.path()).unwrap().unwrap();
        let all = ["1", "22", "333", "4444"].map(|name| bundle(&folder, name));
        let latest: Tag = "latest".parse().unwrap();
        assert!(folder.point(&latest, &all[0]).unwrap());
        assert!(!folder.point(&latest, &all[0]).unwrap());
        assert_eq!(folder.prune(3, &all[0]).unwrap(), [all[1].clone()]);
        assert_eq!(folder.prune(1, &all[0]).unwrap(), [all[2].clone(), all[3].clone()]);
        assert_eq!(folder.prune(0, &all[0]).unwrap(), []);
        assert_eq!(std::fs::read_to_string(root.path().join("latest/name")).unwrap(), "1");
        let (digest, age) = standing(root.path(), &latest).unwrap();
        assert!(digest == all[0] && age.unwrap().as_secs() < 60);
    }

    #[test]
    fn one_program_at_a_time_and_what_a_killed_one_left_is_cleared_away() {
        let root = tempfile::tempdir().unwrap();
        let folder = BundleFolder::lock(root.path()).unwrap().unwrap();
        assert!(BundleFolder::lock(root.path()).unwrap().is_none());
        let left = folder.unfinished().unwrap().keep();
        std::fs::write(left.join("half"), "x").unwrap();
        drop(folder);
        let _folder = BundleFolder::lock(root.path()).unwrap().unwrap();
        assert!(!left.exists());
    }
}
