//! Manifests: the digest is that of the exact bytes, reading them again under the form that was found gives the same,
//! and every platform that is read can be written into a record and read back.
#![no_main]

use bytes::Bytes;
use coalmine::io::registry::decode::{created_of, manifest, platform_of};
use coalmine::model::digest::Digest;
use coalmine::model::manifest::{Body, MediaType, Platform};
use coalmine::model::release::listed_platforms;
use coalmine_fuzz::one_line;
use libfuzzer_sys::fuzz_target;

fn survives(platform: &Platform) {
    let written = serde_json::to_string(platform).expect("JSON");
    let read = serde_json::from_str::<Platform>(&written).ok();
    assert_eq!(read.as_ref(), Some(platform), "{written}");
    one_line(&platform.to_string());
}

// The first line is the Content-Type.
fuzz_target!(|data: &[u8]| {
    let Some(end) = data.iter().position(|&b| b == b'\n') else { return };
    let content_type = std::str::from_utf8(&data[..end]).ok().filter(|text| !text.is_empty());
    let bytes = Bytes::copy_from_slice(&data[end + 1..]);
    if let Some(platform) = platform_of(&bytes) {
        survives(&platform);
    }
    if let Some(created) = created_of(&bytes) {
        assert_eq!(created.to_string().parse().ok(), Some(created));
    }
    let found = match manifest(bytes.clone(), content_type) {
        Ok(found) => found,
        Err(problem) => return one_line(&problem.to_string()),
    };
    assert_eq!((&found.digest, &found.bytes), (&Digest::of(&bytes), &bytes));
    assert!(content_type.and_then(MediaType::named).is_none_or(|stated| stated == found.media_type));
    let own: Option<serde_json::Value> = serde_json::from_slice(&bytes).ok();
    let own = own.as_ref().and_then(|value| value["mediaType"].as_str());
    assert!(own.is_none_or(|own| MediaType::named(own) == Some(found.media_type)), "{own:?}");
    let again = manifest(bytes, Some(found.media_type.as_str())).expect("the same under its own form");
    assert_eq!(again, found);
    match &found.body {
        Body::Index(children) => {
            assert!(children.len() <= 1_000 && found.blobs().is_empty());
            children.iter().filter_map(|child| child.platform.as_ref()).for_each(survives);
            assert!(listed_platforms(&found).is_sorted_by(|a, b| a < b));
        }
        Body::Image { layers, .. } => {
            assert!(found.children().is_empty() && found.blobs().len() == layers.len() + 1);
        }
    }
});
