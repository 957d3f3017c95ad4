//! The records are what `docs/formats/` and the schemas say.

use std::path::Path;

use crate::support::{Fixture, IMAGES, ONE, TWO, digests};
use serde_json::{Value, json};

fn schema(name: &str) -> jsonschema::Validator {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/schemas/{name}.schema.json"));
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

/// The first JSON block of a page.
fn example(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/formats/{name}.md"));
    let page = std::fs::read_to_string(path).unwrap();
    let block = page.split("```json").nth(1).unwrap().split("```").next().unwrap().to_owned();
    serde_json::from_str(&block).unwrap()
}

/// The document under a tag of the home repository, and the manifest that wraps it.
fn record(fixture: &Fixture, tag: &str) -> (Value, Value) {
    let (_, manifest) = fixture.registry.manifest(IMAGES[0], tag).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let layer = manifest["layers"][0]["digest"].as_str().unwrap();
    (serde_json::from_slice(&fixture.registry.blob(IMAGES[0], layer).unwrap()).unwrap(), manifest)
}

#[test]
fn the_examples_of_the_pages_fit_their_schemas_and_a_wrong_one_does_not() {
    for name in ["release", "verdict", "history", "hold"] {
        let (schema, mut example) = (schema(name), example(name));
        assert_eq!(schema.validate(&example).map_err(|e| e.to_string()), Ok(()), "{name}");
        example["format"] = json!(2);
        assert!(!schema.is_valid(&example), "{name}");
    }
}

#[test]
fn the_serving_record_of_the_page_fits_its_schema_and_one_without_a_model_does_not() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/serving-record.md"));
    let page = page.unwrap();
    let block = page.split("```json").nth(1).unwrap().split("```").next().unwrap();
    let mut record: Value = serde_json::from_str(block).unwrap();
    assert_eq!(schema("serving-record").validate(&record).map_err(|e| e.to_string()), Ok(()));
    record["pins"].as_object_mut().unwrap().remove("MODEL_VER");
    assert!(!schema("serving-record").is_valid(&record));
}

#[test]
fn what_the_programs_write_fits_the_schemas() {
    let fixture = Fixture::new();
    fixture.configure("");
    for sha in [ONE, TWO] {
        fixture.publish(sha).code(0);
        fixture.run("promote-latest").args([sha, "--no-require"]).run().code(0);
    }
    fixture.run("rollback-latest").args([ONE, "--reason", "a test"]).run().code(0);
    let (_, manifest) = fixture.registry.manifest(IMAGES[1], "latest-hold").unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let hold: Value =
        serde_json::from_str(manifest["annotations"]["dev.coalmine.hold"].as_str().unwrap()).unwrap();
    assert_eq!(schema("hold").validate(&hold).map_err(|e| e.to_string()), Ok(()));
    fixture.run("release-status").args(["resume", "--reason", "done"]).run().code(0);
    let (release, wrapped) = record(&fixture, &format!("release-{ONE}"));
    assert_eq!(schema("release").validate(&release).map_err(|e| e.to_string()), Ok(()));
    assert_eq!(release["images"][1]["digest"].as_str(), digests(ONE)[1].as_deref());
    assert_eq!(wrapped["artifactType"], "application/vnd.coalmine.release.v1+json");
    assert_eq!(wrapped["config"]["mediaType"], "application/vnd.oci.empty.v1+json");
    let (_, wrapped) = fixture.registry.manifest(IMAGES[0], "release-history").unwrap();
    let wrapped: Value = serde_json::from_slice(&wrapped).unwrap();
    let history: Value =
        serde_json::from_str(wrapped["annotations"]["dev.coalmine.history"].as_str().unwrap()).unwrap();
    assert_eq!(schema("history").validate(&history).map_err(|e| e.to_string()), Ok(()));
    let kinds: Vec<&str> =
        history["entries"].as_array().unwrap().iter().map(|e| e["event"]["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["promotion", "promotion", "rollback", "resume"]);
    assert_eq!(wrapped["artifactType"], "application/vnd.coalmine.history.v1+json");
}

#[test]
fn the_schemas_of_the_toml_files_are_what_their_readers_go_by() {
    for (file, written) in [
        ("coalmine.schema.json", coalmine::policy::config::schema()),
        ("bundle.schema.json", coalmine::policy::bundle::schema()),
    ] {
        let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schemas").join(file);
        if std::fs::read_to_string(&kept).unwrap_or_default() != written {
            let new = Path::new(env!("CARGO_TARGET_TMPDIR")).join(file);
            std::fs::write(&new, &written).unwrap();
            panic!("not current; run: mv {} {}", new.display(), kept.display());
        }
    }
}

#[test]
fn editors_take_the_documented_coalmine_toml_and_refuse_what_the_reader_refuses() {
    let page =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md")).unwrap();
    let example = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let read = |text: &str| {
        coalmine::policy::config::read(&coalmine::policy::toml::TomlFile { name: "coalmine.toml", text })
            .is_ok()
    };
    let valid = |text: &str| {
        let value: toml::Value = toml::from_str(text).expect("TOML");
        schema("coalmine").is_valid(&serde_json::to_value(value).expect("JSON"))
    };
    assert!(read(example) && valid(example), "{example}");
    for (right, wrong) in [
        ("format = 1", "format = 2"),
        ("latest  =", "latst ="),
        ("require = []", "require = \"smoke\""),
        ("timeout = \"30s\"", "timeout = \"30\""),
        ("[\"scripts/purge-cache\"]", "[]"),
        ("[\"scripts/purge-cache\"]", "{}"),
    ] {
        assert!(example.contains(right), "{right}");
        let text = example.replace(right, wrong);
        assert!(!read(&text) && !valid(&text), "{wrong}");
    }
}
