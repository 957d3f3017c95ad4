//! The main job, against Debian's docker-registry with skopeo as the second opinion, and against the sandbox.

use crate::support::docker_registry::{DockerRegistry, skopeo_digest};
use crate::support::{Fixture, IMAGES, ONE, TWO, digests, release};
use coalmine_sandbox::Setup;

#[test]
fn two_images_go_to_latest_twice_and_back_with_the_digests_of_their_sources() {
    let Some(real) = DockerRegistry::start() else { return };
    let fixture = Fixture::with(Setup { upstream: Some(real.address()), ..Setup::default() });
    let seen = |tag: &str| -> Vec<Option<String>> {
        IMAGES.iter().map(|name| skopeo_digest(&format!("{}/{name}:{tag}", real.host()))).collect()
    };
    let absent = vec![None, None];
    fixture.publish(ONE).code(0);
    assert_eq!((seen(&format!("staging-{ONE}")), seen("latest")), (digests(ONE), absent.clone()));
    fixture.run("promote-latest").arg(ONE).run().code(0);
    assert_eq!((seen("latest"), seen("latest-previous")), (digests(ONE), absent));
    fixture.publish(TWO).code(0);
    assert_eq!((seen(&format!("staging-{TWO}")), seen("latest")), (digests(TWO), digests(ONE)));
    fixture.run("promote-latest").arg(TWO).run().code(0);
    assert_eq!((seen("latest"), seen("latest-previous")), (digests(TWO), digests(ONE)));
    fixture.run("rollback-latest").arg(&ONE[..7]).run().code(0);
    assert_eq!((seen("latest"), seen("latest-rejected")), (digests(ONE), digests(TWO)));
}

#[test]
fn an_index_keeps_its_bytes_and_both_children_through_the_whole_way() {
    let fixture = Fixture::new();
    fixture.publish(ONE).code(0);
    fixture.run("promote-latest").arg(ONE).run().code(0);
    let [_, index] = release(ONE);
    let (media_type, bytes) = fixture.registry.manifest(IMAGES[1], "latest").unwrap();
    assert_eq!((media_type.as_str(), &bytes), (index.media_type(), index.manifest()));
    assert_eq!(index.children().len(), 2);
    for child in index.children() {
        assert!(fixture.registry.manifest(IMAGES[1], &child.digest).is_some(), "{}", child.digest);
    }
}

#[test]
fn already_there_is_success_without_a_write() {
    let fixture = Fixture::promoted();
    for (binary, sha) in [("promote-latest", ONE), ("rollback-latest", ONE)] {
        let done = fixture.run(binary).arg(sha).run().code(0);
        assert!(done.stdout.contains("already"), "{}", done.stdout);
    }
    fixture.publish(ONE).code(0);
    let writes: Vec<String> = fixture
        .registry
        .log()
        .into_iter()
        .map(|seen| seen.method)
        .filter(|m| m != "GET" && m != "HEAD")
        .collect();
    assert!(writes.is_empty(), "{writes:?}");
}

#[test]
fn a_dry_run_reads_and_plans_the_same_and_writes_nothing() {
    let fixture = Fixture::promoted();
    for binary in ["promote-latest", "rollback-latest"] {
        let done = fixture.run(binary).args([TWO, "--dry-run"]).with_result().run().code(0);
        assert_eq!(done.json()["images"][1]["ended"]["state"], "would-move");
        assert_eq!(done.json()["images"][1]["to"].as_str(), digests(TWO)[1].as_deref());
    }
    assert_eq!(fixture.latest(), digests(ONE));
    assert!(fixture.registry.log().iter().all(|seen| seen.method == "GET" || seen.method == "HEAD"));
    fixture.run("promote-latest").args(["9999999", "--dry-run"]).run().code(1);
}

#[test]
fn previous_goes_back_once_and_never_forward_again() {
    let fixture = Fixture::promoted();
    fixture.run("promote-latest").arg(TWO).run().code(0);
    let done = fixture.run("rollback-latest").arg("--previous").with_result().run().code(0);
    assert_eq!((fixture.latest(), done.json()["sha"].as_str()), (digests(ONE), Some(ONE)));
    let again = fixture.run("rollback-latest").arg("--previous").run().code(0);
    assert!(again.stdout.contains("already"), "{}", again.stdout);
    assert_eq!(fixture.latest(), digests(ONE));
}

#[test]
fn another_tag_can_be_moved_instead_of_latest() {
    let fixture = Fixture::promoted();
    fixture.run("promote-latest").args([TWO, "--to", "edge"]).run().code(0);
    assert_eq!((fixture.tag("edge"), fixture.latest()), (digests(TWO), digests(ONE)));
}

#[test]
fn an_image_that_did_not_change_goes_back_with_the_others() {
    let fixture = Fixture::promoted();
    // The second release has the first image of the first one.
    fixture
        .registry
        .move_tag(IMAGES[0], &format!("staging-{TWO}"), digests(ONE)[0].as_deref().unwrap())
        .unwrap();
    fixture.run("promote-latest").arg(TWO).run().code(0);
    assert_eq!(fixture.tag("latest-previous"), digests(ONE));
    fixture.run("rollback-latest").arg("--previous").run().code(0);
    assert_eq!(fixture.latest(), digests(ONE));
}

#[test]
fn previous_of_another_tag_is_named_as_it_is() {
    let fixture = Fixture::promoted();
    fixture
        .run("rollback-latest")
        .args(["--previous", "--to", "stable"])
        .run()
        .code(1)
        .tells(&["the tag stable-previous"]);
}
