//! Images made from an input: parts, of which later ones name earlier ones by digest and size.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::{fs, io};

use coalmine::model::digest::Digest;

/// What stands between two parts.
const BETWEEN: &[u8] = b"\n====\n";
const BLOCK: usize = 512;

/// The parts of an input. In each, `@1` stands for the digest of the second part, and `#1` for its size; the last part
/// is `index.json`, or `manifest.json`, in which `!1` stands for the second part's name in the tar.
pub struct Layout {
    blobs: Vec<Vec<u8>>,
    index: Vec<u8>,
}

impl Layout {
    /// Reads an input.
    pub fn read(data: &[u8]) -> Self {
        let mut rest = data;
        let mut blobs: Vec<Vec<u8>> = Vec::new();
        while let Some(at) = rest.windows(BETWEEN.len()).position(|window| window == BETWEEN) {
            blobs.push(filled(&rest[..at], &blobs));
            rest = &rest[at + BETWEEN.len()..];
        }
        let index = filled(rest, &blobs);
        Self { blobs, index }
    }

    /// An OCI layout as a tar.
    pub fn tar(&self) -> Vec<u8> {
        self.under("index.json")
    }

    /// What `docker save` writes.
    pub fn docker_archive(&self) -> Vec<u8> {
        self.under("manifest.json")
    }

    /// A tar whose index has this name and stands first: what is lost at its end is a blob's.
    fn under(&self, name: &str) -> Vec<u8> {
        let blobs = self.blobs.iter().rev().map(|blob| (path(blob), blob.as_slice()));
        tar(std::iter::once((name.to_owned(), self.index.as_slice())).chain(blobs))
    }

    /// An OCI layout in `folder`; `linked` says which part of it is a link that leads out of it: 1 `blobs`, 2
    /// `blobs/sha256`, 3 each blob, 0 none.
    pub fn folder(&self, folder: &Path, linked: u8) -> io::Result<()> {
        let outside = folder.with_file_name("elsewhere");
        fs::create_dir_all(outside.join("blobs/sha256"))?;
        fs::create_dir_all(folder)?;
        fs::write(folder.join("index.json"), &self.index)?;
        match linked {
            1 => symlink(outside.join("blobs"), folder.join("blobs"))?,
            2 => {
                fs::create_dir(folder.join("blobs"))?;
                symlink(outside.join("blobs/sha256"), folder.join("blobs/sha256"))?;
            }
            _ => fs::create_dir_all(folder.join("blobs/sha256"))?,
        }
        for blob in &self.blobs {
            let (inside, there) = (folder.join(path(blob)), outside.join(path(blob)));
            match linked {
                0 => fs::write(inside, blob)?,
                1 | 2 => fs::write(there, blob)?,
                _ if inside.is_symlink() => {}
                _ => {
                    fs::write(&there, blob)?;
                    symlink(there, inside)?;
                }
            }
        }
        Ok(())
    }
}

fn path(blob: &[u8]) -> String {
    format!("blobs/sha256/{}", Digest::of(blob).hex())
}

fn filled(part: &[u8], blobs: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = part.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let number = bytes.peek().filter(|b| b.is_ascii_digit()).map(|b| usize::from(b - b'0'));
        let Some(blob) = number.and_then(|number| blobs.get(number)) else {
            out.push(byte);
            continue;
        };
        match byte {
            b'@' => out.extend(Digest::of(blob).to_string().bytes()),
            b'#' => out.extend(blob.len().to_string().bytes()),
            b'!' => out.extend(path(blob).bytes()),
            other => {
                out.push(other);
                continue;
            }
        }
        bytes.next();
    }
    out
}

fn tar<'a>(members: impl Iterator<Item = (String, &'a [u8])>) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, bytes) in members {
        let mut header = [0; BLOCK];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[124..135].copy_from_slice(format!("{:011o}", bytes.len()).as_bytes());
        header[156] = b'0';
        header[257..263].copy_from_slice(b"ustar\0");
        header[263..265].copy_from_slice(b"00");
        sum(&mut header);
        out.extend(header);
        out.extend(bytes);
        out.resize(out.len().next_multiple_of(BLOCK), 0);
    }
    out
}

/// `tar` with the checksum of each header made right: a byte that changes would otherwise end the file there.
pub fn repaired(tar: &[u8]) -> Vec<u8> {
    let mut out = tar.to_vec();
    let mut at = 0_usize;
    while let Some(header) = out.get_mut(at..at.saturating_add(BLOCK)) {
        if header.iter().any(|&b| b != 0) {
            sum(header);
        }
        let digits: String =
            header[124..136].iter().map(|&b| char::from(b)).take_while(char::is_ascii_digit).collect();
        let size = usize::from_str_radix(&digits, 8).unwrap_or(0);
        at = at.saturating_add(BLOCK).saturating_add(size.saturating_add(BLOCK - 1) / BLOCK * BLOCK);
    }
    out
}

fn sum(header: &mut [u8]) {
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|&b| u32::from(b)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}
