//! What is different between two images, from what was read of them. Everything is bounded: it is shown to a person.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use similar::TextDiff;

use super::bundle::secrets;
use crate::base::text;
use crate::model::difference::Change;

/// Longest text whose lines are compared, in bytes.
pub const TEXT_BYTES: usize = 256 * 1024;
/// Most lines that are shown of one file.
const LINES: usize = 200;
/// Longest line that is shown, in bytes.
const LINE_BYTES: usize = 300;
/// Lines around each that differs.
const AROUND: usize = 2;

/// What of `to` is not as in `from`, by name.
pub fn changes(from: &BTreeMap<String, String>, to: &BTreeMap<String, String>) -> Vec<Change> {
    let names: BTreeSet<&String> = from.keys().chain(to.keys()).collect();
    let changed = names.into_iter().filter(|name| from.get(*name) != to.get(*name));
    changed
        .map(|name| Change { name: name.clone(), from: from.get(name).cloned(), to: to.get(name).cloned() })
        .collect()
}

/// How an image is run, from its configuration: entry point, command, user, working directory, environment. A variable
/// that may hold a secret is there by name only.
pub fn settings(config: &[u8]) -> BTreeMap<String, String> {
    let config: Value = serde_json::from_slice(config).unwrap_or_default();
    let run = &config["config"];
    let mut found = BTreeMap::new();
    for (key, name) in
        [("Entrypoint", "entry point"), ("Cmd", "command"), ("User", "user"), ("WorkingDir", "folder")]
    {
        let value = match &run[key] {
            Value::Null => continue,
            Value::String(value) if value.is_empty() => continue,
            Value::String(value) => value.clone(),
            other => other.to_string(),
        };
        found.insert(name.to_owned(), text::escape(&value, LINE_BYTES));
    }
    for variable in run["Env"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
        let shown = if is_secret(name, value) {
            format!("*** ({})", &crate::model::digest::Digest::of(value.as_bytes()).hex()[..8])
        } else {
            text::escape(value, LINE_BYTES)
        };
        found.insert(format!("env {}", text::escape(name, 100)), shown);
    }
    found
}

fn is_secret(name: &str, value: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL", "KEY"].iter().any(|word| name.contains(word))
        || !secrets::find(value.as_bytes()).is_empty()
}

/// The lines that differ between two files, as a unified diff without its header.
pub fn unified(from: &[u8], to: &[u8]) -> Vec<String> {
    let readable = |bytes: &[u8]| bytes.len() <= TEXT_BYTES && !bytes.contains(&0);
    let (Some(from), Some(to)) = (
        Some(from).filter(|bytes| readable(bytes)).and_then(|bytes| std::str::from_utf8(bytes).ok()),
        Some(to).filter(|bytes| readable(bytes)).and_then(|bytes| std::str::from_utf8(bytes).ok()),
    ) else {
        return vec!["(no text, or too long to show)".to_owned()];
    };
    if from == to {
        return vec!["(only the right to execute it changed)".to_owned()];
    }
    let diff = TextDiff::from_lines(from, to);
    let diff = diff.unified_diff().context_radius(AROUND).to_string();
    let mut lines: Vec<String> = diff.lines().take(LINES + 1).map(|l| text::escape(l, LINE_BYTES)).collect();
    if lines.len() > LINES {
        lines.truncate(LINES);
        lines.push("(more lines differ)".to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{changes, settings, unified};
    use std::collections::BTreeMap;

    #[test]
    fn a_diff_names_the_line_and_is_bounded_and_harmless() {
        let from = "one\ntwo\nthree\nfour\nfive\nsix\n";
        let lines = unified(from.as_bytes(), from.replace("five", "5\u{1b}[2J").as_bytes());
        assert_eq!(lines, ["@@ -3,4 +3,4 @@", " three", " four", "-five", r"+5\u{1b}[2J", " six"]);
        let long: String = (0..5_000).map(|i| format!("{i}\n")).collect();
        assert_eq!(unified(b"", long.as_bytes()).len(), 201);
        assert_eq!(unified(b"a\0", b"b"), ["(no text, or too long to show)"]);
        assert_eq!(unified(b"a", b"a"), ["(only the right to execute it changed)"]);
    }

    #[test]
    fn a_variable_that_may_hold_a_secret_shows_that_it_changed_and_not_what_it_is() {
        let config = |token: &str, level: &str| {
            let env = serde_json::json!([format!("API_TOKEN={token}"), format!("LOG={level}")]);
            let config = serde_json::json!({ "config": { "Env": env, "Entrypoint": ["/app"] } });
            settings(config.to_string().as_bytes())
        };
        let found = changes(&config("hush-1", "info"), &config("hush-2", "debug"));
        let told = format!("{found:?}");
        assert_eq!(found.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["env API_TOKEN", "env LOG"]);
        assert!(!told.contains("hush") && told.contains("debug"), "{told}");
        assert_eq!(changes(&BTreeMap::new(), &config("x", "y")).len(), 3);
    }
}
