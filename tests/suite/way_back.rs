//! There is a way back at 3 a.m.: the list shows where one can go, and what a clean-up deleted, what is broken and what
//! nobody may read does not end it.

use coalmine::io::registry::artifacts::Artifact;
use coalmine::model::record::HISTORY_TYPE;
use coalmine_sandbox::{Fault, Setup, When};
use serde_json::Value;

use crate::support::records::published;
use crate::support::{Done, Fixture, IMAGES, ONE, THREE, TWO, digests, release};

/// `ONE`, `TWO` and `THREE` published; the first two promoted.
fn promoted_twice() -> Fixture {
    let fixture = published(Setup::default(), &[ONE, TWO, THREE]);
    for sha in [ONE, TWO] {
        promote(&fixture, sha).code(0);
    }
    fixture
}

fn promote(fixture: &Fixture, sha: &str) -> Done {
    fixture.run("promote-latest").args([sha, "--no-require"]).run()
}

fn rollback(fixture: &Fixture, arguments: &[&str]) -> Done {
    fixture.run("rollback-latest").args(arguments).with_result().run()
}

fn status(fixture: &Fixture, arguments: &[&str]) -> Done {
    fixture.run("release-status").args(arguments).with_result().run()
}

fn delete_tags(fixture: &Fixture, begin: &str) {
    for name in IMAGES {
        for tag in fixture.registry.tags(name).iter().filter(|tag| tag.starts_with(begin)) {
            fixture.registry.delete_tag(name, tag).unwrap();
        }
    }
}

/// Each sha of the list with its marks.
fn listed(done: &Done) -> Vec<(String, Vec<String>)> {
    let json = done.json();
    let words =
        |value: &Value| value.as_array().unwrap().iter().map(|v| v.as_str().unwrap().to_owned()).collect();
    let row = |row: &Value| (row["sha"].as_str().unwrap().to_owned(), words(&row["marks"]));
    json["candidates"].as_array().unwrap().iter().map(row).collect()
}

fn row(sha: &str, marks: &[&str]) -> (String, Vec<String>) {
    (sha.to_owned(), marks.iter().map(|mark| (*mark).to_owned()).collect())
}

#[test]
fn the_list_begins_with_what_was_live_and_marks_live_previous_and_rejected() {
    let fixture = promoted_twice();
    assert_eq!(
        listed(&rollback(&fixture, &["--list"]).code(0)),
        [row(TWO, &["live"]), row(ONE, &["previous"]), row(THREE, &[])]
    );
    promote(&fixture, THREE).code(0);
    rollback(&fixture, &[TWO]).code(0);
    let list = rollback(&fixture, &["--list"]).code(0);
    assert_eq!(listed(&list), [row(TWO, &["live", "previous"]), row(THREE, &["rejected"]), row(ONE, &[])]);
    assert!(list.stdout.contains("live, previous") && list.stdout.contains("rejected"), "{}", list.stdout);
}

#[test]
fn the_list_shows_ten_releases_and_all_of_them_when_asked() {
    let fixture = promoted_twice();
    for i in 0..40 {
        for (name, image) in IMAGES.iter().zip(release(THREE)) {
            fixture.registry.move_tag(name, &format!("staging-{i:07x}"), image.digest()).unwrap();
        }
    }
    let list = rollback(&fixture, &["--list"]).code(0);
    assert_eq!(listed(&list).len(), 10);
    let shas: Vec<String> = listed(&list).into_iter().map(|(sha, _)| sha).collect();
    assert!([ONE, TWO].iter().all(|sha| shas.iter().any(|s| s == sha)), "{shas:?}");
    assert!(list.stdout.contains("33 more: --all lists them"), "{}", list.stdout);
    assert_eq!(listed(&rollback(&fixture, &["--list", "--all"]).code(0)).len(), 43);
}

#[test]
fn a_clean_up_of_staging_tags_does_not_end_the_way_back() {
    for target in [&ONE[..7], ONE, "--previous"] {
        for records in [true, false] {
            let fixture = promoted_twice();
            delete_tags(&fixture, "staging-");
            if !records {
                delete_tags(&fixture, "release-1");
                delete_tags(&fixture, "release-2");
            }
            let list = rollback(&fixture, &["--list"]).code(0);
            assert!(list.stdout.contains(ONE) && !list.stdout.contains("broken"), "{}", list.stdout);
            let done = rollback(&fixture, &[target]).code(0);
            assert_eq!(
                (fixture.latest(), done.json()["sha"].as_str()),
                (digests(ONE), Some(ONE)),
                "{target}"
            );
        }
    }
}

#[test]
fn a_check_of_a_live_release_whose_staging_tag_is_gone_is_green_and_names_it() {
    let fixture = promoted_twice();
    delete_tags(&fixture, "staging-");
    assert!(status(&fixture, &["--check"]).code(0).stdout.contains(&format!("latest is {TWO}")));
    let by_tags = Fixture::promoted();
    delete_tags(&by_tags, "staging-");
    status(&by_tags, &["--check"]).code(1).stdout.find("no staging tag, record or history names").unwrap();
    by_tags.stage(ONE);
    by_tags.stage(TWO);
    by_tags.registry.move_tag(IMAGES[0], "latest", release(TWO)[0].digest()).unwrap();
    let split = status(&by_tags, &["--check"]).code(1);
    for words in [
        "the images are at different releases",
        "acme/platform at 2222222",
        "acme/platform-tenant at 1111111",
    ] {
        assert!(split.stdout.contains(words), "{words}: {}", split.stdout);
    }
}

#[test]
fn a_broken_live_image_does_not_block_the_promotion_of_the_repair() {
    let fixture = promoted_twice();
    let child = release(TWO)[1].children()[0].digest.clone();
    fixture.registry.delete_manifest(IMAGES[1], &child).unwrap();
    promote(&fixture, THREE).code(0).tells(&[
        "acme/platform-tenant gets no latest-previous",
        "what is live is broken",
        &child,
    ]);
    assert_eq!(
        (fixture.latest(), fixture.tag("latest-previous")[0].clone()),
        (digests(THREE), digests(TWO)[0].clone())
    );
    // What is whole and cannot be anchored stops it as before.
    let fixture = promoted_twice();
    let refused = Fault::error(400, "MANIFEST_INVALID", "no");
    fixture.registry.rule(When::any().method("PUT").reference("latest-previous").then(refused));
    promote(&fixture, THREE).code(1);
    assert_eq!(fixture.latest(), digests(TWO));
}

#[test]
fn what_is_under_the_tags_of_the_history_and_is_no_entry_is_skipped_and_said() {
    let fixture = promoted_twice();
    let foreign = ["release-history-1", "release-history-1795227489100-e19b38fce2029ef7"];
    for tag in foreign {
        fixture.registry.move_tag(IMAGES[0], tag, release(ONE)[0].digest()).unwrap();
    }
    for arguments in [&[][..], &["history"], &["candidates"], &["--check"]] {
        status(&fixture, arguments)
            .code(0)
            .tells(&["release-history-1795227489100-e19b38fce2029ef7 is no entry"]);
    }
    promote(&fixture, THREE).code(0);
    rollback(&fixture, &[TWO]).code(0);
    status(&fixture, &["resume", "--reason", "repaired"]).code(0);
    let history = status(&fixture, &["history"]).code(0).json();
    assert_eq!(history["entries"].as_array().unwrap().len(), 5);
    // One that the registry does not give out is left out too.
    let denied = Fault::error(403, "DENIED", "no");
    fixture.registry.rule(When::any().reference(foreign[1]).then(denied));
    status(&fixture, &[]).code(0).tells(&["is left out", "403"]);
}

#[test]
fn a_lost_history_document_stops_promotions_with_a_command_that_works_and_nothing_else() {
    for lost in [true, false] {
        let fixture = promoted_twice();
        rollback(&fixture, &[ONE]).code(0);
        let begun = status(&fixture, &["restart-history", "--reason", "a test of it"]).code(0);
        assert!(begun.stdout.contains("begins anew"));
        if lost {
            // As older versions wrote it: with a blob, which a clean-up of blobs took.
            let blob = with_a_blob(&fixture);
            fixture.registry.delete_blob(IMAGES[0], &blob).unwrap();
        } else {
            fixture.registry.move_tag(IMAGES[0], "release-history", release(ONE)[0].digest()).unwrap();
        }
        for arguments in [&[][..], &["candidates"], &["history"]] {
            status(&fixture, arguments).code(0).tells(&["the history cannot be read"]);
        }
        rollback(&fixture, &["--list"]).code(0);
        status(&fixture, &["--check"]).code(1);
        status(&fixture, &["resume", "--reason", "repaired"]).code(0);
        promote(&fixture, THREE).code(1).tells(&["restart-history"]);
        rollback(&fixture, &[ONE]).code(0);
        status(&fixture, &["restart-history", "--reason", "it was lost"]).code(0);
        promote(&fixture, THREE).code(0);
    }
}

/// Writes the document of the history as a blob, and says which.
fn with_a_blob(fixture: &Fixture) -> String {
    let document = r#"{"format":1,"entries":[]}"#;
    crate::support::records::through(fixture, async |client, home| {
        let artifact = Artifact::of(HISTORY_TYPE, document.into(), None, &[]);
        client.put_artifact(&home, &artifact, Some(&"release-history".parse().unwrap())).await.unwrap();
    });
    coalmine_sandbox::sha256(document.as_bytes())
}

#[test]
fn reading_never_needs_the_repository_of_the_records() {
    let fixture = Fixture::with(Setup::default());
    fixture.configure(&format!("[release]\nhome = \"{}/acme/records\"\n", fixture.registry.host()));
    for sha in [ONE, TWO] {
        fixture.publish(sha).code(0);
        promote(&fixture, sha).code(0);
    }
    let denied = Fault::error(403, "DENIED", "not for you");
    fixture.registry.rule(When::any().repository("acme/records").then(denied));
    assert!(status(&fixture, &[]).code(0).tells(&["the history cannot be read"]).stdout.contains(TWO));
    assert!(status(&fixture, &["candidates"]).code(0).stdout.contains(ONE));
    rollback(&fixture, &["--list"]).code(0);
    promote(&fixture, ONE).code(1).tells(&["403"]);
    let done = rollback(&fixture, &[ONE]).code(0).tells(&["the history cannot be read"]);
    assert_eq!((fixture.latest(), done.json()["held"].as_bool()), (digests(ONE), Some(true)), "by its tags");
    let doctor = status(&fixture, &["doctor"]).code(1);
    assert!(
        doctor.stdout.contains("acme/records: read") && doctor.stdout.contains("403"),
        "{}",
        doctor.stdout
    );
}

#[test]
fn a_403_on_the_second_image_is_found_before_the_first_is_moved() {
    let deny = |fixture: &Fixture| {
        for method in ["PUT", "POST", "PATCH"] {
            let denied = Fault::error(403, "DENIED", "read only");
            fixture.registry.rule(When::any().method(method).repository(IMAGES[1]).then(denied));
        }
        fixture.registry.clear_log();
    };
    let published_once = published(Setup::default(), &[THREE]);
    for (fixture, program, arguments) in [
        (published_once, "promote-latest", [THREE, "--no-require"]),
        (promoted_twice(), "promote-latest", [THREE, "--no-require"]),
        (promoted_twice(), "rollback-latest", [ONE, "--no-hold"]),
        (promoted_twice(), "rollback-latest", [ONE, "--reason=x"]),
    ] {
        let before = fixture.latest();
        deny(&fixture);
        fixture.run(program).args(arguments).run().code(1).tells(&["acme/platform-tenant", "403"]);
        assert_eq!((fixture.latest(), fixture.seen("PUT", "latest")), (before, 0), "{program} {arguments:?}");
        fixture.registry.clear_rules();
        assert!(fixture.tag("latest-hold").iter().all(Option::is_none));
    }
}

#[test]
fn the_doctor_looks_at_home_history_and_anchors_and_finds_a_mistyped_repository() {
    let fixture = promoted_twice();
    let well = status(&fixture, &["doctor"]).code(0);
    for words in ["history", "2 entries", "acme/platform: way back", "latest-previous is sha256:"] {
        assert!(well.stdout.contains(words), "{words}: {}", well.stdout);
    }
    let child = release(ONE)[1].children()[0].digest.clone();
    fixture.registry.delete_manifest(IMAGES[1], &child).unwrap();
    let broken = status(&fixture, &["doctor"]).code(1);
    for words in ["acme/platform-tenant: way back", "is broken", "a clean-up"] {
        assert!(broken.stdout.contains(words), "{words}: {}", broken.stdout);
    }
    let mistyped = fixture.repositories().join(",").replace("platform-tenant", "platfrom-tenant");
    let lost = fixture.run("release-status").arg("doctor").env("RELEASE_IMAGES", &mistyped).run().code(1);
    assert!(lost.stdout.contains("there is no such repository"), "{}", lost.stdout);
    let program =
        fixture.run("promote-latest").args([THREE, "--no-require"]).env("RELEASE_IMAGES", &mistyped);
    program.run().code(1).tells(&["platfrom-tenant", "there is no such repository"]);
}

#[test]
fn previous_with_several_shas_on_one_digest_is_the_one_that_was_live() {
    let fixture = promoted_twice();
    // The same bytes under a sha that sorts first and was never live.
    let other = "0000000eeee0000000000000000000000000eeee";
    for (name, image) in IMAGES.iter().zip(release(ONE)) {
        fixture.registry.move_tag(name, &format!("staging-{other}"), image.digest()).unwrap();
    }
    let done = rollback(&fixture, &["--previous"]).code(0);
    assert_eq!(done.json()["sha"], ONE);
}

#[test]
fn forty_digits_find_the_tag_that_was_published_with_seven() {
    let fixture = published(Setup::default(), &[]);
    for sha in [&ONE[..7], &TWO[..7]] {
        fixture.publish(sha).code(0);
        promote(&fixture, sha).code(0);
    }
    let done = rollback(&fixture, &[ONE]).code(0);
    assert_eq!(done.json()["sha"], ONE[..7]);
    promote(&fixture, THREE).code(1).tells(&["staging-3333333"]);
    status(&fixture, &["resume", "--reason", "x"]).code(0);
    fixture.run("promote-latest").args([TWO, "--no-require", "--lift-hold", "x"]).run().code(0);
}

#[test]
fn without_git_or_a_run_number_the_time_of_publication_decides() {
    let fixture = published(Setup::default(), &[ONE, TWO]);
    promote(&fixture, TWO).code(0);
    promote(&fixture, ONE).code(1).tells(&["newer than the live one", "were published at"]);
    fixture.run("promote-latest").args([ONE, "--no-require", "--allow-older"]).run().code(0);
    // A first adoption: what is live has no record.
    let adopted = published(Setup::default(), &[ONE]);
    adopted.stage(TWO);
    adopted.stand_at(TWO);
    promote(&adopted, ONE).code(0).tells(&["unknown whether this release is newer"]);
}

#[test]
fn a_rollback_that_was_killed_before_it_moved_anything_is_told_as_such() {
    let fixture = promoted_twice();
    let hold = rollback_killed_before_its_move(&fixture);
    assert_eq!((hold, fixture.latest()), (true, digests(TWO)));
    let words = "ended before it moved anything";
    assert!(status(&fixture, &["--check"]).code(1).stdout.contains(words));
    promote(&fixture, THREE).code(1).tells(&[words, "release-status resume"]);
    status(&fixture, &["resume", "--reason", "it was killed"]).code(0);
    status(&fixture, &["--check"]).code(0);
    promote(&fixture, THREE).code(0);
}

fn rollback_killed_before_its_move(fixture: &Fixture) -> bool {
    fixture.registry.clear_log();
    let hang = When::any().method("PUT").reference("latest").then(Fault::Hang(None));
    fixture.registry.rule(hang);
    let mut child = fixture.run("rollback-latest").arg(ONE).spawn();
    while fixture.seen("PUT", "latest") == 0 {
        std::thread::park_timeout(std::time::Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    fixture.registry.clear_rules();
    fixture.tag("latest-hold").iter().all(Option::is_some)
}
