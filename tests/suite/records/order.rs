//! Only what is newer than the live release and as it was recorded is promoted.

use coalmine_sandbox::Setup;

use crate::support::records::{promote_proven, published};
use crate::support::{IMAGES, ONE, THREE, TWO, single};

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
