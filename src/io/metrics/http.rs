//! One request to a source over HTTP: bounded in time and size, never redirected, JSON or a failure.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Url};
use serde::de::DeserializeOwned;

use super::answer::Failure;
use crate::base::secret::Secret;
use crate::base::text;

/// The largest answer: a day of raw samples of a few hundred series.
const ANSWER_BYTES: usize = 64 * 1024 * 1024;
/// A connection is there within this time or not at all.
const CONNECT: Duration = Duration::from_secs(10);

/// How requests are authorised.
#[derive(Clone, Debug)]
pub enum Authorization {
    /// Not at all.
    None,
    /// `Authorization: Bearer`.
    Bearer(Secret),
    /// `Authorization: Basic`, with `user:password`.
    Basic(Secret),
    /// Headers of the source's own.
    Headers(Vec<(String, Secret)>),
}

/// A source that is asked over HTTP.
pub struct Http {
    client: Client,
    base: Url,
}

/// An answer with status 2xx.
pub(super) struct Page<T> {
    pub(super) document: T,
    /// Whether the answer says that it is one page of several (RFC 8288, `rel="next"`).
    pub(super) goes_on: bool,
}

impl Http {
    /// A source at `base`; each request is bounded by `timeout`.
    ///
    /// # Errors
    /// `base` is no HTTP URL, a secret cannot be a header, or would travel unencrypted to another machine.
    pub fn new(base: &str, authorization: &Authorization, timeout: Duration) -> Result<Self, Failure> {
        let what = "set up the requests to a source";
        let base = Url::parse(base).map_err(|_| Failure::of(what, "its address is not a URL"))?;
        let loopback = base
            .host_str()
            .is_some_and(|host| host == "localhost" || host.starts_with("127.") || host == "[::1]");
        match (base.scheme(), authorization) {
            ("https", _) | ("http", Authorization::None) => {}
            ("http", _) if loopback => {}
            ("http", _) => return Err(Failure::of(what, "its address is not https: no token is sent there")),
            _ => return Err(Failure::of(what, "its address is neither https nor http")),
        }
        if base.query().is_some() || base.fragment().is_some() {
            return Err(Failure::of(what, "its address has a query: put that into the metric"));
        }
        let headers =
            headers(authorization).ok_or_else(|| Failure::of(what, "a secret cannot be a header"))?;
        let client = Client::builder()
            .user_agent(concat!("coalmine/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .referer(false)
            .connect_timeout(CONNECT)
            .timeout(timeout)
            .default_headers(headers)
            .build()
            .map_err(|e| Failure::of(what, e))?;
        Ok(Self { client, base })
    }

    /// The address of `target`, path and query, below the source's own.
    fn address(&self, target: &str) -> Result<Url, Failure> {
        let refuse = |why: &str| Failure::Failed(format!("failed to ask a source: {why}"));
        if !target.starts_with('/') {
            return Err(refuse("the path does not begin with `/`"));
        }
        let joined = format!("{}{target}", self.base.as_str().trim_end_matches('/'));
        let url = Url::parse(&joined).map_err(|_| refuse("path and query make no URL"))?;
        let home = url.origin() == self.base.origin() && url.path().starts_with(self.base.path());
        if home { Ok(url) } else { Err(refuse("the path leads away from the source")) }
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, target: &str) -> Result<Page<T>, Failure> {
        let url = self.address(target)?;
        fetch(self.client.get(url)).await
    }

    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        target: &str,
        kind: &str,
        body: Vec<u8>,
    ) -> Result<Page<T>, Failure> {
        let url = self.address(target)?;
        fetch(self.client.post(url).header("content-type", kind).body(body)).await
    }
}

fn headers(authorization: &Authorization) -> Option<HeaderMap> {
    let pairs: Vec<(String, String)> = match authorization {
        Authorization::None => Vec::new(),
        Authorization::Bearer(token) => {
            vec![("authorization".to_owned(), format!("Bearer {}", token.expose()))]
        }
        Authorization::Basic(pair) => {
            vec![("authorization".to_owned(), format!("Basic {}", STANDARD.encode(pair.expose())))]
        }
        Authorization::Headers(list) => {
            list.iter().map(|(name, value)| (name.clone(), value.expose().to_owned())).collect()
        }
    };
    let mut headers = HeaderMap::new();
    headers.insert("accept", HeaderValue::from_static("application/json"));
    for (name, text) in pairs {
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        headers.insert(name.parse::<HeaderName>().ok()?, value);
    }
    Some(headers)
}

async fn fetch<T: DeserializeOwned>(request: RequestBuilder) -> Result<Page<T>, Failure> {
    let failed = |found: String| Failure::of("ask a source", found);
    let mut response = request.send().await.map_err(|e| failed(deepest(&e.without_url())))?;
    let status = response.status();
    let goes_on = response.headers().get_all("link").iter().any(|link| says_next(link.as_bytes()));
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| failed(deepest(&e.without_url())))? {
        if body.len() + chunk.len() > ANSWER_BYTES {
            return Err(failed(format!("its answer is larger than {}", text::bytes(ANSWER_BYTES as u64))));
        }
        body.extend_from_slice(&chunk);
    }
    if !status.is_success() {
        return Err(failed(format!("it answered {status}: {}", text::excerpt(&body))));
    }
    let document = serde_json::from_slice(&body)
        .map_err(|_| failed(format!("expected JSON, found {}", text::excerpt(&body))))?;
    Ok(Page { document, goes_on })
}

/// Whether a `Link` header names a next page. Sentry names one always, and says whether it has results.
fn says_next(link: &[u8]) -> bool {
    let link = String::from_utf8_lossy(link).to_ascii_lowercase();
    link.split(',').any(|part| {
        (part.contains("rel=\"next\"") || part.contains("rel=next")) && !part.contains("results=\"false\"")
    })
}

/// The last cause of an error: the others name layers, this one names what happened.
fn deepest(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    if error.is_timeout() { format!("no answer in time ({cause})") } else { cause.to_string() }
}

#[cfg(test)]
mod tests {
    use super::{Authorization, Http, says_next};
    use crate::base::secret::Secret;
    use std::time::Duration;

    fn http(base: &str, authorization: &Authorization) -> Option<Http> {
        Http::new(base, authorization, Duration::from_secs(1)).ok()
    }

    #[test]
    fn a_token_travels_encrypted_or_stays_on_this_machine() {
        let token = Authorization::Bearer(Secret::new("t"));
        for (base, with, without) in [
            ("https://prom.example", true, true),
            ("http://prom.example", false, true),
            ("http://127.0.0.1:9090", true, true),
            ("http://[::1]:9090", true, true),
            ("ftp://prom.example", false, false),
            ("prom.example", false, false),
            ("https://prom.example/?a=b", false, false),
        ] {
            assert_eq!(http(base, &token).is_some(), with, "{base}");
            assert_eq!(http(base, &Authorization::None).is_some(), without, "{base}");
        }
    }

    #[test]
    fn no_path_leads_away_from_the_source() {
        let http = http("https://api.example/v1", &Authorization::None).unwrap();
        for (target, address) in [
            ("/query?a=b", Some("https://api.example/v1/query?a=b")),
            ("query", None),
            ("/../../admin", None),
            ("/..%2f", Some("https://api.example/v1/..%2f")),
        ] {
            assert_eq!(http.address(target).ok().map(String::from).as_deref(), address, "{target}");
        }
    }

    #[test]
    fn the_next_page_is_seen() {
        for (link, next) in [
            (r#"<https://a/?page=2>; rel="next""#, true),
            (r#"<https://a/?c=1>; rel="previous", <https://a/?c=2>; rel="next"; results="false""#, false),
            (r#"<https://a/?c=2>; rel="next"; results="true""#, true),
            (r#"<https://a/>; rel="last""#, false),
        ] {
            assert_eq!(says_next(link.as_bytes()), next, "{link}");
        }
    }
}
