//! Manifest bytes to their meaning. The bytes stay as they came.

use bytes::Bytes;
use oci_client::manifest::{OciDescriptor, OciImageIndex, OciImageManifest};
use serde_json::Value;

use super::error::Problem;
use crate::base::text;
use crate::model::digest::Digest;
use crate::model::manifest::{Blob, Body, Child, Manifest, MediaType, Platform};

/// Most children that an index may have; real ones have some dozens.
const CHILDREN: usize = 1_000;

/// Reads a manifest. Its form is what `content_type` says; without that, what the bytes say of themselves
/// (`mediaType` is optional in OCI 1.0); without that, what they look like.
///
/// # Errors
/// The bytes are no manifest or index, or their own `mediaType` contradicts `content_type`.
pub fn manifest(bytes: Bytes, content_type: Option<&str>) -> Result<Manifest, Problem> {
    let unfit = |found: String| Problem::Unfit { expected: "an image manifest or index", found };
    let value: Value = serde_json::from_slice(&bytes)
        .map_err(|e| unfit(format!("no JSON ({e}): `{}`", text::excerpt(&bytes))))?;
    let named = value.get("mediaType").and_then(Value::as_str);
    let stated = content_type.and_then(MediaType::named);
    let media_type = match (stated, named.map(|name| (name, MediaType::named(name)))) {
        (Some(stated), None) => stated,
        (Some(stated), Some((_, Some(own)))) if own == stated => stated,
        (None, Some((_, Some(own)))) => own,
        (None, None) => looks_like(&value).ok_or_else(|| unfit(format!("`{}`", text::excerpt(&bytes))))?,
        (_, Some((own, _))) => {
            let header = content_type.unwrap_or("none");
            return Err(unfit(format!(
                "mediaType `{}` under Content-Type `{}`",
                text::escape(own, 100),
                text::escape(header, 100)
            )));
        }
    };
    let body = match media_type {
        MediaType::OciIndex | MediaType::DockerList => index(&bytes).map_err(unfit)?,
        MediaType::OciManifest | MediaType::DockerManifest => image(&bytes).map_err(unfit)?,
    };
    Ok(Manifest { digest: Digest::of(&bytes), media_type, bytes, body })
}

fn looks_like(value: &Value) -> Option<MediaType> {
    if value.get("manifests").is_some_and(Value::is_array) {
        Some(MediaType::OciIndex)
    } else if value.get("config").is_some_and(Value::is_object)
        && value.get("layers").is_some_and(Value::is_array)
    {
        Some(MediaType::OciManifest)
    } else {
        None
    }
}

fn index(bytes: &[u8]) -> Result<Body, String> {
    let index: OciImageIndex =
        serde_json::from_slice(bytes).map_err(|e| format!("an index that cannot be read: {e}"))?;
    if index.manifests.len() > CHILDREN {
        return Err(format!("an index of {} manifests", index.manifests.len()));
    }
    let child = |entry: &oci_client::manifest::ImageIndexEntry| {
        let platform = entry.platform.as_ref().map(platform).transpose()?.flatten();
        Ok(Child { digest: digest(&entry.digest)?, size: size(entry.size)?, platform })
    };
    Ok(Body::Index(index.manifests.iter().map(child).collect::<Result<_, String>>()?))
}

/// What an entry of an index runs on; `None`: its platform is there and says nothing.
fn platform(platform: &oci_client::manifest::Platform) -> Result<Option<Platform>, String> {
    let (os, architecture) = (platform.os.to_string(), platform.architecture.to_string());
    let variant = platform.variant.as_deref();
    if os.is_empty() && architecture.is_empty() {
        return Ok(None);
    }
    let named = Platform::of(&os, &architecture, variant);
    named.map(Some).ok_or_else(|| {
        let found = [os.as_str(), architecture.as_str(), variant.unwrap_or_default()].join(" ");
        format!("a platform of `{}`", text::escape(&found, 80))
    })
}

fn image(bytes: &[u8]) -> Result<Body, String> {
    let image: OciImageManifest =
        serde_json::from_slice(bytes).map_err(|e| format!("a manifest that cannot be read: {e}"))?;
    let layers = image.layers.iter().map(blob).collect::<Result<_, String>>()?;
    Ok(Body::Image { config: blob(&image.config)?, layers })
}

fn blob(descriptor: &OciDescriptor) -> Result<Blob, String> {
    let foreign =
        descriptor.media_type.contains("nondistributable") || descriptor.media_type.contains(".foreign.");
    let elsewhere = foreign && descriptor.urls.as_ref().is_some_and(|urls| !urls.is_empty());
    Ok(Blob { digest: digest(&descriptor.digest)?, size: size(descriptor.size)?, elsewhere })
}

fn digest(text: &str) -> Result<Digest, String> {
    text.parse().map_err(|e| format!("{e}"))
}

fn size(number: i64) -> Result<u64, String> {
    u64::try_from(number).map_err(|_| format!("a size of {number} bytes"))
}

/// The platform that an image's configuration states.
pub fn platform_of(config: &[u8]) -> Option<Platform> {
    let value: Value = serde_json::from_slice(config).ok()?;
    let field = |name: &str| value.get(name).and_then(Value::as_str);
    Platform::of(field("os")?, field("architecture")?, field("variant"))
}

/// When an image's configuration says it was built.
pub fn created_of(config: &[u8]) -> Option<jiff::Timestamp> {
    let value: Value = serde_json::from_slice(config).ok()?;
    value.get("created").and_then(Value::as_str)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{manifest, platform_of};
    use crate::model::manifest::{Body, MediaType};
    use bytes::Bytes;

    const HEX: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn image(extra: &str) -> Bytes {
        let descriptor = format!(r#"{{"mediaType":"x","digest":"sha256:{HEX}","size":3}}"#);
        format!(r#"{{ "schemaVersion":2,{extra} "config":{descriptor},"layers":[{descriptor}] }}"#).into()
    }

    #[test]
    fn the_form_is_that_of_the_header_then_of_the_bytes_then_of_their_shape() {
        let docker = MediaType::DockerManifest.as_str();
        assert_eq!(manifest(image(""), Some(docker)).unwrap().media_type, MediaType::DockerManifest);
        assert_eq!(
            manifest(image(&format!(r#""mediaType":"{docker}","#)), None).unwrap().media_type,
            MediaType::DockerManifest
        );
        assert_eq!(manifest(image(""), None).unwrap().media_type, MediaType::OciManifest);
        assert_eq!(
            manifest(image(""), Some("application/octet-stream")).unwrap().media_type,
            MediaType::OciManifest
        );
    }

    #[test]
    fn a_header_that_contradicts_the_bytes_is_refused() {
        let own = format!(r#""mediaType":"{}","#, MediaType::DockerManifest.as_str());
        assert!(manifest(image(&own), Some(MediaType::OciManifest.as_str())).is_err());
        assert!(
            manifest(image(r#""mediaType":"text/html","#), Some(MediaType::OciManifest.as_str())).is_err()
        );
    }

    #[test]
    fn what_is_no_manifest_is_refused() {
        for bytes in [
            "",
            "<html>",
            "[]",
            "{}",
            r#"{"schemaVersion":1,"fsLayers":[]}"#,
            r#"{"manifests":[{"digest":"sha256:1","size":-1,"mediaType":"x"}]}"#,
        ] {
            assert!(manifest(Bytes::from_static(bytes.as_bytes()), None).is_err(), "{bytes}");
        }
    }

    #[test]
    fn an_index_knows_its_platforms() {
        let bytes = format!(
            r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"m","digest":"sha256:{HEX}","size":1,"platform":{{"os":"linux","architecture":"arm","variant":"v7"}}}},{{"mediaType":"m","digest":"sha256:{HEX}","size":1,"platform":{{"os":"unknown","architecture":"unknown"}}}}]}}"#
        );
        let index = manifest(bytes.into(), None).unwrap();
        let Body::Index(children) = &index.body else { panic!("an index") };
        assert_eq!(children[0].platform.as_ref().unwrap().to_string(), "linux/arm/v7");
        assert!(!children[0].is_attestation() && children[1].is_attestation());
    }

    #[test]
    fn a_platform_that_no_record_could_name_is_refused_and_one_without_words_says_nothing() {
        let with = |os: &str, architecture: &str, variant: &str| {
            let platform =
                format!(r#"{{"os":"{os}","architecture":"{architecture}","variant":"{variant}"}}"#);
            let entry =
                format!(r#"{{"mediaType":"m","digest":"sha256:{HEX}","size":1,"platform":{platform}}}"#);
            manifest(format!(r#"{{"schemaVersion":2,"manifests":[{entry}]}}"#).into(), None)
        };
        for (os, architecture, variant) in
            [("linux/amd64", "x", ""), ("linux", "", ""), ("linux", "arm", "v7/x"), ("li\\nnux", "arm", "")]
        {
            assert!(with(os, architecture, variant).is_err(), "{os} {architecture} {variant}");
        }
        assert_eq!(with("", "", "").unwrap().children()[0].platform, None);
        let arm = with("linux", "arm64", "").unwrap();
        assert_eq!(arm.children()[0].platform.as_ref().unwrap().to_string(), "linux/arm64");
        assert_eq!(platform_of(br#"{"os":"a/b","architecture":"c"}"#), None);
    }
}
