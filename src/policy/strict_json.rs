//! JSON that means one thing: RFC 8259, where a key stands once. Readers disagree on what a second one means (RFC 8259,
//! section 4), so an answer with one proves nothing.

use std::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Reads one JSON document.
///
/// # Errors
/// It is none, nests deeper than 128 levels, or has a key twice; what is wrong, with that key as it stands. Nothing of it
/// is cut or escaped here: half a secret would pass unseen. [`crate::base::redact::Redactor::excerpt`] does both.
pub fn parse(bytes: &[u8]) -> Result<Value, String> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict::deserialize(&mut reader).map_err(|e| e.to_string())?;
    reader.end().map_err(|e| e.to_string())?;
    Ok(value.0)
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneMeaning).map(Self)
    }
}

struct OneMeaning;

impl<'de> DeserializeSeed<'de> for OneMeaning {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for OneMeaning {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Value, E> {
        Number::from_f64(number).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(OneMeaning)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(OneMeaning)?;
            if object.insert(key.clone(), value).is_some() {
                return Err(de::Error::custom(format!("the key `{key}` stands twice")));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::parse;
    use serde_json::json;

    #[test]
    fn reads_what_means_one_thing() {
        let text = r#" {"a": [1, -2, 2.5, "x", true, null, {"a": 1}], "b": 18446744073709551615} "#;
        let expected = json!({"a": [1, -2, 2.5, "x", true, null, {"a": 1}], "b": u64::MAX});
        assert_eq!(parse(text.as_bytes()), Ok(expected));
    }

    #[test]
    fn refuses_what_could_mean_two_things_or_none() {
        let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
        for (text, words) in [
            (r#"{"a": 1, "a": 2}"#, "`a` stands twice"),
            (r#"[{"b": {"a": 1, "a": 1}}]"#, "`a` stands twice"),
            ("", "EOF"),
            ("[1] [2]", "trailing"),
            ("<html>", "expected value"),
            ("[1e999]", "out of range"),
            (&deep, "recursion limit"),
        ] {
            let error = parse(text.as_bytes()).unwrap_err();
            assert!(error.contains(words), "{text:.40}: {error}");
        }
        assert!(parse(b"[\"\xff\"]").is_err());
    }
}
