//! A rollback holds promotions until somebody resumes them.

use coalmine_sandbox::{Fault, Setup, When};

use crate::support::records::{history, promote_proven, published, registries};
use crate::support::{ONE, THREE, TWO, digests};

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
        promote_proven(&fixture, TWO, &["--allow-older", "--lift-hold", "it was the network"]).code(0);
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
    let done = done.tells(&["warning:", "the rollback is not in the history"]);
    assert_eq!((fixture.latest(), done.json()["held"].as_bool()), (digests(ONE), Some(true)), "by its tags");
    let fixture = published(Setup::default(), &[ONE, TWO]);
    promote_proven(&fixture, TWO, &[]).code(0);
    for name in ["/manifests/release-", "/manifests/latest-hold"] {
        let denied = Fault::error(403, "DENIED", "read only");
        fixture.registry.rule(When::any().method("PUT").path_contains(name).then(denied));
    }
    let done = fixture.run("rollback-latest").arg(ONE).with_result().run().code(0);
    let done = done.tells(&["warning:", "the rollback is not in the history", "no hold is placed"]);
    assert_eq!((fixture.latest(), done.json()["held"].as_bool()), (digests(ONE), Some(false)));
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
    let github = crate::support::github_server::GithubServer::start();
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
