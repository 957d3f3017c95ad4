//! merge-gate.yml and release-status.yml, run: their real scripts against the sandbox.

use serde_json::{Value, json};

use super::{GATE, STATUS};
use crate::support::caller::{ALL, Caller, ended, programs};
use crate::support::runner::Job;
use crate::support::workflow::read;
use crate::support::{IMAGES, ONE, TWO};

/// Runs the one job of `file` that its inputs select.
fn press(caller: &Caller, file: &str, programs: &std::path::Path, inputs: Value) -> Job {
    caller.forget_jobs();
    let jobs = caller.run(&read(file), programs, inputs, Vec::new(), &|_| ());
    let mut run = jobs.into_values().filter(|job| job.result != "skipped");
    let job = run.next().expect("a job runs");
    assert!(run.next().is_none(), "one job runs");
    job
}

#[test]
fn a_pull_request_is_stopped_by_what_is_broken_and_not_by_a_hold() {
    let Some(programs) = programs() else { return };
    let caller = Caller::new(None);
    let gate = || press(&caller, GATE, &programs, json!({}));
    ended(&caller.release(&programs), ALL);
    assert_eq!(gate().result, "success");
    let back = press(
        &caller,
        ".github/workflows/rollback-latest.yml",
        &programs,
        json!({ "reason": "it lost mail", "sha": ONE, "deployment-environment": "" }),
    );
    assert_eq!((back.result.as_str(), caller.unmoved()), ("success", true), "{}", back.log);
    let held = gate();
    assert_eq!(held.result, "success", "{}", held.log);
    assert!(held.log.contains("::notice ") && held.log.contains("it lost mail"), "{}", held.log);
    caller.fixture.stage(TWO);
    let other = crate::support::single(TWO);
    caller.fixture.registry.move_tag(IMAGES[0], "latest", other.digest()).unwrap();
    assert_eq!(gate().result, "failure");
}

#[test]
fn before_the_first_release_a_pull_request_may_be_merged() {
    let Some(programs) = programs() else { return };
    let caller = Caller::new(None);
    IMAGES.iter().for_each(|image| caller.fixture.registry.delete_tag(image, "latest").unwrap());
    let gate = press(&caller, GATE, &programs, json!({}));
    assert_eq!(gate.result, "success", "{}", gate.log);
    assert!(gate.log.contains("no image has the tag latest yet"), "{}", gate.log);
}

#[test]
fn the_buttons_show_examine_and_resume() {
    let Some(programs) = programs() else { return };
    let caller = Caller::new(None);
    ended(&caller.release(&programs), ALL);
    let button = |inputs: Value| press(&caller, STATUS, &programs, inputs);
    for (command, words) in
        [("status", "latest is"), ("history", "promotion"), ("candidates", "whole"), ("doctor", "write")]
    {
        let job = button(json!({ "command": command }));
        assert_eq!(job.result, "success", "{command}: {}", job.log);
        assert!(job.log.contains(words) && !job.summary.is_empty(), "{command}: {}", job.log);
    }
    let resumed = button(json!({ "command": "resume", "reason": "--help $(touch pwned)" }));
    assert_eq!(resumed.result, "success", "{}", resumed.log);
    assert!(resumed.log.contains("there was no hold"), "{}", resumed.log);
    assert_eq!(button(json!({ "command": "resume" })).result, "failure");
    assert_eq!(button(json!({ "command": "prune; id" })).result, "failure");
}
