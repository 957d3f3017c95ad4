//! A step of the suite as a request to one tenant, and as a command that a person can run.

use std::time::Duration;

use serde_json::Value;
use url::Url;

use crate::base::redact::Redactor;
use crate::base::shell::quoted;
use crate::model::check::Mismatch;
use crate::model::tenant::Tenant;
use crate::policy::smoke::suite::template::{Encoding, Unfit, Variables};
use crate::policy::smoke::suite::{Auth, Body, Request, Scheme, Step};

/// A longer body is left out of the command that a person can run.
const CURL_BODY_BYTES: usize = 2_000;

pub(super) struct Filled {
    pub(super) url: Url,
    /// Path and query, without what the tenant's URL has before it.
    pub(super) target: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<String>,
    pub(super) timeout: Duration,
}

/// Fills the request of `step`.
pub(super) fn fill(tenant: &Tenant, step: &Step, variables: &Variables) -> Result<Filled, Mismatch> {
    let request = &step.request;
    let refuse = |unfit: Unfit| Mismatch {
        subject: "request".to_owned(),
        expected: "values that fit into it".to_owned(),
        found: unfit.to_string(),
    };
    let target = request.target.render(variables, Encoding::Url).map_err(refuse)?;
    let url = tenant.url.join(&target).ok_or_else(|| Mismatch {
        subject: "request".to_owned(),
        expected: "a path below the tenant's URL".to_owned(),
        found: crate::base::text::escape(&target, 100),
    })?;
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
    let body = request.body.as_ref().map(|body| content(body, variables)).transpose().map_err(refuse)?;
    if let Some(kind) = request.body.as_ref().map(content_type)
        && !headers.iter().any(|(name, _)| name == "content-type")
    {
        headers.push(("content-type".to_owned(), kind.to_owned()));
    }
    Ok(Filled { url, target, headers, body, timeout: step.timeout })
}

fn content(body: &Body, variables: &Variables) -> Result<String, Unfit> {
    match body {
        Body::Json(template) => template.render(variables).map(|value: Value| value.to_string()),
        Body::Text(template) => template.render(variables, Encoding::Plain),
        Body::Form(fields) => {
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            for (name, template) in fields {
                form.append_pair(name, &template.render(variables, Encoding::Plain)?);
            }
            Ok(form.finish())
        }
    }
}

fn content_type(body: &Body) -> &'static str {
    match body {
        Body::Json(_) => "application/json",
        Body::Text(_) => "text/plain; charset=utf-8",
        Body::Form(_) => "application/x-www-form-urlencoded",
    }
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
    match &filled.body {
        Some(body) if body.len() > CURL_BODY_BYTES => words.push("--data-binary @body".to_owned()),
        Some(body) => words.push(format!("--data-binary {}", quoted(body))),
        None => {}
    }
    words.push(quoted(filled.url.as_str()));
    secrets.clean(&words.join(" "))
}
