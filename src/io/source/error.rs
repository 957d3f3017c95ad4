//! What can be wrong with an image on this machine.

use std::path::PathBuf;

use crate::base::complaint::Complaint;
use crate::base::list::NonEmpty;
use crate::model::digest::Digest;
use crate::policy::toml::Mistakes;

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
    /// The temporary file that a bundle is packed into cannot be written.
    #[error("failed to pack the bundle into `{path}`")]
    Pack {
        /// Where it is.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: std::io::Error,
    },
    /// A folder holds what no bundle may hold, or a check of it failed.
    #[error("{}", .0.first())]
    Refused(NonEmpty<Complaint>),
    /// `bundle.toml` has mistakes, at places that can be shown.
    #[error("{}", .0.first())]
    Mistaken(Mistakes),
    #[error("failed to read the source: {0}")]
    Interrupted(String),
}

impl SourceError {
    /// Everything that a folder was refused for.
    pub fn refusals(&self) -> &[Complaint] {
        match self {
            Self::Refused(refusals) => refusals.as_slice(),
            _ => &[],
        }
    }

    /// What the person can do about it, as one sentence for the line under the error.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Refused(_) | Self::Mistaken(_) => "publish the bundle when nothing of this is left",
            Self::Missing(_) => {
                "check the path; a source is `oci:DIR[:REF]`, `oci-archive:FILE[:REF]`, `docker-archive:FILE` or `bundle:DIR`"
            }
            Self::Read { .. } | Self::Interrupted(_) => "check that the file is there and may be read",
            Self::Pack { .. } => "make room there, or name another folder in TMPDIR",
            Self::Unfit { .. } => "check that the kind before the colon is what the build writes",
            Self::Incomplete { .. } => {
                "build or copy the image again, with every platform that its index names"
            }
            Self::Spoiled { .. } => "do not publish this: build the image again",
        }
    }
}
