//! Requests to tenants: one attempt each, bounded in time and size, and never a redirect.

mod credential;

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Certificate, Identity, Method, Response};
use tokio::sync::Semaphore;
use url::Url;

use super::clock;
use super::connection::deepest;
use super::console::{Console, Loudness};
use super::env::Env;
use super::proxy::Proxies;
use crate::model::check::{Answer, BodyEnd, Observation, Reply};
use crate::policy::smoke::assess::BODY_BYTES;

pub use self::credential::Credential;

/// Requests under way at once, over all tenants, where the system lets this process have so many connections.
const AT_ONCE: usize = 800;
/// Answers longer than [`SHORT_BYTES`] that are read at once: what bounds memory, as almost all answers are short.
const LONG_AT_ONCE: usize = 64;
const SHORT_BYTES: usize = 64 * 1024;
/// Connections that are kept for later requests to one tenant, where the system lets this process have so many.
const IDLE: usize = 16;
/// Files that a process may have open where the system does not say: macOS gives 256.
const FILES: usize = 256;
/// Open files that are no connections: reports, the runtime's own, DNS.
const OTHER_FILES: usize = 48;
/// A connection is there within this time or not at all; the attempt's own bound is often shorter.
const CONNECT: Duration = Duration::from_secs(10);
/// Pause before the second connection, after the first one was refused or broke before anything was sent.
const RECONNECT: Duration = Duration::from_millis(200);
/// The most headers and header bytes that are kept of one answer.
const HEADER_BYTES: usize = 64 * 1024;

/// PEM texts beside the system's certificates.
#[derive(Clone, Default)]
pub struct Certificates {
    /// Further certificate authorities.
    pub ca: Option<String>,
    /// Client certificate, its chain and its private key.
    pub client: Option<String>,
}

/// Whether a proxy of the environment is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// As `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` say.
    Environment,
    /// Straight: the other side is in this very process.
    Direct,
}

/// One request, complete.
pub struct ProbeRequest<'a> {
    /// The method.
    pub method: &'static str,
    /// Where to; the caller has seen that it belongs to the tenant.
    pub url: Url,
    /// Whether and how a token is sent.
    pub credential: Credential<'a>,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<Vec<u8>>,
    /// Bound on this attempt, waiting for its turn left out.
    pub timeout: Duration,
}

/// Asks tenants.
pub struct Probe<'w> {
    http: reqwest::Client,
    gate: Semaphore,
    long: Semaphore,
    console: &'w Console,
    proxies: Option<Proxies>,
}

impl<'w> Probe<'w> {
    /// A probe for `tenants` tenants.
    ///
    /// # Errors
    /// A certificate cannot be read, or the TLS library cannot be set up.
    pub fn new(
        console: &'w Console,
        certificates: &Certificates,
        route: Route,
        tenants: usize,
    ) -> Result<Self, String> {
        let connections = open_files().saturating_sub(OTHER_FILES).max(2);
        let at_once = AT_ONCE.min(connections / 2);
        let idle = ((connections - at_once) / tenants.max(1)).min(IDLE);
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("coalmine-canary-smoke/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .referer(false)
            .connect_timeout(CONNECT)
            .pool_max_idle_per_host(idle);
        if let Some(pem) = &certificates.ca {
            let authorities =
                Certificate::from_pem_bundle(pem.as_bytes()).map_err(|e| format!("`ca_file`: {e}"))?;
            if authorities.is_empty() {
                return Err("`ca_file` holds no certificate".to_owned());
            }
            builder = authorities.into_iter().fold(builder, reqwest::ClientBuilder::add_root_certificate);
        }
        if let Some(pem) = &certificates.client {
            // The error could quote the key.
            let identity = Identity::from_pem(pem.as_bytes()).map_err(|_| {
                "`cert_file` and `key_file` hold no certificate with its key in PEM".to_owned()
            })?;
            builder = builder.identity(identity);
        }
        let proxies = (route == Route::Environment).then(|| Proxies::of(&Env::read()));
        builder = match &proxies {
            Some(proxies) => proxies.lead(builder),
            None => builder.no_proxy(),
        };
        let http = builder.build().map_err(|e| deepest(&e))?;
        Ok(Self { http, gate: Semaphore::new(at_once), long: Semaphore::new(LONG_AT_ONCE), console, proxies })
    }

    /// Asks once. If no connection could be made, nothing was sent, and a second one is tried.
    pub async fn ask(&self, request: &ProbeRequest<'_>) -> Observation {
        let permit = self.gate.acquire().await;
        let begun = clock::instant();
        let until = begun + request.timeout;
        let mut reconnected = false;
        let reply = loop {
            let attempt = tokio::select! {
                biased;
                reply = self.attempt(request, until) => reply,
                () = clock::sleep_until(until) => Attempt::Reply(Reply::Silence),
            };
            match attempt {
                Attempt::Reply(reply) => break reply,
                Attempt::NoConnection(_) if !reconnected && begun.elapsed() + RECONNECT < request.timeout => {
                    reconnected = true;
                    clock::sleep(RECONNECT).await;
                }
                Attempt::NoConnection(why) => break Reply::Broken(why),
            }
        };
        drop(permit);
        let observation = Observation { reply, elapsed: begun.elapsed(), reconnected };
        self.tell(request, &observation);
        observation
    }

    async fn attempt(&self, request: &ProbeRequest<'_>, until: clock::Instant) -> Attempt {
        let method = Method::from_bytes(request.method.as_bytes()).unwrap_or(Method::GET);
        let mut call = self.http.request(method, request.url.clone());
        for (name, value) in &request.headers {
            call = call.header(name, value);
        }
        if let Some((name, value)) = request.credential.header() {
            call = call.header(name, value);
        }
        if let Some(body) = &request.body {
            call = call.body(body.clone());
        }
        match call.send().await {
            Ok(response) => Attempt::Reply(Reply::Answer(listen(response, until, &self.long).await)),
            Err(error) if error.is_connect() => {
                let proxy = self.proxies.as_ref().and_then(|proxies| proxies.on_the_way_to(&request.url));
                let through = proxy.map_or_else(String::new, |proxy| format!("through the proxy {proxy}: "));
                Attempt::NoConnection(format!("{through}{}", deepest(&error.without_url())))
            }
            Err(error) => Attempt::Reply(Reply::Broken(deepest(&error.without_url()))),
        }
    }

    fn tell(&self, request: &ProbeRequest<'_>, observation: &Observation) {
        if !self.console.tells(Loudness::Requests) {
            return;
        }
        let answer = match &observation.reply {
            Reply::Answer(answer) => format!("{}, {} bytes", answer.status, answer.body.len()),
            Reply::Silence => "no answer".to_owned(),
            Reply::Broken(why) => why.clone(),
        };
        let took = observation.elapsed.as_millis();
        self.console.request(&format!(
            "{} {} [{}] -> {answer} in {took}ms",
            request.method,
            request.url,
            request.credential.kind()
        ));
    }
}

/// How many files this process may have open: proc(5), `/proc/[pid]/limits`.
fn open_files() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(FILES)
}

enum Attempt {
    Reply(Reply),
    NoConnection(String),
}

/// Reads an answer, up to the limit and until the time is over. What came is kept: a wrong status is one, however the
/// body ends.
async fn listen(mut response: Response, until: clock::Instant, long: &Semaphore) -> Answer {
    let status = response.status().as_u16();
    let mut headers = Vec::new();
    let mut kept = 0;
    for (name, value) in response.headers() {
        kept += name.as_str().len() + value.len();
        if kept > HEADER_BYTES {
            break;
        }
        headers.push((name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    }
    let mut body = Vec::new();
    let mut turn = None;
    let end = loop {
        if body.len() > SHORT_BYTES && turn.is_none() {
            turn = tokio::select! {
                biased;
                turn = long.acquire() => turn.ok(),
                () = clock::sleep_until(until) => break BodyEnd::Cut,
            };
        }
        let chunk = tokio::select! {
            biased;
            chunk = response.chunk() => chunk,
            () = clock::sleep_until(until) => break BodyEnd::Cut,
        };
        match chunk {
            Ok(Some(chunk)) if body.len() + chunk.len() > BODY_BYTES => {
                body.extend_from_slice(&chunk[..BODY_BYTES - body.len()]);
                break BodyEnd::TooLong;
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break BodyEnd::Whole,
            Err(_) => break BodyEnd::Cut,
        }
    };
    Answer { status, headers, body, end }
}
