//! The release decides which images move, whoever calls and whatever list they name.

use coalmine_sandbox::{Fault, Image, When};

use crate::support::programs::words;
use crate::support::{Done, Fixture, ONE, Program, THREE, TWO};

const A: &str = "acme/a";
const B: &str = "acme/b";
const C: &str = "acme/c";

/// A registry that keeps records.
fn registry() -> Fixture {
    let fixture = Fixture::new();
    fixture.configure("");
    fixture
}

fn repository(fixture: &Fixture, name: &str) -> String {
    format!("{}/{name}", fixture.registry.host())
}

/// A binary that was told of these images only.
fn run(fixture: &Fixture, binary: &str, images: &[&str]) -> Program {
    let images: Vec<String> = images.iter().map(|name| repository(fixture, name)).collect();
    Program::new(binary, fixture.folder.path()).env("RELEASE_IMAGES", &images.join(","))
}

fn publish(fixture: &Fixture, sha: &str, images: &[(&str, &Image)]) -> Done {
    let arguments = images.iter().flat_map(|(name, image)| {
        let layout = fixture.path(&format!("{}-{}", &sha[..7], name.replace('/', "-")));
        let _ = image.write_layout(&layout, Some("build"));
        ["--image".to_owned(), format!("{}=oci:{}", repository(fixture, name), layout.display())]
    });
    let arguments: Vec<String> = arguments.collect();
    Program::new("publish-staging", fixture.folder.path()).arg(sha).args(arguments).with_result().run()
}

fn image(sha: &str, name: &str) -> Image {
    Image::single(&format!("{sha}{name}"), name)
}

/// Publishes and promotes `sha` for `images`.
fn live(fixture: &Fixture, sha: &str, images: &[&str]) {
    let built: Vec<Image> = images.iter().map(|name| image(sha, name)).collect();
    let named: Vec<(&str, &Image)> = images.iter().copied().zip(&built).collect();
    publish(fixture, sha, &named).code(0);
    promote(fixture, sha, images).code(0);
}

fn promote(fixture: &Fixture, sha: &str, images: &[&str]) -> Done {
    run(fixture, "promote-latest", images).args([sha, "--no-require"]).with_result().run()
}

fn rollback(fixture: &Fixture, images: &[&str], arguments: &[&str]) -> Done {
    run(fixture, "rollback-latest", images).args(arguments).with_result().run()
}

fn latest(fixture: &Fixture, names: &[&str]) -> Vec<Option<String>> {
    names.iter().map(|name| fixture.registry.digest_of(name, "latest")).collect()
}

fn built(sha: &str, names: &[&str]) -> Vec<Option<String>> {
    names.iter().map(|name| Some(image(sha, name).digest().to_owned())).collect()
}

/// Runs the command that a hint prints between backticks, as it was printed.
fn printed(fixture: &Fixture, done: &Done, program: &str) -> Done {
    let start = done.stderr.find(&format!("`{program} ")).expect("a printed command") + 1;
    let command = done.stderr[start..].split('`').next().unwrap();
    let words = words(command);
    Program::new(program, fixture.folder.path()).args(&words[1..]).run()
}

#[test]
fn a_promotion_of_less_or_more_than_the_release_is_refused_and_the_printed_one_moves_all_of_it() {
    let fixture = registry();
    for name in [A, B, C] {
        fixture.registry.push(name, "other", &image(ONE, name)).unwrap();
    }
    live(&fixture, ONE, &[A, B]);
    let (a, b) = (image(TWO, A), image(TWO, B));
    publish(&fixture, TWO, &[(A, &a), (B, &b)]).code(0);
    for named in [&[A][..], &[B], &[A, B, C]] {
        let refused = promote(&fixture, TWO, named).code(1).tells(&["the images of 2222222"]);
        assert_eq!(latest(&fixture, &[A, B, C]), [built(ONE, &[A, B]), vec![None]].concat(), "{named:?}");
        if named == [B] {
            printed(&fixture, &refused, "promote-latest").code(0);
            assert_eq!(latest(&fixture, &[A, B]), built(TWO, &[A, B]));
            promote(&fixture, TWO, &[A]).code(1).tells(&["the images of 2222222"]);
            run(&fixture, "rollback-latest", &[A, B]).args([ONE, "--no-hold"]).run().code(0);
        }
    }
}

#[test]
fn a_rollback_of_less_than_the_release_is_refused_and_the_printed_one_moves_all_of_it() {
    for named in [&[A][..], &[B]] {
        let fixture = registry();
        live(&fixture, ONE, &[A, B]);
        live(&fixture, TWO, &[A, B]);
        for target in [&ONE[..7], "--previous"] {
            rollback(&fixture, named, &[target])
                .code(1)
                .tells(&["the images of 1111111", "--partial REASON"]);
            assert_eq!(latest(&fixture, &[A, B]), built(TWO, &[A, B]));
        }
        let refused = rollback(&fixture, named, &[ONE, "--reason", "it's slow"]).code(1);
        printed(&fixture, &refused, "rollback-latest").code(0);
        assert_eq!(latest(&fixture, &[A, B]), built(ONE, &[A, B]));
    }
}

#[test]
fn a_part_moves_with_a_reason_that_the_history_keeps() {
    let fixture = registry();
    live(&fixture, ONE, &[A, B]);
    live(&fixture, TWO, &[A, B]);
    rollback(&fixture, &[A], &[ONE, "--partial", "only a is broken"]).code(0).tells(&["only a part of"]);
    assert_eq!(latest(&fixture, &[A, B]), [built(ONE, &[A]), built(TWO, &[B])].concat());
    let history = run(&fixture, "release-status", &[A, B]).arg("history").with_result().run().code(0).json();
    assert_eq!(history["entries"][2]["event"]["partial"], "only a is broken");
}

#[test]
fn whoever_lists_the_images_in_another_order_moves_the_same_release_and_is_held_by_the_same_hold() {
    let fixture = registry();
    live(&fixture, ONE, &[A, B]);
    live(&fixture, TWO, &[A, B]);
    rollback(&fixture, &[B, A], &[ONE]).code(0);
    assert_eq!(latest(&fixture, &[A, B]), built(ONE, &[A, B]));
    let (a, b) = (image(THREE, A), image(THREE, B));
    publish(&fixture, THREE, &[(A, &a), (B, &b)]).code(0);
    promote(&fixture, THREE, &[A, B]).code(1).tells(&["no hold on latest"]);
    run(&fixture, "release-status", &[B]).arg("--check").run().code(1);
    run(&fixture, "release-status", &[B, A]).args(["resume", "--reason", "repaired"]).run().code(0);
    run(&fixture, "release-status", &[A, B]).arg("--check").run().code(0);
    promote(&fixture, THREE, &[A, B]).code(0);
    let history = run(&fixture, "release-status", &[B, A]).arg("history").with_result().run().code(0).json();
    assert_eq!(history["entries"].as_array().unwrap().len(), 5, "one history, whoever writes it");
}

#[test]
fn an_added_image_does_not_take_the_way_back_away() {
    for target in ["--previous", &ONE[..7]] {
        let fixture = registry();
        live(&fixture, ONE, &[A, B]);
        live(&fixture, TWO, &[A, B, C]);
        rollback(&fixture, &[A, B, C], &[target])
            .code(0)
            .tells(&["acme/c is no image of 1111111", built(TWO, &[C])[0].as_deref().unwrap()]);
        assert_eq!(latest(&fixture, &[A, B, C]), [built(ONE, &[A, B]), built(TWO, &[C])].concat());
    }
}

#[test]
fn a_dropped_image_does_not_take_the_way_back_away() {
    for target in ["--previous", &ONE[..7]] {
        let fixture = registry();
        live(&fixture, ONE, &[A, B, C]);
        let (a, b) = (image(TWO, A), image(TWO, B));
        publish(&fixture, TWO, &[(A, &a), (B, &b)]).code(0);
        promote(&fixture, TWO, &[A, B]).code(0).tells(&["acme/c is no image of 2222222"]);
        rollback(&fixture, &[A, B], &[target]).code(0);
        assert_eq!(latest(&fixture, &[A, B, C]), built(ONE, &[A, B, C]));
    }
    // It stands elsewhere by now: it has to be named.
    let fixture = registry();
    live(&fixture, ONE, &[A, B, C]);
    live(&fixture, TWO, &[A, B]);
    fixture.registry.push(C, "latest", &image(THREE, C)).unwrap();
    let refused = rollback(&fixture, &[A, B], &[ONE]).code(1).tells(&["acme/c, which would stay"]);
    printed(&fixture, &refused, "rollback-latest").code(0);
    assert_eq!(latest(&fixture, &[A, B, C]), built(ONE, &[A, B, C]));
}

#[test]
fn a_rollback_goes_where_the_record_says_and_not_where_a_moved_staging_tag_says() {
    let fixture = registry();
    for sha in [ONE, TWO, THREE] {
        live(&fixture, sha, &[A, B]);
    }
    let staging = format!("staging-{ONE}");
    fixture.registry.move_tag(B, &staging, image(TWO, B).digest()).unwrap();
    rollback(&fixture, &[A, B], &[ONE]).code(0).tells(&["the record of 1111111", "which is where this goes"]);
    assert_eq!(latest(&fixture, &[A, B]), built(ONE, &[A, B]));
}

#[test]
fn a_release_that_is_published_image_by_image_is_whole_when_all_of_them_are_there() {
    let fixture = registry();
    let (a, b) = (image(ONE, A), image(ONE, B));
    let configure = |images: &[&str]| {
        let images: Vec<String> = images.iter().map(|n| format!("\"{}\"", repository(&fixture, n))).collect();
        fixture.configure(&format!("[release]\nimages = [{}]\n", images.join(", ")));
    };
    configure(&[A, B]);
    // The second image first: every job means the same record.
    let part = publish(&fixture, ONE, &[(B, &b)]).code(0).json();
    assert_eq!(part["missing"], serde_json::json!([repository(&fixture, A)]));
    promote(&fixture, ONE, &[A, B]).code(1).tells(&["nothing published for", "acme/a"]);
    let whole = publish(&fixture, ONE, &[(A, &a)]).code(0).json();
    assert_eq!(whole["missing"], serde_json::json!([]));
    for (name, image) in [(A, &a), (B, &b)] {
        let again = publish(&fixture, ONE, &[(name, image)]).code(0).json();
        assert_eq!(again["release"], whole["release"], "the record and its evidence stay");
    }
    let reversed = publish(&fixture, ONE, &[(B, &b), (A, &a)]).code(0).json();
    assert_eq!(reversed["release"], whole["release"]);
    promote(&fixture, ONE, &[A, B]).code(0);
    assert_eq!(latest(&fixture, &[A, B]), built(ONE, &[A, B]));
}

#[test]
fn jobs_that_publish_their_images_at_the_same_time_write_one_whole_record() {
    for round in 0..4 {
        let fixture = registry();
        let sha = format!("{round}{}", &ONE[1..]);
        let images: Vec<String> =
            [A, B, C].iter().map(|name| format!("\"{}\"", repository(&fixture, name))).collect();
        fixture.configure(&format!("[release]\nimages = [{}]\n", images.join(", ")));
        std::thread::scope(|scope| {
            for name in [A, B, C] {
                let (fixture, sha) = (&fixture, &sha);
                scope.spawn(move || {
                    let layout = fixture.path(&name.replace('/', "-"));
                    image(sha, name).write_layout(&layout, Some("build")).unwrap();
                    let source = format!("{}=oci:{}", repository(fixture, name), layout.display());
                    let program = Program::new("publish-staging", fixture.folder.path());
                    program.args([sha.as_str(), "--image", &source]).run().code(0);
                });
            }
        });
        promote(&fixture, &sha, &[C, A, B]).code(0);
    }
}

#[test]
fn a_part_without_a_coalmine_toml_that_says_of_what_is_refused() {
    let fixture = registry();
    let (a, b) = (image(ONE, A), image(ONE, B));
    publish(&fixture, ONE, &[(A, &a), (B, &b)]).code(0);
    publish(&fixture, ONE, &[(A, &a)]).code(1).tells(&["a list without", "acme/b", "coalmine.toml"]);
    promote(&fixture, ONE, &[A, B]).code(0);
}

#[test]
fn an_unchanged_image_of_a_rejected_release_does_not_reject_the_repair() {
    let fixture = registry();
    live(&fixture, ONE, &[A, B]);
    live(&fixture, TWO, &[A, B]);
    rollback(&fixture, &[A, B], &[ONE]).code(0);
    run(&fixture, "release-status", &[A, B]).args(["resume", "--reason", "repaired"]).run().code(0);
    promote(&fixture, TWO, &[A, B]).code(1).tells(&["not to be rejected"]);
    let (a, b) = (image(THREE, A), image(TWO, B));
    publish(&fixture, THREE, &[(A, &a), (B, &b)]).code(0);
    promote(&fixture, THREE, &[A, B]).code(0);
    assert_eq!(latest(&fixture, &[A, B]), [built(THREE, &[A]), built(TWO, &[B])].concat());
}

/// Leaves `stuck` where a failed promotion put it: its first write goes through, and nothing after it.
fn strand(fixture: &Fixture, stuck: &str, failing: &str) {
    let put = |name: &str| When::any().method("PUT").repository(name).reference("latest");
    let denied = || Fault::error(403, "DENIED", "read only");
    fixture.registry.rule(put(failing).then(denied()));
    fixture.registry.rule(put(stuck).nth_on(2).then(denied()));
    fixture.registry.rule(When::any().method("DELETE").repository(stuck).then(denied()));
}

fn repair(fixture: &Fixture, done: &Done) -> String {
    let repair = done.json()["repair"][0].as_str().unwrap().to_owned();
    fixture.registry.clear_rules();
    let words = words(&repair);
    Program::new(&words[0], fixture.folder.path()).args(&words[1..]).run().code(0);
    repair
}

#[test]
fn the_repair_of_a_first_promotion_repeats_what_it_was_asked() {
    let fixture = registry();
    let (a, b) = (image(ONE, A), image(ONE, B));
    publish(&fixture, ONE, &[(A, &a), (B, &b)]).code(0);
    strand(&fixture, A, B);
    let split = promote(&fixture, ONE, &[A, B]).code(4);
    assert!(repair(&fixture, &split).contains("--no-require"));
    assert_eq!(latest(&fixture, &[A, B]), built(ONE, &[A, B]));
}

#[test]
fn the_repair_of_a_promotion_with_an_added_image_goes_back_and_not_on_to_what_failed() {
    let fixture = registry();
    live(&fixture, ONE, &[A, B]);
    let (a, b, c) = (image(TWO, A), image(TWO, B), image(TWO, C));
    publish(&fixture, TWO, &[(A, &a), (B, &b), (C, &c)]).code(0);
    strand(&fixture, A, C);
    let split = promote(&fixture, TWO, &[A, B, C]).code(4);
    assert!(repair(&fixture, &split).starts_with("rollback-latest --previous"));
    assert_eq!(latest(&fixture, &[A, B, C]), [built(ONE, &[A, B]), vec![None]].concat());
}

#[test]
fn the_repair_of_a_rollback_repeats_its_reason() {
    let fixture = registry();
    for sha in [ONE, TWO] {
        live(&fixture, sha, &[A, B]);
    }
    strand(&fixture, A, B);
    let split = rollback(&fixture, &[A, B], &[ONE, "--reason", "it's slow"]).code(4);
    repair(&fixture, &split);
    assert_eq!(latest(&fixture, &[A, B]), built(ONE, &[A, B]));
}

#[test]
fn the_repair_of_a_promotion_over_a_broken_live_image_leads_on() {
    let fixture = registry();
    for sha in [ONE, TWO] {
        live(&fixture, sha, &[A, B]);
    }
    let (a, b) = (image(THREE, A), image(THREE, B));
    publish(&fixture, THREE, &[(A, &a), (B, &b)]).code(0);
    let broken = image(TWO, A);
    fixture.registry.delete_blob(A, &broken.blobs().last().unwrap().digest).unwrap();
    strand(&fixture, A, B);
    let split = promote(&fixture, THREE, &[A, B]).code(4).tells(&["what is live is broken"]);
    assert!(repair(&fixture, &split).starts_with("promote-latest 3333333"));
    assert_eq!(latest(&fixture, &[A, B]), built(THREE, &[A, B]));
}

#[test]
fn images_that_are_published_one_by_one_without_a_coalmine_toml_are_not_promoted_as_one_release() {
    let fixture = registry();
    for name in [A, B] {
        publish(&fixture, ONE, &[(name, &image(ONE, name))]).code(0);
    }
    let named = [A, B];
    promote(&fixture, ONE, &named).code(1).tells(&["the images of 1111111", "acme/a, found also", "acme/b"]);
    assert_eq!(latest(&fixture, &named), [None, None]);
}
