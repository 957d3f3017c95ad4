//! Two images and a bundle are one release: code and prompts are never apart.
//!
//! A share of the requests of a promotion and of a rollback is broken, or is the last one of a killed program. The
//! full run takes every request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use super::{BUNDLE, copy_example, digest_of};
use crate::support::programs::{Program, send_signal};
use crate::support::{Done, Fixture, IMAGES, ONE, TWO, is_full, release};
use coalmine::io::clock;
use coalmine_sandbox::{Action, Fault, When};

const ALL: [&str; 3] = [IMAGES[0], IMAGES[1], BUNDLE];
const AT_ONCE: usize = 6;

/// A registry with two releases of two images and a bundle; `ONE` is live.
struct Unit {
    fixture: Fixture,
    /// Digests of `ONE` and of `TWO`.
    digests: [Vec<String>; 2],
}

/// What happens at a request.
#[derive(Clone, Copy, Debug)]
enum Break {
    Lost,
    Unanswered,
    Gone,
    Killed,
}

#[derive(Clone, Copy, Debug)]
struct Case {
    promotes: bool,
    at: u64,
    how: Break,
}

impl Unit {
    fn new() -> Self {
        let fixture = Fixture::new();
        let images: Vec<String> =
            ALL.iter().map(|name| format!("{}/{name}", fixture.registry.host())).collect();
        fixture.configure(&format!("[release]\nimages = {images:?}\nrecords = false\n"));
        let folder = fixture.path("bundle");
        copy_example(&folder, false);
        let digests = [ONE, TWO].map(|sha| {
            std::fs::write(folder.join("prompts/refusal.md"), format!("No, says {sha}.\n")).unwrap();
            let mut digests: Vec<String> =
                release(sha).iter().map(|image| image.digest().to_owned()).collect();
            fixture.stage(sha);
            digests.push(digest_of(&super::publish(&fixture, sha, &folder).code(0)));
            digests
        });
        let unit = Self { fixture, digests };
        unit.reset(true);
        unit
    }

    fn latest(&self) -> Vec<String> {
        let digest = |name: &&str| self.fixture.registry.digest_of(name, "latest").unwrap_or_default();
        ALL.iter().map(digest).collect()
    }

    fn reset(&self, promotes: bool) {
        let registry = &self.fixture.registry;
        registry.clear_rules();
        for (i, name) in ALL.iter().enumerate() {
            for tag in ["latest-previous", "latest-rejected", "latest-hold"] {
                let _ = registry.delete_tag(name, tag);
            }
            registry.move_tag(name, "latest", &self.digests[usize::from(!promotes)][i]).unwrap();
        }
        registry.clear_log();
    }

    fn command(&self, promotes: bool, deadline: &str) -> Program {
        let words = if promotes { ("promote-latest", TWO) } else { ("rollback-latest", ONE) };
        Program::new(words.0, self.fixture.folder.path())
            .args([words.1, "--deadline", deadline])
            .with_result()
    }

    /// Runs the command with one request broken. What is wrong with how it ended.
    fn play(&self, case: Case) -> Vec<String> {
        self.reset(case.promotes);
        let (before, wanted) =
            (&self.digests[usize::from(!case.promotes)], &self.digests[usize::from(case.promotes)]);
        let done = self.broken(case);
        let (now, mut wrong) = (self.latest(), Vec::new());
        self.fixture.registry.clear_rules();
        match done.code {
            0 if now == *wanted => {}
            1 if now == *before => {}
            4 if done.json()["repair"].as_array().is_some_and(|repair| !repair.is_empty()) => {}
            -1 if matches!(case.how, Break::Killed) => {}
            code => wrong.push(format!("exit {code}, {now:?}\n{}", done.stderr)),
        }
        let again = self.command(case.promotes, "60s").run();
        if again.code != 0 || self.latest() != *wanted {
            wrong.push(format!("the second run: exit {}, {:?}\n{}", again.code, self.latest(), again.stderr));
        }
        wrong
    }

    fn broken(&self, case: Case) -> Done {
        let rule = |fault| {
            self.fixture.registry.rule(When::any().overall_nth(case.at).then(fault));
        };
        let pid = Arc::new(AtomicU32::new(0));
        match case.how {
            Break::Lost => rule(Fault::CutBefore),
            Break::Unanswered => rule(Fault::CutAfter),
            Break::Gone => {
                let on = When::any().overall_nth_on(case.at).then(Fault::status(500));
                self.fixture.registry.rule(on);
            }
            Break::Killed => {
                let known = Arc::clone(&pid);
                rule(Fault::Before(Action::custom(move |_| {
                    let known = Arc::clone(&known);
                    async move {
                        while known.load(Ordering::SeqCst) == 0 {
                            clock::sleep(Duration::from_millis(1)).await;
                        }
                        send_signal(known.load(Ordering::SeqCst), "-KILL");
                    }
                })));
            }
        }
        let child = self.command(case.promotes, "3s").spawn();
        pid.store(child.id(), Ordering::SeqCst);
        Done::of(child, self.fixture.path("result.json"))
    }
}

#[test]
fn no_fault_and_no_kill_leaves_code_and_prompts_apart() {
    let measured = Unit::new();
    let mut cases = Vec::new();
    for promotes in [true, false] {
        measured.reset(promotes);
        measured.command(promotes, "20s").run().code(0);
        let requests = measured.fixture.registry.log().len() as u64;
        // Putting back takes its time where the registry stays away, so that is in the full run only.
        let mut whole = vec![Break::Lost, Break::Unanswered, Break::Killed];
        whole.extend(is_full().then_some(Break::Gone));
        let every = (1..=requests)
            .flat_map(|at| whole.clone().into_iter().map(move |how| Case { promotes, at, how }));
        cases.extend(every.enumerate().filter(|(i, _)| is_full() || i % 11 == 0).map(|(_, case)| case));
    }
    let (next, wrong) = (AtomicUsize::new(0), std::sync::Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                let unit = Unit::new();
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found = unit.play(*case);
                    wrong.lock().unwrap().extend(found.into_iter().map(|found| format!("{case:?}: {found}")));
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} of {} cases\n{}", wrong.len(), cases.len(), wrong.join("\n\n"));
}

#[test]
fn a_promotion_and_a_rollback_at_once_never_leave_prompts_of_another_release_in_silence() {
    let unit = Unit::new();
    for round in 0..if is_full() { 60 } else { 3 } {
        unit.reset(true);
        for k in 1..60 {
            let delay = Duration::from_millis((k * 37 + round * 53) % 40);
            unit.fixture.registry.rule(When::any().overall_nth(k).then(Fault::Delay(delay)));
        }
        let first = unit.command(true, "20s").spawn();
        let back = unit.command(false, "20s").run();
        let first = Done::of(first, unit.fixture.path("unused"));
        let now = unit.latest();
        let whole = unit.digests.contains(&now);
        assert!(
            whole || [first.code, back.code].contains(&4),
            "round {round}: {now:?}\n{}{}",
            first.stderr,
            back.stderr
        );
    }
}
