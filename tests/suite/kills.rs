//! Ended from outside at every request: killed, interrupted, terminated.

use std::io::Write as _;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::invariants::{after_again, discreet, history, latest, remembered};
use crate::support::scenario::{Operation, Scenario};
use crate::support::{Done, is_full};
use coalmine::io::clock;
use coalmine_sandbox::{Action, Fault, When};

/// A cancelled GitHub job is killed 7.5 s after its SIGINT (actions/runner).
const CANCELLED: Duration = Duration::from_secs(7);
const AT_ONCE: usize = 4;

/// What happens to the request during which the process is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Applied,
    Lost,
    NeverAnswered,
}

/// One run that is ended at request `k`.
#[derive(Clone, Copy, Debug)]
struct End {
    operation: Operation,
    signal: &'static str,
    fate: Fate,
    k: u64,
}

/// Runs the operation and ends it at its request `k`. How long it lived on, and what it said.
fn end(scenario: &Scenario, end: End) -> (Done, Duration) {
    scenario.reset();
    let pid = Arc::new(AtomicU32::new(0));
    let (known, signal) = (Arc::clone(&pid), end.signal);
    let kill = Action::custom(move |_| {
        let known = Arc::clone(&known);
        async move {
            // The first request may come before the test knows the number.
            while known.load(Ordering::SeqCst) == 0 {
                clock::sleep(Duration::from_millis(1)).await;
            }
            let pid = known.load(Ordering::SeqCst).to_string();
            let _ = Command::new("kill").args([signal, &pid]).status();
            clock::sleep(Duration::from_millis(20)).await;
        }
    });
    let at = || When::any().overall_nth(end.k);
    scenario.fixture.registry.rule(at().then(Fault::Before(kill)));
    match end.fate {
        Fate::Applied => {}
        Fate::Lost => drop(scenario.fixture.registry.rule(at().then(Fault::CutBefore))),
        Fate::NeverAnswered => {
            scenario.fixture.registry.rule(at().then(Fault::Hang(None)));
        }
    }
    let child = scenario.command("20s").spawn();
    pid.store(child.id(), Ordering::SeqCst);
    while (scenario.fixture.registry.log().len() as u64) < end.k && !has_ended(child.id()) {
        std::thread::park_timeout(Duration::from_millis(1));
    }
    let began = clock::instant();
    let done = Done::of(child, scenario.fixture.path("result.json"));
    scenario.fixture.registry.clear_rules();
    (done, clock::instant() - began)
}

/// Whether a child that nobody has waited for is a zombie.
fn has_ended(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('Z'))
}

fn requests(operation: Operation) -> u64 {
    let scenario = Scenario::new(operation);
    scenario.command("20s").run().code(0);
    scenario.fixture.registry.log().len() as u64
}

/// Plays `ends` on several threads; every scenario serves one operation.
fn all(ends: &[End], check: impl Fn(&Scenario, End) -> Vec<String> + Sync) {
    let (next, broken) = (AtomicUsize::new(0), std::sync::Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                let mut scenarios = std::collections::BTreeMap::new();
                while let Some(end) = ends.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let scenario =
                        scenarios.entry(end.operation).or_insert_with(|| Scenario::new(end.operation));
                    let found = check(scenario, *end);
                    if !found.is_empty() {
                        broken.lock().unwrap().push(format!("{end:?}\n  {}", found.join("\n  ")));
                    }
                }
            });
        }
    });
    let broken = broken.into_inner().unwrap();
    let _ =
        writeln!(std::io::stderr(), "{} runs ended from outside, {} violations", ends.len(), broken.len());
    assert!(broken.is_empty(), "of {} runs {}:\n{}", ends.len(), broken.len(), broken.join("\n"));
}

/// One of so many requests is played; all of them in the full run. Neither 2 nor 3 divides it, so that every signal and
/// every fate gets its turn.
fn share() -> usize {
    if is_full() { 1 } else { 5 }
}

const MOVES: [Operation; 4] =
    [Operation::Promote, Operation::PromoteByTags, Operation::Rollback, Operation::RollbackByTags];

#[test]
fn killed_at_any_request_the_same_command_again_finishes_and_tells_the_history_once() {
    let mut ends = Vec::new();
    for operation in MOVES {
        for k in (1..=requests(operation)).step_by(share()) {
            let fate = if k % 2 == 0 { Fate::Applied } else { Fate::Lost };
            ends.push(End { operation, signal: "-KILL", fate, k });
        }
    }
    all(&ends, |scenario, case| {
        let (done, _) = end(scenario, case);
        let mut broken = after_again(scenario, done.code, false);
        let standing = latest(scenario) == scenario.digests(case.operation.wanted());
        broken.extend((!standing).then(|| format!("latest is {:?}", latest(scenario))));
        if matches!(case.operation, Operation::Promote | Operation::PromoteByTags) {
            broken.extend(leads_back(scenario, case));
        }
        broken
    });
}

/// "Previous" is what was live before the promotion, for every image, however often it was begun.
fn leads_back(scenario: &Scenario, case: End) -> Option<String> {
    let back = scenario.program("rollback-latest").arg("--previous").run();
    let there = latest(scenario) == scenario.digests(case.operation.before());
    (back.code != 0 || !there)
        .then(|| format!("--previous: exit {}\n{}{}", back.code, back.stdout, back.stderr))
}

#[test]
fn interrupted_at_any_request_it_has_put_back_or_finished_within_seven_seconds() {
    let mut ends = Vec::new();
    for operation in MOVES.into_iter().chain([Operation::Publish]) {
        for k in (1..=requests(operation)).step_by(share()) {
            let signal = if k % 2 == 0 { "-INT" } else { "-TERM" };
            let fate = [Fate::Applied, Fate::NeverAnswered, Fate::Lost][(k % 3) as usize];
            ends.push(End { operation, signal, fate, k });
        }
    }
    all(&ends, |scenario, case| {
        let (done, took) = end(scenario, case);
        let mut broken = discreet(&done);
        let wanted_code = if case.signal == "-INT" { 130 } else { 143 };
        let (before, wanted) =
            (scenario.digests(case.operation.before()), scenario.digests(case.operation.wanted()));
        let now = latest(scenario);
        match done.code {
            0 if case.operation == Operation::Publish || now == wanted => {}
            code if code == wanted_code && now == before => {}
            code => broken.push(format!("exit {code}, latest is {now:?}\n{}{}", done.stdout, done.stderr)),
        }
        if took > CANCELLED {
            broken.push(format!("it took {took:?}\n{}", done.stderr));
        }
        broken.extend(remembered(scenario, &done));
        broken.extend(history(scenario).0);
        broken.extend(after_again(scenario, done.code, false));
        broken
    });
}
