//! `rollback-latest --watch`: what became of the recovery targets, and what waits for them.

use coalmine_sandbox::Setup;

use crate::support::programs::send_signal;
use crate::support::records::published;
use crate::support::{Done, Fixture, ONE, TWO, digests};

/// A live `TWO`, an `unfreeze` that leaves a file, and a soak file whose source reads the file `errors`.
fn live(recovery: &str) -> Fixture {
    let fixture = published(Setup::default(), &[ONE, TWO]);
    fixture.configure("[rollback]\nunfreeze = [\"touch\", \"unfrozen\"]\n");
    fixture.stand_at(TWO);
    let gates = format!(
        "format = 1\n[soak]\nwindow = \"1h\"\nlag = \"10ms\"\n[source.c]\ntype = \"command\"\n[[metric]]\nname = \"errors\"\n\
         kind = \"rate\"\nat_most = 0.01\nmin_samples = 100\nsource = \"c\"\nrun = [\"cat\", \"errors\"]\n\
         [recovery]\nevery = \"50ms\"\nover = \"1m\"\n{recovery}\n[[recovery.target]]\nmetric = \"errors\"\nbelow = 0.005\n"
    );
    std::fs::write(fixture.path("soak.toml"), gates).unwrap();
    std::fs::write(fixture.path("errors"), "{\"bad\": 9, \"total\": 1000}").unwrap();
    fixture
}

fn roll_back(fixture: &Fixture) -> Done {
    fixture.run("rollback-latest").args([ONE, "--watch", "soak.toml"]).with_result().run()
}

fn heal(fixture: &Fixture) {
    std::fs::write(fixture.path("errors"), "{\"bad\": 4, \"total\": 1000}").unwrap();
}

#[test]
fn deployments_go_on_once_the_targets_are_met_and_kept() {
    let fixture = live("within = \"20s\"\nhold = \"300ms\"");
    std::thread::scope(|scope| {
        let done = scope.spawn(|| roll_back(&fixture));
        while fixture.latest() != digests(ONE) {
            std::thread::yield_now();
        }
        heal(&fixture);
        let done = done.join().unwrap().code(0);
        assert!(done.stdout.contains("recovery=met"), "{}", done.stdout);
        assert!(done.stdout.contains("errors: recovered at 0.004; its cause came with"), "{}", done.stdout);
        let json = done.json();
        assert_eq!((&json["recovery"]["ended"], &json["verdict"]), (&"met".into(), &"green".into()));
        assert!(json["hooks"].to_string().contains("unfreeze"));
    });
    assert!(fixture.path("unfrozen").exists());
}

#[test]
fn targets_that_are_missed_unfreeze_nothing_and_move_nothing_back() {
    let fixture = live("within = \"300ms\"\nhold = \"1s\"");
    let done = roll_back(&fixture).code(1);
    assert!(done.stdout.contains("recovery=missed"), "{}", done.stdout);
    assert!(
        done.stdout.contains("errors: not recovered at 0.009; look for a cause outside"),
        "{}",
        done.stdout
    );
    assert_eq!(done.json()["verdict"], "red");
    assert_eq!(fixture.latest(), digests(ONE));
    assert!(!fixture.path("unfrozen").exists());
    // What cannot be measured has not recovered either.
    std::fs::remove_file(fixture.path("errors")).unwrap();
    let done = roll_back(&fixture).code(1);
    assert!(done.stdout.contains("errors: could not be measured"), "{}", done.stdout);
}

#[test]
fn a_signal_during_the_watch_leaves_the_move() {
    let fixture = live("within = \"1m\"\nhold = \"1m\"");
    let child = fixture.run("rollback-latest").args([ONE, "--watch", "soak.toml"]).spawn();
    while fixture.latest() != digests(ONE) {
        std::thread::yield_now();
    }
    super::pause(500);
    send_signal(child.id(), "-TERM");
    let done = Done::of(child, fixture.path("result.json")).code(143);
    assert!(done.stdout.contains("recovery=stopped"), "{}", done.stdout);
    assert_eq!(fixture.latest(), digests(ONE));
    assert!(!fixture.path("unfrozen").exists());
}

#[test]
fn a_file_that_says_nothing_of_recovery_is_told_before_anything_moves() {
    let fixture = live("within = \"1m\"\nhold = \"1m\"");
    let text = std::fs::read_to_string(fixture.path("soak.toml")).unwrap();
    let moved = |text: &str, words: &str| {
        std::fs::write(fixture.path("soak.toml"), text).unwrap();
        roll_back(&fixture).code(2).tells(&[words]);
        assert_eq!(fixture.latest(), digests(TWO));
    };
    moved(text.split("[recovery]").next().unwrap(), "has no `[recovery]`");
    moved(&text.replace("metric = \"errors\"", "metric = \"error\""), "did you mean `errors`?");
    moved(&text.replace("hold =", "holt ="), "did you mean `hold`?");
}
