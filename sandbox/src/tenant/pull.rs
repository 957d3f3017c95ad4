//! Reading from a registry, with or without credentials.

use std::sync::{Mutex, PoisonError};

use base64::Engine;
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use super::TenantSetup;
use crate::body::{self, Body};

/// Largest manifest, config or tag list read (4 MiB).
const READ_BYTES: usize = 4 * 1024 * 1024;

const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.docker.distribution.manifest.v2+json";

/// One tenant's client of its registry.
pub(super) struct Pull<'a> {
    client: Client<HttpConnector, Body>,
    setup: &'a TenantSetup,
    authorization: Mutex<Option<String>>,
}

impl<'a> Pull<'a> {
    pub(super) fn new(setup: &'a TenantSetup) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { client, setup, authorization: Mutex::default() }
    }

    /// Reads JSON below the repository; `None` for whatever goes wrong.
    pub(super) async fn json(&self, path: &str) -> Option<Value> {
        serde_json::from_slice(&self.get(path).await?).ok()
    }

    /// Reads bytes below the repository; `None` for whatever goes wrong.
    pub(super) async fn get(&self, path: &str) -> Option<Bytes> {
        let answer = self.ask(Method::GET, path).await?;
        if !answer.status().is_success() {
            return None;
        }
        body::collect(body::incoming(answer.into_body()), READ_BYTES).await.ok()
    }

    /// Asks, and once more with credentials if the registry wants some.
    pub(super) async fn ask(&self, method: Method, path: &str) -> Option<Response<Incoming>> {
        let known = self.authorization.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let url = format!("http://{}/v2/{}/{path}", self.setup.registry, self.setup.repository);
        let answer = self.send(method.clone(), &url, known.as_deref()).await?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            return Some(answer);
        }
        let challenge = answer.headers().get(header::WWW_AUTHENTICATE)?.to_str().ok()?.to_owned();
        let authorization = self.authorize(&challenge).await?;
        let answer = self.send(method, &url, Some(&authorization)).await;
        *self.authorization.lock().unwrap_or_else(PoisonError::into_inner) = Some(authorization);
        answer
    }

    async fn authorize(&self, challenge: &str) -> Option<String> {
        let basic = self.setup.login.as_ref().map(|(name, password)| {
            let plain = format!("{name}:{password}");
            format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(plain))
        });
        let Some(parameters) = challenge.strip_prefix("Bearer ") else { return basic };
        let parameter = |name: &str| {
            let (_, rest) = parameters.split_once(&format!("{name}=\""))?;
            Some(rest.split_once('"')?.0.to_owned())
        };
        let service = parameter("service").unwrap_or_default();
        let url = format!("{}?service={service}&scope={}", parameter("realm")?, parameter("scope")?);
        let answer = self.send(Method::GET, &url, basic.as_deref()).await?;
        let bytes = body::collect(body::incoming(answer.into_body()), READ_BYTES).await.ok()?;
        let answer: Value = serde_json::from_slice(&bytes).ok()?;
        let token = answer["token"].as_str().or_else(|| answer["access_token"].as_str())?;
        Some(format!("Bearer {token}"))
    }

    async fn send(
        &self,
        method: Method,
        url: &str,
        authorization: Option<&str>,
    ) -> Option<Response<Incoming>> {
        let mut request = Request::builder().method(method).uri(url).header(header::ACCEPT, ACCEPT);
        if let Some(authorization) = authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        self.client.request(request.body(body::empty()).ok()?).await.ok()
    }
}
