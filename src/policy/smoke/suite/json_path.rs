//! JSONPath (RFC 9535). Whether a path yields one value or a list is a property of its text, never of the data.

use std::collections::BTreeSet;

use serde_json::Value;
use serde_json_path::{JsonPath, PathElement};

#[derive(Clone, Debug)]
pub struct Path {
    text: String,
    path: JsonPath,
    singular: bool,
}

/// A text that is no JSONPath.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAPath {
    /// Where it stops being one, in bytes.
    pub position: usize,
}

impl Path {
    pub fn parse(text: &str) -> Result<Self, NotAPath> {
        let path = JsonPath::parse(text).map_err(|e| NotAPath { position: e.position().min(text.len()) })?;
        Ok(Self { text: text.to_owned(), path, singular: is_singular(text) })
    }

    /// The path as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it names at most one value ("singular query", RFC 9535 section 2.3.5.1).
    pub fn is_singular(&self) -> bool {
        self.singular
    }

    /// Where in `document` it finds something, without the numbers of list members: `None` is any of them.
    pub fn places(&self, document: &Value) -> BTreeSet<Vec<Option<String>>> {
        let part = |part: &PathElement<'_>| part.as_name().map(str::to_owned);
        let found = self.path.query_located(document);
        found.locations().map(|place| place.iter().map(part).collect()).collect()
    }

    /// What it finds in `document`: for a singular path the value, or nothing; for any other the list, be it empty.
    pub fn find(&self, document: &Value) -> Option<Value> {
        let nodes = self.path.query(document);
        if self.singular {
            nodes.first().cloned()
        } else {
            Some(Value::Array(nodes.all().into_iter().cloned().collect()))
        }
    }
}

/// Whether `text`, which is a valid path, is made only of names and indexes.
fn is_singular(text: &str) -> bool {
    let mut rest = text.trim().strip_prefix('$').unwrap_or_default().trim_start();
    while !rest.is_empty() {
        let after = match rest.as_bytes()[0] {
            b'.' => dotted(&rest[1..]),
            b'[' => bracketed(&rest[1..]),
            _ => None,
        };
        match after {
            Some(after) => rest = after.trim_start(),
            None => return false,
        }
    }
    true
}

/// After the dot: a name, but no `*` and no second dot.
fn dotted(rest: &str) -> Option<&str> {
    if rest.starts_with(['.', '*']) {
        return None;
    }
    let end = rest.find(|c: char| c == '.' || c == '[' || c.is_ascii_whitespace()).unwrap_or(rest.len());
    Some(&rest[end..])
}

/// After the bracket: one quoted name or one index, then the closing bracket.
fn bracketed(rest: &str) -> Option<&str> {
    let rest = rest.trim_start();
    let end = match rest.chars().next()? {
        quote @ ('\'' | '"') => closing(rest, quote)?,
        '-' | '0'..='9' => rest.find(|c: char| c != '-' && !c.is_ascii_digit())?,
        _ => return None,
    };
    rest[end..].trim_start().strip_prefix(']')
}

/// The index after the quote that ends the text which `rest` begins with.
fn closing(rest: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (i, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return Some(i + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::Path;
    use serde_json::json;

    #[test]
    fn one_value_or_a_list_is_decided_by_the_text() {
        for (text, singular) in [
            ("$", true),
            ("$.a.b", true),
            ("$['a b'][0]", true),
            ("$[\"it's ] [*]\"]", true),
            ("$[ -1 ]", true),
            ("$.a['\\'']", true),
            ("$.*", false),
            ("$..a", false),
            ("$[*].id", false),
            ("$['a','b']", false),
            ("$[0,1]", false),
            ("$[0:1]", false),
            ("$[?@.a == 1]", false),
            ("$.a[?@.b]['c']", false),
        ] {
            assert_eq!(Path::parse(text).unwrap().is_singular(), singular, "{text}");
        }
    }

    #[test]
    fn a_list_stays_a_list_with_no_or_one_member() {
        let ids = Path::parse("$[*].id").unwrap();
        assert_eq!(ids.find(&json!([])), Some(json!([])));
        assert_eq!(ids.find(&json!([{"id": "a"}])), Some(json!(["a"])));
        assert_eq!(Path::parse("$.id").unwrap().find(&json!({})), None);
        assert_eq!(Path::parse("$.id").unwrap().find(&json!({"id": null})), Some(json!(null)));
    }

    #[test]
    fn places_are_the_same_for_all_members_of_a_list() {
        let document = json!({"a": [{"b": 1}, {"b": 2}], "c": 3});
        let places = Path::parse("$.a[*].b").unwrap().places(&document);
        assert_eq!(places, [vec![Some("a".to_owned()), None, Some("b".to_owned())]].into());
        assert!(Path::parse("$.a[*].x").unwrap().places(&document).is_empty());
    }

    #[test]
    fn a_path_that_does_not_compile_says_where() {
        let error = Path::parse("$.subsystems[").unwrap_err();
        assert!(error.position >= 12, "{error:?}");
    }
}
