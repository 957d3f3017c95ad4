//! The release workflow, played: its real scripts, in its own order, against the sandbox. `:latest` moves in the green
//! case only.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use coalmine_sandbox::registry::Fault;
use coalmine_sandbox::{Tenant, TenantFault, TenantSetup, When};
use serde_json::{Map, Value, json};

use crate::support::docker_registry::is_there;
use crate::support::runner::{Job, Workflow};
use crate::support::workflow::read;
use crate::support::{Fixture, IMAGES, ONE, TWO, digests, release};

/// A caller's repository, its images in a registry, and its canary tenants.
struct Stage {
    fixture: Fixture,
    sha: String,
    tenants: Vec<Tenant>,
}

/// The folder of the programs; nothing where what the scripts call is not installed.
fn programs() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_BIN_EXE_canary-smoke")).parent().unwrap();
    (is_there("jq") && is_there("git")).then(|| folder.to_owned())
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let done = Command::new("git")
        .args(["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .expect("git runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

impl Stage {
    /// The example repository in one commit; the images of that commit in the registry, by digest; `:latest` at `ONE`;
    /// two tenants that follow the staging tags.
    fn new(fault: Option<&str>) -> Self {
        let fixture = Fixture::new();
        fs::remove_file(fixture.path("coalmine.toml")).unwrap();
        let caller = fixture.path("caller");
        fs::create_dir(&caller).unwrap();
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples/repository");
        let suite = fs::read_to_string(example.join("smoke.toml")).unwrap();
        // The example, in a hurry.
        let hurried = suite.replace("\"10s\"\nwithin = \"7m\"", "\"50ms\"\nwithin = \"3s\"");
        assert_ne!(suite, hurried);
        fs::write(caller.join("smoke.toml"), hurried).unwrap();
        let config = fs::read_to_string(example.join("coalmine.toml")).unwrap();
        fs::write(caller.join("coalmine.toml"), config.replace("ghcr.io", &fixture.registry.host())).unwrap();
        git(&caller, &["init", "-q"]);
        git(&caller, &["add", "."]);
        git(&caller, &["commit", "-q", "-m", "a build"]);
        git(&caller, &["config", "uploadpack.allowAnySHA1InWant", "true"]);
        let sha = git(&caller, &["rev-parse", "HEAD"]);
        let redirected = format!(
            "[url \"file://{}\"]\n\tinsteadOf = https://github.com/acme/platform\n",
            caller.display()
        );
        fs::write(fixture.path("gitconfig"), redirected).unwrap();
        fixture.stage(ONE);
        fixture.stand_at(ONE);
        for (repository, image) in IMAGES.iter().zip(release(&sha)) {
            fixture.registry.push(repository, "build", &image).unwrap();
        }
        let tenant = |number: usize| {
            Tenant::start(TenantSetup {
                name: format!("canary-{number}"),
                follow: coalmine_sandbox::Follow::NewestStaging,
                registry: fixture.registry.host(),
                repository: IMAGES[0].to_owned(),
                token: format!("token-of-canary-{number}-0123456789"),
                fault: fault.map(|fault| fault.parse::<TenantFault>().unwrap()),
                every: std::time::Duration::from_millis(50),
                ..TenantSetup::default()
            })
            .unwrap()
        };
        let tenants = vec![tenant(1), tenant(2)];
        Self { fixture, sha, tenants }
    }

    fn images(&self) -> String {
        let images = self.fixture.repositories().into_iter().zip(release(&self.sha));
        images.map(|(repository, image)| format!("{repository}={}\n", image.digest())).collect()
    }

    fn secrets(&self) -> Vec<(&'static str, String)> {
        let lines = |of: fn(&Tenant) -> String| self.tenants.iter().map(of).collect::<Vec<_>>().join("\n");
        vec![
            ("CANARY_TENANT_URLS", lines(Tenant::url)),
            ("CANARY_ADMIN_TOKENS", lines(|tenant| tenant.token().to_owned())),
        ]
    }

    /// Plays a workflow file with these inputs.
    fn play(
        &self,
        file: &Value,
        programs: &Path,
        inputs: Value,
        secrets: Vec<(&str, String)>,
        before: &dyn Fn(&str),
    ) -> BTreeMap<String, Job> {
        let Value::Object(inputs) = inputs else { panic!("inputs are named") };
        Workflow {
            file,
            inputs,
            secrets,
            programs,
            folder: self.fixture.folder.path(),
            sha: &self.sha,
            gitconfig: &self.fixture.path("gitconfig"),
            before,
        }
        .run()
    }

    fn release(&self, programs: &Path) -> BTreeMap<String, Job> {
        self.play(&read(RELEASE), programs, json!({ "images": self.images() }), self.secrets(), &|_| ())
    }

    /// What `:latest` must be if nothing was moved, and what if all was.
    fn unmoved(&self) -> bool {
        self.fixture.latest() == digests(ONE)
    }

    fn moved(&self) -> bool {
        self.fixture.latest() == digests(&self.sha)
    }

    /// Nothing that anybody may read holds a token.
    fn keeps_its_tokens(&self, jobs: &BTreeMap<String, Job>) {
        for (name, job) in jobs {
            for token in self.tenants.iter().map(Tenant::token) {
                let log = job.log.lines().filter(|line| !line.starts_with("::add-mask::"));
                let seen = log.chain(job.summary.lines()).chain(job.outputs.values().map(String::as_str));
                assert!(seen.into_iter().all(|text| !text.contains(token)), "{name} shows a token");
            }
        }
    }
}

const RELEASE: &str = ".github/workflows/canary-release.yml";

/// How the jobs ended, in the order publish, smoke, promote, gate.
#[track_caller]
fn ended(jobs: &BTreeMap<String, Job>, expected: [&str; 4]) {
    let names = ["publish", "smoke", "promote", "gate"];
    let found = names.map(|name| jobs[name].result.as_str());
    let logs: String = names.iter().map(|name| format!("--- {name}\n{}\n", jobs[*name].log)).collect();
    assert_eq!(found, expected, "\n{logs}");
}

const ALL: [&str; 4] = ["success"; 4];
const STOPPED_AT_SMOKE: [&str; 4] = ["success", "failure", "skipped", "failure"];
const STOPPED_AT_PROMOTE: [&str; 4] = ["success", "success", "failure", "failure"];

#[test]
fn a_green_release_moves_latest_of_all_images() {
    let Some(programs) = programs() else { return };
    let stage = Stage::new(None);
    let jobs = stage.release(&programs);
    ended(&jobs, ALL);
    assert!(stage.moved());
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
    assert!(stage.tenants.iter().all(|tenant| jobs["smoke"].masks.contains(&tenant.token().to_owned())));
    stage.keeps_its_tokens(&jobs);
}

#[test]
fn a_second_run_of_the_same_release_is_green_and_moves_nothing() {
    let Some(programs) = programs() else { return };
    let stage = Stage::new(None);
    ended(&stage.release(&programs), ALL);
    fs::read_dir(stage.fixture.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("job-"))
        .for_each(|path| fs::remove_dir_all(path).unwrap());
    let jobs = stage.release(&programs);
    ended(&jobs, ALL);
    assert!(stage.moved() && jobs["promote"].log.contains("already"), "{}", jobs["promote"].log);
}

#[test]
fn a_red_smoke_stops_the_release() {
    let Some(programs) = programs() else { return };
    let stage = Stage::new(Some("html-login"));
    let jobs = stage.release(&programs);
    ended(&jobs, STOPPED_AT_SMOKE);
    assert!(stage.unmoved());
    assert_eq!(
        (jobs["smoke"].outputs["verdict"].as_str(), jobs["smoke"].outputs["evidence"].as_str()),
        ("red", "")
    );
    stage.keeps_its_tokens(&jobs);
}

#[test]
fn tenants_that_never_take_the_build_are_inconclusive_and_stop_the_release() {
    let Some(programs) = programs() else { return };
    let stage = Stage::new(Some(&format!("old-build-forever={ONE}")));
    let jobs = stage.release(&programs);
    ended(&jobs, STOPPED_AT_SMOKE);
    assert!(stage.unmoved());
    assert_eq!(jobs["smoke"].outputs["verdict"], "inconclusive");
}

#[test]
fn missing_secrets_stop_the_release_loudly() {
    let Some(programs) = programs() else { return };
    let stage = Stage::new(None);
    let inputs = json!({ "images": stage.images() });
    let jobs = stage.play(&read(RELEASE), &programs, inputs, Vec::new(), &|_| ());
    ended(&jobs, STOPPED_AT_SMOKE);
    assert!(stage.unmoved());
    assert_eq!(jobs["smoke"].outputs["verdict"], "error");
    assert!(jobs["smoke"].log.contains("CANARY_TENANT_URLS"), "{}", jobs["smoke"].log);
}

#[test]
fn a_list_of_tenants_on_one_line_is_as_good_and_masked_word_by_word() {
    let Some(programs) = programs() else { return };
    let stage = Stage::new(None);
    let secrets = stage.secrets().into_iter().map(|(name, value)| (name, value.replace('\n', " "))).collect();
    let inputs = json!({ "images": stage.images() });
    let jobs = stage.play(&read(RELEASE), &programs, inputs, secrets, &|_| ());
    ended(&jobs, ALL);
    assert!(stage.moved());
    assert!(stage.tenants.iter().all(|tenant| jobs["smoke"].masks.contains(&tenant.token().to_owned())));
}

#[test]
fn a_digest_that_is_swapped_between_smoke_and_promote_is_not_promoted() {
    let Some(programs) = programs() else { return };
    let stage = Stage::new(None);
    stage.fixture.stage(TWO);
    let swap = |job: &str| {
        if job == "promote" {
            let other = release(TWO)[0].digest().to_owned();
            stage.fixture.registry.move_tag(IMAGES[0], &format!("staging-{}", stage.sha), &other).unwrap();
        }
    };
    let inputs = json!({ "images": stage.images() });
    let jobs = stage.play(&read(RELEASE), &programs, inputs, stage.secrets(), &swap);
    ended(&jobs, STOPPED_AT_PROMOTE);
    assert!(stage.unmoved());
}

#[test]
fn the_first_image_goes_back_where_the_second_one_fails() {
    let Some(programs) = programs() else { return };
    let stage = Stage::new(None);
    let second = When::any().method("PUT").repository(IMAGES[1]).reference("latest");
    stage.fixture.registry.rule(second.then(Fault::status(500)));
    let jobs = stage.release(&programs);
    ended(&jobs, STOPPED_AT_PROMOTE);
    assert!(stage.unmoved());
    assert_eq!(
        (jobs["promote"].outputs["verdict"].as_str(), jobs["promote"].outputs["moved"].as_str()),
        ("red", "")
    );
}

#[test]
fn hostile_answers_give_the_runner_no_command() {
    let Some(programs) = programs() else { return };
    for fault in ["workflow-commands", "echo-token-in-error", "ansi"] {
        let stage = Stage::new(Some(fault));
        let jobs = stage.release(&programs);
        ended(&jobs, STOPPED_AT_SMOKE);
        assert!(stage.unmoved());
        let smoke = &jobs["smoke"];
        assert_eq!(smoke.outputs["verdict"], "red", "{fault}");
        // The only masks are the tokens: a letter that a tenant asks for would hide half of the log.
        let tokens: Vec<&str> = stage.tenants.iter().map(Tenant::token).collect();
        assert!(smoke.masks.iter().all(|mask| tokens.contains(&mask.as_str())), "{:?}", smoke.masks);
        assert!(!smoke.log.contains('\u{1b}') && !smoke.log.contains("##["), "{}", smoke.log);
        stage.keeps_its_tokens(&jobs);
    }
}

#[test]
fn in_a_merge_queue_all_is_proven_and_nothing_moves() {
    let Some(programs) = programs() else { return };
    let stage = Stage::new(None);
    let inputs = json!({ "images": stage.images(), "promote": false });
    let jobs = stage.play(&read(RELEASE), &programs, inputs, stage.secrets(), &|_| ());
    ended(&jobs, ["success", "success", "skipped", "success"]);
    assert!(stage.unmoved());
}

#[test]
fn an_image_that_was_never_pushed_ends_the_release_at_once() {
    let Some(programs) = programs() else { return };
    let stage = Stage::new(None);
    let inputs =
        json!({ "images": format!("{}={}", stage.fixture.repositories()[0], release(TWO)[0].digest()) });
    let jobs = stage.play(&read(RELEASE), &programs, inputs, stage.secrets(), &|_| ());
    ended(&jobs, ["failure", "skipped", "skipped", "failure"]);
    assert!(stage.unmoved());
}

#[test]
fn without_its_condition_promote_still_finds_no_evidence() {
    let Some(programs) = programs() else { return };
    let stage = Stage::new(Some("html-login"));
    let mut file = read(RELEASE);
    file["jobs"]["promote"]["if"] = json!("${{ always() }}");
    let jobs = stage.play(&file, &programs, json!({ "images": stage.images() }), stage.secrets(), &|_| ());
    ended(&jobs, ["success", "failure", "failure", "failure"]);
    assert!(stage.unmoved());
}

#[test]
fn the_rollback_goes_to_the_previous_release_and_to_a_named_one() {
    let Some(programs) = programs() else { return };
    let stage = Stage::new(None);
    ended(&stage.release(&programs), ALL);
    let file = read(".github/workflows/rollback-latest.yml");
    let play = |inputs: Value| {
        let folder = stage.fixture.path("job-rollback");
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
        stage.play(&file, &programs, inputs, Vec::new(), &|_| ()).remove("rollback").unwrap()
    };
    let reason = "--no-hold $(touch pwned) `id` \"";
    let dry = play(json!({ "reason": reason, "dry-run": true }));
    assert_eq!((dry.result.as_str(), stage.moved()), ("success", true), "{}", dry.log);
    let named = play(json!({ "reason": reason, "sha": &ONE[..7] }));
    assert_eq!((named.result.as_str(), stage.unmoved()), ("success", true), "{}", named.log);
    assert!(named.log.contains("held"), "a reason is no option: {}", named.log);
    assert_eq!(named.outputs["sha"], ONE);
    let again = play(
        json!({ "reason": reason, "images": stage.fixture.repositories().join("\n"), "config": "none.toml" }),
    );
    assert_eq!((again.result.as_str(), stage.unmoved()), ("success", true), "{}", again.log);
    let wrong = play(json!({ "reason": reason, "sha": "--list" }));
    assert_eq!(wrong.result, "failure");
}
