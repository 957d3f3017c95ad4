//! Whether canary and stable report the same configuration.

use serde_json::Value;

use crate::base::text;

/// Where two documents differ, as the key of the first difference; `ignore` are keys that may, with dots between them.
pub fn difference(canary: &Value, stable: &Value, ignore: &[String]) -> Option<String> {
    let (mut canary, mut stable) = (canary.clone(), stable.clone());
    for key in ignore {
        for document in [&mut canary, &mut stable] {
            remove(document, key);
        }
    }
    differing(&canary, &stable, "")
}

fn remove(document: &mut Value, key: &str) {
    let Some(object) = document.as_object_mut() else { return };
    match key.split_once('.') {
        None => drop(object.remove(key)),
        Some((first, rest)) => {
            if let Some(inner) = object.get_mut(first) {
                remove(inner, rest);
            }
        }
    }
}

fn differing(canary: &Value, stable: &Value, place: &str) -> Option<String> {
    if canary == stable {
        return None;
    }
    if let (Value::Object(canary), Value::Object(stable)) = (canary, stable) {
        let mut keys: Vec<&String> = canary.keys().chain(stable.keys()).collect();
        keys.sort();
        let inner = |key: &String| {
            let at = |object: &serde_json::Map<String, Value>| object.get(key).cloned().unwrap_or_default();
            let place = if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
            differing(&at(canary), &at(stable), &place)
        };
        if let Some(found) = keys.into_iter().find_map(inner) {
            return Some(found);
        }
    }
    Some(if place.is_empty() { "the whole answer".to_owned() } else { text::escape(place, 100) })
}

#[cfg(test)]
mod tests {
    use super::difference;
    use serde_json::json;

    #[test]
    fn the_first_difference_that_may_not_be_is_named() {
        let canary = json!({ "build": { "sha": "1" }, "model": "a", "flags": { "x": true } });
        let stable = json!({ "build": { "sha": "2" }, "model": "a", "flags": { "x": false } });
        let found = |ignore: &[&str]| {
            let ignore: Vec<String> = ignore.iter().map(ToString::to_string).collect();
            difference(&canary, &stable, &ignore)
        };
        assert_eq!(found(&[]).as_deref(), Some("build.sha"));
        assert_eq!(found(&["build.sha"]).as_deref(), Some("flags.x"));
        assert_eq!(found(&["build", "flags.x"]), None);
        assert_eq!(difference(&json!([1]), &json!([2]), &[]).as_deref(), Some("the whole answer"));
        assert_eq!(difference(&json!({ "a": null }), &json!({ "b": 1 }), &[]).as_deref(), Some("b"));
    }
}
