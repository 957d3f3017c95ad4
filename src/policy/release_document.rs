//! The document that `publish-staging --result` writes, read back: which build, and by which digests.

use serde::Deserialize;
use serde_json::Value;

use super::strict_json;
use crate::base::text;
use crate::model::release::Release;
use crate::model::verdict::Verdict;

/// What is read of the document; it has more.
#[derive(Deserialize)]
struct Document {
    format: u32,
    tool: String,
    verdict: Verdict,
    #[serde(default)]
    dry_run: bool,
}

/// Reads the release from the document that `publish-staging --result` wrote.
///
/// # Errors
/// It is no such document, or tells of a publication that did not take place.
pub fn read(document: &str) -> Result<Release, String> {
    let value: Value = strict_json::parse(document.as_bytes())
        .map_err(|e| format!("expected JSON, found {}", text::told(&e)))?;
    let document: Document = Document::deserialize(&value)
        .map_err(|e| format!("expected a document of `publish-staging --result`: {}", text::told(&e)))?;
    if document.format != 1 {
        return Err(format!("expected format 1, found format {}", document.format));
    }
    if document.tool != "publish-staging" {
        let tool = text::escape(&document.tool, 40);
        return Err(format!("expected the result of `publish-staging`, found one of `{tool}`"));
    }
    if document.verdict != Verdict::Green || document.dry_run {
        let found = if document.dry_run { "a dry run" } else { document.verdict.as_str() };
        return Err(format!("expected a release that was published, found {found}"));
    }
    let release = Release::deserialize(&value)
        .map_err(|e| format!("expected a release with its images: {}", text::told(&e)))?;
    if release.images.is_empty() {
        return Err("expected at least one image, found none".to_owned());
    }
    Ok(release)
}

#[cfg(test)]
mod tests {
    use super::read;
    use serde_json::{Value, json};

    fn document() -> Value {
        let digest = format!("sha256:{}", "0".repeat(64));
        json!({
            "format": 1, "tool": "publish-staging", "verdict": "green", "exit_code": 0, "sha": "12e4567", "dry_run": false,
            "images": [{"repository": "ghcr.io/a/x", "digest": digest,
                "media_type": "application/vnd.oci.image.index.v1+json", "platforms": ["linux/amd64"]}],
        })
    }

    #[test]
    fn binds_to_the_digests_of_what_was_published() {
        let release = read(&document().to_string()).unwrap();
        assert_eq!(release.sha.as_str(), "12e4567");
        assert_eq!(release.images.len(), 1);
    }

    #[test]
    fn refuses_what_is_no_publication() {
        for (key, value, words) in [
            ("format", json!(2), "format 2"),
            ("tool", json!("canary-smoke"), "canary-smoke"),
            ("verdict", json!("red"), "found red"),
            ("dry_run", json!(true), "dry run"),
            ("sha", json!(1234567), "invalid type"),
            ("images", json!([]), "found none"),
            ("images", json!([{"repository": "ghcr.io/a/x"}]), "missing field"),
        ] {
            let mut document = document();
            document[key] = value;
            let error = read(&document.to_string()).unwrap_err();
            assert!(error.contains(words), "{key}: {error}");
        }
        assert!(read("").is_err() && read("[]").is_err());
    }

    #[test]
    fn a_document_that_cannot_be_read_is_told_harmlessly() {
        let mut document = document();
        document["verdict"] = json!("\u{1b}[2J\n::error::x");
        let error = read(&document.to_string()).unwrap_err();
        assert!(error.contains(r"\u{1b}[2J\n::error::x"), "{error:?}");
    }
}
