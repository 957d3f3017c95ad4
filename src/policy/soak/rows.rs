//! What is kept of failing rows: ids and hashes, unless the file asks for everything.

use serde_json::Value;

use crate::model::digest::Digest;

/// Text longer than this is no id.
const ID_BYTES: usize = 64;

/// The rows, with every text that could be somebody's words in place of its hash.
pub fn kept(rows: Vec<Value>, full: bool) -> Vec<Value> {
    if full {
        return rows;
    }
    rows.into_iter().map(hashed).collect()
}

fn hashed(value: Value) -> Value {
    match value {
        Value::String(text) if text.len() > ID_BYTES || text.contains(char::is_whitespace) => {
            Value::String(format!("sha256:{}", &Digest::of(text.as_bytes()).hex()[..16]))
        }
        Value::Array(items) => Value::Array(items.into_iter().map(hashed).collect()),
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(name, value)| (name, hashed(value))).collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::kept;
    use serde_json::json;

    #[test]
    fn ids_stay_and_words_do_not() {
        let rows =
            || vec![json!({ "id": 7, "case": "c-1", "content": "glad you reached us", "more": ["a b"] })];
        let text = json!(kept(rows(), false)).to_string();
        assert!(text.contains("c-1") && !text.contains("glad") && !text.contains("a b"), "{text}");
        assert!(text.contains("sha256:"), "{text}");
        assert_eq!(kept(rows(), true), rows());
    }
}
