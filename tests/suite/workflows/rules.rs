//! What the linters cannot know about the workflows: who waits for whom, who may move a tag, what reaches a shell. Every
//! rule is shown to bite by a workflow that breaks just it. Permissions, timeouts, pins and triggers are checked by
//! `scripts/lint-workflows`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{GATE, RELEASE, ROLLBACK, STATUS, TICK};
use crate::support::runner::{needs, own_action};
use crate::support::workflow::{Context, read, shown};

const RESULTS: [&str; 4] = ["success", "failure", "cancelled", "skipped"];
const VERDICTS: [&str; 6] = ["green", "red", "inconclusive", "pending", "error", ""];

/// Every workflow of this repository and of the example.
fn workflows() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = [".github/workflows", "docs/examples/repository/.github/workflows"];
    let files = folders.iter().flat_map(|folder| {
        fs::read_dir(root.join(folder))
            .unwrap()
            .map(move |entry| format!("{folder}/{}", entry.unwrap().file_name().display()))
    });
    // Written by `gh actions-lock`, where somebody runs it: no workflow.
    let mut files: Vec<String> = files.filter(|file| !file.ends_with("/actions.lock")).collect();
    files.sort();
    files
}

fn jobs(file: &Value) -> impl Iterator<Item = (&String, &Value)> {
    file["jobs"].as_object().into_iter().flatten()
}

fn steps(job: &Value) -> impl Iterator<Item = &Value> {
    job["steps"].as_array().into_iter().flatten()
}

fn runs(job: &Value, program: &str) -> bool {
    let words = |text: &str| text.split_whitespace().any(|word| word.rsplit('/').next() == Some(program));
    steps(job).filter_map(|step| step["run"].as_str()).any(words)
}

/// The jobs that have ended, well or not, before a job starts.
fn before(file: &Value, job: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = needs(&file["jobs"][job]);
    while let Some(name) = open.pop() {
        if found.insert(name.clone()) {
            open.extend(needs(&file["jobs"][&name]));
        }
    }
    found
}

/// Every rule for all workflows that `file` breaks.
fn general(file: &Value) -> Vec<String> {
    let mut broken = Vec::new();
    for (name, job) in jobs(file) {
        for step in steps(job) {
            if step["run"].as_str().is_some_and(|script| script.contains("${{")) {
                broken.push(format!("{name} pastes a value into a script"));
            }
            // An artifact is for later: that it cannot be kept changes no result.
            let keeps =
                step["uses"].as_str().is_some_and(|used| used.starts_with("actions/upload-artifact@"));
            if !step["continue-on-error"].is_null() && !keeps {
                broken.push(format!("{name} goes on after an error"));
            }
            let used = step["uses"].as_str().unwrap_or("$/none");
            if used.starts_with("$/") && step["run"].is_null() && !is_own_action(used) {
                broken.push(format!("{name} uses {used}, and there is no such action here"));
            }
        }
    }
    broken
}

/// Whether GitHub finds the action that `uses: $/FOLDER` names.
fn is_own_action(used: &str) -> bool {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    own_action(used).is_some_and(|folder| root.join(folder).join("action.yml").is_file())
}

/// Every rule for a workflow that others call: what it uses is its own, or keeps an artifact where that is asked for.
fn called(file: &Value) -> Vec<String> {
    let mut broken = general(file);
    for (name, job) in jobs(file) {
        for step in steps(job) {
            let Some(used) = step["uses"].as_str() else { continue };
            let keeps = used.starts_with("actions/upload-artifact@")
                && step["if"].as_str().is_some_and(|condition| condition.contains("inputs.artifacts"));
            if !is_own_action(used) && !keeps {
                broken.push(format!("{name} uses {used}, which is not this repository's"));
            }
        }
        if job["runs-on"].as_str().is_none_or(|runner| !runner.contains("fromJSON(inputs.runs-on)")) {
            broken.push(format!("{name} runs where its caller has no say"));
        }
    }
    for trigger in ["workflow_call", "workflow_dispatch"] {
        if file["on"][trigger]["secrets"].get("REGISTRY_USERNAME").is_some() {
            broken.push("a user name as a secret hides every image of that name".to_owned());
        }
        if file["on"][trigger]["secrets"].get("REGISTRY_HOST").is_some() {
            broken.push("a host as a secret hides every image on it".to_owned());
        }
    }
    broken
}

/// Every rule that `file` breaks as the release workflow.
fn release(file: &Value) -> Vec<String> {
    let mut broken = called(file);
    let job = |name: &str| &file["jobs"][name];
    for (name, job) in jobs(file) {
        for program in ["promote-latest", "rollback-latest", "publish-staging"] {
            let home = ["promote", "", "publish"]
                [usize::from(program.starts_with('r')) + 2 * usize::from(program.starts_with("pub"))];
            if runs(job, program) && name != home {
                broken.push(format!("{name} runs {program}"));
            }
        }
        for tool in ["crane", "skopeo", "oras", "docker", "regctl"] {
            if runs(job, tool) {
                broken.push(format!("{name} runs {tool}"));
            }
        }
        let writes = job["permissions"]["packages"] == "write";
        if writes && !["publish", "promote", "record"].contains(&name.as_str()) {
            broken.push(format!("{name} may write packages"));
        }
        let rights = job["permissions"].as_object().into_iter().flatten().map(|(right, _)| right.as_str());
        let deploys = |right: &str| right == "deployments" && name == "deployment";
        if rights.into_iter().any(|right| !["packages", "contents"].contains(&right) && !deploys(right)) {
            broken.push(format!("{name} may do more than it needs"));
        }
        let text = job.to_string();
        if text.contains("secrets.CANARY") && name != "smoke" {
            broken.push(format!("{name} sees the tenants' tokens"));
        }
    }
    if job("smoke")["permissions"] != json!({}) || job("smoke").to_string().contains("github.token") {
        broken.push("smoke has a right beside the tenants' tokens".to_owned());
    }
    let environments = [
        ("publish", "staging", false),
        ("smoke", "canary", true),
        ("approve", "production", true),
        ("promote", "promotion", false),
        ("record", "staging", false),
    ];
    for (name, input, deploys_nothing) in environments {
        let input = json!(format!("${{{{ inputs.{input}-environment }}}}"));
        let expected = if deploys_nothing { json!({ "name": input, "deployment": false }) } else { input };
        if job(name)["environment"] != expected {
            broken.push(format!("{name} is not in its environment"));
        }
    }
    if !file["concurrency"].is_null() || !job("approve")["concurrency"].is_null() {
        broken.push("a run that waits for its reviewers holds a lock".to_owned());
    }
    let order = [
        ("smoke", "publish"),
        ("approve", "smoke"),
        ("promote", "publish"),
        ("promote", "smoke"),
        ("promote", "approve"),
        ("record", "promote"),
        ("deployment", "promote"),
    ];
    for (name, awaited) in order {
        if !before(file, name).contains(awaited) || !needs(job(name)).contains(&awaited.to_owned()) {
            broken.push(format!("{name} does not wait for {awaited}"));
        }
    }
    for name in ["approve", "promote"] {
        if wrongly_promoted(job(name), name == "promote") {
            broken.push(format!("{name} starts without a yes, or does not start with one"));
        }
    }
    let queue = &job("promote")["concurrency"];
    if queue["cancel-in-progress"] != false || queue["queue"] != "max" || !queue["group"].is_string() {
        broken.push("promote can be cancelled half-way, dropped or overtaken".to_owned());
    }
    let evidence = steps(job("promote")).filter_map(|step| step["run"].as_str());
    if !evidence.into_iter().any(|run| run.contains("--require smoke") && run.contains("--evidence ")) {
        broken.push("promote does not ask for evidence itself".to_owned());
    }
    let gate = job("gate");
    if gate["if"] != "${{ always() }}" {
        broken.push("gate can be skipped".to_owned());
    }
    for (name, _) in jobs(file).filter(|(name, _)| *name != "gate") {
        let read = gate["steps"].to_string().contains(&format!("needs.{name}.result"));
        if !needs(gate).contains(name) || !read {
            broken.push(format!("gate does not look at {name}"));
        }
    }
    broken
}

/// Whether an `if:` is anything else than: asked for, published, proven green, and, for promote, approved.
fn wrongly_promoted(job: &Value, approval: bool) -> bool {
    let mut wrong = false;
    let results = RESULTS.iter().flat_map(|a| RESULTS.iter().flat_map(move |b| RESULTS.map(|c| [*a, *b, c])));
    for [publish, smoke, approve] in results {
        for (verdict, asked) in VERDICTS.iter().flat_map(|a| [true, false].map(|b| (*a, b))) {
            let needs = json!({
                "publish": { "result": publish, "outputs": {} },
                "smoke": { "result": smoke, "outputs": { "verdict": verdict } },
                "approve": { "result": approve, "outputs": {} },
            });
            let names = json!({ "inputs": { "promote": asked }, "needs": needs });
            // Whatever the runner thinks of the jobs before: the condition alone must say no.
            let starts = Context { names, success: true }.admits(job.get("if"));
            let proven = publish == "success" && smoke == "success" && verdict == "green";
            wrong |= starts != (asked && proven && (approve == "success" || !approval));
        }
    }
    wrong
}

/// Every rule that `file` breaks as the rollback workflow.
fn rollback(file: &Value) -> Vec<String> {
    let mut broken = called(file);
    for (name, job) in jobs(file) {
        if runs(job, "promote-latest") || (runs(job, "rollback-latest") && name != "rollback") {
            broken.push(format!("{name} moves tags"));
        }
        let waits = !needs(job).is_empty() || !job["if"].is_null();
        if name == "rollback" && (waits || job["environment"] != "${{ inputs.environment }}") {
            broken.push(format!("{name} waits for somebody"));
        }
        if job["concurrency"]["cancel-in-progress"] != false
            || !shown(&job["concurrency"]["group"]).contains("github.run_id")
        {
            broken.push(format!("{name} can be cancelled or kept waiting by another run"));
        }
    }
    let [dispatch, call] = ["workflow_dispatch", "workflow_call"].map(|on| &file["on"][on]["inputs"]);
    if dispatch != call {
        broken.push("the button and the call ask for different things".to_owned());
    }
    broken
}

#[test]
fn every_workflow_keeps_the_rules() {
    let files = workflows();
    assert!(files.len() >= 5, "{files:?}");
    for file in files {
        let value = read(&file);
        let broken = match file.as_str() {
            RELEASE => release(&value),
            ROLLBACK => rollback(&value),
            GATE | STATUS | TICK => called(&value),
            _ => general(&value),
        };
        assert!(broken.is_empty(), "{file}:\n{}", broken.join("\n"));
        // publish.yml moves nothing but its own image, and ring-tick.yml the tags of rings.
        let moving = [".github/workflows/publish.yml", ".github/workflows/ring-tick.yml"];
        if ![RELEASE, ROLLBACK].into_iter().chain(moving).collect::<Vec<_>>().contains(&file.as_str()) {
            for (name, job) in jobs(&value) {
                let moves = runs(job, "promote-latest") || runs(job, "rollback-latest");
                assert!(!moves, "{file}: {name} moves tags");
            }
        }
    }
}

/// Sets what a JSON pointer names; `null` takes it away.
fn set(file: &mut Value, pointer: &str, value: Value) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = file.pointer_mut(parent).unwrap_or_else(|| panic!("there is no {pointer}"));
    match (parent, value) {
        (Value::Object(map), Value::Null) => {
            drop(map.remove(key).unwrap_or_else(|| panic!("there is no {pointer}")));
        }
        (Value::Object(map), value) => drop(map.insert(key.to_owned(), value)),
        (Value::Array(items), value) => items[key.parse::<usize>().unwrap()] = value,
        _ => panic!("{pointer} is in nothing"),
    }
}

#[test]
fn every_rule_of_the_release_bites() {
    let condition = |without: &str| {
        let file = read(RELEASE);
        let whole = file["jobs"]["promote"]["if"].as_str().unwrap();
        let cut = whole.replace(&format!("{without} && "), "").replace(&format!(" && {without}"), "");
        assert_ne!(cut, whole, "{without}");
        json!(cut)
    };
    let promoted = "promote starts without a yes";
    let cases = [
        ("/jobs/smoke/permissions", json!({ "packages": "write" }), "smoke may write packages"),
        ("/jobs/smoke/permissions", json!({ "contents": "read" }), "smoke has a right beside"),
        ("/jobs/smoke/steps/1/env/GITHUB_TOKEN", json!("${{ github.token }}"), "smoke has a right beside"),
        ("/jobs/promote/permissions", json!({ "id-token": "write" }), "promote may do more"),
        (
            "/jobs/promote/steps/1/run",
            json!("promote-latest '${{ inputs.sha }}' --require smoke --evidence x"),
            "promote pastes a value",
        ),
        ("/jobs/smoke/steps/1/continue-on-error", json!(true), "smoke goes on after an error"),
        (
            "/jobs/publish/steps/0/uses",
            json!("actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683"),
            "which is not this repository's",
        ),
        ("/jobs/smoke/steps/1/run", json!("canary-smoke; promote-latest x"), "smoke runs promote-latest"),
        ("/jobs/gate/steps/0/run", json!("rollback-latest --previous"), "gate runs rollback-latest"),
        (
            "/jobs/promote/steps/1/run",
            json!("crane tag x latest; promote-latest --require smoke --evidence x"),
            "promote runs crane",
        ),
        (
            "/jobs/publish/steps/1/env/TOKENS",
            json!("${{ secrets.CANARY_ADMIN_TOKENS }}"),
            "publish sees the tenants' tokens",
        ),
        ("/jobs/smoke/environment", Value::Null, "smoke is not in its environment"),
        ("/jobs/promote/environment", Value::Null, "promote is not in its environment"),
        ("/jobs/approve/environment/deployment", Value::Null, "approve is not in its environment"),
        ("/jobs/approve/concurrency", json!({ "group": "promotions" }), "holds a lock"),
        ("/concurrency", json!({ "group": "releases" }), "holds a lock"),
        ("/jobs/promote/needs", json!(["publish", "smoke"]), "promote does not wait for approve"),
        ("/jobs/promote/if", condition("needs.approve.result == 'success'"), promoted),
        ("/jobs/record/permissions", json!({ "deployments": "write" }), "record may do more"),
        ("/jobs/smoke/needs", Value::Null, "smoke does not wait for publish"),
        ("/jobs/promote/needs", json!(["smoke"]), "promote does not wait for publish"),
        ("/jobs/promote/needs", json!(["publish"]), "promote does not wait for smoke"),
        ("/jobs/promote/needs", Value::Null, "promote does not wait for smoke"),
        ("/jobs/promote/if", Value::Null, promoted),
        ("/jobs/promote/if", json!("${{ always() }}"), promoted),
        ("/jobs/promote/if", condition("inputs.promote"), promoted),
        ("/jobs/promote/if", condition("needs.publish.result == 'success'"), promoted),
        ("/jobs/promote/if", condition("needs.smoke.result == 'success'"), promoted),
        ("/jobs/promote/if", condition("needs.smoke.outputs.verdict == 'green'"), promoted),
        ("/jobs/promote/concurrency", Value::Null, "promote can be cancelled"),
        ("/jobs/promote/concurrency/cancel-in-progress", json!(true), "promote can be cancelled"),
        ("/jobs/promote/concurrency/queue", Value::Null, "promote can be cancelled"),
        (
            "/jobs/promote/steps/1/run",
            json!("promote-latest -- \"$SHA\""),
            "promote does not ask for evidence",
        ),
        ("/jobs/gate/if", Value::Null, "gate can be skipped"),
        ("/jobs/gate/needs", json!(["publish", "promote"]), "gate does not look at smoke"),
        ("/jobs/gate/steps/0/env/PROMOTE", Value::Null, "gate does not look at promote"),
        ("/jobs/soak", json!({ "permissions": {} }), "gate does not look at soak"),
    ];
    for (pointer, value, rule) in cases {
        let mut file = read(RELEASE);
        set(&mut file, pointer, value.clone());
        let broken = release(&file);
        assert!(
            broken.iter().any(|what| what.contains(rule)),
            "{pointer} = {value} broke {broken:?}, not `{rule}`"
        );
    }
}

#[test]
fn every_rule_of_the_rollback_bites() {
    let cases = [
        ("/jobs/rollback/environment", json!("production"), "rollback waits for somebody"),
        ("/jobs/rollback/if", json!("inputs.dry-run"), "rollback waits for somebody"),
        ("/jobs/rollback/concurrency/group", json!("promotions"), "kept waiting by another run"),
        ("/jobs/rollback/concurrency/cancel-in-progress", json!(true), "can be cancelled"),
        ("/jobs/rollback/steps/2/run", json!("promote-latest x"), "rollback moves tags"),
        ("/jobs/rollback/steps/2/run", json!("rollback-latest ${{ inputs.sha }}"), "pastes a value"),
        ("/on/workflow_call/inputs/dry-run", Value::Null, "the button and the call"),
    ];
    for (pointer, value, rule) in cases {
        let mut file = read(ROLLBACK);
        set(&mut file, pointer, value);
        let broken = rollback(&file);
        assert!(broken.iter().any(|what| what.contains(rule)), "{pointer} broke {broken:?}, not `{rule}`");
    }
}

#[test]
fn every_rule_of_a_called_workflow_bites() {
    let action = "/jobs/gate/steps/0/uses";
    let cases = [
        (action, json!("$/"), "which is not this repository's"),
        (action, json!("$/.github/actions/other"), "there is no such action here"),
        (action, json!("$/.github/actions/install@v1"), "there is no such action here"),
        (action, json!("./.github/actions/install"), "which is not this repository's"),
        ("/jobs/gate/runs-on", json!("ubuntu-24.04"), "its caller has no say"),
        ("/on/workflow_call/secrets/REGISTRY_USERNAME", json!({}), "hides every image"),
        ("/on/workflow_call/secrets/REGISTRY_HOST", json!({}), "hides every image"),
    ];
    for (pointer, value, rule) in cases {
        let mut file = read(GATE);
        set(&mut file, pointer, value);
        let broken = called(&file);
        assert!(broken.iter().any(|what| what.contains(rule)), "{pointer} broke {broken:?}, not `{rule}`");
    }
}

/// The text that GitHub gets, not a copy that a linter or an emulator was given.
#[test]
fn the_action_of_the_called_workflows_is_the_public_one_in_a_folder() {
    let [public, own] = ["action.yml", ".github/actions/install/action.yml"].map(read);
    let (step, shared) = (&public["runs"]["steps"][0], &own["runs"]["steps"][1]);
    assert_eq!(step["run"], "\"$GITHUB_ACTION_PATH/scripts/install.sh\"");
    assert_eq!(shared["run"], "\"$GITHUB_ACTION_PATH/../../../scripts/install.sh\"");
    assert_eq!((&step["id"], &step["shell"]), (&shared["id"], &shared["shell"]));
    for part in ["inputs", "outputs"] {
        for (name, declared) in public[part].as_object().unwrap() {
            assert_eq!(declared, &own[part][name], "{name}");
        }
    }
    for (name, value) in step["env"].as_object().unwrap() {
        assert_eq!(value, &shared["env"][name], "{name}");
    }
    // What a job shares is looked for under the name that it was kept under.
    let name = |step: usize, of: &str| shown(&own["runs"]["steps"][step]["with"]["name"]).replace(of, "");
    assert_eq!(name(0, "inputs.built"), name(2, "steps.install.outputs.built"));
}

#[test]
fn the_action_pastes_nothing_into_its_script() {
    let action = read("action.yml");
    let steps = action["runs"]["steps"].as_array().unwrap();
    for step in steps {
        assert!(!step["run"].as_str().unwrap_or_default().contains("${{"), "{step}");
        assert!(step["uses"].is_null(), "the public action uses nobody else's");
    }
}
