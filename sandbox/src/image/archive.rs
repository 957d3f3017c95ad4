//! Image archives: `oci-archive` and `docker save`, both shapes of the latter.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use serde_json::json;

use super::finished::{Image, WriteImage};
use crate::digest::sha256;

/// The two shapes of `docker save`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DockerArchive {
    /// `<id>/layer.tar` and `<config digest>.json`, before Docker 25.
    Old,
    /// `blobs/sha256/<digest>`, with an OCI layout beside `manifest.json`, since Docker 25.
    New,
}

impl Image {
    /// Writes an oci-archive: a tar of the layout.
    pub fn write_oci_archive(&self, path: &Path, tag: Option<&str>) -> Result<(), WriteImage> {
        write_tar(path, self.layout_files(tag))
    }

    /// Writes a docker-archive with the given `repo:tag` names; layers are plain tars in it.
    pub fn write_docker_archive(
        &self,
        path: &Path,
        shape: DockerArchive,
        repo_tags: &[&str],
    ) -> Result<(), WriteImage> {
        if self.is_index() {
            return Err(WriteImage::DockerArchiveOfIndex);
        }
        // A single image's config is its last blob.
        let Some(config) = self.blobs().last() else { return Err(WriteImage::DockerArchiveOfIndex) };
        let hex = |digest: &str| digest.trim_start_matches("sha256:").to_owned();
        let mut files: Vec<(String, Vec<u8>)> = Vec::new();
        let (config_path, layer_paths): (String, Vec<String>) = match shape {
            DockerArchive::Old => (
                format!("{}.json", hex(&config.digest)),
                self.layers.iter().map(|layer| format!("{}/layer.tar", old_id(&layer.diff_id()))).collect(),
            ),
            DockerArchive::New => {
                let blob = |digest: &str| format!("blobs/sha256/{}", hex(digest));
                (blob(&config.digest), self.layers.iter().map(|layer| blob(&layer.diff_id())).collect())
            }
        };
        for (layer, path) in self.layers.iter().zip(&layer_paths) {
            if shape == DockerArchive::Old {
                let directory = path.trim_end_matches("layer.tar");
                files.push((format!("{directory}VERSION"), b"1.0".to_vec()));
                files.push((format!("{directory}json"), b"{}".to_vec()));
            }
            files.push((path.clone(), layer.tar().to_vec()));
        }
        files.push((config_path.clone(), config.bytes.to_vec()));
        let manifest = json!([{"Config": config_path, "RepoTags": repo_tags, "Layers": layer_paths}]);
        files.push(("manifest.json".into(), manifest.to_string().into_bytes()));
        write_tar(path, files)
    }
}

/// A layer directory's name in the old shape is an id of its own, not the layer's digest.
fn old_id(diff_id: &str) -> String {
    sha256(format!("v1 {diff_id}").as_bytes()).trim_start_matches("sha256:").to_owned()
}

fn write_tar(path: &Path, files: Vec<(String, Vec<u8>)>) -> Result<(), WriteImage> {
    let mut archive = tar::Builder::new(File::create(path)?);
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        archive.append_data(&mut header, name, bytes.as_slice())?;
    }
    archive.into_inner()?.flush()?;
    Ok(())
}
