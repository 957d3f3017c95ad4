//! What other programs make of a bundle: oras, crane and skopeo, and bundles that they pushed.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{BUNDLE, digest_of, example, publish_to, tree};
use crate::support::docker_registry::{DockerRegistry, skopeo_digest};
use crate::support::{Fixture, ONE};

/// A program that `scripts/go-tool` installed, at the version that `scripts/test` names.
fn installed(name: &str) -> Option<PathBuf> {
    let script = include_str!("../../../scripts/test");
    let variable = format!("{name}=");
    let version =
        script.lines().find_map(|line| line.strip_prefix(&variable)).expect("a version in scripts/test");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target folder");
    let path = target.join("lint-tools").join(format!("{name}-{version}"));
    crate::support::docker_registry::is_there(&path.display().to_string()).then_some(path)
}

fn run(program: &Path, arguments: &[&str], folder: &Path) -> String {
    let mut command = Command::new(program);
    let done = command.args(arguments).env("HOME", folder).current_dir(folder).output().unwrap();
    assert!(done.status.success(), "{program:?} {arguments:?}\n{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).into_owned()
}

/// The files of the example, and the pins that were made of it.
fn expected(pins: &str) -> Vec<(String, Vec<u8>, bool)> {
    let mut files = tree(&example());
    files.push(("pins.json".to_owned(), pins.as_bytes().to_vec(), false));
    files.sort();
    files
}

#[test]
fn oras_and_crane_unpack_the_same_tree_and_skopeo_copies_the_same_digest() {
    let (Some(oras), Some(crane)) = (installed("oras"), installed("crane")) else { return };
    let Some(real) = DockerRegistry::start() else { return };
    let fixture = Fixture::new();
    let done = publish_to(&fixture, &real.host(), ONE, &example()).code(0);
    let name = format!("{}/{BUNDLE}:staging-{ONE}", real.host());
    let (pulled, exported) = (fixture.path("pulled"), fixture.path("exported"));
    std::fs::create_dir_all(&exported).unwrap();
    let here = fixture.folder.path();
    run(&oras, &["pull", "--plain-http", &name, "-o", &pulled.display().to_string()], here);
    let archive = fixture.path("export.tar").display().to_string();
    run(&crane, &["export", "--insecure", &name, &archive], here);
    run(Path::new("tar"), &["-xf", &archive, "-C", &exported.display().to_string()], here);
    let mut pins = serde_json::to_string_pretty(&done.json()["images"][0]["pins"]).unwrap();
    pins.push('\n');
    let expected = expected(&pins);
    let names =
        |files: &[(String, Vec<u8>, bool)]| files.iter().map(|(name, ..)| name.clone()).collect::<Vec<_>>();
    for folder in [pulled, exported] {
        let found = tree(&folder);
        assert_eq!(names(&found), names(&expected), "{}", folder.display());
        assert!(found == expected, "{}", folder.display());
    }
    let copy = format!("{}/acme/copy:x", real.host());
    let (from, to) = (format!("docker://{name}"), format!("docker://{copy}"));
    run(
        Path::new("skopeo"),
        &["copy", "--quiet", "--src-tls-verify=false", "--dest-tls-verify=false", &from, &to],
        here,
    );
    assert_eq!(skopeo_digest(&copy), Some(digest_of(&done)));
    assert_eq!(run(&crane, &["digest", "--insecure", &name], here).trim(), digest_of(&done));
}

#[test]
fn what_oras_pushed_is_a_release_image_too_byte_for_byte() {
    let Some(oras) = installed("oras") else { return };
    let Some(real) = DockerRegistry::start() else { return };
    let fixture = Fixture::new();
    let pushed = format!("{}/acme/pushed:x", real.host());
    let arguments = [
        "push",
        "--plain-http",
        &pushed,
        "--artifact-type",
        "application/vnd.acme.prompts",
        "prompts",
        "config/rerank.json",
    ];
    run(&oras, &arguments, &example());
    let image = format!("{}/{BUNDLE}=docker://{pushed}", real.host());
    fixture.run("publish-staging").args([ONE, "--image", &image]).run().code(0);
    let staged = format!("{}/{BUNDLE}", real.host());
    assert_eq!(skopeo_digest(&format!("{staged}:staging-{ONE}")), skopeo_digest(&pushed));
    let promote = fixture.run("promote-latest").args([ONE, "--image", &staged, "--no-require"]);
    promote.run().code(0);
    assert_eq!(skopeo_digest(&format!("{staged}:latest")), skopeo_digest(&pushed));
}
