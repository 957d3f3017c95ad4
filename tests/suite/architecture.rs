//! The floors hold: base < model < policy < io < tool < report < cli.

use std::path::{Path, PathBuf};

const FLOORS: [&str; 7] = ["base", "model", "policy", "io", "tool", "report", "cli"];
/// Crates that only `io` may name.
const WIRE: [&str; 3] = ["oci_client", "reqwest", "indicatif"];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

fn floor_of(path: &Path) -> Option<usize> {
    let inside = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).ok()?;
    let first = inside.components().next()?.as_os_str().to_str()?.trim_end_matches(".rs");
    FLOORS.iter().position(|floor| *floor == first)
}

/// The top-level modules that a text names by `crate::a` or `crate::{a, b::c}`.
fn named(text: &str) -> Vec<&str> {
    let mut modules = Vec::new();
    for rest in text.split("crate::").skip(1) {
        if let Some(group) = rest.strip_prefix('{') {
            let (mut depth, mut start) = (0, 0);
            for (i, c) in group.char_indices() {
                match c {
                    '{' => depth += 1,
                    '}' if depth > 0 => depth -= 1,
                    ',' | '}' if depth == 0 => {
                        modules.push(first_word(group[start..i].trim()));
                        start = i + 1;
                        if c == '}' {
                            break;
                        }
                    }
                    _ => {}
                }
            }
        } else {
            modules.push(first_word(rest));
        }
    }
    modules
}

fn first_word(text: &str) -> &str {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()
}

/// Every rule that `text`, as a file on `floor`, breaks.
fn violations(floor: usize, text: &str) -> Vec<String> {
    let mut broken = Vec::new();
    for module in named(text) {
        if let Some(above) = FLOORS.iter().position(|name| *name == module).filter(|target| *target > floor) {
            broken.push(format!("names {}, which is above {}", FLOORS[above], FLOORS[floor]));
        }
        if FLOORS[floor] == "report" && module == "io" {
            broken.push("report uses io".to_owned());
        }
    }
    // The grammar of references is no wire.
    let text = text.replace("oci_client::Reference", "").replace("oci_client::ParseError", "");
    for name in WIRE {
        if FLOORS[floor] != "io" && FLOORS[floor] != "cli" && text.contains(&format!("{name}::")) {
            broken.push(format!("names the crate {name} outside io"));
        }
    }
    if text.contains("super::super") {
        broken.push("super::super hides which floor is meant".to_owned());
    }
    broken
}

#[test]
fn every_file_uses_only_the_floors_below_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut broken = Vec::new();
    for path in sources(&folder) {
        let Some(floor) = floor_of(&path) else { continue };
        let text = std::fs::read_to_string(&path).expect("a source file");
        broken.extend(violations(floor, &text).into_iter().map(|what| format!("{}: {what}", path.display())));
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_rule_bites() {
    for (floor, text) in [
        (0, "use crate::model::tag::Tag;"),
        (2, "use crate::{base::text, io::clock};"),
        (1, "fn f() { crate::tool::x() }"),
        (5, "use crate::io::files::read;"),
        (4, "use reqwest::Url;"),
        (3, "use super::super::x;"),
    ] {
        assert_eq!(violations(floor, text).len(), 1, "{text}");
    }
    assert!(violations(3, "use crate::{base::{text, list}, model::tag::Tag};").is_empty());
}

#[test]
fn mains_have_one_statement() {
    for path in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("bins")) {
        let text = std::fs::read_to_string(&path).expect("a main");
        let code: Vec<&str> = text.lines().filter(|line| !line.starts_with("//")).collect();
        assert_eq!(code.len(), 3, "{}", path.display());
    }
}
