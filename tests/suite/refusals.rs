//! What must not be moved is not moved: every guard, with both facts named.

use crate::support::{Fixture, IMAGES, ONE, THREE, TWO, digests, release, single};
use coalmine_sandbox::{Fault, Image, When};

/// Asserts that no tag of production was written.
fn untouched(fixture: &Fixture) {
    assert_eq!(fixture.latest(), digests(ONE));
    assert_eq!(fixture.seen("PUT", "latest") + fixture.seen("PUT", "latest-previous"), 0);
}

#[test]
fn an_image_that_lacks_the_sha_keeps_all_images_where_they_are() {
    let fixture = Fixture::promoted();
    fixture.registry.push(IMAGES[0], &format!("staging-{THREE}"), &single(THREE)).unwrap();
    for binary in ["promote-latest", "rollback-latest"] {
        let done = fixture.run(binary).arg(THREE).with_result().run().code(1);
        let image = format!("{}/{}", fixture.registry.host(), IMAGES[1]);
        let done = done.tells(&[&image, &format!("staging-{THREE}"), "no such tag", "publish"]);
        assert_eq!(done.json()["refusals"][0]["guard"], "staged");
    }
    untouched(&fixture);
}

#[test]
fn a_target_whose_child_manifest_was_deleted_is_refused_before_anything_moves() {
    let fixture = Fixture::promoted();
    let [_, index] = release(TWO);
    fixture.registry.delete_manifest(IMAGES[1], &index.children()[1].digest).unwrap();
    for binary in ["promote-latest", "rollback-latest"] {
        fixture.run(binary).arg(TWO).run().code(1).tells(&[
            &index.children()[1].digest,
            "linux/arm64",
            IMAGES[1],
        ]);
    }
    untouched(&fixture);
}

#[test]
fn a_missing_blob_refuses_a_promotion_and_only_warns_a_rollback() {
    let fixture = Fixture::promoted();
    let layer = &single(TWO).blobs()[2].digest.clone();
    fixture.registry.delete_blob(IMAGES[0], layer).unwrap();
    fixture.run("promote-latest").arg(TWO).run().code(1).tells(&[layer, "no blob"]);
    untouched(&fixture);
    fixture.run("rollback-latest").arg(TWO).run().tells(&["warning:", layer]);
}

#[test]
fn a_platform_that_is_live_must_not_get_lost() {
    let fixture = Fixture::promoted();
    let poorer = Image::index(THREE, "platform-tenant", &["linux/amd64"]);
    let other = Image::of(THREE).platform("linux/arm64").build();
    fixture.registry.push(IMAGES[0], &format!("staging-{THREE}"), &other).unwrap();
    fixture.registry.push(IMAGES[1], &format!("staging-{THREE}"), &poorer).unwrap();
    let refused = fixture.run("promote-latest").arg(THREE).run().code(1);
    refused.tells(&[
        "expected linux/amd64, which is live now, found only linux/arm64",
        "expected linux/arm64, which is live now, found only linux/amd64",
    ]);
    untouched(&fixture);
    fixture.run("rollback-latest").arg(THREE).run().code(0);
}

#[test]
fn expect_current_holds_or_refuses() {
    let fixture = Fixture::promoted();
    let [first, second] = <[Option<String>; 2]>::try_from(digests(ONE)).unwrap();
    let (first, second) = (first.unwrap(), second.unwrap());
    fixture
        .run("promote-latest")
        .args([TWO, "--expect-current", "absent"])
        .run()
        .code(1)
        .tells(&["expected latest to be absent", &first]);
    fixture.run("promote-latest").args([TWO, "--expect-current", &first]).run().code(1).tells(&[&second]);
    untouched(&fixture);
    fixture
        .run("promote-latest")
        .args([TWO, "--expect-current", &first, "--expect-current", &second])
        .run()
        .code(0);
}

#[test]
fn a_prefix_resolves_and_an_ambiguous_one_lists_its_candidates() {
    let fixture = Fixture::promoted();
    let twin = "2222222bbbb1111111111111111111111111bbbb";
    fixture.run("promote-latest").arg(&TWO[..7]).run().code(0);
    assert_eq!(fixture.latest(), digests(TWO));
    fixture.stage(twin);
    fixture.run("promote-latest").arg(&TWO[..7]).run().code(1).tells(&[TWO, twin, "more digits"]);
    fixture.run("rollback-latest").arg(&TWO[..12]).run().code(0);
    fixture.run("rollback-latest").arg(ONE[..9].to_uppercase()).run().code(0);
}

#[test]
fn a_sha_that_looks_like_a_number_stays_text() {
    let fixture = Fixture::new();
    for sha in ["1234567", "12e4567", "0000000"] {
        fixture.publish(sha).code(0);
        let done = fixture.run("promote-latest").arg(sha).with_result().run().code(0);
        assert_eq!(done.json()["sha"], sha);
        assert_eq!(fixture.latest(), digests(sha));
    }
}

#[test]
fn every_image_that_cannot_be_read_is_named() {
    let fixture = Fixture::promoted();
    for name in IMAGES {
        fixture.registry.rule(When::any().repository(name).then(Fault::error(403, "DENIED", "no")));
    }
    fixture.run("promote-latest").arg(TWO).run().code(1).tells(&[
        IMAGES[0],
        IMAGES[1],
        "403",
        "DENIED no",
        "no permission",
    ]);
}

#[test]
fn a_page_that_is_no_registry_is_not_taken_for_an_absent_tag() {
    let fixture = Fixture::promoted();
    fixture.registry.rule(When::any().reference("latest").then(Fault::html(404)));
    fixture.run("promote-latest").arg(TWO).run().code(1).tells(&["without a registry's error code"]);
    untouched(&fixture);
}

#[test]
fn an_unreachable_registry_is_exit_1_and_says_so() {
    let fixture = Fixture::promoted();
    let nobody = "127.0.0.1:1/acme/platform";
    let program = fixture.run("promote-latest").args([ONE, "--image", nobody, "--deadline", "2s"]);
    program.run().code(1).tells(&["127.0.0.1:1/acme/platform", "could not be reached"]);
}
