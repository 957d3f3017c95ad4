//! The proxy: every request passes here, is logged, and meets the faults drawn for it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::body::Body as _;
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

use super::admin::Admin;
use super::auth::{self, Authenticator};
use super::backend::Backend;
use super::log::{Log, Ticket};
use super::rule::{Fault, Immutability, RetryAfter};
use super::rulebook::Rulebook;
use crate::body::{self, Body};
use crate::clock;
use crate::digest::sha256;
use crate::store::{Reference, Route, oci_error, query, reply};
use crate::wire::{Answer, Connection};

/// Largest answer that [`Fault::Truncate`] and [`Fault::WrongBytes`] can spoil.
const SPOILED_BYTES: usize = 256 * 1024 * 1024;

/// How long half an answer is left to travel before the connection is cut.
const TRAVEL: Duration = Duration::from_millis(20);

/// Everything between the listener and the backend.
pub(super) struct Proxy {
    pub(super) backend: Arc<Backend>,
    pub(super) auth: Authenticator,
    pub(super) rules: Rulebook,
    pub(super) log: Arc<Log>,
    pub(super) latency: Duration,
}

enum Ending {
    Answer(Box<Response<Body>>),
    Cut,
}

fn answer(response: Response<Body>) -> Ending {
    Ending::Answer(response.into())
}

impl Answer for Proxy {
    async fn answer(self: Arc<Self>, request: Request<Body>, connection: Connection) -> Response<Body> {
        let route = Route::of(request.uri());
        let ticket = self.log.arrive(&request, connection.id, &route);
        let path = request.uri().path_and_query().map_or("", |path| path.as_str());
        let faults = self.rules.draw(ticket.index(), request.method().as_str(), path, &route);
        ticket.note_faults(faults.iter().map(Fault::name).collect());
        clock::sleep(self.latency).await;

        let received = ticket.received();
        let request = request.map(|body| {
            body::counted(body, move |length| {
                received.fetch_add(length as u64, Ordering::SeqCst);
            })
        });
        match self.serve(request, &route, &faults, &connection).await {
            Ending::Cut => connection.reset().await,
            Ending::Answer(response) => finish(*response, &ticket),
        }
    }

    fn admits(&self) -> bool {
        self.rules.admits()
    }
}

fn finish(response: Response<Body>, ticket: &Ticket) -> Response<Body> {
    ticket.note_status(response.status().as_u16());
    let sent = ticket.sent();
    response.map(|body| {
        body::counted(body, move |length| {
            sent.fetch_add(length as u64, Ordering::SeqCst);
        })
    })
}

impl Proxy {
    async fn serve(
        &self,
        mut request: Request<Body>,
        route: &Route,
        faults: &[Fault],
        connection: &Connection,
    ) -> Ending {
        for fault in faults {
            match self.before(fault, &mut request, route).await {
                Ok(()) => {}
                Err(Ending::Cut) => return Ending::Cut,
                Err(Ending::Answer(refusal)) => {
                    // An answer sent while the client still writes would look like a cut: drink first.
                    body::swallow(request.into_body()).await;
                    return Ending::Answer(refusal);
                }
            }
        }
        let mut response = self.apply(request, route).await;
        for fault in faults {
            response = match self.after(fault, response, connection).await {
                Ending::Answer(response) => *response,
                Ending::Cut => return Ending::Cut,
            };
        }
        answer(response)
    }

    /// Does the part of a fault that comes before the request is applied; `Err` ends the request.
    async fn before(&self, fault: &Fault, request: &mut Request<Body>, route: &Route) -> Result<(), Ending> {
        match fault {
            Fault::Delay(span) => clock::sleep(*span).await,
            Fault::Before(action) => action.run(&self.admin()).await,
            Fault::Status { code, headers, body } => {
                let headers: Vec<_> =
                    headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                return Err(answer(reply(*code, &headers, body.clone())));
            }
            Fault::TooManyRequests(after) => return Err(answer(too_many(*after))),
            Fault::CutBefore => return Err(Ending::Cut),
            Fault::RefuseConnections(count) => {
                self.rules.refuse(*count);
                return Err(Ending::Cut);
            }
            Fault::Hang(None) => std::future::pending::<()>().await,
            Fault::Hang(Some(span)) => {
                clock::sleep(*span).await;
                return Err(Ending::Cut);
            }
            Fault::Stale => self.turn_back(request, route)?,
            Fault::Immutable(flavour) => {
                let method = request.method().clone();
                self.refuse_overwrite(*flavour, &method, route).await?;
            }
            Fault::ExpireToken => return Err(answer(self.auth.expire(request, route))),
            Fault::CutAfter
            | Fault::Truncate
            | Fault::WrongBytes
            | Fault::WrongDigestHeader
            | Fault::NoDigestHeader
            | Fault::EmptyDigestHeader
            | Fault::After(_) => {}
        }
        Ok(())
    }

    /// Checks credentials and applies the request.
    async fn apply(&self, mut request: Request<Body>, route: &Route) -> Response<Body> {
        if *route == Route::Token && self.auth.has_tokens() {
            return self.auth.token(request).await;
        }
        if let Err(refusal) = self.auth.check(&request, route) {
            body::swallow(request.into_body()).await;
            return *refusal;
        }
        if let Some(from) = query(request.uri()).get("from")
            && !self.auth.may_pull(request.headers(), from)
        {
            auth::without_mount(&mut request);
        }
        if self.auth.owns_authorization() {
            request.headers_mut().remove(header::AUTHORIZATION);
        }
        self.backend.send(request).await
    }

    /// Does the part of a fault that comes after the request was applied.
    async fn after(&self, fault: &Fault, mut response: Response<Body>, connection: &Connection) -> Ending {
        let wrong = sha256(b"not what you asked for");
        match fault {
            Fault::After(action) => action.run(&self.admin()).await,
            Fault::CutAfter => {
                body::swallow(response.into_body()).await;
                return Ending::Cut;
            }
            Fault::Truncate => return truncate(response, connection.clone()).await,
            Fault::WrongBytes => return spoil(response).await,
            Fault::WrongDigestHeader => set_digest(&mut response, &wrong),
            Fault::EmptyDigestHeader => set_digest(&mut response, ""),
            Fault::NoDigestHeader => drop(response.headers_mut().remove("docker-content-digest")),
            Fault::Delay(_)
            | Fault::Status { .. }
            | Fault::TooManyRequests(_)
            | Fault::CutBefore
            | Fault::RefuseConnections(_)
            | Fault::Hang(_)
            | Fault::Stale
            | Fault::Immutable(_)
            | Fault::Before(_)
            | Fault::ExpireToken => {}
        }
        answer(response)
    }

    /// Turns a read of a tag into a read of what the tag was before its last write.
    fn turn_back(&self, request: &mut Request<Body>, route: &Route) -> Result<(), Ending> {
        let Route::Manifest { repository, reference: Reference::Tag(tag) } = route else { return Ok(()) };
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return Ok(());
        }
        match self.backend.previous(repository, tag) {
            None => Ok(()),
            Some(None) => Err(answer(oci_error(404, "MANIFEST_UNKNOWN", &format!("no {tag} here yet")))),
            Some(Some(digest)) => {
                if let Ok(uri) = format!("/v2/{repository}/manifests/{digest}").parse() {
                    *request.uri_mut() = uri;
                }
                Ok(())
            }
        }
    }

    async fn refuse_overwrite(
        &self,
        flavour: Immutability,
        method: &Method,
        route: &Route,
    ) -> Result<(), Ending> {
        let Route::Manifest { repository, reference: Reference::Tag(tag) } = route else { return Ok(()) };
        if *method != Method::PUT || self.backend.digest_of(repository, tag).await.is_none() {
            return Ok(());
        }
        Err(answer(match flavour {
            // Wording: aws/containers-roadmap#169.
            Immutability::Ecr => {
                let message = format!(
                    "The image tag '{tag}' already exists in the '{repository}' repository and cannot be \
                     overwritten because the repository is immutable."
                );
                oci_error(400, "TAG_INVALID", &message)
            }
            // Wording: goharbor/harbor#9427.
            Immutability::Harbor => {
                let message =
                    format!("Failed to process request due to '{repository}:{tag}' configured as immutable.");
                oci_error(412, "PRECONDITION", &message)
            }
        }))
    }

    pub(super) fn admin(&self) -> Admin {
        Admin::new(Arc::clone(&self.backend))
    }
}

fn too_many(after: RetryAfter) -> Response<Body> {
    let mut response = oci_error(429, "TOOMANYREQUESTS", "rate limit exceeded");
    let value = match after {
        RetryAfter::Silent => return response,
        RetryAfter::Seconds(seconds) => seconds.to_string(),
        RetryAfter::Date(span) => httpdate::fmt_http_date(clock::wall() + span),
    };
    if let Ok(value) = HeaderValue::try_from(value) {
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    response
}

fn set_digest(response: &mut Response<Body>, digest: &str) {
    if let Ok(value) = HeaderValue::try_from(digest) {
        response.headers_mut().insert("docker-content-digest", value);
    }
}

/// Collects an answer in order to spoil it; `Err` gives the answer that has nothing to spoil.
async fn whole(response: Response<Body>) -> Result<(Response<()>, Bytes), Response<Body>> {
    let (mut parts, body) = response.into_parts();
    if body.is_end_stream() || parts.status == StatusCode::NO_CONTENT {
        return Err(Response::from_parts(parts, body));
    }
    match body::collect(body, SPOILED_BYTES).await {
        Ok(bytes) if bytes.is_empty() => Err(Response::from_parts(parts, body::empty())),
        Ok(bytes) => {
            parts.headers.insert(header::CONTENT_LENGTH, bytes.len().into());
            Ok((Response::from_parts(parts, ()), bytes))
        }
        Err(failure) => Err(oci_error(502, "UNKNOWN", &failure.to_string())),
    }
}

async fn truncate(response: Response<Body>, connection: Connection) -> Ending {
    let Ok((response, bytes)) = whole(response).await else { return Ending::Cut };
    let half = bytes.slice(..bytes.len() / 2);
    let body = body::produced(move |chunks| async move {
        chunks.send(half).await;
        clock::sleep(TRAVEL).await;
        connection.reset::<()>().await;
    });
    answer(response.map(|()| body))
}

async fn spoil(response: Response<Body>) -> Ending {
    answer(match whole(response).await {
        Err(untouched) => untouched,
        Ok((response, bytes)) => {
            let mut bytes = BytesMut::from(bytes);
            if let Some(last) = bytes.last_mut() {
                *last ^= 0x01;
            }
            response.map(|()| body::full(bytes.freeze()))
        }
    })
}
