//! The tables of inputs, secrets and outputs in docs/workflows.md are those of the files.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{GATE, RELEASE, ROLLBACK, STATUS};
use crate::support::workflow::{read, shown};

/// The rows of the table after a heading: name in backquotes, default, and what it is for.
fn table(page: &str, heading: &str) -> Vec<(String, String, String)> {
    let (_, rest) =
        page.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no heading `{heading}`"));
    let rows =
        rest.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let cells = |row: &str| row.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    rows.skip(2).map(cells).map(|row| (row[1].clone(), row[2].clone(), row[3].clone())).collect()
}

/// What a file declares, in the words of the table; sorted.
fn declared(names: &Value) -> Vec<(String, String, String)> {
    let default = |entry: &Value| match (&entry["default"], entry["required"] == true) {
        (_, true) => "required".to_owned(),
        (Value::Null, _) => String::new(),
        (Value::String(text), _) if text.is_empty() => String::new(),
        (value, _) => format!("`{}`", shown(value).replace("${{ github.sha }}", "github.sha")),
    };
    let names = names.as_object().into_iter().flatten();
    names.map(|(name, entry)| (format!("`{name}`"), default(entry), shown(&entry["description"]))).collect()
}

#[test]
fn the_tables_of_inputs_and_outputs_are_those_of_the_files() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/workflows.md")).unwrap();
    let (release, rollback, action) = (read(RELEASE), read(ROLLBACK), read("action.yml"));
    let (status, gate) = (read(STATUS), read(GATE));
    for (heading, found) in [
        ("### Inputs of canary-release", &release["on"]["workflow_call"]["inputs"]),
        ("### Secrets of canary-release", &release["on"]["workflow_call"]["secrets"]),
        ("### Outputs of canary-release", &release["on"]["workflow_call"]["outputs"]),
        ("### Inputs of rollback-latest", &rollback["on"]["workflow_call"]["inputs"]),
        ("### Secrets of rollback-latest", &rollback["on"]["workflow_call"]["secrets"]),
        ("### Outputs of rollback-latest", &rollback["on"]["workflow_call"]["outputs"]),
        ("### Inputs of release-status", &status["on"]["workflow_call"]["inputs"]),
        ("### Inputs of merge-gate", &gate["on"]["workflow_call"]["inputs"]),
        ("### Inputs of the action", &action["inputs"]),
        ("### Outputs of the action", &action["outputs"]),
    ] {
        let mut rows = table(&page, heading);
        rows.sort();
        assert_eq!(rows, declared(found), "{heading}");
    }
}

#[test]
fn a_table_that_says_something_else_is_noticed() {
    let page = "x\n### H\n\n| input | default | for |\n|---|---|---|\n| `a` | `1` | x |\n\nmore";
    let found = json!({ "a": { "default": 1, "description": "x" } });
    assert_eq!(table(page, "### H"), declared(&found));
    for other in [
        json!({ "a": { "default": 2, "description": "x" } }),
        json!({ "b": { "default": 1, "description": "x" } }),
        json!({ "a": { "required": true, "description": "x" } }),
    ] {
        assert_ne!(table(page, "### H"), declared(&other));
    }
}
