//! Takes secrets out of text, whatever encoding they wear.

use std::cell::RefCell;

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use super::secret::Secret;
use super::text::escape;

/// What stands in place of a secret.
pub const MASK: &str = "***";

/// Shorter secrets are not searched for: `a` would mask every word, and nothing so short protects anything.
const SHORTEST_SECRET_BYTES: usize = 4;

/// Every secret of this run, in every form in which it could come back: plain, URL-encoded, JSON-escaped, and
/// inside base64 at each of the three possible shifts. Where several forms overlap, all that they cover goes.
#[derive(Default)]
pub struct Redactor {
    /// Longest first.
    needles: RefCell<Vec<String>>,
    /// Finds all of them in one pass; `None`: to be built. A fleet of hundreds has thousands of forms.
    search: RefCell<Option<AhoCorasick>>,
}

impl Redactor {
    /// Adds `secret`; from now on no text that passes [`Redactor::clean`] shows it.
    pub fn learn(&self, secret: &Secret) {
        let text = secret.expose();
        if text.len() < SHORTEST_SECRET_BYTES {
            return;
        }
        let mut needles = self.needles.borrow_mut();
        let known = needles.len();
        needles.extend(forms(text));
        needles.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        needles.dedup();
        if needles.len() > known {
            self.search.replace(None);
        }
    }

    /// `text` with every known secret replaced by [`MASK`].
    pub fn clean(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut shown = 0;
        for (start, end) in self.covered(text) {
            out.push_str(&text[shown..start]);
            out.push_str(MASK);
            shown = end;
        }
        out + &text[shown..]
    }

    /// The places of `text` that secrets cover, in order and apart.
    fn covered(&self, text: &str) -> Vec<(usize, usize)> {
        let mut places: Vec<(usize, usize)> = self
            .searching(|search| search.find_overlapping_iter(text).map(|m| (m.start(), m.end())).collect());
        places.sort_unstable();
        let mut merged: Vec<(usize, usize)> = Vec::new();
        for (start, end) in places {
            match merged.last_mut() {
                Some(last) if start < last.1 => last.1 = last.1.max(end),
                _ => merged.push((start, end)),
            }
        }
        merged
    }

    fn searching<T>(&self, look: impl FnOnce(&AhoCorasick) -> T) -> T {
        let mut search = self.search.borrow_mut();
        let search = search.get_or_insert_with(|| {
            AhoCorasick::new(self.needles.borrow().iter())
                .expect("tokens are far below the size that has no automaton")
        });
        look(search)
    }

    /// `text` cleaned, on one line and at most about `limit` bytes long. It is cut only after it was cleaned: half a
    /// secret would pass unseen.
    pub fn excerpt(&self, text: &str, limit: usize) -> String {
        let longest = self.needles.borrow().first().map_or(0, String::len);
        let mut head = 4 * (limit + 2 * longest);
        if text.len() <= head {
            return escape(&self.clean(text), limit);
        }
        while !text.is_char_boundary(head) {
            head -= 1;
        }
        // What is cut off the end may have begun with the first part of a secret.
        let cleaned = self.clean(&text[..head]);
        let mut sure = cleaned.len().saturating_sub(longest);
        while !cleaned.is_char_boundary(sure) {
            sure -= 1;
        }
        let shown = escape(&cleaned[..sure], limit);
        if shown.ends_with('…') { shown } else { format!("{shown}…") }
    }

    /// Whether `text` still shows a known secret.
    pub fn finds(&self, text: &str) -> bool {
        self.searching(|search| search.is_match(text))
    }
}

fn forms(text: &str) -> Vec<String> {
    let mut forms = vec![text.to_owned(), percent_encode(text)];
    let json = serde_json::Value::from(text).to_string();
    forms.push(json[1..json.len() - 1].to_owned());
    for engine in [&STANDARD, &URL_SAFE] {
        forms.extend((0..3).map(|shift| base64_inside(engine, text, shift)));
    }
    forms
}

/// The characters that base64 shows of `text` wherever it starts `shift` bytes after a multiple of three: those
/// that depend on bytes before or after it are cut off.
fn base64_inside(engine: &base64::engine::GeneralPurpose, text: &str, shift: usize) -> String {
    let padded = [vec![0; shift], text.as_bytes().to_vec()].concat();
    let encoded = engine.encode(&padded);
    let from = [0, 2, 3][shift];
    let whole_bits = padded.len() * 8;
    encoded[from..whole_bits / 6].to_owned()
}

fn percent_encode(text: &str) -> String {
    text.bytes()
        .map(|b| match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(b).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{MASK, Redactor, Secret};
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    fn knowing(text: &str) -> Redactor {
        let redactor = Redactor::default();
        redactor.learn(&Secret::new(text));
        redactor
    }

    #[test]
    fn masks_every_coat_of_a_secret() {
        let secret = "p@ss/word\"7=";
        let redactor = knowing(secret);
        for encoding in
            [secret.to_owned(), "p%40ss%2Fword%227%3D".to_owned(), r#"{"x":"p@ss/word\"7="}"#.to_owned()]
        {
            assert!(redactor.clean(&encoding).contains(MASK), "{encoding}");
            assert!(!redactor.clean(&encoding).contains("word"), "{encoding}");
        }
    }

    #[test]
    fn masks_a_secret_inside_base64_at_every_shift() {
        let redactor = knowing("s3cr3t-token-value");
        for user in ["", "a", "ab", "abc", "robot"] {
            let encoding = STANDARD.encode(format!("{user}:s3cr3t-token-value:tail"));
            assert!(redactor.finds(&encoding), "{user}");
            assert!(redactor.clean(&encoding).contains(MASK), "{user}");
        }
    }

    #[test]
    fn an_excerpt_shows_no_half_of_a_secret() {
        let redactor = knowing("s3cr3t-token-value");
        for before in 0..120 {
            let text = format!("{}{}", "x".repeat(before), "s3cr3t-token-value".repeat(300));
            assert!(!redactor.excerpt(&text, 60).contains("s3"), "{before}");
        }
        assert_eq!(redactor.excerpt("a\nb", 60), r"a\nb");
    }

    #[test]
    fn secrets_that_overlap_go_whole() {
        let redactor = knowing("abcd");
        redactor.learn(&Secret::new("abcd-efgh"));
        assert_eq!(redactor.clean("x abcd-efgh y"), "x *** y");
        redactor.learn(&Secret::new("x-abcd"));
        assert_eq!(redactor.clean("x-abcd-efgh abcdabcd"), "*** ******");
    }
}
