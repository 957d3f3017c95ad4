//! What `bundle.toml` says about the files beside it: the hash of each part, the pins, and the checks to run.

mod floating;
mod pattern;
pub mod secrets;
mod vocabulary;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use self::pattern::Pattern;
use super::config::{Hook, read_hook};
use super::toml::fields::{Fields, Placed, Word};
use super::toml::{self, Mistakes, TomlFile};
use crate::base::text;
use crate::model::bundle::{PINS_BYTES, Pins};
use crate::model::digest::Digest;

/// The name of the file, in the root of the folder.
pub const FILE: &str = "bundle.toml";
/// The pin that is made from the part `prompts`.
const PROMPT_VER: &str = "PROMPT_VER";
/// Pins that the code brings with it: a bundle would not have the same digest everywhere.
const OF_THE_CODE: [&str; 2] = ["BUILD_ID", "GIT_SHA"];
/// Longest pin.
const PIN_BYTES: usize = 200;
/// How long one check may take.
const CHECK: std::time::Duration = std::time::Duration::from_secs(600);

/// One file of the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFact {
    /// Its path from the root, with `/`.
    pub path: String,
    /// Whether its owner may execute it.
    pub executable: bool,
    /// Its length in bytes.
    pub size: u64,
    /// The hash of its bytes.
    pub sha256: Digest,
    /// The hash that is all it holds, as `sha256sum` writes one.
    pub holds: Option<Digest>,
}

/// What a bundle is, beside its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Parts and pins.
    pub pins: Pins,
    /// Programs that look at the folder before it is published, by name.
    pub checks: Vec<(String, Hook)>,
}

/// Reads `bundle.toml`, which stands beside `files`.
///
/// # Errors
/// Every mistake, at its place: also a part without files, a pin whose file is not there, and a pin that floats.
pub fn read(file: &TomlFile<'_>, files: &[FileFact]) -> Result<Definition, Mistakes> {
    toml::read(file, &vocabulary::FILE, |fields| {
        let parts = read_parts(fields, files);
        let mut pins = Pins { format: 1, parts, pins: BTreeMap::new(), floating: BTreeMap::new() };
        for (name, value) in fields.map("pin") {
            read_pin(fields, &name, value, files, &mut pins);
        }
        if let Some(prompts) = pins.parts.get("prompts") {
            pins.pins.insert(PROMPT_VER.to_owned(), prompts.to_string());
            if fields.table("pin").is_none_or(|table| table.get("MODEL_VER").is_none()) {
                let hint = "prompts answer with a model: write `MODEL_VER = \"provider/model-2026-05-01\"` in `[pin]`";
                fields.refuse(fields.place("part"), "the pin `MODEL_VER` is missing", hint);
            }
        }
        if serde_json::to_string(&pins).map_or(0, |text| text.len()) > PINS_BYTES {
            let message = format!("parts and pins are longer than {PINS_BYTES} bytes together");
            fields.refuse(fields.place("pin"), message, "pin the hash of a file instead of its content");
        }
        let checks = fields
            .map("check")
            .into_iter()
            .filter_map(|(name, value)| Some((name.get_ref().to_string(), read_hook(fields, value, CHECK)?)));
        Some(Definition { pins, checks: checks.collect() })
    })
}

/// The JSON Schema of `bundle.toml`, for editors.
pub fn schema() -> String {
    toml::schema::write(FILE, &vocabulary::FILE)
}

/// The hash of some files: of what `sha256sum` prints for them, in the order of their names.
pub fn hash<'f>(files: impl Iterator<Item = &'f FileFact>) -> Digest {
    let mut lines = String::new();
    for file in files {
        let _ = writeln!(lines, "{}  {}", file.sha256.hex(), file.path);
    }
    Digest::of(lines.as_bytes())
}

fn read_parts(fields: &Fields<'_>, files: &[FileFact]) -> BTreeMap<String, Digest> {
    let mut parts = BTreeMap::new();
    for (name, value) in fields.map("part") {
        check_name(fields, &name);
        let mut patterns = Vec::new();
        for word in fields.members(value) {
            match word.get_ref().parse::<Pattern>() {
                Ok(pattern) if files.iter().any(|file| pattern.fits(&file.path)) => patterns.push(pattern),
                Ok(_) => {
                    let hint = "write a path from the folder of bundle.toml, such as `prompts/**`";
                    fields.refuse(word.span(), "no file of the bundle fits this", hint);
                }
                Err(why) => fields.refuse(word.span(), why, ""),
            }
        }
        let of_part = files.iter().filter(|file| patterns.iter().any(|pattern| pattern.fits(&file.path)));
        parts.insert(name.get_ref().to_string(), hash(of_part));
    }
    parts
}

fn check_name(fields: &Fields<'_>, name: &Word<'_>) {
    let good = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    if name.get_ref().is_empty() || name.get_ref().len() > 64 || !name.get_ref().bytes().all(good) {
        fields.refuse(name.span(), "this is no name", "use at most 64 letters, digits, `_` and `-`");
    }
}

/// Written as a text, as `{ value = "...", floating = "REASON" }`, or as `{ file = "..." }`.
fn read_pin<'a>(
    fields: &Fields<'a>,
    name: &Word<'a>,
    value: &'a Placed<'a>,
    files: &[FileFact],
    pins: &mut Pins,
) {
    check_name(fields, name);
    let key = *name.get_ref();
    if key == PROMPT_VER {
        let hint = "leave it out: it is the hash of the part `prompts`";
        return fields.refuse(name.span(), "`PROMPT_VER` is not written by hand", hint);
    }
    if OF_THE_CODE.contains(&key) {
        let hint = "leave it out: the program that serves the answer adds it to its serving record";
        return fields.refuse(name.span(), format!("`{key}` belongs to the code, not to a bundle"), hint);
    }
    let table = fields.as_table(value);
    let reason = table.as_ref().and_then(|table| table.text("floating"));
    if let Some(empty) = reason.as_ref().filter(|reason| reason.get_ref().trim().is_empty()) {
        fields.refuse(
            empty.span(),
            "a pin may float for a reason only",
            "say why nothing fixed can be named",
        );
    }
    let text = match table.as_ref().map(|table| (table, table.text("file"))) {
        Some((_, Some(path))) => return read_file_pin(fields, key, &path, reason.is_some(), files, pins),
        Some((table, None)) => table.text("value"),
        None => fields.keep(fields.as_text(value)),
    };
    let Some(text) = text else { return };
    let pinned = text.get_ref().trim();
    if pinned.is_empty() || pinned.len() > PIN_BYTES || text::escape(pinned, PIN_BYTES) != pinned {
        let message = format!("expected one line of 1 to {PIN_BYTES} bytes");
        return fields.refuse(text.span(), message, "");
    }
    match (floating::why(key, pinned), &reason) {
        (Some(why), None) => {
            let hint = format!(
                "name a version that stays what it is, or write `{{ value = \"{pinned}\", floating = \"REASON\" }}`"
            );
            fields.refuse(text.span(), format!("`{key}` floats: {why}"), hint);
        }
        (Some(_), Some(reason)) => {
            pins.floating.insert(key.to_owned(), reason.get_ref().trim().to_owned());
        }
        (None, Some(reason)) => {
            fields.refuse(reason.span(), format!("`{key}` does not float"), "leave `floating` out");
        }
        (None, None) => {}
    }
    pins.pins.insert(key.to_owned(), pinned.to_owned());
}

fn read_file_pin(
    fields: &Fields<'_>,
    key: &str,
    path: &Word<'_>,
    floats: bool,
    files: &[FileFact],
    pins: &mut Pins,
) {
    if floats {
        let hint = "leave `floating` out";
        return fields.refuse(path.span(), "a pin of a file does not float", hint);
    }
    match files.iter().find(|file| file.path == *path.get_ref()) {
        Some(file) => {
            let hash = file.holds.as_ref().unwrap_or(&file.sha256);
            pins.pins.insert(key.to_owned(), hash.to_string());
        }
        None => {
            let hint = "write its path from the folder of bundle.toml, without `..`";
            fields.refuse(path.span(), format!("`{key}` is missing: the bundle has no such file"), hint);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FileFact, read};
    use crate::model::digest::Digest;
    use crate::policy::toml::TomlFile;

    const GOOD: &str = "format = 1\n[part]\nprompts = ['prompts/**', 'templates/*.txt']\nconfig = ['config/**']\n\
        [pin]\nMODEL_VER = 'acme/model-2026-05-01'\nINDEX_HASH = { file = 'index.sha256' }\nRERANK_CONF = { file = 'config/rerank.json' }\n\
        [check]\nschema = ['scripts/check']\n";

    fn files() -> Vec<FileFact> {
        let file = |path: &str| FileFact {
            path: path.to_owned(),
            executable: false,
            size: 1,
            sha256: Digest::of(path.as_bytes()),
            holds: path.ends_with(".sha256").then(|| Digest::of(b"index")),
        };
        ["config/rerank.json", "index.sha256", "prompts/a/b.md", "prompts/c.md", "templates/t.txt"]
            .map(file)
            .into()
    }

    fn mistakes(text: &str) -> String {
        let read = read(&TomlFile { name: "bundle.toml", text }, &files());
        read.unwrap_err().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_part_is_hashed_as_sha256sum_would_and_a_pin_may_be_a_file_or_the_hash_it_holds() {
        let definition = read(&TomlFile { name: "bundle.toml", text: GOOD }, &files()).unwrap();
        let line = |path: &str| format!("{}  {path}\n", Digest::of(path.as_bytes()).hex());
        let lines: String = ["prompts/a/b.md", "prompts/c.md", "templates/t.txt"].map(line).concat();
        let pins = definition.pins.pins;
        assert_eq!(definition.pins.parts["prompts"], Digest::of(lines.as_bytes()));
        assert_eq!(pins["PROMPT_VER"], definition.pins.parts["prompts"].to_string());
        assert_eq!(pins["INDEX_HASH"], Digest::of(b"index").to_string());
        assert_eq!(pins["RERANK_CONF"], Digest::of(b"config/rerank.json").to_string());
        assert_eq!((definition.checks.len(), definition.pins.floating.len()), (1, 0));
    }

    #[test]
    fn every_mistake_has_its_place_and_its_reason() {
        for (from, to, place, words) in [
            ("'acme/model-2026-05-01'", "'acme/model'", "6:13", "`MODEL_VER` floats"),
            ("'acme/model-2026-05-01'", "'acme/latest'", "6:13", "`latest`"),
            ("'acme/model-2026-05-01'", "''", "6:13", "one line of 1 to 200 bytes"),
            (
                "'acme/model-2026-05-01'",
                "{ value = 'acme/model', floating = ' ' }",
                "6:48",
                "for a reason only",
            ),
            (
                "'acme/model-2026-05-01'",
                "{ value = 'a/m-2026-05-01', floating = 'x' }",
                "6:52",
                "does not float",
            ),
            ("MODEL_VER", "MODEL", "2:1", "`MODEL_VER` is missing"),
            ("'index.sha256'", "'index'", "7:23", "`INDEX_HASH` is missing"),
            ("'index.sha256'", "'../index.sha256'", "7:23", "no such file"),
            ("INDEX_HASH", "GIT_SHA", "7:1", "belongs to the code"),
            ("INDEX_HASH", "PROMPT_VER", "7:1", "not written by hand"),
            ("'config/**'", "'confg/**'", "4:11", "no file of the bundle fits"),
            ("'config/**'", "'../config/**'", "4:11", "outside"),
            ("'config/**'", "'/config/**'", "4:11", "outside"),
            ("config =", "\"a b\" =", "4:1", "no name"),
            ("[pin]", "[pins]", "5:2", "did you mean `pin`?"),
        ] {
            let found = mistakes(&GOOD.replace(from, to));
            assert!(found.contains(&format!("bundle.toml:{place}")), "{to}\n{found}");
            assert!(found.contains(words), "{to}\n{found}");
        }
    }

    #[test]
    fn a_pin_may_float_for_a_reason_which_is_kept() {
        let text = GOOD.replace(
            "'acme/model-2026-05-01'",
            "{ value = 'acme/model', floating = 'they name no versions' }",
        );
        let pins = read(&TomlFile { name: "bundle.toml", text: &text }, &files()).unwrap().pins;
        assert_eq!(pins.floating["MODEL_VER"], "they name no versions");
        assert_eq!(pins.pins["MODEL_VER"], "acme/model");
    }
}
