//! Skopeo as the second opinion: images go in and out unchanged, in every shape.
//!
//! Without skopeo these tests say so and pass, unless COALMINE_REQUIRE_REGISTRY=1.

use std::path::Path;
use std::process::Command;

use coalmine_sandbox::image::{DockerArchive, write_layout_with_sparse_layer};
use coalmine_sandbox::{Access, Auth, Bearer, Image, Registry, Setup};

use crate::{NEW, REPO};

/// Whether skopeo can be run; panics where it must be there.
#[expect(clippy::disallowed_methods, reason = "the switch that makes a missing registry tool an error")]
#[expect(clippy::print_stderr, reason = "a test left out must be seen")]
fn skopeo_is_here() -> bool {
    let here = Command::new("skopeo").arg("--version").output().is_ok();
    let required = std::env::var("COALMINE_REQUIRE_REGISTRY").is_ok_and(|value| value == "1");
    assert!(here || !required, "skopeo is required and not installed");
    if !here {
        eprintln!("left out: skopeo is not installed");
    }
    here
}

fn skopeo(arguments: &[&str]) -> String {
    let output = Command::new("skopeo").args(arguments).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "skopeo {arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn copy(from: &str, to: &str) {
    skopeo(&[
        "--insecure-policy",
        "copy",
        "--all",
        "--preserve-digests",
        "--src-tls-verify=false",
        "--dest-tls-verify=false",
        from,
        to,
    ]);
}

fn path(directory: &Path, name: &str) -> String {
    directory.join(name).display().to_string()
}

/// Images in every dialect.
fn variants() -> Vec<(&'static str, Image)> {
    let two = || Image::of(NEW).platform("linux/amd64").platform("linux/arm64/v8");
    vec![
        ("single", Image::single(NEW, "app")),
        ("index", Image::index(NEW, "app", &["linux/amd64", "linux/arm64/v8"])),
        ("attested", two().attestation().build()),
        ("docker single", Image::of(NEW).docker().build()),
        ("docker list", two().docker().build()),
        ("odd whitespace", two().odd_whitespace().build()),
        ("index without media type", two().without_index_media_type().build()),
    ]
}

#[test]
fn every_image_goes_through_the_registry_byte_for_byte() {
    if !skopeo_is_here() {
        return;
    }
    let registry = Registry::start(Setup::default()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    for (number, (name, image)) in variants().into_iter().enumerate() {
        let (source, target) = (format!("in-{number}"), format!("out-{number}"));
        image.write_layout(&directory.path().join(&source), None).unwrap();
        let remote = format!("docker://{}/{REPO}:{number}", registry.host());
        copy(&format!("oci:{}", path(directory.path(), &source)), &remote);
        let tag = number.to_string();
        assert_eq!(registry.digest_of(REPO, &tag).as_deref(), Some(image.digest()), "{name}");
        assert_eq!(registry.manifest(REPO, &tag).unwrap().1, image.manifest(), "{name}");
        copy(&remote, &format!("dir:{}", path(directory.path(), &target)));
        let back = std::fs::read(directory.path().join(&target).join("manifest.json")).unwrap();
        assert_eq!(back, image.manifest().to_vec(), "{name}");
    }
}

#[test]
fn skopeo_reads_an_image_pushed_through_the_side_door() {
    if !skopeo_is_here() {
        return;
    }
    let registry = Registry::start(Setup::default()).unwrap();
    let image = Image::single(NEW, "app");
    registry.push(REPO, "latest", &image).unwrap();
    let remote = format!("docker://{}/{REPO}:latest", registry.host());
    let inspected = skopeo(&["inspect", "--tls-verify=false", &remote]);
    assert!(inspected.contains(image.digest()), "{inspected}");
    assert!(inspected.contains(NEW), "{inspected}");
}

#[test]
fn archives_of_every_shape_are_read_by_skopeo() {
    if !skopeo_is_here() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let image = Image::single(NEW, "app");
    let oci = path(directory.path(), "oci.tar");
    image.write_oci_archive(Path::new(&oci), None).unwrap();
    assert!(skopeo(&["inspect", &format!("oci-archive:{oci}")]).contains(image.digest()));
    for shape in [DockerArchive::Old, DockerArchive::New] {
        let archive = path(directory.path(), &format!("{shape:?}.tar"));
        image.write_docker_archive(Path::new(&archive), shape, &["app:latest"]).unwrap();
        let inspected = skopeo(&["inspect", &format!("docker-archive:{archive}")]);
        assert!(inspected.contains(NEW), "{inspected}");
        let unpacked = path(directory.path(), &format!("{shape:?}"));
        copy_out(&format!("docker-archive:{archive}"), &format!("oci:{unpacked}:app"));
    }
}

/// A copy that has to convert, which checks every layer against its diff id.
fn copy_out(from: &str, to: &str) {
    skopeo(&["--insecure-policy", "copy", from, to]);
}

#[test]
fn skopeo_logs_in_with_the_bearer_realm() {
    if !skopeo_is_here() {
        return;
    }
    let realm = Bearer { access: Access::user("ada", "secret"), ..Bearer::default() };
    let registry = Registry::start(Setup { auth: Auth::Bearer(realm), ..Setup::default() }).unwrap();
    let image = Image::single(NEW, "app");
    let directory = tempfile::tempdir().unwrap();
    image.write_layout(directory.path(), None).unwrap();
    let source = format!("oci:{}", directory.path().display());
    let remote = format!("docker://{}/{REPO}:latest", registry.host());
    let bad = Command::new("skopeo")
        .args([
            "--insecure-policy",
            "copy",
            "--dest-tls-verify=false",
            "--dest-creds=ada:wrong",
            &source,
            &remote,
        ])
        .output()
        .unwrap();
    assert!(!bad.status.success());
    assert_eq!(registry.digest_of(REPO, "latest"), None);
    let creds = "--dest-creds=ada:secret";
    skopeo(&["--insecure-policy", "copy", "--dest-tls-verify=false", creds, &source, &remote]);
    assert_eq!(registry.digest_of(REPO, "latest").as_deref(), Some(image.digest()));
    assert!(registry.log().iter().any(|seen| seen.path == "/token"));
}

#[test]
fn a_sparse_layout_is_an_image_whose_layer_is_as_large_as_asked() {
    if !skopeo_is_here() {
        return;
    }
    let registry = Registry::start(Setup::default()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let written = write_layout_with_sparse_layer(directory.path(), NEW, 40 * 1024 * 1024).unwrap();
    assert!(written.layer_bytes >= 40 * 1024 * 1024);
    let remote = format!("docker://{}/{REPO}:large", registry.host());
    copy(&format!("oci:{}", directory.path().display()), &remote);
    assert_eq!(registry.digest_of(REPO, "large"), Some(written.digest));
    let received: u64 = registry.log().iter().map(|seen| seen.body_bytes).sum();
    assert!(received > written.layer_bytes);
    assert_eq!(registry.blob(REPO, &written.layer).unwrap().len() as u64, written.layer_bytes);
}
