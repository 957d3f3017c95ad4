//! Responses as registries write them.

use hyper::{Response, StatusCode};
use serde_json::json;

use crate::body::{self, Body};

/// A response with `headers` and `bytes`. Headers must be valid; the sandbox writes all of them itself.
pub(crate) fn reply(status: u16, headers: &[(&str, &str)], bytes: impl Into<bytes::Bytes>) -> Response<Body> {
    let mut response = Response::new(body::full(bytes));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) =
            (hyper::header::HeaderName::try_from(*name), hyper::header::HeaderValue::try_from(*value))
        {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// The error envelope of the distribution specification.
pub(crate) fn oci_error(status: u16, code: &str, message: &str) -> Response<Body> {
    let envelope = json!({"errors": [{"code": code, "message": message, "detail": null}]});
    reply(status, &[("content-type", "application/json")], envelope.to_string())
}
