//! An image that is about to be published: its manifests in memory, its blobs where they are.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use tempfile::TempDir;

use super::error::SourceError;
use crate::io::registry::call::MANIFEST_BYTES;
use crate::io::registry::decode;
use crate::model::digest::Digest;
use crate::model::manifest::{Manifest, MediaType};
use crate::model::repository::Repository;

/// Most bytes of all manifests of one image together: they are held in memory, and real ones have some kilobytes each.
const MANIFESTS_BYTES: u64 = 64 * 1024 * 1024;

/// Where the bytes of a blob are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    File {
        /// The file, which is never a link.
        path: PathBuf,
        /// Where the stretch begins, in bytes from the start of the file.
        offset: u64,
        /// The length of the stretch, in bytes.
        size: u64,
    },
    /// Another repository, of this registry or another one.
    Remote(Repository),
    /// The repository that is published to: the blob was pushed there before.
    Here,
}

/// An image, ready to be published.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The manifest that gets the tag.
    pub top: Manifest,
    /// The manifests that it names, if it is an index.
    pub children: Vec<Manifest>,
    /// Size and place of every blob that a registry has to hold.
    pub blobs: BTreeMap<Digest, (u64, Content)>,
    /// The folder that holds them, if it goes with this origin.
    pub temporary: Option<Arc<TempDir>>,
}

/// Finds the stretch of a file that holds a digest: each kind of container has its own.
pub trait BlobSource {
    /// What to call it in an error.
    fn path(&self) -> &Path;
    /// The stretch that is said to hold `digest`.
    fn find(&self, digest: &Digest) -> Option<Content>;
}

/// Gathers the image that `digest` names from `source`.
///
/// # Errors
/// Something that the manifests name is not there, or is not what its name says.
pub fn gather(
    source: &dyn BlobSource,
    digest: &Digest,
    media_type: Option<&str>,
) -> Result<Origin, SourceError> {
    let top = manifest(source, digest, media_type)?;
    let total = top.children().iter().fold(0_u64, |sum, child| sum.saturating_add(child.size));
    if total > MANIFESTS_BYTES {
        return Err(unfit(source, "an index of manifests", format!("manifests of {total} bytes together")));
    }
    let children = top
        .children()
        .iter()
        .map(|child| {
            let found = manifest(source, &child.digest, None)?;
            if found.bytes.len() as u64 == child.size {
                return Ok(found);
            }
            let found = format!("{} bytes", found.bytes.len());
            Err(spoiled(source, &child.digest, format!("{} bytes", child.size), found))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let mut blobs = BTreeMap::new();
    for holder in std::iter::once(&top).chain(&children) {
        if children
            .iter()
            .any(|child| matches!(child.media_type, MediaType::OciIndex | MediaType::DockerList))
        {
            return Err(unfit(source, "an index of images", "an index of indexes".to_owned()));
        }
        for blob in holder.blobs().into_iter().filter(|blob| !blob.elsewhere) {
            let content = find(source, "blob", &blob.digest)?;
            if let Content::File { size, .. } = content
                && size != blob.size
            {
                let (expected, found) = (format!("{} bytes", blob.size), format!("{size} bytes"));
                return Err(spoiled(source, &blob.digest, expected, found));
            }
            blobs.insert(blob.digest.clone(), (blob.size, content));
        }
    }
    Ok(Origin { top, children, blobs, temporary: None })
}

fn manifest(
    source: &dyn BlobSource,
    digest: &Digest,
    media_type: Option<&str>,
) -> Result<Manifest, SourceError> {
    let bytes = read(&find(source, "manifest", digest)?, MANIFEST_BYTES)?;
    let found = Digest::of(&bytes);
    if found != *digest {
        return Err(spoiled(source, digest, "the bytes".to_owned(), format!("bytes of {found}")));
    }
    decode::manifest(bytes, media_type).map_err(|problem| unfit(source, "a manifest", problem.to_string()))
}

fn find(source: &dyn BlobSource, what: &'static str, digest: &Digest) -> Result<Content, SourceError> {
    let missing = || SourceError::Incomplete { path: source.path().to_owned(), what, digest: digest.clone() };
    source.find(digest).ok_or_else(missing)
}

fn spoiled(source: &dyn BlobSource, digest: &Digest, expected: String, found: String) -> SourceError {
    SourceError::Spoiled { path: source.path().to_owned(), expected, digest: digest.clone(), found }
}

fn unfit(source: &dyn BlobSource, expected: &'static str, found: String) -> SourceError {
    SourceError::Unfit { path: source.path().to_owned(), expected, found }
}

/// Reads a stretch of a file that must not be longer than `limit` bytes.
pub fn read(content: &Content, limit: usize) -> Result<Bytes, SourceError> {
    let Content::File { path, offset, size } = content else { return Ok(Bytes::new()) };
    if *size > limit as u64 {
        return Err(SourceError::Unfit {
            path: path.clone(),
            expected: "a small document",
            found: format!("{size} bytes"),
        });
    }
    let failed = |source| SourceError::Read { path: path.clone(), source };
    let mut file = File::open(path).map_err(failed)?;
    file.seek(SeekFrom::Start(*offset)).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(*size).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes.into())
}
