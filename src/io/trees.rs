//! Two folders side by side.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// A file that is not the same in both; `None`: it is not there.
pub(crate) struct Pair {
    /// Its path from the root.
    pub path: String,
    /// The beginning of the first one, of one byte more than the bound where it is longer.
    pub from: Option<Vec<u8>>,
    /// The beginning of the second one.
    pub to: Option<Vec<u8>>,
}

/// Every file of `from` and `to` that differs, with at most `bound` bytes of each and one more.
///
/// # Errors
/// A file cannot be read.
pub(crate) fn differing(from: &Path, to: &Path, bound: usize) -> io::Result<Vec<Pair>> {
    let (ours, theirs) = (files(from)?, files(to)?);
    let names: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    let mut pairs = Vec::new();
    for name in names {
        let (a, b) = (ours.get(name), theirs.get(name));
        if a == b && same(&from.join(name), &to.join(name))? {
            continue;
        }
        let begin = |there: bool, root: &Path| match there {
            true => {
                let mut bytes = Vec::new();
                File::open(root.join(name))?.take(bound as u64 + 1).read_to_end(&mut bytes)?;
                Ok::<_, io::Error>(Some(bytes))
            }
            false => Ok(None),
        };
        let (from, to) = (begin(a.is_some(), from)?, begin(b.is_some(), to)?);
        pairs.push(Pair { path: name.clone(), from, to });
    }
    Ok(pairs)
}

/// Length and mode of each file, by path.
fn files(root: &Path) -> io::Result<BTreeMap<String, (u64, u32)>> {
    let (mut found, mut open) = (BTreeMap::new(), vec![root.to_owned()]);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let meta = fs::symlink_metadata(&path)?;
            if meta.is_dir() {
                open.push(path);
            } else if let Ok(name) = path.strip_prefix(root) {
                found.insert(name.to_string_lossy().into_owned(), (meta.len(), meta.permissions().mode()));
            }
        }
    }
    Ok(found)
}

fn same(a: &Path, b: &Path) -> io::Result<bool> {
    let (mut a, mut b) = (io::BufReader::new(File::open(a)?), io::BufReader::new(File::open(b)?));
    let (mut left, mut right) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        let read = a.read(&mut left)?;
        b.read_exact(&mut right[..read])?;
        if left[..read] != right[..read] {
            return Ok(false);
        }
        if read == 0 {
            return Ok(true);
        }
    }
}
