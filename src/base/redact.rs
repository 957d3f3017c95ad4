//! Takes secrets out of text, whatever encoding they wear.
//!
//! A text is read in every way in which a program could have written it: as it stands, with its escapes undone layer by
//! layer, and with each run of base64, hex or numbers decoded. Each reading is searched without regard to case and white
//! space, and what is found is taken out of the text where it stands.

mod view;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value;

use self::view::{View, is_searched};
use super::secret::Secret;
use super::text::escape;

/// What stands in place of a secret.
pub const MASK: &str = "***";

/// Shorter secrets are not searched for: `a` would mask every word, and nothing so short protects anything.
const SHORTEST_SECRET_BYTES: usize = 4;
/// So many bytes in a row of a longer secret are as good as the secret. They fit into one number.
const PIECE_BYTES: usize = 16;
/// Of a secret that is not much longer, so many.
const SHORTEST_PIECE_BYTES: usize = 8;
/// So many bytes at either end of a secret may have been read as part of an escape, together with what stands beside it
/// (`\uXXXX` takes five that are not its own).
const EATEN_BYTES: usize = 5;
/// The first so many bytes of a secret are hidden where a text was cut right behind them.
const CUT_BYTES: usize = 6;
/// Layers of escapes that are undone. What has more is hidden.
const ESCAPES: usize = 8;
/// Layers of base64, hex and numbers that are decoded.
const PACKINGS: usize = 3;
/// How much of a foreign text behind what is shown is read, in bytes: a secret may begin before the cut.
const AHEAD_BYTES: usize = 8 * 1024;
/// What stands where one of our own texts was cut, `…`, as a number.
const ELLIPSIS: u128 = 0xe2_80_a6;

/// Every secret of this run. It learns at any time.
#[derive(Default)]
pub struct Redactor {
    known: RefCell<Known>,
}

/// What is searched for, as numbers whose bytes are those of the text.
#[derive(Default)]
struct Known {
    /// By length in bytes: pieces of secrets, each with how many bytes of its secret stand right before and after it, if they
    /// are few.
    pieces: BTreeMap<usize, HashMap<u128, (usize, usize)>>,
    heads: BTreeMap<usize, HashSet<u128>>,
}

impl Redactor {
    /// Adds `secret`; from now on no text that passes [`Redactor::clean`] or [`Redactor::excerpt`] shows it.
    pub fn learn(&self, secret: &Secret) {
        self.learn_new(secret);
    }

    /// [`Redactor::learn`]; whether the secret was not known before.
    pub(crate) fn learn_new(&self, secret: &Secret) -> bool {
        let mut view = View::of(secret.expose().as_bytes());
        let mut known = self.known.borrow_mut();
        let is_new = known.add(&folded(&view));
        for _ in 0..ESCAPES {
            // What the secret itself reads as, when it is mistaken for something escaped.
            let Some(plain) = view.unescaped() else { break };
            view = plain;
            known.add(&folded(&view));
        }
        is_new
    }

    /// `text` with every known secret replaced by [`MASK`].
    pub fn clean(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut shown = 0;
        for (start, end) in self.covered(text, false) {
            out.push_str(&text[shown..start]);
            out.push_str(MASK);
            shown = end;
        }
        out + &text[shown..]
    }

    /// Cleans every text in `value`. Names of fields, numbers and what makes it JSON stay as they are.
    pub(crate) fn clean_json(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.clean(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.clean_json(item)),
            Value::Object(fields) => fields.values_mut().for_each(|field| self.clean_json(field)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// A quotation of `text`: on one line, at most about `limit` bytes long, and ended where the first secret begins. It
    /// is cut only after it was searched: half a secret would pass unseen.
    pub fn excerpt(&self, text: &str, limit: usize) -> String {
        let end = boundary(text, 4 * limit + AHEAD_BYTES);
        let head = &text[..end];
        let shown = match self.covered(head, end < text.len()).first() {
            None => head.to_owned(),
            Some(&(start, end)) if end == text.len() => format!("{}{MASK}", &head[..start]),
            Some(&(start, _)) => format!("{}{MASK}…", &head[..start]),
        };
        escape(&shown, limit)
    }

    /// Whether `text` still shows a known secret.
    pub fn finds(&self, text: &str) -> bool {
        !self.covered(text, false).is_empty()
    }

    /// The places of `text` that secrets cover, in order and apart. `cut`: the text goes on and was cut off.
    fn covered(&self, text: &str, cut: bool) -> Vec<(usize, usize)> {
        let known = self.known.borrow();
        let Some(least) = known.pieces.keys().next() else { return Vec::new() };
        let mut search =
            Search { known: &known, least: *least, places: Vec::new(), left: (1 << 20) + 40 * text.len() };
        if !search.read(View::of(text.as_bytes()), cut, PACKINGS) {
            return vec![(0, text.len())];
        }
        search.places.sort_unstable();
        let mut merged: Vec<(usize, usize)> = Vec::new();
        for (start, end) in search.places {
            let end = (end..).find(|&end| text.is_char_boundary(end)).unwrap_or(text.len());
            let start = boundary(text, start);
            match merged.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ => merged.push((start, end)),
            }
        }
        merged
    }
}

impl Known {
    fn add(&mut self, secret: &[(u8, usize)]) -> bool {
        if secret.len() < SHORTEST_SECRET_BYTES {
            return false;
        }
        let whole = secret.len();
        let piece = whole.saturating_sub(EATEN_BYTES).clamp(SHORTEST_PIECE_BYTES.min(whole), PIECE_BYTES);
        let pieces = self.pieces.entry(piece).or_default();
        let before = pieces.len();
        for (before, bytes) in secret.windows(piece).enumerate() {
            let near = |bytes: usize| if bytes <= EATEN_BYTES { bytes } else { 0 };
            let (known_before, known_after) = pieces.entry(key(bytes)).or_default();
            *known_before = near(before).max(*known_before);
            *known_after = near(whole - piece - before).max(*known_after);
        }
        let is_new = pieces.len() > before;
        for length in CUT_BYTES..piece {
            self.heads.entry(length).or_default().insert(key(&secret[..length]));
        }
        is_new
    }
}

/// A search through every reading of one text.
struct Search<'k> {
    known: &'k Known,
    /// The length of the shortest piece.
    least: usize,
    places: Vec<(usize, usize)>,
    /// How many bytes may still be read. A text that is made to be read in endless ways is hidden as a whole.
    left: usize,
}

impl Search<'_> {
    /// Searches `view` and everything that can be read out of it. `false`: there is too much of it.
    fn read(&mut self, mut view: View, cut: bool, packings: usize) -> bool {
        for layer in 0..=ESCAPES {
            let Some(left) = self.left.checked_sub(view.bytes.len()) else { return false };
            self.left = left;
            self.look(&view, cut);
            if packings > 0 {
                let inside = view.unpacked(self.least.min(CUT_BYTES));
                if !inside.into_iter().all(|inner| self.read(inner, true, packings - 1)) {
                    return false;
                }
            }
            match view.unescaped() {
                None => return true,
                Some(plain) if layer < ESCAPES => view = plain,
                Some(_) => self.places.extend(view.escapes()),
            }
        }
        true
    }

    fn look(&mut self, view: &View, cut: bool) {
        let text = folded(view);
        let mut last = 0_u128;
        for (at, (byte, _)) in text.iter().enumerate() {
            last = last << 8 | u128::from(*byte);
            for (&length, pieces) in &self.known.pieces {
                let piece = last & (u128::MAX >> (128 - 8 * length));
                if let Some((before, after)) = pieces.get(&piece) {
                    let first = (at + 1 - length).saturating_sub(*before);
                    let last = (at + *after).min(text.len() - 1);
                    self.places.push(view.place(text[first].1, text[last].1));
                }
            }
            if last & 0xff_ffff == ELLIPSIS {
                self.look_back(view, &text[..at - 2]);
            }
        }
        if cut {
            self.look_back(view, &text);
        }
    }

    /// Searches right before a cut for the beginning of a secret.
    fn look_back(&mut self, view: &View, text: &[(u8, usize)]) {
        let begins = |(length, heads): &(&usize, &HashSet<u128>)| {
            text.len() >= **length && heads.contains(&key(&text[text.len() - **length..]))
        };
        if let Some((length, _)) = self.known.heads.iter().rev().find(begins) {
            self.places.push(view.place(text[text.len() - length].1, text[text.len() - 1].1));
        }
    }
}

/// The bytes of `view` that are searched, with their indices: no white space and no backslash, in lower case.
fn folded(view: &View) -> Vec<(u8, usize)> {
    let bytes = view.bytes.iter().enumerate().filter(|(_, byte)| is_searched(**byte));
    bytes.map(|(at, byte)| (byte.to_ascii_lowercase(), at)).collect()
}

/// At most 16 bytes as a number. None of them is 0.
fn key(bytes: &[(u8, usize)]) -> u128 {
    bytes.iter().fold(0, |key, (byte, _)| key << 8 | u128::from(*byte))
}

/// The last character boundary of `text` at or before `at`.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

#[cfg(test)]
mod encodings;
#[cfg(test)]
mod tests;
