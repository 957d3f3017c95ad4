//! A vocabulary as JSON Schema, for editors.

use serde_json::{Map, Value, json};

use super::vocabulary::{Kind, Table};

/// The schema of the file `title`, draft 2020-12, pretty-printed with a final newline.
pub fn write(title: &str, file: &'static Table) -> String {
    let mut definitions = Map::new();
    let root = table(file, &mut definitions);
    let mut document = Map::new();
    document.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    document.insert("title".to_owned(), json!(title));
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
        }
        properties.insert(key.name.to_owned(), value);
    }
    let mut object = Map::new();
    object.insert("type".to_owned(), json!("object"));
    object.insert("description".to_owned(), json!(spec.about));
    object.insert("properties".to_owned(), Value::Object(properties));
    object.insert("additionalProperties".to_owned(), json!(false));
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
        Kind::Like(pattern) => json!({ "type": "string", "pattern": pattern }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Count => json!({ "type": "integer", "minimum": 1 }),
        Kind::Size => json!({ "type": "integer", "minimum": 0 }),
        Kind::Exactly(number) => json!({ "const": number }),
        Kind::Between(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Kind::Number => json!({ "type": "number" }),
        Kind::Duration => json!({ "type": "string", "pattern": "[a-z]$" }),
        Kind::Choice(words) => json!({ "enum": words }),
        Kind::Json => json!({}),
        Kind::Plain => json!({ "type": ["string", "number", "boolean", "array"] }),
        Kind::List { of, least: 0 } => json!({ "type": "array", "items": kind(*of, definitions) }),
        Kind::List { of, least } => {
            json!({ "type": "array", "minItems": least, "items": kind(*of, definitions) })
        }
        Kind::Table(spec) => define(spec, definitions),
        Kind::Tables(spec) => json!({ "type": "array", "minItems": 1, "items": define(spec, definitions) }),
        Kind::Map(inner) => {
            json!({ "type": "object", "minProperties": 1, "additionalProperties": kind(*inner, definitions) })
        }
        Kind::Form(form) => {
            let ways: Vec<Value> = form.kinds.iter().map(|way| self::way(*way, definitions)).collect();
            json!({ "anyOf": ways })
        }
    }
}

/// One way to write a form; an empty table is none.
fn way(way: Kind, definitions: &mut Map<String, Value>) -> Value {
    let mut value = kind(way, definitions);
    if let (Kind::Table(_), Value::Object(fields)) = (way, &mut value) {
        fields.insert("minProperties".to_owned(), json!(1));
    }
    value
}
