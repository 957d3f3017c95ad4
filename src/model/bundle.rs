//! What a bundle says of itself: its parts by hash, and what decides an answer without being a file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::digest::Digest;

/// `artifactType` of a bundle.
pub const BUNDLE_TYPE: &str = "application/vnd.coalmine.bundle.v1+json";
/// The annotation of a bundle's manifest that holds its [`Pins`], so that nobody has to unpack it for them.
pub const PINS_ANNOTATION: &str = "dev.coalmine.bundle.pins";
/// The file of the same content in the root of a bundle.
pub const PINS_FILE: &str = "pins.json";
/// Most bytes of the pins of one bundle: they stand in its manifest, of which a registry takes 4 MiB.
pub const PINS_BYTES: usize = 64 * 1024;

/// `pins.json`: parts and pins of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pins {
    /// The format of the document; always 1.
    pub format: u32,
    /// The hash of each part: the sha256 of what `sha256sum` prints for its files, in the order of their names.
    pub parts: BTreeMap<String, Digest>,
    /// What decides an answer, by name; `PROMPT_VER` is the hash of the part `prompts`.
    pub pins: BTreeMap<String, String>,
    /// Pins that name no fixed version, and why that was allowed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub floating: BTreeMap<String, String>,
}

impl Pins {
    /// The pins in the annotations of a manifest; `None`: it is no bundle, or what stands there cannot be read.
    pub fn of_manifest(manifest: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Annotated {
            annotations: BTreeMap<String, String>,
        }
        let annotated: Annotated = serde_json::from_slice(manifest).ok()?;
        let text = annotated.annotations.get(PINS_ANNOTATION).filter(|text| text.len() <= PINS_BYTES)?;
        serde_json::from_str(text).ok().filter(|pins: &Self| pins.format == 1)
    }
}
