//! What the tests of records stand on: published releases, verdicts in files, and a client like a process's own.

use coalmine::io::console::{Console, Loudness};
use coalmine::io::context::Context;
use coalmine::io::env::Env;
use coalmine::io::registry::client::{Access, Client};
use coalmine::io::stop::Stop;
use coalmine::ledger::{evidence, releases};
use coalmine::model::repository::Repository;
use coalmine_sandbox::{Setup, sha256};
use serde_json::{Value, json};

use super::docker_registry::DockerRegistry;
use super::{Done, Fixture, ONE, TWO, digests};

/// A registry where `shas` are published with records.
pub(crate) fn published(setup: Setup, shas: &[&str]) -> Fixture {
    let fixture = Fixture::with(setup);
    fixture.configure("");
    for sha in shas {
        fixture.publish(sha).code(0);
    }
    fixture
}

/// Each registry that these tests run against: with the referrers API, without it, and a real one that has none.
pub(crate) fn registries() -> Vec<(Fixture, Option<DockerRegistry>)> {
    let real = DockerRegistry::start();
    let upstream = real.as_ref().map(|real| Setup { upstream: Some(real.address()), ..Setup::default() });
    let mut benches = vec![
        (published(Setup::default(), &[]), None),
        (published(Setup { referrers: false, ..Setup::default() }, &[]), None),
    ];
    benches.extend(upstream.map(|setup| (published(setup, &[]), real)));
    benches
}

/// The verdict document that `canary-smoke --result` writes, as far as a promotion reads it.
pub(crate) fn verdict(fixture: &Fixture, sha: &str, word: &str, finished: &str) -> Value {
    let images: Vec<Value> = fixture
        .repositories()
        .iter()
        .zip(digests(sha))
        .map(|(repository, digest)| json!({ "repository": repository, "digest": digest }))
        .collect();
    json!({ "format": 1, "tool": "canary-smoke", "verdict": word, "exit_code": 0, "sha": sha, "images": images,
            "suite": { "file": "smoke.toml", "sha256": sha256(b"suite")[7..] }, "finished": finished })
}

pub(crate) fn now() -> String {
    jiff::Timestamp::now().to_string()
}

pub(crate) fn hours_ago(hours: i64) -> String {
    (jiff::Timestamp::now() - jiff::SignedDuration::from_hours(hours)).to_string()
}

pub(crate) fn file(fixture: &Fixture, name: &str, document: &Value) -> String {
    let path = fixture.path(name);
    std::fs::write(&path, document.to_string()).unwrap();
    path.display().to_string()
}

pub(crate) fn promote(fixture: &Fixture, sha: &str, more: &[&str]) -> Done {
    fixture.run("promote-latest").arg(sha).args(more).with_result().run()
}

/// Promotes with a fresh green verdict in a file.
pub(crate) fn promote_proven(fixture: &Fixture, sha: &str, more: &[&str]) -> Done {
    let evidence = file(fixture, &format!("green-{sha}.json"), &verdict(fixture, sha, "green", &now()));
    fixture.run("promote-latest").args([sha, "--evidence", &evidence]).args(more).with_result().run()
}

pub(crate) fn history(fixture: &Fixture) -> Vec<String> {
    let json = fixture.run("release-status").arg("history").with_result().run().code(0).json();
    json["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["event"]["kind"].as_str().unwrap().to_owned())
        .collect()
}

/// Attaches a verdict as `canary-smoke` does.
pub(crate) fn attach(fixture: &Fixture, sha: &str, document: &Value) {
    attach_text(fixture, sha, &document.to_string());
}

pub(crate) fn attach_text(fixture: &Fixture, sha: &str, document: &str) {
    through(fixture, async |client, home| {
        let kept = releases::read(&client, &home, &sha.parse().unwrap()).await.unwrap().unwrap();
        evidence::attach(&client, &kept, document.as_bytes().to_vec()).await.unwrap();
    });
}

/// Runs `work` with a client of its own, as a process would have.
pub(crate) fn through<T>(fixture: &Fixture, work: impl AsyncFnOnce(Client<'_>, Repository) -> T) -> T {
    let console = Console::new(Loudness::Quiet, false, coalmine::io::console::hidden());
    let context = Context { env: Env::of([]), console, stop: Stop::default() };
    let home: Repository = fixture.repositories()[0].parse().unwrap();
    let until = coalmine::io::clock::instant() + std::time::Duration::from_secs(60);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client =
        Client::new(&context, Access::PullPush, vec![home.registry().clone()], Vec::new(), until).unwrap();
    runtime.block_on(work(client, home))
}

/// A registry where `TWO` is live and `ONE` was before it.
pub(crate) fn twice_promoted() -> Fixture {
    let fixture = published(Setup::default(), &[ONE, TWO]);
    promote_proven(&fixture, ONE, &[]).code(0);
    promote_proven(&fixture, TWO, &[]).code(0);
    fixture
}
