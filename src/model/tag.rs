//! The names that can move.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::commit::CommitSha;

/// A tag by the grammar of the OCI distribution specification 1.1, "Pulling manifests":
/// `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Tag(String);

impl Tag {
    /// The tag as the registry knows it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tag that keeps the way back: the outgoing digest of this tag, so that no retention policy and no
    /// collection of untagged manifests deletes it.
    pub fn previous(&self) -> Self {
        Self(format!("{}-previous", self.0))
    }

    /// The tag that says that a rollback holds promotions of this tag.
    pub fn hold(&self) -> Self {
        Self(format!("{}-hold", self.0))
    }

    /// The tag that keeps what a rollback moved away from, and marks it as rejected.
    pub fn rejected(&self) -> Self {
        Self(format!("{}-rejected", self.0))
    }

    /// Whether this is a whole version, such as `v1.4.2` or `1.4.2-rc1`, which names one content for ever; `v1` and `v1.4`
    /// go on with each release of theirs.
    pub fn is_full_version(&self) -> bool {
        let text = self.0.strip_prefix('v').unwrap_or(&self.0);
        let core = text.split(['-', '_']).next().unwrap_or_default();
        let number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        core.split('.').count() >= 3 && core.split('.').all(number)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a tag: expected 1 to 128 of letters, digits, `_`, `.`, `-`, not beginning with `.` or `-`"
)]
pub struct NotATag(String);

impl FromStr for Tag {
    type Err = NotATag;
    fn from_str(text: &str) -> Result<Self, NotATag> {
        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        let mut bytes = text.bytes();
        let good = bytes.next().is_some_and(word)
            && bytes.all(|b| word(b) || matches!(b, b'.' | b'-'))
            && text.len() <= 128;
        if good { Ok(Self(text.to_owned())) } else { Err(NotATag(crate::base::text::escape(text, 140))) }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a staging tag is written: the configuration's `staging`, with `{sha}` exactly once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StagingPattern {
    before: String,
    after: String,
}

impl Default for StagingPattern {
    fn default() -> Self {
        Self { before: "staging-".to_owned(), after: String::new() }
    }
}

impl StagingPattern {
    /// The staging tag of `sha`.
    pub fn tag(&self, sha: &CommitSha) -> Tag {
        Tag(format!("{}{sha}{}", self.before, self.after))
    }

    /// The sha that `tag` is the staging tag of, if it is one.
    pub fn sha_of(&self, tag: &str) -> Option<CommitSha> {
        tag.strip_prefix(self.before.as_str())?.strip_suffix(self.after.as_str())?.parse().ok()
    }
}

impl FromStr for StagingPattern {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || {
            format!(
                "`{}` is not a staging tag pattern: write `{{sha}}` exactly once among characters that a tag may have, as in `staging-{{sha}}`",
                crate::base::text::escape(text, 140)
            )
        };
        let (before, after) = text.split_once("{sha}").ok_or_else(refuse)?;
        let pattern = Self { before: before.to_owned(), after: after.to_owned() };
        // 64 is the longest sha: what is a tag with it is a tag with every other.
        let longest: Tag = format!("{before}{}{after}", "0".repeat(64)).parse().map_err(|_| refuse())?;
        if longest.as_str().matches("{sha}").count() == 0 && text.matches("{sha}").count() == 1 {
            Ok(pattern)
        } else {
            Err(refuse())
        }
    }
}

impl fmt::Display for StagingPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{{sha}}{}", self.before, self.after)
    }
}

#[cfg(test)]
mod tests {
    use super::{StagingPattern, Tag};

    #[test]
    fn takes_what_the_specification_takes() {
        for good in ["latest", "v1.2_3-x", "_", &"a".repeat(128)] {
            assert!(good.parse::<Tag>().is_ok(), "{good}");
        }
        for bad in ["", ".a", "-a", "a/b", "a:b", "ä", "a b", &"a".repeat(129)] {
            assert!(bad.parse::<Tag>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_whole_version_has_three_numbers() {
        let whole = |text: &str| text.parse::<Tag>().unwrap().is_full_version();
        assert!(["v1.4.2", "1.4.2", "v1.4.2-rc1", "2026.11.21", "1.2.3.4"].into_iter().all(whole));
        assert!(!["v1", "v1.4", "latest", "1.4.x", "stable-1.2.3", "1..2"].into_iter().any(whole));
    }

    #[test]
    fn a_pattern_and_its_tags_agree() {
        let pattern: StagingPattern = "stage.{sha}-rc".parse().unwrap();
        let sha = "4c1d56e".parse().unwrap();
        assert_eq!(pattern.tag(&sha).as_str(), "stage.4c1d56e-rc");
        assert_eq!(pattern.sha_of("stage.4c1d56e-rc"), Some(sha));
        for foreign in ["latest", "stage.4c1d56e", "stage.xyz1234-rc", "stage.4c1-rc"] {
            assert_eq!(pattern.sha_of(foreign), None, "{foreign}");
        }
        for bad in ["staging", "{sha}{sha}", "a/{sha}", "-{sha}"] {
            assert!(bad.parse::<StagingPattern>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_pattern_that_is_refused_is_shown_and_not_obeyed() {
        let error = "\x1b[2J\n::error::x".parse::<StagingPattern>().unwrap_err();
        assert!(error.starts_with(r"`\u{1b}[2J\n::error::x` is not"), "{error:?}");
    }
}
