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
