//! A container image of the release archives, as an OCI layout that `publish-staging` takes: one layer for each platform,
//! with the programs, the certificates of the certification authorities and nothing else. Built without a daemon; the same
//! archives make the same image (<https://github.com/opencontainers/image-spec/blob/v1.1.0/image-layout.md>).

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use coalmine::model::digest::Digest;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tar::{Archive, Builder, EntryType, Header};

/// Nobody in particular, as in the images of distroless: not root.
const USER: &str = "65532:65532";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// The archive of one platform.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// `amd64` or `arm64`.
    architecture: String,
    /// The `.tar.gz`.
    file: PathBuf,
}

impl std::str::FromStr for Source {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((architecture @ ("amd64" | "arm64"), file)) => {
                Ok(Self { architecture: architecture.to_owned(), file: file.into() })
            }
            _ => Err("expected amd64=FILE or arm64=FILE".to_owned()),
        }
    }
}

/// What the image says of itself.
pub(crate) struct Labels<'a> {
    pub(crate) version: &'a str,
    pub(crate) sha: &'a str,
    /// The address of the repository.
    pub(crate) source: &'a str,
}

/// Writes the layout into `out`, a folder that does not exist yet.
pub(crate) fn write(
    sources: &[Source],
    certificates: &Path,
    labels: &Labels<'_>,
    out: &Path,
) -> io::Result<()> {
    let blobs = out.join("blobs/sha256");
    fs::create_dir_all(&blobs)?;
    let certificates = fs::read(certificates)?;
    let keep = |bytes: &[u8], media_type: &str| -> io::Result<Value> {
        let digest = Digest::of(bytes);
        fs::write(blobs.join(digest.hex()), bytes)?;
        Ok(json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() }))
    };
    let labelled = json!({
        "org.opencontainers.image.title": "coalmine",
        "org.opencontainers.image.version": labels.version,
        "org.opencontainers.image.revision": labels.sha,
        "org.opencontainers.image.source": labels.source,
        "org.opencontainers.image.licenses": "Apache-2.0",
    });
    let mut manifests = Vec::new();
    for source in sources {
        let tar = layer(source, &certificates)?;
        let mut gz = GzEncoder::new(Vec::new(), Compression::best());
        gz.write_all(&tar)?;
        let layer = keep(&gz.finish()?, "application/vnd.oci.image.layer.v1.tar+gzip")?;
        let config = json!({
            "architecture": source.architecture, "os": "linux",
            "config": {
                "User": USER, "WorkingDir": "/release", "Cmd": ["release-status"], "Labels": labelled,
                "Env": ["PATH=/usr/local/bin", "HOME=/home/nonroot", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"],
            },
            "rootfs": { "type": "layers", "diff_ids": [Digest::of(&tar)] },
        });
        let config = keep(config.to_string().as_bytes(), "application/vnd.oci.image.config.v1+json")?;
        let manifest = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer], "annotations": labelled });
        let mut named = keep(manifest.to_string().as_bytes(), MANIFEST)?;
        named["platform"] = json!({ "os": "linux", "architecture": source.architecture });
        manifests.push(named);
    }
    let media_type = "application/vnd.oci.image.index.v1+json";
    let index = json!({ "schemaVersion": 2, "mediaType": media_type, "manifests": manifests, "annotations": labelled });
    let top = keep(index.to_string().as_bytes(), media_type)?;
    let index = json!({ "schemaVersion": 2, "mediaType": media_type, "manifests": [top] });
    fs::write(out.join("index.json"), index.to_string())?;
    fs::write(out.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)
}

/// The files of the image, as a tar.
fn layer(source: &Source, certificates: &[u8]) -> io::Result<Vec<u8>> {
    let mut tar = Builder::new(Vec::new());
    let mut add = |path: &str, bytes: &[u8], mode: u32| {
        let mut header = Header::new_ustar();
        let folder = path.ends_with('/');
        header.set_entry_type(if folder { EntryType::Directory } else { EntryType::Regular });
        header.set_mode(mode);
        // What a program writes, it writes here.
        if path.starts_with("release/") || path.starts_with("home/nonroot") {
            header.set_uid(65532);
            header.set_gid(65532);
        }
        header.set_size(bytes.len() as u64);
        tar.append_data(&mut header, path, bytes)
    };
    for (folder, mode) in [("home/nonroot/", 0o700), ("tmp/", 0o1777), ("release/", 0o755)] {
        add(folder, &[], mode)?;
    }
    add("etc/passwd", b"root:x:0:0::/root:/none\nnonroot:x:65532:65532::/home/nonroot:/none\n", 0o644)?;
    add("etc/ssl/certs/ca-certificates.crt", certificates, 0o644)?;
    let mut programs = 0;
    for entry in Archive::new(GzDecoder::new(File::open(&source.file)?)).entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let inside: Vec<_> = path.iter().skip(1).filter_map(|part| part.to_str()).collect();
        let (to, mode) = match inside.as_slice() {
            ["bin", program] => (format!("usr/local/bin/{program}"), 0o755),
            ["LICENSE"] => ("usr/share/doc/coalmine/LICENSE".to_owned(), 0o644),
            _ => continue,
        };
        programs += usize::from(mode == 0o755);
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        add(&to, &bytes, mode)?;
    }
    if programs == 0 {
        return Err(io::Error::other(format!("{} contains no programs", source.file.display())));
    }
    tar.into_inner()
}

#[cfg(test)]
mod tests {
    use super::{Labels, Source, write};
    use coalmine::model::digest::Digest;
    use serde_json::Value;
    use std::fs;
    use std::path::Path;

    fn archive(place: &Path, architecture: &str) -> Source {
        let folder = place.join(format!("coalmine-1-{architecture}"));
        fs::create_dir_all(folder.join("bin")).expect("a folder");
        fs::create_dir_all(folder.join("man")).expect("a folder");
        for name in ["bin/promote-latest", "man/promote-latest.1", "LICENSE"] {
            fs::write(folder.join(name), format!("{name} {architecture}")).expect("a file");
        }
        let out = place.join(format!("{architecture}.tar.gz"));
        crate::archive::write(&folder, &out).expect("an archive");
        format!("{architecture}={}", out.display()).parse().expect("a source")
    }

    #[test]
    fn the_image_has_the_programs_of_every_platform_and_nothing_of_this_machine() {
        let places = [(); 2].map(|()| tempfile::tempdir().expect("a temporary folder"));
        let digests = places.each_ref().map(|place| {
            let sources = ["amd64", "arm64"].map(|architecture| archive(place.path(), architecture));
            let certificates = place.path().join("certificates");
            fs::write(&certificates, "certificates").expect("a file");
            let out = place.path().join("layout");
            let labels = Labels { version: "1", sha: "4c1d56e", source: "https://github.com/acme/coalmine" };
            write(&sources, &certificates, &labels, &out).expect("a layout");
            let read = |name: &str| -> Value {
                serde_json::from_slice(&fs::read(out.join(name)).expect(name)).expect("JSON")
            };
            let blob = |of: &Value| {
                let digest = of["digest"].as_str().expect("a digest").to_owned();
                let bytes = fs::read(out.join("blobs").join(digest.replace(':', "/"))).expect("a blob");
                assert_eq!(
                    (Digest::of(&bytes).to_string(), of["size"].as_u64()),
                    (digest, Some(bytes.len() as u64))
                );
                bytes
            };
            let top = read("index.json")["manifests"][0].clone();
            let index: Value = serde_json::from_slice(&blob(&top)).expect("an index");
            for (at, architecture) in ["amd64", "arm64"].into_iter().enumerate() {
                assert_eq!(index["manifests"][at]["platform"]["architecture"], architecture);
                let manifest: Value =
                    serde_json::from_slice(&blob(&index["manifests"][at])).expect("a manifest");
                let config: Value =
                    serde_json::from_slice(&blob(&manifest["config"])).expect("a configuration");
                assert_eq!(config["config"]["User"], "65532:65532");
                let layer = blob(&manifest["layers"][0]);
                let mut layer = tar::Archive::new(flate2::read::GzDecoder::new(layer.as_slice()));
                let paths: Vec<String> = layer
                    .entries()
                    .expect("entries")
                    .map(|entry| entry.expect("an entry").path().expect("a path").display().to_string())
                    .collect();
                assert!(paths.contains(&"usr/local/bin/promote-latest".to_owned()), "{paths:?}");
                assert!(paths.iter().all(|path| !path.contains("man")), "{paths:?}");
            }
            top["digest"].clone()
        });
        assert_eq!(digests[0], digests[1]);
    }
}
