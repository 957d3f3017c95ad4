//! A string that must not be seen.

use std::collections::BTreeSet;
use std::fmt;

/// A text with fewer bytes stands in other texts by chance.
const SHORTEST_BYTES: usize = 8;
/// A text of letters alone, or of digits alone, with fewer bytes may be a word, a date or a number.
const NO_WORD_BYTES: usize = 16;
/// A text with fewer different characters may be a rule or padding.
const DISTINCT_CHARACTERS: usize = 4;

/// A token or password. `Debug` shows `***`, there is no `Display` and no serialisation; the one way to
/// the text is [`Secret::expose`], so that every use can be found by that name.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes `text` as a secret; whoever holds the original still has to drop it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself: for an `Authorization` header or for the list of what to redact, never for a message.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Why this text cannot be kept out of a report, if it cannot: it would be found in texts that do not mean it, and
    /// the report would be full of holes. The words follow the secret's name and do not show it.
    pub(crate) fn weakness(&self) -> Option<String> {
        let text = &self.0;
        let distinct = text.chars().collect::<BTreeSet<_>>().len();
        let long = text.len() >= NO_WORD_BYTES;
        if text.len() < SHORTEST_BYTES {
            Some(format!("has {} characters, fewer than {SHORTEST_BYTES}", text.len()))
        } else if distinct < DISTINCT_CHARACTERS {
            Some(format!("repeats {distinct} different characters"))
        } else if !long && text.chars().all(char::is_alphabetic) {
            Some(format!("is made of fewer than {NO_WORD_BYTES} letters and nothing else, like a word"))
        } else if !long && text.bytes().all(|byte| byte.is_ascii_digit()) {
            Some(format!("is made of fewer than {NO_WORD_BYTES} digits and nothing else, like a date"))
        } else {
            None
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn a_secret_that_could_be_a_word_a_number_or_a_rule_is_weak() {
        for (text, words) in [
            ("a-b-c-d", "has 7 characters, fewer than 8"),
            ("true", "has 4 characters"),
            ("inconclusive", "like a word"),
            ("VerySecretToken", "like a word"),
            ("202611211530", "like a date"),
            ("--------========", "repeats 2 different"),
        ] {
            let weakness = Secret::new(text).weakness().unwrap_or_default();
            assert!(weakness.contains(words) && !weakness.contains(text), "{weakness}");
        }
        for text in ["token-of-one", "a1b2c3d4", "averylongpassphrase", "1234567890123456"] {
            assert_eq!(Secret::new(text).weakness(), None, "{text}");
        }
    }

    #[test]
    fn debug_never_shows_the_text() {
        assert_eq!(format!("{:?}", Some(Secret::new("hunter2"))), "Some(***)");
    }
}
