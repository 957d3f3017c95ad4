//! Which captures are credentials: their values are kept out of every report, like a tenant's token.

use std::collections::BTreeSet;

use super::body::{Body, Content};
use super::capture::is_telling;
use super::template::{JsonTemplate, Template};
use super::{Request, Step};

/// Headers that carry no credential. Whatever is sent in another one is taken for one.
const OPEN_HEADERS: [&str; 10] = [
    "accept",
    "accept-language",
    "content-type",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-unmodified-since",
    "range",
    "traceparent",
    "x-request-id",
];

/// The placeholders of `steps` that are sent as a credential: in a header, or in a part of the query or the body whose
/// name tells so.
pub(super) fn sent_by<'s>(steps: impl Iterator<Item = &'s Step>) -> BTreeSet<String> {
    steps.flat_map(|step| of_request(&step.request)).collect()
}

fn of_request(request: &Request) -> Vec<String> {
    let mut names = Vec::new();
    let mut add = |template: &Template| names.extend(template.names().map(str::to_owned));
    for (_, value) in request.headers.iter().filter(|(name, _)| !OPEN_HEADERS.contains(&name.as_str())) {
        add(value);
    }
    let target = request.target.to_string();
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let parameters = query.split('&').filter_map(|part| part.split_once('='));
    for value in parameters.filter(|(name, _)| is_telling(name)).filter_map(|(_, v)| Template::parse(v).ok())
    {
        add(&value);
    }
    match &request.body {
        Some(Body::Form(fields)) => {
            fields.iter().filter(|(name, _)| is_telling(name)).for_each(|(_, v)| add(v));
        }
        Some(Body::Json(json)) => of_json(json, false, &mut add),
        Some(Body::Multipart(parts)) => parts.iter().filter(|part| is_telling(&part.name)).for_each(|part| {
            if let Content::Text(text) = &part.content {
                add(text);
            }
        }),
        Some(Body::Text(_) | Body::Binary(_)) | None => {}
    }
    names
}

fn of_json(json: &JsonTemplate, telling: bool, add: &mut dyn FnMut(&Template)) {
    match json {
        JsonTemplate::Fixed(_) => {}
        JsonTemplate::Text(text) if telling => add(text),
        JsonTemplate::Text(_) => {}
        JsonTemplate::List(items) => items.iter().for_each(|item| of_json(item, telling, add)),
        JsonTemplate::Object(fields) => {
            fields.iter().for_each(|(name, value)| of_json(value, telling || is_telling(name), add));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::smoke::suite::capture::Capture;
    use crate::policy::smoke::suite::read;
    use crate::policy::toml::TomlFile;

    /// The captures of the first step that are credentials, when a second step sends `request`.
    fn credentials(captures: &str, request: &str) -> (Vec<String>, Vec<String>) {
        let text = format!(
            "format = 1\n[[check]]\nname = 'c'\n[[check.step]]\nrequest = 'POST /login'\nexpect.status = 200\n{captures}\n\
             [[check.step]]\n{request}\nexpect.status = 200\n"
        );
        let file = TomlFile { name: "smoke.toml", text: &text };
        let suite = read(&file, &|name| Err(name.to_owned())).unwrap_or_else(|mistake| panic!("{mistake:?}"));
        let step = suite.checks.iter().next().unwrap().steps.first().unwrap();
        let names = |of: fn(&Capture) -> bool| {
            let named = step.captures.iter().filter(|capture| of(capture));
            named.map(|capture| capture.name.clone()).collect()
        };
        (names(|capture| capture.credential), names(|capture| capture.redacted))
    }

    #[test]
    fn what_is_sent_as_a_credential_is_one() {
        let capture = "capture.x = '$.x'";
        for (request, is_one) in [
            ("request = 'GET /a'\nauth = 'none'\nheader.Authorization = 'Bearer {{ x }}'", true),
            ("request = 'GET /a'\nheader.Cookie = 'sid={{ x }}'", true),
            ("request = 'GET /a'\nheader.X-Acme = '{{ x }}'", true),
            ("request = 'GET /a'\nheader.If-Match = '{{ x }}'", false),
            ("request = 'GET /a?limit=5&api_key={{ x }}'", true),
            ("request = 'GET /a?sig={{ x }}'", true),
            ("request = 'GET /a?id={{ x }}'", false),
            ("request = 'GET /a/{{ x }}'", false),
            ("request = 'POST /a'\nbody.form = { refresh_token = '{{ x }}' }", true),
            ("request = 'POST /a'\nbody.form = { id = '{{ x }}' }", false),
            ("request = 'POST /a'\nbody.json = { user = { password = ['{{ x }}'] } }", true),
            ("request = 'POST /a'\nbody.json = { user = ['{{ x }}'] }", false),
            ("request = 'POST /a'\nbody.text = '{{ x }}'", false),
        ] {
            assert_eq!(credentials(capture, request).0, vec!["x"; usize::from(is_one)], "{request}");
        }
    }

    #[test]
    fn what_is_called_a_credential_or_marked_is_one() {
        let request = "request = 'GET /a/{{ x }}/{{ session_id }}'";
        let found =
            credentials("capture.x = { json = '$.x', redact = true }\ncapture.session_id = '$.y'", request);
        assert_eq!(found, (vec!["x".to_owned(), "session_id".to_owned()], vec!["x".to_owned()]));
        let found = credentials("capture.x = { json = '$.x' }\ncapture.session_id = '$.y'", request);
        assert_eq!(found, (vec!["session_id".to_owned()], Vec::new()));
    }
}
