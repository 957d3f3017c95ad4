//! Requests to tenants: one attempt each, bounded in time and size, and never a redirect.

mod addresses;
mod connection;
mod credential;
mod listen;

use std::cell::RefCell;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Certificate, Identity, Method};
use tokio::sync::Semaphore;
use url::Url;

use super::clock;
use super::connection::deepest;
use super::console::{Console, Loudness};
use super::env::Env;
use super::proxy::Proxies;
use crate::model::check::{Observation, Reply};

use self::connection::{Known, Nth, Watch, watched};
use self::listen::listen;

pub use self::addresses::Addresses;
pub use self::credential::Credential;

/// Requests under way at once, over all tenants, where the system lets this process have so many connections.
const AT_ONCE: usize = 800;
/// Answers longer than [`listen::SHORT_BYTES`] that are read at once: what bounds memory, as almost all answers are short.
const LONG_AT_ONCE: usize = 64;
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

/// PEM texts beside the system's certificates.
#[derive(Clone, Default)]
pub struct Certificates {
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

/// Over which connection a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// One that is kept for later requests, if the request may be repeated; else a new one.
    Kept,
    /// A new one, to whichever address the system takes.
    New,
    /// A new one, to this address of the name. [`Probe::addresses`] has found it.
    NewTo(IpAddr),
}

pub struct ProbeRequest<'a> {
    pub method: &'static str,
    /// Where to; the caller has seen that it belongs to the tenant.
    pub url: Url,
    pub connection: Connection,
    /// Whether sending it twice does no more than sending it once (RFC 9110, section 9.2.2).
    pub repeatable: bool,
    /// Whether and how a token is sent.
    pub credential: Credential<'a>,
    pub headers: Vec<(String, String)>,
    pub body: Option<Vec<u8>>,
    /// Bound on this attempt, waiting for its turn left out.
    pub timeout: Duration,
}

pub struct Probe<'w> {
    certificates: Certificates,
    proxies: Option<Proxies>,
    kept: reqwest::Client,
    new: reqwest::Client,
    /// The client that connects to the n-th known address of whatever name it is asked for.
    nth: RefCell<Vec<reqwest::Client>>,
    known: Arc<Known>,
    gate: Semaphore,
    long: Semaphore,
    console: &'w Console,
}

impl<'w> Probe<'w> {
    /// A probe for `tenants` tenants.
    pub fn new(
        console: &'w Console,
        certificates: &Certificates,
        route: Route,
        tenants: usize,
    ) -> Result<Self, String> {
        let connections = open_files().saturating_sub(OTHER_FILES).max(2);
        let at_once = AT_ONCE.min(connections / 2);
        let idle = ((connections - at_once) / tenants.max(1)).min(IDLE);
        let proxies = (route == Route::Environment).then(|| Proxies::of(&Env::read()));
        let client = |idle| build(builder(certificates, proxies.as_ref(), idle)?);
        Ok(Self {
            certificates: certificates.clone(),
            kept: client(idle)?,
            new: client(0)?,
            proxies,
            nth: RefCell::default(),
            known: Arc::default(),
            gate: Semaphore::new(at_once),
            long: Semaphore::new(LONG_AT_ONCE),
            console,
        })
    }

    /// Looks up who answers requests to `url`. From then on requests can be sent to each address.
    pub async fn addresses(&self, url: &Url) -> Result<Addresses, String> {
        let _permit = self.gate.acquire().await;
        addresses::lookup(url, self.proxies.as_ref(), &self.known).await
    }

    /// Asks once. It is sent again in two cases, both at most once: no connection could be made, so that nothing was
    /// sent; or the server had closed the kept connection, no byte of an answer came, and the request may be repeated.
    pub async fn ask(&self, request: &ProbeRequest<'_>) -> Observation {
        let permit = self.gate.acquire().await;
        let begun = clock::instant();
        let until = begun + request.timeout;
        let mut reconnected = false;
        let mut connection = match request.connection {
            Connection::Kept if !request.repeatable => Connection::New,
            connection => connection,
        };
        let reply = loop {
            let attempt = tokio::select! {
                biased;
                reply = self.attempt(request, connection, until) => reply,
                () = clock::sleep_until(until) => Attempt::Reply(Reply::Silence),
            };
            match attempt {
                Attempt::Reply(reply) => break reply,
                Attempt::NoConnection(_) if !reconnected && begun.elapsed() + RECONNECT < request.timeout => {
                    reconnected = true;
                    clock::sleep(RECONNECT).await;
                }
                Attempt::NoConnection(why) => break Reply::NoConnection(why),
                Attempt::ClosedMeanwhile(_) if request.repeatable && !reconnected => {
                    reconnected = true;
                    connection = Connection::New;
                }
                Attempt::ClosedMeanwhile(why) => break Reply::Broken(why),
            }
        };
        drop(permit);
        let observation = Observation { reply, elapsed: begun.elapsed(), reconnected };
        self.tell(request, &observation);
        observation
    }

    async fn attempt(
        &self,
        request: &ProbeRequest<'_>,
        connection: Connection,
        until: clock::Instant,
    ) -> Attempt {
        let client = match self.client(connection, &request.url) {
            Ok(client) => client,
            Err(why) => return Attempt::Reply(Reply::NoConnection(why)),
        };
        let Ok(method) = Method::from_bytes(request.method.as_bytes()) else {
            return Attempt::Reply(Reply::NoConnection(format!("`{}` is not a method", request.method)));
        };
        let mut call = client.request(method, request.url.clone());
        for (name, value) in &request.headers {
            call = call.header(name, value);
        }
        if let Some((name, value)) = request.credential.header() {
            call = call.header(name, value);
        }
        if let Some(body) = &request.body {
            call = call.body(body.clone());
        }
        let (sent, connected) = watched(call.send()).await;
        match sent {
            Ok(response) => Attempt::Reply(Reply::Answer(listen(response, until, &self.long).await)),
            Err(error) if error.is_connect() => {
                let proxy = self.proxies.as_ref().and_then(|proxies| proxies.on_the_way_to(&request.url));
                let through = proxy.map_or_else(String::new, |proxy| format!("through the proxy {proxy}: "));
                Attempt::NoConnection(format!("{through}{}", deepest(&error.without_url())))
            }
            Err(error) if !connected && connection::was_closed(&error) => {
                Attempt::ClosedMeanwhile(deepest(&error.without_url()))
            }
            Err(error) => Attempt::Reply(Reply::Broken(deepest(&error.without_url()))),
        }
    }

    fn client(&self, connection: Connection, url: &Url) -> Result<reqwest::Client, String> {
        let address = match connection {
            Connection::Kept => return Ok(self.kept.clone()),
            Connection::New => return Ok(self.new.clone()),
            Connection::NewTo(address) => address,
        };
        // A URL with an address in it has no other.
        let Some(url::Host::Domain(name)) = url.host() else { return Ok(self.new.clone()) };
        let Some(at) = self.known.place(name, address) else {
            return Err(format!("{name} was not found to have the address {address}"));
        };
        let mut nth = self.nth.borrow_mut();
        while nth.len() <= at {
            let resolver = Nth { at: nth.len(), known: Arc::clone(&self.known) };
            let builder = builder(&self.certificates, None, 0)?.dns_resolver(Arc::new(resolver));
            nth.push(build(builder)?);
        }
        nth.get(at).cloned().ok_or_else(|| format!("there is no client for the address {address}"))
    }

    fn tell(&self, request: &ProbeRequest<'_>, observation: &Observation) {
        if !self.console.tells(Loudness::Requests) {
            return;
        }
        let answer = match &observation.reply {
            Reply::Answer(answer) => format!("{}, {} bytes", answer.status, answer.body.len()),
            Reply::Silence => "no answer".to_owned(),
            Reply::Broken(why) | Reply::NoConnection(why) => why.clone(),
        };
        let took = observation.elapsed.as_millis();
        let to = match request.connection {
            Connection::NewTo(address) => format!(" at {address}"),
            Connection::Kept | Connection::New => String::new(),
        };
        self.console.request(&format!(
            "{} {}{to} [{}] -> {answer} in {took}ms",
            request.method,
            request.url,
            request.credential.kind()
        ));
    }
}

/// A client that keeps `idle` connections to a host; with 0 each request makes one of its own.
fn builder(
    certificates: &Certificates,
    proxies: Option<&Proxies>,
    idle: usize,
) -> Result<reqwest::ClientBuilder, String> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("coalmine-canary-smoke/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .referer(false)
        .connect_timeout(CONNECT)
        .connector_layer(Watch)
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
        let identity = Identity::from_pem(pem.as_bytes())
            .map_err(|_| "`cert_file` and `key_file` hold no certificate with its key in PEM".to_owned())?;
        builder = builder.identity(identity);
    }
    Ok(match proxies {
        Some(proxies) => proxies.lead(builder),
        None => builder.no_proxy(),
    })
}

fn build(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, String> {
    builder.build().map_err(|e| deepest(&e))
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
    /// It went out on a kept connection that the server had closed.
    ClosedMeanwhile(String),
}
