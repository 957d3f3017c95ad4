//! Images for tests and the demo: deterministic bytes in every shape a registry meets.

mod archive;
mod layer;
mod layout;
mod recipe;

use bytes::Bytes;

pub use self::archive::DockerArchive;
pub use self::layer::Layer;
pub use self::layout::{SparseLayout, write_layout_with_sparse_layer};
pub use self::recipe::Recipe;
pub(crate) use self::recipe::{FAULT_LABEL, REVISION_LABEL};

/// An image could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteImage {
    /// The file system refused.
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
    /// Media type in the descriptor.
    pub media_type: String,
    /// The bytes as stored.
    pub bytes: Bytes,
}

/// A child of an index.
#[derive(Clone, Debug)]
pub struct Child {
    /// `sha256:<hex>`.
    pub digest: String,
    /// Media type in the descriptor and on PUT.
    pub media_type: String,
    /// `os/architecture[/variant]`; `unknown/unknown` for an attestation.
    pub platform: String,
    /// The manifest.
    pub bytes: Bytes,
}

/// A finished image: an index or a single manifest, and everything below it.
#[derive(Clone, Debug)]
pub struct Image {
    sha: String,
    digest: String,
    media_type: String,
    manifest: Bytes,
    children: Vec<Child>,
    blobs: Vec<Blob>,
    layers: Vec<Layer>,
}

impl Image {
    /// Starts a recipe for an image of commit `sha`.
    pub fn of(sha: &str) -> Recipe {
        Recipe::new(sha)
    }

    /// A linux/amd64 OCI image with three small layers that depend on `sha` and `name`.
    pub fn single(sha: &str, name: &str) -> Self {
        Self::of(sha).sized_layers(name, &[4096, 2048, 512]).build()
    }

    /// An OCI index of the given platforms, three small layers each.
    pub fn index(sha: &str, name: &str, platforms: &[&str]) -> Self {
        platforms
            .iter()
            .fold(Self::of(sha).index(), |recipe, platform| recipe.platform(platform))
            .sized_layers(name, &[4096, 2048, 512])
            .build()
    }

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

    /// Bytes of index or manifest.
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

    /// Whether it is an index.
    pub fn is_index(&self) -> bool {
        !self.children.is_empty()
    }
}
