//! How an image is to be made.

use bytes::Bytes;
use serde_json::{Value, json};

use super::finished::{Blob, Child, Image};
use super::layer::Layer;
use crate::digest::sha256;

/// The label with which a fault travels in an image; tenants obey it.
pub(crate) const FAULT_LABEL: &str = "dev.coalmine.sandbox.fault";

pub(crate) const REVISION_LABEL: &str = "org.opencontainers.image.revision";

/// A recipe for an [`Image`]; equal recipes give equal bytes.
#[derive(Clone, Debug, Default)]
pub struct Recipe {
    sha: String,
    created: String,
    fault: Option<String>,
    labels: Vec<(String, String)>,
    platforms: Vec<String>,
    layers: Vec<Layer>,
    is_index: bool,
    attestation: bool,
    docker: bool,
    lacks_index_type: bool,
    odd_whitespace: bool,
}

impl Image {
    /// Starts a recipe for an image of commit `sha`.
    pub fn of(sha: &str) -> Recipe {
        Recipe { sha: sha.into(), created: "2026-01-01T00:00:00Z".into(), ..Recipe::default() }
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
}

impl Recipe {
    /// Adds a platform, `os/architecture[/variant]`. More than one makes an index; none is linux/amd64.
    pub fn platform(mut self, platform: &str) -> Self {
        self.platforms.push(platform.into());
        self.is_index |= self.platforms.len() > 1;
        self
    }

    /// Adds a layer, to every platform.
    pub fn layer(mut self, layer: Layer) -> Self {
        self.layers.push(layer);
        self
    }

    /// Adds layers of so many incompressible bytes; `seed` and the sha make them unlike any others.
    pub fn sized_layers(mut self, seed: &str, len_bytes: &[usize]) -> Self {
        for (at, len_bytes) in len_bytes.iter().enumerate() {
            self.layers.push(Layer::sized(&format!("{seed} {} {at}", self.sha), *len_bytes));
        }
        self
    }

    /// Commit time in the config and the created label, RFC 3339.
    pub fn created(mut self, created: &str) -> Self {
        self.created = created.into();
        self
    }

    /// A fault that every tenant shows that runs this image (names of [`TenantFault`](crate::TenantFault)).
    pub fn fault(mut self, fault: &str) -> Self {
        self.fault = Some(fault.into());
        self
    }

    /// Adds a label to the config.
    pub fn label(mut self, key: &str, value: &str) -> Self {
        self.labels.push((key.into(), value.into()));
        self
    }

    /// An index even for one platform.
    pub fn index(mut self) -> Self {
        self.is_index = true;
        self
    }

    /// Adds an attestation child (`unknown/unknown`) for the first platform; makes it an index.
    pub fn attestation(mut self) -> Self {
        self.attestation = true;
        self.index()
    }

    /// Docker media types instead of OCI ones.
    pub fn docker(mut self) -> Self {
        self.docker = true;
        self
    }

    /// Leaves `mediaType` out of the index, as OCI 1.0 allowed.
    pub fn without_index_media_type(mut self) -> Self {
        self.lacks_index_type = true;
        self
    }

    /// Writes manifests with spaces, tabs and a last newline that no JSON library would reproduce.
    pub fn odd_whitespace(mut self) -> Self {
        self.odd_whitespace = true;
        self
    }

    /// Makes the image. Without layers it gets one of 1 KiB.
    pub fn build(mut self) -> Image {
        if self.layers.is_empty() {
            self = self.sized_layers("only", &[1024]);
        }
        if self.platforms.is_empty() {
            self.platforms.push("linux/amd64".into());
        }
        let mut blobs: Vec<Blob> = self.layers.iter().map(|layer| self.layer_blob(layer)).collect();
        let mut children: Vec<Child> =
            self.platforms.iter().map(|platform| self.child(platform, &mut blobs)).collect();
        if self.attestation {
            children.push(self.attestation_child(&mut blobs));
        }
        let mut seen = std::collections::BTreeSet::new();
        blobs.retain(|blob| seen.insert(blob.digest.clone()));
        let (media_type, manifest) = if self.is_index {
            (self.index_type().to_owned(), self.index_bytes(&children))
        } else {
            let only = children.remove(0);
            (only.media_type, only.bytes)
        };
        let digest = sha256(&manifest);
        Image { sha: self.sha, digest, media_type, manifest, children, blobs, layers: self.layers }
    }

    fn layer_blob(&self, layer: &Layer) -> Blob {
        let media_type = match (self.docker, layer.is_compressed()) {
            (true, true) => "application/vnd.docker.image.rootfs.diff.tar.gzip",
            (true, false) => "application/vnd.docker.image.rootfs.diff.tar",
            (false, true) => "application/vnd.oci.image.layer.v1.tar+gzip",
            (false, false) => "application/vnd.oci.image.layer.v1.tar",
        };
        blob(media_type, layer.stored().clone())
    }

    fn child(&self, platform: &str, blobs: &mut Vec<Blob>) -> Child {
        let mut labels = json!({
            REVISION_LABEL: self.sha,
            "org.opencontainers.image.created": self.created,
        });
        if let Some(fault) = &self.fault {
            labels[FAULT_LABEL] = fault.as_str().into();
        }
        for (key, value) in &self.labels {
            labels[key] = value.as_str().into();
        }
        let mut config = json!({
            "created": self.created,
            "config": {"Labels": labels, "Entrypoint": ["/app"]},
            "rootfs": {"type": "layers", "diff_ids": self.layers.iter().map(Layer::diff_id).collect::<Vec<_>>()},
            "history": self.layers.iter().map(|_| json!({"created_by": "coalmine-sandbox"})).collect::<Vec<_>>(),
        });
        for (key, value) in platform_object(platform).as_object().into_iter().flatten() {
            config[key] = value.clone();
        }
        let (config_type, media_type) = if self.docker {
            ("application/vnd.docker.container.image.v1+json", DOCKER_MANIFEST)
        } else {
            ("application/vnd.oci.image.config.v1+json", OCI_MANIFEST)
        };
        let config = blob(config_type, config.to_string().into());
        let layers: Vec<Value> =
            self.layers.iter().map(|layer| descriptor(&self.layer_blob(layer))).collect();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": media_type,
            "config": descriptor(&config),
            "layers": layers,
        });
        blobs.push(config);
        self.as_child(media_type, platform, &manifest)
    }

    fn attestation_child(&self, blobs: &mut Vec<Blob>) -> Child {
        let config = blob(
            "application/vnd.oci.image.config.v1+json",
            json!({"architecture": "unknown", "os": "unknown", "rootfs": {"type": "layers", "diff_ids": []}})
                .to_string()
                .into(),
        );
        let statement = json!({"_type": "https://in-toto.io/Statement/v0.1", "revision": self.sha});
        let statement = blob("application/vnd.in-toto+json", statement.to_string().into());
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": descriptor(&config),
            "layers": [descriptor(&statement)],
        });
        blobs.extend([config, statement]);
        self.as_child(OCI_MANIFEST, "unknown/unknown", &manifest)
    }

    fn as_child(&self, media_type: &str, platform: &str, manifest: &Value) -> Child {
        let bytes = self.spell(manifest);
        let (media_type, platform) = (media_type.to_owned(), platform.to_owned());
        Child { digest: sha256(&bytes), media_type, platform, bytes }
    }

    fn index_type(&self) -> &'static str {
        if self.docker { DOCKER_LIST } else { OCI_INDEX }
    }

    fn index_bytes(&self, children: &[Child]) -> Bytes {
        let described = children.iter().map(|child| {
            let mut entry = json!({
                "mediaType": child.media_type,
                "digest": child.digest,
                "size": child.bytes.len(),
                "platform": platform_object(&child.platform),
            });
            if child.platform == "unknown/unknown" {
                entry["annotations"] = json!({
                    "vnd.docker.reference.type": "attestation-manifest",
                    "vnd.docker.reference.digest": children[0].digest,
                });
            }
            entry
        });
        let mut index = json!({"schemaVersion": 2, "manifests": described.collect::<Vec<_>>()});
        if !self.lacks_index_type {
            index["mediaType"] = self.index_type().into();
        }
        self.spell(&index)
    }

    fn spell(&self, manifest: &Value) -> Bytes {
        if !self.odd_whitespace {
            return manifest.to_string().into();
        }
        let pretty = format!("{manifest:#}").replace("\": ", "\" :\t").replace("  ", "   ");
        format!("\n{pretty} \n\n").into()
    }
}

const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

fn blob(media_type: &str, bytes: Bytes) -> Blob {
    Blob { digest: sha256(&bytes), media_type: media_type.into(), bytes }
}

fn descriptor(blob: &Blob) -> Value {
    json!({"mediaType": blob.media_type, "digest": blob.digest, "size": blob.bytes.len()})
}

fn platform_object(platform: &str) -> Value {
    let mut parts = platform.split('/');
    let mut object = json!({
        "os": parts.next().unwrap_or("linux"),
        "architecture": parts.next().unwrap_or("amd64"),
    });
    if let Some(variant) = parts.next() {
        object["variant"] = variant.into();
    }
    object
}
