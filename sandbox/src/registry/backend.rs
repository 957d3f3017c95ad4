//! The registry behind the misbehaviour: fills what a real upstream lacks and remembers what tags were.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hyper::{Method, Request, Response, header};
use serde_json::Value;

use super::upstream::Upstream;
use crate::body::{self, Body};
use crate::store::{Reference, Route, oci_error, reply};

/// All manifest types, in the one Accept line that every registry understands.
pub(super) const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.docker.distribution.manifest.v2+json";

/// Largest tag list rewritten.
const TAGS_BYTES: usize = 16 * 1024 * 1024;

type Tag = (String, String);

/// An [`Upstream`] with tag deletion, the referrers switch and a memory of the previous write of each tag.
pub(super) struct Backend {
    upstream: Upstream,
    tag_delete: bool,
    referrers: bool,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    /// Tags deleted here that a real upstream still has.
    tombstones: HashSet<Tag>,
    /// What the tag was before its last write; `None`: it was not there.
    previous: HashMap<Tag, Option<String>>,
}

impl Backend {
    pub(super) fn new(upstream: Upstream, tag_delete: bool, referrers: bool) -> Self {
        Self { upstream, tag_delete, referrers, memory: Mutex::default() }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the tag was before its last write: `None` if it was never written through here, `Some(None)` if
    /// that write created it.
    pub(super) fn previous(&self, repository: &str, tag: &str) -> Option<Option<String>> {
        self.memory().previous.get(&(repository.to_owned(), tag.to_owned())).cloned()
    }

    /// Forgets what tags were before their last write.
    pub(super) fn forget_previous(&self) {
        self.memory().previous.clear();
    }

    /// Digest of a tag or manifest, `None` if it is not there.
    pub(super) async fn digest_of(&self, repository: &str, reference: &str) -> Option<String> {
        let path = format!("/v2/{repository}/manifests/{reference}");
        let request = Request::head(path).header(header::ACCEPT, ACCEPT).body(body::empty()).ok()?;
        let response = self.read(repository, &Reference::new(reference), request).await;
        let digest = response.headers().get("docker-content-digest")?.to_str().ok()?.to_owned();
        response.status().is_success().then_some(digest)
    }

    /// Answers one request as a well-behaved registry.
    pub(super) async fn send(&self, request: Request<Body>) -> Response<Body> {
        match Route::of(request.uri()) {
            Route::Manifest { repository, reference } => match *request.method() {
                Method::GET | Method::HEAD => self.read(&repository, &reference, request).await,
                _ => self.write(&repository, &reference, request).await,
            },
            Route::Tags { repository } => self.tags(&repository, request).await,
            Route::Referrers { .. } if !self.referrers => {
                reply(404, &[("content-type", "text/plain")], "404 page not found\n")
            }
            _ => self.upstream.send(request).await,
        }
    }

    async fn read(&self, repository: &str, reference: &Reference, request: Request<Body>) -> Response<Body> {
        if let Reference::Tag(tag) = reference
            && self.memory().tombstones.contains(&(repository.to_owned(), tag.clone()))
        {
            return oci_error(404, "MANIFEST_UNKNOWN", &format!("no {tag} here"));
        }
        self.upstream.send(request).await
    }

    async fn write(&self, repository: &str, reference: &Reference, request: Request<Body>) -> Response<Body> {
        let Reference::Tag(tag) = reference else { return self.put(request).await };
        let key = (repository.to_owned(), tag.clone());
        let before = self.digest_of(repository, tag).await;
        let delete = request.method() == Method::DELETE;
        let response = match (delete, self.upstream.is_remote(), self.tag_delete, &before) {
            (true, true, true, Some(_)) => {
                self.memory().tombstones.insert(key.clone());
                reply(202, &[], "")
            }
            (true, true, true, None) => oci_error(404, "MANIFEST_UNKNOWN", &format!("no {tag} here")),
            _ => self.put(request).await,
        };
        if response.status().is_success() {
            let mut memory = self.memory();
            if !delete {
                memory.tombstones.remove(&key);
            }
            memory.previous.insert(key, before);
        }
        response
    }

    async fn put(&self, request: Request<Body>) -> Response<Body> {
        let mut response = self.upstream.send(request).await;
        if !self.referrers {
            response.headers_mut().remove("oci-subject");
        }
        response
    }

    async fn tags(&self, repository: &str, request: Request<Body>) -> Response<Body> {
        let response = self.upstream.send(request).await;
        let gone: HashSet<String> = self
            .memory()
            .tombstones
            .iter()
            .filter(|(found, _)| found == repository)
            .map(|(_, tag)| tag.clone())
            .collect();
        if gone.is_empty() || !response.status().is_success() {
            return response;
        }
        let (mut parts, body) = response.into_parts();
        let Ok(bytes) = body::collect(body, TAGS_BYTES).await else {
            return oci_error(502, "UNKNOWN", "the tag list broke off");
        };
        let mut list: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        if let Some(tags) = list["tags"].as_array_mut() {
            tags.retain(|tag| tag.as_str().is_none_or(|tag| !gone.contains(tag)));
        }
        parts.headers.remove(header::CONTENT_LENGTH);
        Response::from_parts(parts, body::full(list.to_string()))
    }
}
