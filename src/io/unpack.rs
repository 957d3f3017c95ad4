//! A bundle out of a registry into a folder. The archive is foreign: a name that leads out of the folder, a link, a
//! device, or a name that is there already ends it, and nothing outside of the folder is ever written.

use std::fs::{self, File, OpenOptions};
use std::io::{BufReader, Read, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Component, Path, PathBuf};

use flate2::read::MultiGzDecoder;
use oci_client::manifest::{OciDescriptor, OciImageManifest};

use super::files::FileError;
use super::registry::client::Client;
use super::registry::error::RegistryError;
use super::registry::fetch::NotFetched;
use crate::base::complaint::Complaint;
use crate::base::text;
use crate::model::manifest::{Body, Manifest};
use crate::model::repository::Repository;

/// Most files of one bundle.
const FILES: usize = 100_000;
/// Most bytes that a bundle may unpack to: no folder of prompts is larger, and a small archive can be made to be.
const UNPACKED_BYTES: u64 = 64 * 1024 * 1024 * 1024;
const TITLE: &str = "org.opencontainers.image.title";
/// The mark of oras on a layer that is a packed folder (oras-go, `content/file`).
const UNPACK: &str = "io.deis.oras.content.unpack";

/// Why a bundle was not unpacked.
#[derive(Debug)]
pub enum NotUnpacked {
    /// The registry failed.
    Registry(RegistryError),
    /// The disk failed.
    Disk(FileError),
    /// It holds what no bundle may hold.
    Unfit(Complaint),
}

impl From<NotFetched> for NotUnpacked {
    fn from(error: NotFetched) -> Self {
        match error {
            NotFetched::Registry(error) => Self::Registry(error),
            NotFetched::Disk(error) => Self::Disk(error),
        }
    }
}

/// How a layer is packed.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Packing {
    Gzip,
    Tar,
    /// One file of this name.
    File(String),
}

/// Fetches every layer of `manifest` into `folder`, which is there and empty, and unpacks them into `folder/tree`. Its
/// path.
///
/// # Errors
/// The registry or the disk failed, or the bundle holds what it may not.
pub async fn fetch(
    client: &Client<'_>,
    repository: &Repository,
    manifest: &Manifest,
    folder: &Path,
) -> Result<PathBuf, NotUnpacked> {
    let name = format!("{repository}@{}", manifest.digest);
    let Body::Image { layers, .. } = &manifest.body else {
        let hint = "name the bundle itself, or the digest of one manifest of the index";
        return Err(unfit(&name, "expected one manifest, found an index", hint));
    };
    let descriptors: OciImageManifest = serde_json::from_slice(&manifest.bytes)
        .map_err(|e| unfit(&name, &format!("expected a manifest, found {}", text::told(&e)), ""))?;
    let tree = folder.join("tree");
    let disk = |source| NotUnpacked::Disk(FileError::Write { path: folder.to_owned(), source });
    fs::create_dir(&tree).map_err(disk)?;
    let mut room = Room { files: FILES, bytes: UNPACKED_BYTES };
    for (blob, descriptor) in layers.iter().zip(&descriptors.layers) {
        let Some(packing) = packing(descriptor) else {
            let found = format!("a layer of {} without a name", text::escape(&descriptor.media_type, 100));
            return Err(unfit(&name, &found, "push it with `oras push`, or publish it with `bundle:DIR`"));
        };
        let file = folder.join("layer");
        client.fetch_blob(repository, blob, &file).await?;
        let (from, to, name) = (file.clone(), tree.clone(), name.clone());
        let work = tokio::task::spawn_blocking(move || unpack(&name, &from, &packing, &to, room));
        room = work.await.map_err(|e| disk(std::io::Error::other(e)))??;
        fs::remove_file(&file).map_err(disk)?;
    }
    Ok(tree)
}

/// How a layer is packed, by its annotations, then by its media type.
fn packing(layer: &OciDescriptor) -> Option<Packing> {
    let annotation = |key: &str| layer.annotations.as_ref().and_then(|all| all.get(key)).map(String::as_str);
    let kind = layer.media_type.as_str();
    if annotation(UNPACK) == Some("true") {
        return Some(Packing::Gzip);
    }
    // Before the media type: `oras push` calls a single file a tar too.
    if let Some(title) = annotation(TITLE) {
        return Some(Packing::File(title.to_owned()));
    }
    if kind.ends_with("tar+gzip") || kind.ends_with("tar.gzip") {
        return Some(Packing::Gzip);
    }
    kind.ends_with(".tar").then_some(Packing::Tar)
}

/// What may still be unpacked.
#[derive(Clone, Copy, Debug)]
struct Room {
    files: usize,
    bytes: u64,
}

fn unfit(name: &str, found: &str, hint: &str) -> NotUnpacked {
    NotUnpacked::Unfit(Complaint::new(format!("failed to unpack {name}: {found}"), hint))
}

/// Unpacks one layer. What is left of the room.
fn unpack(
    name: &str,
    layer: &Path,
    packing: &Packing,
    to: &Path,
    mut room: Room,
) -> Result<Room, NotUnpacked> {
    let disk = |source| NotUnpacked::Disk(FileError::Write { path: layer.to_owned(), source });
    let reader = BufReader::new(File::open(layer).map_err(disk)?);
    let stream: Box<dyn Read> = match packing {
        Packing::Gzip => Box::new(MultiGzDecoder::new(reader)),
        Packing::Tar => Box::new(reader),
        Packing::File(title) => {
            write(name, to, title, false, reader, &mut room)?;
            return Ok(room);
        }
    };
    let foreign =
        |e: std::io::Error| unfit(name, &format!("its archive cannot be read: {}", text::told(&e)), "");
    let mut tar = tar::Archive::new(stream);
    for entry in tar.entries().map_err(foreign)? {
        let mut entry = entry.map_err(foreign)?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let kind = entry.header().entry_type();
        if kind.is_dir() {
            make(name, to, &path, &mut room)?;
        } else if kind.is_file() {
            let executable = entry.header().mode().unwrap_or(0) & 0o100 != 0;
            write(name, to, &path, executable, &mut entry, &mut room)?;
        } else if !kind.is_pax_global_extensions() {
            let found = format!("`{}` is a link or a device", text::escape(&path, 200));
            return Err(unfit(name, &found, "a bundle holds files and folders only"));
        }
    }
    Ok(room)
}

/// `path` below the root; `None`: it leads out of it, or is no plain name.
fn inside(path: &str) -> Option<PathBuf> {
    let plain = text::escape(path, usize::MAX) == path && !path.contains(char::REPLACEMENT_CHARACTER);
    let parts = Path::new(path).components().filter(|part| *part != Component::CurDir);
    let parts: Option<PathBuf> =
        parts.map(|part| if let Component::Normal(name) = part { Some(name) } else { None }).collect();
    parts.filter(|_| plain)
}

fn make(name: &str, to: &Path, path: &str, room: &mut Room) -> Result<(), NotUnpacked> {
    let at = placed(name, to, path, room)?;
    fs::create_dir_all(&at).map_err(|source| NotUnpacked::Disk(FileError::Write { path: at, source }))
}

fn placed(name: &str, to: &Path, path: &str, room: &mut Room) -> Result<PathBuf, NotUnpacked> {
    let shown = text::escape(path, 200);
    let Some(below) = inside(path) else {
        return Err(unfit(name, &format!("`{shown}` leads out of the folder"), "do not use this bundle"));
    };
    if room.files == 0 {
        return Err(unfit(name, &format!("more than {FILES} files"), "a bundle of this size is a mistake"));
    }
    room.files -= 1;
    Ok(to.join(below))
}

fn write(
    name: &str,
    to: &Path,
    path: &str,
    executable: bool,
    content: impl Read,
    room: &mut Room,
) -> Result<(), NotUnpacked> {
    let at = placed(name, to, path, room)?;
    let disk = |source| NotUnpacked::Disk(FileError::Write { path: at.clone(), source });
    if let Some(folder) = at.parent() {
        fs::create_dir_all(folder).map_err(disk)?;
    }
    let mode = if executable { 0o755 } else { 0o644 };
    let mut file = match OpenOptions::new().write(true).create_new(true).mode(mode).open(&at) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
            let found = format!("`{}` is there twice", text::escape(path, 200));
            return Err(unfit(name, &found, "publish the bundle again, each file once"));
        }
        Err(source) => return Err(disk(source)),
    };
    let mut content = content.take(room.bytes);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        // What cannot be read is the archive's fault, what cannot be written the disk's.
        let read = content
            .read(&mut buffer)
            .map_err(|e| unfit(name, &format!("its archive cannot be read: {}", text::told(&e)), ""))?;
        if read == 0 {
            break;
        }
        file.write_all(&buffer[..read]).map_err(disk)?;
        room.bytes -= read as u64;
    }
    if room.bytes == 0 {
        let found = format!("it unpacks to more than {}", text::bytes(UNPACKED_BYTES));
        return Err(unfit(name, &found, "a bundle of this size is a mistake"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{FILES, NotUnpacked, Packing, Room, UNPACKED_BYTES, inside, unpack};

    #[test]
    fn no_name_leads_out_of_the_folder() {
        for good in ["a", "a/b", "./a", "a/./b"] {
            assert!(inside(good).is_some(), "{good}");
        }
        for bad in ["/etc/passwd", "../a", "a/../../b", "a\n", "a\u{202e}b"] {
            assert!(inside(bad).is_none(), "{bad}");
        }
    }

    fn archive(add: impl Fn(&mut tar::Builder<Vec<u8>>)) -> Result<Vec<String>, String> {
        let folder = tempfile::tempdir().unwrap();
        let mut tar = tar::Builder::new(Vec::new());
        add(&mut tar);
        let (layer, to) = (folder.path().join("layer"), folder.path().join("tree"));
        std::fs::write(&layer, tar.into_inner().unwrap()).unwrap();
        std::fs::create_dir(&to).unwrap();
        let room = Room { files: FILES, bytes: UNPACKED_BYTES };
        match unpack("x", &layer, &Packing::Tar, &to, room) {
            Ok(_) => {
                let names =
                    std::fs::read_dir(to).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
                Ok(names.collect())
            }
            Err(NotUnpacked::Unfit(complaint)) => Err(complaint.message),
            Err(other) => panic!("{other:?}"),
        }
    }

    fn file(tar: &mut tar::Builder<Vec<u8>>, path: &[u8], kind: tar::EntryType) {
        let mut header = tar::Header::new_ustar();
        header.as_old_mut().name[..path.len()].copy_from_slice(path);
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_size(0);
        header.as_old_mut().linkname[..6].copy_from_slice(b"target");
        header.set_cksum();
        tar.append(&header, std::io::empty()).unwrap();
    }

    #[test]
    fn links_devices_doubles_and_ways_out_are_refused() {
        use tar::EntryType;
        let regular = EntryType::Regular;
        assert_eq!(archive(|tar| file(tar, b"a", regular)).unwrap(), ["a"]);
        for (path, kind, words) in [
            (&b"/tmp/evil"[..], regular, "leads out"),
            (b"../evil", regular, "leads out"),
            (b"a", EntryType::Symlink, "link or a device"),
            (b"a", EntryType::Link, "link or a device"),
            (b"a", EntryType::Block, "link or a device"),
        ] {
            let error = archive(|tar| file(tar, path, kind)).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
        let twice = archive(|tar| {
            file(tar, b"a", regular);
            file(tar, b"./a", regular);
        });
        assert!(twice.unwrap_err().contains("twice"));
    }
}
