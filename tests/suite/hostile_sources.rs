//! Layouts and archives that somebody made to get out of their folder, or to fill a disk or a memory.

use std::path::{Path, PathBuf};

use crate::support::{Done, Fixture, IMAGES, ONE, single};
use coalmine_sandbox::Image;
use coalmine_sandbox::image::DockerArchive;
use serde_json::{Value, json};
use tar::{EntryType, Header};

/// What must never leave this machine.
const OUTSIDE: &str = "a private key of another program";

/// Publishes one source, and makes sure that nothing came of it: exit 1 or 2 with a reason, no tag, no secret sent.
#[track_caller]
fn refused(fixture: &Fixture, source: &str) -> Done {
    let image = format!("--image={}={source}", fixture.repositories()[0]);
    let done = fixture.run("publish-staging").args([ONE, &image]).run();
    assert!([1, 2].contains(&done.code), "exit {}\n{}", done.code, done.stderr);
    assert!(done.stderr.contains("error: ") && !done.stderr.contains("panicked"), "{}", done.stderr);
    assert_eq!(fixture.registry.digest_of(IMAGES[0], &format!("staging-{ONE}")), None);
    let secret = coalmine_sandbox::sha256(OUTSIDE.as_bytes());
    assert_eq!(fixture.registry.blob(IMAGES[0], &secret), None);
    done
}

fn outside(fixture: &Fixture) -> PathBuf {
    let path = fixture.path("outside.txt");
    std::fs::write(&path, OUTSIDE).unwrap();
    path
}

fn blob(layout: &Path, digest: &str) -> PathBuf {
    layout.join("blobs/sha256").join(&digest["sha256:".len()..])
}

fn layout(fixture: &Fixture, image: &Image) -> PathBuf {
    let layout = fixture.path("layout");
    let _ = std::fs::remove_dir_all(&layout);
    image.write_layout(&layout, Some("build")).unwrap();
    layout
}

/// Rewrites a JSON file.
fn edit(path: &Path, change: impl FnOnce(&mut Value)) {
    let mut value: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    change(&mut value);
    std::fs::write(path, value.to_string()).unwrap();
}

/// Puts a manifest into a layout and makes it the only image.
fn install(layout: &Path, manifest: &Value) {
    let bytes = manifest.to_string();
    let digest = coalmine_sandbox::sha256(bytes.as_bytes());
    std::fs::write(blob(layout, &digest), &bytes).unwrap();
    edit(&layout.join("index.json"), |index| {
        index["manifests"] =
            json!([{ "mediaType": manifest["mediaType"], "digest": digest, "size": bytes.len() }]);
    });
}

#[test]
fn no_link_in_a_layout_leads_out_of_it() {
    let fixture = Fixture::new();
    let image = single(ONE);
    let digests: Vec<String> = image.blobs().iter().map(|blob| blob.digest.clone()).collect();
    let outside = outside(&fixture);
    let link = |to: &Path, at: &Path| std::os::unix::fs::symlink(to, at);
    let folder = layout(&fixture, &image);
    std::fs::remove_file(blob(&folder, &digests[0])).unwrap();
    link(&outside, &blob(&folder, &digests[0])).unwrap();
    refused(&fixture, "oci:layout").tells(&["found nothing of that digest"]);
    // The right bytes behind a link are no better: what is behind it can change, and is not what was handed over.
    let folder = layout(&fixture, &image);
    std::fs::rename(blob(&folder, &digests[0]), fixture.path("moved")).unwrap();
    link(&fixture.path("moved"), &blob(&folder, &digests[0])).unwrap();
    refused(&fixture, "oci:layout").tells(&["found nothing of that digest"]);
    for part in ["blobs", "blobs/sha256"] {
        let folder = layout(&fixture, &image);
        let elsewhere = fixture.path("elsewhere");
        let _ = std::fs::remove_dir_all(&elsewhere);
        std::fs::rename(folder.join(part), &elsewhere).unwrap();
        link(&elsewhere, &folder.join(part)).unwrap();
        refused(&fixture, "oci:layout").tells(&["found nothing of that digest"]);
    }
    let folder = layout(&fixture, &image);
    std::fs::rename(folder.join("index.json"), fixture.path("index.json")).unwrap();
    link(&fixture.path("index.json"), &folder.join("index.json")).unwrap();
    refused(&fixture, "oci:layout").tells(&["without `index.json`"]);
}

#[test]
fn digests_and_sizes_that_are_none_are_refused_and_never_become_paths() {
    let fixture = Fixture::new();
    outside(&fixture);
    type Change = fn(&mut Value);
    let changes: [Change; 6] = [
        |d| d["digest"] = "sha256:../../../outside.txt".into(),
        |d| d["digest"] = "../../../outside.txt".into(),
        |d| d["digest"] = "md5:d41d8cd98f00b204e9800998ecf8427e".into(),
        |d| d["size"] = json!(-1),
        |d| d["size"] = json!(i64::MAX),
        |d| d["size"] = json!(7),
    ];
    for change in changes {
        let image = single(ONE);
        let folder = layout(&fixture, &image);
        let mut manifest: Value = serde_json::from_slice(image.manifest()).unwrap();
        change(&mut manifest["layers"][0]);
        install(&folder, &manifest);
        refused(&fixture, "oci:layout");
        assert!(fixture.registry.log().iter().all(|seen| seen.method != "PUT"));
    }
}

#[test]
fn a_child_that_lies_about_its_size_and_an_index_of_gigabytes_are_refused() {
    let fixture = Fixture::new();
    for (size, words) in [(json!(3), "expected 3 bytes"), (json!(i64::MAX), "bytes together")] {
        let image = Image::index(ONE, "x", &["linux/amd64", "linux/arm64"]);
        let folder = layout(&fixture, &image);
        let mut index: Value = serde_json::from_slice(image.manifest()).unwrap();
        index["manifests"][0]["size"] = size;
        install(&folder, &index);
        refused(&fixture, "oci:layout").tells(&[words]);
    }
}

#[test]
fn documents_that_are_deep_huge_or_no_documents_end_in_words() {
    let fixture = Fixture::new();
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let nested = format!("{{\"manifests\":{deep}}}");
    let huge = format!("{{\"schemaVersion\":2,\"x\":\"{}\"}}", "a".repeat(5 * 1024 * 1024));
    for text in [deep, nested, huge, String::new(), "\u{0}\u{1}".to_owned()] {
        let folder = layout(&fixture, &single(ONE));
        std::fs::write(folder.join("index.json"), text).unwrap();
        refused(&fixture, "oci:layout");
    }
    let folder = layout(&fixture, &single(ONE));
    std::fs::remove_file(folder.join("index.json")).unwrap();
    std::fs::create_dir(folder.join("index.json")).unwrap();
    refused(&fixture, "oci:layout");
}

/// A tar of raw entries: kind, name, link, declared size, content.
fn tar_of(path: &Path, entries: &[(EntryType, &str, &str, u64, &[u8])]) {
    let mut bytes = Vec::new();
    for (kind, name, link, size, content) in entries {
        let mut header = Header::new_gnu();
        header.set_entry_type(*kind);
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.as_mut_bytes()[157..157 + link.len()].copy_from_slice(link.as_bytes());
        header.set_size(*size);
        header.set_mode(0o644);
        header.set_cksum();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().div_ceil(512) * 512, 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn no_name_or_link_in_an_archive_leads_out_of_it() {
    let fixture = Fixture::new();
    let secret = outside(&fixture);
    let (secret, file) = (secret.to_str().unwrap(), fixture.path("a.tar"));
    let saved = |layer: &str| json!([{ "Config": layer, "RepoTags": null, "Layers": [layer] }]).to_string();
    let link = |kind, target: &str| {
        let saved = saved("layer");
        let manifest = (EntryType::Regular, "manifest.json", "", saved.len() as u64, saved.as_bytes());
        tar_of(&file, &[manifest, (kind, "layer", target, 0, b"")]);
    };
    for target in [secret, "../outside.txt", "../../../../../../etc/hostname", "layer", "."] {
        for kind in [EntryType::Symlink, EntryType::Link] {
            link(kind, target);
            refused(&fixture, "docker-archive:a.tar").tells(&["no member `layer`"]);
        }
    }
    for name in [secret, "../outside.txt", "a/../../outside.txt", "missing"] {
        let saved = saved(name);
        tar_of(&file, &[(EntryType::Regular, "manifest.json", "", saved.len() as u64, saved.as_bytes())]);
        refused(&fixture, "docker-archive:a.tar").tells(&["no member"]);
    }
    for name in ["/index.json", "../index.json", "x/../../index.json"] {
        tar_of(&file, &[(EntryType::Regular, name, "", 2, b"{}")]);
        refused(&fixture, "oci-archive:a.tar").tells(&["a tar without `index.json`"]);
    }
    for (a, b) in [("index.json", "b"), ("b", "index.json")] {
        tar_of(&file, &[(EntryType::Symlink, a, b, 0, b""), (EntryType::Symlink, b, a, 0, b"")]);
        refused(&fixture, "oci-archive:a.tar");
    }
}

#[test]
fn archives_that_promise_more_than_they_hold_fill_no_memory() {
    let fixture = Fixture::new();
    let file = fixture.path("a.tar");
    for size in [u64::from(u32::MAX), 1 << 40, (1 << 62) + 5] {
        tar_of(&file, &[(EntryType::Regular, "index.json", "", size, b"{}")]);
        refused(&fixture, "oci-archive:a.tar");
    }
    // A name of two gigabytes that costs a block on the disk.
    tar_of(&file, &[(EntryType::GNULongName, "././@LongLink", "", 2 << 30, b"x")]);
    std::fs::File::options().write(true).open(&file).unwrap().set_len((2 << 30) + 4096).unwrap();
    let began = coalmine::io::clock::instant();
    refused(&fixture, "oci-archive:a.tar").tells(&["an extended header of 2147483648 bytes"]);
    assert!(coalmine::io::clock::instant() - began < std::time::Duration::from_secs(5));
    let many = vec![(EntryType::Directory, "d", "", 0, &b""[..]); 100_001];
    tar_of(&file, &many);
    refused(&fixture, "oci-archive:a.tar").tells(&["more than 100000 entries"]);
    let layers = vec!["layer"; 5_000];
    let saved = json!([{ "Config": "layer", "Layers": layers }]).to_string();
    let manifest = (EntryType::Regular, "manifest.json", "", saved.len() as u64, saved.as_bytes());
    tar_of(&file, &[manifest, (EntryType::Regular, "layer", "", 2, b"{}")]);
    refused(&fixture, "docker-archive:a.tar").tells(&["5000 layers"]);
}

#[test]
fn an_archive_cut_anywhere_publishes_nothing_or_the_very_image() {
    let image = single(ONE);
    for kind in ["oci-archive", "docker-archive"] {
        let fixture = Fixture::new();
        let path = fixture.path("whole.tar");
        match kind {
            "oci-archive" => image.write_oci_archive(&path, Some("build")).unwrap(),
            _ => image.write_docker_archive(&path, DockerArchive::Old, &["acme/platform:build"]).unwrap(),
        }
        let publish = |name: &str| {
            let image = format!("--image={}={kind}:{name}", fixture.repositories()[0]);
            fixture.run("publish-staging").args([ONE, &image]).run()
        };
        let staged = || fixture.registry.digest_of(IMAGES[0], &format!("staging-{ONE}"));
        publish("whole.tar").code(0);
        let wanted = staged();
        let bytes = std::fs::read(&path).unwrap();
        let mut refused = 0;
        for cut in (0..bytes.len()).step_by(bytes.len() / 40) {
            fixture.registry.delete_tag(IMAGES[0], &format!("staging-{ONE}")).ok();
            std::fs::write(fixture.path("cut.tar"), &bytes[..cut]).unwrap();
            let done = publish("cut.tar");
            match done.code {
                // What is missing was not part of the image: padding, or a file that nothing names.
                0 => assert_eq!(staged(), wanted),
                1 | 2 => {
                    assert_eq!(staged(), None);
                    refused += 1;
                }
                code => panic!("exit {code} at {cut}\n{}", done.stderr),
            }
        }
        assert!(refused >= 30, "{kind}: only {refused} cuts were refused");
    }
}
