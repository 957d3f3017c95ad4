//! The registry remembers: records, evidence, holds, history; with the referrers API and without it.

use std::collections::BTreeSet;

use crate::support::docker_registry::{DockerRegistry, skopeo_digest};
use crate::support::{Bench, Done, IMAGES, ONE, THREE, TWO, digests, single};
use coalmine::io::env::Env;
use coalmine::io::registry::client::{Access, Client};
use coalmine::io::stop::Stop;
use coalmine::io::story::{Loudness, Story};
use coalmine::io::world::World;
use coalmine::model::history::Event;
use coalmine::model::record::VERDICT_TYPE;
use coalmine::model::repository::Repository;
use coalmine::tool::{chronicle, records};
use coalmine_sandbox::{Fault, Setup, Tenant, TenantSetup, When, sha256};
use serde_json::{Value, json};

/// A registry where `shas` are published with records.
fn published(setup: Setup, shas: &[&str]) -> Bench {
    let bench = Bench::with(setup);
    bench.configure("");
    for sha in shas {
        bench.publish(sha).code(0);
    }
    bench
}

/// Each registry that these tests run against: with the referrers API, without it, and a real one that has none.
fn registries() -> Vec<(Bench, Option<DockerRegistry>)> {
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
fn verdict(bench: &Bench, sha: &str, word: &str, finished: &str) -> Value {
    let images: Vec<Value> = bench
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

fn file(bench: &Bench, name: &str, document: &Value) -> String {
    let path = bench.path(name);
    std::fs::write(&path, document.to_string()).unwrap();
    path.display().to_string()
}

fn promote(bench: &Bench, sha: &str, more: &[&str]) -> Done {
    bench.run("promote-latest").arg(sha).args(more).with_result().run()
}

/// Promotes with a fresh green verdict in a file.
fn promote_proven(bench: &Bench, sha: &str, more: &[&str]) -> Done {
    let evidence = file(bench, &format!("green-{sha}.json"), &verdict(bench, sha, "green", &now()));
    bench.run("promote-latest").args([sha, "--evidence", &evidence]).args(more).with_result().run()
}

fn history(bench: &Bench) -> Vec<String> {
    let json = bench.run("release-status").arg("history").with_result().run().code(0).json();
    json["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["event"]["kind"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn without_evidence_nothing_is_promoted_with_it_it_is_and_that_is_remembered() {
    for (bench, _real) in registries() {
        bench.publish(ONE).code(0);
        promote(&bench, ONE, &[]).code(1).tells(&["green smoke evidence", "found none", "canary-smoke"]);
        assert_eq!(bench.seen("PUT", "latest"), 0);
        let done = promote_proven(&bench, ONE, &[]).code(0);
        assert!(done.json()["release"].as_str().unwrap().contains("/acme/platform@sha256:"));
        assert_eq!(history(&bench), ["promotion"]);
        // The evidence was recorded with the promotion: it counts without its file now.
        bench.publish(TWO).code(0);
        promote_proven(&bench, TWO, &[]).code(0);
        bench.run("rollback-latest").args([ONE, "--no-hold"]).run().code(0);
        promote(&bench, TWO, &["--dry-run"]).code(0);
    }
}

#[test]
fn evidence_about_anything_else_is_refused_each_with_its_own_words() {
    let bench = published(Setup::default(), &[ONE]);
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
        let mut document = verdict(&bench, ONE, "green", &now());
        change(&mut document);
        promote(&bench, ONE, &["--evidence", &file(&bench, "evidence.json", &document)])
            .code(1)
            .tells(&[words]);
    }
    let whole = verdict(&bench, ONE, "green", &now()).to_string();
    std::fs::write(bench.path("cut.json"), &whole[..whole.len() / 2]).unwrap();
    promote(&bench, ONE, &["--evidence", "cut.json"])
        .code(1)
        .tells(&["cut.json: a verdict that cannot be read"]);
    promote(&bench, ONE, &["--evidence", "missing.json"]).code(2).tells(&["missing.json"]);
    assert_eq!(bench.latest(), [None, None]);
}

#[test]
fn only_evidence_of_the_suite_that_is_named_counts() {
    let bench = published(Setup::default(), &[ONE]);
    std::fs::write(bench.path("other.toml"), "another suite").unwrap();
    std::fs::write(bench.path("smoke.toml"), "suite").unwrap();
    promote_proven(&bench, ONE, &["--suite", "other.toml"]).code(1).tells(&["only of another suite"]);
    promote_proven(&bench, ONE, &["--suite", "smoke.toml"]).code(0);
}

#[test]
fn red_evidence_that_came_later_outranks_an_older_green() {
    for (bench, _real) in registries() {
        bench.publish(ONE).code(0);
        attach(&bench, ONE, &verdict(&bench, ONE, "green", &hours_ago(2)));
        promote(&bench, ONE, &["--dry-run"]).code(0);
        attach(&bench, ONE, &verdict(&bench, ONE, "red", &hours_ago(1)));
        promote(&bench, ONE, &[]).code(1).tells(&["found red at"]);
        attach(&bench, ONE, &verdict(&bench, ONE, "green", &now()));
        promote(&bench, ONE, &[]).code(0);
    }
}

#[test]
fn a_truncated_verdict_in_the_registry_may_have_been_a_red_one() {
    let bench = published(Setup::default(), &[ONE]);
    attach_text(&bench, ONE, "{\"format\":1,\"verd");
    promote_proven(&bench, ONE, &[]).code(1).tells(&["a verdict that cannot be read"]);
}

#[test]
fn a_staging_tag_that_was_moved_behind_its_record_is_refused() {
    let bench = published(Setup::default(), &[ONE, TWO]);
    bench.registry.move_tag(IMAGES[0], &format!("staging-{ONE}"), single(TWO).digest()).unwrap();
    promote_proven(&bench, ONE, &[]).code(1).tells(&[
        IMAGES[0],
        "as recorded",
        single(ONE).digest(),
        single(TWO).digest(),
    ]);
    bench.stage(THREE);
    promote_proven(&bench, THREE, &[]).code(1).tells(&["the record release-3333333", "no such record"]);
}

#[test]
fn a_rollback_holds_until_somebody_resumes_and_what_it_rejected_stays_rejected() {
    for (bench, _real) in registries() {
        for sha in [ONE, TWO, THREE] {
            bench.publish(sha).code(0);
        }
        promote_proven(&bench, ONE, &[]).code(0);
        promote_proven(&bench, TWO, &[]).code(0);
        let back = bench
            .run("rollback-latest")
            .args([&ONE[..7], "--reason", "it lost mail"])
            .env("USER", "ann")
            .with_result()
            .run()
            .code(0);
        assert_eq!((back.json()["held"].as_bool(), bench.latest()), (Some(true), digests(ONE)));
        bench.run("release-status").arg("--check").run().code(1);
        promote_proven(&bench, THREE, &[]).code(1).tells(&[
            "no hold on latest",
            "by ann: it lost mail",
            "release-status resume",
        ]);
        promote_proven(&bench, TWO, &[])
            .code(1)
            .tells(&["no hold on latest", "2222222bbbb0000000000000000000000000bbbb not to be rejected"]);
        bench.run("release-status").args(["resume", "--reason", "repaired"]).run().code(0);
        assert!(
            bench
                .run("release-status")
                .args(["resume", "--reason", "again"])
                .run()
                .code(0)
                .stdout
                .contains("already")
        );
        promote_proven(&bench, TWO, &[]).code(1).tells(&["not to be rejected"]);
        promote_proven(&bench, THREE, &[]).code(0);
        promote_proven(&bench, TWO, &["--lift-hold", "it was the network"]).code(0);
        assert_eq!(
            history(&bench),
            ["promotion", "promotion", "rollback", "resume", "promotion", "promotion"]
        );
    }
}

#[test]
fn a_rollback_without_a_hold_leaves_promotions_free() {
    let bench = published(Setup::default(), &[ONE, TWO]);
    promote_proven(&bench, ONE, &[]).code(0);
    promote_proven(&bench, TWO, &[]).code(0);
    bench.run("rollback-latest").args(["--previous", "--no-hold"]).run().code(0);
    bench.run("release-status").arg("--check").run().code(0);
    promote_proven(&bench, TWO, &[]).code(0);
}

#[test]
fn lifting_a_hold_in_one_go_is_remembered_as_a_resume() {
    let bench = published(Setup::default(), &[ONE, TWO, THREE]);
    promote_proven(&bench, TWO, &[]).code(0);
    bench.run("rollback-latest").arg(ONE).run().code(0);
    promote_proven(&bench, THREE, &["--lift-hold", "repaired by hand"]).code(0);
    assert_eq!(history(&bench), ["promotion", "rollback", "resume", "promotion"]);
}

#[test]
fn an_older_release_is_refused_unless_it_is_meant() {
    let bench = published(Setup::default(), &[]);
    let run = |sha: &str, number: &str| {
        let layouts = bench.layouts(sha);
        let images = bench
            .repositories()
            .into_iter()
            .zip(layouts)
            .map(|(image, layout)| format!("--image={image}=oci:{}", layout.display()));
        let program = bench.run("publish-staging").arg(sha).args(images).env("GITHUB_ACTIONS", "true");
        program.env("GITHUB_RUN_NUMBER", number).env("GITHUB_REPOSITORY", "acme/platform").run().code(0)
    };
    run(ONE, "7");
    run(TWO, "8");
    promote_proven(&bench, TWO, &[]).code(0);
    promote_proven(&bench, ONE, &[]).code(1).tells(&[
        "newer than the live one",
        "of runs 7 and 8",
        "--allow-older",
    ]);
    promote_proven(&bench, ONE, &["--allow-older"]).code(0);
}

#[test]
fn in_a_checkout_ancestry_decides() {
    let bench = published(Setup::default(), &[]);
    let git = |arguments: &[&str]| {
        let output = std::process::Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.invalid", "-c", "commit.gpgsign=false"])
            .args(arguments)
            .current_dir(bench.folder.path())
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
        bench.publish(sha).code(0);
    }
    promote_proven(&bench, &shas[1], &[]).code(0);
    promote_proven(&bench, &shas[0], &[]).code(1).tells(&["is an ancestor of live"]);
}

#[test]
fn a_registry_that_refuses_records_does_not_stop_a_rollback() {
    let bench = published(Setup::default(), &[ONE, TWO]);
    promote_proven(&bench, ONE, &[]).code(0);
    promote_proven(&bench, TWO, &[]).code(0);
    bench.registry.rule(When::any().method("PUT").path_contains("/manifests/release-").then(Fault::error(
        403,
        "DENIED",
        "read only",
    )));
    let done = bench.run("rollback-latest").arg(ONE).with_result().run().code(0);
    let done = done.tells(&["warning:", "the rollback is not in the history", "no hold is placed"]);
    assert_eq!((bench.latest(), done.json()["held"].as_bool()), (digests(ONE), Some(false)));
}

#[test]
fn a_changed_byte_in_the_middle_of_the_history_is_found_named_and_stops_promotions() {
    let bench = published(Setup::default(), &[ONE, TWO, THREE]);
    promote_proven(&bench, ONE, &[]).code(0);
    promote_proven(&bench, TWO, &[]).code(0);
    let (media_type, manifest) = bench.registry.manifest(IMAGES[0], "release-history").unwrap();
    let mut manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let layer = manifest["layers"][0]["digest"].as_str().unwrap().to_owned();
    let text = String::from_utf8(bench.registry.blob(IMAGES[0], &layer).unwrap().to_vec()).unwrap();
    let forged = text.replacen(ONE, &ONE.replace("aaaa", "bbbb"), 1);
    manifest["layers"][0]["digest"] = bench.registry.put_blob(IMAGES[0], forged.clone()).unwrap().into();
    bench.registry.put_manifest(IMAGES[0], "release-history", &media_type, manifest.to_string()).unwrap();
    let done = bench.run("release-status").arg("history").run().code(1);
    assert!(done.stdout.contains("the chain breaks: entry 1"), "{}", done.stdout);
    promote_proven(&bench, THREE, &[]).code(1).tells(&["history entry 1", "as it was written"]);
    bench.run("rollback-latest").args([ONE, "--no-hold"]).run().code(0);
    bench.run("release-status").args(["resume", "--reason", "looked into"]).run().code(0);
    promote_proven(&bench, THREE, &[]).code(0);
}

#[test]
fn twenty_writers_of_verdicts_at_once_lose_none() {
    for (bench, _real) in registries() {
        bench.publish(ONE).code(0);
        let minutes = |i: i64| (jiff::Timestamp::now() - jiff::SignedDuration::from_mins(i)).to_string();
        let documents: Vec<Value> = (0..20).map(|i| verdict(&bench, ONE, "green", &minutes(i))).collect();
        std::thread::scope(|scope| {
            documents.iter().for_each(|document| drop(scope.spawn(|| attach(&bench, ONE, document))));
        });
        let seen = through(&bench, async |client, home| {
            let kept = records::read(&client, &home, &ONE.parse().unwrap()).await.unwrap().unwrap();
            let listed =
                client.referrers(&home, &kept.name.digest).await.unwrap().of_type(VERDICT_TYPE).len();
            (records::evidence(&client, &kept).await.unwrap().len(), listed)
        });
        assert_eq!(seen, (20, 20));
    }
}

#[test]
fn twenty_writers_of_history_at_once_lose_none_and_the_chain_holds() {
    for (bench, _real) in registries() {
        let write = |i: usize| {
            through(&bench, async |client, home| {
                let mut entry = chronicle::entry(
                    &client.world().env,
                    Event::Resume,
                    &"latest".parse().unwrap(),
                    None,
                    &[],
                    Some("test"),
                );
                entry.by = Some(format!("writer {i}"));
                chronicle::append(&client, &home, &entry).await.unwrap();
            });
        };
        std::thread::scope(|scope| (0..20).for_each(|i| drop(scope.spawn(move || write(i)))));
        let json = bench.run("release-status").arg("history").with_result().run().code(0).json();
        let writers: BTreeSet<&str> =
            json["entries"].as_array().unwrap().iter().map(|entry| entry["by"].as_str().unwrap()).collect();
        assert_eq!(writers.len(), 20);
    }
}

#[test]
fn a_rollback_that_was_killed_before_it_could_write_is_remembered_by_the_next_run() {
    let bench = published(Setup::default(), &[ONE, TWO, THREE]);
    promote_proven(&bench, ONE, &[]).code(0);
    promote_proven(&bench, TWO, &[]).code(0);
    // What a killed rollback leaves: moved tags, and a history that does not know.
    bench.stand_at(ONE);
    let done = bench.run("rollback-latest").arg("--previous").with_result().run().code(0);
    assert!(done.stdout.contains("already") && done.json()["held"] == true, "{}", done.stdout);
    promote_proven(&bench, THREE, &[]).code(1).tells(&["no hold on latest"]);
    assert_eq!(history(&bench), ["promotion", "promotion", "rollback"]);
    bench.run("rollback-latest").arg("--previous").run().code(0);
    assert_eq!(history(&bench).len(), 3);
}

#[test]
fn the_post_mortem_is_drafted_and_filed_once_for_each_rejected_release() {
    let bench = published(Setup::default(), &[ONE, TWO]);
    promote_proven(&bench, ONE, &[]).code(0);
    promote_proven(&bench, TWO, &[]).code(0);
    let github = crate::issue_server::IssueServer::start();
    let back = || {
        let program = bench
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
        std::fs::read_dir(bench.folder.path()).unwrap().any(|f| f
            .unwrap()
            .file_name()
            .to_string_lossy()
            .starts_with("post-mortem-"))
    );
    assert_eq!(github.issues().len(), 1);
    assert!(github.issues()[0]["title"].as_str().unwrap().contains("Rolled back"));
    bench.run("release-status").args(["resume", "--reason", "again"]).run().code(0);
    promote_proven(&bench, TWO, &["--lift-hold", "another try"]).code(0);
    back();
    assert_eq!(github.issues().len(), 1);
    github.refuse();
    promote_proven(&bench, TWO, &["--lift-hold", "third try"]).code(0);
    back().tells(&["warning:", "no issue is filed", "status 503"]);
}

#[test]
fn records_are_plain_artifacts_that_skopeo_can_read() {
    let Some(real) = DockerRegistry::start() else { return };
    let bench = published(Setup { upstream: Some(real.address()), ..Setup::default() }, &[ONE]);
    promote_proven(&bench, ONE, &[]).code(0);
    for tag in [&format!("release-{ONE}"), "release-history"] {
        assert!(skopeo_digest(&format!("{}/{}:{tag}", real.host(), IMAGES[0])).is_some(), "{tag}");
    }
}

#[test]
fn candidates_tell_when_they_were_live_how_they_left_and_what_was_proven() {
    let bench = published(Setup::default(), &[ONE, TWO]);
    promote_proven(&bench, ONE, &[]).code(0);
    promote_proven(&bench, TWO, &[]).code(0);
    bench.run("rollback-latest").arg("--previous").run().code(0);
    let json = bench.run("rollback-latest").arg("--list").with_result().run().code(0).json();
    let candidate =
        |sha: &str| json["candidates"].as_array().unwrap().iter().find(|c| c["sha"] == sha).unwrap().clone();
    assert_eq!(candidate(TWO)["lives"][0]["left"], "rollback");
    assert_eq!(candidate(ONE)["lives"].as_array().unwrap().len(), 2);
    assert_eq!(candidate(ONE)["evidence"][0], "canary-smoke green");
}

#[test]
fn evidence_without_records_is_a_contradiction() {
    let bench = Bench::promoted();
    promote(&bench, TWO, &["--require", "smoke"]).code(2).tells(&["records = false"]);
    assert_eq!(bench.registry.log().len(), 0);
}

#[test]
fn the_canary_s_own_verdict_is_attached_and_promotes_what_it_proved() {
    for (bench, _real) in registries() {
        bench.publish(ONE).code(0);
        let host = bench.registry.host();
        let tenant = |tag: &str| Tenant::start(TenantSetup::follow_tag(&host, IMAGES[0], tag)).unwrap();
        let canary = tenant(&format!("staging-{ONE}"));
        assert!(canary.runs(ONE, std::time::Duration::from_secs(10)));
        let smoke = |more: &[&str]| {
            let program = bench.run("canary-smoke").args(["--suite", "smoke.toml"]).args(more);
            program
                .env("CANARY_TENANT_URLS", &canary.url())
                .env("CANARY_ADMIN_TOKENS", canary.token())
                .with_result()
                .run()
        };
        let suite = include_str!("../golden/smoke-quick.toml");
        std::fs::write(bench.path("smoke.toml"), suite).unwrap();
        smoke(&["--sha", &ONE[..9], "--no-record"]).code(0);
        promote(&bench, ONE, &[]).code(1).tells(&["found none"]);
        let done =
            smoke(&["--sha", &ONE[..9]]).code(0).tells(&["the verdict is attached to the record of 1111111"]);
        assert_eq!(done.json()["images"][1]["digest"].as_str(), digests(ONE)[1].as_deref());
        promote(&bench, ONE, &["--suite", "smoke.toml"]).code(0);
        // The same suite on a build that the tenant does not run: inconclusive, attached, and not enough.
        bench.publish(TWO).code(0);
        smoke(&["--sha", TWO]).code(3);
        promote(&bench, TWO, &[]).code(1).tells(&["found inconclusive at"]);
    }
}

#[test]
fn a_verdict_that_cannot_be_recorded_stays_what_it_is() {
    let bench = published(Setup::default(), &[ONE]);
    let canary = Tenant::start(TenantSetup::fixed(ONE)).unwrap();
    std::fs::write(bench.path("smoke.toml"), include_str!("../golden/smoke-quick.toml")).unwrap();
    bench.registry.rule(When::any().method("PUT").then(Fault::error(403, "DENIED", "read only")));
    let program = bench.run("canary-smoke").args(["--sha", ONE]).env("CANARY_TENANT_URLS", &canary.url());
    program.env("CANARY_ADMIN_TOKENS", canary.token()).run().code(0).tells(&[
        "warning: the verdict is not recorded",
        "403",
        "--no-record",
    ]);
}

/// Attaches a verdict as `canary-smoke` does.
fn attach(bench: &Bench, sha: &str, document: &Value) {
    attach_text(bench, sha, &document.to_string());
}

fn attach_text(bench: &Bench, sha: &str, document: &str) {
    through(bench, async |client, home| {
        let kept = records::read(&client, &home, &sha.parse().unwrap()).await.unwrap().unwrap();
        records::attach(&client, &kept, document.as_bytes().to_vec()).await.unwrap();
    });
}

/// Runs `work` with a client of its own, as a process would have.
fn through<T>(bench: &Bench, work: impl AsyncFnOnce(Client<'_>, Repository) -> T) -> T {
    let story = Story::new(Loudness::Quiet, false, coalmine::io::story::hidden());
    let world = World { env: Env::of([]), story, stop: Stop::default() };
    let home: Repository = bench.repositories()[0].parse().unwrap();
    let until = coalmine::io::clock::instant() + std::time::Duration::from_secs(60);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client =
        Client::new(&world, Access::PullPush, vec![home.registry().clone()], Vec::new(), until).unwrap();
    runtime.block_on(work(client, home))
}
