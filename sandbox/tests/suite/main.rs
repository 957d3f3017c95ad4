//! What the sandbox promises, over real loopback HTTP.

#![expect(clippy::unwrap_used, reason = "helpers of tests panic like the tests themselves")]

mod access;
mod faults;
mod log;
mod products;
mod program;
mod skopeo;
mod store;
mod tenant;
mod upstream;

use coalmine_sandbox::{Image, Registry, Rule, Setup};
use reqwest::{Client, Method, Response};

/// One repository name for all tests; every test has a registry of its own.
const REPO: &str = "team/app";

/// The sha of the first image.
const OLD: &str = "1111111111111111111111111111111111111111";

/// The sha of the second image.
const NEW: &str = "2222222222222222222222222222222222222222";

const ACCEPT: &str = "application/vnd.oci.image.index.v1+json,application/vnd.oci.image.manifest.v1+json,\
    application/vnd.docker.distribution.manifest.list.v2+json,\
    application/vnd.docker.distribution.manifest.v2+json";

fn client() -> Client {
    Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

/// A registry with `latest` at the old image and the new one staged, and a client.
struct Fixture {
    registry: Registry,
    client: Client,
    old: Image,
    new: Image,
}

impl Fixture {
    fn new() -> Self {
        Self::with(Setup::default())
    }

    fn with(setup: Setup) -> Self {
        let registry = Registry::start(setup).unwrap();
        let (old, new) = (Image::single(OLD, "app"), Image::single(NEW, "app"));
        registry.push(REPO, "latest", &old).unwrap();
        registry.push(REPO, "staging-new", &new).unwrap();
        Self { registry, client: client(), old, new }
    }

    fn broken(rule: Rule) -> Self {
        let fixture = Self::new();
        fixture.registry.rule(rule);
        fixture
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.registry.host())
    }

    async fn manifest(&self, method: Method, reference: &str) -> Result<Response, reqwest::Error> {
        let url = self.url(&format!("/v2/{REPO}/manifests/{reference}"));
        self.client.request(method, url).header("accept", ACCEPT).send().await
    }

    async fn head(&self, reference: &str) -> Result<Response, reqwest::Error> {
        self.manifest(Method::HEAD, reference).await
    }

    async fn get(&self, reference: &str) -> Result<Response, reqwest::Error> {
        self.manifest(Method::GET, reference).await
    }

    /// Puts `image`'s manifest under `tag`.
    async fn put(&self, tag: &str, image: &Image) -> Result<Response, reqwest::Error> {
        let url = self.url(&format!("/v2/{REPO}/manifests/{tag}"));
        let request = self.client.put(url).header("content-type", image.media_type());
        request.body(image.manifest().clone()).send().await
    }

    /// Where `latest` stands, seen without faults or log.
    fn latest(&self) -> Option<String> {
        self.registry.digest_of(REPO, "latest")
    }
}

/// The digest header of an answer; panics without one.
fn digest(response: &Response) -> String {
    response.headers()["docker-content-digest"].to_str().unwrap().to_owned()
}
