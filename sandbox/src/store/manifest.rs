//! Manifests: kept byte for byte, checked for what they name.

use bytes::Bytes;
use hyper::{HeaderMap, Method, Request, Response};
use serde_json::{Value, json};

use super::reply::{oci_error, reply};
use super::route::Reference;
use super::state::{Manifest, Repository, Store};
use crate::body::{self, Body};
use crate::digest::sha256;

/// Largest manifest taken, as in docker-registry (4 MiB).
const MANIFEST_BYTES: usize = 4 * 1024 * 1024;

impl Manifest {
    /// The descriptor of this manifest (digest `name`) if its subject is `digest`.
    pub(super) fn refers_to(&self, name: &str, digest: &str) -> Option<Value> {
        let manifest: Value = serde_json::from_slice(&self.bytes).ok()?;
        if manifest["subject"]["digest"] != digest {
            return None;
        }
        let artifact_type =
            manifest["artifactType"].as_str().or_else(|| manifest["config"]["mediaType"].as_str());
        let mut descriptor = json!({
            "mediaType": self.media_type,
            "digest": name,
            "size": self.bytes.len(),
            "artifactType": artifact_type,
        });
        if manifest["annotations"].is_object() {
            descriptor["annotations"] = manifest["annotations"].clone();
        }
        Some(descriptor)
    }
}

impl Store {
    pub(super) async fn manifest(
        &self,
        repository: &str,
        reference: &Reference,
        request: Request<Body>,
    ) -> Response<Body> {
        let (parts, body) = request.into_parts();
        match parts.method {
            Method::GET | Method::HEAD => {
                self.read(repository, reference, parts.method == Method::HEAD, &parts.headers)
            }
            Method::PUT => match body::collect(body, MANIFEST_BYTES).await {
                Ok(bytes) => self.write(repository, reference, &parts.headers, bytes),
                Err(failure) => oci_error(413, "MANIFEST_INVALID", &failure.to_string()),
            },
            Method::DELETE => self.delete(repository, reference),
            _ => oci_error(405, "UNSUPPORTED", "method not allowed here"),
        }
    }

    fn read(&self, repository: &str, reference: &Reference, head: bool, asked: &HeaderMap) -> Response<Body> {
        let state = self.state();
        let found = state.repositories.get(repository).and_then(|found| {
            let digest = found.digest(reference)?;
            Some((found.manifests.get(&digest)?.clone(), digest))
        });
        drop(state);
        let Some((manifest, digest)) = found else {
            return oci_error(404, "MANIFEST_UNKNOWN", &format!("no {} here", reference.as_str()));
        };
        // As docker-registry 2.8.2 answers a client that does not accept the stored type.
        if !accepts(asked, &manifest.media_type) {
            let message = format!("{} found, but accept header does not support it", manifest.media_type);
            return oci_error(404, "MANIFEST_UNKNOWN", &message);
        }
        let etag = format!("\"{digest}\"");
        let length = manifest.bytes.len().to_string();
        let headers = [
            ("content-type", manifest.media_type.as_str()),
            ("docker-content-digest", &digest),
            ("etag", &etag),
            ("content-length", &length),
        ];
        reply(200, &headers, if head { Bytes::new() } else { manifest.bytes })
    }

    fn write(
        &self,
        repository: &str,
        reference: &Reference,
        headers: &HeaderMap,
        bytes: Bytes,
    ) -> Response<Body> {
        let Ok(parsed) = serde_json::from_slice::<Value>(&bytes) else {
            return oci_error(400, "MANIFEST_INVALID", "manifest is not valid JSON");
        };
        let header = headers.get("content-type").and_then(|value| value.to_str().ok());
        let Some(media_type) = header.or_else(|| parsed["mediaType"].as_str()).map(str::to_owned) else {
            return oci_error(400, "MANIFEST_INVALID", "neither Content-Type nor mediaType");
        };
        if parsed["mediaType"].as_str().is_some_and(|inside| inside != media_type) {
            return oci_error(400, "MANIFEST_INVALID", "mediaType and Content-Type differ");
        }
        let digest = sha256(&bytes);
        if matches!(reference, Reference::Digest(wanted) if *wanted != digest) {
            return oci_error(400, "DIGEST_INVALID", &format!("content is {digest}"));
        }
        let mut state = self.state();
        let target = state.repositories.entry(repository.to_owned()).or_default();
        if !self.abilities.dangling
            && let Some(absent) = target.first_absent(&parsed)
        {
            return oci_error(400, "MANIFEST_BLOB_UNKNOWN", &format!("blob unknown to registry: {absent}"));
        }
        if self.abilities.if_match && !target.precondition_holds(reference, headers) {
            return oci_error(412, "PRECONDITION_FAILED", "the tag is at another digest");
        }
        target.manifests.insert(digest.clone(), Manifest { media_type, bytes });
        if let Reference::Tag(tag) = reference {
            target.tags.insert(tag.clone(), digest.clone());
        }
        drop(state);
        let location = format!("/v2/{repository}/manifests/{digest}");
        let mut headers = vec![("location", location.as_str()), ("docker-content-digest", &digest)];
        if let Some(subject) = parsed["subject"]["digest"].as_str().filter(|_| self.abilities.referrers) {
            headers.push(("oci-subject", subject));
        }
        reply(201, &headers, "")
    }

    fn delete(&self, repository: &str, reference: &Reference) -> Response<Body> {
        let mut state = self.state();
        let Some(found) = state.repositories.get_mut(repository) else {
            return oci_error(404, "NAME_UNKNOWN", "repository name not known to registry");
        };
        let deleted = match reference {
            Reference::Tag(_) if !self.abilities.tag_delete => {
                return oci_error(405, "UNSUPPORTED", "tags cannot be deleted here");
            }
            Reference::Tag(tag) => found.tags.remove(tag).is_some(),
            Reference::Digest(digest) => {
                found.tags.retain(|_, target| target != digest);
                found.manifests.remove(digest).is_some()
            }
        };
        if deleted {
            reply(202, &[], "")
        } else {
            oci_error(404, "MANIFEST_UNKNOWN", &format!("no {} here", reference.as_str()))
        }
    }
}

impl Repository {
    /// The first config, layer or child the manifest names that is not in this repository.
    fn first_absent(&self, manifest: &Value) -> Option<String> {
        let layers = manifest["layers"].as_array().into_iter().flatten();
        let own = layers.filter(|layer| !layer["urls"].is_array());
        let blobs = own.chain(Some(&manifest["config"]).filter(|config| config.is_object()));
        let absent_blob = blobs
            .filter_map(|descriptor| descriptor["digest"].as_str())
            .find(|digest| !self.blobs.contains(*digest));
        let children = manifest["manifests"].as_array().into_iter().flatten();
        let absent_child = children
            .filter_map(|child| child["digest"].as_str())
            .find(|digest| !self.manifests.contains_key(*digest));
        absent_blob.or(absent_child).map(str::to_owned)
    }

    fn precondition_holds(&self, reference: &Reference, headers: &HeaderMap) -> bool {
        let current = self.digest(reference);
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let matches = header("if-match")
            .is_none_or(|wanted| current.as_deref().is_some_and(|now| wanted.trim_matches('"') == now));
        matches && (header("if-none-match") != Some("*") || current.is_none())
    }
}

/// Whether the Accept headers allow `media_type`; none at all allows everything.
fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    let mut values = headers.get_all("accept").iter().filter_map(|value| value.to_str().ok()).peekable();
    values.peek().is_none()
        || values
            .flat_map(|line| line.split(','))
            .filter_map(|part| part.split(';').next())
            .any(|part| matches!(part.trim(), "*/*" | "application/*") || part.trim() == media_type)
}
