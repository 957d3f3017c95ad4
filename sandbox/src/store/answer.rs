//! The endpoints other than manifests and uploads, and the dispatch to all of them.

use hyper::{Method, Request, Response, Uri};
use serde_json::json;

use super::query::query;
use super::reply::{oci_error, reply};
use super::route::Route;
use super::state::Store;
use crate::body::{self, Body};

impl Store {
    /// Answers one registry request. Never fails: every refusal is a response.
    pub(crate) async fn answer(&self, request: Request<Body>) -> Response<Body> {
        match Route::of(request.uri()) {
            Route::Base => {
                let headers = [
                    ("docker-distribution-api-version", "registry/2.0"),
                    ("content-type", "application/json"),
                ];
                reply(200, &headers, "{}")
            }
            Route::Manifest { repository, reference } => {
                self.manifest(&repository, &reference, request).await
            }
            Route::Blob { repository, digest } => self.blob(&repository, &digest, &request),
            Route::Upload { repository, session } => {
                self.upload(&repository, session.as_deref(), request).await
            }
            Route::Tags { repository } => self.tags(&repository, request.uri()),
            Route::Referrers { repository, digest } if self.abilities.referrers => {
                self.referrers(&repository, &digest, request.uri())
            }
            Route::Referrers { .. } | Route::Token | Route::Elsewhere => {
                body::swallow(request.into_body()).await;
                reply(404, &[("content-type", "text/plain")], "404 page not found\n")
            }
        }
    }

    fn blob(&self, repository: &str, digest: &str, request: &Request<Body>) -> Response<Body> {
        let mut state = self.state();
        let linked = state.repositories.get_mut(repository).filter(|found| found.blobs.contains(digest));
        let Some(linked) = linked else {
            return oci_error(404, "BLOB_UNKNOWN", "blob unknown to registry");
        };
        if request.method() == Method::DELETE {
            linked.blobs.remove(digest);
            return reply(202, &[], "");
        }
        let Some(content) = state.blobs.get(digest).cloned() else {
            return oci_error(404, "BLOB_UNKNOWN", "blob unknown to registry");
        };
        drop(state);
        let whole = content.len_bytes();
        let range = request.headers().get("range").and_then(|value| value.to_str().ok());
        let (start, end) = range.and_then(|range| span(range, whole)).unwrap_or((0, whole));
        let length = (end - start).to_string();
        let status = if end - start == whole { 200 } else { 206 };
        let mut headers = vec![
            ("content-type", "application/octet-stream"),
            ("docker-content-digest", digest),
            ("accept-ranges", "bytes"),
            ("content-length", length.as_str()),
        ];
        let part = format!("bytes {start}-{}/{whole}", end.saturating_sub(1));
        if status == 206 {
            headers.push(("content-range", &part));
        }
        let mut response = reply(status, &headers, "");
        if request.method() == Method::GET {
            *response.body_mut() = content.body(start, end);
        }
        response
    }

    fn tags(&self, repository: &str, uri: &Uri) -> Response<Body> {
        let query = query(uri);
        let state = self.state();
        let Some(found) = state.repositories.get(repository) else {
            return oci_error(404, "NAME_UNKNOWN", "repository name not known to registry");
        };
        let asked = query.get("n").and_then(|n| n.parse::<usize>().ok());
        let page = [asked, self.abilities.tags_per_page].into_iter().flatten().min().unwrap_or(usize::MAX);
        let last = query.get("last").map(|last| last.trim_start_matches('~'));
        let rest: Vec<&String> =
            found.tags.keys().filter(|tag| last.is_none_or(|last| tag.as_str() > last)).collect();
        let shown = &rest[..page.min(rest.len())];
        let body = json!({"name": repository, "tags": shown}).to_string();
        let mut headers = vec![("content-type", "application/json")];
        // The tilde keeps clients from computing `last` themselves: only the link's own value is promised.
        let link = shown
            .last()
            .map(|tag| format!("</v2/{repository}/tags/list?last=~{tag}&n={page}>; rel=\"next\""))
            .filter(|_| rest.len() > shown.len());
        if let Some(link) = &link {
            headers.push(("link", link));
        }
        reply(200, &headers, body)
    }

    fn referrers(&self, repository: &str, digest: &str, uri: &Uri) -> Response<Body> {
        let wanted = query(uri).remove("artifactType");
        let state = self.state();
        let manifests = state.repositories.get(repository).map(|found| &found.manifests);
        let referrers: Vec<_> = manifests
            .into_iter()
            .flatten()
            .filter_map(|(name, manifest)| manifest.refers_to(name, digest))
            .filter(|descriptor| {
                wanted.as_ref().is_none_or(|wanted| descriptor["artifactType"] == wanted.as_str())
            })
            .collect();
        let media_type = "application/vnd.oci.image.index.v1+json";
        let body = json!({"schemaVersion": 2, "mediaType": media_type, "manifests": referrers});
        let mut headers = vec![("content-type", media_type)];
        if wanted.is_some() {
            headers.push(("oci-filters-applied", "artifactType"));
        }
        reply(200, &headers, body.to_string())
    }
}

/// Reads `bytes=a-b` or `bytes=a-` as a half-open span inside `whole` bytes; anything else is `None`.
fn span(range: &str, whole: u64) -> Option<(u64, u64)> {
    let (start, end) = range.strip_prefix("bytes=")?.split_once('-')?;
    let start = start.parse::<u64>().ok()?;
    let end = if end.is_empty() { whole } else { end.parse::<u64>().ok()?.saturating_add(1).min(whole) };
    (start < end).then_some((start, end))
}
