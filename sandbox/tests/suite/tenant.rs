//! Tenants run what the registry says and behave as told.

use std::time::Duration;

use coalmine_sandbox::{
    Access, Auth, Bearer, Follow, Image, Reach, Registry, Setup, Tenant, TenantFault, TenantSetup,
};
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};

use crate::{Fixture, NEW, OLD, REPO};

/// Longest wait for a tenant to notice something; far more than it needs.
const PATIENCE: Duration = Duration::from_secs(20);

/// A tenant of a fixed build, and a client.
struct Visit {
    tenant: Tenant,
    client: Client,
}

impl Visit {
    fn to(setup: TenantSetup) -> Self {
        let tenant = Tenant::start(setup).unwrap();
        Self { tenant, client: crate::client() }
    }

    fn well() -> Self {
        let visit = Self::to(TenantSetup::fixed(NEW));
        assert!(visit.tenant.runs(NEW, PATIENCE));
        visit
    }

    fn with(fault: TenantFault) -> Self {
        let visit = Self::to(TenantSetup::fixed(NEW).fault(fault));
        // Waits until it has booted; what it then reports is up to the fault.
        visit.tenant.runs(NEW, Duration::from_millis(200));
        visit
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Response, reqwest::Error> {
        let request = self.client.request(method, format!("{}{path}", self.tenant.url()));
        let request = request.bearer_auth(self.tenant.token());
        match body {
            Some(body) => request.json(&body).send().await,
            None => request.send().await,
        }
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let answer = self.send(Method::GET, path, None).await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let answer = self.send(Method::POST, path, Some(body)).await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    async fn delete(&self, path: &str) -> u16 {
        self.send(Method::DELETE, path, None).await.unwrap().status().as_u16()
    }

    async fn text(&self, path: &str) -> String {
        let answer = self.send(Method::GET, path, None).await.unwrap();
        String::from_utf8_lossy(&answer.bytes().await.unwrap()).into_owned()
    }
}

#[tokio::test]
async fn a_tenant_follows_a_moved_tag_and_back() {
    let fixture = Fixture::new();
    let tenant = Tenant::start(TenantSetup {
        every: Duration::from_millis(10),
        ..TenantSetup::follow_tag(&fixture.registry.host(), REPO, "latest")
    })
    .unwrap();
    assert!(tenant.runs(OLD, PATIENCE));
    fixture.registry.move_tag(REPO, "latest", fixture.new.digest()).unwrap();
    assert!(tenant.runs(NEW, PATIENCE));
    assert_eq!(tenant.running().unwrap().digest, fixture.new.digest());
    fixture.registry.move_tag(REPO, "latest", fixture.old.digest()).unwrap();
    assert!(tenant.runs(OLD, PATIENCE));
}

#[tokio::test]
async fn a_canary_takes_each_new_staging_tag_and_an_index_too() {
    let registry = Registry::start(Setup::default()).unwrap();
    let built = |sha: &str, created: &str| Image::of(sha).created(created).index().build();
    registry.push(REPO, "staging-b", &built(OLD, "2026-01-02T00:00:00Z")).unwrap();
    registry.push(REPO, "staging-c", &built("3333333", "2026-01-01T00:00:00Z")).unwrap();
    let tenant = Tenant::start(TenantSetup {
        follow: Follow::NewestStaging,
        every: Duration::from_millis(10),
        ..TenantSetup::follow_tag(&registry.host(), REPO, "")
    })
    .unwrap();
    assert!(tenant.runs(OLD, PATIENCE), "the newest by created label, not by name");
    registry.push(REPO, "staging-a", &built(NEW, "2026-01-01T00:00:00Z")).unwrap();
    assert!(tenant.runs(NEW, PATIENCE));
}

#[tokio::test]
async fn a_tenant_logs_in_where_the_registry_asks_for_it() {
    let access = || Access::user("ada", "secret");
    for auth in [Auth::Basic(access()), Auth::Bearer(Bearer { access: access(), ..Bearer::default() })] {
        let fixture = Fixture::with(Setup { auth, ..Setup::default() });
        let setup = TenantSetup::follow_tag(&fixture.registry.host(), REPO, "latest");
        let stranger = Tenant::start(setup.clone()).unwrap();
        let login = Some(("ada".to_owned(), "secret".to_owned()));
        let tenant = Tenant::start(TenantSetup { login, ..setup }).unwrap();
        assert!(tenant.runs(OLD, PATIENCE));
        assert_eq!(stranger.version(), None);
    }
}

#[tokio::test]
async fn a_bad_build_is_bad_wherever_it_runs() {
    let registry = Registry::start(Setup::default()).unwrap();
    registry.push(REPO, "latest", &Image::of(NEW).fault("object-for-array").build()).unwrap();
    let visit = Visit::to(TenantSetup::follow_tag(&registry.host(), REPO, "latest"));
    assert!(visit.tenant.runs(NEW, PATIENCE));
    assert_eq!(visit.get("/workspaces").await, (200, json!({"items": []})));
}

#[tokio::test]
async fn the_memory_round_trip_finds_what_was_committed_and_nothing_else() {
    let visit = Visit::well();
    let (status, made) = visit.post("/memories/commit", json!({"content": "probe-7"})).await;
    assert_eq!(status, 201);
    let id = made["id"].as_str().unwrap();
    let (_, hits) = visit.post("/memories/search", json!({"query": "probe-7"})).await;
    assert_eq!(hits[0]["id"], id);
    assert_eq!(visit.post("/memories/search", json!({"query": "probe-8"})).await.1, json!([]));
    assert_eq!(visit.tenant.leftovers().memories, ["probe-7"]);
    assert_eq!(visit.delete(&format!("/memories/{id}")).await, 204);
    assert_eq!(visit.delete(&format!("/memories/{id}")).await, 404);
    assert!(visit.tenant.leftovers().is_empty());
}

#[tokio::test]
async fn a_conversation_answers_in_style_and_says_which_prompt_wrote_it() {
    let visit = Visit::well();
    let (_, opened) = visit.post("/conversations", json!({"title": "canary"})).await;
    let conversation = format!("/conversations/{}", opened["id"].as_str().unwrap());
    let (status, turn) = visit.post(&format!("{conversation}/messages"), json!({"content": "hello"})).await;
    assert_eq!((status, &turn["role"]), (201, &json!("assistant")));
    assert!(turn["content"].as_str().unwrap().contains("**"));
    let (_, stored) = visit.get(&format!("{conversation}/messages/{}", turn["id"].as_str().unwrap())).await;
    assert_eq!(stored["metadata"]["prompt_version"], "v6.2_flexible");
    assert_eq!(visit.tenant.leftovers().conversations, ["canary"]);
    assert_eq!(visit.delete(&conversation).await, 204);
    assert!(visit.tenant.leftovers().is_empty());
}

#[tokio::test]
async fn liveness_asks_for_the_token_and_health_does_not() {
    let visit = Visit::well();
    let (status, liveness) = visit.get("/admin/liveness").await;
    assert_eq!((status, &liveness["version"]), (200, &json!(NEW)));
    assert!(!liveness["subsystems"].as_object().unwrap().is_empty());
    let url = visit.tenant.url();
    let bare = visit.client.get(format!("{url}/admin/liveness")).send().await.unwrap();
    assert_eq!(bare.status(), 401);
    let wrong = visit.client.get(format!("{url}/admin/liveness")).bearer_auth("guess").send().await.unwrap();
    assert_eq!(wrong.status(), 401);
    let health = visit.client.get(format!("{url}/health")).send().await.unwrap();
    assert_eq!(health.json::<Value>().await.unwrap()["sha"], NEW);
    let asked = visit.tenant.requests();
    assert_eq!(asked[0].authorization.as_deref(), Some("Bearer sandbox-token"));
    assert_eq!((asked[1].authorization.as_deref(), asked[1].status), (None, Some(401)));
}

#[tokio::test]
async fn open_auth_answers_anybody() {
    let visit = Visit::with(TenantFault::OpenAuth);
    let bare = visit.client.get(format!("{}/admin/liveness", visit.tenant.url())).send().await.unwrap();
    assert_eq!(bare.status(), 200);
}

#[tokio::test]
async fn faults_of_the_api_spoil_checks_and_spare_liveness() {
    for (fault, path, status, part) in [
        (TenantFault::ServerErrorRightWords, "/workspaces", 500, "[]"),
        (TenantFault::HtmlLogin, "/workspaces", 200, "<form"),
        (TenantFault::ObjectForArray, "/events", 200, "items"),
        (TenantFault::EchoTokenInError, "/events", 500, "sandbox-token"),
        (TenantFault::WorkflowCommands, "/events", 200, "::stop-commands::"),
        (TenantFault::Ansi, "/events", 200, "\u{1b}[31m"),
        (TenantFault::InvalidUtf8, "/events", 200, "\u{fffd}"),
        (TenantFault::DeepJson, "/events", 200, "[[[["),
        (TenantFault::DuplicateKeys, "/events", 200, "\"id\":\"a\",\"id\":\"b\""),
    ] {
        let visit = Visit::with(fault.clone());
        let answer = visit.send(Method::GET, path, None).await.unwrap();
        assert_eq!(answer.status(), status, "{fault}");
        let text = String::from_utf8_lossy(&answer.bytes().await.unwrap()).into_owned();
        assert!(text.contains(part), "{fault}: {}", &text[..text.len().min(200)]);
        let liveness = visit.text("/admin/liveness").await;
        assert!(liveness.contains(&format!("\"version\":\"{NEW}\"")), "{fault}: {liveness}");
    }
}

#[tokio::test]
async fn with_reach_everything_liveness_is_spoiled_too() {
    let setup =
        TenantSetup { reach: Reach::Everything, ..TenantSetup::fixed(NEW).fault(TenantFault::HtmlLogin) };
    let visit = Visit::to(setup);
    assert!(visit.tenant.runs(NEW, PATIENCE));
    assert!(visit.text("/admin/liveness").await.contains("<form"));
}

#[tokio::test]
async fn search_finds_nothing_though_it_was_committed() {
    let visit = Visit::with(TenantFault::SearchFindsNothing);
    visit.post("/memories/commit", json!({"content": "probe"})).await;
    assert_eq!(visit.post("/memories/search", json!({"query": "probe"})).await.1, json!([]));
}

#[tokio::test]
async fn the_wrong_build_is_reported_for_ever_or_from_a_request_on() {
    let visit = Visit::with(TenantFault::OldBuildForever(OLD.into()));
    assert_eq!(visit.get("/admin/liveness").await.1["version"], OLD);
    let visit = Visit::with(TenantFault::ChangesMidRun(2));
    for expected in [true, true, false, false] {
        assert_eq!(visit.get("/admin/liveness").await.1["version"] == NEW, expected);
    }
}

#[tokio::test]
async fn a_late_boot_answers_503_and_then_the_build() {
    let visit = Visit::to(TenantSetup::fixed(NEW).fault(TenantFault::BootsAfter(Duration::from_secs(1))));
    assert_eq!(visit.get("/admin/liveness").await.0, 503);
    assert!(visit.tenant.runs(NEW, PATIENCE));
    assert_eq!(visit.get("/admin/liveness").await.0, 200);
}

#[tokio::test]
async fn a_refused_connection_is_refused_by_the_system() {
    let visit = Visit::with(TenantFault::RefuseConnection);
    assert!(visit.send(Method::GET, "/health", None).await.unwrap_err().is_connect());
}

#[tokio::test]
async fn a_hanging_tenant_never_answers() {
    let visit = Visit::with(TenantFault::Hang);
    let request = visit.client.get(visit.tenant.url()).timeout(Duration::from_millis(200));
    assert!(request.send().await.unwrap_err().is_timeout());
}

#[tokio::test]
async fn a_redirect_points_elsewhere_with_the_same_path() {
    let elsewhere = Visit::well();
    let visit = Visit::with(TenantFault::RedirectElsewhere(elsewhere.tenant.url()));
    let answer = visit.send(Method::GET, "/events", None).await.unwrap();
    assert_eq!(answer.status(), 307);
    assert_eq!(answer.headers()["location"], format!("{}/events", elsewhere.tenant.url()));
    assert!(elsewhere.tenant.requests().is_empty(), "nobody followed it");
}

#[tokio::test]
async fn a_flaky_path_fails_once() {
    let visit = Visit::with(TenantFault::FlakyOnce("/events".into()));
    assert_eq!(visit.get("/workspaces").await.0, 200);
    assert_eq!(visit.get("/events").await.0, 503);
    assert_eq!(visit.get("/events").await.0, 200);
}

#[tokio::test]
async fn a_huge_body_is_valid_json_of_the_promised_length() {
    let visit = Visit::with(TenantFault::HugeBody);
    let mut answer = visit.send(Method::GET, "/events", None).await.unwrap();
    let promised = answer.content_length().unwrap();
    let (mut read, mut last) = (0, None);
    while let Some(chunk) = answer.chunk().await.unwrap() {
        read += chunk.len() as u64;
        last = chunk.last().copied();
    }
    assert_eq!((read, promised, last), (100 * 1024 * 1024, 100 * 1024 * 1024, Some(b']')));
}

#[tokio::test]
async fn endless_dripping_and_cut_bodies_do_not_end_well() {
    let visit = Visit::with(TenantFault::EndlessChunked);
    let mut answer = visit.send(Method::GET, "/events", None).await.unwrap();
    assert_eq!(answer.content_length(), None);
    let mut read = 0;
    while read < 10_000_000 {
        read += answer.chunk().await.unwrap().unwrap().len();
    }
    let visit = Visit::with(TenantFault::SlowDrip);
    let mut answer = visit.send(Method::GET, "/events", None).await.unwrap();
    assert_eq!(answer.chunk().await.unwrap().unwrap().len(), 1);
    let visit = Visit::with(TenantFault::CutBody);
    assert!(visit.send(Method::GET, "/events", None).await.unwrap().bytes().await.is_err());
}

#[tokio::test]
async fn a_stopped_tenant_is_gone_and_its_record_stays() {
    let mut visit = Visit::well();
    visit.get("/events").await;
    visit.tenant.stop();
    assert_eq!(visit.tenant.requests().len(), 1);
    let gone = async { while visit.client.get(visit.tenant.url()).send().await.is_ok() {} };
    gone.await;
}

#[test]
fn two_hundred_tenants_follow_one_registry() {
    let fixture = Fixture::new();
    let start = |number: usize| {
        let setup = TenantSetup::follow_tag(&fixture.registry.host(), REPO, "latest");
        Tenant::start(TenantSetup { name: number.to_string(), every: Duration::from_secs(1), ..setup })
            .unwrap()
    };
    let fleet: Vec<Tenant> = (0..200).map(start).collect();
    assert!(fleet.iter().all(|tenant| tenant.runs(OLD, PATIENCE)));
    fixture.registry.move_tag(REPO, "latest", fixture.new.digest()).unwrap();
    assert!(fleet.iter().all(|tenant| tenant.runs(NEW, PATIENCE)));
}
