//! The history is a chain that loses no entry and hides no change.

use std::collections::BTreeSet;

use coalmine::ledger::history;
use coalmine::model::history::Event;
use coalmine_sandbox::Setup;
use serde_json::Value;

use crate::support::docker_registry::{DockerRegistry, skopeo_digest};
use crate::support::records::{promote_proven, published, registries, through};
use crate::support::{IMAGES, ONE, THREE, TWO};

#[test]
fn a_changed_byte_in_the_middle_of_the_history_is_found_named_and_stops_promotions() {
    let fixture = published(Setup::default(), &[ONE, TWO, THREE]);
    promote_proven(&fixture, ONE, &[]).code(0);
    promote_proven(&fixture, TWO, &[]).code(0);
    let (media_type, manifest) = fixture.registry.manifest(IMAGES[0], "release-history").unwrap();
    let mut manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let text = manifest["annotations"]["dev.coalmine.history"].as_str().unwrap().to_owned();
    let forged = text.replacen(ONE, &ONE.replace("aaaa", "bbbb"), 1);
    manifest["annotations"]["dev.coalmine.history"] = forged.into();
    fixture.registry.put_manifest(IMAGES[0], "release-history", &media_type, manifest.to_string()).unwrap();
    let done = fixture.run("release-status").arg("history").run().code(1);
    assert!(done.stdout.contains("the history was changed: entry 1"), "{}", done.stdout);
    promote_proven(&fixture, THREE, &[]).code(1).tells(&["history entry 1", "as it was written"]);
    fixture.run("rollback-latest").args([ONE, "--no-hold"]).run().code(0);
    fixture.run("release-status").args(["resume", "--reason", "looked into"]).run().code(0);
    promote_proven(&fixture, THREE, &[]).code(0);
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
                history::append::append(&client, &home, &entry).await.unwrap();
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
