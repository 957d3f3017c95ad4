//! Foreign text made harmless for a terminal, a log line or an error: bounded, on one line, without control
//! characters. What GitHub needs on top (workflow commands, Markdown) is in `report::github`.

/// How much of a foreign text an error shows, in bytes (style guide, rule 11).
pub const EXCERPT_BYTES: usize = 200;

/// `text` on one line, with control and invisible direction-changing characters written as `\u{..}`, cut at
/// `limit` bytes with an ellipsis.
pub fn escape(text: &str, limit: usize) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if out.len() >= limit {
            out.push('…');
            break;
        }
        if is_unsafe(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// [`escape`] for bytes that may not be UTF-8, at the length that suits an error.
pub fn excerpt(bytes: &[u8]) -> String {
    // Four bytes a character at the most: reading more could not show more.
    let head = &bytes[..bytes.len().min(EXCERPT_BYTES * 4)];
    escape(String::from_utf8_lossy(head).trim(), EXCERPT_BYTES)
}

/// `text`, which should be the name of a place and is not, without what a URL may hold of secrets: a login before its host,
/// and its query.
pub(crate) fn without_login(text: &str) -> String {
    let (scheme, rest) = text.find("://").map_or(("", text), |at| text.split_at(at + 3));
    let (rest, query) = rest.find('?').map_or((rest, ""), |at| (&rest[..at], "?***"));
    let end = rest.find('/').unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) if !scheme.is_empty() || rest[..at].contains(':') => {
            format!("{scheme}***{}{query}", &rest[at..])
        }
        _ => format!("{scheme}{rest}{query}"),
    }
}

/// A number of bytes as a person reads it: `812 B`, `3.2 kB`, `900.0 MB`.
pub fn bytes(count: u64) -> String {
    let units = [("GB", 1_000_000_000_u64), ("MB", 1_000_000), ("kB", 1_000)];
    match units.into_iter().find(|(_, size)| count >= *size) {
        // Tenths of a unit: exact enough, and no rounding up to a unit that was not reached.
        Some((unit, size)) => format!("{}.{} {unit}", count / size, count % size * 10 / size),
        None => format!("{count} B"),
    }
}

/// `line` made harmless for the log of a GitHub runner, which reads commands from both streams: a line that begins
/// with `::` (after white space), or holds `##[` anywhere (actions/runner, `ActionCommand.cs`).
pub fn defuse(line: &str) -> String {
    let line = line.replace("##[", "## [");
    match line.trim_start().strip_prefix("::") {
        Some(rest) => format!(": :{rest}"),
        None => line,
    }
}

/// An error in words, where the words may quote what was read.
pub fn told(error: &dyn std::fmt::Display) -> String {
    escape(&error.to_string(), EXCERPT_BYTES)
}

/// Control characters, the marks that reorder or hide text (Unicode UAX #9, zero-width, format and tag characters, the
/// "Trojan Source" set), and the two non-characters that XML 1.0 cannot hold.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}')
        || matches!(c, '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::{EXCERPT_BYTES, defuse, escape, excerpt, without_login};

    #[test]
    fn no_control_or_direction_mark_survives() {
        assert_eq!(
            escape("a\x1b[31mred\r\n::error::x\u{202e}", 100),
            r"a\u{1b}[31mred\r\n::error::x\u{202e}"
        );
    }

    #[test]
    fn no_mark_that_hides_or_reorders_text_survives_and_nothing_that_xml_cannot_hold() {
        for c in "\u{ad}\u{61c}\u{180e}\u{200b}\u{206a}\u{fff9}\u{e0041}\u{fffe}\u{ffff}".chars() {
            assert_eq!(escape(&c.to_string(), 100), format!("\\u{{{:x}}}", c as u32));
        }
    }

    #[test]
    fn no_line_is_a_command_to_a_runner() {
        assert_eq!(defuse("  ::error::x"), ": :error::x");
        assert_eq!(defuse("a ##[add-mask]e"), "a ## [add-mask]e");
        assert_eq!(defuse("a :: b"), "a :: b");
    }

    #[test]
    fn the_name_of_a_place_is_shown_without_a_login_and_a_query() {
        for (text, shown) in [
            ("https://robot:hush@ghcr.io/acme/app", "https://***@ghcr.io/acme/app"),
            ("https://hush@ghcr.io", "https://***@ghcr.io"),
            ("robot:hu@sh@ghcr.io/acme/app", "***@ghcr.io/acme/app"),
            ("ghcr.io/acme/app?token=hush", "ghcr.io/acme/app?***"),
            ("app@sha256:abc", "app@sha256:abc"),
            ("localhost:5000/acme/app@sha256:abc", "localhost:5000/acme/app@sha256:abc"),
        ] {
            assert_eq!(without_login(text), shown);
        }
    }

    #[test]
    fn an_excerpt_is_bounded_and_survives_bytes_that_are_no_text() {
        assert!(excerpt(&[0xff; 100_000]).len() <= EXCERPT_BYTES + 6);
    }
}
