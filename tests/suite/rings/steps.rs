//! From ring to ring.

use super::fixture::{declare, soak, soaked, step, with_rings};
use crate::support::records::{attach, file, history, now, promote, verdict};
use crate::support::{ONE, THREE, TWO, digests};

#[test]
fn a_release_earns_each_ring_in_the_one_before_and_says_who_is_affected() {
    let fixture = with_rings(&[ONE], "");
    step(&fixture, &[ONE])
        .code(0)
        .tells(&["ring canary: 1 of 61 tenants: sister", "moving canary of 2 images"]);
    assert_eq!((fixture.tag("canary"), fixture.tag("ring-1")), (digests(ONE), vec![None, None]));
    step(&fixture, &[ONE]).code(1).tells(&["green soak evidence from ring canary", "found none"]);
    // A soak somewhere else, or with other gates, proves nothing about this step.
    soaked(&fixture, ONE, "latest", "green");
    step(&fixture, &[ONE]).code(1).tells(&["only from another ring"]);
    let mut other = soak(&fixture, ONE, "canary", "green");
    other["suite"]["sha256"] = "0".into();
    attach(&fixture, ONE, &other);
    step(&fixture, &[ONE]).code(1).tells(&["only of another suite"]);
    soaked(&fixture, ONE, "canary", "green");
    let done = step(&fixture, &[ONE]).code(0);
    done.tells(&["ring ring-1: 5 of 61 tenants (up to 10 %)"]);
    // The step into the last ring is promote-latest, with the same demand.
    promote(&fixture, ONE, &[]).code(1).tells(&["green soak evidence from ring ring-1"]);
    soaked(&fixture, ONE, "ring-1", "green");
    promote(&fixture, ONE, &[]).code(0);
    assert_eq!(fixture.latest(), digests(ONE));
    assert_eq!(history(&fixture), ["promotion", "promotion", "promotion"]);
    assert!(step(&fixture, &[ONE]).code(0).stdout.contains("already: no ring has anything to take"));
}

#[test]
fn what_would_go_around_the_rings_is_exit_2_and_sends_nothing() {
    let fixture = with_rings(&[ONE], "");
    fixture.registry.clear_log();
    for arguments in [
        &[ONE, "--to", "ring-1"][..],
        &[ONE, "--to", "latest"],
        &[ONE, "--no-require"],
        &[ONE, "--require", "smoke"],
    ] {
        fixture
            .run("promote-latest")
            .args(arguments)
            .run()
            .code(2)
            .tells(&["promote-ring SHA --to RING --skip-rings"]);
    }
    step(&fixture, &[ONE, "--to", "ring-9"])
        .code(2)
        .tells(&["there is no ring `ring-9`", "canary, ring-1, latest"]);
    std::fs::write(fixture.path("tenants.txt"), "tenant-1\n").unwrap();
    step(&fixture, &[ONE]).code(2).tells(&["nobody is in ring ring-1: it could prove nothing"]);
    assert_eq!(fixture.registry.log().len(), 0);
    fixture.configure("");
    step(&fixture, &[ONE]).code(2).tells(&["no rings are declared: coalmine.toml"]);
}

#[test]
fn a_ring_cannot_be_jumped_but_for_a_hotfix_which_the_history_tells() {
    let fixture = with_rings(&[ONE, TWO], "approve = { by = ['ann'] }");
    step(&fixture, &[ONE, "--to", "ring-1"])
        .code(1)
        .tells(&["to have been in ring canary, found it never was"]);
    let hotfix = [ONE, "--to", "latest", "--skip-rings", "the site is down"];
    step(&fixture, &hotfix).code(1).tells(&["green smoke evidence for"]);
    attach(&fixture, ONE, &verdict(&fixture, ONE, "green", &now()));
    let done = step(&fixture, &hotfix).code(0);
    done.tells(&[
        "skipped: 1111111aaaa",
        "to have been in ring ring-1",
        "an approval of",
        "green soak evidence from ring ring-1",
    ]);
    assert_eq!(fixture.latest(), digests(ONE));
    let told = fixture.run("release-status").arg("history").run().code(0).stdout;
    assert!(told.contains("promotion that skipped") && told.contains("the site is down"), "{told}");
}

#[test]
fn a_ring_takes_the_next_release_when_its_own_has_a_verdict() {
    let fixture = with_rings(&[ONE, TWO], "");
    step(&fixture, &[ONE]).code(0);
    let waits = step(&fixture, &[TWO]).code(5);
    assert!(
        waits.stdout.contains("ring canary runs 1111111aaaa") && waits.stdout.contains("no soak verdict yet"),
        "{}",
        waits.stdout
    );
    assert_eq!(waits.json()["verdict"], "pending");
    assert_eq!(fixture.tag("canary"), digests(ONE));
    soaked(&fixture, ONE, "canary", "inconclusive");
    step(&fixture, &[TWO]).code(0);
    assert_eq!(fixture.tag("canary"), digests(TWO));
}

#[test]
fn due_moves_one_ring_the_outermost_and_the_newest_release_that_earned_it_wins() {
    let fixture = with_rings(&[ONE], "");
    let due = || step(&fixture, &["--due"]);
    due().code(0).tells(&["moving canary"]);
    let waits = due().code(5);
    assert!(
        waits.stdout.contains("ring-1") && waits.stdout.contains("green soak evidence from ring canary"),
        "{}",
        waits.stdout
    );
    soaked(&fixture, ONE, "canary", "green");
    for sha in [TWO, THREE] {
        fixture.publish(sha).code(0);
    }
    // ONE goes on before the canary takes the next, which is the newest: TWO was never tried.
    due().code(0).tells(&["moving ring-1"]);
    assert_eq!(fixture.tag("ring-1"), digests(ONE));
    due().code(0).tells(&["2222222bbbb", "is passed over", "moving canary"]);
    assert_eq!(fixture.tag("canary"), digests(THREE));
    soaked(&fixture, ONE, "ring-1", "green");
    soaked(&fixture, THREE, "canary", "green");
    due().code(0).tells(&["moving latest"]);
    assert_eq!((fixture.latest(), fixture.tag("ring-1")), (digests(ONE), digests(ONE)));
    due().code(0).tells(&["moving ring-1"]);
    soaked(&fixture, THREE, "ring-1", "green");
    due().code(0).tells(&["moving latest"]);
    assert_eq!(fixture.latest(), digests(THREE));
    assert!(due().code(0).stdout.contains("no ring has anything to take"));
}

#[test]
fn red_in_any_ring_stops_every_step() {
    let fixture = with_rings(&[ONE, TWO], "");
    step(&fixture, &[ONE]).code(0);
    soaked(&fixture, ONE, "canary", "green");
    step(&fixture, &[ONE]).code(0);
    soaked(&fixture, ONE, "ring-1", "red");
    for arguments in [&[TWO][..], &[ONE, "--to", "latest"], &["--due"]] {
        let done = step(&fixture, arguments);
        assert_ne!(done.code, 0, "{}", done.stderr);
    }
    step(&fixture, &[TWO]).code(1).tells(&["no red verdict in ring ring-1", "rollback-latest --ring ring-1"]);
    let files = file(&fixture, "red.json", &soak(&fixture, ONE, "ring-1", "red"));
    fixture
        .run("promote-latest")
        .args([ONE, "--evidence", &files])
        .run()
        .code(1)
        .tells(&["no red verdict in ring"]);
    declare(&fixture, "approve = { by = ['ann'] }");
    step(&fixture, &[TWO]).code(1);
}
