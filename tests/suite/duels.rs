//! Two programs at once, in hundreds of interleavings: seeded delays before every request.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::invariants::{history, latest};
use crate::support::scenario::{Operation, Scenario, ZERO};
use crate::support::{Done, ONE, Program, THREE, TWO, is_full};
use coalmine::model::history::Event;
use coalmine_sandbox::{Fault, When};

/// Interleavings of each pair; twenty times as many in the full run.
const ROUNDS: u64 = 12;
const AT_ONCE: usize = 6;
/// Requests of both together that are delayed.
const DELAYED: u64 = 130;
/// Longest delay of one request.
const LONGEST_MS: u64 = 60;

/// The same numbers for the same seed (xorshift64*).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % below
    }
}

/// What one of the two does. `TWO` is live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Promotes(&'static str),
    RollsBack(&'static str),
    /// By somebody who lists the images in another order.
    RollsBackElsewhere(&'static str),
}

impl Side {
    fn program(self, scenario: &Scenario) -> Program {
        let (binary, sha) = match self {
            Self::Promotes(sha) => ("promote-latest", sha),
            Self::RollsBack(sha) | Self::RollsBackElsewhere(sha) => ("rollback-latest", sha),
        };
        let mut images = scenario.fixture.repositories();
        if matches!(self, Self::RollsBackElsewhere(_)) {
            images.reverse();
        }
        let program = scenario.program(binary).args([sha, "--deadline", "30s", "-v"]);
        let program = program.env("RELEASE_IMAGES", &images.join(","));
        if binary == "promote-latest" { program.args(["--no-require", "--allow-older"]) } else { program }
    }

    fn sha(self) -> &'static str {
        match self {
            Self::Promotes(sha) | Self::RollsBack(sha) | Self::RollsBackElsewhere(sha) => sha,
        }
    }
}

/// Starts `first`, and `second` when some requests have been seen; waits for both.
fn duel(scenario: &Scenario, seed: u64, first: Side, second: Side) -> [Done; 2] {
    scenario.reset();
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    for _ in 0..8 {
        dice.roll(2);
    }
    for k in 1..=DELAYED {
        let delay = Duration::from_millis(dice.roll(LONGEST_MS));
        scenario.fixture.registry.rule(When::any().overall_nth(k).then(Fault::Delay(delay)));
    }
    let lead = dice.roll(50) as usize;
    let mut one = first.program(scenario).spawn();
    while scenario.fixture.registry.log().len() < lead && one.try_wait().expect("a child").is_none() {
        std::thread::park_timeout(Duration::from_millis(1));
    }
    let two = second.program(scenario).spawn();
    let waiting = std::thread::spawn(move || Done::of(two, "unused".into()));
    let one = Done::of(one, "unused".into());
    [one, waiting.join().expect("the second ended")]
}

/// How a duel ended: the codes, and what is wrong with it.
type Ended = ([i32; 2], Vec<String>);

fn whole(scenario: &Scenario) -> Option<&'static str> {
    let latest = latest(scenario);
    [ZERO, ONE, TWO, THREE].into_iter().find(|sha| latest == scenario.digests(sha))
}

/// Of every pair: whoever says 0 stands there, or the other one says why not; a mix is never silent.
fn judge(scenario: &Scenario, sides: [Side; 2], done: &[Done; 2]) -> Vec<String> {
    let (codes, whole, mut broken) = (done.each_ref().map(|d| d.code), whole(scenario), Vec::new());
    if !codes.iter().all(|code| [0, 1, 4].contains(code)) {
        broken.push("a code that means nothing here".to_owned());
    }
    if whole.is_none() && !codes.contains(&4) {
        broken.push("a silent mix".to_owned());
    }
    if codes == [0, 0] && !sides.iter().any(|side| whole == Some(side.sha())) {
        broken.push("both said 0 and neither is there".to_owned());
    }
    if scenario.operation.records() {
        broken.extend(history(scenario).0);
    }
    broken
}

/// A rollback that began after a promotion wins: it says 0, stands, holds, and is the last word of the history.
fn judge_rollback(scenario: &Scenario, done: &[Done; 2]) -> Vec<String> {
    let mut broken = Vec::new();
    if done[1].code != 0 || whole(scenario) != Some(ONE) {
        broken.push("the rollback did not win".to_owned());
    }
    if done[0].code == 4 {
        broken.push("the promotion calls a won rollback a split".to_owned());
    }
    let standing = history(scenario).1.standing("latest");
    if standing.hold.is_none() {
        broken.push("nothing is held".to_owned());
    }
    if !standing.last_move.is_some_and(|entry| matches!(entry.event, Event::Rollback { .. })) {
        broken.push("the last word of the history is not the rollback".to_owned());
    }
    if scenario.fixture.tag("latest-previous") != scenario.digests(ONE) {
        broken.push(format!("previous is {:?}", scenario.fixture.tag("latest-previous")));
    }
    broken
}

fn duels(
    operation: Operation,
    sides: [Side; 2],
    judge: impl Fn(&Scenario, &[Done; 2]) -> Vec<String> + Sync,
) {
    let rounds = if is_full() { 20 * ROUNDS } else { ROUNDS };
    let (next, ended) = (AtomicUsize::new(1), Mutex::new(BTreeMap::<u64, Ended>::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                let scenario = Scenario::new(operation).with_another();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed) as u64;
                    if seed > rounds {
                        break;
                    }
                    let done = duel(&scenario, seed, sides[0], sides[1]);
                    let mut broken = judge(&scenario, &done);
                    if !broken.is_empty() {
                        broken.push(format!("latest is {:?}", whole(&scenario)));
                        broken.extend(
                            done.iter().map(|d| format!("exit {}\n{}{}", d.code, d.stdout, d.stderr)),
                        );
                    }
                    ended.lock().unwrap().insert(seed, (done.map(|d| d.code), broken));
                }
            });
        }
    });
    let ended = ended.into_inner().unwrap();
    let mut codes: BTreeMap<[i32; 2], usize> = BTreeMap::new();
    ended.values().for_each(|(pair, _)| *codes.entry(*pair).or_default() += 1);
    let broken: Vec<String> = (ended.iter().filter(|(_, (_, broken))| !broken.is_empty()))
        .map(|(seed, (_, broken))| format!("seed {seed}:\n{}", broken.join("\n")))
        .collect();
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{sides:?} {operation:?}: {codes:?}, {} violations", broken.len());
    assert!(broken.is_empty(), "{}", broken.join("\n\n"));
}

#[test]
fn a_rollback_wins_over_a_promotion_that_started_before_it() {
    let sides = [Side::Promotes(THREE), Side::RollsBack(ONE)];
    duels(Operation::Rollback, sides, |scenario, done| {
        let mut broken = judge(scenario, sides, done);
        broken.extend(judge_rollback(scenario, done));
        broken
    });
}

#[test]
fn a_rollback_by_somebody_who_lists_the_images_in_another_order_wins_too() {
    let sides = [Side::Promotes(THREE), Side::RollsBackElsewhere(ONE)];
    duels(Operation::Rollback, sides, |scenario, done| {
        let mut broken = judge(scenario, sides, done);
        broken.extend(judge_rollback(scenario, done));
        broken
    });
}

#[test]
fn by_tags_alone_a_promotion_and_a_rollback_at_once_never_leave_a_silent_mix() {
    let sides = [Side::Promotes(THREE), Side::RollsBack(ONE)];
    duels(Operation::RollbackByTags, sides, |scenario, done| judge(scenario, sides, done));
}

#[test]
fn two_promotions_at_once_never_leave_a_silent_mix() {
    let sides = [Side::Promotes(THREE), Side::Promotes(ONE)];
    duels(Operation::Rollback, sides, |scenario, done| judge(scenario, sides, done));
}

#[test]
fn of_two_promotions_by_tags_alone_the_one_that_says_0_is_live_or_the_other_says_0_too() {
    let sides = [Side::Promotes(THREE), Side::Promotes(ONE)];
    duels(Operation::RollbackByTags, sides, |scenario, done| {
        let (mut broken, live) = (judge(scenario, sides, done), whole(scenario));
        for (i, side) in sides.iter().enumerate() {
            if done[i].code == 0 && done[1 - i].code == 1 && live != Some(side.sha()) {
                broken.push(format!("{side:?} said 0 and is not live, and the other one said 1"));
            }
        }
        broken
    });
}

#[test]
fn two_rollbacks_at_once_never_leave_a_silent_mix() {
    let sides = [Side::RollsBack(ZERO), Side::RollsBackElsewhere(ONE)];
    duels(Operation::Rollback, sides, |scenario, done| {
        let mut broken = judge(scenario, sides, done);
        // Each overwrites the other's hold: whoever fails may not take away what the other one needs.
        let held = scenario.fixture.tag("latest-hold").iter().all(Option::is_some);
        if done.iter().any(|done| done.code == 0) && !held {
            broken
                .push(format!("a rollback said 0 and the hold is {:?}", scenario.fixture.tag("latest-hold")));
        }
        broken
    });
}
