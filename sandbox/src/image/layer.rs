//! Layers: tar archives of a few files, gzip-compressed as registries expect them.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::{Compression, GzBuilder};

use crate::digest::sha256;

/// One layer: the plain tar and what is stored of it.
#[derive(Clone, Debug)]
pub struct Layer {
    tar: Bytes,
    stored: Bytes,
    compressed: bool,
}

impl Layer {
    /// A layer with these files: path inside the image, Unix mode, bytes. Owned by root, dated 1970.
    ///
    /// # Errors
    ///
    /// A path is absolute, climbs, or is too long for a tar header.
    pub fn files<'a>(files: impl IntoIterator<Item = (&'a str, u32, &'a [u8])>) -> io::Result<Self> {
        let mut archive = tar::Builder::new(Vec::new());
        for (path, mode, bytes) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(mode);
            header.set_mtime(0);
            archive.append_data(&mut header, path, bytes)?;
        }
        Ok(Self::compressed(archive.into_inner()?))
    }

    /// A layer with one file of `len_bytes` incompressible bytes that depend on `seed` only.
    pub fn sized(seed: &str, len_bytes: usize) -> Self {
        let bytes = noise(seed, len_bytes);
        Self::files([("data.bin", 0o644, bytes.as_slice())]).expect("a short relative path fits a tar header")
    }

    /// A layer from a finished tar, gzip-compressed.
    pub fn compressed(tar: Vec<u8>) -> Self {
        let mut gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::fast());
        gzip.write_all(&tar).expect("writing to memory does not fail");
        let stored = gzip.finish().expect("writing to memory does not fail");
        Self { tar: tar.into(), stored: stored.into(), compressed: true }
    }

    /// A layer from a finished tar, stored as it is.
    pub fn plain(tar: Vec<u8>) -> Self {
        let tar = Bytes::from(tar);
        Self { stored: tar.clone(), tar, compressed: false }
    }

    /// Digest of the plain tar, as in the config's `diff_ids`.
    pub fn diff_id(&self) -> String {
        sha256(&self.tar)
    }

    pub fn tar(&self) -> &Bytes {
        &self.tar
    }

    pub fn stored(&self) -> &Bytes {
        &self.stored
    }

    /// Whether the stored bytes are gzip.
    pub fn is_compressed(&self) -> bool {
        self.compressed
    }
}

/// `len_bytes` bytes of a xorshift stream seeded by `seed`.
fn noise(seed: &str, len_bytes: usize) -> Vec<u8> {
    let mut state = seed.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    }) | 1;
    let mut bytes = Vec::with_capacity(len_bytes + 8);
    while bytes.len() < len_bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len_bytes);
    bytes
}
