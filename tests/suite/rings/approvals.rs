//! Who approves, and what `release-status rings` says of it.

use super::fixture::{soaked, step, with_rings};
use crate::support::github_server::GithubServer;
use crate::support::records::{history, promote};
use crate::support::{Done, Fixture, ONE, digests};

/// `ONE` has earned the last ring, but for an approval.
fn earned(approve: &str) -> Fixture {
    let fixture = with_rings(&[ONE], approve);
    for ring in ["canary", "ring-1"] {
        step(&fixture, &[ONE]).code(0);
        soaked(&fixture, ONE, ring, "green");
    }
    fixture
}

fn approve(fixture: &Fixture, github: Option<&GithubServer>) -> Done {
    let program = fixture.run("release-status").env("USER", "eve");
    let program = match github {
        Some(github) => program.env("GITHUB_TOKEN", "gh-s3cr3t").env("GITHUB_API_URL", &github.url()),
        None => program,
    };
    program.args(["approve", &ONE[..9], "--ring", "latest", "--reason", "looked at it"]).run()
}

#[test]
fn an_approval_counts_when_github_confirms_who_gave_it() {
    let fixture = earned("approve = { by = ['acme/release'] }");
    promote(&fixture, ONE, &[]).code(1).tells(&[
        "an approval of 1111111aaaa",
        "by acme/release, found none",
        "release-status approve",
    ]);
    // Outside GitHub anybody can call themselves eve.
    approve(&fixture, None)
        .code(0)
        .tells(&["GitHub did not confirm who approves: GITHUB_TOKEN is not set", "does not count"]);
    promote(&fixture, ONE, &[]).code(1).tells(&["one by eve, which GitHub did not confirm"]);
    let github = GithubServer::start();
    let done = approve(&fixture, Some(&github)).code(0);
    assert!(done.stdout.contains("approval by eve, confirmed by GitHub"), "{}", done.stdout);
    assert!(!done.stdout.contains("s3cr3t") && !done.stderr.contains("s3cr3t"));
    promote(&fixture, ONE, &[]).code(0);
    assert_eq!(fixture.latest(), digests(ONE));
    assert!(
        history(&fixture).ends_with(&["approval".to_owned(), "promotion".to_owned()]),
        "{:?}",
        history(&fixture)
    );
}

#[test]
fn somebody_who_is_not_asked_cannot_approve_and_nobody_approves_what_is_not_published() {
    let fixture = earned("approve = { by = ['acme/board', 'ann'] }");
    let github = GithubServer::start();
    approve(&fixture, Some(&github))
        .code(0)
        .tells(&["does not count: ring latest asks for one by acme/board or ann"]);
    promote(&fixture, ONE, &[]).code(1).tells(&["one by eve, who is not one of them"]);
    let nobody = ["approve", "9999999", "--ring", "latest", "--reason", "x"];
    fixture
        .run("release-status")
        .args(nobody)
        .run()
        .code(1)
        .tells(&["one published release that 9999999 means"]);
}

#[test]
fn the_status_of_the_rings_says_what_each_waits_for_and_who_must_act() {
    let fixture = earned("approve = { by = ['acme/release'] }");
    let status = || fixture.run("release-status").arg("rings").with_result().run().code(0);
    let done = status();
    let json = done.json();
    let ring = |at: usize| &json["rings"][at];
    assert_eq!((&ring(0)["sha"], &ring(2)["sha"]), (&ONE.into(), &serde_json::Value::Null));
    assert_eq!((&ring(1)["tenants"], &ring(1)["all_tenants"]), (&5.into(), &61.into()));
    assert!(ring(1)["proven"][0].as_str().unwrap().starts_with("soak green"), "{}", ring(1));
    let wait = &ring(2)["waits"][0];
    assert!(wait["why"].as_str().unwrap().contains("an approval of"), "{wait}");
    assert!(wait["act"].as_str().unwrap().contains("release-status approve"), "{wait}");
    assert!(done.stdout.contains("5 tenants (8.2 %)"), "{}", done.stdout);
    approve(&fixture, Some(&GithubServer::start())).code(0);
    assert_eq!(status().json()["rings"][2]["may_take"], ONE);
}
