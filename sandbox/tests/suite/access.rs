//! Credentials are asked for and enforced per repository and action.

use std::time::Duration;

use coalmine_sandbox::{Access, Auth, Bearer, Fault, Setup, TokenKey, User, When};
use reqwest::StatusCode;
use serde_json::Value;

use crate::{Fixture, REPO};

fn bearer(realm: Bearer) -> Fixture {
    Fixture::with(Setup { auth: Auth::Bearer(realm), ..Setup::default() })
}

fn users(users: Vec<User>) -> Bearer {
    Bearer { access: Access { users, anonymous_pull: false }, ..Bearer::default() }
}

async fn token(fixture: &Fixture, user: Option<(&str, &str)>, scope: &str) -> (StatusCode, Value) {
    let request = fixture.client.get(fixture.url(&format!("/token?service=s&scope={scope}")));
    let request = match user {
        Some((name, password)) => request.basic_auth(name, Some(password)),
        None => request,
    };
    let answer = request.send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

async fn read(fixture: &Fixture, token: &str) -> StatusCode {
    let url = fixture.url(&format!("/v2/{REPO}/manifests/latest"));
    fixture.client.head(url).bearer_auth(token).send().await.unwrap().status()
}

async fn write(fixture: &Fixture, token: &str) -> StatusCode {
    let url = fixture.url(&format!("/v2/{REPO}/manifests/latest"));
    let request = fixture.client.put(url).bearer_auth(token).header("content-type", fixture.new.media_type());
    request.body(fixture.new.manifest().clone()).send().await.unwrap().status()
}

#[tokio::test]
async fn without_a_token_the_challenge_names_realm_and_scope() {
    let fixture = bearer(users(vec![User::new("ada", "secret")]));
    let refused = fixture.put("latest", &fixture.new).await.unwrap();
    assert_eq!(refused.status(), 401);
    let challenge = refused.headers()["www-authenticate"].to_str().unwrap().to_owned();
    assert!(challenge.contains(&format!("realm=\"{}\"", fixture.url("/token"))), "{challenge}");
    assert!(challenge.contains("scope=\"repository:team/app:pull,push\""), "{challenge}");
    assert_eq!(fixture.latest().as_deref(), Some(fixture.old.digest()));
}

#[tokio::test]
async fn a_token_is_good_for_its_scope_only() {
    let fixture = bearer(users(vec![User::new("ada", "secret")]));
    let ada = Some(("ada", "secret"));
    let (_, pull) = token(&fixture, ada, "repository:team/app:pull").await;
    let pull = pull["token"].as_str().unwrap();
    assert_eq!(read(&fixture, pull).await, 200);
    assert_eq!(write(&fixture, pull).await, 401);
    let (_, elsewhere) = token(&fixture, ada, "repository:team/other:pull,push").await;
    assert_eq!(read(&fixture, elsewhere["token"].as_str().unwrap()).await, 401);
    let (_, push) = token(&fixture, ada, "repository:team/app:pull,push").await;
    assert_eq!(write(&fixture, push["token"].as_str().unwrap()).await, 201);
}

#[tokio::test]
async fn the_token_endpoint_grants_less_than_asked_to_those_who_may_less() {
    let fixture = bearer(users(vec![User::new("eve", "reader").may("pull", "team/*")]));
    let (status, answer) = token(&fixture, Some(("eve", "reader")), "repository:team/app:pull,push").await;
    assert_eq!(status, 200);
    let eve = answer["token"].as_str().unwrap();
    assert_eq!(read(&fixture, eve).await, 200);
    assert_eq!(write(&fixture, eve).await, 401);
}

#[tokio::test]
async fn one_token_can_carry_several_repositories() {
    let fixture = bearer(users(vec![User::new("ada", "secret")]));
    let scopes = "repository:team/other:pull&scope=repository:team/app:pull,push";
    let (_, answer) = token(&fixture, Some(("ada", "secret")), scopes).await;
    assert_eq!(write(&fixture, answer["token"].as_str().unwrap()).await, 201);
}

#[tokio::test]
async fn wrong_or_absent_credentials_get_no_token() {
    let fixture = bearer(users(vec![User::new("ada", "secret")]));
    assert_eq!(token(&fixture, Some(("ada", "wrong")), "repository:team/app:pull").await.0, 401);
    assert_eq!(token(&fixture, None, "repository:team/app:pull").await.0, 401);
}

#[tokio::test]
async fn anonymous_pull_reads_and_does_not_write() {
    let mut realm = users(vec![User::new("ada", "secret")]);
    realm.access.anonymous_pull = true;
    let fixture = bearer(realm);
    let (status, answer) = token(&fixture, None, "repository:team/app:pull,push").await;
    assert_eq!(status, 200);
    let anonymous = answer["token"].as_str().unwrap();
    assert_eq!(read(&fixture, anonymous).await, 200);
    assert_eq!(write(&fixture, anonymous).await, 401);
}

#[tokio::test]
async fn an_identity_token_is_exchanged_by_post() {
    let fixture = bearer(users(vec![User::new("ada", "secret").identity_token("long-lived")]));
    let form = |refresh: &str| {
        format!(
            "grant_type=refresh_token&refresh_token={refresh}&service=s&scope=repository%3Ateam%2Fapp%3Apull"
        )
    };
    let post = |body: String| fixture.client.post(fixture.url("/token")).body(body).send();
    assert_eq!(post(form("made-up")).await.unwrap().status(), 401);
    let answer: Value = post(form("long-lived")).await.unwrap().json().await.unwrap();
    assert_eq!(read(&fixture, answer["access_token"].as_str().unwrap()).await, 200);
}

#[tokio::test]
async fn the_answer_says_expiry_and_key_as_set_up() {
    let quiet = bearer(users(vec![User::new("ada", "secret")]));
    let (_, answer) = token(&quiet, Some(("ada", "secret")), "repository:team/app:pull").await;
    assert!(answer.get("expires_in").is_none());
    let realm = Bearer {
        lifetime: Some(Duration::from_secs(90)),
        tells_lifetime: true,
        key: TokenKey::AccessToken,
        ..users(vec![User::new("ada", "secret")])
    };
    let (_, answer) = token(&bearer(realm), Some(("ada", "secret")), "repository:team/app:pull").await;
    assert_eq!(answer["expires_in"], 90);
    assert!(answer["access_token"].is_string() && answer.get("token").is_none());
}

#[tokio::test]
async fn an_expired_token_is_refused() {
    let realm = Bearer { lifetime: Some(Duration::ZERO), ..users(vec![User::new("ada", "secret")]) };
    let fixture = bearer(realm);
    let (_, answer) = token(&fixture, Some(("ada", "secret")), "repository:team/app:pull").await;
    assert_eq!(read(&fixture, answer["token"].as_str().unwrap()).await, 401);
}

#[tokio::test]
async fn expire_token_kills_the_token_presented_and_a_new_one_works() {
    let fixture = bearer(users(vec![User::new("ada", "secret")]));
    let ada = Some(("ada", "secret"));
    let (_, first) = token(&fixture, ada, "repository:team/app:pull,push").await;
    let first = first["token"].as_str().unwrap();
    fixture.registry.rule(When::any().reference("latest").nth(1).then(Fault::ExpireToken));
    assert_eq!(write(&fixture, first).await, 401);
    assert_eq!(write(&fixture, first).await, 401, "it stays dead when the fault is over");
    let (_, second) = token(&fixture, ada, "repository:team/app:pull,push").await;
    assert_eq!(write(&fixture, second["token"].as_str().unwrap()).await, 201);
}

#[tokio::test]
async fn basic_credentials_are_checked_per_repository() {
    let access = Access {
        users: vec![User::new("ada", "secret"), User::new("eve", "reader").may("pull", "team/app")],
        anonymous_pull: false,
    };
    let fixture = Fixture::with(Setup { auth: Auth::Basic(access), ..Setup::default() });
    let url = fixture.url(&format!("/v2/{REPO}/manifests/latest"));
    let put = |name: &str, password: &str| {
        let request = fixture.client.put(&url).basic_auth(name, Some(password));
        request.header("content-type", fixture.new.media_type()).body(fixture.new.manifest().clone()).send()
    };
    let refused = fixture.head("latest").await.unwrap();
    assert_eq!(refused.status(), 401);
    assert!(refused.headers()["www-authenticate"].to_str().unwrap().starts_with("Basic "));
    assert_eq!(put("eve", "reader").await.unwrap().status(), 403);
    assert_eq!(put("ada", "wrong").await.unwrap().status(), 401);
    assert_eq!(put("ada", "secret").await.unwrap().status(), 201);
}
