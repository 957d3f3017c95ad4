//! Blob uploads: in one request, in chunks, or by mount from another repository.

use http_body_util::BodyExt;
use hyper::body::Body as _;
use hyper::{Method, Request, Response};

use super::content::{Intake, Upload};
use super::query::query;
use super::reply::{oci_error, reply};
use super::state::Store;
use crate::body::{self, Body};

impl Store {
    /// Answers everything under `/blobs/uploads/`.
    pub(super) async fn upload(
        &self,
        repository: &str,
        session: Option<&str>,
        request: Request<Body>,
    ) -> Response<Body> {
        match (request.method().clone(), session) {
            (Method::POST, None) => self.open(repository, request).await,
            (Method::PATCH, Some(session)) => self.append(repository, session, request).await,
            (Method::PUT, Some(session)) => self.close(repository, session, request).await,
            (Method::GET, Some(session)) => match self.session(repository, session) {
                Some(upload) => accepted(204, repository, session, upload.lock().await.len_bytes()),
                None => unknown(session),
            },
            (Method::DELETE, Some(session)) => {
                match self.state().uploads.remove(&(repository.to_owned(), session.to_owned())) {
                    Some(_) => reply(204, &[], ""),
                    None => unknown(session),
                }
            }
            _ => oci_error(405, "UNSUPPORTED", "method not allowed here"),
        }
    }

    async fn open(&self, repository: &str, request: Request<Body>) -> Response<Body> {
        let query = query(request.uri());
        if let (Some(digest), Some(from)) = (query.get("mount"), query.get("from"))
            && self.mount(repository, digest, from)
        {
            return created(repository, digest);
        }
        let session = {
            let mut state = self.state();
            state.next_upload += 1;
            let session = format!("{:08x}", state.next_upload);
            state.uploads.insert((repository.to_owned(), session.clone()), Upload::default());
            session
        };
        if query.contains_key("digest") {
            return self.close(repository, &session, request).await;
        }
        body::swallow(request.into_body()).await;
        accepted(202, repository, &session, 0)
    }

    fn mount(&self, repository: &str, digest: &str, from: &str) -> bool {
        let mut state = self.state();
        let there = state.repositories.get(from).is_some_and(|source| source.blobs.contains(digest));
        if there && self.abilities.mount {
            state.repositories.entry(repository.to_owned()).or_default().blobs.insert(digest.to_owned());
        }
        there && self.abilities.mount
    }

    async fn append(&self, repository: &str, session: &str, request: Request<Body>) -> Response<Body> {
        let Some(upload) = self.session(repository, session) else { return unknown(session) };
        let mut intake = upload.lock().await;
        let start = request
            .headers()
            .get("content-range")
            .and_then(|value| value.to_str().ok())
            .and_then(|range| range.trim_start_matches("bytes ").split('-').next()?.parse::<u64>().ok());
        if start.is_some_and(|start| start != intake.len_bytes()) {
            return oci_error(416, "BLOB_UPLOAD_INVALID", "chunk does not start where the last one ended");
        }
        match drink(&mut intake, request.into_body()).await {
            Ok(()) => accepted(202, repository, session, intake.len_bytes()),
            Err(refusal) => refusal,
        }
    }

    async fn close(&self, repository: &str, session: &str, request: Request<Body>) -> Response<Body> {
        let query = query(request.uri());
        let Some(digest) = query.get("digest") else {
            return oci_error(400, "DIGEST_INVALID", "the query parameter digest is missing");
        };
        let Some(upload) = self.session(repository, session) else { return unknown(session) };
        let mut intake = upload.lock().await;
        if let Err(refusal) = drink(&mut intake, request.into_body()).await {
            return refusal;
        }
        let (found, content) = std::mem::take(&mut *intake).finish();
        let mut state = self.state();
        state.uploads.remove(&(repository.to_owned(), session.to_owned()));
        if &found != digest {
            return oci_error(400, "DIGEST_INVALID", &format!("provided {digest}, content is {found}"));
        }
        state.blobs.entry(found.clone()).or_insert(content);
        state.repositories.entry(repository.to_owned()).or_default().blobs.insert(found.clone());
        created(repository, &found)
    }

    fn session(&self, repository: &str, session: &str) -> Option<Upload> {
        self.state().uploads.get(&(repository.to_owned(), session.to_owned())).cloned()
    }
}

/// Feeds a body to the intake as it arrives; what arrived before a break stays.
async fn drink(intake: &mut Intake, mut body: Body) -> Result<(), Response<Body>> {
    while !body.is_end_stream()
        && let Some(frame) = body.frame().await
    {
        let Ok(frame) = frame else {
            return Err(oci_error(400, "BLOB_UPLOAD_INVALID", "the body broke off"));
        };
        if let Some(data) = frame.data_ref()
            && let Err(failure) = intake.take(data)
        {
            return Err(oci_error(500, "UNKNOWN", &failure.to_string()));
        }
    }
    Ok(())
}

fn created(repository: &str, digest: &str) -> Response<Body> {
    let location = format!("/v2/{repository}/blobs/{digest}");
    reply(201, &[("location", &location), ("docker-content-digest", digest)], "")
}

/// The location carries a query of its own, as docker-registry's does: clients must append with `&`.
fn accepted(status: u16, repository: &str, session: &str, received_bytes: u64) -> Response<Body> {
    let location = format!("/v2/{repository}/blobs/uploads/{session}?_state=opaque");
    let range = format!("0-{}", received_bytes.saturating_sub(1));
    reply(status, &[("location", &location), ("range", &range), ("docker-upload-uuid", session)], "")
}

fn unknown(session: &str) -> Response<Body> {
    oci_error(404, "BLOB_UPLOAD_UNKNOWN", &format!("no upload {session} here"))
}
