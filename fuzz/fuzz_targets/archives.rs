//! Images on this machine: whatever a tar or a layout holds, opening it ends, and the image that it returns has every
//! manifest under the digest of its bytes and every blob within a regular file inside that tar or folder.
#![no_main]

use std::fs;
use std::path::Path;

use coalmine::io::source::error::SourceError;
use coalmine::io::source::origin::{Content, Origin};
use coalmine::io::source::{archive, docker_archive, layout};
use coalmine::model::digest::Digest;
use coalmine_fuzz::made::{Layout, repaired};
use coalmine_fuzz::one_line;
use libfuzzer_sys::fuzz_target;

fn holds(place: &Path, opened: Result<Origin, SourceError>) {
    let origin = match opened {
        Ok(origin) => origin,
        Err(error) => return one_line(&error.to_string()),
    };
    let place = place.canonicalize().expect("a place that was opened");
    assert_eq!(origin.top.digest, Digest::of(&origin.top.bytes));
    let named: Vec<&Digest> = origin.top.children().iter().map(|child| &child.digest).collect();
    for child in &origin.children {
        assert_eq!(child.digest, Digest::of(&child.bytes));
        assert!(named.contains(&&child.digest));
    }
    let manifests = || std::iter::once(&origin.top).chain(&origin.children);
    for (digest, (size, content)) in &origin.blobs {
        let Content::File { path, offset, size: stretch } = content else { panic!("a blob that is no file") };
        assert!(path.canonicalize().expect("a file").starts_with(&place), "{path:?} is outside");
        let meta = fs::symlink_metadata(path).expect("a file");
        let end = offset.checked_add(*stretch);
        assert!(meta.is_file() && end.is_some_and(|end| end <= meta.len()), "{digest} ends after its file");
        assert_eq!(size, stretch);
        assert!(manifests().flat_map(|manifest| manifest.blobs()).any(|blob| blob.digest == *digest));
    }
}

// The first two bytes say what the rest is, and how much of the end of a tar is lost.
fuzz_target!(|data: &[u8]| {
    let [kind, lost, rest @ ..] = data else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let tar = folder.path().join("image.tar");
    let whole = |bytes: &[u8]| fs::write(&tar, &bytes[..bytes.len().saturating_sub(4 * usize::from(*lost))]);
    match kind % 8 {
        0 | 1 => {
            let bytes = if kind & 8 == 0 { repaired(rest) } else { rest.to_vec() };
            whole(&bytes).expect("a file");
            let opened = if kind % 8 == 0 { docker_archive::open(&tar) } else { archive::open(&tar, None) };
            holds(&tar, opened);
        }
        2 => {
            whole(&Layout::read(rest).docker_archive()).expect("a file");
            holds(&tar, docker_archive::open(&tar));
        }
        3 => {
            whole(&Layout::read(rest).tar()).expect("a file");
            holds(&tar, archive::open(&tar, Some("v1")));
            holds(&tar, archive::open(&tar, None));
        }
        linked => {
            let place = folder.path().join("layout");
            Layout::read(rest).folder(&place, linked - 4).expect("a layout");
            holds(&place, layout::open(&place, None));
        }
    }
});
