//! The bill of materials: every crate that is compiled into the programs, as CycloneDX 1.5
//! (<https://cyclonedx.org/docs/1.5/json/>, read 2026-11-20). Without times and serial numbers, so that the same source
//! gives the same document.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use serde_json::{Value, json};

/// The document for what `cargo metadata --format-version 1 --filter-platform TARGET` printed.
pub(crate) fn of(metadata: &str) -> io::Result<String> {
    let metadata: Value = serde_json::from_str(metadata)?;
    let packages: BTreeMap<&str, &Value> =
        list(&metadata["packages"]).filter_map(|package| Some((package["id"].as_str()?, package))).collect();
    let nodes: BTreeMap<&str, &Value> =
        list(&metadata["resolve"]["nodes"]).filter_map(|node| Some((node["id"].as_str()?, node))).collect();
    let root = packages
        .iter()
        .find(|(_, package)| package["name"] == "coalmine")
        .map(|(id, _)| *id)
        .ok_or_else(|| io::Error::other("cargo metadata names no package `coalmine`"))?;
    let (mut reached, mut open) = (BTreeSet::new(), vec![root]);
    while let Some(id) = open.pop() {
        if reached.insert(id) {
            open.extend(nodes.get(id).into_iter().flat_map(|node| linked(node)));
        }
    }
    let component = |id: &str| {
        let package = packages[id];
        let (name, version) = (&package["name"], &package["version"]);
        let reference = format!("pkg:cargo/{}@{}", text(name), text(version));
        let mut component = json!({
            "type": if id == root { "application" } else { "library" },
            "bom-ref": reference, "purl": reference, "name": name, "version": version,
        });
        if let Some(license) = package["license"].as_str() {
            component["licenses"] = json!([{ "expression": license.replace('/', " OR ") }]);
        }
        component
    };
    let reference = |id: &str| component(id)["purl"].clone();
    let mut components: Vec<Value> =
        reached.iter().filter(|id| **id != root).map(|id| component(id)).collect();
    components.sort_by_key(|component| text(&component["purl"]).to_owned());
    let mut dependencies: Vec<Value> = reached
        .iter()
        .map(|id| {
            let mut on: Vec<Value> =
                nodes.get(id).into_iter().flat_map(|node| linked(node)).map(reference).collect();
            on.sort_by_key(|on| text(on).to_owned());
            json!({ "ref": reference(id), "dependsOn": on })
        })
        .collect();
    dependencies.sort_by_key(|entry| text(&entry["ref"]).to_owned());
    let document = json!({
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": { "component": component(root) },
        "components": components, "dependencies": dependencies,
    });
    Ok(format!("{document:#}\n"))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// What is linked into a crate: neither what only its tests nor what only its build script uses.
fn linked(node: &Value) -> impl Iterator<Item = &str> {
    let normal = |dependency: &&Value| list(&dependency["dep_kinds"]).any(|kind| kind["kind"].is_null());
    list(&node["deps"]).filter(normal).filter_map(|dependency| dependency["pkg"].as_str())
}

#[cfg(test)]
mod tests {
    use super::of;
    use serde_json::{Value, json};

    #[test]
    fn names_what_is_linked_and_nothing_else() {
        let package =
            |name: &str| json!({ "id": name, "name": name, "version": "1.0.0", "license": "MIT/Apache-2.0" });
        let needs = |pkg: &str, kind: Value| json!({ "pkg": pkg, "dep_kinds": [{ "kind": kind }] });
        let packages = ["coalmine", "a", "b", "tests"].map(package);
        let metadata = json!({
            "packages": packages,
            "resolve": { "nodes": [
                { "id": "coalmine", "deps": [needs("a", Value::Null), needs("tests", json!("dev"))] },
                { "id": "a", "deps": [needs("b", Value::Null)] }, { "id": "b", "deps": [] }, { "id": "tests", "deps": [] },
            ] },
        });
        let document: Value =
            serde_json::from_str(&of(&metadata.to_string()).expect("a document")).expect("JSON");
        let names: Vec<&Value> =
            document["components"].as_array().expect("components").iter().map(|c| &c["name"]).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(document["components"][0]["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert_eq!(
            document["dependencies"][0],
            json!({ "ref": "pkg:cargo/a@1.0.0", "dependsOn": ["pkg:cargo/b@1.0.0"] })
        );
    }
}
