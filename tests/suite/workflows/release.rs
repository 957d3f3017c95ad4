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
    caller.forget_jobs();
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
    assert_eq!(jobs["smoke"].outputs["verdict"], "red");
    // It stands on the release, written by a job that saw no token; without names or URLs of tenants.
    assert_eq!(jobs["record"].result, "success", "{}", jobs["record"].log);
    assert!(!jobs["smoke"].outputs["evidence"].contains("http"));
    let images = caller.fixture.repositories().join(",");
    let done =
        caller.fixture.run("release-status").arg("candidates").env("RELEASE_IMAGES", &images).run().code(0);
    assert!(done.stdout.contains("canary-smoke red"), "{}", done.stdout);
    caller.keeps_its_tokens(&jobs);
}

#[test]
fn a_release_that_is_overtaken_is_told_apart_from_a_bad_one() {
    let Some(programs) = programs() else { return };
    // Every tenant goes on to a newer build after its fourth answer, in the middle of the smoke.
    let caller = Caller::new(Some("changes-mid-run=4"));
    let jobs = caller.release(&programs);
    ended(&jobs, STOPPED_AT_SMOKE);
    assert!(caller.unmoved());
    let smoke = &jobs["smoke"];
    assert_eq!(
        (smoke.outputs["verdict"].as_str(), smoke.outputs["reason"].as_str()),
        ("inconclusive", "superseded"),
        "{}",
        smoke.log
    );
    assert!(smoke.summary.contains("superseded: the tenants went on to"), "{}", smoke.summary);
    assert!(jobs["gate"].log.contains("::notice title=superseded::"), "{}", jobs["gate"].log);
}

#[test]
fn a_release_whose_tenants_run_a_newer_one_already_is_superseded_by_its_record() {
    let Some(programs) = programs() else { return };
    let caller = Caller::new(Some(&format!("old-build-forever={TWO}")));
    let newer = |job: &str| {
        if job == "record" {
            let images = caller.fixture.repositories();
            let named = images.iter().zip(release(TWO)).map(|(image, built)| {
                caller.fixture.registry.push(image.split_once('/').unwrap().1, "build", &built).unwrap();
                format!("--image={image}={}", built.digest())
            });
            caller.fixture.run("publish-staging").arg(TWO).args(named).run().code(0);
        }
    };
    let inputs = json!({ "images": caller.images() });
    let jobs = caller.run(&read(RELEASE), &programs, inputs, caller.secrets(), &newer);
    ended(&jobs, STOPPED_AT_SMOKE);
    assert_eq!(jobs["smoke"].outputs["reason"], "");
    assert_eq!(jobs["record"].outputs["reason"], "superseded", "{}", jobs["record"].log);
    assert!(jobs["gate"].log.contains("::notice title=superseded::"), "{}", jobs["gate"].log);
}

#[test]
fn a_promotion_that_is_refused_leaves_its_evidence_on_the_release() {
    let Some(programs) = programs() else { return };
    let caller = Caller::new(None);
    caller.fixture.stage(TWO);
    let held = |job: &str| {
        if job == "promote" {
            let images = caller.fixture.repositories().join(",");
            let rollback = caller.fixture.run("rollback-latest").env("RELEASE_IMAGES", &images);
            rollback.args([TWO, "--reason", "it lost mail"]).run().code(0);
        }
    };
    let inputs = json!({ "images": caller.images() });
    let jobs = caller.run(&read(RELEASE), &programs, inputs, caller.secrets(), &held);
    ended(&jobs, STOPPED_AT_PROMOTE);
    assert!(jobs["promote"].log.contains("it lost mail"), "{}", jobs["promote"].log);
    assert!(jobs["promote"].summary.contains("hint: "), "{}", jobs["promote"].summary);
    assert_eq!((jobs["record"].result.as_str(), jobs["deployment"].result.as_str()), ("success", "skipped"));
    let images = caller.fixture.repositories().join(",");
    let done =
        caller.fixture.run("release-status").arg("candidates").env("RELEASE_IMAGES", &images).run().code(0);
    assert!(done.stdout.contains("canary-smoke green"), "{}", done.stdout);
}

#[test]
fn versions_beside_latest_are_written_with_it() {
    let Some(programs) = programs() else { return };
    let caller = Caller::new(None);
    let inputs = json!({ "images": caller.images(), "also-tags": "v1.4.2\nv1\n" });
    let jobs = caller.run(&read(RELEASE), &programs, inputs, caller.secrets(), &|_| ());
    ended(&jobs, ALL);
    for tag in ["v1.4.2", "v1"] {
        assert_eq!(caller.fixture.tag(tag), caller.fixture.latest(), "{tag}");
    }
    assert!(jobs["promote"].summary.contains("also tagged: v1.4.2, v1"), "{}", jobs["promote"].summary);
}

#[test]
fn a_promotion_is_a_deployment_and_its_summary_leads_to_what_changed() {
    let Some(programs) = programs() else { return };
    let caller = Caller::new(None);
    let mut file = read(RELEASE);
    // A runner has a token; here it is empty unless a test needs it.
    for (job, step) in [("promote", 1), ("deployment", 0)] {
        file["jobs"][job]["steps"][step]["env"]["GITHUB_TOKEN"] = json!("token-of-the-run-0123456789");
    }
    let jobs = caller.run(&file, &programs, json!({ "images": caller.images() }), caller.secrets(), &|_| ());
    ended(&jobs, ALL);
    let deployments = caller.github.deployments();
    assert_eq!(
        (&deployments[0]["ref"], &deployments[0]["environment"], &deployments[0]["state"]),
        (&json!(caller.sha), &json!("production"), &json!("success"))
    );
    let summary = &jobs["promote"].summary;
    let compare = format!("(https://github.com/acme/platform/compare/{ONE}...{})", caller.sha);
    for words in
        ["### \u{2714} promoted", &compare, "/actions/runs/1)", "abcdef0 what was changed", "<details>"]
    {
        assert!(summary.contains(words), "{words}: {summary}");
    }
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

#[test]
fn a_caller_names_its_runner_by_a_label_or_by_a_list_of_them() {
    let Some(programs) = programs() else { return };
    for (asked, runner) in [
        (json!("ubuntu-24.04-arm"), json!("ubuntu-24.04-arm")),
        (json!("[\"self-hosted\", \"arm64\"]"), json!(["self-hosted", "arm64"])),
    ] {
        let caller = Caller::new(None);
        let inputs = json!({ "images": caller.images(), "runs-on": asked });
        let jobs = caller.run(&read(RELEASE), &programs, inputs, caller.secrets(), &|_| ());
        ended(&jobs, ALL);
        let mut ran = jobs.values().filter(|job| job.result != "skipped");
        assert!(ran.all(|job| job.runner == runner), "{:?}", jobs["smoke"].runner);
    }
}

#[test]
fn a_suite_in_a_folder_is_shown_at_its_place_and_kept_only_if_that_is_asked_for() {
    let Some(programs) = programs() else { return };
    let mut caller = Caller::new(Some("html-login"));
    caller.commit_suite_as("ci/-smoke/suite.toml");
    let inputs = |artifacts: bool| json!({ "images": caller.images(), "suite": "ci/-smoke/suite.toml", "artifacts": artifacts });
    let jobs = caller.run(&read(RELEASE), &programs, inputs(true), caller.secrets(), &|_| ());
    ended(&jobs, STOPPED_AT_SMOKE);
    assert!(jobs["smoke"].log.contains("file=ci/-smoke/suite.toml,line="), "{}", jobs["smoke"].log);
    let kept = jobs["smoke"].artifacts.join("\n");
    for file in kept.lines().map(str::trim).filter(|line| !line.is_empty()) {
        assert!(fs::exists(file).unwrap(), "{file}");
    }
    assert!(kept.contains("verdict.json") && kept.contains("junit.xml"), "{kept}");
    caller.forget_jobs();
    let jobs = caller.run(&read(RELEASE), &programs, inputs(false), caller.secrets(), &|_| ());
    assert!(jobs["smoke"].artifacts.is_empty());
}

#[test]
fn a_sha_that_is_no_commit_reaches_no_git() {
    let Some(programs) = programs() else { return };
    let caller = Caller::new(None);
    for sha in ["--upload-pack=touch pwned", "main", "4c1d56e"] {
        let inputs = json!({ "images": caller.images(), "sha": sha });
        let jobs = caller.run(&read(RELEASE), &programs, inputs, caller.secrets(), &|_| ());
        assert_eq!(jobs["publish"].result, "failure");
        assert!(jobs["publish"].log.contains("is not a whole commit"), "{}", jobs["publish"].log);
        caller.forget_jobs();
    }
}

#[test]
fn the_name_of_the_user_who_pushes_hides_no_output() {
    let Some(programs) = programs() else { return };
    let caller = Caller::new(None);
    let inputs = json!({ "images": caller.images(), "registry-username": "acme" });
    let mut secrets = caller.secrets();
    secrets.push(("REGISTRY_PASSWORD", "pass-0123456789".to_owned()));
    let jobs = caller.run(&read(RELEASE), &programs, inputs, secrets, &|_| ());
    ended(&jobs, ALL);
    assert!(jobs["publish"].outputs["digests"].contains("acme/platform"));
}
