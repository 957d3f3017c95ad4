//! A folder as `.tar.gz`, the same bytes wherever and whenever it is made.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};

/// Writes `folder` to `out`; every entry begins with the folder's name.
pub(crate) fn write(folder: &Path, out: &Path) -> io::Result<()> {
    let top = folder.file_name().ok_or_else(|| io::Error::other("the folder has no name"))?;
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    files.sort();
    // GzEncoder writes no time and no name of its own.
    let mut tar = Builder::new(GzEncoder::new(File::create(out)?, Compression::best()));
    for file in files {
        let inside = file.strip_prefix(folder).map_err(io::Error::other)?;
        let bytes = fs::read(&file)?;
        let executable = fs::metadata(&file)?.permissions().mode() & 0o100 != 0;
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(if executable { 0o755 } else { 0o644 });
        header.set_size(bytes.len() as u64);
        tar.append_data(&mut header, Path::new(top).join(inside), bytes.as_slice())?;
    }
    tar.into_inner()?.finish()?;
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::write;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn the_same_files_make_the_same_archive() {
        let places = [(); 2].map(|()| tempfile::tempdir().expect("a temporary folder"));
        let archives = places.each_ref().map(|place| {
            let folder = place.path().join("coalmine-1");
            fs::create_dir_all(folder.join("bin")).expect("a folder");
            for name in ["bin/b", "bin/a", "README"] {
                fs::write(folder.join(name), name).expect("a file");
            }
            let executable = fs::Permissions::from_mode(0o755);
            fs::set_permissions(folder.join("bin/a"), executable).expect("a mode");
            let out = place.path().join("x.tar.gz");
            write(&folder, &out).expect("an archive");
            fs::read(out).expect("the archive")
        });
        assert_eq!(archives[0], archives[1]);
    }
}
