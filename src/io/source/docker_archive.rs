//! What `docker save` writes. It holds no manifest, so one is made here, the same for the same archive: an OCI
//! manifest over the configuration and the layers exactly as they are in the archive.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::archive::{Archive, compression, shown};
use super::error::SourceError;
use super::origin::{Content, Origin, read};
use crate::io::registry::call::MANIFEST_BYTES;
use crate::io::registry::decode;
use crate::model::digest::Digest;
use crate::model::manifest::MediaType;

/// Most layers of one image; container engines stop at 127.
const LAYERS: usize = 1_000;
/// How much of a layer is hashed at a time.
const STRETCH_BYTES: usize = 256 * 1024;

/// One image of `manifest.json` (moby, `image/tarexport`).
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SavedImage {
    config: String,
    layers: Vec<String>,
}

/// Opens the only image of a `docker save` archive.
pub fn open(path: &Path) -> Result<Origin, SourceError> {
    let archive = Archive::read(path)?;
    let unfit = |expected, found: String| SourceError::Unfit { path: path.to_owned(), expected, found };
    let member = |name: &str| {
        archive
            .member(name)
            .ok_or_else(|| unfit("a `docker save` archive", format!("no member `{}`", shown(name))))
    };
    let list = read(&member("manifest.json")?, MANIFEST_BYTES)?;
    let images: Vec<SavedImage> = serde_json::from_slice(&list)
        .map_err(|e| unfit("a `manifest.json` that can be read", e.to_string()))?;
    let [image] = images.as_slice() else {
        return Err(unfit("one image", format!("{}: save them one by one", images.len())));
    };
    if image.layers.len() > LAYERS {
        return Err(unfit("an image", format!("{} layers", image.layers.len())));
    }
    let (mut blobs, mut described) = (BTreeMap::new(), HashMap::new());
    let mut describe = |name: &str, config: bool| {
        // A layer that occurs twice is hashed once: a list that names a large one a thousand times costs nothing.
        if let Some(known) = described.get(&(name.to_owned(), config)) {
            return Ok(Value::clone(known));
        }
        let content = member(name)?;
        let (digest, media_type) = look(&content, config)?;
        let Content::File { size, .. } = content else {
            return Err(unfit("a file", "something else".to_owned()));
        };
        blobs.insert(digest.clone(), (size, content));
        let descriptor = json!({ "mediaType": media_type, "digest": digest, "size": size });
        described.insert((name.to_owned(), config), descriptor.clone());
        Ok(descriptor)
    };
    let config = describe(&image.config, true)?;
    let layers = image.layers.iter().map(|name| describe(name, false)).collect::<Result<Vec<_>, _>>()?;
    let media_type = MediaType::OciManifest.as_str();
    let manifest = json!({ "schemaVersion": 2, "mediaType": media_type, "config": config, "layers": layers });
    let bytes = serde_json::to_vec(&manifest).expect("a value is JSON");
    let top = decode::manifest(bytes.into(), Some(media_type))
        .map_err(|problem| unfit("a manifest", problem.to_string()))?;
    Ok(Origin { top, children: Vec::new(), blobs, temporary: None })
}

/// Digest and media type of a member (OCI image specification 1.1, `media-types.md`).
fn look(content: &Content, config: bool) -> Result<(Digest, &'static str), SourceError> {
    let Content::File { path, offset, size } = content else {
        unreachable!("members of an archive are stretches of a file")
    };
    let failed = |source| SourceError::Read { path: path.clone(), source };
    let mut file = File::open(path).map_err(failed)?;
    file.seek(SeekFrom::Start(*offset)).map_err(failed)?;
    let mut rest = file.take(*size);
    let (mut hasher, mut buffer, mut magic) = (Sha256::new(), vec![0; STRETCH_BYTES], Vec::new());
    loop {
        let read = rest.read(&mut buffer).map_err(failed)?;
        if read == 0 {
            break;
        }
        if magic.is_empty() {
            magic = buffer[..read.min(4)].to_vec();
        }
        hasher.update(&buffer[..read]);
    }
    let media_type = match (config, compression(&magic)) {
        (true, _) => "application/vnd.oci.image.config.v1+json",
        (false, Some("gzip")) => "application/vnd.oci.image.layer.v1.tar+gzip",
        (false, Some("zstd")) => "application/vnd.oci.image.layer.v1.tar+zstd",
        (false, _) => "application/vnd.oci.image.layer.v1.tar",
    };
    Ok((Digest::from_hasher(hasher), media_type))
}
