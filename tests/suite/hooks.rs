//! The programs around a rollback: in order, bounded, and never in its way.

use coalmine_sandbox::registry::{Access, User};
use coalmine_sandbox::{Auth, Setup};

use crate::support::{Done, Fixture, ONE, TWO, digests};

const TOKEN: &str = "gh-token/of+the=robot-0123456789";

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
    let order = std::fs::read_to_string(fixture.path("order")).unwrap();
    let mut order: Vec<&str> = order.lines().collect();
    order[..2].sort_unstable();
    // Nothing was watched, so nothing says that deployments may go on.
    assert_eq!(order, ["capture", "freeze", "rotate-cache", "throttle"]);
    let json = done.json();
    assert_eq!(
        (json["hooks"][3]["hook"].as_str(), json["reason"].as_str()),
        (Some("throttle"), Some("a bad build"))
    );
}

#[test]
fn capture_and_freeze_run_at_the_same_time() {
    let fixture = fixture();
    let meet = |name: &str, other: &str| {
        let script = format!("touch {name}; until [ -e {other} ]; do sleep 0.02; done");
        format!("{name} = {{ run = ['sh', '-c', '{script}'], timeout = '2s' }}")
    };
    let table = [meet("capture", "freeze"), meet("freeze", "capture")].join("\n");
    let json = rollback(&fixture, &table, &[]).code(0).json();
    for (hook, name) in ["capture", "freeze"].iter().enumerate() {
        assert_eq!(
            (json["hooks"][hook]["hook"].as_str(), &json["hooks"][hook]["good"]),
            (Some(*name), &true.into())
        );
    }
}

#[test]
fn a_freeze_that_takes_longer_than_10_s_goes_on_while_the_tags_move() {
    if !crate::support::is_full() {
        return;
    }
    let fixture = fixture();
    let before = fixture.registry.log().len();
    let table = "freeze = ['sh', '-c', 'sleep 13; touch frozen']";
    let json = rollback(&fixture, table, &[]).code(0).json();
    let log = fixture.registry.log();
    let moved =
        log[before..].iter().find(|seen| seen.method == "PUT" && seen.reference.as_deref() == Some("latest"));
    let moved = moved.unwrap().arrived;
    let waited = (moved - log[before].arrived).as_secs();
    assert!((9..13).contains(&waited), "{waited}");
    assert!(fixture.path("frozen").exists() && json["hooks"][0]["good"] == true, "{json}");
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

#[test]
fn a_hook_may_write_as_much_as_it_likes_and_the_beginning_is_told() {
    let fixture = fixture();
    let table = "capture = ['sh', '-c', 'echo first words >&2; head -c 1000000 /dev/zero >&2 && touch whole']\n\
        freeze = ['sh', '-c', 'echo no such key >&2; head -c 1000000 /dev/zero >&2; exit 7']";
    let done = rollback(&fixture, table, &[]).code(0).tells(&["no such key"]);
    assert!(fixture.path("whole").exists());
    assert_eq!(done.json()["hooks"][0]["good"], true, "{}", done.stderr);
    assert!(done.stderr.len() < 10_000, "{}", done.stderr.len());
}

#[test]
#[expect(clippy::disallowed_methods, reason = "what must not happen is waited for")]
fn a_hook_that_is_late_is_killed_with_everything_that_it_started() {
    let fixture = fixture();
    let table = "capture = { run = ['sh', '-c', '(sleep 1; touch survived) & sleep 60'], timeout = '200ms' }";
    rollback(&fixture, table, &[]).code(0).tells(&["hook capture: killed: not done within 200ms"]);
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    assert!(!fixture.path("survived").exists());
}

#[test]
fn a_hook_has_ended_when_its_program_has_whoever_still_holds_its_stderr() {
    let fixture = fixture();
    let table = "capture = ['sh', '-c', 'sleep 20 & exit 0']\nfreeze = ['sh', '-c', 'sleep 20 & echo why >&2; exit 7']";
    let done =
        rollback(&fixture, table, &[]).code(0).tells(&["hook freeze: failed with exit status: 7: why"]);
    let json = done.json();
    for hook in 0..2 {
        assert!(json["hooks"][hook]["took_ms"].as_u64().unwrap() < 5_000, "{json}");
    }
}

#[test]
fn what_is_no_hook_is_shown_at_its_place_with_what_one_looks_like() {
    let fixture = fixture();
    let requests = fixture.registry.log().len();
    let done = rollback(&fixture, "capture = 'save.sh'", &[]).code(2);
    done.tells(&[
        "coalmine.toml:5:11",
        "^^^",
        "expected a hook, found the text `save.sh`",
        "write `[\"program\", \"argument\"]`",
    ]);
    assert_eq!(fixture.registry.log().len(), requests);
}

#[test]
fn a_hook_inherits_no_credential_that_it_does_not_ask_for() {
    let fixture = fixture();
    let table = "capture = ['sh', '-c', 'env > capture.env']\n\
        throttle = { run = ['sh', '-c', 'env > throttle.env'], env = ['GITHUB_TOKEN'] }";
    fixture.configure(&format!("[release]\nrecords = false\n[rollback]\n{table}\n"));
    let secrets =
        ["REGISTRY_USERNAME", "REGISTRY_PASSWORD", "GITHUB_TOKEN", "CANARY_ADMIN_TOKENS", "CANARY_TOKEN_A"];
    let program = fixture.run("rollback-latest").arg(ONE).env("COLOUR_OF_THE_DAY", "blue");
    secrets
        .iter()
        .fold(program, |program, name| program.env(name, &format!("value-of-{name}")))
        .run()
        .code(0);
    let env = |name: &str| std::fs::read_to_string(fixture.path(name)).unwrap();
    assert!(env("capture.env").contains("COLOUR_OF_THE_DAY=blue"));
    assert!(!env("capture.env").contains("value-of-"), "{}", env("capture.env"));
    let given: Vec<String> =
        env("throttle.env").lines().filter(|line| line.contains("value-of-")).map(str::to_owned).collect();
    assert_eq!(given, ["GITHUB_TOKEN=value-of-GITHUB_TOKEN"]);
}

#[test]
fn a_hook_that_tells_a_credential_is_told_without_it() {
    let access =
        Access { users: vec![User::new("robot", TOKEN).may("pull,push", "acme/*")], anonymous_pull: false };
    let fixture = Fixture::with(Setup { auth: Auth::Basic(access), ..Setup::default() });
    [ONE, TWO].iter().for_each(|sha| fixture.stage(sha));
    fixture.stand_at(TWO);
    // The quotation is cut in the middle of the token.
    let words = format!("printf '%0190d' 0 >&2; printf {TOKEN} >&2; exit 7");
    let table = format!("capture = ['sh', '-c', \"{words}\"]");
    fixture.configure(&format!("[release]\nrecords = false\n[rollback]\n{table}\n"));
    let program = fixture.run("rollback-latest").arg(ONE).args(["-vv"]).with_result();
    let done = program.env("REGISTRY_USERNAME", "robot").env("REGISTRY_PASSWORD", TOKEN).run().code(0);
    let all = format!("{}{}{}", done.stdout, done.stderr, done.json());
    assert!(done.stderr.contains("exit status: 7: 000"), "{}", done.stderr);
    assert!(!all.contains("gh-tok"), "{all}");
}
