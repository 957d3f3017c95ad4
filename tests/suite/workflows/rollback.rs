//! rollback-latest.yml, run: its real scripts against the sandbox.

use std::fs;

use serde_json::{Value, json};

use super::ROLLBACK;
use crate::support::ONE;
use crate::support::caller::{ALL, Caller, ended, programs};
use crate::support::workflow::read;

#[test]
fn the_rollback_goes_to_the_previous_release_and_to_a_named_one() {
    let Some(programs) = programs() else { return };
    let caller = Caller::new(None);
    ended(&caller.release(&programs), ALL);
    let file = read(ROLLBACK);
    let roll_back = |inputs: Value| {
        let folder = caller.fixture.path("job-rollback");
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
        caller.run(&file, &programs, inputs, Vec::new(), &|_| ()).remove("rollback").unwrap()
    };
    let reason = "--no-hold $(touch pwned) `id` \"";
    let dry = roll_back(json!({ "reason": reason, "dry-run": true }));
    assert_eq!((dry.result.as_str(), caller.moved()), ("success", true), "{}", dry.log);
    let named = roll_back(json!({ "reason": reason, "sha": &ONE[..7] }));
    assert_eq!((named.result.as_str(), caller.unmoved()), ("success", true), "{}", named.log);
    assert!(named.log.contains("held"), "a reason is no option: {}", named.log);
    assert_eq!(named.outputs["sha"], ONE);
    let again = roll_back(
        json!({ "reason": reason, "images": caller.fixture.repositories().join("\n"), "config": "none.toml" }),
    );
    assert_eq!((again.result.as_str(), caller.unmoved()), ("success", true), "{}", again.log);
    let wrong = roll_back(json!({ "reason": reason, "sha": "--list" }));
    assert_eq!(wrong.result, "failure");
}

#[test]
fn a_rollback_shows_in_the_deployments_and_in_an_issue_if_that_is_asked_for() {
    let Some(programs) = programs() else { return };
    let caller = Caller::new(None);
    ended(&caller.release(&programs), ALL);
    let mut file = read(ROLLBACK);
    // A runner has a token; here it is empty unless a test needs it.
    file["jobs"]["rollback"]["steps"][2]["env"]["GITHUB_TOKEN"] = json!("token-of-the-run-0123456789");
    let inputs = json!({ "reason": "it lost mail", "sha": ONE, "open-issue": true });
    let jobs = caller.run(&file, &programs, inputs, Vec::new(), &|_| ());
    assert_eq!(jobs["rollback"].result, "success", "{}", jobs["rollback"].log);
    assert_eq!(jobs["deployment"].result, "success", "{}", jobs["deployment"].log);
    // The first one is of the promotion.
    let deployments = caller.github.deployments();
    assert_eq!(
        (&deployments[1]["ref"], &deployments[1]["environment"], &deployments[1]["state"]),
        (&json!(ONE), &json!("production"), &json!("success"))
    );
    assert_eq!((deployments.len(), caller.github.issues().len()), (2, 1));
    let kept = jobs["rollback"].artifacts.join("");
    assert!(kept.ends_with("/caller/post-mortem-*.md"), "{kept}");
    assert!(jobs["rollback"].summary.contains("<details><summary>Post-mortem draft</summary>"));
}

#[test]
fn a_deployment_that_cannot_be_recorded_is_a_warning() {
    let Some(programs) = programs() else { return };
    let caller = Caller::new(None);
    ended(&caller.release(&programs), ALL);
    caller.github.refuse();
    let inputs = json!({ "reason": "it lost mail", "sha": ONE });
    let jobs = caller.run(&read(ROLLBACK), &programs, inputs, Vec::new(), &|_| ());
    let deployment = &jobs["deployment"];
    assert_eq!((deployment.result.as_str(), caller.unmoved()), ("success", true), "{}", deployment.log);
    assert!(deployment.log.contains("::warning "), "{}", deployment.log);
}
