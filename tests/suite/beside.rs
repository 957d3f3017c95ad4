//! Tags beside the one that deployers watch, such as `v1.4.2`: written with a promotion, and put back with it.

use coalmine_sandbox::{Fault, When};

use crate::support::{Done, Fixture, IMAGES, ONE, TWO, digests};

fn promote(fixture: &Fixture, more: &[&str]) -> Done {
    let tags = ["--also-tag", "v1.4.2", "--also-tag", "v1"];
    fixture.run("promote-latest").arg(TWO).args(tags).args(more).with_result().run()
}

#[test]
fn versions_are_written_with_the_promotion() {
    let fixture = Fixture::promoted();
    let dry = promote(&fixture, &["--dry-run"]).code(0);
    assert!(dry.stdout.contains("would also be tagged: v1.4.2, v1"), "{}", dry.stdout);
    assert_eq!(fixture.tag("v1"), [None, None]);
    let done = promote(&fixture, &[]).code(0);
    assert!(done.stdout.contains("also tagged: v1.4.2, v1"), "{}", done.stdout);
    assert_eq!(done.json()["also"], serde_json::json!(["v1.4.2", "v1"]));
    for tag in ["v1.4.2", "v1", "latest"] {
        assert_eq!(fixture.tag(tag), digests(TWO), "{tag}");
    }
    // Again: nothing is written.
    let puts = fixture.seen("PUT", "v1");
    promote(&fixture, &[]).code(0);
    assert_eq!(fixture.seen("PUT", "v1"), puts);
    // A version that goes on moves with the next release.
    fixture.run("promote-latest").args([ONE, "--also-tag", "v1", "--allow-older"]).run().code(0);
    assert_eq!((fixture.tag("v1"), fixture.tag("v1.4.2")), (digests(ONE), digests(TWO)));
}

#[test]
fn a_whole_version_is_never_given_to_another_build() {
    let fixture = Fixture::promoted();
    fixture.run("promote-latest").args([ONE, "--also-tag", "v1.4.2"]).run().code(0);
    let done = promote(&fixture, &[]).code(1).tells(&["v1.4.2 is sha256:", "choose the next version"]);
    assert_eq!(done.json()["refusals"][0]["guard"], "also-tag");
    assert_eq!((fixture.latest(), fixture.tag("v1")), (digests(ONE), vec![None, None]));
}

#[test]
fn what_was_written_beside_is_put_back_where_latest_does_not_move() {
    let fixture = Fixture::promoted();
    fixture.run("promote-latest").args([ONE, "--also-tag", "v1"]).run().code(0);
    let second = When::any().method("PUT").repository(IMAGES[1]).reference("latest");
    fixture.registry.rule(second.then(Fault::error(403, "DENIED", "read only")));
    promote(&fixture, &[]).code(1);
    assert_eq!((fixture.latest(), fixture.tag("v1")), (digests(ONE), digests(ONE)));
    assert_eq!(fixture.tag("v1.4.2"), [None, None]);
    assert_eq!(fixture.tag(&format!("staging-{TWO}")), digests(TWO), "only the tags are taken away");
}

#[test]
fn where_a_version_cannot_be_written_latest_is_not_touched() {
    let fixture = Fixture::promoted();
    let second = When::any().method("PUT").repository(IMAGES[1]).reference("v1");
    fixture.registry.rule(second.then(Fault::error(403, "DENIED", "read only")));
    let done = promote(&fixture, &[]).code(1);
    assert_eq!(done.json()["standing"], "nothing was moved");
    assert_eq!((fixture.latest(), fixture.seen("PUT", "latest")), (digests(ONE), 0));
    assert_eq!((fixture.tag("v1"), fixture.tag("v1.4.2")), (vec![None, None], vec![None, None]));
}

#[test]
fn a_tag_of_our_own_is_no_version() {
    let fixture = Fixture::promoted();
    for tag in ["latest", "latest-previous", "latest-hold", "staging-1234567", "release-history"] {
        fixture.run("promote-latest").args([TWO, "--also-tag", tag]).run().code(2);
    }
    assert_eq!(fixture.latest(), digests(ONE));
}
