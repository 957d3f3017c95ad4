//! One request, to its answer: credentials, retries, limits, the story.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use oci_client::errors::OciEnvelope;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Method, Request, Response, StatusCode, Url};

use super::client::Client;
use super::error::{Problem, RegistryError, is_transient};
use crate::base::text;
use crate::io::clock;
use crate::io::connection::{NoConnection, deepest};
use crate::io::console::Loudness;
use crate::model::repository::Repository;

/// Longest wait for the answer to one small request.
const ATTEMPT: Duration = Duration::from_secs(20);
/// Tries of a request that may be sent again: with the waits below, a registry has 15 s to come back.
const TRIES: u32 = 6;
/// Reads of content whose bytes do not have the digest of its name: they may have been spoiled on the way.
pub(super) const SPOILED_TRIES: u32 = 3;
/// Largest manifest (OCI distribution specification 1.1: registries must take 4 MiB).
pub const MANIFEST_BYTES: usize = 4 * 1024 * 1024;
/// Redirects that a read may take, as from a registry to its storage.
const REDIRECTS: usize = 5;
/// Largest error body that is looked at.
const ERROR_BYTES: usize = 64 * 1024;

/// Whether a request may simply be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// Yes: it reads, or what it writes has its own digest as its name.
    Yes,
    /// No: it writes a name. Who sent it reads back first.
    No,
}

/// A request to a registry, with all that is needed to send it again.
pub(super) struct Call<'a> {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) repository: &'a Repository,
    pub(super) attempted: String,
    pub(super) accept: Option<&'static str>,
    /// Content type and bytes.
    pub(super) body: Option<(&'static str, Bytes)>,
    /// Largest body of an answer, in bytes.
    pub(super) limit: usize,
    pub(super) again: Again,
}

/// An answer whose status is for the caller to judge: never a transient one, 401 or 403.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// The host that gave the answer, where the registry redirected to another one.
    pub(super) elsewhere: Option<String>,
}

impl<'a> Call<'a> {
    /// A GET, which may be sent again.
    pub(super) fn get(attempted: impl Into<String>, repository: &'a Repository, url: Url) -> Self {
        Self {
            method: Method::GET,
            url,
            repository,
            attempted: attempted.into(),
            accept: None,
            body: None,
            limit: MANIFEST_BYTES,
            again: Again::Yes,
        }
    }

    pub(super) fn with(self, method: Method, again: Again) -> Self {
        Self { method, again, ..self }
    }

    pub(super) fn error(&self, problem: Problem) -> RegistryError {
        RegistryError::new(self.attempted.clone(), problem)
    }

    pub(super) fn unexpected(&self, expected: &'static str, answer: &Answer) -> RegistryError {
        self.error(Problem::Status { expected, status: answer.status, said: said(&answer.body), wait: None })
    }
}

impl Client<'_> {
    /// Sends `call` until there is an answer or no hope.
    pub(super) async fn call(&self, call: &Call<'_>) -> Result<Answer, RegistryError> {
        let tries = if call.again == Again::Yes { TRIES } else { 1 };
        self.retry(tries, RegistryError::is_transient, async || self.authorized(call).await).await
    }

    /// Sends `call` once, or a second time with fresh credentials if the registry asks for them.
    async fn authorized(&self, call: &Call<'_>) -> Result<Answer, RegistryError> {
        let authorization = self.authorization(call.repository);
        let seen = authorization.current();
        let mut answer = self.once(call, seen.header.clone()).await?;
        // Only the registry itself may ask for its credential: not a host that it redirects to.
        if answer.status == StatusCode::UNAUTHORIZED && answer.elsewhere.is_none() {
            let header = self.authorize(call, &authorization, seen.generation, &answer.headers).await?;
            answer = self.once(call, Some(header)).await?;
        }
        match answer.status {
            status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                let said = said(&answer.body);
                Err(call.error(match answer.elsewhere {
                    Some(host) => Problem::Redirected { host, status, said },
                    None => {
                        let registry = call.repository.registry().clone();
                        let credential = self.credential_origin(call.repository);
                        Problem::Denied { registry, status, credential, said }
                    }
                }))
            }
            status if is_transient(status) => Err(call.error(Problem::Status {
                expected: "an answer",
                status,
                said: said(&answer.body),
                wait: retry_after(&answer.headers),
            })),
            _ => Ok(answer),
        }
    }

    async fn once(
        &self,
        call: &Call<'_>,
        authorization: Option<reqwest::header::HeaderValue>,
    ) -> Result<Answer, RegistryError> {
        let mut request = self
            .shared
            .http
            .request(call.method.clone(), call.url.clone())
            .timeout(self.patience(&call.attempted)?);
        if let Some(accept) = call.accept {
            request = request.header(ACCEPT, accept);
        }
        if let Some(header) = authorization {
            request = request.header(AUTHORIZATION, header);
        }
        if let Some((content_type, bytes)) = &call.body {
            request = request.header(CONTENT_TYPE, *content_type).body(bytes.clone());
        }
        let response = self.exchange(&call.attempted, request).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let elsewhere = (response.url().origin() != call.url.origin()).then(|| place(response.url()));
        let limit = if status.is_success() { call.limit } else { ERROR_BYTES };
        let body = match bounded(response, limit).await {
            Ok(body) => body,
            // What stands behind an error is nice to know, no more.
            Err(_) if !status.is_success() => Bytes::new(),
            Err(problem) => return Err(call.error(problem)),
        };
        Ok(Answer { status, headers, body, elsewhere })
    }

    /// How long one attempt may take: a third of what is left, so that one that hangs does not cost all tries.
    pub(super) fn patience(&self, attempted: &str) -> Result<Duration, RegistryError> {
        let left = self.remaining();
        if left.is_zero() {
            return Err(RegistryError::new(attempted, Problem::Deadline));
        }
        Ok(ATTEMPT.min((left / 3).max(Duration::from_secs(1))).min(left))
    }

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
fn place(url: &Url) -> String {
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

/// The words of an error envelope (OCI distribution specification 1.1, "Error codes"), or the beginning of
/// whatever else came.
pub(super) fn said(body: &[u8]) -> String {
    let Ok(envelope) = serde_json::from_slice::<OciEnvelope>(body) else { return text::excerpt(body) };
    let words: Vec<String> = envelope
        .errors
        .iter()
        .take(3)
        .map(|error| {
            let code = serde_json::to_value(&error.code)
                .ok()
                .and_then(|v| v.as_str().map(str::to_owned))
                .unwrap_or_default();
            format!("{code} {}", error.message).trim().to_owned()
        })
        .collect();
    text::escape(&words.join("; "), text::EXCERPT_BYTES)
}

/// `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3); a date that has passed means "now".
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    let wait = Duration::try_from(date.duration_since(clock::now())).unwrap_or(Duration::ZERO);
    // The date has whole seconds: the registry's "then" may be up to one later than what it wrote.
    Some(wait + Duration::from_millis(500))
}

#[cfg(test)]
mod tests {
    use super::{retry_after, said};
    use crate::io::clock;
    use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
    use std::time::Duration;

    fn header(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn reads_both_forms_of_retry_after() {
        assert_eq!(retry_after(&header("7")), Some(Duration::from_secs(7)));
        let date = clock::now() + Duration::from_secs(60);
        let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&date).unwrap();
        let wait = retry_after(&header(&date)).unwrap();
        assert!(wait > Duration::from_secs(55) && wait < Duration::from_secs(62), "{wait:?}");
        assert_eq!(retry_after(&header("Wed, 21 Oct 2015 07:28:00 GMT")), Some(Duration::from_millis(500)));
        assert_eq!(retry_after(&header("soon")), None);
    }

    #[test]
    fn quotes_an_envelope_by_its_words_and_anything_else_by_its_beginning() {
        assert_eq!(
            said(br#"{"errors":[{"code":"DENIED","message":"no\u001b[31m"}]}"#),
            r"DENIED no\u{1b}[31m"
        );
        assert_eq!(said(br#"{"errors":[{"code":"HOME_GROWN","message":"x"}]}"#), "HOME_GROWN x");
        assert_eq!(said(b"<html>Sign in"), "<html>Sign in");
    }
}
