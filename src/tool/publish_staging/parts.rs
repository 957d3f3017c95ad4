//! A release that is published image by image, as a matrix build does: which images belong to it, and its record, which
//! grows until all of them are there.

use futures_util::future::try_join_all;

use crate::engine::failure::EngineError;
use crate::engine::inspect::inspect;
use crate::engine::target::Target;
use crate::io::env::{Env, items};
use crate::io::registry::client::Client;
use crate::ledger::releases::{self, StoredRecord};
use crate::model::commit::CommitSha;
use crate::model::image::Images;
use crate::model::reference::Reference;
use crate::model::refusal::{Guard, Refusal};
use crate::model::release::{ImageRecord, Release};
use crate::model::repository::Repository;
use crate::policy::gates::set::{listed, without};
use crate::tool::failure::Failure;
use crate::tool::settings::Settings;

/// Rounds of writing the record: each takes in what other jobs have staged meanwhile.
const ROUNDS: u32 = 20;

/// The same settings about every image of the release, of which this run may publish only some.
///
/// # Errors
/// This run publishes a part, and no coalmine.toml says of what.
pub(super) fn whole(mut settings: Settings, env: &Env) -> Result<Settings, Failure> {
    let named: Vec<Repository> = settings.target.images.iter().cloned().collect();
    let Some(configured) = &settings.configured else {
        let listed_elsewhere = env.get("RELEASE_IMAGES").map(|list| items(list).count()).unwrap_or_default();
        if settings.target.home.is_some() && listed_elsewhere > named.len() {
            return Err(Failure::usage(
                format!("only {} of {listed_elsewhere} images are published", named.len()),
                "to publish a release image by image, list all its images in `[release] images` of coalmine.toml",
            ));
        }
        return Ok(settings);
    };
    let mut all: Vec<Repository> = configured.iter().cloned().collect();
    all.extend(without(&named, &all));
    let images = Images::new(all).map_err(|e| Failure::usage(e.to_string(), "name each image once"))?;
    // Every job of a matrix has to mean the same repository, whichever image it publishes.
    if settings.target.home.as_ref() == Some(&named[0]) && !settings.has_home {
        settings.target.home = Some(images.first().clone());
    }
    settings.target.images = images;
    Ok(settings)
}

/// The refusal where a record of this sha names images that this run knows nothing of.
pub(super) async fn stranger(client: &Client<'_>, target: &Target, sha: &CommitSha) -> Option<Refusal> {
    // What cannot be read is written anew.
    let stored = releases::find(client, &target.places(), sha).await.ok()??;
    let recorded: Vec<Repository> =
        stored.record.release.images.iter().map(|image| image.repository.clone()).collect();
    let named: Vec<Repository> = target.images.iter().cloned().collect();
    let unknown = without(&recorded, &named);
    (!unknown.is_empty()).then(|| Refusal {
        guard: Guard::Set,
        image: None,
        expected: format!("the images of {sha} as recorded: {}", listed(&recorded)),
        found: format!("a list without {}", listed(&unknown)),
        hint: "publish all images together, or list them in `[release] images` of coalmine.toml".to_owned(),
    })
}

/// Writes the record of everything that is staged under the sha.
///
/// Two jobs at once both look and write, and the later one may overwrite what the earlier one wrote. But each writes
/// its staging tags before it looks at all of them, and looks again after it wrote: whoever writes last has seen every
/// tag, so the last record names every image.
pub(super) async fn record(
    client: &Client<'_>,
    target: &Target,
    home: &Repository,
    published: &Release,
) -> Result<StoredRecord, EngineError> {
    let mut written: Option<StoredRecord> = None;
    for _ in 0..ROUNDS {
        let (release, missing) = staged(client, target, published).await?;
        let stored = releases::write(client, home, &release, &missing).await?;
        let alone = release.images.len() == published.images.len() && missing.is_empty();
        if alone || written.is_some_and(|before| before.name.digest == stored.name.digest) {
            return Ok(stored);
        }
        written = Some(stored);
    }
    let (release, missing) = staged(client, target, published).await?;
    Ok(releases::write(client, home, &release, &missing).await?)
}

/// What is staged under the sha now, and what is not yet.
async fn staged(
    client: &Client<'_>,
    target: &Target,
    published: &Release,
) -> Result<(Release, Vec<Repository>), EngineError> {
    let tag = target.staging.tag(&published.sha);
    let looks = target.images.iter().map(|image| async {
        let ours = published.images.iter().find(|record| record.repository == *image);
        let found = match ours {
            Some(ours) => Some(ours.clone()),
            None => inspect(client, Reference::Tagged(image.clone(), tag.clone()))
                .await?
                .map(|staged| ImageRecord::from(&staged)),
        };
        Ok::<_, EngineError>((image.clone(), found))
    });
    let looked = try_join_all(looks).await?;
    let missing =
        looked.iter().filter(|(_, found)| found.is_none()).map(|(image, _)| image.clone()).collect();
    let images = looked.into_iter().filter_map(|(_, found)| found).collect();
    Ok((Release { sha: published.sha.clone(), images }, missing))
}
