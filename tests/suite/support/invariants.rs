//! What must be true after every run, looked at from outside.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use coalmine::model::history::{Entry, Event};
use coalmine::policy::history::History;
use serde_json::Value;

use super::faults::Case;
use super::programs::words;
use super::scenario::{Operation, PASSWORD, Scenario, Tags, ZERO, run_bounded};
use super::{Done, IMAGES, TWO};

/// Requests of one run, however often it tried.
const REQUESTS: usize = 1_500;

/// One case, played.
pub(crate) struct Played {
    /// The exit code of the broken run.
    pub(crate) code: i32,
    /// Every invariant that does not hold.
    pub(crate) violations: Vec<String>,
}

/// Plays one case on its scenario, which is as new before.
pub(crate) fn play(scenario: &Scenario, case: &Case) -> Played {
    scenario.reset();
    scenario.fixture.registry.rule(case.rule());
    let mut violations = Vec::new();
    let code = match run_bounded(scenario.command(case.deadline()), scenario.fixture.folder.path()) {
        Ok(done) => {
            scenario.fixture.registry.clear_rules();
            let mut said = after_broken(scenario, case, &done);
            if !said.is_empty() {
                said.push(format!("it said:\n{}{}", done.stdout, told(&done.stderr)));
            }
            violations.append(&mut said);
            violations.extend(after_again(scenario, done.code, case.lies_for_ever()));
            done.code
        }
        Err(stuck) => {
            violations.push(stuck);
            -1
        }
    };
    scenario.fixture.registry.clear_rules();
    Played { code, violations }
}

/// The story without the unremarkable requests.
fn told(stderr: &str) -> String {
    stderr.lines().filter(|line| !line.contains("-> 20")).map(|line| format!("{line}\n")).collect()
}

/// Where `latest` stands.
pub(crate) fn latest(scenario: &Scenario) -> Vec<Option<String>> {
    scenario.fixture.latest()
}

fn after_broken(scenario: &Scenario, case: &Case, done: &Done) -> Vec<String> {
    let mut broken = Vec::new();
    let (before, wanted) =
        (scenario.digests(scenario.operation.before()), scenario.digests(scenario.operation.wanted()));
    let latest = latest(scenario);
    if scenario.operation == Operation::Publish {
        broken.extend(published(scenario, done.code));
    } else {
        match done.code {
            0 if latest != wanted && !case.lies_for_ever() => {
                broken.push(format!("exit 0 and latest is {latest:?}"));
            }
            1 if case.lies_for_ever() && blames_somebody_else(done) => {}
            1 | 2 | 3 | 5 if latest != before => {
                broken.push(format!("exit {} and latest is {latest:?}", done.code));
            }
            4 => broken.extend(split(scenario, case, done, &latest)),
            0..=3 | 5 => {}
            code => broken.push(format!("exit {code}")),
        }
    }
    broken.extend(remembered(scenario, done));
    broken.extend(discreet(done));
    let requests = scenario.fixture.registry.log().len();
    if requests > REQUESTS {
        broken.push(format!("{requests} requests"));
    }
    broken
}

/// Whether every image is said to have been moved by somebody else. A registry that shows after our write what the tag
/// named before it, having shown something older before, looks exactly like that, for as long as it lies.
fn blames_somebody_else(done: &Done) -> bool {
    let json = done.json();
    let images = json["images"].as_array().map_or(&[][..], Vec::as_slice);
    !images.is_empty() && images.iter().all(|image| image["ended"]["state"] == "foreign")
}

/// `:latest` stands, and exit 0 means that every staging tag names the build, with all that it names.
fn published(scenario: &Scenario, code: i32) -> Vec<String> {
    let mut broken = Vec::new();
    let wanted = scenario.digests(TWO);
    if latest(scenario) != scenario.digests(scenario.operation.before()) {
        broken.push(format!("publish and latest is {:?}", latest(scenario)));
    }
    let staged = scenario.fixture.tag(&format!("staging-{TWO}"));
    for (image, digest) in staged.iter().enumerate() {
        if let Some(digest) = digest
            && !scenario.is_whole(image, digest)
        {
            broken.push(format!("{} is staged and not whole", IMAGES[image]));
        }
    }
    let record = artifact(scenario, &format!("release-{TWO}"));
    match code {
        0 if staged != wanted => broken.push(format!("exit 0 and staged is {staged:?}")),
        0 if record.is_none() => broken.push("exit 0 and no record".to_owned()),
        0..=3 => {}
        code => broken.push(format!("exit {code}")),
    }
    if let Some(record) = record {
        let named: Vec<Option<String>> =
            (0..IMAGES.len()).map(|i| record["images"][i]["digest"].as_str().map(str::to_owned)).collect();
        if named != staged {
            broken.push(format!("the record names {named:?} and staged is {staged:?}"));
        }
    }
    broken
}

/// Exit 4: the images disagree, or one could not be read, and what is printed repairs it.
///
/// "Could not be read" is either told of an image (`unknown`), or the registry lies from here on: then nothing that
/// a program can see tells the states apart.
fn split(scenario: &Scenario, case: &Case, done: &Done, latest: &[Option<String>]) -> Vec<String> {
    let mut broken = Vec::new();
    let json = done.json();
    let images = json["images"].as_array().cloned().unwrap_or_default();
    let unknown = images.iter().any(|image| image["ended"]["state"] == "unknown");
    if latest == scenario.digests(scenario.operation.before()) && !unknown && !case.lies_for_ever() {
        broken.push(format!("exit 4 and every image is as before: {images:?}"));
    }
    let (state, commands) = (scenario.now(), json["repair"].as_array().cloned().unwrap_or_default());
    let mut refused = false;
    if commands.is_empty() {
        broken.push("exit 4 and no command to repair it".to_owned());
    }
    for command in commands.iter().filter_map(Value::as_str) {
        if !done.stdout.contains(command) {
            broken.push(format!("`{command}` is not printed"));
        }
        let words = words(command);
        let repaired = scenario.program(&words[0]).args(&words[1..]).env("RELEASE_IMAGES", "").run();
        match repaired.code {
            0 => {}
            1 if case.lies_for_ever() && repaired.stderr.contains("hint: ") => refused = true,
            code => broken.push(format!(
                "`{command}` ended with {code}
{}",
                repaired.stderr
            )),
        }
    }
    let after = scenario.fixture.latest();
    let (before, wanted) = (scenario.operation.before(), scenario.operation.wanted());
    // Believing only lies, a program may have taken `ZERO` for what was live: the images agree all the same.
    let whole = if case.lies_for_ever() { vec![before, wanted, ZERO] } else { vec![before, wanted] };
    if !refused && !whole.iter().any(|sha| after == scenario.digests(sha)) {
        broken.push(format!("repaired, and latest is {after:?}"));
    }
    scenario.restore(&state);
    broken
}

/// Runs the same command again, unbroken: it finishes, or refuses with a reason and moves nothing.
pub(crate) fn after_again(scenario: &Scenario, first: i32, lied: bool) -> Vec<String> {
    let mut broken = Vec::new();
    let before = scenario.now();
    let again = match run_bounded(scenario.command("60s"), scenario.fixture.folder.path()) {
        Ok(again) => again,
        Err(stuck) => return vec![format!("the second run: {stuck}")],
    };
    let wanted = scenario.digests(scenario.operation.wanted());
    let there = match scenario.operation {
        Operation::Publish => scenario.fixture.tag(&format!("staging-{TWO}")) == wanted,
        _ => latest(scenario) == wanted,
    };
    // A `--previous` that was shown an older way back has gone there; the same again stays there, whole.
    let as_shown = lied && first == 0 && latest(scenario) == scenario.digests(ZERO);
    match again.code {
        0 if there || as_shown => {}
        0 => broken.push(format!("the second run said 0 and latest is {:?}", latest(scenario))),
        1 if again.stderr.contains("error: ") && again.stderr.contains("hint: ") => {
            if latest_of(&scenario.now()) != latest_of(&before) {
                broken.push("the second run refused and moved".to_owned());
            }
        }
        code => broken.push(format!("the second run ended with {code}")),
    }
    broken.extend(discreet(&again));
    if again.code == 0 && scenario.operation.records() && scenario.operation != Operation::Publish {
        broken.extend(told_once(scenario, lied));
    }
    if !broken.is_empty() {
        broken.push(format!(
            "after exit {first}, the second run said:\n{}{}",
            again.stdout,
            told(&again.stderr)
        ));
    }
    broken
}

fn latest_of(tags: &Tags) -> Tags {
    tags.iter().filter(|((_, tag), _)| tag == "latest").map(|(k, v)| (k.clone(), v.clone())).collect()
}

/// After both runs the history tells the move exactly once, and a rollback holds.
///
/// `lied`: the first run saw nothing but lies, and may have told of a move that it took for an earlier run's.
fn told_once(scenario: &Scenario, lied: bool) -> Vec<String> {
    let mut broken = Vec::new();
    let (_, history) = history(scenario);
    let made = made_entries(scenario);
    // A first run that moved nothing took its hold back, and says so in an entry of its own.
    let told = |entry: &&Entry| !made.contains(&entry.id) && entry.event != Event::RollbackFailed;
    let new: Vec<Entry> = history.entries().filter(told).cloned().collect();
    if (new.len() != 1 && !(lied && new.len() == 2)) || new.iter().any(|entry| entry.moved.is_empty()) {
        broken.push(format!("{} new entries after both runs: {new:?}", new.len()));
    }
    let holds = history.standing("latest").hold.is_some();
    if holds != scenario.operation.holds() {
        broken.push(format!("a hold is {holds}"));
    }
    broken
}

/// No entry is lost, the chain holds, and no new entry claims what this run has not done.
pub(crate) fn remembered(scenario: &Scenario, done: &Done) -> Vec<String> {
    if !scenario.operation.records() {
        return Vec::new();
    }
    let mut broken = Vec::new();
    let (chain, history) = history(scenario);
    broken.extend(chain);
    let made = made_entries(scenario);
    let now: BTreeSet<String> = history.entries().map(|entry| entry.id.clone()).collect();
    let lost: Vec<&String> = made.difference(&now).collect();
    if !lost.is_empty() {
        broken.push(format!("lost entries {lost:?}"));
    }
    let new: Vec<&Entry> = history.entries().filter(|entry| !made.contains(&entry.id)).collect();
    let (before, wanted) =
        (scenario.digests(scenario.operation.before()), scenario.digests(scenario.operation.wanted()));
    for entry in &new {
        let fits =
            matches!((scenario.operation, &entry.event), (Operation::Promote, Event::Promotion { .. }))
                || (scenario.operation.holds() && matches!(entry.event, Event::Rollback { .. }));
        // A rollback that moved nothing says that it took its hold back.
        let failed = entry.event == Event::RollbackFailed;
        if failed != (done.code != 0) || !(fits || failed && scenario.operation.holds()) {
            broken.push(format!("exit {} and an entry {entry:?}", done.code));
        }
        for moved in &entry.moved {
            let image = IMAGES.iter().position(|name| moved.repository.name() == *name);
            let claim = (moved.from.as_ref().map(ToString::to_string), Some(moved.to.to_string()));
            if image.is_none_or(|i| claim != (before[i].clone(), wanted[i].clone())) {
                broken.push(format!("an entry claims {moved:?}"));
            }
        }
    }
    let told = ["not in the history", "not be in the history", "the history cannot be read"]
        .iter()
        .any(|words| done.stderr.contains(words));
    if done.code == 0 && scenario.operation != Operation::Publish && new.is_empty() && !told {
        broken.push("exit 0, no entry and no warning".to_owned());
    }
    broken
}

fn made_entries(scenario: &Scenario) -> BTreeSet<String> {
    scenario.past().entries().map(|entry| entry.id.clone()).collect()
}

/// The history as a reader sees it: the document, and entries that have a tag of their own and no place in it yet.
pub(crate) fn history(scenario: &Scenario) -> (Vec<String>, History) {
    let mut broken = Vec::new();
    let document = document(scenario).unwrap_or_else(|| r#"{"format":1,"entries":[]}"#.to_owned());
    let mut history = History::read(document.as_bytes()).unwrap_or_else(|why| {
        broken.push(why);
        History::default()
    });
    broken.extend(history.verify().map(|found| format!("the history was changed: {found:?}")));
    let mut open: Vec<String> = scenario.fixture.registry.tags(IMAGES[0]);
    open.retain(|tag| tag.starts_with("release-history-"));
    for tag in open {
        let (_, manifest) = scenario.fixture.registry.manifest(IMAGES[0], &tag).expect("a tag that is there");
        let manifest: Value = serde_json::from_slice(&manifest).expect("a manifest is JSON");
        let text = manifest["annotations"]["dev.coalmine.history.entry"].as_str().unwrap_or_default();
        match serde_json::from_str::<Entry>(text) {
            Ok(entry) if history.has(&entry.id) => {}
            Ok(entry) => history.append(entry),
            Err(why) => broken.push(format!("an entry that cannot be read: {why}")),
        }
    }
    (broken, history)
}

/// The document of the history: it stands in its manifest.
fn document(scenario: &Scenario) -> Option<String> {
    let (_, manifest) = scenario.fixture.registry.manifest(IMAGES[0], "release-history")?;
    let manifest: Value = serde_json::from_slice(&manifest).ok()?;
    manifest["annotations"]["dev.coalmine.history"].as_str().map(str::to_owned)
}

fn blob_of(scenario: &Scenario, tag: &str) -> Option<Vec<u8>> {
    let (_, manifest) = scenario.fixture.registry.manifest(IMAGES[0], tag)?;
    let manifest: Value = serde_json::from_slice(&manifest).ok()?;
    let layer = manifest["layers"][0]["digest"].as_str()?.to_owned();
    Some(scenario.fixture.registry.blob(IMAGES[0], &layer)?.to_vec())
}

fn artifact(scenario: &Scenario, tag: &str) -> Option<Value> {
    serde_json::from_slice(&blob_of(scenario, tag)?).ok()
}

/// No secret stands in what was said.
pub(crate) fn discreet(done: &Done) -> Vec<String> {
    let encoded = STANDARD.encode(format!("robot:{PASSWORD}"));
    let result = done.result_text().unwrap_or_default();
    let mut broken = Vec::new();
    for text in [&done.stdout, &done.stderr, &result] {
        for secret in [PASSWORD, "s3cr3t%2Fpass%2Bword%3D7", &encoded, encoded.trim_end_matches('=')] {
            if text.contains(secret) {
                broken.push(format!("`{secret}` is printed"));
            }
        }
        if !text.split("Bearer ").skip(1).all(|token| token.starts_with("***")) {
            broken.push("a token is printed".to_owned());
        }
    }
    broken
}
