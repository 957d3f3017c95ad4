//! OCI artifacts (OCI image specification 1.1, "Guidance for artifacts"): an `artifactType`, layers, and for a small
//! document the empty configuration. `oras`, `crane` and `skopeo` can read them.

use bytes::Bytes;
use oci_client::manifest::{OciDescriptor, OciImageManifest};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::call::{Again, Call};
use super::client::Client;
use super::decode;
use super::error::{Problem, RegistryError};
use super::upload::{Begun, at_digest};
use crate::model::digest::Digest;
use crate::model::manifest::{Blob, Manifest, MediaType};
use crate::model::reference::Reference;
use crate::model::repository::Repository;
use crate::model::tag::Tag;

/// The configuration of what has none (OCI image specification 1.1, "Guidance for an empty descriptor").
const EMPTY: &[u8] = b"{}";
const EMPTY_TYPE: &str = "application/vnd.oci.empty.v1+json";
/// Tries of one small blob, and of one document.
const TRIES: u32 = 6;

/// An artifact in a registry: a document, files that belong together, or both.
#[derive(Clone, Debug)]
pub struct Artifact {
    pub(crate) manifest: Manifest,
    pub artifact_type: String,
    /// The document: the bytes of the layer whose media type is `artifact_type`. Empty where there is none.
    pub content: Bytes,
    /// Every other layer, in order, without its bytes; the empty blob is left out.
    pub layers: Vec<Layer>,
    pub annotations: Vec<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    pub(crate) blob: Blob,
    pub(crate) media_type: String,
    pub(crate) annotations: Vec<(String, String)>,
}

/// An artifact whose document is not read yet.
#[derive(Clone, Debug)]
pub(crate) struct UnreadArtifact {
    pub(crate) artifact: Artifact,
    document: Option<Layer>,
}

impl Artifact {
    /// A document, perhaps about `subject`. The same words give the same digest.
    pub fn of(
        artifact_type: &str,
        content: Bytes,
        subject: Option<&Manifest>,
        annotations: &[(&str, &str)],
    ) -> Self {
        let layer = match content.len() {
            0 => empty(),
            size => json!({ "mediaType": artifact_type, "digest": Digest::of(&content), "size": size }),
        };
        let mut manifest = json!({
            "schemaVersion": 2,
            "mediaType": MediaType::OciManifest.as_str(),
            "artifactType": artifact_type,
            "config": empty(),
            "layers": [layer],
        });
        if let Some(subject) = subject {
            let (media_type, digest, size) =
                (subject.media_type.as_str(), &subject.digest, subject.bytes.len());
            manifest["subject"] = json!({ "mediaType": media_type, "digest": digest, "size": size });
        }
        if !annotations.is_empty() {
            manifest["annotations"] =
                annotations.iter().map(|(key, value)| ((*key).to_owned(), Value::from(*value))).collect();
        }
        let bytes = serde_json::to_vec(&manifest).expect("a value is JSON");
        let manifest =
            decode::manifest(bytes.into(), None).expect("this is an image manifest by construction");
        let annotations =
            annotations.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Self { manifest, artifact_type: artifact_type.to_owned(), content, layers: Vec::new(), annotations }
    }

    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }
}

fn empty() -> Value {
    json!({ "mediaType": EMPTY_TYPE, "digest": Digest::of(EMPTY), "size": EMPTY.len() })
}

/// The layers of `manifest` with what their descriptors say of them.
fn layers(manifest: &Manifest, descriptors: Vec<OciDescriptor>) -> impl Iterator<Item = Layer> {
    // The first blob is the configuration.
    let blobs = manifest.blobs().into_iter().skip(1).cloned();
    blobs.zip(descriptors).map(|(blob, descriptor)| Layer {
        blob,
        media_type: descriptor.media_type,
        annotations: descriptor.annotations.unwrap_or_default().into_iter().collect(),
    })
}

fn unfit(reference: &Reference, found: String) -> RegistryError {
    let problem = Problem::Unfit { expected: "a record of coalmine", found };
    RegistryError::new(format!("read {reference}"), problem)
}

fn denies_for_a_moment(error: &RegistryError) -> bool {
    matches!(&error.problem, Problem::Status { status, .. } if *status == StatusCode::BAD_REQUEST)
}

impl Client<'_> {
    /// Writes a document: its blobs, then its manifest under `tag`, or under its own digest.
    ///
    /// A registry may deny for a moment a blob that another writer is storing too (docker-registry 2.8 on a file
    /// system answers 400): blobs and manifest are written again then.
    pub async fn put_artifact(
        &self,
        home: &Repository,
        artifact: &Artifact,
        tag: Option<&Tag>,
    ) -> Result<(), RegistryError> {
        let put = async || self.put_artifact_once(home, artifact, tag).await;
        self.retry(TRIES, denies_for_a_moment, put).await
    }

    async fn put_artifact_once(
        &self,
        home: &Repository,
        artifact: &Artifact,
        tag: Option<&Tag>,
    ) -> Result<(), RegistryError> {
        self.put_small_blob(home, Bytes::from_static(EMPTY)).await?;
        if !artifact.content.is_empty() {
            self.put_small_blob(home, artifact.content.clone()).await?;
        }
        match tag {
            Some(tag) => self.put_tag_again(home, tag, &artifact.manifest).await,
            None => self.put_pinned(home, &artifact.manifest).await,
        }
    }

    /// Writes an artifact that stands in its manifest alone, under `tag`: one request where the empty configuration is
    /// there already, as in every repository that has a release record.
    ///
    /// # Errors
    /// The registry refuses or cannot be reached.
    pub async fn put_note(
        &self,
        home: &Repository,
        artifact: &Artifact,
        tag: &Tag,
    ) -> Result<(), RegistryError> {
        match self.put_tag_again(home, tag, &artifact.manifest).await {
            Err(error) if error.refuses_content() => self.put_artifact(home, artifact, Some(tag)).await,
            done => done,
        }
    }

    /// Reads the artifact that `reference` names: its manifest, and the document in it if it has one; `None` if there
    /// is no such artifact.
    ///
    /// # Errors
    /// The registry cannot be read, there is something else, or there are several documents.
    pub async fn artifact(
        &self,
        reference: &Reference,
        artifact_type: &str,
    ) -> Result<Option<Artifact>, RegistryError> {
        match self.unread_artifact(reference, artifact_type).await? {
            Some(unread) => self.document(reference, unread).await.map(Some),
            None => Ok(None),
        }
    }

    /// The same without its document, which costs a request of its own.
    ///
    /// # Errors
    /// Those of [`Client::artifact`].
    pub(crate) async fn unread_artifact(
        &self,
        reference: &Reference,
        artifact_type: &str,
    ) -> Result<Option<UnreadArtifact>, RegistryError> {
        let Some(manifest) = self.manifest(reference).await? else { return Ok(None) };
        let unfit = |found: String| unfit(reference, found);
        let parsed: OciImageManifest =
            serde_json::from_slice(&manifest.bytes).map_err(|e| unfit(e.to_string()))?;
        if parsed.artifact_type.as_deref() != Some(artifact_type) {
            let found = parsed.artifact_type.unwrap_or_else(|| "an image".to_owned());
            return Err(unfit(format!("`{}`", crate::base::text::escape(&found, 100))));
        }
        let (mut documents, layers): (Vec<Layer>, Vec<Layer>) = layers(&manifest, parsed.layers)
            .filter(|layer| layer.media_type != EMPTY_TYPE)
            .partition(|layer| layer.media_type == artifact_type);
        if documents.len() > 1 {
            return Err(unfit(format!("{} documents", documents.len())));
        }
        let artifact_type = artifact_type.to_owned();
        let annotations = parsed.annotations.unwrap_or_default().into_iter().collect();
        let artifact = Artifact { manifest, artifact_type, content: Bytes::new(), layers, annotations };
        Ok(Some(UnreadArtifact { artifact, document: documents.pop() }))
    }

    /// Reads the document of an artifact.
    ///
    /// # Errors
    /// It is not there, or the registry cannot be read.
    pub(crate) async fn document(
        &self,
        reference: &Reference,
        unread: UnreadArtifact,
    ) -> Result<Artifact, RegistryError> {
        let UnreadArtifact { mut artifact, document } = unread;
        if let Some(Layer { blob, .. }) = document {
            let content = self.config(reference.repository(), &blob).await?;
            artifact.content = content.ok_or_else(|| unfit(reference, format!("no blob {}", blob.digest)))?;
        }
        Ok(artifact)
    }

    async fn put_small_blob(&self, home: &Repository, bytes: Bytes) -> Result<(), RegistryError> {
        let digest = Digest::of(&bytes);
        if self.has_blob(home, &digest).await? {
            return Ok(());
        }
        let put = async || self.put_small_blob_once(home, &digest, &bytes).await;
        self.retry(TRIES, RegistryError::is_transient, put).await
    }

    async fn put_small_blob_once(
        &self,
        home: &Repository,
        digest: &Digest,
        bytes: &Bytes,
    ) -> Result<(), RegistryError> {
        let attempted = format!("write a record to {home}");
        let url = self.url(home, "");
        // Small documents go to the registry itself or nowhere: the request carries its token.
        let location = match self.begin_upload(&attempted, home, None).await? {
            Begun::At(location) if location.origin() == url.origin() => at_digest(location, digest),
            Begun::At(_) | Begun::Mounted => {
                let found = "one on another host".to_owned();
                let problem = Problem::Unfit { expected: "a Location on the registry", found };
                return Err(RegistryError::new(attempted, problem));
            }
        };
        let finish = Call {
            body: Some(("application/octet-stream", bytes.clone())),
            ..Call::get(attempted, home, location).with(Method::PUT, Again::No)
        };
        let answer = self.call(&finish).await?;
        if answer.status == StatusCode::CREATED {
            Ok(())
        } else {
            Err(finish.unexpected("status 201", &answer))
        }
    }
}
