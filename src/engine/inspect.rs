//! Reads everything that a decision needs, all images at once, and moves nothing.

use std::collections::BTreeSet;

use futures_util::future::{join, join_all, join3, try_join_all};

use crate::base::complaint::Complaint;
use crate::io::registry::client::Client;
use crate::io::registry::decode;
use crate::io::registry::error::RegistryError;
use crate::ledger::hold;
use crate::model::digest::Digest;
use crate::model::facts::{ImageFacts, Known, Live};
use crate::model::manifest::{Body, Manifest, Platform};
use crate::model::reference::Reference;
use crate::model::release::{Missing, Staged, listed_platforms};
use crate::model::repository::Repository;
use crate::model::tag::Tag;

/// Whether the platforms of what is live have to be known: a single image tells them only in its configuration,
/// which costs a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LivePlatforms {
    Needed,
    Unneeded,
}

/// Reads, for every image, what its source names, where `tag`, which is to move, stands, and what rollbacks left.
pub async fn facts(
    client: &Client<'_>,
    tag: &Tag,
    sources: &[Reference],
    live_platforms: LivePlatforms,
) -> Vec<ImageFacts> {
    join_all(sources.iter().map(|source| async move {
        let repository = source.repository();
        let live = || current(client, Reference::Tagged(repository.clone(), tag.clone()), live_platforms);
        let rejected = Reference::Tagged(repository.clone(), tag.rejected());
        let left = join(hold::read(client, repository, tag), client.digest(&rejected));
        let (wanted, mut current, (hold, rejected)) =
            join3(inspect(client, source.clone()), live(), left).await;
        if let (Ok(Some(wanted)), Ok(Some(found))) = (&wanted, &current)
            && wanted.manifest.digest == found.manifest.digest
        {
            // "It is there already" ends a command, and a registry that lags may say so of what was there before.
            current = live().await;
        }
        ImageFacts {
            repository: repository.clone(),
            source: source.clone(),
            wanted: known(wanted),
            current: known(current),
            hold: known(hold),
            rejected: known(rejected),
        }
    }))
    .await
}

/// Where an image has neither the wanted tag nor the one to move, looks whether there is such a repository at all: its
/// name may be mistyped.
pub async fn name_missing_repositories(client: &Client<'_>, facts: &mut [ImageFacts]) {
    join_all(facts.iter_mut().map(|image| async {
        let nothing = matches!(image.wanted, Ok(None)) && matches!(image.current, Ok(None));
        if nothing && client.tags(&image.repository).await.is_ok_and(|tags| tags.is_empty()) {
            image.wanted = Err(Complaint::new(
                format!("{}: there is no such repository, or it has no tags", image.repository),
                "check how it is spelled in `[release] images` of coalmine.toml, RELEASE_IMAGES and --image",
            ));
        }
    }))
    .await;
}

fn known<T>(result: Result<T, RegistryError>) -> Known<T> {
    result.map_err(|error| Complaint::new(error.to_string(), error.hint()))
}

async fn current(
    client: &Client<'_>,
    reference: Reference,
    live: LivePlatforms,
) -> Result<Option<Live>, RegistryError> {
    let manifest = match client.manifest(&reference).await? {
        Some(manifest) => manifest,
        // "There is no such tag" is what a plan without a way back is made of: one answer is not enough for it.
        None => match client.manifest(&reference).await? {
            Some(manifest) => manifest,
            None => return Ok(None),
        },
    };
    let platforms = match (&manifest.body, live) {
        (_, LivePlatforms::Unneeded) => Vec::new(),
        (Body::Index(_), LivePlatforms::Needed) => listed_platforms(&manifest),
        (Body::Image { config, .. }, LivePlatforms::Needed) => {
            let config = client.config(reference.repository(), config).await?;
            config.as_deref().and_then(decode::platform_of).into_iter().collect()
        }
    };
    Ok(Some(Live { manifest, platforms }))
}

/// Reads the image that `reference` names, down to the last blob; `None` if there is none.
pub async fn inspect(client: &Client<'_>, reference: Reference) -> Result<Option<Staged>, RegistryError> {
    match client.manifest(&reference).await? {
        Some(manifest) => examine(client, reference.repository(), manifest).await.map(Some),
        None => Ok(None),
    }
}

/// Looks for everything that `manifest` names.
pub async fn examine(
    client: &Client<'_>,
    repository: &Repository,
    manifest: Manifest,
) -> Result<Staged, RegistryError> {
    let mut missing = Vec::new();
    let mut holders = Vec::new();
    let pinned = |digest: &Digest| Reference::Pinned(repository.clone(), digest.clone());
    let children: Vec<Reference> = manifest.children().iter().map(|child| pinned(&child.digest)).collect();
    let children = children.iter().map(|child| client.manifest(child));
    for (child, found) in manifest.children().iter().zip(try_join_all(children).await?) {
        match found {
            Some(found) => holders.push((found, child.platform.clone())),
            None => missing
                .push(Missing::Child { digest: child.digest.clone(), platform: child.platform.clone() }),
        }
    }
    if matches!(manifest.body, Body::Image { .. }) {
        holders.push((manifest.clone(), None));
    }
    let (found, absent) = blobs(client, repository, &holders).await?;
    missing.extend(absent);
    let mut platforms: Vec<Platform> = found.into_iter().filter(|platform| !platform.is_unknown()).collect();
    platforms.sort();
    platforms.dedup();
    Ok(Staged { repository: repository.clone(), manifest, platforms, missing })
}

/// Looks for the blobs of some image manifests, each once, and reads the configuration where it alone knows the
/// platform.
async fn blobs(
    client: &Client<'_>,
    repository: &Repository,
    holders: &[(Manifest, Option<Platform>)],
) -> Result<(Vec<Platform>, Vec<Missing>), RegistryError> {
    let mut platforms: Vec<Platform> = holders.iter().filter_map(|(_, platform)| platform.clone()).collect();
    let mut seen = BTreeSet::new();
    let mut looks = Vec::new();
    for (holder, platform) in holders {
        for (i, blob) in holder.blobs().into_iter().enumerate() {
            if !blob.elsewhere && seen.insert(blob.digest.clone()) {
                looks.push((holder, blob, i == 0 && platform.is_none()));
            }
        }
    }
    let answers = looks.iter().map(|(_, blob, tells_platform)| async move {
        if *tells_platform {
            let config = client.config(repository, blob).await?;
            return Ok((config.is_some(), config.as_deref().and_then(decode::platform_of)));
        }
        Ok((client.has_blob(repository, &blob.digest).await?, None))
    });
    let mut missing = Vec::new();
    for ((holder, blob, _), (there, platform)) in looks.iter().zip(try_join_all(answers).await?) {
        platforms.extend(platform);
        if !there {
            missing.push(Missing::Blob { digest: blob.digest.clone(), of: holder.digest.clone() });
        }
    }
    Ok((platforms, missing))
}
