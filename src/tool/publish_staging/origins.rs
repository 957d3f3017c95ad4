//! What is to be published: found, read and checked completely, before anything is written.

use std::collections::BTreeMap;

use futures_util::future::{join_all, try_join_all};

use crate::base::redact::Redactor;
use crate::engine::inspect::examine;
use crate::io::registry::client::Client;
use crate::io::registry::decode;
use crate::io::registry::error::RegistryError;
use crate::io::source::error::SourceError;
use crate::io::source::origin::{self, Content, Origin};
use crate::io::source::{self};
use crate::model::manifest::{Body, Manifest, Platform};
use crate::model::reference::Reference;
use crate::model::refusal::{Guard, Refusal};
use crate::model::release::listed_platforms;
use crate::model::repository::Repository;
use crate::model::source::{ImageSource, SourceSpec};
use crate::model::tag::Tag;
use crate::policy::staging::{self, Staging};
use crate::tool::failure::Failure;

/// Largest configuration that is read for its platform.
const CONFIG_BYTES: usize = 4 * 1024 * 1024;

/// An image that may be published.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    pub repository: Repository,
    pub origin: Origin,
    /// What it runs on; sorted.
    pub platforms: Vec<Platform>,
    /// Whether its tag has to be written.
    pub staging: Staging,
    /// Whether the repository already holds everything that the manifest names.
    pub complete: bool,
}

/// Opens the sources that are on this machine; `None` for those in a registry. Nothing is sent.
///
/// # Errors
/// A source is missing or not whole.
pub(super) async fn open_local(
    images: &[ImageSource],
    secrets: &Redactor,
) -> Result<Vec<Option<Origin>>, SourceError> {
    try_join_all(images.iter().map(|image| source::open(&image.source, secrets))).await
}

/// Reads the sources that are in registries, and where the staging tags stand. Every refusal is told.
pub(super) async fn prepare(
    client: &Client<'_>,
    images: &[ImageSource],
    local: Vec<Option<Origin>>,
    tag: &Tag,
    force: bool,
) -> Result<Vec<Result<Prepared, Refusal>>, Failure> {
    for image in images {
        if let SourceSpec::Registry(from) = &image.source
            && from.repository().registry() == image.repository.registry()
        {
            client.will_mount(&image.repository, from.repository());
        }
    }
    let prepared =
        images.iter().zip(local).map(|(image, origin)| prepare_one(client, image, origin, tag, force));
    Ok(join_all(prepared).await.into_iter().collect::<Result<_, _>>()?)
}

async fn prepare_one(
    client: &Client<'_>,
    image: &ImageSource,
    local: Option<Origin>,
    tag: &Tag,
    force: bool,
) -> Result<Result<Prepared, Refusal>, RegistryError> {
    let repository = &image.repository;
    let origin = match (local, &image.source) {
        (Some(origin), _) => Ok(origin),
        (None, SourceSpec::Registry(reference)) => remote(client, reference, repository).await?,
        (None, SourceSpec::Here(digest)) => {
            remote(client, &Reference::Pinned(repository.clone(), digest.clone()), repository).await?
        }
        (
            None,
            SourceSpec::Layout(_)
            | SourceSpec::OciArchive(_)
            | SourceSpec::DockerArchive(_)
            | SourceSpec::Bundle(_),
        ) => {
            unreachable!("`open_local` opens these or fails")
        }
    };
    let origin = match origin {
        Ok(origin) => origin,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let found = client.digest(&Reference::Tagged(repository.clone(), tag.clone())).await?;
    let staging = match staging::decide(repository, tag, &origin.top.digest, found.as_ref(), force) {
        Ok(staging) => staging,
        Err(refusal) => return Ok(Err(refusal)),
    };
    // A tag that is there already may still have lost something to a clean-up: then it is published again.
    let complete = staging == Staging::Already
        && examine(client, repository, origin.top.clone()).await?.missing.is_empty();
    let platforms = platforms(client, repository, &origin).await?;
    Ok(Ok(Prepared { repository: repository.clone(), origin, platforms, staging, complete }))
}

/// An image in a registry, with everything it names.
async fn remote(
    client: &Client<'_>,
    reference: &Reference,
    target: &Repository,
) -> Result<Result<Origin, Refusal>, RegistryError> {
    let refusal = |found: String| Refusal {
        guard: Guard::Whole,
        image: Some(target.clone()),
        expected: format!("{reference} with everything it names"),
        found,
        hint: "push the whole image, then publish it".to_owned(),
    };
    let from = reference.repository();
    let Some(top) = client.manifest(reference).await? else {
        return Ok(Err(refusal("no such image".to_owned())));
    };
    let staged = examine(client, from, top.clone()).await?;
    if !staged.missing.is_empty() {
        let missing: Vec<String> = staged.missing.iter().map(ToString::to_string).collect();
        return Ok(Err(refusal(missing.join("; "))));
    }
    let children = top.children().iter().map(|child| async move {
        client.manifest(&Reference::Pinned(from.clone(), child.digest.clone())).await
    });
    let children: Vec<Manifest> = try_join_all(children).await?.into_iter().flatten().collect();
    let content = if from == target { Content::Here } else { Content::Remote(from.clone()) };
    let blobs: BTreeMap<_, _> = std::iter::once(&top)
        .chain(&children)
        .flat_map(Manifest::blobs)
        .filter(|blob| !blob.elsewhere)
        .map(|blob| (blob.digest.clone(), (blob.size, content.clone())))
        .collect();
    Ok(Ok(Origin { top, children, blobs, temporary: None }))
}

/// What the image runs on: the index says so, or each image's configuration.
async fn platforms(
    client: &Client<'_>,
    repository: &Repository,
    origin: &Origin,
) -> Result<Vec<Platform>, RegistryError> {
    let Body::Image { config, .. } = &origin.top.body else { return Ok(listed_platforms(&origin.top)) };
    let bytes = match origin.blobs.get(&config.digest) {
        Some((_, content @ Content::File { .. })) => origin::read(content, CONFIG_BYTES).ok(),
        Some((_, Content::Remote(from))) => client.config(from, config).await?,
        Some((_, Content::Here)) | None => client.config(repository, config).await?,
    };
    Ok(bytes.as_deref().and_then(decode::platform_of).into_iter().collect())
}
