//! One token for each repository and run, fetched by whoever needs it first.

use std::cell::RefCell;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{StatusCode, Url};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::call::{Call, retry_after, said};
use super::challenge::{self, Challenge};
use super::client::{Access, Client};
use super::credentials::{self, Credential, Found};
use super::error::{Problem, RegistryError};
use super::exchange::bounded;
use crate::base::secret::Secret;
use crate::model::repository::Repository;

/// Tries of a token request: token servers limit rates too.
const TRIES: u32 = 4;
/// Largest answer of a token server; tokens with many claims have some kilobytes.
const TOKEN_BYTES: usize = 256 * 1024;

/// What a repository gets in its `Authorization` header, and how often that was made anew.
#[derive(Default)]
pub(super) struct Authorization {
    current: RefCell<Granted>,
    /// Held while a new one is fetched: whoever comes meanwhile waits and takes that one.
    fetching: Mutex<()>,
}

#[derive(Clone, Default)]
pub(super) struct Granted {
    pub(super) generation: u64,
    pub(super) header: Option<HeaderValue>,
}

impl Authorization {
    pub(super) fn current(&self) -> Granted {
        self.current.borrow().clone()
    }

    fn grant(&self, header: &HeaderValue) {
        let mut current = self.current.borrow_mut();
        *current = Granted { generation: current.generation + 1, header: Some(header.clone()) };
    }
}

/// The answer of a token server (distribution specification, "Token authentication"): either name may be used.
#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
}

impl Client<'_> {
    pub(super) fn authorization(&self, repository: &Repository) -> Rc<Authorization> {
        Rc::clone(self.shared.authorizations.borrow_mut().entry(repository.clone()).or_default())
    }

    /// Answers the challenge in `headers`, unless somebody else has done so since `seen`.
    pub(super) async fn authorize(
        &self,
        call: &Call<'_>,
        authorization: &Authorization,
        seen: u64,
        headers: &HeaderMap,
    ) -> Result<HeaderValue, RegistryError> {
        let _turn = authorization.fetching.lock().await;
        let current = authorization.current();
        if let (true, Some(header)) = (current.generation > seen, current.header) {
            return Ok(header);
        }
        let registry = call.repository.registry();
        let challenge = challenge::read(headers, registry, self.is_plain(registry));
        let challenge = challenge.map_err(|found| {
            call.error(Problem::Unfit { expected: "a challenge that can be answered", found })
        })?;
        let found = self.credential(call.repository).await?;
        let header = match challenge {
            Challenge::Basic => basic(&found.credential).ok_or_else(|| {
                let said = "it asks for a user and a password".to_owned();
                call.error(Problem::Denied {
                    registry: registry.clone(),
                    status: StatusCode::UNAUTHORIZED,
                    credential: found.origin,
                    said,
                })
            })?,
            Challenge::Bearer { realm, service } => {
                self.bearer(call.repository, &realm, service.as_deref(), &found).await?
            }
        };
        authorization.grant(&header);
        Ok(header)
    }

    /// The credential of `repository`, looked for once.
    pub(super) async fn credential(&self, repository: &Repository) -> Result<Found, RegistryError> {
        if let Some(found) = self.shared.credentials.borrow().get(repository) {
            return Ok(found.clone());
        }
        let context = self.context();
        let found = credentials::find(&context.env, &context.console, repository, &self.shared.own).await;
        let attempted = || format!("find credentials for {}", repository.registry());
        let found = found.map_err(|why| RegistryError::new(attempted(), Problem::Credentials(why)))?;
        self.shared.credentials.borrow_mut().insert(repository.clone(), found.clone());
        Ok(found)
    }

    /// Where the credential of `repository` comes from, in words.
    pub fn credential_origin(&self, repository: &Repository) -> String {
        let credentials = self.shared.credentials.borrow();
        credentials
            .get(repository)
            .map_or_else(|| "no credentials".to_owned(), |found| format!("credentials from {}", found.origin))
    }

    fn scopes(&self, repository: &Repository) -> Vec<String> {
        let actions = match self.shared.access {
            Access::PullPush if self.is_own(repository.registry()) => "pull,push",
            Access::Pull | Access::PullPush => "pull",
        };
        let mut scopes = vec![format!("repository:{}:{actions}", repository.name())];
        let mounts = self.shared.mounts.borrow();
        scopes.extend(
            mounts
                .get(repository)
                .into_iter()
                .flatten()
                .map(|from| format!("repository:{}:pull", from.name())),
        );
        scopes
    }

    async fn bearer(
        &self,
        repository: &Repository,
        realm: &Url,
        service: Option<&str>,
        found: &Found,
    ) -> Result<HeaderValue, RegistryError> {
        let attempted = format!("get a token for {repository}");
        let fetch = async || self.fetch(&attempted, repository, realm, service, found).await;
        self.retry(TRIES, RegistryError::is_transient, fetch).await
    }

    async fn fetch(
        &self,
        attempted: &str,
        repository: &Repository,
        realm: &Url,
        service: Option<&str>,
        found: &Found,
    ) -> Result<HeaderValue, RegistryError> {
        let failed = |problem| RegistryError::new(attempted, problem);
        let request = self
            .token_request(repository, realm.clone(), service, &found.credential)
            .timeout(self.patience(attempted)?)
            .build()
            .map_err(|e| failed(Problem::Source(e.without_url().to_string())))?;
        // Not through `exchange`: a request that holds a credential follows no redirect.
        let response = self.send(attempted, request).await?;
        let (status, wait) = (response.status(), retry_after(response.headers()));
        let body = bounded(response, TOKEN_BYTES).await.map_err(failed)?;
        if status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN {
            let credential = format!("credentials from {}", found.origin);
            let registry = repository.registry().clone();
            return Err(failed(Problem::Denied { registry, status, credential, said: said(&body) }));
        }
        if !status.is_success() {
            return Err(failed(Problem::Status { expected: "a token", status, said: said(&body), wait }));
        }
        let unfit =
            || failed(Problem::Unfit { expected: "JSON with a token", found: "something else".to_owned() });
        let answer: TokenAnswer = serde_json::from_slice(&body).map_err(|_| unfit())?;
        let token =
            answer.token.or(answer.access_token).filter(|token| !token.is_empty()).ok_or_else(unfit)?;
        self.context().console.secrets.learn(&Secret::new(token.as_str()));
        sensitive(&format!("Bearer {token}")).ok_or_else(unfit)
    }

    fn token_request(
        &self,
        repository: &Repository,
        mut realm: Url,
        service: Option<&str>,
        credential: &Credential,
    ) -> reqwest::RequestBuilder {
        let scopes = self.scopes(repository);
        if let Credential::Identity(token) = credential {
            let scope = scopes.join(" ");
            let mut form = vec![
                ("grant_type", "refresh_token"),
                ("client_id", "coalmine"),
                ("scope", &scope),
                ("refresh_token", token.expose()),
            ];
            form.extend(service.map(|service| ("service", service)));
            let body = serialized(&form);
            return self
                .shared
                .http
                .post(realm)
                .header("content-type", "application/x-www-form-urlencoded")
                .body(body);
        }
        {
            let mut query = realm.query_pairs_mut();
            query.extend_pairs(service.map(|service| ("service", service)));
            query.extend_pairs(scopes.iter().map(|scope| ("scope", scope)));
        }
        let request = self.shared.http.get(realm);
        match basic(credential) {
            Some(header) => request.header(AUTHORIZATION, header),
            None => request,
        }
    }
}

fn basic(credential: &Credential) -> Option<HeaderValue> {
    match credential {
        Credential::Login { user, password } => {
            sensitive(&format!("Basic {}", STANDARD.encode(format!("{user}:{}", password.expose()))))
        }
        // What Azure's registry documents for a refresh token where no exchange is offered.
        Credential::Identity(token) => {
            let user = "00000000-0000-0000-0000-000000000000";
            sensitive(&format!("Basic {}", STANDARD.encode(format!("{user}:{}", token.expose()))))
        }
        Credential::Anonymous => None,
    }
}

fn sensitive(value: &str) -> Option<HeaderValue> {
    let mut header = HeaderValue::from_str(value).ok()?;
    header.set_sensitive(true);
    Some(header)
}

/// The pairs as `application/x-www-form-urlencoded`.
fn serialized(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}
