//! Out of the rings, and held.

use super::fixture::{soaked, step, with_rings};
use crate::support::records::{history, promote};
use crate::support::{Done, Fixture, ONE, THREE, TWO, digests};
use coalmine_sandbox::{Fault, When};

/// `ONE` is everywhere; `TWO` is in the canary and in ring 1.
fn two_is_in_ring_1() -> Fixture {
    let fixture = with_rings(&[ONE], "");
    everywhere(&fixture, ONE);
    fixture.publish(TWO).code(0);
    step(&fixture, &[TWO]).code(0);
    soaked(&fixture, TWO, "canary", "green");
    step(&fixture, &[TWO]).code(0);
    fixture
}

fn everywhere(fixture: &Fixture, sha: &str) {
    for ring in ["canary", "ring-1"] {
        step(fixture, &[sha]).code(0);
        soaked(fixture, sha, ring, "green");
    }
    promote(fixture, sha, &[]).code(0);
}

fn back(fixture: &Fixture, arguments: &[&str]) -> Done {
    fixture.run("rollback-latest").arg("--ring").args(arguments).with_result().run()
}

fn stand(fixture: &Fixture) -> [Vec<Option<String>>; 3] {
    ["canary", "ring-1", "latest"].map(|tag| fixture.tag(tag))
}

#[test]
fn a_ring_goes_to_what_the_next_one_outward_runs_and_every_step_is_held() {
    let fixture = two_is_in_ring_1();
    soaked(&fixture, TWO, "ring-1", "red");
    let done = back(&fixture, &["ring-1", "--reason", "it lost mail"]).code(0);
    assert_eq!(stand(&fixture), [digests(TWO), digests(ONE), digests(ONE)]);
    assert_eq!(done.json()["rings"]["ring-1"]["sha"], ONE);
    fixture.publish(THREE).code(0);
    step(&fixture, &[THREE]).code(1).tells(&["no hold on ring ring-1", "it lost mail"]);
    promote(&fixture, TWO, &[]).code(1).tells(&["not to be rejected in any ring"]);
    // The canary still runs it, and it is not red there.
    fixture.run("release-status").args(["resume", "--reason", "repaired"]).run().code(0);
    step(&fixture, &[TWO, "--to", "ring-1"]).code(1).tells(&["not to be rejected"]);
    soaked(&fixture, TWO, "canary", "inconclusive");
    step(&fixture, &[THREE]).code(0);
    assert_eq!(fixture.tag("canary"), digests(THREE));
}

#[test]
fn all_rings_this_ring_and_a_release_that_is_everywhere() {
    let fixture = two_is_in_ring_1();
    back(&fixture, &["ring-1", "--this-ring"]).code(0);
    assert_eq!(stand(&fixture), [digests(TWO), digests(ONE), digests(ONE)]);
    let fixture = two_is_in_ring_1();
    back(&fixture, &["ring-1", "--all-rings"]).code(0);
    assert_eq!(stand(&fixture), [digests(ONE), digests(ONE), digests(ONE)]);
    // Everywhere: there is nothing outward of the last ring, so it goes back, and the others follow it.
    let fixture = two_is_in_ring_1();
    soaked(&fixture, TWO, "ring-1", "green");
    promote(&fixture, TWO, &[]).code(0);
    back(&fixture, &["canary"]).code(0).tells(&["ring latest", "ring ring-1", "ring canary"]);
    assert_eq!(stand(&fixture), [digests(ONE), digests(ONE), digests(ONE)]);
    assert_eq!(history(&fixture)[history(&fixture).len() - 3..], ["rollback", "rollback", "rollback"]);
    back(&fixture, &["ring-9"]).code(2).tells(&["there is no ring `ring-9`"]);
}

#[test]
fn one_ring_that_cannot_be_moved_keeps_no_other_back_and_the_same_command_finishes() {
    let fixture = two_is_in_ring_1();
    soaked(&fixture, TWO, "ring-1", "green");
    promote(&fixture, TWO, &[]).code(0);
    let denied = Fault::error(403, "DENIED", "read only");
    fixture.registry.rule(When::any().method("PUT").reference("ring-1").then(denied));
    let split = back(&fixture, &["ring-1", "--reason", "it lost mail"]).code(4);
    let split = split.tells(&["ring ring-1 was not rolled back, and latest was"]);
    fixture.registry.clear_rules();
    assert_eq!(stand(&fixture), [digests(TWO), digests(TWO), digests(ONE)]);
    let command = split.json()["repair"].as_array().unwrap().last().unwrap().as_str().unwrap().to_owned();
    assert!(split.stdout.contains(&command), "{}", split.stdout);
    let words = crate::support::programs::words(&command);
    fixture.run(&words[0]).args(&words[1..]).env("RELEASE_IMAGES", "").run().code(0);
    assert_eq!(stand(&fixture), [digests(TWO), digests(ONE), digests(ONE)]);
}

#[test]
fn a_hold_of_one_ring_stops_it_alone_and_a_hold_of_all_stops_every_step() {
    let fixture = with_rings(&[ONE, TWO], "");
    let hold = |more: &[&str]| {
        fixture.run("release-status").args(["hold", "--reason", "a demo"]).args(more).run().code(0);
    };
    let resume = || drop(fixture.run("release-status").args(["resume", "--reason", "over"]).run().code(0));
    hold(&["--ring", "ring-1"]);
    step(&fixture, &[ONE]).code(0);
    soaked(&fixture, ONE, "canary", "green");
    step(&fixture, &[ONE]).code(1).tells(&["no hold on ring-1", "a hold at", "a demo"]);
    let waits = step(&fixture, &["--due"]);
    assert!(waits.code == 0 && fixture.tag("canary") == digests(TWO), "{}{}", waits.stdout, waits.stderr);
    resume();
    step(&fixture, &[ONE, "--to", "ring-1"]).code(0);
    hold(&[]);
    soaked(&fixture, ONE, "ring-1", "green");
    promote(&fixture, ONE, &[]).code(1).tells(&["no hold on latest", "no hold on ring canary"]);
    resume();
    promote(&fixture, ONE, &[]).code(0);
    assert_eq!(history(&fixture).iter().filter(|kind| *kind == "hold").count(), 4);
}
