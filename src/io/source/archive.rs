//! Tar files, read in place: one pass over the headers, then stretches of the file. Nothing is unpacked, so no
//! name in an archive ever becomes a path.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::error::SourceError;
use super::layout;
use super::origin::{BlobSource, Content, Origin};
use crate::base::text;
use crate::model::digest::Digest;

/// Most entries that an image archive may have; real ones have some hundreds.
const ENTRIES: usize = 100_000;

/// Longest name or extended header of one entry; real ones have some hundred bytes, and the reader holds them in
/// memory.
const HEADER_BYTES: u64 = 64 * 1024;

/// A tar file and where each of its members is.
pub struct Archive {
    path: PathBuf,
    members: HashMap<String, Member>,
}

enum Member {
    File {
        offset: u64,
        size: u64,
    },
    /// A link to another member, as old versions of `docker save` write for layers that occur twice.
    Link(String),
}

/// Opens the image `name` of an OCI layout in a tar; without a name the only one.
pub fn open(path: &Path, name: Option<&str>) -> Result<Origin, SourceError> {
    let archive = Archive::read(path)?;
    let index = archive.member("index.json").ok_or_else(|| SourceError::Unfit {
        path: path.to_owned(),
        expected: "an OCI image layout in a tar",
        found: "a tar without `index.json`".to_owned(),
    })?;
    layout::pick(&archive, &index, name)
}

impl Archive {
    /// Reads the headers of `path`.
    pub fn read(path: &Path) -> Result<Self, SourceError> {
        let failed = |source| SourceError::Read { path: path.to_owned(), source };
        let unfit = |found: String| SourceError::Unfit {
            path: path.to_owned(),
            expected: "an uncompressed tar",
            found,
        };
        let mut magic = [0; 4];
        let read = File::open(path).and_then(|mut file| file.read(&mut magic)).map_err(failed)?;
        if let Some(compression) = compression(&magic[..read]) {
            return Err(unfit(format!("a file compressed with {compression}: unpack it first")));
        }
        check_headers(path).map_err(|e| match e {
            Headers::Unreadable(source) => failed(source),
            Headers::Unfit(found) => unfit(found),
        })?;
        let file = File::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let mut tar = tar::Archive::new(file);
        let mut members = HashMap::new();
        for entry in tar.entries_with_seek().map_err(failed)? {
            let entry = entry.map_err(|e| unfit(text::escape(&e.to_string(), 200)))?;
            let Some(name) = normal(&String::from_utf8_lossy(&entry.path_bytes()), "") else { continue };
            let kind = entry.header().entry_type();
            if kind.is_file() {
                let (offset, size) = (entry.raw_file_position(), entry.size());
                if offset.checked_add(size).is_none_or(|end| end > length) {
                    return Err(unfit("a tar that ends before its last member does".to_owned()));
                }
                members.insert(name, Member::File { offset, size });
            } else if (kind.is_symlink() || kind.is_hard_link())
                && let Some(link) = entry.link_name_bytes()
            {
                let base = if kind.is_symlink() {
                    name.rsplit_once('/').map_or("", |(folder, _)| folder)
                } else {
                    ""
                };
                if let Some(target) = normal(&String::from_utf8_lossy(&link), base) {
                    members.insert(name, Member::Link(target));
                }
            }
        }
        Ok(Self { path: path.to_owned(), members })
    }

    /// The stretch that holds the member `name`, through at most one link.
    pub fn member(&self, name: &str) -> Option<Content> {
        let name = normal(name, "")?;
        let member = match self.members.get(&name)? {
            Member::Link(target) => self.members.get(target)?,
            file => file,
        };
        match member {
            Member::File { offset, size } => {
                Some(Content::File { path: self.path.clone(), offset: *offset, size: *size })
            }
            Member::Link(_) => None,
        }
    }
}

/// Why the headers of a tar are not read any further.
enum Headers {
    Unreadable(std::io::Error),
    Unfit(String),
}

/// Looks at every header before any name is read: a tar of too many entries, or one whose names fill the memory, is
/// refused here.
fn check_headers(path: &Path) -> Result<(), Headers> {
    let mut tar = tar::Archive::new(File::open(path).map_err(Headers::Unreadable)?);
    for (count, entry) in tar.entries_with_seek().map_err(Headers::Unreadable)?.raw(true).enumerate() {
        let entry = entry.map_err(|e| Headers::Unfit(text::escape(&e.to_string(), 200)))?;
        if count >= ENTRIES {
            return Err(Headers::Unfit(format!("more than {ENTRIES} entries")));
        }
        let kind = entry.header().entry_type();
        let extends = kind.is_gnu_longname()
            || kind.is_gnu_longlink()
            || kind.is_pax_local_extensions()
            || kind.is_pax_global_extensions();
        if extends && entry.size() > HEADER_BYTES {
            return Err(Headers::Unfit(format!("an extended header of {} bytes", entry.size())));
        }
    }
    Ok(())
}

impl BlobSource for Archive {
    fn path(&self) -> &Path {
        &self.path
    }

    fn find(&self, digest: &Digest) -> Option<Content> {
        self.member(&format!("blobs/sha256/{}", digest.hex()))
    }
}

/// `name`, seen from the folder `base`, without `.` and `..`; `None` if it leads out of the archive.
fn normal(name: &str, base: &str) -> Option<String> {
    let mut parts: Vec<&str> = base.split('/').filter(|part| !part.is_empty()).collect();
    if name.starts_with('/') {
        return None;
    }
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

/// The compression that the first bytes of a file betray.
pub fn compression(magic: &[u8]) -> Option<&'static str> {
    match magic {
        [0x1f, 0x8b, ..] => Some("gzip"),
        [0x28, 0xb5, 0x2f, 0xfd] => Some("zstd"),
        [b'B', b'Z', b'h', _] => Some("bzip2"),
        [0xfd, b'7', b'z', b'X'] => Some("xz"),
        _ => None,
    }
}

/// The name of a member as it may stand in an error.
pub fn shown(name: &str) -> String {
    text::escape(name, 120)
}

#[cfg(test)]
mod tests {
    use super::{Archive, normal};

    #[test]
    fn no_name_leads_out_of_the_archive() {
        assert_eq!(normal("./blobs/sha256/aa", "").as_deref(), Some("blobs/sha256/aa"));
        assert_eq!(normal("../b/layer.tar", "a").as_deref(), Some("b/layer.tar"));
        for bad in ["/etc/passwd", "..", "../../etc/passwd", "a/../../b", ""] {
            assert_eq!(normal(bad, ""), None, "{bad}");
        }
    }

    #[test]
    fn a_tar_that_cannot_be_read_is_told_harmlessly() {
        let mut header = tar::Header::new_ustar();
        header.set_path("\u{1b}[2J").unwrap();
        header.as_old_mut().size = *b"zzzzzzzzzzzz";
        header.set_cksum();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), header.as_bytes()).unwrap();
        let error = Archive::read(file.path()).err().unwrap().to_string();
        assert!(error.contains(r"\u{1b}[2J"), "{error:?}");
    }

    #[test]
    fn a_member_that_ends_after_its_file_is_refused() {
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_ustar();
        header.set_size(600);
        tar.append_data(&mut header, "a", [0; 600].as_slice()).unwrap();
        let bytes = tar.into_inner().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tar");
        for (length, whole) in [(512 + 600, true), (512 + 599, false), (512, false)] {
            std::fs::write(&path, &bytes[..length]).unwrap();
            assert_eq!(Archive::read(&path).is_ok(), whole, "{length} bytes");
        }
    }
}
