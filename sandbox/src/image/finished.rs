//! A finished image, and why one could not be written.

use bytes::Bytes;

use super::layer::Layer;

/// An image could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteImage {
    #[error("failed to write the image")]
    Io(#[from] std::io::Error),
    /// `docker save` archives hold single-platform images only.
    #[error("failed to write a docker archive of an index: it holds one platform only")]
    DockerArchiveOfIndex,
}

/// Config or layer bytes with their digest.
#[derive(Clone, Debug)]
pub struct Blob {
    /// `sha256:<hex>`.
    pub digest: String,
    pub media_type: String,
    /// The bytes as stored.
    pub bytes: Bytes,
}

#[derive(Clone, Debug)]
pub struct Child {
    /// `sha256:<hex>`.
    pub digest: String,
    /// Media type in the descriptor and on PUT.
    pub media_type: String,
    /// `os/architecture[/variant]`; `unknown/unknown` for an attestation.
    pub platform: String,
    pub bytes: Bytes,
}

/// A finished image: an index or a single manifest, and everything below it.
#[derive(Clone, Debug)]
pub struct Image {
    pub(super) sha: String,
    pub(super) digest: String,
    pub(super) media_type: String,
    pub(super) manifest: Bytes,
    pub(super) children: Vec<Child>,
    pub(super) blobs: Vec<Blob>,
    pub(super) layers: Vec<Layer>,
}

impl Image {
    /// The commit in the revision label.
    pub fn sha(&self) -> &str {
        &self.sha
    }

    /// Digest of index or manifest: what a tag points at.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Media type of index or manifest, as on PUT.
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    pub fn manifest(&self) -> &Bytes {
        &self.manifest
    }

    /// Children in the index's order; empty for a single manifest.
    pub fn children(&self) -> &[Child] {
        &self.children
    }

    /// All configs and layers, each digest once, in push order.
    pub fn blobs(&self) -> &[Blob] {
        &self.blobs
    }

    pub fn is_index(&self) -> bool {
        !self.children.is_empty()
    }
}
