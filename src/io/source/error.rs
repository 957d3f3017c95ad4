//! What can be wrong with an image on this machine.

use std::path::PathBuf;

use crate::model::digest::Digest;

/// Why an image on this machine cannot be published.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// There is nothing at that path.
    #[error("failed to read `{0}`: there is no such file or folder")]
    Missing(PathBuf),
    /// It is there and cannot be read.
    #[error("failed to read `{path}`")]
    Read {
        /// The file, as it was named.
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// It is not of the kind that was said.
    #[error("failed to read `{path}`: expected {expected}, found {found}")]
    Unfit {
        /// The file, as it was named.
        path: PathBuf,
        expected: &'static str,
        /// What is there, escaped and cut.
        found: String,
    },
    /// It names content that it does not hold.
    #[error("failed to read `{path}`: expected the {what} {digest}, found nothing of that digest")]
    Incomplete {
        path: PathBuf,
        /// `manifest` or `blob`.
        what: &'static str,
        /// The digest by which the content is named.
        digest: Digest,
    },
    /// Content is not what its name says.
    #[error("failed to read `{path}`: expected {expected} of {digest}, found {found}")]
    Spoiled {
        path: PathBuf,
        /// `bytes` or `the bytes`.
        expected: String,
        digest: Digest,
        /// What is there: a length, or the digest of the bytes.
        found: String,
    },
    #[error("failed to read the source: {0}")]
    Interrupted(String),
}

impl SourceError {
    /// What the person can do about it, as one sentence for the line under the error.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Missing(_) => {
                "check the path; a source is `oci:DIR[:REF]`, `oci-archive:FILE[:REF]` or `docker-archive:FILE`"
            }
            Self::Read { .. } | Self::Interrupted(_) => "check that the file is there and may be read",
            Self::Unfit { .. } => "check that the kind before the colon is what the build writes",
            Self::Incomplete { .. } => {
                "build or copy the image again, with every platform that its index names"
            }
            Self::Spoiled { .. } => "do not publish this: build the image again",
        }
    }
}
