//! Requests: the line, the way to authorise, headers, the body.

use toml::de::DeValue;

use super::scope::Scope;
use super::template::Template;
use super::vocabulary::METHODS;
use super::{Auth, Body, LoadFile, Request, Scheme};
use crate::base::diagnostic::{Diagnostic, nearest};
use crate::policy::toml::fields::{Fields, Placed, Word};

/// Headers that the client writes itself. `host` could send the token past the tenant's own origin.
const RESERVED: [&str; 5] = ["host", "content-length", "transfer-encoding", "connection", "upgrade"];

/// What a request needs beside its own table.
pub(super) struct Setting<'a> {
    pub(super) scope: &'a Scope<'a>,
    /// How a token is sent unless the request says otherwise.
    pub(super) auth: &'a Auth,
    /// Reads the file of `body.file`.
    pub(super) load: LoadFile<'a>,
}

/// Reads the request of a step; `files` gets what was read from files.
pub(super) fn read(
    fields: &Fields<'_>,
    setting: &Setting<'_>,
    files: &mut Vec<(String, String)>,
) -> Result<Request, Diagnostic> {
    let line = fields.required("request")?;
    let auth = match fields.get("auth") {
        Some(value) => read_auth(fields, value)?,
        None => setting.auth.clone(),
    };
    let (method, target) = split(fields, &line)?;
    let target = setting.scope.parse(target, line.span())?;
    let body = match fields.table("body") {
        Some(body) => Some(read_body(&body, setting, files)?),
        None => None,
    };
    if body.is_some() && matches!(method, "GET" | "HEAD") {
        return Err(fields.mistake(
            line.span(),
            format!("a {method} has no body"),
            "use POST, or leave `body` out",
        ));
    }
    let headers = read_headers(fields, setting, &auth)?;
    Ok(Request { method, target, auth, headers, body })
}

/// Reads `auth`.
pub(super) fn read_auth(fields: &Fields<'_>, value: &Placed<'_>) -> Result<Auth, Diagnostic> {
    match value.get_ref() {
        DeValue::String(text) if text == "none" => Ok(Auth::None),
        DeValue::String(text) if text == "basic" => Ok(Auth::Own(Scheme::Basic)),
        DeValue::String(text) if text == "bearer" => Ok(Auth::Own(Scheme::Bearer)),
        DeValue::Table(table) => {
            let name = table.get("header").and_then(|header| header.get_ref().as_str()).unwrap_or_default();
            if !is_header_name(name) || RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
                let message = format!("`{name}` cannot be the header that carries a token");
                return Err(fields.mistake(value.span(), message, "write a name such as `X-Api-Key`"));
            }
            Ok(Auth::Own(Scheme::Header(name.to_ascii_lowercase())))
        }
        _ => Err(fields.unlike(value, "a way to authorise")),
    }
}

/// Splits `METHOD /path` and checks both.
pub(super) fn split<'t>(fields: &Fields<'_>, line: &Word<'t>) -> Result<(&'static str, &'t str), Diagnostic> {
    let refuse = |message: String, hint: String| Err(fields.mistake(line.span(), message, hint));
    let form = || "write `\"METHOD /path?query\"`, for example `\"GET /health\"`".to_owned();
    let Some((method, target)) = line.get_ref().split_once(' ') else {
        return refuse("this is no request".to_owned(), form());
    };
    let Some(known) = METHODS.into_iter().find(|known| *known == method) else {
        let hint = nearest(&method.to_ascii_uppercase(), METHODS)
            .map_or_else(form, |m| format!("did you mean `{m}`?"));
        return refuse(format!("`{method}` is no method"), hint);
    };
    // Placeholders may hold spaces between their braces; what is outside them may not. One that is not closed is found
    // by whoever reads it.
    let outside: String =
        target.split("{{").map(|part| part.rsplit("}}").next().unwrap_or_default()).collect();
    let outside = if Template::parse(target).is_ok() { outside.as_str() } else { "" };
    if !target.starts_with('/') || outside.contains(|c: char| c.is_whitespace() || c.is_control() || c == '#')
    {
        return refuse(
            format!("`{target}` is no path"),
            "a path begins with `/`, without a host, and has neither spaces nor `#`".to_owned(),
        );
    }
    Ok((known, target))
}

fn read_headers(
    fields: &Fields<'_>,
    setting: &Setting<'_>,
    auth: &Auth,
) -> Result<Vec<(String, Template)>, Diagnostic> {
    let carrier = match auth {
        Auth::None => None,
        Auth::Own(Scheme::Header(name)) | Auth::Stranger(Scheme::Header(name)) => Some(name.as_str()),
        Auth::Own(_) | Auth::Stranger(_) => Some("authorization"),
    };
    let mut headers: Vec<(String, Template)> = Vec::new();
    for (key, value) in fields.map("header") {
        let name = key.get_ref().to_ascii_lowercase();
        let refuse = |message: &str, hint: &str| {
            Err(fields.mistake(key.span(), format!("`{}` {message}", key.get_ref()), hint))
        };
        if !is_header_name(&name) {
            return refuse("is no header's name", "use letters, digits and `-`");
        }
        if RESERVED.contains(&name.as_str()) {
            return refuse("is written by the client itself", "leave it out");
        }
        if carrier == Some(name.as_str()) {
            return refuse(
                "carries the token already",
                "write `auth = \"none\"` to set this header yourself",
            );
        }
        if headers.iter().any(|(other, _)| *other == name) {
            return refuse("stands here twice", "upper and lower case are the same header");
        }
        let text = fields.as_text(value)?;
        if text.get_ref().contains(char::is_control) {
            return Err(fields.mistake(
                value.span(),
                "a header's value is one line",
                "take the control characters out",
            ));
        }
        headers.push((name, setting.scope.template(&text)?));
    }
    Ok(headers)
}

fn is_header_name(name: &str) -> bool {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !name.is_empty() && name.chars().all(token)
}

fn read_body(
    fields: &Fields<'_>,
    setting: &Setting<'_>,
    files: &mut Vec<(String, String)>,
) -> Result<Body, Diagnostic> {
    if let Some(value) = fields.get("json") {
        return Ok(Body::Json(setting.scope.json(value)?));
    }
    if let Some(text) = fields.text("text") {
        return Ok(Body::Text(setting.scope.template(&text)?));
    }
    if let Some(path) = fields.text("file") {
        let name = path.get_ref().to_string();
        let text = (setting.load)(&name).map_err(|problem| {
            fields.mistake(
                path.span(),
                problem,
                "the path is relative to the suite, and stays below its folder",
            )
        })?;
        let template = setting.scope.parse(&text, path.span())?;
        if !files.iter().any(|(known, _)| *known == name) {
            files.push((name, text));
        }
        return Ok(Body::Text(template));
    }
    let mut form = Vec::new();
    for (key, value) in fields.map("form") {
        form.push((key.get_ref().to_string(), setting.scope.template(&fields.as_text(value)?)?));
    }
    Ok(Body::Form(form))
}
