//! The registry fails in the middle: put back, or say exactly what stands where and how to repair it.

use crate::support::programs::words;
use crate::support::{Done, Fixture, IMAGES, ONE, THREE, TWO, digests};
use coalmine_sandbox::registry::RetryAfter;
use coalmine_sandbox::{Action, Fault, Setup, When};

fn put_latest(repository: &str) -> When {
    When::any().method("PUT").repository(repository).reference("latest")
}

/// Runs the repair commands as they were printed, with the built binaries.
fn repair(fixture: &Fixture, done: &Done) -> Vec<String> {
    let commands: Vec<String> =
        done.json()["repair"].as_array().unwrap().iter().map(|c| c.as_str().unwrap().to_owned()).collect();
    for command in &commands {
        assert!(done.stdout.contains(command.as_str()), "`{command}` is not printed:\n{}", done.stdout);
        let words = words(command);
        fixture.run(&words[0]).args(&words[1..]).env("RELEASE_IMAGES", "").run().code(0);
    }
    commands
}

#[test]
fn a_second_put_that_fails_for_good_puts_the_first_image_back() {
    for (binary, fault) in [
        ("promote-latest", Fault::error(403, "DENIED", "read only")),
        ("rollback-latest", Fault::error(400, "MANIFEST_INVALID", "no")),
    ] {
        let fixture = Fixture::promoted();
        fixture.registry.rule(put_latest(IMAGES[1]).then(fault));
        let done =
            fixture.run(binary).arg(TWO).with_result().run().code(1).tells(&["putting back", IMAGES[1]]);
        assert_eq!(fixture.latest(), digests(ONE));
        let json = done.json();
        assert_eq!(
            (&json["images"][0]["ended"]["state"], &json["standing"]),
            (&"put-back".into(), &"what was moved was put back".into())
        );
    }
}

#[test]
fn what_cannot_be_put_back_is_exit_4_and_the_printed_command_repairs_it() {
    for binary in ["promote-latest", "rollback-latest"] {
        let fixture = Fixture::promoted();
        fixture.registry.rule(put_latest(IMAGES[1]).then(Fault::error(403, "DENIED", "read only")));
        fixture.registry.rule(put_latest(IMAGES[0]).nth_on(2).then(Fault::error(403, "DENIED", "read only")));
        let done = fixture.run(binary).arg(TWO).with_result().run().code(4);
        assert_eq!(fixture.latest(), [digests(TWO)[0].clone(), digests(ONE)[1].clone()]);
        assert!(done.stdout.contains("NOT put back"), "{}", done.stdout);
        fixture.registry.clear_rules();
        assert_eq!(repair(&fixture, &done).len(), 1);
        let whole = if binary == "promote-latest" { digests(ONE) } else { digests(TWO) };
        assert_eq!(fixture.latest(), whole);
    }
}

#[test]
fn a_first_promotion_that_fails_takes_its_tag_away_again_and_only_the_tag() {
    let fixture = Fixture::new();
    fixture.stage(ONE);
    fixture.registry.rule(put_latest(IMAGES[1]).then(Fault::error(403, "DENIED", "read only")));
    fixture.run("promote-latest").arg(ONE).run().code(1);
    assert_eq!(fixture.latest(), [None, None]);
    assert_eq!(fixture.tag(&format!("staging-{ONE}")), digests(ONE));
}

#[test]
fn where_tags_cannot_be_deleted_a_failed_first_promotion_is_a_split_that_can_be_finished() {
    let fixture = Fixture::with(Setup { tag_delete: false, ..Setup::default() });
    fixture.stage(ONE);
    fixture.registry.rule(put_latest(IMAGES[1]).then(Fault::error(403, "DENIED", "read only")));
    let done = fixture.run("promote-latest").arg(ONE).with_result().run().code(4);
    fixture.registry.clear_rules();
    assert!(repair(&fixture, &done)[0].starts_with(&format!("promote-latest {ONE} ")));
    assert_eq!(fixture.latest(), digests(ONE));
}

#[test]
fn a_lost_answer_is_read_back_and_is_success() {
    let fixture = Fixture::promoted();
    for name in IMAGES {
        fixture.registry.rule(put_latest(name).nth(1).then(Fault::CutAfter));
    }
    fixture.run("promote-latest").arg(TWO).run().code(0);
    assert_eq!(fixture.latest(), digests(TWO));
    assert_eq!(fixture.seen("PUT", "latest"), 2);
}

#[test]
fn a_put_that_never_arrived_is_sent_again() {
    for fault in [Fault::CutBefore, Fault::status(500), Fault::html(502), Fault::status(503)] {
        let fixture = Fixture::promoted();
        let rule = fixture.registry.rule(put_latest(IMAGES[1]).nth(1).then(fault));
        fixture.run("promote-latest").arg(TWO).run().code(0);
        assert_eq!((fixture.latest(), fixture.registry.played(rule)), (digests(TWO), 1));
    }
}

#[test]
fn retry_after_is_waited_for_in_seconds_and_as_a_date() {
    for after in [RetryAfter::Seconds(1), RetryAfter::Date(std::time::Duration::from_secs(1))] {
        let fixture = Fixture::promoted();
        fixture.registry.rule(put_latest(IMAGES[0]).nth(1).then(Fault::TooManyRequests(after)));
        fixture
            .registry
            .rule(When::any().method("GET").reference("latest").nth(1).then(Fault::TooManyRequests(after)));
        fixture.run("promote-latest").arg(TWO).run().code(0);
        let log = fixture.registry.log();
        let gap = |method: &str| {
            let mut tries =
                log.iter().filter(|s| s.method == method && s.reference.as_deref() == Some("latest"));
            let first = tries.find(|s| s.status == Some(429)).unwrap();
            let next = log.iter().find(|s| {
                s.index > first.index
                    && s.method == method
                    && s.repository == first.repository
                    && s.reference == first.reference
            });
            next.unwrap().arrived - first.arrived
        };
        // A date has whole seconds: what it asks for is up to one second less than what was set.
        assert!(gap("PUT").as_millis() >= 500 && gap("GET").as_millis() >= 500);
        assert_eq!(fixture.latest(), digests(TWO));
    }
}

#[test]
fn a_wait_beyond_the_deadline_ends_at_once_and_says_how_long_it_would_be() {
    let fixture = Fixture::promoted();
    fixture.registry.rule(When::any().then(Fault::TooManyRequests(RetryAfter::Seconds(3600))));
    fixture.run("promote-latest").arg(TWO).run().code(1).tells(&["asks to wait 1h 00m"]);
    assert_eq!(fixture.registry.log().len(), 8);
}

#[test]
fn latest_moved_by_somebody_else_before_the_put_is_a_conflict() {
    let fixture = Fixture::promoted();
    fixture.stage(THREE);
    let theirs = digests(THREE)[1].clone().unwrap();
    let action =
        Action::MoveTag { repository: IMAGES[1].into(), tag: "latest".into(), digest: theirs.clone() };
    fixture
        .registry
        .rule(When::any().method("PUT").reference("latest-previous").nth(1).then(Fault::After(action)));
    let done = fixture.run("promote-latest").arg(TWO).with_result().run();
    let done = done.tells(&["conflict", IMAGES[1], &theirs]);
    // Theirs stands; ours was taken back; the images disagree, and that is said.
    assert_eq!(done.code, 4, "{}", done.stderr);
    assert_eq!(fixture.latest(), [digests(ONE)[0].clone(), Some(theirs)]);
    assert_eq!(done.json()["images"][1]["ended"]["state"], "foreign");
}

#[test]
fn latest_moved_by_somebody_else_before_anything_of_ours_moved_is_exit_1() {
    let fixture = Fixture::promoted();
    fixture.stage(THREE);
    let theirs = digests(THREE)[0].clone().unwrap();
    let action =
        Action::MoveTag { repository: IMAGES[0].into(), tag: "latest".into(), digest: theirs.clone() };
    fixture
        .registry
        .rule(When::any().method("PUT").reference("latest-previous").nth(1).then(Fault::After(action)));
    fixture.run("promote-latest").arg(TWO).run().code(1).tells(&["conflict", &theirs]);
    assert_eq!(fixture.seen("PUT", "latest"), 0);
}

#[test]
fn latest_moved_by_somebody_else_after_the_put_is_a_conflict_and_theirs_stays() {
    let fixture = Fixture::promoted();
    fixture.stage(THREE);
    let theirs = digests(THREE)[1].clone().unwrap();
    let action =
        Action::MoveTag { repository: IMAGES[1].into(), tag: "latest".into(), digest: theirs.clone() };
    fixture.registry.rule(put_latest(IMAGES[1]).nth(1).then(Fault::After(action)));
    fixture.run("promote-latest").arg(TWO).run().code(4).tells(&["conflict", &theirs]);
    assert_eq!(fixture.latest(), [digests(ONE)[0].clone(), Some(theirs)]);
}

#[test]
fn a_registry_that_shows_its_writes_late_is_waited_for() {
    let fixture = Fixture::promoted();
    // The second HEAD of a promotion is the one that verifies.
    for name in IMAGES {
        fixture
            .registry
            .rule(When::any().method("HEAD").repository(name).reference("latest").nth(2).then(Fault::Stale));
    }
    fixture.run("promote-latest").arg(TWO).run().code(0);
    assert_eq!(fixture.latest(), digests(TWO));
}

#[test]
fn a_digest_header_that_is_missing_empty_or_wrong_decides_nothing() {
    for fault in [Fault::NoDigestHeader, Fault::EmptyDigestHeader] {
        let fixture = Fixture::promoted();
        fixture.registry.rule(When::any().then(fault));
        fixture.run("promote-latest").arg(TWO).run().code(0);
        assert_eq!(fixture.latest(), digests(TWO));
    }
    let fixture = Fixture::promoted();
    fixture
        .registry
        .rule(When::any().method("HEAD").reference("latest").nth(1).then(Fault::WrongDigestHeader));
    fixture.run("promote-latest").arg(TWO).run().code(0);
    assert_eq!(fixture.latest(), digests(TWO));
}

#[test]
fn an_anchor_that_cannot_be_written_stops_a_promotion_and_not_a_rollback() {
    let fixture = Fixture::promoted();
    for tag in ["latest-previous", "latest-rejected"] {
        fixture
            .registry
            .rule(When::any().method("PUT").reference(tag).then(Fault::error(403, "DENIED", "no")));
    }
    fixture.run("promote-latest").arg(TWO).run().code(1).tells(&["latest-previous"]);
    assert_eq!(fixture.latest(), digests(ONE));
    fixture.run("rollback-latest").arg(TWO).run().code(0).tells(&["warning:", "latest-rejected"]);
    assert_eq!(fixture.latest(), digests(TWO));
}

#[test]
fn an_immutable_tag_is_explained() {
    for kind in
        [coalmine_sandbox::registry::Immutability::Ecr, coalmine_sandbox::registry::Immutability::Harbor]
    {
        let fixture = Fixture::promoted();
        fixture.registry.rule(put_latest(IMAGES[0]).then(Fault::Immutable(kind)));
        fixture.run("promote-latest").arg(TWO).run().code(1).tells(&["immutable", "exclude `latest`"]);
        assert_eq!(fixture.latest(), digests(ONE));
    }
}

#[test]
fn a_signal_in_the_middle_puts_back_and_ends_with_its_own_code() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let fixture = Fixture::promoted();
        let hang = fixture.registry.rule(put_latest(IMAGES[1]).then(Fault::Hang(None)));
        let child = fixture.run("promote-latest").arg(TWO).with_result().spawn();
        while fixture.registry.played(hang) == 0 {
            std::thread::park_timeout(std::time::Duration::from_millis(1));
        }
        let kill =
            std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert!(kill.success());
        Done::of(child, fixture.path("result.json")).code(code).tells(&["stopped by SIG"]);
        assert_eq!(fixture.latest(), digests(ONE));
    }
}

#[test]
fn one_answer_that_denies_the_live_tag_does_not_make_a_plan_without_a_way_back() {
    for binary in ["promote-latest", "rollback-latest"] {
        let fixture = Fixture::promoted();
        let unknown = Fault::error(404, "MANIFEST_UNKNOWN", "manifest unknown");
        let read = When::any().method("GET").repository(IMAGES[1]).reference("latest").nth(1);
        let rule = fixture.registry.rule(read.then(unknown));
        let done = fixture.run(binary).arg(TWO).with_result().run().code(0);
        assert_eq!((fixture.latest(), fixture.registry.played(rule)), (digests(TWO), 1));
        assert!(done.json()["images"][1]["from"].is_string());
    }
}

#[test]
fn a_promotion_that_was_put_back_leaves_the_way_back_where_it_was() {
    let fixture = Fixture::promoted();
    fixture.stage(THREE);
    for (name, digest) in IMAGES.iter().zip(digests(THREE)) {
        fixture.registry.move_tag(name, "latest-previous", &digest.unwrap()).unwrap();
    }
    fixture.registry.rule(put_latest(IMAGES[1]).then(Fault::error(403, "DENIED", "read only")));
    fixture.run("promote-latest").arg(TWO).run().code(1);
    assert_eq!((fixture.latest(), fixture.tag("latest-previous")), (digests(ONE), digests(THREE)));
}

#[test]
fn a_promotion_whose_anchors_fail_half_way_leaves_the_way_back_where_it_was() {
    let fixture = Fixture::promoted();
    fixture.stage(THREE);
    for (name, digest) in IMAGES.iter().zip(digests(THREE)) {
        fixture.registry.move_tag(name, "latest-previous", &digest.unwrap()).unwrap();
    }
    let anchor = When::any().method("PUT").repository(IMAGES[1]).reference("latest-previous");
    fixture.registry.rule(anchor.then(Fault::error(403, "DENIED", "read only")));
    fixture.run("promote-latest").arg(TWO).run().code(1);
    assert_eq!((fixture.latest(), fixture.tag("latest-previous")), (digests(ONE), digests(THREE)));
}
