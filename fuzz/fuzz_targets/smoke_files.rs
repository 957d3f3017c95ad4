//! `smoke.toml`: a mistake has a place within the file and is shown without control characters; what is accepted has
//! unique names and lines of the file, and its longest run can be computed. A JSONPath that is said to name one value
//! never finds two.
#![no_main]

use std::collections::HashSet;

use coalmine::policy::smoke::suite::advice::advice;
use coalmine::policy::smoke::suite::json_path::Path;
use coalmine::policy::smoke::suite::read;
use coalmine::policy::smoke::suite::worst_case::{requests, worst_case};
use coalmine::policy::toml::TomlFile;
use coalmine_fuzz::{harmless, mistakes};
use libfuzzer_sys::fuzz_target;

/// Beside the suite: every file holds its own name, but those whose names begin with `no`.
fn beside(name: &str) -> Result<Vec<u8>, String> {
    if name.starts_with("no") { Err(format!("there is no {name}")) } else { Ok(name.as_bytes().to_vec()) }
}

/// Holds a path against documents that have more than one of everything.
fn one_or_many(text: &str) {
    let Ok(path) = Path::parse(text) else { return };
    let one = serde_json::json!({"a": [1, {"a": 2, "b": [3]}, [4, 5]], "b": {"a": 6}, "": 7});
    let found = serde_json_path::JsonPath::parse(text).expect("parsed before").query(&one).all().len();
    assert!(!path.is_singular() || found <= 1, "{text:?} is said to name one value and finds {found}");
}

fuzz_target!(|text: &str| {
    one_or_many(text.lines().next().unwrap_or_default());
    let file = TomlFile { name: "smoke.toml", text };
    let suite = match read(&file, &beside) {
        Ok(suite) => suite,
        Err(found) => return mistakes(&found, text),
    };
    let lines = text.lines().count();
    let mut names = HashSet::new();
    for check in &suite.checks {
        assert!(names.insert(&check.name), "two checks are called {:?}", check.name);
        assert!((1..=lines).contains(&check.line));
        assert!((1..=check.repeat.times).contains(&check.repeat.pass));
        assert!(check.steps.iter().chain(&check.cleanup).all(|step| (1..=lines).contains(&step.line)));
    }
    advice(&suite).iter().for_each(|advice| harmless(&advice.message.replace(text, "")));
    assert!(worst_case(&suite).total() >= worst_case(&suite).checks);
    assert!(requests(&suite) as usize >= suite.checks.len());
});
