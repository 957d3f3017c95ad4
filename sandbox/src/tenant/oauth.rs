//! OAuth 2.0 for clients (RFC 6749, section 4.4), and taking a token back (RFC 7009).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::{Method, header};
use serde_json::{Value, json};

use super::call::{Call, Served};
use super::login::Rights;
use super::setup::USER;
use super::state::State;

pub(super) fn serve(state: &State, call: &Call, path: &[&str], rights: &Rights) -> Option<Served> {
    Some(match (&call.method, path) {
        (&Method::POST, ["oauth", "token"]) => token(state, call),
        (&Method::POST, ["oauth", "revoke"]) if is_client(state, call) => {
            state.shelf().access.remove(&call.field("token").unwrap_or_default());
            (200, Value::Null).into()
        }
        (&Method::POST, ["oauth", "revoke"]) => refused(),
        (&Method::GET, ["api", "me"]) if rights.token => {
            (200, json!({"client": USER, "scopes": ["read"]})).into()
        }
        (&Method::GET, ["api", "me"]) => {
            let headers = [("www-authenticate", "Bearer error=\"invalid_token\"")];
            Served::with((401, json!({"error": "invalid_token"})), &headers)
        }
        _ => return None,
    })
}

/// The client says who it is in a header or in the form (RFC 6749, section 2.3.1).
fn is_client(state: &State, call: &Call) -> bool {
    let basic = call.header(header::AUTHORIZATION).and_then(|value| {
        let decoded = STANDARD.decode(value.strip_prefix("Basic ")?).ok()?;
        let text = String::from_utf8(decoded).ok()?;
        text.split_once(':').map(|(id, secret)| (id.to_owned(), secret.to_owned()))
    });
    let form = || Some((call.field("client_id")?, call.field("client_secret")?));
    basic.or_else(form).is_some_and(|(id, secret)| id == USER && secret == state.setup.client_secret)
}

fn token(state: &State, call: &Call) -> Served {
    if !is_client(state, call) {
        return refused();
    }
    if call.field("grant_type").as_deref() != Some("client_credentials") {
        return (400, json!({"error": "unsupported_grant_type"})).into();
    }
    let mut shelf = state.shelf();
    let token = shelf.unguessable("access", &state.setup.client_secret);
    shelf.access.insert(token.clone());
    let answer = json!({"access_token": token, "token_type": "Bearer", "expires_in": 3600, "scope": "read"});
    Served::with((200, answer), &[("cache-control", "no-store")])
}

fn refused() -> Served {
    (401, json!({"error": "invalid_client"})).into()
}
