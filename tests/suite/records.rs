//! The registry remembers: records, evidence, holds, history; with the referrers API and without it.

use std::collections::BTreeSet;

use crate::support::docker_registry::{DockerRegistry, skopeo_digest};
use crate::support::{Done, Fixture, IMAGES, ONE, THREE, TWO, digests, single};
use coalmine::io::console::{Console, Loudness};
use coalmine::io::context::Context;
use coalmine::io::env::Env;
use coalmine::io::registry::client::{Access, Client};
use coalmine::io::stop::Stop;
use coalmine::ledger::{evidence, history, releases};
use coalmine::model::history::Event;
use coalmine::model::record::VERDICT_TYPE;
use coalmine::model::repository::Repository;
use coalmine_sandbox::{Fault, Setup, Tenant, TenantSetup, When, sha256};
use serde_json::{Value, json};

/// A registry where `shas` are published with records.
fn published(setup: Setup, shas: &[&str]) -> Fixture {
    let fixture = Fixture::with(setup);
    fixture.configure("");
    for sha in shas {
        fixture.publish(sha).code(0);
    }
    fixture
}

/// Each registry that these tests run against: with the referrers API, without it, and a real one that has none.
fn registries() -> Vec<(Fixture, Option<DockerRegistry>)> {
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
fn verdict(fixture: &Fixture, sha: &str, word: &str, finished: &str) -> Value {
    let images: Vec<Value> = fixture
        .repositories()
        .iter()
        .zip(digests(sha))
        .map(|(repository, digest)| json!({ "repository": repository, "digest": digest }))
        .collect();
    json!({ "format": 1, "tool": "canary-smoke", "verdict": word, "exit_code": 0, "sha": sha, "images": images,
            "suite": { "file": "smoke.toml", "sha256": sha256(b"suite")[7..] }, "finished": finished })
}

fn now() -> String {
    jiff::Timestamp::now().to_string()
}

fn hours_ago(hours: i64) -> String {
    (jiff::Timestamp::now() - jiff::SignedDuration::from_hours(hours)).to_string()
}

fn file(fixture: &Fixture, name: &str, document: &Value) -> String {
    let path = fixture.path(name);
    std::fs::write(&path, document.to_string()).unwrap();
    path.display().to_string()
}

fn promote(fixture: &Fixture, sha: &str, more: &[&str]) -> Done {
    fixture.run("promote-latest").arg(sha).args(more).with_result().run()
}

/// Promotes with a fresh green verdict in a file.
fn promote_proven(fixture: &Fixture, sha: &str, more: &[&str]) -> Done {
    let evidence = file(fixture, &format!("green-{sha}.json"), &verdict(fixture, sha, "green", &now()));
    fixture.run("promote-latest").args([sha, "--evidence", &evidence]).args(more).with_result().run()
}

fn history(fixture: &Fixture) -> Vec<String> {
    let json = fixture.run("release-status").arg("history").with_result().run().code(0).json();
    json["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["event"]["kind"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn without_evidence_nothing_is_promoted_with_it_it_is_and_that_is_remembered() {
    for (fixture, _real) in registries() {
        fixture.publish(ONE).code(0);
        promote(&fixture, ONE, &[]).code(1).tells(&["green smoke evidence", "found none", "canary-smoke"]);
        assert_eq!(fixture.seen("PUT", "latest"), 0);
        let done = promote_proven(&fixture, ONE, &[]).code(0);
        assert!(done.json()["release"].as_str().unwrap().contains("/acme/platform@sha256:"));
        assert_eq!(history(&fixture), ["promotion"]);
        // The evidence was recorded with the promotion: it counts without its file now.
        fixture.publish(TWO).code(0);
        promote_proven(&fixture, TWO, &[]).code(0);
        fixture.run("rollback-latest").args([ONE, "--no-hold"]).run().code(0);
        promote(&fixture, TWO, &["--dry-run"]).code(0);
    }
}

#[test]
fn evidence_about_anything_else_is_refused_each_with_its_own_words() {
    let fixture = published(Setup::default(), &[ONE]);
    type Change = fn(&mut Value);
    let cases: [(Change, &str); 8] = [
        (|v| v["images"][1]["digest"] = digests(TWO)[1].clone().into(), "acme/platform-tenant@sha256:"),
        (|v| drop(v["images"].as_array_mut().unwrap().pop()), "does not name every image"),
        (|v| v["sha"] = TWO.into(), "a verdict on 2222222"),
        (|v| v["verdict"] = "red".into(), "found red at"),
        (|v| v["verdict"] = "inconclusive".into(), "found inconclusive at"),
        (|v| v["finished"] = hours_ago(25).into(), "1d 1h old; the limit is 1d 0h"),
        (|v| v["tool"] = "canary-soak".into(), "found none"),
        (|v| v["images"][0]["digest"] = "sha256:12".into(), "a verdict that cannot be read"),
    ];
    for (change, words) in cases {
        let mut document = verdict(&fixture, ONE, "green", &now());
        change(&mut document);
        promote(&fixture, ONE, &["--evidence", &file(&fixture, "evidence.json", &document)])
            .code(1)
            .tells(&[words]);
    }
    let whole = verdict(&fixture, ONE, "green", &now()).to_string();
    std::fs::write(fixture.path("cut.json"), &whole[..whole.len() / 2]).unwrap();
    promote(&fixture, ONE, &["--evidence", "cut.json"])
        .code(1)
        .tells(&["cut.json: a verdict that cannot be read"]);
    promote(&fixture, ONE, &["--evidence", "missing.json"]).code(2).tells(&["missing.json"]);
    assert_eq!(fixture.latest(), [None, None]);
}

#[test]
fn only_evidence_of_the_suite_that_is_named_counts() {
    let fixture = published(Setup::default(), &[ONE]);
    std::fs::write(fixture.path("other.toml"), "another suite").unwrap();
    std::fs::write(fixture.path("smoke.toml"), "suite").unwrap();
    promote_proven(&fixture, ONE, &["--suite", "other.toml"]).code(1).tells(&["only of another suite"]);
    promote_proven(&fixture, ONE, &["--suite", "smoke.toml"]).code(0);
}

#[test]
fn red_evidence_that_came_later_outranks_an_older_green() {
    for (fixture, _real) in registries() {
        fixture.publish(ONE).code(0);
        attach(&fixture, ONE, &verdict(&fixture, ONE, "green", &hours_ago(2)));
        promote(&fixture, ONE, &["--dry-run"]).code(0);
        attach(&fixture, ONE, &verdict(&fixture, ONE, "red", &hours_ago(1)));
        promote(&fixture, ONE, &[]).code(1).tells(&["found red at"]);
        attach(&fixture, ONE, &verdict(&fixture, ONE, "green", &now()));
        promote(&fixture, ONE, &[]).code(0);
    }
}

#[test]
fn a_truncated_verdict_in_the_registry_may_have_been_a_red_one() {
    let fixture = published(Setup::default(), &[ONE]);
    attach_text(&fixture, ONE, "{\"format\":1,\"verd");
    promote_proven(&fixture, ONE, &[]).code(1).tells(&["a verdict that cannot be read"]);
}

#[test]
fn a_staging_tag_that_was_moved_behind_its_record_is_refused() {
    let fixture = published(Setup::default(), &[ONE, TWO]);
    fixture.registry.move_tag(IMAGES[0], &format!("staging-{ONE}"), single(TWO).digest()).unwrap();
    promote_proven(&fixture, ONE, &[]).code(1).tells(&[
        IMAGES[0],
        "as recorded",
        single(ONE).digest(),
        single(TWO).digest(),
    ]);
    fixture.stage(THREE);
    promote_proven(&fixture, THREE, &[]).code(1).tells(&["the record release-3333333", "no such record"]);
}

#[test]
fn a_rollback_holds_until_somebody_resumes_and_what_it_rejected_stays_rejected() {
    for (fixture, _real) in registries() {
        for sha in [ONE, TWO, THREE] {
            fixture.publish(sha).code(0);
        }
        promote_proven(&fixture, ONE, &[]).code(0);
        promote_proven(&fixture, TWO, &[]).code(0);
        let back = fixture
            .run("rollback-latest")
            .args([&ONE[..7], "--reason", "it lost mail"])
            .env("USER", "ann")
            .with_result()
            .run()
            .code(0);
        assert_eq!((back.json()["held"].as_bool(), fixture.latest()), (Some(true), digests(ONE)));
        fixture.run("release-status").arg("--check").run().code(1);
        promote_proven(&fixture, THREE, &[]).code(1).tells(&[
            "no hold on latest",
            "by ann: it lost mail",
            "release-status resume",
        ]);
        promote_proven(&fixture, TWO, &[])
            .code(1)
            .tells(&["no hold on latest", "2222222bbbb0000000000000000000000000bbbb not to be rejected"]);
        fixture.run("release-status").args(["resume", "--reason", "repaired"]).run().code(0);
        assert!(
            fixture
                .run("release-status")
                .args(["resume", "--reason", "again"])
                .run()
                .code(0)
                .stdout
                .contains("already")
        );
        promote_proven(&fixture, TWO, &[]).code(1).tells(&["not to be rejected"]);
        promote_proven(&fixture, THREE, &[]).code(0);
        promote_proven(&fixture, TWO, &["--lift-hold", "it was the network"]).code(0);
        assert_eq!(
            history(&fixture),
            ["promotion", "promotion", "rollback", "resume", "promotion", "promotion"]
        );
    }
}

#[test]
fn a_rollback_without_a_hold_leaves_promotions_free() {
    let fixture = published(Setup::default(), &[ONE, TWO]);
    promote_proven(&fixture, ONE, &[]).code(0);
    promote_proven(&fixture, TWO, &[]).code(0);
    fixture.run("rollback-latest").args(["--previous", "--no-hold"]).run().code(0);
    fixture.run("release-status").arg("--check").run().code(0);
    promote_proven(&fixture, TWO, &[]).code(0);
}

#[test]
fn lifting_a_hold_in_one_go_is_remembered_as_a_resume() {
    let fixture = published(Setup::default(), &[ONE, TWO, THREE]);
    promote_proven(&fixture, TWO, &[]).code(0);
    fixture.run("rollback-latest").arg(ONE).run().code(0);
    promote_proven(&fixture, THREE, &["--lift-hold", "repaired by hand"]).code(0);
    assert_eq!(history(&fixture), ["promotion", "rollback", "resume", "promotion"]);
}

#[test]
fn an_older_release_is_refused_unless_it_is_meant() {
    let fixture = published(Setup::default(), &[]);
    let run = |sha: &str, number: &str| {
        let layouts = fixture.layouts(sha);
        let images = fixture
            .repositories()
            .into_iter()
            .zip(layouts)
            .map(|(image, layout)| format!("--image={image}=oci:{}", layout.display()));
        let program = fixture.run("publish-staging").arg(sha).args(images).env("GITHUB_ACTIONS", "true");
        program.env("GITHUB_RUN_NUMBER", number).env("GITHUB_REPOSITORY", "acme/platform").run().code(0)
    };
    run(ONE, "7");
    run(TWO, "8");
    promote_proven(&fixture, TWO, &[]).code(0);
    promote_proven(&fixture, ONE, &[]).code(1).tells(&[
        "newer than the live one",
        "of runs 7 and 8",
        "--allow-older",
    ]);
    promote_proven(&fixture, ONE, &["--allow-older"]).code(0);
}

#[test]
fn in_a_checkout_ancestry_decides() {
    let fixture = published(Setup::default(), &[]);
    let git = |arguments: &[&str]| {
        let output = std::process::Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.invalid", "-c", "commit.gpgsign=false"])
            .args(arguments)
            .current_dir(fixture.folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    git(&["init", "--quiet"]);
    let shas = ["one", "two"].map(|message| {
        git(&["commit", "--quiet", "--allow-empty", "--date", "2026-01-01T00:00:00Z", "-m", message]);
        git(&["rev-parse", "HEAD"])
    });
    for sha in &shas {
        fixture.publish(sha).code(0);
    }
    promote_proven(&fixture, &shas[1], &[]).code(0);
    promote_proven(&fixture, &shas[0], &[]).code(1).tells(&["is an ancestor of live"]);
}

#[test]
fn a_registry_that_refuses_records_does_not_stop_a_rollback() {
    let fixture = published(Setup::default(), &[ONE, TWO]);
    promote_proven(&fixture, ONE, &[]).code(0);
    promote_proven(&fixture, TWO, &[]).code(0);
    fixture.registry.rule(When::any().method("PUT").path_contains("/manifests/release-").then(Fault::error(
        403,
        "DENIED",
        "read only",
    )));
    let done = fixture.run("rollback-latest").arg(ONE).with_result().run().code(0);
    let done = done.tells(&["warning:", "the rollback is not in the history", "no hold is placed"]);
    assert_eq!((fixture.latest(), done.json()["held"].as_bool()), (digests(ONE), Some(false)));
}

#[test]
fn a_changed_byte_in_the_middle_of_the_history_is_found_named_and_stops_promotions() {
    let fixture = published(Setup::default(), &[ONE, TWO, THREE]);
    promote_proven(&fixture, ONE, &[]).code(0);
    promote_proven(&fixture, TWO, &[]).code(0);
    let (media_type, manifest) = fixture.registry.manifest(IMAGES[0], "release-history").unwrap();
    let mut manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let layer = manifest["layers"][0]["digest"].as_str().unwrap().to_owned();
    let text = String::from_utf8(fixture.registry.blob(IMAGES[0], &layer).unwrap().to_vec()).unwrap();
    let forged = text.replacen(ONE, &ONE.replace("aaaa", "bbbb"), 1);
    manifest["layers"][0]["digest"] = fixture.registry.put_blob(IMAGES[0], forged.clone()).unwrap().into();
    fixture.registry.put_manifest(IMAGES[0], "release-history", &media_type, manifest.to_string()).unwrap();
    let done = fixture.run("release-status").arg("history").run().code(1);
    assert!(done.stdout.contains("the chain breaks: entry 1"), "{}", done.stdout);
    promote_proven(&fixture, THREE, &[]).code(1).tells(&["history entry 1", "as it was written"]);
    fixture.run("rollback-latest").args([ONE, "--no-hold"]).run().code(0);
    fixture.run("release-status").args(["resume", "--reason", "looked into"]).run().code(0);
    promote_proven(&fixture, THREE, &[]).code(0);
}

#[test]
fn twenty_writers_of_verdicts_at_once_lose_none() {
    for (fixture, _real) in registries() {
        fixture.publish(ONE).code(0);
        let minutes = |i: i64| (jiff::Timestamp::now() - jiff::SignedDuration::from_mins(i)).to_string();
        let documents: Vec<Value> = (0..20).map(|i| verdict(&fixture, ONE, "green", &minutes(i))).collect();
        std::thread::scope(|scope| {
            documents.iter().for_each(|document| drop(scope.spawn(|| attach(&fixture, ONE, document))));
        });
        let seen = through(&fixture, async |client, home| {
            let kept = releases::read(&client, &home, &ONE.parse().unwrap()).await.unwrap().unwrap();
            let listed =
                client.referrers(&home, &kept.name.digest).await.unwrap().of_type(VERDICT_TYPE).len();
            (evidence::of(&client, &kept).await.unwrap().len(), listed)
        });
        assert_eq!(seen, (20, 20));
    }
}

#[test]
fn twenty_writers_of_history_at_once_lose_none_and_the_chain_holds() {
    for (fixture, _real) in registries() {
        let write = |i: usize| {
            through(&fixture, async |client, home| {
                let mut entry = history::entry(
                    &client.context().env,
                    Event::Resume,
                    &"latest".parse().unwrap(),
                    None,
                    &[],
                    Some("test"),
                );
                entry.by = Some(format!("writer {i}"));
                history::append(&client, &home, &entry).await.unwrap();
            });
        };
        std::thread::scope(|scope| (0..20).for_each(|i| drop(scope.spawn(move || write(i)))));
        let json = fixture.run("release-status").arg("history").with_result().run().code(0).json();
        let writers: BTreeSet<&str> =
            json["entries"].as_array().unwrap().iter().map(|entry| entry["by"].as_str().unwrap()).collect();
        assert_eq!(writers.len(), 20);
    }
}

#[test]
fn a_rollback_that_was_killed_before_it_could_write_is_remembered_by_the_next_run() {
    let fixture = published(Setup::default(), &[ONE, TWO, THREE]);
    promote_proven(&fixture, ONE, &[]).code(0);
    promote_proven(&fixture, TWO, &[]).code(0);
    // What a killed rollback leaves: moved tags, and a history that does not know.
    fixture.stand_at(ONE);
    let done = fixture.run("rollback-latest").arg("--previous").with_result().run().code(0);
    assert!(done.stdout.contains("already") && done.json()["held"] == true, "{}", done.stdout);
    promote_proven(&fixture, THREE, &[]).code(1).tells(&["no hold on latest"]);
    assert_eq!(history(&fixture), ["promotion", "promotion", "rollback"]);
    fixture.run("rollback-latest").arg("--previous").run().code(0);
    assert_eq!(history(&fixture).len(), 3);
}

#[test]
fn the_post_mortem_is_drafted_and_filed_once_for_each_rejected_release() {
    let fixture = published(Setup::default(), &[ONE, TWO]);
    promote_proven(&fixture, ONE, &[]).code(0);
    promote_proven(&fixture, TWO, &[]).code(0);
    let github = crate::support::issue_server::IssueServer::start();
    let back = || {
        let program = fixture
            .run("rollback-latest")
            .args([ONE, "--open-issue", "--reason", "it lost mail"])
            .env("GITHUB_TOKEN", "gh-s3cr3t-token");
        program
            .env("GITHUB_REPOSITORY", "acme/platform")
            .env("GITHUB_API_URL", &github.url())
            .with_result()
            .run()
            .code(0)
    };
    let done = back();
    let draft = done.json()["post_mortem"].as_str().unwrap().to_owned();
    for words in [
        "# Rolled back latest from 2222222 to 1111111",
        "it lost mail",
        &digests(TWO)[0].clone().unwrap(),
        "Why did the canary not catch it?",
    ] {
        assert!(draft.contains(words), "`{words}` is not in\n{draft}");
    }
    assert!(
        std::fs::read_dir(fixture.folder.path()).unwrap().any(|f| f
            .unwrap()
            .file_name()
            .to_string_lossy()
            .starts_with("post-mortem-"))
    );
    assert_eq!(github.issues().len(), 1);
    assert!(github.issues()[0]["title"].as_str().unwrap().contains("Rolled back"));
    fixture.run("release-status").args(["resume", "--reason", "again"]).run().code(0);
    promote_proven(&fixture, TWO, &["--lift-hold", "another try"]).code(0);
    back();
    assert_eq!(github.issues().len(), 1);
    github.refuse();
    promote_proven(&fixture, TWO, &["--lift-hold", "third try"]).code(0);
    back().tells(&["warning:", "no issue is filed", "status 503"]);
}

#[test]
fn records_are_plain_artifacts_that_skopeo_can_read() {
    let Some(real) = DockerRegistry::start() else { return };
    let fixture = published(Setup { upstream: Some(real.address()), ..Setup::default() }, &[ONE]);
    promote_proven(&fixture, ONE, &[]).code(0);
    for tag in [&format!("release-{ONE}"), "release-history"] {
        assert!(skopeo_digest(&format!("{}/{}:{tag}", real.host(), IMAGES[0])).is_some(), "{tag}");
    }
}

#[test]
fn candidates_tell_when_they_were_live_how_they_left_and_what_was_proven() {
    let fixture = published(Setup::default(), &[ONE, TWO]);
    promote_proven(&fixture, ONE, &[]).code(0);
    promote_proven(&fixture, TWO, &[]).code(0);
    fixture.run("rollback-latest").arg("--previous").run().code(0);
    let json = fixture.run("rollback-latest").arg("--list").with_result().run().code(0).json();
    let candidate =
        |sha: &str| json["candidates"].as_array().unwrap().iter().find(|c| c["sha"] == sha).unwrap().clone();
    assert_eq!(candidate(TWO)["lives"][0]["left"], "rollback");
    assert_eq!(candidate(ONE)["lives"].as_array().unwrap().len(), 2);
    assert_eq!(candidate(ONE)["evidence"][0], "canary-smoke green");
}

#[test]
fn evidence_without_records_is_a_contradiction() {
    let fixture = Fixture::promoted();
    promote(&fixture, TWO, &["--require", "smoke"]).code(2).tells(&["records = false"]);
    assert_eq!(fixture.registry.log().len(), 0);
}

#[test]
fn the_canary_s_own_verdict_is_attached_and_promotes_what_it_proved() {
    for (fixture, _real) in registries() {
        fixture.publish(ONE).code(0);
        let host = fixture.registry.host();
        let tenant = |tag: &str| Tenant::start(TenantSetup::follow_tag(&host, IMAGES[0], tag)).unwrap();
        let canary = tenant(&format!("staging-{ONE}"));
        assert!(canary.runs(ONE, std::time::Duration::from_secs(10)));
        let smoke = |more: &[&str]| {
            let program = fixture.run("canary-smoke").args(["--suite", "smoke.toml"]).args(more);
            program
                .env("CANARY_TENANT_URLS", &canary.url())
                .env("CANARY_ADMIN_TOKENS", canary.token())
                .with_result()
                .run()
        };
        let suite = include_str!("../golden/smoke-quick.toml");
        std::fs::write(fixture.path("smoke.toml"), suite).unwrap();
        smoke(&["--sha", &ONE[..9], "--no-record"]).code(0);
        promote(&fixture, ONE, &[]).code(1).tells(&["found none"]);
        let done =
            smoke(&["--sha", &ONE[..9]]).code(0).tells(&["the verdict is attached to the record of 1111111"]);
        assert_eq!(done.json()["images"][1]["digest"].as_str(), digests(ONE)[1].as_deref());
        promote(&fixture, ONE, &["--suite", "smoke.toml"]).code(0);
        // The same suite on a build that the tenant does not run: inconclusive, attached, and not enough.
        fixture.publish(TWO).code(0);
        smoke(&["--sha", TWO]).code(3);
        promote(&fixture, TWO, &[]).code(1).tells(&["found inconclusive at"]);
    }
}

#[test]
fn a_verdict_that_cannot_be_recorded_stays_what_it_is() {
    let fixture = published(Setup::default(), &[ONE]);
    let canary = Tenant::start(TenantSetup::fixed(ONE)).unwrap();
    std::fs::write(fixture.path("smoke.toml"), include_str!("../golden/smoke-quick.toml")).unwrap();
    fixture.registry.rule(When::any().method("PUT").then(Fault::error(403, "DENIED", "read only")));
    let program = fixture.run("canary-smoke").args(["--sha", ONE]).env("CANARY_TENANT_URLS", &canary.url());
    program.env("CANARY_ADMIN_TOKENS", canary.token()).run().code(0).tells(&[
        "warning: the verdict is not recorded",
        "403",
        "--no-record",
    ]);
}

/// Attaches a verdict as `canary-smoke` does.
fn attach(fixture: &Fixture, sha: &str, document: &Value) {
    attach_text(fixture, sha, &document.to_string());
}

fn attach_text(fixture: &Fixture, sha: &str, document: &str) {
    through(fixture, async |client, home| {
        let kept = releases::read(&client, &home, &sha.parse().unwrap()).await.unwrap().unwrap();
        evidence::attach(&client, &kept, document.as_bytes().to_vec()).await.unwrap();
    });
}

/// Runs `work` with a client of its own, as a process would have.
fn through<T>(fixture: &Fixture, work: impl AsyncFnOnce(Client<'_>, Repository) -> T) -> T {
    let console = Console::new(Loudness::Quiet, false, coalmine::io::console::hidden());
    let context = Context { env: Env::of([]), console, stop: Stop::default() };
    let home: Repository = fixture.repositories()[0].parse().unwrap();
    let until = coalmine::io::clock::instant() + std::time::Duration::from_secs(60);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client =
        Client::new(&context, Access::PullPush, vec![home.registry().clone()], Vec::new(), until).unwrap();
    runtime.block_on(work(client, home))
}
