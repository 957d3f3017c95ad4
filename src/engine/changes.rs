//! What is different between two images of one repository. It is for a person to read: what cannot be compared is said,
//! and refuses nothing.

use std::collections::BTreeMap;

use futures_util::future::join_all;

use super::inspect::examine;
use crate::base::text;
use crate::io::registry::client::Client;
use crate::io::registry::error::RegistryError;
use crate::io::trees;
use crate::io::unpack::{self, NotUnpacked};
use crate::model::bundle::{PINS_FILE, Pins};
use crate::model::difference::{Change, FileChange, ImageChange};
use crate::model::manifest::{Body, Manifest};
use crate::model::reference::Reference;
use crate::model::repository::Repository;
use crate::policy::bundle;
use crate::policy::difference::{TEXT_BYTES, changes, settings, unified};

/// Largest bundle whose files are compared: both are fetched for it.
const BUNDLE_BYTES: u64 = 64 * 1024 * 1024;
/// Most files that are shown.
const FILES: usize = 100;

/// Two images of one repository; `None`: there is none.
pub type Pair = (Repository, Option<Manifest>, Option<Manifest>);

/// What is different, for each pair in order.
pub async fn compare(client: &Client<'_>, pairs: &[Pair]) -> Vec<ImageChange> {
    join_all(pairs.iter().map(|pair| image(client, pair))).await
}

async fn image(client: &Client<'_>, (repository, from, to): &Pair) -> ImageChange {
    let digest = |manifest: &Option<Manifest>| manifest.as_ref().map(|manifest| manifest.digest.clone());
    let mut change = ImageChange {
        repository: repository.clone(),
        from: digest(from),
        to: digest(to),
        settings: Vec::new(),
        parts: Vec::new(),
        pins: Vec::new(),
        floating: Vec::new(),
        files: Vec::new(),
        notes: Vec::new(),
    };
    let pins = |manifest: &Option<Manifest>| manifest.as_ref().and_then(|m| Pins::of_manifest(&m.bytes));
    let (old, new) = (pins(from), pins(to));
    let floating = new.iter().flat_map(|pins| &pins.floating);
    change.floating = floating.map(|(pin, why)| format!("{pin} floats: {why}")).collect();
    if change.from == change.to {
        return change;
    }
    if old.is_none() && new.is_none() {
        match (run_as(client, repository, from).await, run_as(client, repository, to).await) {
            (Ok(from), Ok(to)) => change.settings = changes(&from, &to),
            (Err(error), _) | (_, Err(error)) => change.notes.push(error.to_string()),
        }
        return change;
    }
    let parts = |pins: &Option<Pins>| {
        let parts = pins.iter().flat_map(|pins| &pins.parts);
        parts.map(|(name, digest)| (name.clone(), digest.to_string())).collect::<BTreeMap<_, _>>()
    };
    let all = |pins: &Option<Pins>| pins.as_ref().map(|pins| pins.pins.clone()).unwrap_or_default();
    change.parts = changes(&parts(&old), &parts(&new));
    change.pins = changes(&all(&old), &all(&new));
    match files(client, repository, from, to).await {
        Ok(files) => change.files = files,
        Err(why) => change.notes.push(why),
    }
    if change.files.len() > FILES {
        change.notes.push(format!("{} more files differ", change.files.len() - FILES));
        change.files.truncate(FILES);
    }
    change
}

/// Platforms, and how the first of them is run.
async fn run_as(
    client: &Client<'_>,
    repository: &Repository,
    manifest: &Option<Manifest>,
) -> Result<BTreeMap<String, String>, RegistryError> {
    let Some(manifest) = manifest else { return Ok(BTreeMap::new()) };
    let staged = examine(client, repository, manifest.clone()).await?;
    let first = match manifest.children().iter().find(|child| !child.is_attestation()) {
        Some(child) => client.manifest(&Reference::Pinned(repository.clone(), child.digest.clone())).await?,
        None => Some(manifest.clone()),
    };
    let mut found = match first.as_ref().map(|first| &first.body) {
        Some(Body::Image { config, .. }) => {
            client.config(repository, config).await?.map(|config| settings(&config)).unwrap_or_default()
        }
        Some(Body::Index(_)) | None => BTreeMap::new(),
    };
    let platforms: Vec<String> = staged.platforms.iter().map(ToString::to_string).collect();
    found.insert("platforms".to_owned(), platforms.join(", "));
    Ok(found)
}

async fn files(
    client: &Client<'_>,
    repository: &Repository,
    from: &Option<Manifest>,
    to: &Option<Manifest>,
) -> Result<Vec<FileChange>, String> {
    let bytes: u64 = [from, to].into_iter().flatten().flat_map(|m| m.blobs()).map(|blob| blob.size).sum();
    if bytes > 2 * BUNDLE_BYTES {
        return Err(format!("the bundles are too large to compare their files: {}", text::bytes(bytes)));
    }
    let disk = |e: std::io::Error| format!("the files cannot be compared: {e}");
    let place = tempfile::Builder::new().prefix("coalmine-diff-").tempdir().map_err(disk)?;
    let [old, new] = [("from", from), ("to", to)].map(|(name, manifest)| (place.path().join(name), manifest));
    for (folder, manifest) in [&old, &new] {
        std::fs::create_dir(folder).map_err(disk)?;
        match manifest {
            Some(manifest) => {
                let tree = unpack::fetch(client, repository, manifest, folder).await;
                tree.map_err(|error| match error {
                    NotUnpacked::Registry(error) => error.to_string(),
                    NotUnpacked::Disk(error) => error.to_string(),
                    NotUnpacked::Unfit(complaint) => complaint.message,
                })?;
            }
            None => std::fs::create_dir(folder.join("tree")).map_err(disk)?,
        }
    }
    let (old, new) = (old.0.join("tree"), new.0.join("tree"));
    let read = |tree: &std::path::Path| std::fs::read_to_string(tree.join(bundle::FILE)).unwrap_or_default();
    let parts = [bundle::Parts::read(&read(&new)), bundle::Parts::read(&read(&old))];
    let pairs = trees::differing(&old, &new, TEXT_BYTES).map_err(disk)?;
    let change = |pair: trees::Pair| {
        let (state, lines) = match (&pair.from, &pair.to) {
            (Some(from), Some(to)) => ("changed", unified(from, to)),
            (from, to) => {
                let state = if to.is_some() { "added" } else { "removed" };
                (state, unified(from.as_deref().unwrap_or_default(), to.as_deref().unwrap_or_default()))
            }
        };
        let parts = parts.iter().map(|parts| parts.of(&pair.path)).find(|parts| !parts.is_empty());
        FileChange { path: text::escape(&pair.path, 300), parts: parts.unwrap_or_default(), state, lines }
    };
    // What was generated is told by parts and pins.
    Ok(pairs.into_iter().filter(|pair| pair.path != PINS_FILE).map(change).collect())
}

/// Whether nothing is different.
pub fn is_same(changes: &[ImageChange]) -> bool {
    changes.iter().all(|change| change.from == change.to)
}

/// A change in words.
pub fn told(change: &Change) -> String {
    let side = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
    format!("{}: {} -> {}", change.name, side(&change.from), side(&change.to))
}
