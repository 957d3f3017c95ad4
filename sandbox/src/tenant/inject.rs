//! Playing a fault over the healthy API.

use std::time::Duration;

use bytes::Bytes;
use hyper::Response;
use serde_json::{Value, json};

use super::api::{Call, Plain, json_reply};
use super::state::State;
use super::{Reach, TenantFault};
use crate::body::{self, Body};
use crate::clock;
use crate::store::reply;
use crate::wire::Connection;

const HUGE_BYTES: usize = 100 * 1024 * 1024;

const DEPTH: usize = 200_000;

/// Answers a call as the tenant's condition has it.
pub(super) async fn inject(state: &State, call: &Call, connection: &Connection) -> Response<Body> {
    let fault = state.fault();
    if fault == Some(TenantFault::Hang) {
        std::future::pending::<()>().await;
    }
    let authorized = state.knows(call) || fault == Some(TenantFault::OpenAuth);
    let Some(version) = state.version() else {
        return json_reply((503, json!({"status": "booting"})));
    };
    if fault == Some(TenantFault::ClosesKept) && state.count(&connection.id.to_string()) > 1 {
        connection.reset::<()>().await;
    }
    if let Some(TenantFault::StaleCache(sha)) = &fault
        && call.path == "/admin/liveness"
    {
        let mut response = json_reply(state.serve(call, sha, authorized));
        response.headers_mut().insert("age", 3000.into());
        return response;
    }
    let spared = matches!(call.path.as_str(), "/admin/liveness" | "/health")
        && state.setup.reach == Reach::SpareLiveness
        && fault != Some(TenantFault::DuplicateKeys);
    if spared {
        return json_reply(state.serve(call, &version, authorized));
    }
    if let Some(TenantFault::FlakyOnce(path)) = &fault
        && *path == call.path
        && state.count(path) == 1
    {
        return json_reply((503, json!({"error": "try again"})));
    }
    if let Some(response) = fault.as_ref().and_then(|fault| instead(fault, state, call, connection)) {
        return response;
    }
    let plain = state.serve(call, &version, authorized);
    match fault {
        Some(fault) if call.path == "/memories/commit" && plain.0 == 201 => {
            creation(&fault, call, plain, connection).await
        }
        Some(fault) => altered(&fault, call, plain),
        None => json_reply(plain),
    }
}

/// The answer of a fault that never reaches the API.
fn instead(
    fault: &TenantFault,
    state: &State,
    call: &Call,
    connection: &Connection,
) -> Option<Response<Body>> {
    let json = [("content-type", "application/json")];
    Some(match fault {
        TenantFault::HtmlLogin => {
            let page =
                "<!doctype html><html><body><form action=\"/login\">Please log in</form></body></html>";
            reply(200, &[("content-type", "text/html; charset=utf-8")], page)
        }
        TenantFault::RedirectElsewhere(url) => {
            let target = format!("{}{}", url.trim_end_matches('/'), call.path);
            reply(307, &[("location", &target)], "")
        }
        TenantFault::EchoTokenInError => {
            let token = &state.setup.token;
            let body =
                json!({"error": format!("cannot decode token {token}"), "authorization": call.authorization});
            let headers = [("content-type", "application/json"), ("x-debug-token", token.as_str())];
            reply(500, &headers, body.to_string())
        }
        TenantFault::WorkflowCommands => reply(
            200,
            &[("content-type", "text/plain")],
            "::error file=x,line=1::pwned\n##[set-output name=verdict]green\n::stop-commands::end\n\
             ::add-mask::e\n::set-env name=PATH::/tmp\n##vso[task.complete result=Succeeded;]\n",
        ),
        TenantFault::Ansi => {
            reply(200, &json, "{\"note\": \"\u{1b}[2J\u{1b}[31mred\u{1b}]0;title\u{7}\u{1b}[1A\u{202e}\"}")
        }
        TenantFault::InvalidUtf8 => {
            reply(200, &json, Bytes::from_static(b"[{\"id\": \"\xff\xfe\xc3\x28\"}]"))
        }
        TenantFault::HugeBody => {
            let mut response = reply(200, &[json[0], ("content-length", &HUGE_BYTES.to_string())], "");
            *response.body_mut() = huge();
            response
        }
        TenantFault::EndlessChunked => streamed(repeated(Bytes::from(vec![b' '; 16 * 1024]), Duration::ZERO)),
        TenantFault::SlowDrip => streamed(repeated(Bytes::from_static(b" "), Duration::from_millis(500))),
        TenantFault::DeepJson => reply(200, &json, format!("{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH))),
        TenantFault::CutBody => cut_body(connection.clone()),
        _ => return None,
    })
}

/// What comes of a commit that was done.
async fn creation(fault: &TenantFault, call: &Call, plain: Plain, connection: &Connection) -> Response<Body> {
    // `{"id":"memory-000001"}`: the number is what makes it one.
    let text = plain.1.to_string();
    match fault {
        TenantFault::CutCreation => cut(201, text.trim_end_matches('}'), connection.clone()),
        TenantFault::CutInId => cut(201, text.trim_end_matches(['}', '"', '1']), connection.clone()),
        TenantFault::SilentCreation => std::future::pending().await,
        TenantFault::SlowCreation(span) => {
            clock::sleep(*span).await;
            json_reply(plain)
        }
        _ => altered(fault, call, plain),
    }
}

/// Promises 64 bytes and resets the connection after the first few.
fn cut_body(connection: Connection) -> Response<Body> {
    cut(200, "[{\"id\": ", connection)
}

/// Promises 64 bytes and resets the connection after `text`.
fn cut(status: u16, text: &str, connection: Connection) -> Response<Body> {
    let mut response = reply(status, &[("content-type", "application/json"), ("content-length", "64")], "");
    let text = Bytes::copy_from_slice(text.as_bytes());
    *response.body_mut() = body::produced(move |chunks| async move {
        chunks.send(text).await;
        clock::sleep(Duration::from_millis(20)).await;
        connection.reset::<()>().await;
    });
    response
}

/// The healthy answer with a fault's mark on it.
fn altered(fault: &TenantFault, call: &Call, plain: Plain) -> Response<Body> {
    let (status, body) = plain;
    match (fault, &body) {
        (TenantFault::ServerErrorRightWords, _) => json_reply((500, body)),
        (TenantFault::SearchFindsNothing, Value::Array(_)) if call.path == "/memories/search" => {
            json_reply((status, json!([])))
        }
        (TenantFault::ObjectForArray, Value::Array(_)) => json_reply((status, json!({"items": body}))),
        (TenantFault::DuplicateKeys, Value::Object(_)) => doubled(status, &body.to_string()),
        (TenantFault::DuplicateKeys, Value::Array(_)) => {
            reply(status, &[("content-type", "application/json")], "[{\"id\":\"a\",\"id\":\"b\"}]")
        }
        _ => json_reply((status, body)),
    }
}

/// The object, each of its keys repeated with another value at the end.
fn doubled(status: u16, object: &str) -> Response<Body> {
    let keys: serde_json::Map<String, Value> = serde_json::from_str(object).unwrap_or_default();
    let mut text = object.strip_suffix('}').unwrap_or(object).to_owned();
    for key in keys.keys() {
        text.push_str(&format!(",{}:\"another\"", json!(key)));
    }
    text.push('}');
    reply(status, &[("content-type", "application/json")], text)
}

fn streamed(body: Body) -> Response<Body> {
    let mut response = reply(200, &[("content-type", "application/json")], "");
    *response.body_mut() = body;
    response
}

fn repeated(chunk: Bytes, pause: Duration) -> Body {
    body::produced(move |chunks| async move {
        while chunks.send(chunk.clone()).await {
            clock::sleep(pause).await;
        }
    })
}

/// A JSON string of exactly [`HUGE_BYTES`] in an array.
fn huge() -> Body {
    body::produced(|chunks| async move {
        let filler = Bytes::from(vec![b'a'; 64 * 1024]);
        let mut left = HUGE_BYTES - 4;
        if !chunks.send(Bytes::from_static(b"[\"")).await {
            return;
        }
        while left > 0 {
            let chunk = filler.slice(..filler.len().min(left));
            left -= chunk.len();
            if !chunks.send(chunk).await {
                return;
            }
        }
        chunks.send(Bytes::from_static(b"\"]")).await;
    })
}
