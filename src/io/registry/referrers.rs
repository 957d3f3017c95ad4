//! Which documents are about a manifest: by the referrers API, or by the fallback tag where a registry has none
//! (OCI distribution specification 1.1, "Listing Referrers" and "Referrers Tag Schema"; ghcr.io and docker-registry
//! 2.8 are such).

use std::collections::BTreeMap;

use oci_client::manifest::OciImageIndex;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::artifacts::Artifact;
use super::call::Call;
use super::client::Client;
use super::decode;
use super::error::{Problem, RegistryError};
use crate::model::digest::Digest;
use crate::model::manifest::{Manifest, MediaType};
use crate::model::reference::Reference;
use crate::model::repository::Repository;
use crate::model::tag::Tag;

#[derive(Clone, Debug, Default)]
pub struct Referrers {
    pub kept: bool,
    /// Digest -> descriptor, as the list has it.
    list: BTreeMap<Digest, Value>,
}

impl Referrers {
    /// The documents of one kind; sorted.
    pub fn of_type(&self, artifact_type: &str) -> Vec<Digest> {
        let fits = |descriptor: &Value| {
            descriptor.get("artifactType").and_then(Value::as_str) == Some(artifact_type)
        };
        self.list
            .iter()
            .filter(|(_, descriptor)| fits(descriptor))
            .map(|(digest, _)| digest.clone())
            .collect()
    }

    /// Whether this document is in the list.
    pub fn has(&self, digest: &Digest) -> bool {
        self.list.contains_key(digest)
    }

    pub(crate) fn add(&mut self, artifact: &Artifact) {
        let manifest = &artifact.manifest;
        let descriptor = json!({
            "mediaType": manifest.media_type.as_str(),
            "digest": manifest.digest,
            "size": manifest.bytes.len(),
            "artifactType": artifact.artifact_type,
        });
        self.list.insert(manifest.digest.clone(), descriptor);
    }

    /// The list as an index, for the fallback tag.
    pub fn index(&self) -> Manifest {
        let manifests: Vec<&Value> = self.list.values().collect();
        let media_type = MediaType::OciIndex.as_str();
        let bytes = serde_json::to_vec(
            &json!({ "schemaVersion": 2, "mediaType": media_type, "manifests": manifests }),
        );
        decode::manifest(bytes.expect("a value is JSON").into(), None)
            .expect("this is an index by construction")
    }

    fn read(kept: bool, bytes: &[u8]) -> Result<Self, String> {
        // Parsed twice: once to be sure that it is an index, once to keep every descriptor as it is.
        serde_json::from_slice::<OciImageIndex>(bytes).map_err(|e| e.to_string())?;
        let value: Value = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
        let mut list = BTreeMap::new();
        for descriptor in value.get("manifests").and_then(Value::as_array).into_iter().flatten() {
            let digest =
                descriptor.get("digest").and_then(Value::as_str).and_then(|digest| digest.parse().ok());
            list.insert(digest.ok_or("a descriptor without a digest")?, descriptor.clone());
        }
        Ok(Self { kept, list })
    }
}

/// The tag under which a registry without the API keeps the list for `subject`.
pub fn fallback_tag(subject: &Digest) -> Tag {
    format!("sha256-{}", subject.hex()).parse().expect("71 characters of a tag's alphabet")
}

impl Client<'_> {
    /// What is about `subject`.
    pub async fn referrers(&self, home: &Repository, subject: &Digest) -> Result<Referrers, RegistryError> {
        let url = self.url(home, &format!("referrers/{subject}"));
        let call = Call::get(format!("list what is about {home}@{subject}"), home, url);
        let answer = self.call(&call).await?;
        let unfit = |found| call.error(Problem::Unfit { expected: "an index", found });
        match answer.status {
            StatusCode::OK => Referrers::read(true, &answer.body).map_err(unfit),
            // No such API: docker-registry answers 404, others 400, 405 or 501.
            StatusCode::NOT_FOUND
            | StatusCode::BAD_REQUEST
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::NOT_IMPLEMENTED => {
                let reference = Reference::Tagged(home.clone(), fallback_tag(subject));
                match self.manifest(&reference).await? {
                    Some(manifest) => Referrers::read(false, &manifest.bytes).map_err(unfit),
                    None => Ok(Referrers::default()),
                }
            }
            _ => Err(call.unexpected("status 200 or 404", &answer)),
        }
    }
}
