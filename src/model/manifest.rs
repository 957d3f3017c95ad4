//! What a digest stands for: the exact bytes, and what they name.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::as_text::as_text;
use super::digest::Digest;

/// The four forms an image has in a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MediaType {
    /// An OCI image index: one manifest for each platform.
    OciIndex,
    OciManifest,
    /// Docker's manifest list, `application/vnd.docker.distribution.manifest.list.v2+json`.
    DockerList,
    /// Docker's manifest, version 2 schema 2.
    DockerManifest,
}

impl MediaType {
    /// All four, in the order in which they are asked for.
    pub const ALL: [Self; 4] = [Self::OciIndex, Self::OciManifest, Self::DockerList, Self::DockerManifest];

    /// The registered name (OCI image specification 1.1, `media-types.md`; Docker's `manifest-v2-2`).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OciIndex => "application/vnd.oci.image.index.v1+json",
            Self::OciManifest => "application/vnd.oci.image.manifest.v1+json",
            Self::DockerList => "application/vnd.docker.distribution.manifest.list.v2+json",
            Self::DockerManifest => "application/vnd.docker.distribution.manifest.v2+json",
        }
    }

    /// The form that a `Content-Type` or `mediaType` names; parameters such as `; charset=utf-8` are ignored.
    pub fn named(text: &str) -> Option<Self> {
        let name = text.split(';').next().unwrap_or_default().trim();
        Self::ALL.into_iter().find(|form| form.as_str().eq_ignore_ascii_case(name))
    }
}

impl Serialize for MediaType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// What an image runs on: `linux/amd64`, `linux/arm/v7`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Platform {
    /// `linux`, `windows`, or `unknown` for what is no image.
    pub os: String,
    /// `amd64`, `arm64`, or `unknown` for what is no image.
    pub architecture: String,
    /// `v7`, where there is one.
    pub variant: Option<String>,
}

impl Platform {
    /// The platform of these parts; an empty variant is none. `None`: it has no name that a record could hold.
    pub fn of(os: &str, architecture: &str, variant: Option<&str>) -> Option<Self> {
        let variant = variant.filter(|variant| !variant.is_empty());
        let named = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_graphic() && b != b'/');
        ([os, architecture].into_iter().chain(variant).all(named)).then(|| Self {
            os: os.to_owned(),
            architecture: architecture.to_owned(),
            variant: variant.map(str::to_owned),
        })
    }

    /// Whether this marks an attestation: BuildKit files its provenance under `unknown/unknown`.
    pub fn is_unknown(&self) -> bool {
        self.os == "unknown" && self.architecture == "unknown"
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.iter().try_for_each(|variant| write!(f, "/{variant}"))
    }
}

impl<'de> Deserialize<'de> for MediaType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::named(&text).ok_or_else(|| de::Error::custom("not the media type of an image"))
    }
}

impl std::str::FromStr for Platform {
    type Err = String;
    /// Reads `os/architecture[/variant]`.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split('/');
        let platform = match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(os), Some(architecture), variant, None) => Self::of(os, architecture, variant),
            _ => None,
        };
        platform.ok_or_else(|| {
            format!("`{}` is not a platform such as linux/amd64", crate::base::text::escape(text, 80))
        })
    }
}

as_text!(Platform);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// The digest that the index gives for it.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// What it runs on, where the index says so.
    pub platform: Option<Platform>,
}

impl Child {
    /// Whether this is an attestation rather than an image that a machine could pull.
    pub fn is_attestation(&self) -> bool {
        self.platform.as_ref().is_some_and(Platform::is_unknown)
    }
}

/// One blob that an image manifest names: its configuration or a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// StoredRecord elsewhere by its `urls` ("foreign" or non-distributable layers): a registry need not hold it.
    pub elsewhere: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// An index: one child for each platform, and attestations.
    Index(Vec<Child>),
    /// One image: its configuration, and its layers from the bottom up.
    Image {
        /// The configuration, which knows platform and labels.
        config: Blob,
        /// The layers, the lowest first.
        layers: Vec<Blob>,
    },
}

/// A manifest as the registry keeps it. The bytes are never made anew from their meaning: that changes the digest.
#[derive(Clone, PartialEq, Eq)]
pub struct Manifest {
    /// sha256 of `bytes`, computed here.
    pub digest: Digest,
    /// The form to say in `Content-Type` when it is put.
    pub media_type: MediaType,
    /// The bytes as the registry sent them: their sha256 is the digest.
    pub bytes: Bytes,
    /// What the bytes name.
    pub body: Body,
}

impl Manifest {
    /// The manifests that an index names; none for a single image.
    pub fn children(&self) -> &[Child] {
        match &self.body {
            Body::Index(children) => children,
            Body::Image { .. } => &[],
        }
    }

    /// The blobs that a single image names, configuration first; none for an index.
    pub fn blobs(&self) -> Vec<&Blob> {
        match &self.body {
            Body::Index(_) => Vec::new(),
            Body::Image { config, layers } => std::iter::once(config).chain(layers).collect(),
        }
    }
}

impl fmt::Debug for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Manifest({} {} {} bytes)", self.digest, self.media_type.as_str(), self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::MediaType;

    #[test]
    fn a_content_type_is_read_without_its_parameters() {
        assert_eq!(
            MediaType::named("application/vnd.oci.image.index.v1+json; charset=utf-8"),
            Some(MediaType::OciIndex)
        );
        for form in MediaType::ALL {
            assert_eq!(MediaType::named(form.as_str()), Some(form));
        }
        assert_eq!(MediaType::named("text/html"), None);
    }
}
