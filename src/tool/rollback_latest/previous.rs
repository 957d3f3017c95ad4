//! `--previous`: what `latest-previous` names, and the sha it was staged under.

use futures_util::future::join_all;

use crate::engine::failure::EngineError;
use crate::engine::inspect::{LivePlatforms, facts};
use crate::engine::target::Target;
use crate::io::registry::client::Client;
use crate::ledger::{releases, staged};
use crate::model::commit::CommitSha;
use crate::model::facts::ImageFacts;
use crate::model::record::ReleaseRecord;
use crate::model::reference::Reference;
use crate::policy::rollback::{WayBack, previous};

/// Reads what `latest-previous` names, and finds the sha it was staged under.
pub(super) async fn read_previous(
    client: &Client<'_>,
    target: &Target,
) -> Result<(Option<CommitSha>, Vec<ImageFacts>), EngineError> {
    let tag = target.tag.previous();
    client.context().console.say(&format!("reading {tag} of {}", target.images.counted()));
    let sources: Vec<Reference> =
        target.images.iter().map(|image| Reference::Tagged(image.clone(), tag.clone())).collect();
    let facts = facts(client, &target.tag, &sources, LivePlatforms::Unneeded).await;
    let ways = join_all(facts.iter().map(|image| way_back(client, target, image))).await;
    // What could not be read is refused by the guards, which name it.
    let ways: Vec<WayBack> = ways.into_iter().flatten().collect();
    let readable = ways.len() == facts.len();
    match previous(&ways) {
        Ok(sha) => Ok((sha.filter(|_| readable), facts)),
        Err(refusals) if readable => match by_record(client, target, &ways, &facts).await {
            Some(sha) => Ok((Some(sha), facts)),
            None => Err(EngineError::refused(None, refusals)),
        },
        Err(_) => Ok((None, facts)),
    }
}

async fn way_back(client: &Client<'_>, target: &Target, image: &ImageFacts) -> Option<WayBack> {
    let previous = image.wanted.as_ref().ok()?.as_ref().map(|staged| staged.manifest.digest.clone());
    let shas = match &previous {
        Some(digest) => match staged::shas_of(client, &target.staging, &image.repository, digest).await {
            Ok(shas) => shas,
            Err(error) => {
                client
                    .context()
                    .console
                    .warn(&format!("could not find the sha of the previous release: {error}"));
                Vec::new()
            }
        },
        None => Vec::new(),
    };
    Some(WayBack { repository: image.repository.clone(), tag: target.tag.previous(), previous, shas })
}

/// Where the images have no common previous release, because one was added or dropped since: the newest release whose
/// record every image bears out. Each of its images that is named is either what `latest-previous` names or live, and
/// at least one is the former.
async fn by_record(
    client: &Client<'_>,
    target: &Target,
    ways: &[WayBack],
    facts: &[ImageFacts],
) -> Option<CommitSha> {
    let mut shas: Vec<&CommitSha> = ways.iter().flat_map(|way| &way.shas).collect();
    shas.sort();
    shas.dedup();
    let places = target.places();
    let found = join_all(shas.into_iter().map(|sha| releases::find(client, &places, sha))).await;
    let records = found.into_iter().filter_map(|found| Some(found.ok()??.record));
    let newest = records.filter(|record| fits(record, ways, facts)).max_by_key(|record| record.published)?;
    Some(newest.release.sha)
}

fn fits(record: &ReleaseRecord, ways: &[WayBack], facts: &[ImageFacts]) -> bool {
    let mut back = 0;
    for image in &record.release.images {
        let way = ways.iter().find(|way| way.repository == image.repository);
        let Some(way) = way else { continue };
        let live = facts.iter().find(|facts| facts.repository == image.repository);
        let live = live.and_then(|facts| facts.current.as_ref().ok()?.as_ref());
        let stands = live.is_some_and(|live| live.manifest.digest == image.digest);
        let previous = way.previous.as_ref() == Some(&image.digest);
        if !stands && !previous {
            return false;
        }
        back += usize::from(previous);
    }
    back > 0
}
