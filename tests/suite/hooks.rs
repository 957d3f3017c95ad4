//! The programs around a rollback: in order, bounded, and never in its way.

use crate::support::{Done, Fixture, ONE, TWO, digests};

/// Runs `rollback-latest ONE` from `TWO` with this `[rollback]` table.
fn rollback(fixture: &Fixture, table: &str, more: &[&str]) -> Done {
    fixture.configure(&format!("[release]\nrecords = false\n[rollback]\n{table}\n"));
    fixture.run("rollback-latest").arg(ONE).args(more).with_result().run()
}

fn fixture() -> Fixture {
    let fixture = Fixture::promoted();
    fixture.stand_at(TWO);
    fixture
}

#[test]
fn hooks_run_in_their_order_around_the_move() {
    let fixture = fixture();
    let log = |name: &str| format!("{name} = ['sh', '-c', 'echo {name} >> order']");
    let table = ["throttle", "rotate-cache", "freeze", "capture", "unfreeze"].map(log).join("\n");
    let done = rollback(&fixture, &table, &["--reason", "a bad build"]).code(0);
    // Nothing was watched, so nothing says that deployments may go on.
    assert_eq!(
        std::fs::read_to_string(fixture.path("order")).unwrap(),
        "capture\nfreeze\nrotate-cache\nthrottle\n"
    );
    let json = done.json();
    assert_eq!(
        (json["hooks"][3]["hook"].as_str(), json["reason"].as_str()),
        (Some("throttle"), Some("a bad build"))
    );
}

#[test]
fn a_hook_that_fails_hangs_or_is_not_there_is_told_and_stops_nothing() {
    let fixture = fixture();
    let table = "capture = { run = ['sleep', '60'], timeout = '300ms' }\nfreeze = ['sh', '-c', 'echo no such key >&2; exit 7']\nthrottle = ['/nonexistent/program']";
    let done = rollback(&fixture, table, &[]).code(0);
    let done = done.tells(&[
        "hook capture: killed: not done within 300ms",
        "hook freeze: failed with exit status: 7: no such key",
        "could not be started",
    ]);
    assert_eq!(fixture.latest(), digests(ONE));
    assert_eq!(done.json()["hooks"][0]["good"], false);
}

#[test]
fn hooks_do_not_run_when_nothing_is_moved() {
    let fixture = fixture();
    let table = "capture = ['touch', 'ran']";
    rollback(&fixture, table, &["--dry-run"]).code(0);
    fixture.stand_at(ONE);
    rollback(&fixture, table, &[]).code(0);
    assert!(!fixture.path("ran").exists());
}
