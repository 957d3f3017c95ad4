//! What is meant by text that is no TOML, where that can be guessed.

use std::ops::Range;

/// Words of other languages for nothing at all.
const NOTHING: [&str; 4] = ["null", "nil", "None", "undefined"];

/// Advice on the line of `text` in which the mistake at `place` stands.
pub(super) fn hint(text: &str, place: &Range<usize>) -> Option<String> {
    let at = (0..=place.start.min(text.len())).rev().find(|at| text.is_char_boundary(*at))?;
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let line = text[start..].lines().next()?;
    let (key, value) = line.split_once('=').unwrap_or((line, ""));
    let first = value.trim_start().split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    if NOTHING.contains(&first) {
        return Some(format!("TOML has no `{first}`; for JSON's null, write `\"{{{{ null }}}}\"`"));
    }
    let dollar = key.find('$')?;
    (!key[..dollar].contains(['"', '\''])).then(|| {
        let (table, path) = (key[..dollar].trim(), key[dollar..].trim());
        format!("a JSONPath stands in quotes: `{table}\"{path}\" = ...`")
    })
}

#[cfg(test)]
mod tests {
    use super::hint;

    #[test]
    fn what_was_meant_is_guessed_from_the_line() {
        for (line, words) in [
            ("body.json = null", Some("TOML has no `null`")),
            ("expect.json.$.a.b = 1", Some("`expect.json.\"$.a.b\" = ...`")),
            ("expect.json.\"$.a\" = null", Some("TOML has no `null`")),
            ("expect.json.\"$.a\" = nullable", None),
            ("a = [", None),
            ("", None),
        ] {
            let text = format!("format = 1\n{line}\n");
            let found = hint(&text, &(12..12));
            assert_eq!(found.is_some(), words.is_some(), "{line}: {found:?}");
            assert!(words.is_none_or(|words| found.unwrap().contains(words)), "{line}");
        }
        assert_eq!(hint("\u{fc}", &(1..9)), None);
    }
}
