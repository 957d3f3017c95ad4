//! What a suite may ask of the release itself: `{{ digest.NAME }}` of an image, and `{{ pin.NAME }}` of a bundle.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::suite::template::{Template, Variables};
use crate::base::text;
use crate::model::release::Release;

/// The placeholders of this kind in a suite, in its texts and in those of the files beside it.
pub(super) fn used<'t>(suite: &str, files: impl Iterator<Item = &'t str>) -> BTreeSet<String> {
    fn texts(value: &toml::Value, found: &mut BTreeSet<String>) {
        match value {
            toml::Value::String(text) => collect(text, found),
            toml::Value::Array(list) => list.iter().for_each(|value| texts(value, found)),
            toml::Value::Table(table) => table.values().for_each(|value| texts(value, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    if let Ok(table) = suite.parse::<toml::Table>() {
        table.values().for_each(|value| texts(value, &mut found));
    }
    files.for_each(|text| collect(text, &mut found));
    found
}

fn collect(text: &str, found: &mut BTreeSet<String>) {
    let names = Template::parse(text).map(|t| t.names().map(str::to_owned).collect::<Vec<_>>());
    found.extend(names.into_iter().flatten().filter(|name| is_of_release(name)));
}

/// Whether a placeholder stands for something of the release.
pub(crate) fn is_of_release(name: &str) -> bool {
    name.starts_with("digest.") || name.starts_with("pin.")
}

/// What the placeholders `used` stand for.
///
/// # Errors
/// No release is known, or it has no such image or pin, or two of it that differ.
pub(crate) fn variables(used: &BTreeSet<String>, release: Option<&Release>) -> Result<Variables, String> {
    let Some(first) = used.first() else { return Ok(Variables::new()) };
    let Some(release) = release else {
        return Err(format!("the suite uses `{{{{ {first} }}}}`, and no release with digests is known"));
    };
    let mut known: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for image in &release.images {
        let name = image.repository.name().rsplit('/').next().unwrap_or_default();
        known.entry(format!("digest.{name}")).or_default().insert(image.digest.to_string());
        for (name, value) in image.pins.iter().flat_map(|pins| &pins.pins) {
            known.entry(format!("pin.{name}")).or_default().insert(value.clone());
        }
    }
    let one = |name: &String| match known.get(name).map(|values| values.iter().collect::<Vec<_>>()) {
        Some(values) => match values.as_slice() {
            [value] => Ok((name.clone(), Value::String((*value).clone()))),
            _ => Err(format!("`{{{{ {name} }}}}` is different in two images of the release")),
        },
        None => {
            let names: Vec<&str> = known.keys().map(String::as_str).collect();
            let names = text::escape(&names.join(", "), 400);
            Err(format!("the suite uses `{{{{ {name} }}}}`, and the release has only {names}"))
        }
    };
    used.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::{used, variables};
    use crate::model::bundle::Pins;
    use crate::model::digest::Digest;
    use crate::model::manifest::MediaType;
    use crate::model::release::{ImageRecord, Release};
    use std::collections::BTreeSet;

    fn release() -> Release {
        let image = |name: &str, model: Option<&str>| ImageRecord {
            repository: name.parse().unwrap(),
            digest: Digest::of(name.as_bytes()),
            media_type: MediaType::OciManifest,
            platforms: Vec::new(),
            pins: model.map(|model| Pins {
                format: 1,
                parts: [].into(),
                pins: [("MODEL_VER".to_owned(), model.to_owned())].into(),
                floating: [].into(),
            }),
        };
        let images = vec![image("ghcr.io/a/app", None), image("ghcr.io/a/prompts", Some("m-1"))];
        Release { sha: "1234567".parse().unwrap(), images }
    }

    #[test]
    fn placeholders_are_found_in_values_and_files_but_not_in_comments() {
        let suite = "# {{ pin.COMMENT }}\n[a]\nb = ['x {{ digest.prompts }}']\n[[c]]\nd.e = '{{pin.MODEL_VER}} {{ sha }}'\n";
        let found = used(suite, ["{{ pin.FILE }}"].into_iter());
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["digest.prompts", "pin.FILE", "pin.MODEL_VER"]);
    }

    #[test]
    fn what_the_release_does_not_have_or_has_twice_is_told() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let found = variables(&names(&["digest.prompts", "pin.MODEL_VER"]), Some(&release())).unwrap();
        assert_eq!(found["digest.prompts"], Digest::of(b"ghcr.io/a/prompts").to_string());
        assert_eq!(found["pin.MODEL_VER"], "m-1");
        assert!(variables(&names(&["pin.X"]), Some(&release())).unwrap_err().contains("only digest.app"));
        assert!(variables(&names(&["pin.X"]), None).unwrap_err().contains("no release"));
        assert_eq!(variables(&names(&[]), None), Ok([].into()));
        let mut twice = release();
        let mut again = twice.images[1].clone();
        again.pins.as_mut().unwrap().pins.insert("MODEL_VER".to_owned(), "m-2".to_owned());
        twice.images.push(again);
        assert!(
            variables(&names(&["pin.MODEL_VER"]), Some(&twice)).unwrap_err().contains("different in two")
        );
    }
}
