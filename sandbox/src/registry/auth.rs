//! The auth: checks credentials, hands out bearer tokens.
//!
//! Token protocol: <https://distribution.github.io/distribution/spec/auth/token/> and `.../oauth/`
//! (read 2026-11).

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use base64::Engine;
use hyper::{HeaderMap, Method, Request, Response, header};
use serde_json::json;

use super::access::{Access, Auth, Bearer, TokenKey, User};
use crate::body::{self, Body};
use crate::clock;
use crate::store::{Route, oci_error, pairs, query, reply};

const FORM_BYTES: usize = 64 * 1024;

const SERVICE: &str = "coalmine-sandbox";

/// Checks every request of one registry.
pub(super) struct Authenticator {
    auth: Auth,
    tokens: Mutex<HashMap<String, Grant>>,
}

/// What a token is good for.
struct Grant {
    scopes: Vec<(String, Vec<String>)>,
    until: Option<Instant>,
}

impl Authenticator {
    pub(super) fn new(auth: Auth) -> Self {
        Self { auth, tokens: Mutex::default() }
    }

    fn tokens(&self) -> MutexGuard<'_, HashMap<String, Grant>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the Authorization header is for this auth and must not reach a real upstream.
    pub(super) fn owns_authorization(&self) -> bool {
        !matches!(self.auth, Auth::None)
    }

    /// Whether `/token` is answered here.
    pub(super) fn has_tokens(&self) -> bool {
        matches!(self.auth, Auth::Bearer(_))
    }

    /// Lets the request pass, or gives the refusal.
    pub(super) fn check(&self, request: &Request<Body>, route: &Route) -> Result<(), Box<Response<Body>>> {
        let action = action(request.method());
        let headers = request.headers();
        match &self.auth {
            Auth::None => Ok(()),
            Auth::Basic(access) => match login(access, headers) {
                Login::User(user) if route.repository().is_none_or(|name| user.allows(name, action)) => {
                    Ok(())
                }
                Login::User(_) => Err(denied().into()),
                Login::Anonymous if access.anonymous_pull && action == "pull" => Ok(()),
                Login::Anonymous | Login::Wrong => Err(self.challenge(request, route, None).into()),
            },
            Auth::Bearer(_) => {
                let Some(token) = bearer(headers) else {
                    return Err(self.challenge(request, route, None).into());
                };
                let tokens = self.tokens();
                let grant =
                    tokens.get(token).filter(|grant| grant.until.is_none_or(|end| clock::now() < end));
                match grant {
                    None => Err(self.challenge(request, route, Some("invalid_token")).into()),
                    Some(grant) if route.repository().is_none_or(|name| grant.allows(name, action)) => Ok(()),
                    Some(_) => Err(self.challenge(request, route, Some("insufficient_scope")).into()),
                }
            }
        }
    }

    /// Whether these credentials may pull from `repository`, for a mount.
    pub(super) fn may_pull(&self, headers: &HeaderMap, repository: &str) -> bool {
        match &self.auth {
            Auth::None => true,
            Auth::Basic(access) => match login(access, headers) {
                Login::User(user) => user.allows(repository, "pull"),
                Login::Anonymous => access.anonymous_pull,
                Login::Wrong => false,
            },
            Auth::Bearer(_) => bearer(headers).is_some_and(|token| {
                self.tokens().get(token).is_some_and(|grant| grant.allows(repository, "pull"))
            }),
        }
    }

    /// Makes the presented token worthless and answers 401.
    pub(super) fn expire(&self, request: &Request<Body>, route: &Route) -> Response<Body> {
        if let Some(token) = bearer(request.headers()) {
            self.tokens().remove(token);
        }
        self.challenge(request, route, Some("invalid_token"))
    }

    fn challenge(&self, request: &Request<Body>, route: &Route, error: Option<&str>) -> Response<Body> {
        let mut response = oci_error(401, "UNAUTHORIZED", "authentication required");
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        let value = match &self.auth {
            Auth::None => return response,
            Auth::Basic(_) => format!("Basic realm=\"{SERVICE}\""),
            Auth::Bearer(_) => {
                let host = host.unwrap_or("localhost");
                let mut value = format!("Bearer realm=\"http://{host}/token\",service=\"{SERVICE}\"");
                if let Some(repository) = route.repository() {
                    let actions = match action(request.method()) {
                        "push" => "pull,push",
                        other => other,
                    };
                    value.push_str(&format!(",scope=\"repository:{repository}:{actions}\""));
                }
                if let Some(error) = error {
                    value.push_str(&format!(",error=\"{error}\""));
                }
                value
            }
        };
        if let Ok(value) = header::HeaderValue::try_from(value) {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
        }
        response
    }

    /// Answers `/token`: GET with Basic or no credentials, POST with a refresh token or a password.
    pub(super) async fn token(&self, request: Request<Body>) -> Response<Body> {
        let Auth::Bearer(realm) = &self.auth else {
            return reply(404, &[("content-type", "text/plain")], "404 page not found\n");
        };
        let post = request.method() == Method::POST;
        let (parts, body) = request.into_parts();
        let form = match body::collect(body, FORM_BYTES).await {
            Ok(form) if post => pairs(&String::from_utf8_lossy(&form)),
            _ => pairs(parts.uri.query().unwrap_or_default()),
        };
        let user = if post { by_form(&realm.access, &form) } else { login(&realm.access, &parts.headers) };
        let user = match user {
            Login::User(user) => Some(user),
            Login::Anonymous if realm.access.anonymous_pull => None,
            Login::Anonymous | Login::Wrong => {
                return oci_error(401, "UNAUTHORIZED", "incorrect username or password");
            }
        };
        let asked = form.iter().filter(|(key, _)| key == "scope").flat_map(|(_, value)| value.split(' '));
        let scopes = asked.filter_map(|scope| granted(scope, user)).collect();
        self.issue(realm, scopes, post)
    }

    fn issue(&self, realm: &Bearer, scopes: Vec<(String, Vec<String>)>, post: bool) -> Response<Body> {
        let token = format!("{:016x}{:016x}", random(), random());
        let until = realm.lifetime.map(|lifetime| clock::now() + lifetime);
        self.tokens().insert(token.clone(), Grant { scopes, until });
        let key = if post || realm.key == TokenKey::AccessToken { "access_token" } else { "token" };
        let mut answer = json!({key: token});
        if let Some(lifetime) = realm.lifetime.filter(|_| realm.tells_lifetime) {
            answer["expires_in"] = lifetime.as_secs().into();
        }
        reply(200, &[("content-type", "application/json")], answer.to_string())
    }
}

impl Grant {
    fn allows(&self, repository: &str, action: &str) -> bool {
        self.scopes
            .iter()
            .any(|(name, actions)| name == repository && actions.iter().any(|granted| granted == action))
    }
}

enum Login<'a> {
    User(&'a User),
    Anonymous,
    Wrong,
}

fn login<'a>(access: &'a Access, headers: &HeaderMap) -> Login<'a> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Login::Anonymous };
    let user = value
        .to_str()
        .ok()
        .and_then(|value| value.strip_prefix("Basic "))
        .and_then(|encoded| base64::engine::general_purpose::STANDARD.decode(encoded).ok())
        .and_then(|plain| String::from_utf8(plain).ok())
        .and_then(|plain| {
            let (name, password) = plain.split_once(':')?;
            access.login(name, password)
        });
    user.map_or(Login::Wrong, Login::User)
}

fn by_form<'a>(access: &'a Access, form: &[(String, String)]) -> Login<'a> {
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    let user = match field("grant_type") {
        "refresh_token" => access.identity(field("refresh_token")),
        "password" => access.login(field("username"), field("password")),
        _ => None,
    };
    user.map_or(Login::Wrong, Login::User)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

fn action(method: &Method) -> &'static str {
    match *method {
        Method::GET | Method::HEAD => "pull",
        Method::DELETE => "delete",
        _ => "push",
    }
}

/// The part of `repository:<name>:<actions>` that the user (`None`: anonymous, pull only) is given.
fn granted(scope: &str, user: Option<&User>) -> Option<(String, Vec<String>)> {
    let (name, actions) = scope.strip_prefix("repository:")?.rsplit_once(':')?;
    let allowed = |action: &str| user.map_or(action == "pull", |user| user.allows(name, action));
    let actions: Vec<String> =
        actions.split(',').filter(|action| allowed(action)).map(str::to_owned).collect();
    (!actions.is_empty()).then(|| (name.to_owned(), actions))
}

fn denied() -> Response<Body> {
    oci_error(403, "DENIED", "requested access to the resource is denied")
}

/// 64 bits nobody can guess: the standard library seeds every `RandomState` from the system.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Drops `mount` and `from` from the path of an upload whose source may not be pulled.
pub(super) fn without_mount(request: &mut Request<Body>) {
    let path = request.uri().path().to_owned();
    if query(request.uri()).contains_key("mount")
        && let Ok(uri) = path.parse()
    {
        *request.uri_mut() = uri;
    }
}
