//! canary-release.yml, run: its real scripts in its own order, against the sandbox. `:latest` moves in the green case only.

use std::fs;

use coalmine_sandbox::registry::Fault;
use coalmine_sandbox::{Tenant, When};
use serde_json::{Map, Value, json};

use super::RELEASE;
use crate::support::caller::{ALL, Caller, STOPPED_AT_PROMOTE, STOPPED_AT_SMOKE, ended, programs};
use crate::support::workflow::read;
use crate::support::{IMAGES, ONE, TWO, release};

#[test]
fn a_green_release_moves_latest_of_all_images() {
    let Some(programs) = programs() else { return };
    let caller = Caller::new(None);
    let jobs = caller.release(&programs);
    ended(&jobs, ALL);
    assert!(caller.moved());
    assert_eq!(jobs["smoke"].outputs["verdict"], "green");
    let digests: Map<String, Value> = serde_json::from_str(&jobs["publish"].outputs["digests"]).unwrap();
    let moved: Value = serde_json::from_str(&jobs["promote"].outputs["moved"]).unwrap();
    for (repository, digest) in &digests {
        assert_eq!(moved[repository]["to"], *digest, "{moved}");
    }
    assert_eq!(digests.len(), 2);
    // No name of a tenant reaches an output: the runner would drop it.
    assert!(!jobs["smoke"].outputs["evidence"].contains("http"), "{}", jobs["smoke"].outputs["evidence"]);
    // Each token is masked as a word, whatever the secret looked like.
    assert!(caller.tenants.iter().all(|tenant| jobs["smoke"].masks.contains(&tenant.token().to_owned())));
    caller.keeps_its_tokens(&jobs);
}

#[test]
fn a_second_run_of_the_same_release_is_green_and_moves_nothing() {
    let Some(programs) = programs() else { return };
    let caller = Caller::new(None);
    ended(&caller.release(&programs), ALL);
    fs::read_dir(caller.fixture.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("job-"))
        .for_each(|path| fs::remove_dir_all(path).unwrap());
    let jobs = caller.release(&programs);
    ended(&jobs, ALL);
    assert!(caller.moved() && jobs["promote"].log.contains("already"), "{}", jobs["promote"].log);
}

#[test]
fn a_red_smoke_stops_the_release() {
    let Some(programs) = programs() else { return };
    let caller = Caller::new(Some("html-login"));
    let jobs = caller.release(&programs);
    ended(&jobs, STOPPED_AT_SMOKE);
    assert!(caller.unmoved());
    assert_eq!(
        (jobs["smoke"].outputs["verdict"].as_str(), jobs["smoke"].outputs["evidence"].as_str()),
        ("red", "")
    );
    caller.keeps_its_tokens(&jobs);
}

#[test]
fn tenants_that_never_take_the_build_are_inconclusive_and_stop_the_release() {
    let Some(programs) = programs() else { return };
    let caller = Caller::new(Some(&format!("old-build-forever={ONE}")));
    let jobs = caller.release(&programs);
    ended(&jobs, STOPPED_AT_SMOKE);
    assert!(caller.unmoved());
    assert_eq!(jobs["smoke"].outputs["verdict"], "inconclusive");
}

#[test]
fn missing_secrets_stop_the_release_loudly() {
    let Some(programs) = programs() else { return };
    let caller = Caller::new(None);
    let inputs = json!({ "images": caller.images() });
    let jobs = caller.run(&read(RELEASE), &programs, inputs, Vec::new(), &|_| ());
    ended(&jobs, STOPPED_AT_SMOKE);
    assert!(caller.unmoved());
    assert_eq!(jobs["smoke"].outputs["verdict"], "error");
    assert!(jobs["smoke"].log.contains("CANARY_TENANT_URLS"), "{}", jobs["smoke"].log);
}

#[test]
fn a_list_of_tenants_on_one_line_is_as_good_and_masked_word_by_word() {
    let Some(programs) = programs() else { return };
    let caller = Caller::new(None);
    let secrets =
        caller.secrets().into_iter().map(|(name, value)| (name, value.replace('\n', " "))).collect();
    let inputs = json!({ "images": caller.images() });
    let jobs = caller.run(&read(RELEASE), &programs, inputs, secrets, &|_| ());
    ended(&jobs, ALL);
    assert!(caller.moved());
    assert!(caller.tenants.iter().all(|tenant| jobs["smoke"].masks.contains(&tenant.token().to_owned())));
}

#[test]
fn a_digest_that_is_swapped_between_smoke_and_promote_is_not_promoted() {
    let Some(programs) = programs() else { return };
    let caller = Caller::new(None);
    caller.fixture.stage(TWO);
    let swap = |job: &str| {
        if job == "promote" {
            let other = release(TWO)[0].digest().to_owned();
            caller.fixture.registry.move_tag(IMAGES[0], &format!("staging-{}", caller.sha), &other).unwrap();
        }
    };
    let inputs = json!({ "images": caller.images() });
    let jobs = caller.run(&read(RELEASE), &programs, inputs, caller.secrets(), &swap);
    ended(&jobs, STOPPED_AT_PROMOTE);
    assert!(caller.unmoved());
}

#[test]
fn the_first_image_goes_back_where_the_second_one_fails() {
    let Some(programs) = programs() else { return };
    let caller = Caller::new(None);
    let second = When::any().method("PUT").repository(IMAGES[1]).reference("latest");
    caller.fixture.registry.rule(second.then(Fault::status(500)));
    let jobs = caller.release(&programs);
    ended(&jobs, STOPPED_AT_PROMOTE);
    assert!(caller.unmoved());
    assert_eq!(
        (jobs["promote"].outputs["verdict"].as_str(), jobs["promote"].outputs["moved"].as_str()),
        ("red", "")
    );
}

#[test]
fn hostile_answers_give_the_runner_no_command() {
    let Some(programs) = programs() else { return };
    for fault in ["workflow-commands", "echo-token-in-error", "ansi"] {
        let caller = Caller::new(Some(fault));
        let jobs = caller.release(&programs);
        ended(&jobs, STOPPED_AT_SMOKE);
        assert!(caller.unmoved());
        let smoke = &jobs["smoke"];
        assert_eq!(smoke.outputs["verdict"], "red", "{fault}");
        // The only masks are the tokens: a letter that a tenant asks for would hide half of the log.
        let tokens: Vec<&str> = caller.tenants.iter().map(Tenant::token).collect();
        assert!(smoke.masks.iter().all(|mask| tokens.contains(&mask.as_str())), "{:?}", smoke.masks);
        assert!(!smoke.log.contains('\u{1b}') && !smoke.log.contains("##["), "{}", smoke.log);
        caller.keeps_its_tokens(&jobs);
    }
}

#[test]
fn in_a_merge_queue_all_is_proven_and_nothing_moves() {
    let Some(programs) = programs() else { return };
    let caller = Caller::new(None);
    let inputs = json!({ "images": caller.images(), "promote": false });
    let jobs = caller.run(&read(RELEASE), &programs, inputs, caller.secrets(), &|_| ());
    ended(&jobs, ["success", "success", "skipped", "success"]);
    assert!(caller.unmoved());
}

#[test]
fn an_image_that_was_never_pushed_ends_the_release_at_once() {
    let Some(programs) = programs() else { return };
    let caller = Caller::new(None);
    let inputs =
        json!({ "images": format!("{}={}", caller.fixture.repositories()[0], release(TWO)[0].digest()) });
    let jobs = caller.run(&read(RELEASE), &programs, inputs, caller.secrets(), &|_| ());
    ended(&jobs, ["failure", "skipped", "skipped", "failure"]);
    assert!(caller.unmoved());
}

#[test]
fn without_its_condition_promote_still_finds_no_evidence() {
    let Some(programs) = programs() else { return };
    let caller = Caller::new(Some("html-login"));
    let mut file = read(RELEASE);
    file["jobs"]["promote"]["if"] = json!("${{ always() }}");
    let jobs = caller.run(&file, &programs, json!({ "images": caller.images() }), caller.secrets(), &|_| ());
    ended(&jobs, ["success", "failure", "failure", "failure"]);
    assert!(caller.unmoved());
}
