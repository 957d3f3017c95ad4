//! A tick that is killed at a request, or that runs twice at once: the next one finishes.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use coalmine::io::clock;
use coalmine_sandbox::{Action, Fault, When};

use super::fixture::{soaked, step, with_rings};
use crate::support::records::history;
use crate::support::{Done, Fixture, ONE, TWO, digests, is_full};

/// One of so many requests is played; all of them in the full run.
fn share(thin: usize) -> usize {
    if is_full() { 1 } else { thin }
}

/// Runs a command and kills it before its request `k` is answered.
fn killed(fixture: &Fixture, binary: &str, arguments: &[&str], k: u64) -> i32 {
    let pid = Arc::new(AtomicU32::new(0));
    let known = Arc::clone(&pid);
    let kill = Action::custom(move |_| {
        let known = Arc::clone(&known);
        async move {
            while known.load(Ordering::SeqCst) == 0 {
                clock::sleep(Duration::from_millis(1)).await;
            }
            let _ = Command::new("kill").args(["-KILL", &known.load(Ordering::SeqCst).to_string()]).status();
        }
    });
    fixture.registry.clear_log();
    fixture.registry.rule(When::any().overall_nth(k).then(Fault::Before(kill)));
    let child = fixture.run(binary).args(arguments).spawn();
    pid.store(child.id(), Ordering::SeqCst);
    let code = Done::of(child, fixture.path("none.json")).code;
    fixture.registry.clear_rules();
    code
}

/// `ONE` earned ring 1; `TWO` is published.
fn earned() -> Fixture {
    let fixture = with_rings(&[ONE, TWO], "");
    step(&fixture, &[ONE]).code(0);
    soaked(&fixture, ONE, "canary", "green");
    fixture
}

fn requests(fixture: &Fixture) -> u64 {
    fixture.registry.log().len() as u64
}

#[test]
fn a_step_that_is_killed_at_any_request_is_finished_by_the_next_one() {
    let fixture = earned();
    fixture.registry.clear_log();
    step(&fixture, &[ONE, "--to", "ring-1"]).code(0);
    for k in (1..=requests(&fixture)).step_by(share(29)) {
        let fixture = earned();
        killed(&fixture, "promote-ring", &[ONE, "--to", "ring-1"], k);
        step(&fixture, &[ONE, "--to", "ring-1"]).code(0);
        assert_eq!(fixture.tag("ring-1"), digests(ONE), "killed at {k}");
        // The first promotion of a tag that is killed before it could say so has nothing in the history that it contradicts.
        let told = history(&fixture);
        assert!(told.len() <= 2 && told.iter().all(|kind| kind == "promotion"), "killed at {k}: {told:?}");
    }
}

#[test]
fn a_rollback_of_a_ring_that_is_killed_at_any_request_is_finished_by_the_next_one() {
    let bad = || {
        let fixture = earned();
        step(&fixture, &[ONE]).code(0);
        soaked(&fixture, ONE, "ring-1", "green");
        fixture.run("promote-latest").arg(ONE).run().code(0);
        step(&fixture, &[TWO]).code(0);
        soaked(&fixture, TWO, "canary", "green");
        step(&fixture, &[TWO]).code(0);
        fixture
    };
    let back = ["--ring", "canary", "--reason", "it lost mail"];
    let fixture = bad();
    fixture.registry.clear_log();
    fixture.run("rollback-latest").args(back).run().code(0);
    for k in (1..=requests(&fixture)).step_by(share(83)) {
        let fixture = bad();
        killed(&fixture, "rollback-latest", &back, k);
        // What was moved before it was killed runs the release no more: the others follow.
        fixture.run("rollback-latest").args(back).run().code(0);
        let stand = ["canary", "ring-1", "latest"].map(|tag| fixture.tag(tag));
        assert_eq!(stand, [digests(ONE), digests(ONE), digests(ONE)], "killed at {k}");
        step(&fixture, &[TWO, "--to", "ring-1"]).code(1);
    }
}

#[test]
fn two_ticks_at_once_move_the_same_ring_to_the_same_release() {
    let fixture = earned();
    let ticks = [(); 2].map(|()| fixture.run("promote-ring").arg("--due").spawn());
    let codes = ticks.map(|child| Done::of(child, fixture.path("none.json")).code);
    assert!(codes.contains(&0), "{codes:?}");
    assert_eq!((fixture.tag("ring-1"), fixture.latest()), (digests(ONE), vec![None, None]));
}
