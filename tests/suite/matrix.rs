//! The fault matrix: every request of every operation, broken in every way.
//!
//! The full run plays all of it. Otherwise the matrix is thinned, always in the same way: a fixed share of the cases is
//! played, a smaller one of those that have to be waited for. Every fault and every operation is in it.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::faults::{Breakage, Case, Extent};
use crate::support::invariants::{Played, play};
use crate::support::is_full;
use crate::support::scenario::{Operation, Scenario, run_bounded};

/// Cases that pass after a try or two, at once: they wait for half a second and compute for a tenth.
const QUICK_AT_ONCE: usize = 12;
/// Cases that mostly wait, at once.
const SLOW_AT_ONCE: usize = 32;

/// Requests of an unbroken run, and which of them is the first that writes what the operation is about.
fn measure(operation: Operation) -> (u64, u64) {
    let scenario = Scenario::new(operation);
    let done =
        run_bounded(scenario.command("60s"), scenario.fixture.folder.path()).expect("an unbroken run ends");
    if operation == Operation::RollbackPart {
        assert_eq!(done.code, 1, "{}", done.stderr);
        return (scenario.fixture.registry.log().len() as u64, u64::MAX);
    }
    assert_eq!(done.code, 0, "{}", done.stderr);
    let log = scenario.fixture.registry.log();
    let tag = if operation == Operation::Publish { "staging-" } else { "latest" };
    let written = |seen: &&coalmine_sandbox::registry::Seen| {
        seen.method == "PUT" && seen.reference.as_deref().is_some_and(|reference| reference.starts_with(tag))
    };
    let first = log.iter().find(written).expect("a write").index;
    (log.len() as u64, first)
}

/// Whether a case takes much longer than its requests: what it meets does not pass.
fn is_slow(case: &Case) -> bool {
    case.extent == Extent::On && case.breakage.is_waited_for()
}

/// The cases, the slow ones apart. `whole`: all of them.
fn cases(whole: bool) -> [Vec<Case>; 2] {
    let (mut slow, mut quick) = (Vec::new(), Vec::new());
    let mut number = 0_u64;
    // Those with other sets of images have mostly the requests of the others: only the full run plays them.
    let sets = Operation::SETS.into_iter().filter(|_| whole);
    for operation in Operation::ALL.into_iter().chain(sets) {
        let (last, written) = measure(operation);
        for breakage in Breakage::ALL {
            for extent in [Extent::Once, Extent::On] {
                // One more than there are: a fault may make the run longer.
                for k in 1..=last + 1 {
                    let case = Case { operation, breakage, extent, k };
                    number += 1;
                    let share = match (is_slow(&case), k >= written) {
                        (false, _) => QUICK_SHARE,
                        (true, false) => SLOW_SHARE,
                        (true, true) => SLOWEST_SHARE,
                    };
                    if !whole && !number.is_multiple_of(share) {
                        continue;
                    }
                    if is_slow(&case) { slow.push(case) } else { quick.push(case) }
                }
            }
        }
    }
    [slow, quick]
}

/// Of the thinned matrix: one of so many cases that pass at once, that end with the deadline, that end when putting
/// back gives up. Primes, so that every request and every fault gets its turn.
const QUICK_SHARE: u64 = 23;
const SLOW_SHARE: u64 = 41;
const SLOWEST_SHARE: u64 = 113;

/// Plays `cases` on `threads` threads, each with scenarios of its own.
fn play_all(cases: &[Case], threads: usize) -> Vec<(Case, Played)> {
    let (next, played) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..threads.min(cases.len()) {
            scope.spawn(|| {
                let mut scenarios: BTreeMap<Operation, Scenario> = BTreeMap::new();
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let scenario =
                        scenarios.entry(case.operation).or_insert_with(|| Scenario::new(case.operation));
                    let result = play(scenario, case);
                    played.lock().expect("no thread panicked").push((*case, result));
                }
            });
        }
    });
    played.into_inner().expect("no thread panicked")
}

/// Fault x operation x number of cases, and how they ended. As it stands in docs/reliability.md.
fn table(played: &[(Case, Played)]) -> String {
    let operations = || Operation::ALL.into_iter().chain(Operation::SETS);
    let names: Vec<String> = operations().map(|operation| format!("{:>16}", operation.name())).collect();
    let mut text =
        format!("| {:<21} | {} |\n|---|{}\n", "fault", names.join(" | "), "---:|".repeat(names.len()));
    let mut row = |name: &str, counts: &dyn Fn(&Case, &Played) -> bool| {
        let cells = operations().map(|operation| {
            let of = played.iter().filter(|(case, ended)| case.operation == operation && counts(case, ended));
            format!("{:>16}", of.count())
        });
        let cells: Vec<String> = cells.collect();
        text.push_str(&format!("| {name:<21} | {} |\n", cells.join(" | ")));
    };
    for breakage in Breakage::ALL {
        row(breakage.name(), &|case, _| case.breakage == breakage);
    }
    row("all", &|_, _| true);
    for code in [0, 1, 4] {
        row(&format!("ended with {code}"), &|_, ended| ended.code == code);
    }
    row("violations", &|_, ended| !ended.violations.is_empty());
    text
}

/// What the documents say of the last full run is about the faults that there are.
#[test]
fn the_table_of_the_last_full_run_has_every_fault_and_no_violation() {
    let page = include_str!("../../docs/reliability.md");
    let row = |name: &str| {
        let found = page.lines().find(|line| line.strip_prefix("| ").is_some_and(|l| l.starts_with(name)));
        found
            .unwrap_or_else(|| panic!("no row `{name}`"))
            .split('|')
            .skip(2)
            .map(str::trim)
            .collect::<Vec<_>>()
    };
    for breakage in Breakage::ALL {
        assert!(row(breakage.name()).iter().take(Operation::ALL.len()).all(|cell| *cell != "0"));
    }
    assert_eq!(row("violations")[..Operation::ALL.len()], ["0"; Operation::ALL.len()]);
}

#[test]
fn no_fault_at_any_request_makes_an_exit_code_lie_or_leaves_what_cannot_be_repaired() {
    let [slow, quick] = cases(is_full());
    let (slow, quick) = std::thread::scope(|scope| {
        let slow = scope.spawn(|| play_all(&slow, SLOW_AT_ONCE));
        let quick = scope.spawn(|| play_all(&quick, QUICK_AT_ONCE));
        (slow.join().expect("no thread panicked"), quick.join().expect("no thread panicked"))
    });
    let played: Vec<(Case, Played)> = slow.into_iter().chain(quick).collect();
    let violated: Vec<&(Case, Played)> = played.iter().filter(|(_, p)| !p.violations.is_empty()).collect();
    let mut out = std::io::stderr();
    let _ = writeln!(out, "{}\n{} cases, {} violations", table(&played), played.len(), violated.len());
    let told: Vec<String> = violated
        .iter()
        .map(|(case, played)| format!("{case:?}\n  {}", played.violations.join("\n  ")))
        .collect();
    assert!(told.is_empty(), "{}", told.join("\n\n"));
}
