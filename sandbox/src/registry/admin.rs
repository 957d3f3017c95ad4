//! Administrative access: reads and changes the registry without faults, access control or log.

use std::sync::Arc;

use bytes::Bytes;
use hyper::{Method, Request, Response, StatusCode, header};
use serde_json::Value;

use super::backend::{ACCEPT, Backend};
use crate::body::{self, Body};
use crate::image::Image;

/// Largest body that is read administratively.
const READ_BYTES: usize = 1024 * 1024 * 1024;

/// The registry refused an administrative change.
#[derive(Debug, thiserror::Error)]
#[error("failed to {attempt}: status {status}: {answer}")]
pub struct AdminError {
    pub attempt: String,
    pub status: u16,
    pub answer: String,
}

/// Async administrative access, for [`Action::custom`](crate::Action::custom); tests use the blocking ones on
/// [`Registry`](crate::Registry). Nothing that goes through here is in the log or meets a fault.
#[derive(Clone)]
pub struct Admin {
    backend: Arc<Backend>,
}

impl Admin {
    pub(super) fn new(backend: Arc<Backend>) -> Self {
        Self { backend }
    }

    /// Digest of a tag (or of a manifest named by digest); `None` if it is not there.
    pub async fn digest_of(&self, repository: &str, reference: &str) -> Option<String> {
        self.backend.digest_of(repository, reference).await
    }

    /// Media type and bytes of a manifest named by tag or digest; `None` if it is not there.
    pub async fn manifest(&self, repository: &str, reference: &str) -> Option<(String, Bytes)> {
        let path = format!("/v2/{repository}/manifests/{reference}");
        let request = Request::get(path).header(header::ACCEPT, ACCEPT).body(body::empty()).ok()?;
        let response = self.backend.send(request).await;
        let success = response.status().is_success();
        let media_type = response.headers().get(header::CONTENT_TYPE)?.to_str().ok()?.to_owned();
        let bytes = body::collect(response.into_body(), READ_BYTES).await.ok()?;
        success.then_some((media_type, bytes))
    }

    /// Bytes of a blob; `None` if it is not in this repository.
    pub async fn blob(&self, repository: &str, digest: &str) -> Option<Bytes> {
        let request = Request::get(format!("/v2/{repository}/blobs/{digest}")).body(body::empty()).ok()?;
        let response = self.backend.send(request).await;
        let success = response.status().is_success();
        let bytes = body::collect(response.into_body(), READ_BYTES).await.ok()?;
        success.then_some(bytes)
    }

    /// Tags in the registry's order, over all pages; empty if the repository is not there.
    pub async fn tags(&self, repository: &str) -> Vec<String> {
        let mut tags = Vec::new();
        let mut page = Some(format!("/v2/{repository}/tags/list"));
        while let Some(path) = page.take() {
            let Ok(request) = Request::get(path).body(body::empty()) else { break };
            let response = self.backend.send(request).await;
            let link = response.headers().get(header::LINK).and_then(|link| link.to_str().ok());
            page = link.and_then(|link| Some(link.split_once('<')?.1.split_once('>')?.0.to_owned()));
            let Ok(bytes) = body::collect(response.into_body(), READ_BYTES).await else { break };
            let list: Value = serde_json::from_slice(&bytes).unwrap_or_default();
            let names = list["tags"].as_array().into_iter().flatten();
            tags.extend(names.filter_map(Value::as_str).map(str::to_owned));
        }
        tags
    }

    /// Puts a manifest under a tag or its digest and gives its digest.
    pub async fn put_manifest(
        &self,
        repository: &str,
        reference: &str,
        media_type: &str,
        bytes: impl Into<Bytes>,
    ) -> Result<String, AdminError> {
        let bytes = bytes.into();
        let digest = crate::digest::sha256(&bytes);
        let path = format!("/v2/{repository}/manifests/{reference}");
        self.ask(Method::PUT, &path, Some(media_type), body::full(bytes)).await?;
        Ok(digest)
    }

    /// Points a tag at a manifest that is there.
    ///
    /// # Errors
    ///
    /// There is no such manifest (404), or the registry refuses.
    pub async fn move_tag(&self, repository: &str, tag: &str, digest: &str) -> Result<(), AdminError> {
        let Some((media_type, bytes)) = self.manifest(repository, digest).await else {
            let attempt = format!("move {repository}:{tag} to {digest}");
            return Err(AdminError { attempt, status: 404, answer: "no such manifest".into() });
        };
        self.put_manifest(repository, tag, &media_type, bytes).await.map(drop)
    }

    /// Deletes a manifest by digest; the embedded registry drops its tags with it.
    ///
    /// # Errors
    ///
    /// It is not there, or the registry refuses.
    pub async fn delete_manifest(&self, repository: &str, digest: &str) -> Result<(), AdminError> {
        let path = format!("/v2/{repository}/manifests/{digest}");
        self.ask(Method::DELETE, &path, None, body::empty()).await.map(drop)
    }

    /// Deletes a tag and leaves its manifest.
    ///
    /// # Errors
    ///
    /// It is not there, or [`Setup::tag_delete`](crate::Setup) is off.
    pub async fn delete_tag(&self, repository: &str, tag: &str) -> Result<(), AdminError> {
        self.delete_manifest(repository, tag).await
    }

    /// Deletes a blob from one repository.
    ///
    /// # Errors
    ///
    /// It is not there, or the registry refuses.
    pub async fn delete_blob(&self, repository: &str, digest: &str) -> Result<(), AdminError> {
        let path = format!("/v2/{repository}/blobs/{digest}");
        self.ask(Method::DELETE, &path, None, body::empty()).await.map(drop)
    }

    /// Puts a blob and gives its digest.
    pub async fn put_blob(&self, repository: &str, bytes: impl Into<Bytes>) -> Result<String, AdminError> {
        let bytes = bytes.into();
        let digest = crate::digest::sha256(&bytes);
        let path = format!("/v2/{repository}/blobs/uploads/");
        let opened = self.ask(Method::POST, &path, None, body::empty()).await?;
        let location = opened.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        let location = location.unwrap_or_default();
        let joint = if location.contains('?') { '&' } else { '?' };
        let target = format!("{location}{joint}digest={digest}");
        self.ask(Method::PUT, &target, Some("application/octet-stream"), body::full(bytes)).await?;
        Ok(digest)
    }

    /// Puts a whole image, children first, and points `tag` at it. Gives the image's digest.
    pub async fn push(&self, repository: &str, tag: &str, image: &Image) -> Result<String, AdminError> {
        for blob in image.blobs() {
            self.put_blob(repository, blob.bytes.clone()).await?;
        }
        for child in image.children() {
            self.put_manifest(repository, &child.digest, &child.media_type, child.bytes.clone()).await?;
        }
        self.put_manifest(repository, tag, image.media_type(), image.manifest().clone()).await
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        content_type: Option<&str>,
        body: Body,
    ) -> Result<Response<Body>, AdminError> {
        let attempt = format!("{method} {path}");
        let mut request = Request::builder().method(method).uri(path);
        if let Some(content_type) = content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        let Ok(request) = request.body(body) else {
            return Err(AdminError { attempt, status: 0, answer: "not a path".into() });
        };
        let response = self.backend.send(request).await;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = StatusCode::as_u16(&response.status());
        let answer = body::collect(response.into_body(), READ_BYTES).await.unwrap_or_default();
        let answer = String::from_utf8_lossy(&answer[..answer.len().min(200)]).into_owned();
        Err(AdminError { attempt, status, answer })
    }
}
