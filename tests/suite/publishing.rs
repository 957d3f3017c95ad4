//! publish-staging: every kind of source, byte for byte, nothing sent twice, nothing believed.

use crate::support::docker_registry::{DockerRegistry, skopeo_digest};
use crate::support::{
    Done, Fixture, IMAGES, ONE, THREE, TWO, digests, is_full, peak_memory, release, single,
};
use coalmine_sandbox::image::{DockerArchive, write_layout_with_sparse_layer};
use coalmine_sandbox::registry::Kind;
use coalmine_sandbox::{Fault, Image, Registry, Setup, When};

const REPOSITORY: &str = "acme/app";

fn publish(fixture: &Fixture, sha: &str, source: &str) -> Done {
    publish_to(fixture, &fixture.registry.host(), sha, source)
}

fn publish_to(fixture: &Fixture, host: &str, sha: &str, source: &str) -> Done {
    fixture
        .run("publish-staging")
        .arg(sha)
        .args(["--image", &format!("{host}/{REPOSITORY}={source}")])
        .with_result()
        .run()
}

fn staged(fixture: &Fixture, sha: &str) -> Option<String> {
    fixture.registry.digest_of(REPOSITORY, &format!("staging-{sha}"))
}

/// Images of every form that a build may write.
fn forms() -> Vec<(&'static str, Image)> {
    let of = |sha| Image::of(sha).sized_layers("form", &[500, 700]);
    vec![
        ("single", of(ONE).build()),
        ("index", of(ONE).platform("linux/amd64").platform("linux/arm64").index().build()),
        ("attested", of(ONE).platform("linux/amd64").index().attestation().build()),
        ("docker", of(ONE).docker().build()),
        ("docker list", of(ONE).platform("linux/amd64").platform("linux/arm64").docker().index().build()),
        ("no media type", of(ONE).platform("linux/amd64").index().without_index_media_type().build()),
        ("odd white space", of(ONE).odd_whitespace().build()),
    ]
}

#[test]
fn layouts_and_archives_of_every_form_arrive_byte_for_byte() {
    for (form, image) in forms() {
        let fixture = Fixture::new();
        let (layout, archive) = (fixture.path("layout"), fixture.path("image.tar"));
        image.write_layout(&layout, Some("v1")).unwrap();
        image.write_oci_archive(&archive, Some("v1")).unwrap();
        for (sha, source) in [
            (ONE, format!("oci:{}", layout.display())),
            (TWO, format!("oci:{}:v1", layout.display())),
            (THREE, format!("oci-archive:{}:v1", archive.display())),
        ] {
            publish(&fixture, sha, &source).code(0);
            let (media_type, bytes) =
                fixture.registry.manifest(REPOSITORY, &format!("staging-{sha}")).unwrap();
            assert_eq!((media_type.as_str(), &bytes), (image.media_type(), image.manifest()), "{form}");
        }
        for child in image.children() {
            assert!(fixture.registry.manifest(REPOSITORY, &child.digest).is_some(), "{form}");
        }
        fixture
            .run("promote-latest")
            .args([ONE, "--image", &format!("{}/{REPOSITORY}", fixture.registry.host())])
            .run()
            .code(0);
        assert_eq!(
            fixture.registry.digest_of(REPOSITORY, "latest").as_deref(),
            Some(image.digest()),
            "{form}"
        );
    }
}

#[test]
fn the_same_forms_survive_a_real_registry_in_the_eyes_of_skopeo() {
    let Some(real) = DockerRegistry::start() else { return };
    let fixture = Fixture::new();
    for (i, (form, image)) in forms().into_iter().enumerate() {
        let sha = format!("{i}{}", &ONE[1..]);
        let layout = fixture.path(&sha);
        image.write_layout(&layout, None).unwrap();
        publish_to(&fixture, &real.host(), &sha, &format!("oci:{}", layout.display())).code(0);
        let seen = skopeo_digest(&format!("{}/{REPOSITORY}:staging-{sha}", real.host()));
        assert_eq!(seen.as_deref(), Some(image.digest()), "{form}");
    }
}

#[test]
fn docker_save_archives_old_and_new_give_the_same_image_every_time() {
    let fixture = Fixture::new();
    let image = single(ONE);
    let mut digests = Vec::new();
    for (sha, form) in [(ONE, DockerArchive::Old), (TWO, DockerArchive::New)] {
        let file = fixture.path(sha);
        image.write_docker_archive(&file, form, &["acme/app:x"]).unwrap();
        publish(&fixture, sha, &format!("docker-archive:{}", file.display())).code(0);
        digests.push(staged(&fixture, sha).unwrap());
    }
    assert_eq!(digests[0], digests[1]);
    let json =
        publish(&fixture, ONE, &format!("docker-archive:{}", fixture.path(ONE).display())).code(0).json();
    assert_eq!(
        (json["images"][0]["platforms"][0].as_str(), json["digests"].as_object().unwrap().len()),
        (Some("linux/amd64"), 1)
    );
}

#[test]
fn an_image_of_this_registry_is_mounted_and_one_of_another_is_copied() {
    let fixture = Fixture::new();
    let [_, index] = release(ONE);
    fixture.registry.push("build/app", "b1", &index).unwrap();
    let from = format!("docker://{}/build/app", fixture.registry.host());
    publish(&fixture, ONE, &format!("{from}:b1")).code(0);
    let uploads = fixture
        .registry
        .log()
        .iter()
        .filter(|seen| seen.body_bytes > 0 && seen.path.contains("/blobs/uploads/"))
        .count();
    assert_eq!((staged(&fixture, ONE).as_deref(), uploads), (Some(index.digest()), 0));
    let other = Registry::start(Setup::default()).unwrap();
    let image = single(TWO);
    other.push("team/app", "x", &image).unwrap();
    publish(&fixture, TWO, &format!("docker://{}/team/app@{}", other.host(), image.digest())).code(0);
    assert_eq!(staged(&fixture, TWO).as_deref(), Some(image.digest()));
}

#[test]
fn a_registry_that_does_not_mount_gets_the_blobs_sent() {
    let fixture = Fixture::with(Setup { mount: false, ..Setup::default() });
    let image = single(ONE);
    fixture.registry.push("build/app", "b1", &image).unwrap();
    publish(&fixture, ONE, &format!("docker://{}/build/app:b1", fixture.registry.host())).code(0);
    assert_eq!(staged(&fixture, ONE).as_deref(), Some(image.digest()));
}

/// Jib writes the format of `docker save` with compressed layers, which `docker save` never does.
#[test]
fn a_docker_archive_with_compressed_layers_keeps_them_as_they_are() {
    let fixture = Fixture::new();
    let script = r#"set -e
        echo platform >file
        tar -cf layer.tar file
        diff=$(sha256sum layer.tar | cut -d ' ' -f 1)
        gzip -n layer.tar
        layer=$(sha256sum layer.tar.gz | cut -d ' ' -f 1)
        mv layer.tar.gz "$layer.tar.gz"
        printf '{"architecture":"arm64","os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' "$diff" >config.json
        printf '[{"Config":"config.json","RepoTags":["acme/platform"],"Layers":["%s.tar.gz"]}]' "$layer" >manifest.json
        tar -cf jib-image.tar config.json manifest.json "$layer.tar.gz"
        printf %s "$layer""#;
    let folder = fixture.path("jib");
    std::fs::create_dir(&folder).unwrap();
    let made = std::process::Command::new("bash").args(["-c", script]).current_dir(&folder).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let layer = String::from_utf8(made.stdout).unwrap();
    let archive = format!("docker-archive:{}", folder.join("jib-image.tar").display());
    let done = publish(&fixture, ONE, &archive).code(0);
    assert!(done.stdout.contains("linux/arm64"), "{}", done.stdout);
    let (_, manifest) = fixture.registry.manifest(REPOSITORY, &format!("staging-{ONE}")).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest["layers"][0]["digest"], format!("sha256:{layer}"));
    assert_eq!(manifest["layers"][0]["mediaType"], "application/vnd.oci.image.layer.v1.tar+gzip");
}

#[test]
fn what_was_pushed_by_digest_already_only_gets_its_tag() {
    let fixture = Fixture::new();
    let image = single(ONE);
    fixture.registry.push(REPOSITORY, "whatever", &image).unwrap();
    let done = publish(&fixture, ONE, image.digest()).code(0);
    assert!(
        done.stdout.contains("linux/amd64"),
        "a single image says in its configuration what it is for: {}",
        done.stdout
    );
    assert_eq!(staged(&fixture, ONE).as_deref(), Some(image.digest()));
    assert_eq!(fixture.registry.log().iter().filter(|seen| seen.method == "POST").count(), 0);
    let absent = format!("sha256:{}", "0".repeat(64));
    publish(&fixture, TWO, &absent).code(1).tells(&["no such image", &absent]);
}

#[test]
fn blobs_that_are_there_are_not_sent_again() {
    let fixture = Fixture::new();
    fixture.publish(ONE).code(0);
    fixture.registry.clear_log();
    fixture.registry.delete_tag(IMAGES[0], &format!("staging-{ONE}")).unwrap();
    fixture.publish(ONE).code(0);
    assert_eq!(fixture.registry.log().iter().filter(|seen| seen.method == "POST").count(), 0);
    assert_eq!(fixture.tag(&format!("staging-{ONE}")), digests(ONE));
}

#[test]
fn another_build_under_the_same_sha_is_refused_unless_it_is_meant() {
    let fixture = Fixture::new();
    fixture.publish(ONE).code(0);
    let layout = fixture.path("other");
    single(TWO).write_layout(&layout, None).unwrap();
    let image = format!("{}/{}=oci:{}", fixture.registry.host(), IMAGES[0], layout.display());
    let again =
        |more: &[&str]| fixture.run("publish-staging").args([ONE, "--image", &image]).args(more).run();
    again(&[]).code(1).tells(&[single(ONE).digest(), single(TWO).digest(), "--force-restage"]);
    assert_eq!(fixture.tag(&format!("staging-{ONE}")), digests(ONE));
    again(&["--force-restage"]).code(0);
    assert_eq!(fixture.tag(&format!("staging-{ONE}"))[0].as_deref(), Some(single(TWO).digest()));
}

#[test]
fn a_tag_that_is_there_but_lost_a_platform_is_published_again() {
    let fixture = Fixture::new();
    fixture.publish(ONE).code(0);
    let child = release(ONE)[1].children()[0].digest.clone();
    fixture.registry.delete_manifest(IMAGES[1], &child).unwrap();
    fixture.publish(ONE).code(0);
    assert!(fixture.registry.manifest(IMAGES[1], &child).is_some());
}

#[test]
fn a_source_that_is_not_what_it_says_stops_before_a_tag_is_written() {
    let fixture = Fixture::new();
    let image = single(ONE);
    let lying = |name: &str, change: fn(&std::path::Path)| {
        let layout = fixture.path(name);
        image.write_layout(&layout, None).unwrap();
        change(&layout.join("blobs/sha256").join(&image.blobs()[1].digest[7..]));
        format!("oci:{}", layout.display())
    };
    let same_length = lying("same-length", |blob| {
        let length = std::fs::read(blob).unwrap().len();
        std::fs::write(blob, vec![7; length]).unwrap();
    });
    publish(&fixture, ONE, &same_length).code(1).tells(&["holds bytes of sha256:", "build the image again"]);
    let shorter = lying("shorter", |blob| std::fs::write(blob, b"x").unwrap());
    publish(&fixture, ONE, &shorter).code(2).tells(&["expected", "found 1 bytes"]);
    let missing = lying("missing", |blob| std::fs::remove_file(blob).unwrap());
    publish(&fixture, ONE, &missing).code(2).tells(&["found nothing of that digest"]);
    let link = lying("link", |blob| {
        std::fs::remove_file(blob).unwrap();
        std::os::unix::fs::symlink("/etc/hostname", blob).unwrap();
    });
    publish(&fixture, ONE, &link).code(2);
    assert_eq!(staged(&fixture, ONE), None);
}

#[test]
fn a_source_of_the_wrong_kind_is_exit_2_and_says_what_it_is() {
    let fixture = Fixture::new();
    let file = fixture.path("file");
    std::fs::write(&file, [0x1f, 0x8b, 8, 0, 0, 0, 0, 0]).unwrap();
    let shown = file.display();
    for (source, words) in [
        (format!("oci-archive:{shown}"), "compressed with gzip"),
        (format!("docker-archive:{shown}"), "compressed with gzip"),
        (format!("oci:{}", fixture.folder.path().display()), "without `index.json`"),
        ("oci:/nonexistent".to_owned(), "no such file or folder"),
    ] {
        publish(&fixture, ONE, &source).code(2).tells(&[words]);
    }
    let layout = fixture.path("layout");
    single(ONE).write_layout(&layout, Some("v1")).unwrap();
    publish(&fixture, ONE, &format!("oci:{}:v2", layout.display())).code(2).tells(&["0 of 1: v1"]);
    assert_eq!(fixture.registry.log().len(), 0);
}

#[test]
fn an_upload_that_breaks_is_begun_again() {
    for fault in [Fault::CutBefore, Fault::CutAfter, Fault::status(500), Fault::status(503)] {
        let fixture = Fixture::new();
        let rule = fixture.registry.rule(When::any().kind(Kind::Upload).method("PUT").nth(1).then(fault));
        fixture.publish(ONE).code(0);
        assert_eq!(
            (fixture.registry.played(rule), fixture.tag(&format!("staging-{ONE}"))),
            (1, digests(ONE))
        );
    }
}

#[test]
fn a_lost_answer_to_the_staging_tag_is_read_back() {
    let fixture = Fixture::new();
    let tag = format!("staging-{ONE}");
    let rule = fixture.registry.rule(When::any().method("PUT").reference(&tag).nth(1).then(Fault::CutAfter));
    fixture.publish(ONE).code(0);
    assert_eq!((fixture.registry.played(rule), fixture.tag(&tag)), (1, digests(ONE)));
}

#[test]
fn a_layer_of_gigabytes_passes_through_64_megabytes_of_memory() {
    let Some(real) = DockerRegistry::start() else { return };
    let fixture = Fixture::new();
    let layout = fixture.path("large");
    let large =
        write_layout_with_sparse_layer(&layout, ONE, if is_full() { 2 << 30 } else { 1 << 28 }).unwrap();
    let image = format!("{}/{REPOSITORY}=oci:{}", real.host(), layout.display());
    let program = fixture.run("publish-staging").args([ONE, "--image", &image, "--deadline", "10m"]);
    let (done, peak) = peak_memory(program);
    done.code(0);
    assert_eq!(skopeo_digest(&format!("{}/{REPOSITORY}:staging-{ONE}", real.host())), Some(large.digest));
    assert!(peak > 1_000 && peak < 64 * 1024, "{peak} kB resident");
}
