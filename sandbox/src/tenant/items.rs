//! A collection: pages with `Link`, creation with `Location`. Writes by cookie need the CSRF token of the session.

use hyper::Method;
use serde_json::{Value, json};

use super::call::{Call, Served, gone};
use super::login::Rights;
use super::state::State;

/// Items that are always there.
const SEEDS: [&str; 5] = ["anvil", "bellows", "chisel", "drill", "easel"];
/// Items of a page, unless the query says otherwise.
const PAGE: usize = 2;

pub(super) fn serve(state: &State, call: &Call, path: &[&str], rights: &Rights) -> Option<Served> {
    let ["items", rest @ ..] = path else { return None };
    if !rights.known() {
        return Some((401, json!({"error": "not logged in"})).into());
    }
    if call.method != Method::GET && !rights.unforged {
        return Some((403, json!({"error": "the CSRF token is missing"})).into());
    }
    Some(match (&call.method, rest) {
        (&Method::GET, []) => page(state, call),
        (&Method::POST, []) => create(state, call),
        (&Method::GET, [id]) => match all(state).into_iter().find(|item| item["id"] == **id) {
            Some(item) => (200, item).into(),
            None => (404, json!({"error": "not found"})).into(),
        },
        (&Method::DELETE, [id]) => gone(state.shelf().items.remove(*id).is_some()).into(),
        _ => (405, json!({"error": "no such method"})).into(),
    })
}

fn all(state: &State) -> Vec<Value> {
    let seeds = SEEDS.iter().enumerate().map(|(at, title)| (format!("seed-{}", at + 1), (*title).to_owned()));
    let own = state.shelf().items.clone();
    seeds.chain(own).map(|(id, title)| json!({"id": id, "title": title})).collect()
}

/// RFC 8288: the next page is a link in a header.
fn page(state: &State, call: &Call) -> Served {
    let number = |name: &str| call.parameter(name).and_then(|text| text.parse::<usize>().ok());
    let (page, size) = (number("page").unwrap_or(1).max(1), number("per_page").unwrap_or(PAGE).clamp(1, 100));
    let all = all(state);
    let shown: Vec<Value> = all.iter().skip((page - 1) * size).take(size).cloned().collect();
    let link = format!("</items?page={}&per_page={size}>; rel=\"next\"", page + 1);
    let total = all.len().to_string();
    let mut headers = vec![("x-total-count", total.as_str())];
    if page * size < all.len() {
        headers.push(("link", &link));
    }
    Served::with((200, Value::Array(shown)), &headers)
}

fn create(state: &State, call: &Call) -> Served {
    let Some(title) = call.body["title"].as_str() else {
        return (422, json!({"error": "the title is missing"})).into();
    };
    let mut shelf = state.shelf();
    let id = shelf.id("item");
    shelf.items.insert(id.clone(), title.to_owned());
    Served::with((201, json!({"id": id, "title": title})), &[("location", &format!("/items/{id}"))])
}
