//! The JSON Schema of `smoke.toml`, for editors, written from the vocabulary that the reader goes by.

use serde_json::{Map, Value, json};

use super::vocabulary::{CAPTURE, FILE, Kind, METHODS, PREDICATES, Table};

/// The schema, draft 2020-12, pretty-printed with a final newline.
pub fn schema() -> String {
    let mut definitions = Map::new();
    let root = table(&FILE, &mut definitions);
    define(&PREDICATES, &mut definitions);
    let mut document = Map::new();
    document.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    document.insert("title".to_owned(), json!("smoke.toml"));
    if let Value::Object(root) = root {
        document.extend(root);
    }
    document.insert("$defs".to_owned(), Value::Object(definitions));
    let mut text =
        serde_json::to_string_pretty(&Value::Object(document)).expect("a map of strings and values is JSON");
    text.push('\n');
    text
}

fn table(spec: &'static Table, definitions: &mut Map<String, Value>) -> Value {
    let mut properties = Map::new();
    for key in spec.all() {
        let mut value = kind(key.kind, definitions);
        if let Value::Object(fields) = &mut value {
            fields.insert("description".to_owned(), json!(key.about));
            if key.name == "format" {
                fields.insert("const".to_owned(), json!(1));
            }
            if matches!(key.name, "request" | "probe") {
                fields.insert("pattern".to_owned(), json!(format!("^({}) /", METHODS.join("|"))));
            }
        }
        properties.insert(key.name.to_owned(), value);
    }
    let mut object = Map::new();
    object.insert("type".to_owned(), json!("object"));
    object.insert("description".to_owned(), json!(spec.about));
    object.insert("properties".to_owned(), Value::Object(properties));
    object.insert("additionalProperties".to_owned(), json!(false));
    if spec.required.is_empty() && spec.either.is_empty() {
        object.insert("minProperties".to_owned(), json!(1));
    }
    if !spec.required.is_empty() {
        object.insert("required".to_owned(), json!(spec.required));
    }
    if !spec.either.is_empty() {
        let forms: Vec<Value> = spec.either.iter().map(|set| json!({ "required": set })).collect();
        object.insert("oneOf".to_owned(), Value::Array(forms));
    }
    Value::Object(object)
}

fn define(spec: &'static Table, definitions: &mut Map<String, Value>) -> Value {
    if !definitions.contains_key(spec.name) {
        // The place is taken before the table is written, so that tables may hold one another.
        definitions.insert(spec.name.to_owned(), Value::Null);
        let written = table(spec, definitions);
        definitions.insert(spec.name.to_owned(), written);
    }
    json!({ "$ref": format!("#/$defs/{}", spec.name) })
}

fn kind(kind_: Kind, definitions: &mut Map<String, Value>) -> Value {
    match kind_ {
        Kind::Text => json!({ "type": "string" }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Count => json!({ "type": "integer", "minimum": 1 }),
        Kind::Size => json!({ "type": "integer", "minimum": 0 }),
        Kind::Number => json!({ "type": "number" }),
        Kind::Span => json!({ "type": "string", "pattern": "[a-z]$" }),
        Kind::Choice(words) => json!({ "enum": words }),
        Kind::Status => {
            let one = json!([{ "type": "integer", "minimum": 100, "maximum": 599 }, { "type": "string", "pattern": "^[1-5]xx$" }]);
            json!({ "anyOf": [one[0], one[1], { "type": "array", "minItems": 1, "items": { "anyOf": one } }] })
        }
        Kind::Auth => {
            let header = json!({ "type": "object", "properties": { "header": { "type": "string" } }, "required": ["header"], "additionalProperties": false });
            json!({ "anyOf": [{ "enum": ["bearer", "basic", "none"] }, header] })
        }
        Kind::Value => json!({}),
        Kind::Values => json!({ "type": "array", "minItems": 1 }),
        Kind::Expectation => {
            let plain = json!({ "type": ["string", "number", "boolean", "array"] });
            json!({ "anyOf": [plain, define(&PREDICATES, definitions)] })
        }
        Kind::Capture => json!({ "anyOf": [{ "type": "string" }, define(&CAPTURE, definitions)] }),
        Kind::Table(spec) => define(spec, definitions),
        Kind::Tables(spec) => json!({ "type": "array", "minItems": 1, "items": define(spec, definitions) }),
        Kind::Map(inner) => {
            json!({ "type": "object", "minProperties": 1, "additionalProperties": kind(*inner, definitions) })
        }
    }
}
