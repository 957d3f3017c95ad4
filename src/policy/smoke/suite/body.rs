//! The body of a request: JSON, text, a form, the parts of a multipart form, or bytes.

use super::scope::Scope;
use super::template::{JsonTemplate, Template};
use crate::base::diagnostic::Diagnostic;
use crate::policy::toml::fields::{Fields, Placed, Word};
use crate::policy::toml::vocabulary::{Form, Kind, Table, key};

/// Reads a file beside the suite, for a body; the message says why it cannot.
pub type LoadFile<'a> = &'a dyn Fn(&str) -> Result<Vec<u8>, String>;

/// The body of a request.
#[derive(Clone, Debug)]
pub enum Body {
    /// `application/json`.
    Json(JsonTemplate),
    /// `text/plain`, or whatever the request's own header says.
    Text(Template),
    /// `application/x-www-form-urlencoded`.
    Form(Vec<(String, Template)>),
    /// `multipart/form-data`.
    Multipart(Vec<Part>),
    /// `application/octet-stream`, or whatever the request's own header says.
    Binary(Vec<u8>),
}

/// One part of a multipart form.
#[derive(Clone, Debug)]
pub struct Part {
    /// The field's name.
    pub name: String,
    /// What it holds.
    pub content: Content,
}

/// What a part of a multipart form holds.
#[derive(Clone, Debug)]
pub enum Content {
    /// Text.
    Text(Template),
    /// A file.
    File {
        /// How the file is called in the request.
        filename: String,
        /// Its media type.
        kind: String,
        /// Its bytes.
        bytes: Vec<u8>,
    },
}

impl Body {
    /// The names of the placeholders.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::Json(template) => template.names(),
            Self::Text(template) => template.names().collect(),
            Self::Form(fields) => fields.iter().flat_map(|(_, template)| template.names()).collect(),
            Self::Multipart(parts) => parts.iter().flat_map(Part::names).collect(),
            Self::Binary(_) => Vec::new(),
        }
    }
}

impl Part {
    fn names(&self) -> Vec<&str> {
        match &self.content {
            Content::Text(template) => template.names().collect(),
            Content::File { .. } => Vec::new(),
        }
    }
}

pub(super) static BODY: Table = Table {
    name: "body",
    about: "The body of a request, in one of six forms",
    keys: &[&[
        key("json", Kind::Json, "sent as application/json; \"{{ null }}\" is null"),
        key("text", Kind::Text, "sent as text/plain"),
        key("form", Kind::Map(&Kind::Text), "sent as application/x-www-form-urlencoded"),
        key(
            "multipart",
            Kind::Map(&Kind::Form(&PART)),
            "sent as multipart/form-data: texts and files by field",
        ),
        key("file", Kind::Text, "a text file beside the suite, with its placeholders filled"),
        key("binary", Kind::Text, "a file beside the suite, sent byte by byte"),
    ]],
    required: &[],
    either: &[&["json"], &["text"], &["form"], &["multipart"], &["file"], &["binary"]],
};

static PART: Form = Form {
    name: "a part of a form",
    hint: "write a text, or `{ file = \"logo.png\", type = \"image/png\" }`",
    kinds: &[Kind::Text, Kind::Table(&PART_FILE)],
};

static PART_FILE: Table = Table {
    name: "part",
    about: "A file in a multipart form",
    keys: &[&[
        key("file", Kind::Text, "a file beside the suite, sent byte by byte"),
        key("filename", Kind::Text, "how it is called in the request [default: the file's own name]"),
        key("type", Kind::Text, "its media type [default: application/octet-stream]"),
    ]],
    required: &["file"],
    either: &[],
};

/// Files that were read into bodies: the name in the suite, and the bytes.
pub(super) type Files = Vec<(String, Vec<u8>)>;

/// Reads a body; `files` gets what was read from files.
///
/// # Errors
/// A file cannot be read, or a placeholder is not known.
pub(super) fn read(
    fields: &Fields<'_>,
    scope: &Scope<'_>,
    load: LoadFile<'_>,
    files: &mut Files,
) -> Result<Body, Diagnostic> {
    if let Some(value) = fields.get("json") {
        return Ok(Body::Json(scope.json(value)?));
    }
    if let Some(text) = fields.text("text") {
        return Ok(Body::Text(scope.template(&text)?));
    }
    if let Some(path) = fields.text("binary") {
        return Ok(Body::Binary(file(fields, &path, load, files)?));
    }
    if let Some(path) = fields.text("file") {
        let text = String::from_utf8(file(fields, &path, load, files)?).map_err(|_| {
            let message = format!("`{}` is no UTF-8 text", path.get_ref());
            fields.mistake(path.span(), message, "send it byte by byte with `body.binary`")
        })?;
        return Ok(Body::Text(scope.parse(&text, path.span())?));
    }
    let multipart = fields.map("multipart");
    if !multipart.is_empty() {
        let parts = multipart.iter().map(|(name, value)| part(fields, scope, load, files, name, value));
        return Ok(Body::Multipart(parts.collect::<Result<_, _>>()?));
    }
    let mut form = Vec::new();
    for (key, value) in fields.map("form") {
        form.push((key.get_ref().to_string(), scope.template(&fields.as_text(value)?)?));
    }
    Ok(Body::Form(form))
}

fn part<'a>(
    fields: &Fields<'a>,
    scope: &Scope<'_>,
    load: LoadFile<'_>,
    files: &mut Files,
    name: &Word<'_>,
    value: &'a Placed<'a>,
) -> Result<Part, Diagnostic> {
    quotable(fields, name)?;
    let name = name.get_ref().to_string();
    let Some(words) = fields.as_table(value) else {
        return Ok(Part { name, content: Content::Text(scope.template(&fields.as_text(value)?)?) });
    };
    let path = words.required("file")?;
    let bytes = file(&words, &path, load, files)?;
    let given = words.text("filename");
    let last = path.get_ref().rsplit('/').next().unwrap_or_default();
    let filename = given.as_ref().map_or(last, |given| given.get_ref()).to_owned();
    quotable(&words, given.as_ref().unwrap_or(&path))?;
    let kind = match words.text("type") {
        Some(kind) => {
            quotable(&words, &kind)?;
            kind.get_ref().to_string()
        }
        None => "application/octet-stream".to_owned(),
    };
    Ok(Part { name, content: Content::File { filename, kind, bytes } })
}

/// What stands in the head of a part, in quotes.
fn quotable(fields: &Fields<'_>, word: &Word<'_>) -> Result<(), Diagnostic> {
    if word.get_ref().contains(|c: char| c == '"' || c.is_control()) {
        let message = "this cannot stand in the head of a part";
        return Err(fields.mistake(word.span(), message, "take quotes and control characters out"));
    }
    Ok(())
}

fn file(
    fields: &Fields<'_>,
    path: &Word<'_>,
    load: LoadFile<'_>,
    files: &mut Files,
) -> Result<Vec<u8>, Diagnostic> {
    let bytes = load(path.get_ref()).map_err(|problem| {
        let hint = "the path is relative to the suite, and stays below its folder";
        fields.mistake(path.span(), problem, hint)
    })?;
    if !files.iter().any(|(known, _)| known == path.get_ref()) {
        files.push((path.get_ref().to_string(), bytes.clone()));
    }
    Ok(bytes)
}
