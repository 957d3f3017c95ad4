//! Who may do what, and the login with a password: a form with a CSRF token, a session cookie, a logout.

use hyper::{Method, header};
use serde_json::{Value, json};

use super::call::{Call, Served};
use super::setup::USER;
use super::state::State;
use crate::store::reply;

/// What a call may do.
pub(super) struct Rights {
    /// It presents the tenant's token, or an access token of an OAuth client.
    pub(super) token: bool,
    /// It presents the cookie of a session; with it, the session's CSRF token.
    pub(super) session: Option<String>,
    /// Whether it presents that CSRF token, or needs none as it comes without cookies.
    pub(super) unforged: bool,
}

impl Rights {
    /// The rights of `call`; `open`: all.
    pub(super) fn of(state: &State, call: &Call, open: bool) -> Self {
        let bearer = call.header(header::AUTHORIZATION);
        let bearer = bearer.as_deref().and_then(|value| value.strip_prefix("Bearer "));
        let shelf = state.shelf();
        let token = bearer.is_some_and(|token| token == state.setup.token || shelf.access.contains(token));
        let session = call.cookie("session").and_then(|id| shelf.sessions.get(&id).cloned());
        let unforged = token || session.is_some() && call.header("x-csrf-token") == session;
        Self { token: token || open, session, unforged: unforged || open }
    }

    /// Whether somebody is known.
    pub(super) fn known(&self) -> bool {
        self.token || self.session.is_some()
    }
}

pub(super) fn serve(state: &State, call: &Call, path: &[&str], rights: &Rights) -> Option<Served> {
    Some(match (&call.method, path) {
        (&Method::GET, ["login"]) => form(state),
        (&Method::POST, ["login"]) => log_in(state, call),
        (&Method::GET, ["account"]) if rights.known() => {
            let account =
                json!({"user": USER, "plan": "free", "quota": "25", "deleted_at": null, "tags": ["beta"]});
            Served::with((200, account), &[("x-ratelimit-remaining", "42"), ("cache-control", "no-store")])
        }
        (&Method::GET, ["account"]) => (401, json!({"error": "not logged in"})).into(),
        (&Method::POST, ["logout"]) if rights.unforged => {
            let id = call.cookie("session").unwrap_or_default();
            state.shelf().sessions.remove(&id);
            Served::with((204, Value::Null), &[("set-cookie", "session=; Path=/; Max-Age=0")])
        }
        (&Method::POST, ["logout"]) => (403, json!({"error": "the CSRF token is missing"})).into(),
        _ => return None,
    })
}

/// The form, with a CSRF token that must come back as field and as cookie.
fn form(state: &State) -> Served {
    let csrf = state.shelf().unguessable("csrf", &state.setup.token);
    let page = format!(
        "<!doctype html><html><body><form method=\"post\" action=\"/login\">\
         <input type=\"hidden\" name=\"csrf\" value=\"{csrf}\"><input name=\"user\">\
         <input name=\"password\" type=\"password\"></form></body></html>"
    );
    let cookie = format!("csrf={csrf}; Path=/; SameSite=Strict");
    let headers = [("content-type", "text/html; charset=utf-8"), ("set-cookie", cookie.as_str())];
    Served::Whole(reply(200, &headers, page))
}

fn log_in(state: &State, call: &Call) -> Served {
    let csrf = call.field("csrf").filter(|csrf| csrf.starts_with("csrf-"));
    if csrf.is_none() || csrf != call.cookie("csrf") {
        return (403, json!({"error": "the CSRF token is missing"})).into();
    }
    let right = call.field("user").as_deref() == Some(USER)
        && call.field("password").as_deref() == Some(state.setup.password.as_str());
    if !right {
        return (401, json!({"error": "wrong user or password"})).into();
    }
    let mut shelf = state.shelf();
    let session = shelf.unguessable("session", &state.setup.token);
    let csrf = shelf.unguessable("csrf", &state.setup.token);
    shelf.sessions.insert(session.clone(), csrf.clone());
    let session = format!("session={session}; Path=/; HttpOnly; SameSite=Lax");
    let csrf = format!("csrf={csrf}; Path=/; SameSite=Strict");
    Served::with(
        (303, Value::Null),
        &[("location", "/account"), ("set-cookie", &session), ("set-cookie", &csrf)],
    )
}
