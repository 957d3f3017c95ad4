//! A hold is seen by everybody, stands before the first tag moves, and what was rejected does not come back unasked.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use coalmine::io::clock;
use coalmine::io::registry::artifacts::Artifact;
use coalmine::ledger::history;
use coalmine::model::history::Event;
use coalmine::model::record::HISTORY_TYPE;
use coalmine::policy::history::History;
use coalmine_sandbox::{Action, Fault, Setup, When};

use crate::support::records::{published, through};
use crate::support::{Done, Fixture, IMAGES, ONE, THREE, TWO, digests};

/// `ONE`, then `TWO` promoted, `THREE` published.
fn promoted_twice() -> Fixture {
    let fixture = published(Setup::default(), &[ONE, TWO, THREE]);
    for sha in [ONE, TWO] {
        promote(&fixture, sha).code(0);
    }
    fixture
}

fn promote(fixture: &Fixture, sha: &str) -> Done {
    fixture.run("promote-latest").args([sha, "--no-require"]).run()
}

fn resume(fixture: &Fixture) {
    fixture.run("release-status").args(["resume", "--reason", "repaired"]).run().code(0);
}

fn kinds(fixture: &Fixture) -> Vec<String> {
    crate::support::records::history(fixture)
}

/// A clean-up that knows nothing of records.
fn delete_the_history(fixture: &Fixture) {
    for tag in fixture.registry.tags(IMAGES[0]) {
        if tag.starts_with("release-history") {
            fixture.registry.delete_tag(IMAGES[0], &tag).unwrap();
        }
    }
}

#[test]
fn a_rollback_that_is_killed_after_its_move_holds_what_comes_next() {
    let fixture = promoted_twice();
    let pid = Arc::new(AtomicU32::new(0));
    let known = Arc::clone(&pid);
    let kill = Action::custom(move |_| {
        let known = Arc::clone(&known);
        async move {
            while known.load(Ordering::SeqCst) == 0 {
                clock::sleep(std::time::Duration::from_millis(1)).await;
            }
            let _ = Command::new("kill").args(["-KILL", &known.load(Ordering::SeqCst).to_string()]).status();
        }
    });
    let written = When::any().method("PUT").path_contains("/manifests/release-history");
    fixture.registry.rule(written.then(Fault::Before(kill)));
    let child = fixture.run("rollback-latest").arg(ONE).spawn();
    pid.store(child.id(), Ordering::SeqCst);
    assert_eq!(Done::of(child, fixture.path("none.json")).code, -1);
    fixture.registry.clear_rules();
    assert_eq!(fixture.latest(), digests(ONE));
    let document = fixture.tag("latest-hold");
    assert!(document.iter().all(Option::is_some), "{document:?}");
    promote(&fixture, THREE).code(1).tells(&["no hold on latest"]);
    promote(&fixture, TWO).code(1).tells(&["no hold on latest", "not to be rejected"]);
    fixture.run("release-status").arg("--check").run().code(1);
    // The same command again tells what the killed one could not.
    fixture.run("rollback-latest").arg(ONE).run().code(0);
    assert_eq!(kinds(&fixture), ["promotion", "promotion", "rollback"]);
    resume(&fixture);
    promote(&fixture, TWO).code(1).tells(&["not to be rejected"]);
    promote(&fixture, THREE).code(0);
}

#[test]
fn a_rollback_that_moves_nothing_takes_its_hold_back_and_the_history_says_so() {
    let fixture = promoted_twice();
    let denied = Fault::error(403, "DENIED", "read only");
    fixture.registry.rule(When::any().method("PUT").reference("latest").then(denied));
    fixture.run("rollback-latest").arg(ONE).run().code(1);
    fixture.registry.clear_rules();
    assert_eq!((fixture.latest(), fixture.tag("latest-hold")), (digests(TWO), vec![None, None]));
    assert_eq!(kinds(&fixture), ["promotion", "promotion", "rollback-failed"]);
    fixture.run("release-status").arg("--check").run().code(0);
    promote(&fixture, THREE).code(0);
}

#[test]
fn a_failed_rollback_leaves_the_hold_of_an_earlier_one() {
    let fixture = published(Setup::default(), &[ONE, TWO, THREE]);
    for sha in [ONE, TWO, THREE] {
        promote(&fixture, sha).code(0);
    }
    fixture.run("rollback-latest").args([TWO, "--reason", "first"]).run().code(0);
    let denied = Fault::error(403, "DENIED", "read only");
    fixture.registry.rule(When::any().method("PUT").reference("latest").then(denied));
    fixture.run("rollback-latest").args([ONE, "--reason", "second"]).run().code(1);
    fixture.registry.clear_rules();
    promote(&fixture, THREE).code(1).tells(&["no hold on latest", "first"]);
}

#[test]
fn a_hold_that_cannot_be_written_is_a_warning_and_the_rollback_goes_on() {
    let fixture = promoted_twice();
    let denied = Fault::error(403, "DENIED", "read only");
    fixture.registry.rule(When::any().method("PUT").reference("latest-hold").then(denied));
    let done = fixture
        .run("rollback-latest")
        .arg(ONE)
        .with_result()
        .run()
        .code(0)
        .tells(&["acme/platform is not held", "acme/platform-tenant is not held"]);
    fixture.registry.clear_rules();
    assert_eq!((fixture.latest(), &done.json()["held"]), (digests(ONE), &true.into()), "the history holds");
    promote(&fixture, THREE).code(1).tells(&["no hold on latest"]);
}

#[test]
fn a_hold_that_cannot_be_read_stops_a_promotion() {
    let fixture = promoted_twice();
    let broken = Fault::error(403, "DENIED", "not for you");
    fixture.registry.rule(When::any().method("GET").reference("latest-hold").then(broken));
    promote(&fixture, THREE).code(1).tells(&["to read latest-hold"]);
}

#[test]
fn a_registry_that_deletes_no_tags_gets_a_hold_that_says_that_it_is_over() {
    let fixture = promoted_twice();
    fixture.run("rollback-latest").arg(ONE).run().code(0);
    let unsupported = Fault::error(405, "UNSUPPORTED", "no");
    fixture.registry.rule(When::any().method("DELETE").then(unsupported));
    resume(&fixture);
    assert!(fixture.tag("latest-hold").iter().all(Option::is_some));
    fixture.run("release-status").arg("--check").run().code(0);
    promote(&fixture, THREE).code(0);
}

#[test]
fn a_clean_up_that_deletes_the_history_lets_nothing_rejected_through_and_is_said() {
    let fixture = promoted_twice();
    fixture.run("rollback-latest").arg(ONE).run().code(0);
    delete_the_history(&fixture);
    promote(&fixture, THREE).code(1).tells(&["no hold on latest"]);
    promote(&fixture, TWO).code(1).tells(&["not to be rejected", "latest-rejected"]);
    let told = fixture.run("release-status").arg("history").run().code(0);
    assert!(told.stdout.contains("the history of latest is lost"), "{}", told.stdout);
    let again =
        fixture.run("release-status").args(["restart-history", "--reason", "a clean-up"]).run().code(0);
    assert!(again.stdout.contains("begins anew"), "{}", again.stdout);
    assert_eq!(kinds(&fixture), ["restart"]);
    resume(&fixture);
    promote(&fixture, TWO).code(1).tells(&["not to be rejected"]);
    promote(&fixture, THREE).code(0);
    fixture
        .run("promote-latest")
        .args([TWO, "--no-require", "--allow-older", "--lift-hold", "it was the network"])
        .run()
        .code(0);
}

#[test]
fn a_history_that_cannot_be_read_stops_promotions_until_somebody_begins_a_new_one() {
    let fixture = promoted_twice();
    let blob = fixture.registry.put_blob(IMAGES[0], "{").unwrap();
    through(&fixture, async |client, home| {
        let artifact = Artifact::of(HISTORY_TYPE, "{".into(), None, &[]);
        client.put_artifact(&home, &artifact, Some(&"release-history".parse().unwrap())).await.unwrap();
    });
    assert!(blob.starts_with("sha256:"));
    promote(&fixture, THREE).code(1).tells(&["a history that cannot be read", "restart-history"]);
    fixture.run("rollback-latest").arg(ONE).run().code(0).tells(&["the history cannot be read"]);
    fixture.run("release-status").args(["restart-history", "--reason", "damaged"]).run().code(0);
    // What has a tag of its own comes back; the hold was never in doubt.
    assert!(kinds(&fixture).contains(&"restart".to_owned()));
    promote(&fixture, THREE).code(1).tells(&["no hold on latest"]);
    resume(&fixture);
    promote(&fixture, THREE).code(0);
}

#[test]
fn tags_that_somebody_moved_by_hand_are_said_not_to_match_the_history() {
    let fixture = promoted_twice();
    fixture.stand_at(THREE);
    let told = fixture.run("release-status").arg("history").run().code(0);
    assert!(told.stdout.contains("the tags do not match the history"), "{}", told.stdout);
}

#[test]
fn an_entry_of_a_clock_that_is_behind_a_full_history_finds_its_place() {
    let fixture = promoted_twice();
    through(&fixture, async |client, home| {
        let (env, tag) = (&client.context().env, "latest".parse().unwrap());
        let mut old = history::read(&client, &home).await.unwrap().history;
        let at = clock::now() + jiff::SignedDuration::from_hours(1);
        for i in 0..250 {
            let mut entry = history::entry(env, Event::Resume, &tag, None, &[], Some("of a clock ahead"));
            entry.at = at + jiff::SignedDuration::from_secs(i);
            entry.id = history::new_id(entry.at);
            old.append(entry);
        }
        let put = async |history: &History, tag: &str| {
            let artifact = Artifact::of(HISTORY_TYPE, history.write().into(), None, &[]);
            client.put_artifact(&home, &artifact, Some(&tag.parse().unwrap())).await.unwrap();
            artifact
        };
        put(&old, "release-history.first").await;
        let digest = fixture.registry.digest_of(IMAGES[0], "release-history.first").unwrap();
        put(&old.continued(digest.parse().unwrap()), "release-history").await;
    });
    for tag in fixture.registry.tags(IMAGES[0]) {
        if tag.starts_with("release-history-") {
            fixture.registry.delete_tag(IMAGES[0], &tag).unwrap();
        }
    }
    fixture.run("rollback-latest").args([ONE, "--reason", "it lost mail"]).run().code(0);
    assert_eq!(kinds(&fixture).last().map(String::as_str), Some("rollback"));
    promote(&fixture, THREE).code(1).tells(&["no hold on latest", "it lost mail"]);
}

#[test]
fn going_back_to_a_rejected_release_needs_a_reason_and_is_said() {
    let fixture = published(Setup::default(), &[ONE, TWO, THREE]);
    for sha in [ONE, TWO] {
        promote(&fixture, sha).code(0);
    }
    fixture.run("rollback-latest").args([ONE, "--reason", "it lost mail"]).run().code(0);
    resume(&fixture);
    promote(&fixture, THREE).code(0);
    let refused = fixture.run("rollback-latest").arg(TWO).run().code(1);
    refused.tells(&["2222222bbbb", "not to be rejected, or a reason", "it lost mail", "--reason"]);
    assert_eq!(fixture.latest(), digests(THREE));
    let meant = fixture.run("rollback-latest").args([TWO, "--reason", "worse than lost mail"]).run().code(0);
    meant.tells(&["is a release that was rejected"]);
    assert_eq!(fixture.latest(), digests(TWO));
}

#[test]
fn a_hold_that_another_rollback_took_away_meanwhile_is_placed_again() {
    let fixture = promoted_twice();
    let take = Action::custom(|admin| async move {
        for name in IMAGES {
            let _ = admin.delete_manifest(name, "latest-hold").await;
        }
    });
    let written = When::any().method("PUT").reference("release-history");
    let rule = fixture.registry.rule(written.then(Fault::Before(take)));
    fixture.run("rollback-latest").arg(ONE).run().code(0);
    assert!(fixture.registry.played(rule) > 0);
    assert!(fixture.tag("latest-hold").iter().all(Option::is_some), "{:?}", fixture.tag("latest-hold"));
}
