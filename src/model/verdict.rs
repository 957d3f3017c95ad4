//! The one word that a gate reads.

use serde::{Deserialize, Serialize};

/// What a command concluded. There is no default and no `bool`: each reader has to name every case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Green,
    /// Disproven by a check, or refused by a guard.
    Red,
    /// It could not be told. Never green.
    Inconclusive,
    Pending,
    /// The command itself could not run: usage, configuration, an internal fault.
    Error,
}

impl Verdict {
    /// The word as it stands in outputs and documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Green => "green",
            Self::Red => "red",
            Self::Inconclusive => "inconclusive",
            Self::Pending => "pending",
            Self::Error => "error",
        }
    }
}
