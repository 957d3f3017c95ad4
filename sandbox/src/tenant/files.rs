//! Files: multipart uploads, raw bytes, and text in other charsets than UTF-8.

use bytes::Bytes;
use hyper::{Method, header};
use serde_json::{Map, Value, json};

use super::call::{Call, Plain, Served, gone};
use super::state::State;
use crate::digest::sha256;
use crate::store::reply;

/// A text in which charsets differ.
const GREETING: &str = "Grüße aus Zürich";

pub(super) fn serve(state: &State, call: &Call, path: &[&str]) -> Option<Served> {
    Some(match (&call.method, path) {
        (&Method::POST, ["files"]) => match upload(state, call) {
            Some((id, answer)) => Served::with(answer, &[("location", &format!("/files/{id}"))]),
            None => (400, json!({"error": "expected multipart/form-data"})).into(),
        },
        (&Method::PUT, ["files", id]) => {
            let kind = call.header(header::CONTENT_TYPE).unwrap_or_default();
            let answer = described(&kind, &call.bytes);
            state.shelf().files.insert((*id).to_owned(), (kind, call.bytes.clone()));
            (201, answer).into()
        }
        (&Method::GET, ["files", id]) => match state.shelf().files.get(*id) {
            Some((kind, bytes)) => Served::Whole(reply(200, &[("content-type", kind)], bytes.clone())),
            None => (404, json!({"error": "not found"})).into(),
        },
        (&Method::DELETE, ["files", id]) => gone(state.shelf().files.remove(*id).is_some()).into(),
        (&Method::GET, ["greeting"]) => greeting(&call.parameter("charset").unwrap_or_default()),
        _ => return None,
    })
}

fn described(kind: &str, bytes: &Bytes) -> Value {
    json!({"content_type": kind, "bytes": bytes.len(), "sha256": sha256(bytes)["sha256:".len()..]})
}

fn greeting(charset: &str) -> Served {
    let bytes: Vec<u8> = match charset {
        // The first 256 characters of Unicode are those of ISO 8859-1.
        "iso-8859-1" => GREETING.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect(),
        "utf-16le" => GREETING.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        _ => GREETING.as_bytes().to_vec(),
    };
    let charset = if charset.is_empty() { "utf-8" } else { charset };
    Served::Whole(reply(200, &[("content-type", &format!("text/plain; charset={charset}"))], bytes))
}

/// Keeps the file of a form, and answers what came: the form's fields, and of its file the name, type and digest.
fn upload(state: &State, call: &Call) -> Option<(String, Plain)> {
    let kind = call.header(header::CONTENT_TYPE)?;
    let boundary = kind.strip_prefix("multipart/form-data; boundary=")?.trim_matches('"').to_owned();
    let (mut fields, mut file) = (Map::new(), None);
    for (head, content) in parts(&call.bytes, &boundary)? {
        let name = attribute(&head, "name")?;
        match attribute(&head, "filename") {
            None => drop(fields.insert(name, json!(String::from_utf8_lossy(&content)))),
            Some(filename) => {
                let kind = head.lines().find_map(|line| {
                    line.to_ascii_lowercase().strip_prefix("content-type: ").map(str::to_owned)
                });
                file = Some((name, filename, kind.unwrap_or_default(), content));
            }
        }
    }
    let (name, filename, kind, content) = file?;
    let mut shelf = state.shelf();
    let id = shelf.id("file");
    let mut answer = described(&kind, &content);
    answer["id"] = json!(id);
    answer["field"] = json!(name);
    answer["filename"] = json!(filename);
    answer["fields"] = Value::Object(fields);
    shelf.files.insert(id.clone(), (kind, content));
    Some((id, (201, answer)))
}

/// Head and content of each part (RFC 7578).
fn parts(bytes: &Bytes, boundary: &str) -> Option<Vec<(String, Bytes)>> {
    let delimiter = format!("\r\n--{boundary}");
    // The first delimiter has no line before it.
    let whole = Bytes::from([b"\r\n", bytes.as_ref()].concat());
    let find = |from: usize, what: &[u8]| {
        whole[from..].windows(what.len()).position(|window| window == what).map(|at| from + at)
    };
    let mut at = find(0, delimiter.as_bytes())? + delimiter.len();
    let mut all = Vec::new();
    while !whole[at..].starts_with(b"--") {
        let head = find(at, b"\r\n\r\n")?;
        let end = find(head + 4, delimiter.as_bytes())?;
        all.push((String::from_utf8_lossy(&whole[at + 2..head]).into_owned(), whole.slice(head + 4..end)));
        at = end + delimiter.len();
    }
    Some(all)
}

fn attribute(head: &str, name: &str) -> Option<String> {
    let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with("content-disposition:"))?;
    let start = line.find(&format!("; {name}=\""))? + name.len() + 4;
    Some(line[start..].split('"').next()?.to_owned())
}
