//! The tenant's port: reads a request, notes it, and answers it.

use std::sync::Arc;

use hyper::{Request, Response, StatusCode, header};

use super::call::Call;
use super::fault::TenantFault;
use super::state::{Asked, State};
use super::{inject, socket};
use crate::body::{self, Body};
use crate::clock;
use crate::wire::{Answer, Connection};

/// Largest request body read (1 MiB).
const BODY_BYTES: usize = 1024 * 1024;

/// The header in which every answer names the build.
const BUILD_HEADER: &str = "x-build-sha";

/// Answers for one tenant.
pub(super) struct Service {
    state: Arc<State>,
}

impl Service {
    pub(super) fn new(state: Arc<State>) -> Self {
        Self { state }
    }
}

impl Answer for Service {
    async fn answer(self: Arc<Self>, mut request: Request<Body>, connection: Connection) -> Response<Body> {
        let upgrade = hyper::upgrade::on(&mut request);
        let (parts, body) = request.into_parts();
        let bytes = body::collect(body, BODY_BYTES).await.unwrap_or_default();
        let call = Call {
            method: parts.method,
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers,
            body: serde_json::from_slice(&bytes).unwrap_or_default(),
            bytes,
        };
        let number = self.state.ask(Asked {
            method: call.method.to_string(),
            path: parts.uri.path_and_query().map_or_else(String::new, ToString::to_string),
            connection: connection.id,
            cache_control: call.header(header::CACHE_CONTROL),
            authorization: call.header(header::AUTHORIZATION),
            cookie: call.header(header::COOKIE),
            body: String::from_utf8_lossy(&call.bytes).into_owned(),
            status: None,
        });
        clock::sleep(self.state.setup.latency).await;
        let mut response = inject::inject(&self.state, &call, &connection).await;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            tokio::spawn(socket::echo(upgrade));
        }
        // Every answer names the build that gives it, as behind a balancer of requests only the answer itself can.
        if let Some(version) = self.state.version().and_then(|version| version.parse().ok()) {
            response.headers_mut().entry(BUILD_HEADER).or_insert(version);
        }
        self.state.answer(number, response.status().as_u16());
        response
    }

    fn admits(&self) -> bool {
        self.state.fault() != Some(TenantFault::RefuseConnection)
    }
}
