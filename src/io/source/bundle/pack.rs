//! Packs files into one layer, and the layer into an image that container engines and artifact tools both read.
//!
//! The layer is a tar in gzip. Both are written byte by byte as this file says, and gzip with stored blocks, so that no
//! version of a compressor changes a digest. Every document is written from a structure, in the order of its fields.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;
use std::sync::Arc;

use flate2::Crc;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::base::complaint::Complaint;
use crate::base::list::NonEmpty;
use crate::io::registry::decode;
use crate::io::source::error::SourceError;
use crate::io::source::origin::{Content, Origin};
use crate::model::bundle::{BUNDLE_TYPE, PINS_ANNOTATION, PINS_FILE, Pins};
use crate::model::digest::Digest;
use crate::model::manifest::MediaType;
use crate::policy::bundle::FileFact;

/// Most bytes of one stored block (RFC 1951, section 3.2.4).
const BLOCK_BYTES: usize = 65_535;

const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";
const LAYER_TYPE: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// What an image configuration must have (OCI image specification 1.1, `config.md`). A bundle runs nowhere, but
/// containerd mounts nothing without a platform, so it is always the same one.
#[derive(Serialize)]
struct Config {
    architecture: &'static str,
    os: &'static str,
    config: BTreeMap<String, String>,
    rootfs: RootFs,
}

#[derive(Serialize)]
struct RootFs {
    r#type: &'static str,
    diff_ids: [Digest; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Packed {
    schema_version: u32,
    media_type: &'static str,
    artifact_type: &'static str,
    config: Descriptor,
    layers: [Descriptor; 1],
    annotations: BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: &'static str,
    digest: Digest,
    size: u64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<&'static str, String>,
}

/// One member of the tar.
enum Member<'a> {
    Folder,
    File(&'a FileFact),
    Pins(&'a [u8]),
}

/// Packs `files` of `folder` and `pins` into a temporary file, which is gone when the origin is.
///
/// # Errors
/// A file cannot be read, is not any more what it was when it was looked at, or there is no room for the layer.
pub(super) fn pack(folder: &Path, files: &[FileFact], pins: &Pins) -> Result<Origin, SourceError> {
    let place = tempfile::Builder::new().prefix("coalmine-bundle-").tempdir();
    let place = place.map_err(|source| SourceError::Pack { path: std::env::temp_dir(), source })?;
    let layer = place.path().join("layer");
    let failed = |source| SourceError::Pack { path: layer.clone(), source };
    let pins_text = serde_json::to_string(pins).expect("names and texts are JSON");
    let mut pins_file = serde_json::to_vec_pretty(pins).expect("names and texts are JSON");
    pins_file.push(b'\n');

    let file = BufWriter::new(File::create(&layer).map_err(failed)?);
    let gzip = Stored::new(Hashing::new(file)).map_err(failed)?;
    let mut tar = tar::Builder::new(Hashing::new(gzip));
    for (path, member) in members(files, &pins_file) {
        append(&mut tar, folder, &path, &member, &layer)?;
    }
    let (gzip, diff_id, _) = tar.into_inner().map_err(failed)?.finish();
    let (mut file, digest, size) = gzip.finish().map_err(failed)?.finish();
    file.flush().map_err(failed)?;

    let config = Config {
        architecture: "amd64",
        os: "linux",
        config: BTreeMap::new(),
        rootfs: RootFs { r#type: "layers", diff_ids: [diff_id.clone()] },
    };
    let config = serde_json::to_vec(&config).expect("names and texts are JSON");
    // With these, `oras pull` unpacks the layer into the folder that it pulls to (oras-go, `content/file`).
    let unpacked = [
        ("io.deis.oras.content.digest", diff_id.to_string()),
        ("io.deis.oras.content.unpack", "true".to_owned()),
        ("org.opencontainers.image.title", ".".to_owned()),
    ];
    let config_at = place.path().join("config");
    std::fs::write(&config_at, &config).map_err(failed)?;
    let config_digest = Digest::of(&config);
    let config_size = config.len() as u64;
    let manifest = Packed {
        schema_version: 2,
        media_type: MediaType::OciManifest.as_str(),
        artifact_type: BUNDLE_TYPE,
        config: Descriptor {
            media_type: CONFIG_TYPE,
            digest: config_digest.clone(),
            size: config_size,
            annotations: BTreeMap::new(),
        },
        layers: [Descriptor {
            media_type: LAYER_TYPE,
            digest: digest.clone(),
            size,
            annotations: unpacked.into(),
        }],
        annotations: [(PINS_ANNOTATION, pins_text)].into(),
    };
    let bytes = serde_json::to_vec(&manifest).expect("names and texts are JSON");
    let top = decode::manifest(bytes.into(), None).expect("this is an image manifest by construction");
    let content = |path: &Path, size| (size, Content::File { path: path.to_owned(), offset: 0, size });
    let blobs = [(config_digest, content(&config_at, config_size)), (digest, content(&layer, size))].into();
    Ok(Origin { top, children: Vec::new(), blobs, temporary: Some(Arc::new(place)) })
}

/// Everything that the tar holds, in the order of the names as bytes: each folder stands before what is in it.
fn members<'a>(files: &'a [FileFact], pins: &'a [u8]) -> BTreeMap<String, Member<'a>> {
    let mut members = BTreeMap::from([(PINS_FILE.to_owned(), Member::Pins(pins))]);
    for file in files {
        for (at, _) in file.path.match_indices('/') {
            members.entry(file.path[..at].to_owned()).or_insert(Member::Folder);
        }
        members.insert(file.path.clone(), Member::File(file));
    }
    members
}

fn append(
    tar: &mut tar::Builder<impl Write>,
    folder: &Path,
    path: &str,
    member: &Member<'_>,
    layer: &Path,
) -> Result<(), SourceError> {
    let failed = |source| SourceError::Pack { path: layer.to_owned(), source };
    let mut header = tar::Header::new_ustar();
    let (kind, mode, size) = match member {
        Member::Folder => (tar::EntryType::Directory, 0o755, 0),
        Member::File(file) => {
            (tar::EntryType::Regular, if file.executable { 0o755 } else { 0o644 }, file.size)
        }
        Member::Pins(bytes) => (tar::EntryType::Regular, 0o644, bytes.len() as u64),
    };
    header.set_path(if kind.is_dir() { format!("{path}/") } else { path.to_owned() }).map_err(failed)?;
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_cksum();
    match member {
        Member::Folder => tar.append(&header, std::io::empty()).map_err(failed),
        Member::Pins(bytes) => tar.append(&header, *bytes).map_err(failed),
        Member::File(file) => {
            let at = folder.join(path);
            let opened = File::open(&at).map_err(|source| SourceError::Read { path: at.clone(), source })?;
            let mut content = Hashing::new(opened.take(file.size));
            tar.append(&header, &mut content).map_err(failed)?;
            let (rest, found, read) = content.finish();
            let more = rest.into_inner().read(&mut [0]).map_err(failed)?;
            if (read, more) == (file.size, 0) && found == file.sha256 {
                return Ok(());
            }
            let message = format!("`{}` changed while the bundle was packed", at.display());
            let hint = "let nothing write into the folder, and publish again";
            Err(SourceError::Refused(NonEmpty::one(Complaint::new(message, hint))))
        }
    }
}

/// Hashes and counts what passes.
struct Hashing<T> {
    inner: T,
    hasher: Sha256,
    count: u64,
}

impl<T> Hashing<T> {
    fn new(inner: T) -> Self {
        Self { inner, hasher: Sha256::new(), count: 0 }
    }

    fn finish(self) -> (T, Digest, u64) {
        (self.inner, Digest::from_hasher(self.hasher), self.count)
    }

    fn note(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.count += bytes.len() as u64;
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.note(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.note(&buffer[..read]);
        Ok(read)
    }
}

/// A gzip stream of stored blocks (RFC 1952, RFC 1951), without a time or a name.
struct Stored<W> {
    inner: W,
    block: Vec<u8>,
    crc: Crc,
}

impl<W: Write> Stored<W> {
    fn new(mut inner: W) -> std::io::Result<Self> {
        // Magic number, deflate, no flags, no time, no extra flags, unknown operating system.
        inner.write_all(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255])?;
        Ok(Self { inner, block: Vec::with_capacity(BLOCK_BYTES), crc: Crc::new() })
    }

    fn end_block(&mut self, last: bool) -> std::io::Result<()> {
        let length = u16::try_from(self.block.len()).expect("a block is no longer than 65,535 bytes");
        self.inner.write_all(&[u8::from(last)])?;
        self.inner.write_all(&length.to_le_bytes())?;
        self.inner.write_all(&(!length).to_le_bytes())?;
        self.inner.write_all(&self.block)?;
        self.block.clear();
        Ok(())
    }

    fn finish(mut self) -> std::io::Result<W> {
        self.end_block(true)?;
        self.inner.write_all(&self.crc.sum().to_le_bytes())?;
        self.inner.write_all(&self.crc.amount().to_le_bytes())?;
        Ok(self.inner)
    }
}

impl<W: Write> Write for Stored<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.block.len() == BLOCK_BYTES {
            self.end_block(false)?;
        }
        let taken = &bytes[..bytes.len().min(BLOCK_BYTES - self.block.len())];
        self.block.extend_from_slice(taken);
        self.crc.update(taken);
        Ok(taken.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Stored;
    use std::io::{Read as _, Write as _};

    #[test]
    fn what_is_stored_is_what_any_reader_of_gzip_gets() {
        for length in [0, 1, 65_534, 65_535, 65_536, 200_000] {
            let bytes: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
            let mut stored = Stored::new(Vec::new()).unwrap();
            stored.write_all(&bytes).unwrap();
            let packed = stored.finish().unwrap();
            let mut read = Vec::new();
            flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut read).unwrap();
            assert!(read == bytes, "{length}");
        }
    }
}
