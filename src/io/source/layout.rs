//! An OCI image layout (OCI image specification 1.1, `image-layout.md`), as a folder or inside a tar.

use std::path::{Path, PathBuf};

use oci_client::manifest::{ImageIndexEntry, OciImageIndex};

use super::error::SourceError;
use super::origin::{BlobSource, Content, Origin, gather, read};
use crate::base::text;
use crate::io::registry::call::MANIFEST_BYTES;
use crate::model::digest::Digest;

const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// Opens the image `name` of the layout in `folder`; without a name the only one.
pub fn open(folder: &Path, name: Option<&str>) -> Result<Origin, SourceError> {
    let blobs = Folder(folder.to_owned());
    let index = blobs.file(&folder.join("index.json")).ok_or_else(|| SourceError::Unfit {
        path: folder.to_owned(),
        expected: "an OCI image layout",
        found: "a folder without `index.json`".to_owned(),
    })?;
    pick(&blobs, &index, name)
}

/// The image `name` of the layout on `blobs`, whose `index.json` is `index`.
pub fn pick(blobs: &dyn BlobSource, index: &Content, name: Option<&str>) -> Result<Origin, SourceError> {
    let unfit = |expected, found| SourceError::Unfit { path: blobs.path().to_owned(), expected, found };
    let bytes = read(index, MANIFEST_BYTES)?;
    let index: OciImageIndex = serde_json::from_slice(&bytes)
        .map_err(|e| unfit("an `index.json` that can be read", e.to_string()))?;
    let name_of = |entry: &ImageIndexEntry| {
        entry.annotations.as_ref().and_then(|a| a.get(REF_NAME)).map(|n| text::escape(n, 80))
    };
    let candidates: Vec<&ImageIndexEntry> =
        index.manifests.iter().filter(|entry| name.is_none() || name_of(entry).as_deref() == name).collect();
    let [entry] = candidates.as_slice() else {
        let names: Vec<String> = index
            .manifests
            .iter()
            .map(|entry| name_of(entry).unwrap_or_else(|| "(without a name)".to_owned()))
            .collect();
        return Err(unfit(
            "one image of that name",
            format!("{} of {}: {}", candidates.len(), names.len(), names.join(", ")),
        ));
    };
    let digest: Digest =
        entry.digest.parse().map_err(|e| unfit("a digest in `index.json`", format!("{e}")))?;
    gather(blobs, &digest, Some(&entry.media_type))
}

struct Folder(PathBuf);

impl Folder {
    /// A regular file of the layout. A link, of the file or of a folder above it, could lead out of the layout.
    fn file(&self, path: &Path) -> Option<Content> {
        let mut folders = path.ancestors().skip(1).take_while(|folder| *folder != self.0);
        let is_folder = |folder: &Path| std::fs::symlink_metadata(folder).is_ok_and(|meta| meta.is_dir());
        if !folders.all(is_folder) {
            return None;
        }
        let meta = std::fs::symlink_metadata(path).ok().filter(std::fs::Metadata::is_file)?;
        Some(Content::File { path: path.to_owned(), offset: 0, size: meta.len() })
    }
}

impl BlobSource for Folder {
    fn path(&self) -> &Path {
        &self.0
    }

    fn find(&self, digest: &Digest) -> Option<Content> {
        self.file(&self.0.join("blobs/sha256").join(digest.hex()))
    }
}
