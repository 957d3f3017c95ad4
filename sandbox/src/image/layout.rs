//! OCI image layouts: directories as `skopeo copy ... oci:` writes them.
//!
//! <https://github.com/opencontainers/image-spec/blob/v1.1.0/image-layout.md> (read 2026-11).

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use serde_json::json;
use sha2::{Digest, Sha256};

use super::finished::{Image, WriteImage};
use crate::digest::{self, sha256};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

impl Image {
    /// Writes an OCI layout into `directory`, which is created; the image gets the reference name `tag`, if any.
    pub fn write_layout(&self, directory: &Path, tag: Option<&str>) -> Result<(), WriteImage> {
        let blobs = directory.join("blobs/sha256");
        fs::create_dir_all(&blobs)?;
        for (path, bytes) in self.layout_files(tag) {
            fs::write(directory.join(path), bytes)?;
        }
        Ok(())
    }

    /// The files of the layout: relative path and bytes, `oci-layout` and `index.json` last.
    pub(super) fn layout_files(&self, tag: Option<&str>) -> Vec<(String, Vec<u8>)> {
        let blob = |digest: &str| format!("blobs/{}", digest.replace(':', "/"));
        let mut files: Vec<(String, Vec<u8>)> =
            self.blobs().iter().map(|found| (blob(&found.digest), found.bytes.to_vec())).collect();
        files.extend(self.children().iter().map(|child| (blob(&child.digest), child.bytes.to_vec())));
        files.push((blob(self.digest()), self.manifest().to_vec()));
        files.push(("oci-layout".into(), LAYOUT.into()));
        let size = self.manifest().len();
        files.push(("index.json".into(), index(self.media_type(), self.digest(), size, tag).into_bytes()));
        files
    }
}

const LAYOUT: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;

fn index(media_type: &str, digest: &str, size: usize, tag: Option<&str>) -> String {
    let mut descriptor = json!({"mediaType": media_type, "digest": digest, "size": size});
    if let Some(tag) = tag {
        descriptor["annotations"] = json!({"org.opencontainers.image.ref.name": tag});
    }
    json!({"schemaVersion": 2, "manifests": [descriptor]}).to_string()
}

/// What [`write_layout_with_sparse_layer`] wrote.
#[derive(Clone, Debug)]
pub struct SparseLayout {
    pub digest: String,
    pub layer: String,
    pub layer_bytes: u64,
}

/// Writes a layout of a linux/amd64 image of commit `sha` with one layer of at least `len_bytes` bytes. The layer
/// is a plain tar of one file of zeros, sparse on disk; memory stays flat. Takes as long as hashing it.
pub fn write_layout_with_sparse_layer(
    directory: &Path,
    sha: &str,
    len_bytes: u64,
) -> Result<SparseLayout, WriteImage> {
    let blobs = directory.join("blobs/sha256");
    fs::create_dir_all(&blobs)?;
    let content_bytes = len_bytes.next_multiple_of(512);
    let layer_bytes = 512 + content_bytes + 1024;
    let mut header = tar::Header::new_gnu();
    header.set_path("zeros.bin")?;
    header.set_size(content_bytes);
    header.set_mode(0o644);
    header.set_cksum();

    let unnamed = directory.join("layer");
    let mut file = File::options().read(true).write(true).create(true).truncate(true).open(&unnamed)?;
    file.write_all(header.as_bytes())?;
    file.set_len(layer_bytes)?;
    let layer = hash(&mut file)?;
    fs::rename(&unnamed, blobs.join(&layer["sha256:".len()..]))?;

    let labels = json!({super::recipe::REVISION_LABEL: sha});
    let config = json!({
        "architecture": "amd64",
        "os": "linux",
        "config": {"Labels": labels},
        "rootfs": {"type": "layers", "diff_ids": [layer]},
    })
    .to_string();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": sha256(config.as_bytes()),
            "size": config.len(),
        },
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer, "size": layer_bytes}],
    })
    .to_string();
    let digest = sha256(manifest.as_bytes());
    for bytes in [&config, &manifest] {
        fs::write(blobs.join(&sha256(bytes.as_bytes())["sha256:".len()..]), bytes)?;
    }
    fs::write(directory.join("oci-layout"), LAYOUT)?;
    fs::write(directory.join("index.json"), index(MANIFEST, &digest, manifest.len(), None))?;
    Ok(SparseLayout { digest, layer, layer_bytes })
}

fn hash(file: &mut File) -> std::io::Result<String> {
    file.seek(SeekFrom::Start(0))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1024 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(digest::spell(hash)),
            read => hash.update(&buffer[..read]),
        }
    }
}
