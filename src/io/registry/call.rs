//! One request, to its answer: credentials, retries, limits.

use std::time::Duration;

use bytes::Bytes;
use oci_client::errors::OciEnvelope;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Method, StatusCode, Url};

use super::client::Client;
use super::error::{Problem, RegistryError, is_transient};
use super::exchange::{bounded, place};
use crate::base::text;
use crate::io::clock;
use crate::model::repository::Repository;

/// Longest wait for the answer to one small request.
pub(super) const ATTEMPT: Duration = Duration::from_secs(20);
/// Tries of a request that may be sent again: with the waits below, a registry has 15 s to come back.
const TRIES: u32 = 6;
/// Reads of content whose bytes do not have the digest of its name: they may have been spoiled on the way.
pub(super) const SPOILED_TRIES: u32 = 3;
/// Largest manifest (OCI distribution specification 1.1: registries must take 4 MiB).
pub const MANIFEST_BYTES: usize = 4 * 1024 * 1024;
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
}

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
