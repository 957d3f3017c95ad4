//! Blob bytes: in memory while small, in an unnamed temporary file once large.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use sha2::{Digest, Sha256};

use crate::body::{self, Body};
use crate::digest;

/// An upload session: what has arrived so far. Kept when the sender goes away, so that it can resume.
pub(super) type Upload = Arc<tokio::sync::Mutex<Intake>>;

/// Above this a blob moves from memory to a file.
const MEMORY_BYTES: u64 = 16 * 1024 * 1024;

/// Bytes per read when a file is sent.
const READ_BYTES: usize = 256 * 1024;

/// Finished bytes of a blob; cheap to clone.
#[derive(Clone)]
pub(super) enum Content {
    /// The bytes themselves.
    Memory(Bytes),
    /// An unnamed file and its length in bytes.
    File(Arc<File>, u64),
}

impl Content {
    /// Length in bytes.
    pub(super) fn len_bytes(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File(_, len_bytes) => *len_bytes,
        }
    }

    /// The bytes from `start` up to (not including) `end`, as a body that reads the file while it is sent.
    pub(super) fn body(&self, start: u64, end: u64) -> Body {
        match self {
            Self::Memory(bytes) => body::full(bytes.slice(start as usize..end as usize)),
            Self::File(file, _) => {
                let file = Arc::clone(file);
                body::produced(move |chunks| async move {
                    let mut at = start;
                    while at < end {
                        let mut chunk = BytesMut::zeroed(READ_BYTES.min((end - at) as usize));
                        if file.read_exact_at(&mut chunk, at).is_err() {
                            return;
                        }
                        at += chunk.len() as u64;
                        if !chunks.send(chunk.freeze()).await {
                            return;
                        }
                    }
                })
            }
        }
    }
}

/// Bytes being received, hashed as they come.
#[derive(Default)]
pub(super) struct Intake {
    hash: Sha256,
    memory: BytesMut,
    file: Option<File>,
    len_bytes: u64,
}

impl Intake {
    /// Bytes received so far.
    pub(super) fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    /// Takes the next bytes.
    pub(super) fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.len_bytes += bytes.len() as u64;
        if self.file.is_none() && self.len_bytes > MEMORY_BYTES {
            let mut file = tempfile::tempfile()?;
            file.write_all(&std::mem::take(&mut self.memory))?;
            self.file = Some(file);
        }
        match &mut self.file {
            Some(file) => file.write_all(bytes),
            None => {
                self.memory.extend_from_slice(bytes);
                Ok(())
            }
        }
    }

    /// Ends the intake: digest and content.
    pub(super) fn finish(self) -> (String, Content) {
        let content = match self.file {
            Some(file) => Content::File(Arc::new(file), self.len_bytes),
            None => Content::Memory(self.memory.freeze()),
        };
        (digest::spell(self.hash), content)
    }
}
