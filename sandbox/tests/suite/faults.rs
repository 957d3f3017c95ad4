//! Each fault does what it says, to the requests it was asked for and no others.

use std::time::{Duration, SystemTime};

use coalmine_sandbox::{Action, Fault, Immutability, RetryAfter, When};
use reqwest::Method;

use crate::{Fixture, NEW, REPO, digest};

fn tag_put() -> When {
    When::any().method("PUT").repository(REPO).reference("latest")
}

fn tag_read() -> When {
    When::any().reference("latest")
}

#[tokio::test]
async fn without_rules_a_put_moves_the_tag() {
    let fixture = Fixture::new();
    assert_eq!(fixture.put("latest", &fixture.new).await.unwrap().status(), 201);
    assert_eq!(fixture.latest().as_deref(), Some(fixture.new.digest()));
    assert_eq!(digest(&fixture.head("latest").await.unwrap()), fixture.new.digest());
}

#[tokio::test]
async fn a_status_fault_is_answered_and_not_applied() {
    let fixture = Fixture::broken(tag_put().then(Fault::error(503, "UNAVAILABLE", "later")));
    let answer = fixture.put("latest", &fixture.new).await.unwrap();
    assert_eq!(answer.status(), 503);
    assert!(answer.text().await.unwrap().contains("UNAVAILABLE"));
    assert_eq!(fixture.latest().as_deref(), Some(fixture.old.digest()));
}

#[tokio::test]
async fn cut_before_resets_and_does_not_apply() {
    let fixture = Fixture::broken(tag_put().then(Fault::CutBefore));
    let failure = fixture.put("latest", &fixture.new).await.unwrap_err();
    assert!(is_reset(&failure), "{failure:?}");
    assert_eq!(fixture.latest().as_deref(), Some(fixture.old.digest()));
}

#[tokio::test]
async fn cut_after_resets_and_applies() {
    let fixture = Fixture::broken(tag_put().then(Fault::CutAfter));
    let failure = fixture.put("latest", &fixture.new).await.unwrap_err();
    assert!(is_reset(&failure), "{failure:?}");
    assert_eq!(fixture.latest().as_deref(), Some(fixture.new.digest()));
    assert_eq!(fixture.registry.log()[0].status, None);
}

#[tokio::test]
async fn refused_connections_end_after_their_number() {
    let fixture = Fixture::broken(tag_read().nth(1).then(Fault::RefuseConnections(2)));
    for _ in 0..3 {
        let once = crate::client().head(fixture.url("/v2/team/app/manifests/latest")).send().await;
        assert!(is_reset(&once.unwrap_err()));
    }
    assert_eq!(fixture.head("latest").await.unwrap().status(), 200);
    assert_eq!(fixture.registry.log().len(), 2, "reset connections carry no request");
}

#[tokio::test]
async fn refused_for_good_ends_when_rules_are_cleared() {
    let fixture = Fixture::new();
    fixture.registry.refuse_connections(u64::MAX);
    for _ in 0..3 {
        assert!(fixture.head("latest").await.is_err());
    }
    fixture.registry.clear_rules();
    assert_eq!(fixture.head("latest").await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_hang_outlasts_the_clients_patience_and_is_not_applied() {
    let fixture = Fixture::broken(tag_put().then(Fault::Hang(None)));
    let url = fixture.url("/v2/team/app/manifests/latest");
    let request = fixture.client.put(url).timeout(Duration::from_millis(200));
    let request =
        request.header("content-type", fixture.new.media_type()).body(fixture.new.manifest().clone());
    assert!(request.send().await.unwrap_err().is_timeout());
    assert_eq!(fixture.latest().as_deref(), Some(fixture.old.digest()));
}

#[tokio::test]
async fn a_bounded_hang_ends_in_a_reset() {
    let fixture = Fixture::broken(tag_put().then(Fault::Hang(Some(Duration::from_millis(50)))));
    assert!(is_reset(&fixture.put("latest", &fixture.new).await.unwrap_err()));
    assert_eq!(fixture.latest().as_deref(), Some(fixture.old.digest()));
}

#[tokio::test]
async fn a_delay_is_in_the_log_and_the_request_succeeds() {
    let fixture = Fixture::broken(tag_read().then(Fault::Delay(Duration::from_millis(60))));
    assert_eq!(fixture.head("latest").await.unwrap().status(), 200);
    let seen = &fixture.registry.log()[0];
    assert!(seen.finished.unwrap() - seen.arrived >= Duration::from_millis(60));
}

#[tokio::test]
async fn truncate_promises_the_whole_body_and_sends_half() {
    let fixture = Fixture::broken(tag_read().then(Fault::Truncate));
    let answer = fixture.get("latest").await.unwrap();
    assert_eq!(answer.content_length(), Some(fixture.old.manifest().len() as u64));
    assert!(answer.bytes().await.is_err());
    let half = fixture.old.manifest().len() as u64 / 2;
    assert_eq!(fixture.registry.log()[0].answered_bytes, half);
}

#[tokio::test]
async fn wrong_bytes_have_the_right_length_and_header() {
    let fixture = Fixture::broken(tag_read().then(Fault::WrongBytes));
    let answer = fixture.get("latest").await.unwrap();
    assert_eq!(digest(&answer), fixture.old.digest());
    let bytes = answer.bytes().await.unwrap();
    assert_eq!(bytes.len(), fixture.old.manifest().len());
    assert_ne!(&bytes, fixture.old.manifest());
}

#[tokio::test]
async fn digest_headers_can_be_wrong_absent_or_empty() {
    for (fault, expected) in [
        (Fault::WrongDigestHeader, Some(false)),
        (Fault::NoDigestHeader, None),
        (Fault::EmptyDigestHeader, Some(true)),
    ] {
        let fixture = Fixture::broken(tag_read().then(fault.clone()));
        let answer = fixture.head("latest").await.unwrap();
        assert_eq!(answer.status(), 200);
        let header = answer.headers().get("docker-content-digest").map(|value| value.to_str().unwrap());
        assert_eq!(header.map(str::is_empty), expected, "{}", fault.name());
        assert_ne!(header, Some(fixture.old.digest()));
    }
}

#[tokio::test]
async fn stale_reads_show_the_tag_before_its_last_write() {
    let fixture = Fixture::broken(tag_read().then(Fault::Stale));
    assert_eq!(fixture.put("latest", &fixture.new).await.unwrap().status(), 201);
    assert_eq!(digest(&fixture.head("latest").await.unwrap()), fixture.old.digest());
    assert_eq!(&fixture.get("latest").await.unwrap().bytes().await.unwrap(), fixture.old.manifest());
    fixture.registry.clear_rules();
    assert_eq!(digest(&fixture.head("latest").await.unwrap()), fixture.new.digest());
}

#[tokio::test]
async fn a_stale_read_of_a_tag_just_created_is_404() {
    let fixture = Fixture::broken(When::any().reference("fresh").then(Fault::Stale));
    assert_eq!(fixture.put("fresh", &fixture.new).await.unwrap().status(), 201);
    assert_eq!(fixture.head("fresh").await.unwrap().status(), 404);
}

#[tokio::test]
async fn an_immutable_tag_is_refused_in_either_dialect_but_may_be_created() {
    for (flavour, status, word) in
        [(Immutability::Ecr, 400, "immutable"), (Immutability::Harbor, 412, "PRECONDITION")]
    {
        let fixture = Fixture::broken(When::any().then(Fault::Immutable(flavour)));
        let answer = fixture.put("latest", &fixture.new).await.unwrap();
        assert_eq!(answer.status(), status);
        assert!(answer.text().await.unwrap().contains(word));
        assert_eq!(fixture.latest().as_deref(), Some(fixture.old.digest()));
        assert_eq!(fixture.put("first-time", &fixture.new).await.unwrap().status(), 201);
    }
}

#[tokio::test]
async fn too_many_requests_says_when_in_seconds_or_as_a_date() {
    let fixture = Fixture::broken(tag_read().nth(1).then(Fault::TooManyRequests(RetryAfter::Seconds(2))));
    fixture
        .registry
        .rule(tag_read().nth(2).then(Fault::TooManyRequests(RetryAfter::Date(Duration::from_secs(60)))));
    let seconds = fixture.head("latest").await.unwrap();
    assert_eq!((seconds.status().as_u16(), &seconds.headers()["retry-after"]), (429, &"2".parse().unwrap()));
    let date = fixture.head("latest").await.unwrap();
    let date = httpdate::parse_http_date(date.headers()["retry-after"].to_str().unwrap()).unwrap();
    #[expect(clippy::disallowed_methods, reason = "the header is a wall clock date")]
    let ahead = date.duration_since(SystemTime::now()).unwrap();
    assert!(ahead > Duration::from_secs(30), "{ahead:?}");
    assert_eq!(fixture.head("latest").await.unwrap().status(), 200);
}

#[tokio::test]
async fn an_action_before_happens_before_the_request_is_applied() {
    let delete =
        Action::DeleteManifest { repository: REPO.into(), digest: Fixture::new().old.digest().into() };
    let fixture = Fixture::broken(tag_read().then(Fault::Before(delete)));
    assert_eq!(fixture.head("latest").await.unwrap().status(), 404);
}

#[tokio::test]
async fn an_action_after_happens_between_applying_and_answering() {
    let fixture = Fixture::new();
    let back = Action::MoveTag {
        repository: REPO.into(),
        tag: "latest".into(),
        digest: fixture.old.digest().into(),
    };
    fixture.registry.rule(tag_put().then(Fault::After(back)));
    let answer = fixture.put("latest", &fixture.new).await.unwrap();
    assert_eq!(digest(&answer), fixture.new.digest());
    assert_eq!(fixture.latest().as_deref(), Some(fixture.old.digest()), "moved back before the answer came");
}

#[tokio::test]
async fn a_custom_action_has_admin_access() {
    let fixture = Fixture::broken(tag_put().then(Fault::After(Action::custom(|admin| async move {
        let digest = admin.digest_of(REPO, "latest").await.unwrap();
        admin.move_tag(REPO, "seen-by-action", &digest).await.unwrap();
    }))));
    fixture.put("latest", &fixture.new).await.unwrap();
    assert_eq!(fixture.registry.digest_of(REPO, "seen-by-action").as_deref(), Some(fixture.new.digest()));
    assert_eq!(fixture.registry.log().len(), 1, "side admin are not in the log");
}

#[tokio::test]
async fn only_the_kth_matching_request_is_broken() {
    let fixture = Fixture::new();
    let rule = fixture.registry.rule(tag_read().method("HEAD").nth(2).then(Fault::status(500)));
    let mut statuses = Vec::new();
    for method in [Method::HEAD, Method::GET, Method::HEAD, Method::HEAD] {
        statuses.push(fixture.manifest(method, "latest").await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [200, 200, 500, 200]);
    assert_eq!(fixture.registry.played(rule), 1);
}

#[tokio::test]
async fn from_the_kth_request_of_all_on_everything_is_broken_until_cleared() {
    let fixture = Fixture::broken(When::any().overall_nth_on(3).then(Fault::status(500)));
    let mut statuses = Vec::new();
    for reference in ["latest", NEW, "latest", "staging-new"] {
        statuses.push(fixture.head(reference).await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [200, 404, 500, 500]);
    fixture.registry.clear_log();
    assert_eq!(fixture.head("latest").await.unwrap().status(), 200, "clearing the log restarts the count");
}

#[tokio::test]
async fn faults_that_do_not_end_a_request_add_up() {
    let fixture = Fixture::broken(tag_read().then(Fault::Stale));
    fixture.registry.rule(tag_read().then(Fault::NoDigestHeader));
    fixture.registry.move_tag(REPO, "latest", fixture.new.digest()).unwrap();
    let answer = fixture.get("latest").await.unwrap();
    assert!(!answer.headers().contains_key("docker-content-digest"));
    assert_eq!(&answer.bytes().await.unwrap(), fixture.old.manifest());
    assert_eq!(fixture.registry.log()[0].faults, ["Stale", "NoDigestHeader"]);
}

/// Whether the failure is a connection that ended, not a timeout or an answer.
fn is_reset(failure: &reqwest::Error) -> bool {
    !failure.is_timeout() && !failure.is_status() && format!("{failure:?}").contains("reset")
}
