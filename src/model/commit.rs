//! The name of a build: the commit it was made from.

use std::fmt;
use std::str::FromStr;

use super::as_text::as_text;

/// 7 to 64 lowercase hex digits: a full or shortened SHA-1 or SHA-256 commit name. It is text throughout:
/// `1234567` and `12e4567` are no numbers. Upper case is read and written lower, as git does.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CommitSha(String);

impl CommitSha {
    /// The hex digits, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first 7 digits: enough for a person's table, never for a decision.
    pub fn short(&self) -> &str {
        &self.0[..7]
    }

    /// Whether `self`, as a person typed it, can mean `published`.
    pub fn begins(&self, published: &Self) -> bool {
        published.0.starts_with(&self.0)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a commit sha: expected 7 to 64 hex digits")]
pub struct NotACommitSha(String);

impl FromStr for CommitSha {
    type Err = NotACommitSha;
    fn from_str(text: &str) -> Result<Self, NotACommitSha> {
        let good = (7..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
        if good {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(NotACommitSha(crate::base::text::escape(text, 80)))
        }
    }
}

impl fmt::Display for CommitSha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

as_text!(CommitSha);

#[cfg(test)]
mod tests {
    use super::CommitSha;

    #[test]
    fn reads_shas_that_look_like_numbers_as_text() {
        for text in ["1234567", "12e4567", "0000000", &"f".repeat(40), &"0".repeat(64)] {
            assert_eq!(text.parse::<CommitSha>().unwrap().as_str(), text);
        }
        assert_eq!("4C1D56E".parse::<CommitSha>().unwrap().as_str(), "4c1d56e");
        for bad in ["", "123456", "4c1d56g", "HEAD", "4c1d56e ", &"0".repeat(65)] {
            assert!(bad.parse::<CommitSha>().is_err(), "{bad}");
        }
    }
}
