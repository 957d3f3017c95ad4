//! Bundles: prompts and configuration that are published, promoted and rolled back like images.

mod digest;
mod refusals;
mod tools;
mod unit;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::support::{Done, Fixture};

/// Where bundles are published in these tests.
pub(crate) const BUNDLE: &str = "acme/prompts";

/// The example of the documents; its digest is the same on every machine, for ever.
pub(crate) fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples/bundle")
}

/// Every file of a folder, by its path, with its bytes and whether it may be executed.
pub(crate) fn tree(folder: &Path) -> Vec<(String, Vec<u8>, bool)> {
    fn below(root: &Path, folder: &Path, files: &mut Vec<(String, Vec<u8>, bool)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                below(root, &path, files);
            } else {
                let name = path.strip_prefix(root).unwrap().display().to_string();
                let mode = fs::metadata(&path).unwrap().permissions().mode();
                files.push((name, fs::read(&path).unwrap(), mode & 0o100 != 0));
            }
        }
    }
    let mut files = Vec::new();
    below(folder, folder, &mut files);
    files.sort();
    files
}

/// Copies the example to `to`, file by file, in the order of `files` reversed if asked.
pub(crate) fn copy_example(to: &Path, reversed: bool) {
    let mut files = tree(&example());
    if reversed {
        files.reverse();
    }
    for (name, bytes, executable) in files {
        let path = to.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(if executable { 0o755 } else { 0o644 }))
            .unwrap();
    }
}

/// Publishes the folder as `acme/prompts` of the sandbox.
pub(crate) fn publish(fixture: &Fixture, sha: &str, folder: &Path) -> Done {
    publish_to(fixture, &fixture.registry.host(), sha, folder)
}

/// The same to any registry.
pub(crate) fn publish_to(fixture: &Fixture, host: &str, sha: &str, folder: &Path) -> Done {
    let image = format!("{host}/{BUNDLE}=bundle:{}", folder.display());
    fixture.run("publish-staging").args([sha, "--image", &image]).with_result().run()
}

/// The digest that a publication told.
pub(crate) fn digest_of(done: &Done) -> String {
    done.json()["images"][0]["digest"].as_str().unwrap().to_owned()
}
