//! A step of the suite as a request to one tenant, and as a command that a person can run.

use std::time::Duration;

use serde_json::Value;
use url::{Position, Url};

use super::memory::Memory;
use crate::base::redact::Redactor;
use crate::base::shell::quoted;
use crate::model::check::Mismatch;
use crate::model::digest::Digest;
use crate::model::tenant::Tenant;
use crate::policy::smoke::suite::body::{Body, Content, Part};
use crate::policy::smoke::suite::template::{Encoding, Unfit, Variables};
use crate::policy::smoke::suite::{Auth, Request, Scheme, Step};

/// A longer body is left out of the command that a person can run.
const CURL_BODY_BYTES: usize = 2_000;

/// How the boundary between the parts of a form begins.
const BOUNDARY: &str = "coalmine-";

/// A request with its placeholders filled.
pub(super) struct Filled {
    pub(super) url: Url,
    /// Path and query.
    pub(super) target: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<Vec<u8>>,
    pub(super) timeout: Duration,
}

/// Fills the request of `step`.
///
/// # Errors
/// A value was captured that does not fit where it is used, or would leave the tenant.
pub(super) fn fill(tenant: &Tenant, step: &Step, memory: &Memory) -> Result<Filled, Mismatch> {
    let (request, variables) = (&step.request, &memory.variables);
    let refuse = |unfit: Unfit| Mismatch {
        subject: "request".to_owned(),
        expected: "values that fit into it".to_owned(),
        found: unfit.to_string(),
    };
    // A target that is nothing but a value is a URL that the tenant named.
    let follows = request.target.single().is_some();
    let encoding = if follows { Encoding::Plain } else { Encoding::Url };
    let target = request.target.render(variables, encoding).map_err(refuse)?;
    let url = if follows { tenant.url.follow(&target) } else { tenant.url.join(&target) };
    let url = url.ok_or_else(|| Mismatch {
        subject: "request".to_owned(),
        expected: if follows { "a URL of the tenant" } else { "a path below the tenant's URL" }.to_owned(),
        found: crate::base::text::escape(&target, 100),
    })?;
    let target = url[Position::BeforePath..].to_owned();
    let mut headers = Vec::new();
    for (name, template) in &request.headers {
        let value = template.render(variables, Encoding::Plain).map_err(refuse)?;
        if !value.bytes().all(|b| b == b'\t' || (b' '..=b'~').contains(&b)) {
            return Err(Mismatch {
                subject: format!("request header {name}"),
                expected: "visible ASCII".to_owned(),
                found: "a captured value with something else".to_owned(),
            });
        }
        headers.push((name.clone(), value));
    }
    if let Some(cookies) = memory.cookies.as_ref().and_then(|jar| jar.header(&url)) {
        headers.push(("cookie".to_owned(), cookies));
    }
    let body = request.body.as_ref().map(|body| content(body, variables)).transpose().map_err(refuse)?;
    if let Some(kind) =
        request.body.as_ref().zip(body.as_ref()).map(|(body, bytes)| content_type(body, bytes))
        && !headers.iter().any(|(name, _)| name == "content-type")
    {
        headers.push(("content-type".to_owned(), kind));
    }
    Ok(Filled { url, target, headers, body, timeout: step.timeout })
}

fn content(body: &Body, variables: &Variables) -> Result<Vec<u8>, Unfit> {
    Ok(match body {
        Body::Json(template) => {
            template.render(variables).map(|value: Value| value.to_string())?.into_bytes()
        }
        Body::Text(template) => template.render(variables, Encoding::Plain)?.into_bytes(),
        Body::Form(fields) => {
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            for (name, template) in fields {
                form.append_pair(name, &template.render(variables, Encoding::Plain)?);
            }
            form.finish().into_bytes()
        }
        Body::Multipart(parts) => multipart(parts, variables)?,
        Body::Binary(bytes) => bytes.clone(),
    })
}

/// RFC 7578. The boundary is made of the contents, so that it stands in none of them and a replay sends the same.
fn multipart(parts: &[Part], variables: &Variables) -> Result<Vec<u8>, Unfit> {
    let mut pieces = Vec::new();
    for Part { name, content } in parts {
        let head = format!("\r\nContent-Disposition: form-data; name=\"{name}\"");
        pieces.push(match content {
            Content::Text(template) => {
                (head + "\r\n\r\n", template.render(variables, Encoding::Plain)?.into_bytes())
            }
            Content::File { filename, kind, bytes } => {
                let head = format!("{head}; filename=\"{filename}\"\r\nContent-Type: {kind}\r\n\r\n");
                (head, bytes.clone())
            }
        });
    }
    let all: Vec<u8> =
        pieces.iter().flat_map(|(head, content)| [head.as_bytes(), content].concat()).collect();
    let boundary = format!("{BOUNDARY}{}", &Digest::of(&all).hex()[..32]);
    let mut body = Vec::new();
    for (head, content) in pieces {
        body.extend([b"--", boundary.as_bytes(), head.as_bytes(), &content, b"\r\n"].concat());
    }
    body.extend([b"--", boundary.as_bytes(), b"--\r\n"].concat());
    Ok(body)
}

fn content_type(body: &Body, bytes: &[u8]) -> String {
    let kind = match body {
        Body::Json(_) => "application/json",
        Body::Text(_) => "text/plain; charset=utf-8",
        Body::Form(_) => "application/x-www-form-urlencoded",
        Body::Multipart(_) => {
            let line = bytes.split(|byte| *byte == b'\r').next().unwrap_or_default();
            let boundary = String::from_utf8_lossy(line);
            return format!("multipart/form-data; boundary={}", boundary.trim_start_matches("--"));
        }
        Body::Binary(_) => "application/octet-stream",
    };
    kind.to_owned()
}

/// The request as a command for a shell, with `$CANARY_TOKEN` where the token belongs.
pub(super) fn curl(request: &Request, filled: &Filled, secrets: &Redactor) -> String {
    let mut words = vec!["curl -sS".to_owned()];
    match request.method {
        "GET" => {}
        "HEAD" => words.push("--head".to_owned()),
        method => words.push(format!("-X {method}")),
    }
    match &request.auth {
        Auth::None => {}
        Auth::Own(Scheme::Bearer) => words.push("-H \"Authorization: Bearer $CANARY_TOKEN\"".to_owned()),
        Auth::Own(Scheme::Basic) => words.push("-u \"$CANARY_TOKEN\"".to_owned()),
        Auth::Own(Scheme::Header(name)) => words.push(format!("-H \"{name}: $CANARY_TOKEN\"")),
        Auth::Stranger(Scheme::Bearer) => words.push("-H 'Authorization: Bearer random'".to_owned()),
        Auth::Stranger(Scheme::Basic) => words.push("-u random:".to_owned()),
        Auth::Stranger(Scheme::Header(name)) => words.push(format!("-H '{name}: random'")),
    }
    for (name, value) in &filled.headers {
        words.push(format!("-H {}", quoted(&format!("{name}: {value}"))));
    }
    match filled.body.as_deref().map(std::str::from_utf8) {
        Some(Ok(body)) if body.len() <= CURL_BODY_BYTES => {
            words.push(format!("--data-binary {}", quoted(body)));
        }
        Some(_) => words.push("--data-binary @body".to_owned()),
        None => {}
    }
    words.push(quoted(filled.url.as_str()));
    secrets.clean(&words.join(" "))
}
