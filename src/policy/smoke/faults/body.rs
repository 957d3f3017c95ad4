//! Faults in a part of a JSON body.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::fault::Fault;
use crate::policy::smoke::suite::json_path::Path;

/// The faults, in the order in which they are reported.
pub(super) const FAULTS: [Fault; 4] =
    [Fault::MissingKey, Fault::WrongType, Fault::NullValue, Fault::EmptiedList];

/// What the form is called that concerns the whole body.
const WHOLE: &str = "the whole body";

/// An object or list in a body: the keys that lead to it, `None` for all members of a list.
pub(super) type Spot = Vec<Option<String>>;

/// The objects and lists of `document` that are to be spoiled: the document itself, and whatever the suite looks at or
/// passes on its way.
pub(super) fn spots(document: &Value, paths: &[Path]) -> BTreeSet<Spot> {
    let mut all = BTreeSet::from([Spot::new()]);
    for place in paths.iter().flat_map(|path| path.places(document)) {
        for end in 1..=place.len() {
            all.insert(place[..end].to_vec());
        }
    }
    // The members of a list that is looked at are looked at.
    let lists: Vec<Spot> = all.iter().filter(|spot| any(document, spot, &Value::is_array)).cloned().collect();
    all.extend(lists.into_iter().map(|list| [list, vec![None]].concat()));
    all.retain(|spot| spot.is_empty() || any(document, spot, &|value| value.is_object() || value.is_array()));
    all
}

/// How a spot is written in reports.
pub(super) fn shown(spot: &Spot) -> String {
    let part = |part: &Option<String>| part.as_ref().map_or("[*]".to_owned(), |key| format!(".{key}"));
    format!("${}", spot.iter().map(part).collect::<String>())
}

/// `document` with `fault` at each key of the objects at `spot`, one at a time, by the key.
pub(super) fn spoiled(fault: Fault, document: &Value, spot: &Spot) -> Vec<(String, Value)> {
    let mut forms = Vec::new();
    if spot.is_empty() {
        match (fault, document) {
            (Fault::WrongType, _) => forms.push((WHOLE.to_owned(), other_type(document))),
            (Fault::NullValue, Value::Array(_)) => forms.push((WHOLE.to_owned(), Value::Null)),
            (Fault::EmptiedList, Value::Array(list)) if !list.is_empty() => {
                forms.push((WHOLE.to_owned(), json!([])));
            }
            _ => {}
        }
    }
    let mut keys = BTreeSet::new();
    visit(document, spot, &mut |value| {
        keys.extend(value.as_object().into_iter().flat_map(|object| object.keys().cloned()));
    });
    for key in keys {
        let mut copy = document.clone();
        let mut changed = false;
        change(&mut copy, spot, &mut |value| {
            let Some(object) = value.as_object_mut() else { return };
            let Some(inner) = object.get(&key) else { return };
            let instead = match fault {
                Fault::MissingKey => None,
                Fault::WrongType => Some(other_type(inner)),
                Fault::NullValue if !inner.is_null() => Some(Value::Null),
                Fault::EmptiedList if inner.as_array().is_some_and(|list| !list.is_empty()) => {
                    Some(json!([]))
                }
                _ => return,
            };
            changed = true;
            match instead {
                None => drop(object.remove(&key)),
                Some(value) => drop(object.insert(key.clone(), value)),
            }
        });
        if changed {
            forms.push((key, copy));
        }
    }
    forms
}

fn other_type(value: &Value) -> Value {
    match value {
        Value::Object(_) => json!([]),
        Value::Array(_) => json!({ "items": value }),
        Value::String(_) => json!(42),
        Value::Null | Value::Bool(_) | Value::Number(_) => json!(value.to_string()),
    }
}

fn any(document: &Value, spot: &[Option<String>], is_so: &dyn Fn(&Value) -> bool) -> bool {
    let mut found = false;
    visit(document, spot, &mut |value| found |= is_so(value));
    found
}

fn visit(value: &Value, spot: &[Option<String>], look: &mut dyn FnMut(&Value)) {
    match (spot, value) {
        ([], value) => look(value),
        ([Some(key), rest @ ..], Value::Object(object)) => {
            if let Some(inner) = object.get(key) {
                visit(inner, rest, look);
            }
        }
        ([None, rest @ ..], Value::Array(list)) => list.iter().for_each(|inner| visit(inner, rest, look)),
        _ => {}
    }
}

fn change(value: &mut Value, spot: &[Option<String>], make: &mut dyn FnMut(&mut Value)) {
    match (spot, value) {
        ([], value) => make(value),
        ([Some(key), rest @ ..], Value::Object(object)) => {
            if let Some(inner) = object.get_mut(key) {
                change(inner, rest, make);
            }
        }
        ([None, rest @ ..], Value::Array(list)) => {
            list.iter_mut().for_each(|inner| change(inner, rest, make));
        }
        _ => {}
    }
}
