//! The JSON document: `"format": 1`. Fields may be added; the meaning of one never changes within a format.

use serde_json::{Map, Value, json};

use super::Render;

/// The entries of a `json!({ ... })`; of anything else, none.
pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(entries) => entries,
        _ => Map::new(),
    }
}

/// The document of `outcome`, as `written` makes it.
pub fn document(tool: &str, outcome: &dyn Render) -> String {
    written(&fields(tool, outcome))
}

/// The fields of the document of `outcome`.
pub(crate) fn fields(tool: &str, outcome: &dyn Render) -> Value {
    let mut document = object(json!({
        "format": 1,
        "tool": tool,
        "version": env!("CARGO_PKG_VERSION"),
        "verdict": outcome.verdict(),
        "exit_code": outcome.exit().code(),
    }));
    for (name, value) in outcome.fields() {
        document.entry(name).or_insert(value);
    }
    Value::Object(document)
}

/// Pretty-printed JSON with a final newline.
pub(crate) fn written(document: &Value) -> String {
    let mut text = serde_json::to_string_pretty(document).expect("a map of strings and values is JSON");
    text.push('\n');
    // A runner would obey `##[` anywhere in a line; it can stand only within a text, where it may be written so.
    text.replace("##[", "#\\u0023[")
}
