//! A request to a tenant, read, and the answer that its API gives.

use bytes::Bytes;
use hyper::{HeaderMap, Method, Response, header};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::body::Body;
use crate::store::reply;

/// A request, read.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) bytes: Bytes,
    /// The body as JSON; `Null` if it is none.
    pub(super) body: Value,
}

impl Call {
    /// The value of the header `name`; bytes that are no UTF-8 are replaced.
    pub(super) fn header(&self, name: impl header::AsHeaderName) -> Option<String> {
        self.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    }

    /// The value of the cookie `name`.
    pub(super) fn cookie(&self, name: &str) -> Option<String> {
        let pairs = self.header(header::COOKIE)?;
        let mut pairs = pairs.split(';').filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
    }

    /// The value of the field `name` of a form.
    pub(super) fn field(&self, name: &str) -> Option<String> {
        of_form(&String::from_utf8_lossy(&self.bytes), name)
    }

    /// The value of the parameter `name` of the query.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        of_form(&self.query, name)
    }
}

fn of_form(text: &str, name: &str) -> Option<String> {
    let plain = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let mut pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| plain(key) == name).map(|(_, value)| plain(value))
}

/// Status and JSON body of an answer; `Null` is an empty body.
pub(super) type Plain = (u16, Value);

/// What the API answers.
pub(super) enum Served {
    /// JSON.
    Plain(Plain),
    /// Anything else.
    Whole(Response<Body>),
}

/// Writes a JSON answer.
pub(super) fn json_reply((status, body): Plain) -> Response<Body> {
    match body {
        Value::Null => reply(status, &[], ""),
        body => reply(status, &[("content-type", "application/json")], body.to_string()),
    }
}

impl Served {
    /// A JSON answer with further headers.
    pub(super) fn with(plain: Plain, headers: &[(&str, &str)]) -> Self {
        let mut response = json_reply(plain);
        for (name, value) in headers {
            if let (Ok(name), Ok(value)) =
                (header::HeaderName::try_from(*name), header::HeaderValue::try_from(*value))
            {
                response.headers_mut().append(name, value);
            }
        }
        Self::Whole(response)
    }

    pub(super) fn into_response(self) -> Response<Body> {
        match self {
            Self::Plain(plain) => json_reply(plain),
            Self::Whole(response) => response,
        }
    }
}

impl From<Plain> for Served {
    fn from(plain: Plain) -> Self {
        Self::Plain(plain)
    }
}

/// The answer to a DELETE.
pub(super) fn gone(was_there: bool) -> Plain {
    if was_there { (204, Value::Null) } else { (404, serde_json::json!({"error": "not found"})) }
}
