//! Sha-256 digests as registries spell them.

use sha2::{Digest, Sha256};

/// Digest of `bytes` as `sha256:<64 lower-case hex digits>`.
pub fn sha256(bytes: &[u8]) -> String {
    spell(Sha256::new().chain_update(bytes))
}

/// Finishes a running hash as `sha256:<hex>`.
pub(crate) fn spell(hash: Sha256) -> String {
    format!("sha256:{}", hex(&hash.finalize()))
}

/// Lower-case hex of `bytes`.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
