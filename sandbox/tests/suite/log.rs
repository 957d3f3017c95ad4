//! The log says what was sent, over which connection, and how it ended.

use std::time::Duration;

use coalmine_sandbox::Setup;

use crate::{ACCEPT, Fixture, REPO};

#[tokio::test]
async fn every_request_is_there_in_order_with_what_matters() {
    let fixture = Fixture::new();
    fixture.head("latest").await.unwrap();
    fixture.put("latest", &fixture.new).await.unwrap();
    fixture.client.get(fixture.url("/v2/team/app/tags/list?n=5")).bearer_auth("hush").send().await.unwrap();
    let log = fixture.registry.log();
    let told: Vec<_> = log.iter().map(|seen| (seen.index, seen.method.as_str(), seen.status)).collect();
    assert_eq!(told, [(1, "HEAD", Some(200)), (2, "PUT", Some(201)), (3, "GET", Some(200))]);
    assert_eq!(log[0].accept, [ACCEPT]);
    assert_eq!(log[0].repository.as_deref(), Some(REPO));
    assert_eq!(log[1].reference.as_deref(), Some("latest"));
    assert_eq!(log[1].content_type.as_deref(), Some(fixture.new.media_type()));
    assert_eq!(log[1].body_bytes, fixture.new.manifest().len() as u64);
    assert_eq!(log[1].authorization, None);
    assert_eq!(log[2].authorization.as_deref(), Some("Bearer"));
    assert_eq!((log[2].path.as_str(), log[2].query.as_deref()), ("/v2/team/app/tags/list", Some("n=5")));
    assert!(log[2].answered_bytes > 0);
    assert!(!format!("{log:?}").contains("hush"));
    fixture.registry.clear_log();
    assert!(fixture.registry.log().is_empty());
}

#[tokio::test]
async fn a_reused_connection_has_one_id_and_a_new_client_another() {
    let fixture = Fixture::new();
    fixture.head("latest").await.unwrap();
    fixture.head("latest").await.unwrap();
    crate::client().head(fixture.url("/v2/")).send().await.unwrap();
    let ids: Vec<u64> = fixture.registry.log().iter().map(|seen| seen.connection).collect();
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[1], ids[2]);
}

#[tokio::test]
async fn requests_in_flight_are_counted_at_their_most() {
    let fixture = Fixture::with(Setup { latency: Duration::from_millis(200), ..Setup::default() });
    fixture.head("latest").await.unwrap();
    fixture.head("latest").await.unwrap();
    assert_eq!(fixture.registry.max_in_flight(), 1);
    let (first, second, third) =
        tokio::join!(fixture.head("latest"), fixture.head("latest"), fixture.head("latest"));
    assert!([first, second, third].into_iter().all(|answer| answer.unwrap().status() == 200));
    assert_eq!(fixture.registry.max_in_flight(), 3);
}

#[test]
fn a_sync_test_can_start_fill_and_read_a_registry() {
    let fixture = Fixture::new();
    assert_eq!(fixture.registry.tags(REPO), ["latest", "staging-new"]);
    assert_eq!(fixture.latest().as_deref(), Some(fixture.old.digest()));
    assert_eq!(fixture.registry.manifest(REPO, "latest").unwrap().1, fixture.old.manifest());
}
