//! GraphQL over HTTP, as much of it as a suite asks for: a mistake is status 200 with `errors`.

use hyper::Method;
use serde_json::{Value, json};

use super::call::{Call, Served};
use super::setup::USER;
use super::state::State;

pub(super) fn serve(state: &State, call: &Call, path: &[&str]) -> Option<Served> {
    if (&call.method, path) != (&Method::POST, &["graphql"]) {
        return None;
    }
    let Some(query) = call.body["query"].as_str() else {
        return Some((400, json!({"errors": [{"message": "the query is missing"}]})).into());
    };
    let variables = &call.body["variables"];
    let answer = match resolved(state, query, variables) {
        Ok(data) => json!({ "data": data }),
        Err(message) => json!({"data": null, "errors": [{"message": message, "path": ["query"]}]}),
    };
    Some((200, answer).into())
}

fn resolved(state: &State, query: &str, variables: &Value) -> Result<Value, String> {
    let text = |name: &str| variables[name].as_str().ok_or_else(|| format!("${name} is missing"));
    let mut shelf = state.shelf();
    let note = |id: &str, text: &str| json!({"id": id, "text": text});
    if query.contains("createNote") {
        let text = text("text")?;
        let id = shelf.id("note");
        shelf.notes.insert(id.clone(), text.to_owned());
        return Ok(json!({"createNote": note(&id, text)}));
    }
    if query.contains("deleteNote") {
        let gone = shelf.notes.remove(text("id")?).is_some();
        return Ok(json!({ "deleteNote": gone }));
    }
    if query.contains("notes") {
        let notes: Vec<Value> = shelf.notes.iter().map(|(id, text)| note(id, text)).collect();
        return Ok(json!({ "notes": notes }));
    }
    if query.contains("me") {
        return Ok(json!({"me": {"id": "user-1", "name": USER, "roles": ["reader"]}}));
    }
    Err("cannot query this field on type Query".to_owned())
}
