//! The floors hold: base < model < policy < io < ledger < engine < tool < report < cli.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const FLOORS: [&str; 9] = ["base", "model", "policy", "io", "ledger", "engine", "tool", "report", "cli"];
/// Groups of files that may import each other in a circle, and why.
const CIRCLES: [(&str, &str); 1] =
    [("io::registry", "the client keeps the tokens, and fetching a token is a call of the client")];
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
        (7, "use crate::io::files::read;"),
        (4, "use crate::engine::mover::Mover;"),
        (4, "use reqwest::Url;"),
        (3, "use super::super::x;"),
    ] {
        assert_eq!(violations(floor, text).len(), 1, "{text}");
    }
    assert!(violations(3, "use crate::{base::{text, list}, model::tag::Tag};").is_empty());
}

type Module = Vec<String>;

/// The paths of a `use` declaration or of an expression, with its braces taken apart.
fn spread(path: &str) -> Vec<String> {
    let Some((before, group)) = path.split_once('{') else { return vec![path.trim().to_owned()] };
    let group = &group[..group.rfind('}').unwrap_or(group.len())];
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (i, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&group[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push(&group[start..]);
    parts.iter().flat_map(|part| spread(&format!("{}{}", before.trim(), part.trim()))).collect()
}

/// The files that `text`, as the file of `module`, imports from. Declaring a child is no import, and tests may import
/// what they like.
fn imports(module: &Module, text: &str, files: &BTreeMap<Module, String>) -> BTreeSet<Module> {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let code = code.split("#[cfg(test)]\npub(crate) mod tests").next().unwrap_or_default();
    let lines: Vec<&str> = code.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
    let code = lines.join(" ");
    let mut paths = Vec::new();
    for root in ["crate::", "self::", "super::"] {
        for (at, _) in code.match_indices(root) {
            // Not in the middle of another path.
            if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == ':') {
                continue;
            }
            let rest = &code[at..];
            let in_use = code[..at].trim_end().ends_with("use");
            let stop =
                |c: char| if in_use { c == ';' } else { !(c.is_alphanumeric() || c == '_' || c == ':') };
            paths.extend(spread(&rest[..rest.find(stop).unwrap_or(rest.len())]));
        }
    }
    let mut found = BTreeSet::new();
    for path in paths {
        let words = path.split("::").map(|word| first_word(word.trim()).to_owned());
        let mut words: Module = words.take_while(|word| !word.is_empty()).collect();
        let base = match words.first().map(String::as_str) {
            Some("crate") => Vec::new(),
            Some("self") => module.clone(),
            _ => module[..module.len().saturating_sub(1)].to_vec(),
        };
        words.splice(..1, base);
        while !words.is_empty() && !files.contains_key(&words) {
            words.pop();
        }
        if !words.is_empty() && words != *module {
            found.insert(words);
        }
    }
    found
}

/// Everything that can be reached from `module`, itself only if there is a circle.
fn reached<'a>(module: &'a Module, imports: &'a BTreeMap<Module, BTreeSet<Module>>) -> BTreeSet<&'a Module> {
    let (mut seen, mut open) = (BTreeSet::new(), vec![module]);
    while let Some(next) = open.pop() {
        for target in imports.get(next).into_iter().flatten() {
            if seen.insert(target) {
                open.push(target);
            }
        }
    }
    seen
}

/// The files that stand in a circle.
fn circles(files: &BTreeMap<Module, String>) -> BTreeSet<String> {
    let imports: BTreeMap<Module, BTreeSet<Module>> =
        files.iter().map(|(module, text)| (module.clone(), imports(module, text, files))).collect();
    let circular = imports.keys().filter(|module| reached(module, &imports).contains(module));
    circular.map(|module| module.join("::")).collect()
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (folder, allowed) in [("src", &CIRCLES[..]), ("sandbox/src", &[])] {
        let folder = root.join(folder);
        let files = sources(&folder).into_iter().map(|path| {
            let inside = path.strip_prefix(&folder).expect("a source file").with_extension("");
            let module = inside.iter().map(|part| part.to_string_lossy().into_owned());
            (
                module.filter(|part| part != "mod").collect(),
                std::fs::read_to_string(&path).expect("a source file"),
            )
        });
        let circular = circles(&files.collect());
        let broken: Vec<&String> = circular
            .iter()
            .filter(|file| !allowed.iter().any(|(group, _)| file.starts_with(group)))
            .collect();
        assert!(broken.is_empty(), "in a circle: {broken:?}");
        for (group, _) in allowed {
            assert!(circular.iter().any(|file| file.starts_with(group)), "{group} has no circle any more");
        }
    }
}

#[test]
fn a_circle_is_found_over_three_files_and_a_declaration_is_none() {
    let of = |files: &[(&str, &str)]| {
        let module = |name: &str| name.split("::").map(str::to_owned).collect();
        circles(&files.iter().map(|(name, text)| (module(name), (*text).to_owned())).collect())
    };
    let found = of(&[
        ("a", "pub mod b;\nuse crate::{c::{One, Two}, d};"),
        ("a::b", "use super::Three;"),
        ("c", "fn f() { crate::a::b::four() }"),
        ("d", "mod e;"),
        ("d::e", "use self::x; #[cfg(test)]\nmod tests { use super::y; }"),
    ]);
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["a", "a::b", "c"]);
    assert!(of(&[("a", "pub mod b;"), ("a::b", "use super::Thing;")]).is_empty());
}

#[test]
fn mains_have_one_statement() {
    for path in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("bins")) {
        let text = std::fs::read_to_string(&path).expect("a main");
        let code: Vec<&str> = text.lines().filter(|line| !line.starts_with("//")).collect();
        assert_eq!(code.len(), 3, "{}", path.display());
    }
}
