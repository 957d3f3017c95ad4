//! Every word that `bundle.toml` knows, once: the reader refuses what is not here, and the JSON Schema in
//! `docs/schemas/` is written from it.

use crate::policy::config::vocabulary::HOOK;
use crate::policy::toml::vocabulary::{Form, Kind, Table, key};

/// The whole file.
pub(super) static FILE: Table = Table {
    name: "bundle",
    about: "What a folder of prompts and configuration is made of, and which versions it answers with",
    keys: &[&[
        key("format", Kind::Exactly(1), "version of this format: 1"),
        key(
            "part",
            Kind::Map(&Kind::List { of: &Kind::Text, least: 1 }),
            "each part and the files in it; `**` stands for any folders. Each part gets a hash of its own",
        ),
        key(
            "pin",
            Kind::Map(&Kind::Form(&PIN_FORM)),
            "what is not a file of the bundle and still decides an answer",
        ),
        key("check", Kind::Map(&HOOK), "programs that look at the folder before it is published"),
    ]],
    required: &["format", "part"],
    either: &[],
};

static PIN_FORM: Form = Form {
    name: "a pin",
    hint: "write a text, `{ file = \"PATH\" }`, or `{ value = \"...\", floating = \"REASON\" }`",
    kinds: &[Kind::Text, Kind::Table(&PIN)],
};

static PIN: Table = Table {
    name: "pin",
    about: "One version that decides an answer",
    keys: &[&[
        key("value", Kind::Text, "the version itself"),
        key("file", Kind::Text, "a file of the bundle: its sha256, or the one sha256 that it holds"),
        key("floating", Kind::Text, "why this names no fixed version; every report shows it"),
    ]],
    required: &[],
    either: &[&["value"], &["file"]],
};
