//! One exchange on the wire: where it may be redirected to, what is told of it, and why there was no answer.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{AUTHORIZATION, LOCATION};
use reqwest::{Method, Request, Response, Url};

use super::call::ATTEMPT;
use super::client::Client;
use super::error::{Problem, RegistryError};
use crate::base::text;
use crate::io::clock;
use crate::io::connection::{NoConnection, deepest};
use crate::io::console::Loudness;

/// Redirects that a read may take, as from a registry to its storage.
const REDIRECTS: usize = 5;

impl Client<'_> {
    /// Sends one request. A GET or HEAD follows redirects: with its credential on the same host, without it to any
    /// other, and never from `https` to `http`.
    pub(super) async fn exchange(
        &self,
        attempted: &str,
        request: reqwest::RequestBuilder,
    ) -> Result<Response, RegistryError> {
        let (_, request) = request.build_split();
        let mut request = request
            .map_err(|e| RegistryError::new(attempted, Problem::Source(e.without_url().to_string())))?;
        let asked = request.url().origin();
        let until = request.timeout().map(|timeout| clock::instant() + *timeout);
        for _ in 0..REDIRECTS {
            let reads = matches!(*request.method(), Method::GET | Method::HEAD);
            let copy = if reads { request.try_clone() } else { None };
            let response = self.send(attempted, request).await?;
            let Some((mut next, location)) = copy.zip(redirected(&response)) else { return Ok(response) };
            if location.origin() != asked {
                next.headers_mut().remove(AUTHORIZATION);
            }
            *next.url_mut() = location;
            *next.timeout_mut() = until.map(|until| until.saturating_duration_since(clock::instant()));
            request = next;
        }
        self.send(attempted, request).await
    }

    /// Sends one request and tells it. An answer that redirects is an answer like any other.
    pub(super) async fn send(&self, attempted: &str, request: Request) -> Result<Response, RegistryError> {
        let line = self.context().console.tells(Loudness::Requests).then(|| told(&request));
        let (timeout, host) = (request.timeout().copied(), place(request.url()));
        let proxy = self.shared.proxies.on_the_way_to(request.url());
        let _place = self.shared.gate.acquire().await.expect("the gate is never closed");
        let began = clock::instant();
        let result = self.shared.http.execute(request).await;
        let took = clock::instant() - began;
        if let Some(line) = line {
            let end =
                result.as_ref().map_or_else(|_| "no answer".to_owned(), |r| r.status().as_u16().to_string());
            self.context().console.request(&format!("{line} -> {end} in {}ms", took.as_millis()));
        }
        match result {
            Ok(response) => {
                self.shared.answered.borrow_mut().insert(host);
                Ok(response)
            }
            Err(error) if error.is_connect() && !error.is_timeout() => {
                let known = self.shared.answered.borrow().contains(&host);
                // Not what was attempted: whatever else is asked of this host ends in the same words, told once.
                Err(RegistryError::new("connect", unreached(error, host, proxy, known)))
            }
            Err(error) => Err(RegistryError::new(attempted, broken(error, timeout))),
        }
    }
}

/// Where an answer redirects to; `None`: it does not, or to where no request of ours goes.
fn redirected(response: &Response) -> Option<Url> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.headers().get(LOCATION)?.to_str().ok()?;
    let url = response.url().join(location).ok()?;
    let safe = url.scheme() == "https" || (url.scheme() == "http" && response.url().scheme() == "http");
    safe.then_some(url)
}

/// Why there is no connection. A host that answered before has a name and a certificate: then it is a failure that
/// may pass, like any other.
fn unreached(error: reqwest::Error, host: String, proxy: Option<String>, known: bool) -> Problem {
    let error = error.without_url();
    match NoConnection::of(&error) {
        NoConnection::Unresolved(cause) if !known => Problem::Unresolved {
            host: proxy.unwrap_or(host),
            cause: text::escape(&cause, text::EXCERPT_BYTES),
        },
        NoConnection::Untrusted(cause) if !known => {
            Problem::Untrusted { host, cause: text::escape(&cause, text::EXCERPT_BYTES) }
        }
        NoConnection::NoTls if !known => Problem::NoTls { host },
        NoConnection::Unresolved(cause) | NoConnection::Untrusted(cause) | NoConnection::Broken(cause) => {
            Problem::Unreachable { host, proxy, cause: text::escape(&cause, text::EXCERPT_BYTES) }
        }
        NoConnection::NoTls => Problem::Unreachable { host, proxy, cause: "no TLS".to_owned() },
    }
}

/// Method, place and kind of credential; of the query only what carries no state or signature.
fn told(request: &Request) -> String {
    const HARMLESS: [&str; 8] = ["digest", "mount", "from", "n", "last", "scope", "service", "artifactType"];
    let url = request.url();
    let query: Vec<String> =
        url.query_pairs()
            .map(|(key, value)| {
                if HARMLESS.contains(&key.as_ref()) { format!("{key}={value}") } else { format!("{key}=...") }
            })
            .collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    let scheme = request
        .headers()
        .get(AUTHORIZATION)
        .and_then(|h| h.to_str().ok())
        .and_then(|h| h.split(' ').next().map(str::to_owned));
    let credential = scheme.map_or_else(|| "anonymous".to_owned(), |scheme| format!("{scheme} ***"));
    format!("{} {}{}{query} ({credential})", request.method(), url.origin().ascii_serialization(), url.path())
}

fn broken(error: reqwest::Error, timeout: Option<Duration>) -> Problem {
    let host = error.url().map_or_else(|| "the registry".to_owned(), place);
    if error.is_timeout()
        && let Some(after) = timeout
    {
        return Problem::Timeout { after };
    }
    // The URL may carry a signature or state.
    let cause = text::escape(&deepest(&error.without_url()), text::EXCERPT_BYTES);
    Problem::Unreachable { host, proxy: None, cause }
}

/// `host:port`, the port only where it is not the scheme's own.
pub(super) fn place(url: &Url) -> String {
    let host = url.host_str().unwrap_or("the registry");
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The whole body, or why there is none.
pub(super) async fn bounded(mut response: Response, limit: usize) -> Result<Bytes, Problem> {
    let mut body = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > limit => return Err(Problem::TooLarge { limit }),
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body.freeze()),
            Err(error) => return Err(broken(error, Some(SILENT))),
        }
    }
}

/// What a body that stops coming is reported with; the client's own read timeout is not told by it.
const SILENT: Duration = ATTEMPT;
