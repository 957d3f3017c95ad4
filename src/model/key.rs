//! What decides who is in a ring: the name of a tenant, a session or a task.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// One key: visible ASCII without `,`, `"` and `\`, so that it stands unchanged in every exported file, and hashes to
/// the same number in every language.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Key(String);

impl Key {
    /// The key as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a key: expected 1 to 256 visible ASCII characters without `,`, `\"` and `\\`, not beginning with `#` or `:`"
)]
pub struct NotAKey(String);

impl FromStr for Key {
    type Err = NotAKey;
    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let visible = |b: u8| b.is_ascii_graphic() && !matches!(b, b',' | b'"' | b'\\');
        let good = (1..=256).contains(&text.len())
            && text.bytes().all(visible)
            && !text.starts_with(['#', ':'])
            // A runner would obey it in a log.
            && !text.contains("##[");
        if good { Ok(Self(text.to_owned())) } else { Err(NotAKey(crate::base::text::escape(text, 80))) }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The keys of a list, one a line; empty lines and lines that begin with `#` say nothing.
///
/// # Errors
/// The first line that is no key, or that stands twice, with its number from 1.
pub fn list(text: &str) -> Result<Vec<Key>, (usize, String)> {
    let mut seen = std::collections::BTreeSet::new();
    let lines = text.lines().enumerate().map(|(i, line)| (i + 1, line.trim()));
    lines
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(number, line)| {
            let key: Key = line.parse().map_err(|e: NotAKey| (number, e.to_string()))?;
            if seen.insert(key.clone()) { Ok(key) } else { Err((number, format!("`{key}` stands twice"))) }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Key, list};

    #[test]
    fn takes_what_every_file_can_hold_and_nothing_else() {
        for good in ["acme", "a.b@c", "018f-e2/7=", "x:y"] {
            assert!(good.parse::<Key>().is_ok(), "{good}");
        }
        for bad in ["", "ä", "a b", "a,b", "a\"b", "a\\b", "#a", "::error::x", "a\tb", "x##[add-mask]y"] {
            assert!(bad.parse::<Key>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_list_has_comments_and_names_the_line_of_a_mistake() {
        assert_eq!(list("# all\nacme\r\n\n sister \n").unwrap().len(), 2);
        assert_eq!(list("acme\n\nbö\n").unwrap_err().0, 3);
        assert_eq!(list("acme\nb\nacme\n").unwrap_err(), (3, "`acme` stands twice".to_owned()));
    }
}
