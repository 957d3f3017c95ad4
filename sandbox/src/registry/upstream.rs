//! What stands behind the proxy: the embedded store, or a real registry at an address.

use std::net::SocketAddr;

use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Request, Response, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::body::{self, Body};
use crate::store::{Store, oci_error};

/// Headers that belong to one connection and are not passed on.
const HOP_BY_HOP: [&str; 5] =
    ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];

/// A registry without misbehaviour.
pub(super) enum Upstream {
    Embedded(Box<Store>),
    /// Any registry that speaks plain HTTP.
    Remote {
        client: Box<Client<HttpConnector, Body>>,
        address: SocketAddr,
        authorization: Option<HeaderValue>,
    },
}

impl Upstream {
    /// A real registry; `authorization` is sent where a request has none of its own.
    pub(super) fn remote(address: SocketAddr, authorization: Option<&str>) -> Self {
        let client = Box::new(Client::builder(TokioExecutor::new()).build_http());
        let authorization = authorization.and_then(|value| HeaderValue::try_from(value).ok());
        Self::Remote { client, address, authorization }
    }

    /// Whether it is a real registry, whose gaps the proxy has to fill.
    pub(super) fn is_remote(&self) -> bool {
        matches!(self, Self::Remote { .. })
    }

    /// Sends a request; the `Host` stays the client's, so that a real registry's Location leads back here.
    /// An upstream that cannot be reached answers 502.
    pub(super) async fn send(&self, mut request: Request<Body>) -> Response<Body> {
        match self {
            Self::Embedded(store) => store.answer(request).await,
            Self::Remote { client, address, authorization } => {
                let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
                let Ok(uri) = format!("http://{address}{path}").parse::<Uri>() else {
                    return oci_error(400, "UNSUPPORTED", "not a path");
                };
                *request.uri_mut() = uri;
                strip(request.headers_mut());
                if let Some(value) = authorization
                    && !request.headers().contains_key(header::AUTHORIZATION)
                {
                    request.headers_mut().insert(header::AUTHORIZATION, value.clone());
                }
                match client.request(request).await {
                    Ok(mut response) => {
                        strip(response.headers_mut());
                        response.map(body::incoming)
                    }
                    Err(failure) => oci_error(502, "UNKNOWN", &format!("upstream: {failure}")),
                }
            }
        }
    }
}

fn strip(headers: &mut HeaderMap) {
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}
