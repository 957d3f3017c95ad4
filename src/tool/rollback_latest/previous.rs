//! `--previous`: what `latest-previous` names, and which release that is: by the history, by staging tags otherwise.

use futures_util::future::{join, join_all};

use crate::engine::failure::EngineError;
use crate::engine::inspect::{LivePlatforms, facts};
use crate::engine::resolve::{Ledger, read_ledger};
use crate::engine::target::Target;
use crate::io::registry::client::Client;
use crate::ledger::releases::{self, StoredRecord};
use crate::ledger::staged;
use crate::model::commit::CommitSha;
use crate::model::facts::ImageFacts;
use crate::model::record::ReleaseRecord;
use crate::model::reference::Reference;
use crate::policy::history::Lived;
use crate::policy::rollback::{WayBack, previous};

/// Releases of the history whose records are compared with what `latest-previous` names.
const COMPARED: usize = 4;

/// What `latest-previous` leads to.
pub(super) struct Previous {
    pub(super) sha: Option<CommitSha>,
    pub(super) facts: Vec<ImageFacts>,
    pub(super) record: Option<StoredRecord>,
    pub(super) ledger: Ledger,
}

/// Reads what `latest-previous` names, and finds out which release that is.
///
/// # Errors
/// An image has no earlier release, or the images' earlier releases differ.
pub(super) async fn read_previous(client: &Client<'_>, target: &Target) -> Result<Previous, EngineError> {
    let tag = target.tag.previous();
    client.context().console.say(&format!("reading {tag} of {}", target.images.counted()));
    let sources: Vec<Reference> =
        target.images.iter().map(|image| Reference::Tagged(image.clone(), tag.clone())).collect();
    let facts = facts(client, &target.tag, &sources, LivePlatforms::Unneeded);
    let (facts, ledger) = join(facts, read_ledger(client, target)).await;
    let mut found = Previous { sha: None, facts, record: None, ledger };
    let ways: Vec<WayBack> = found.facts.iter().filter_map(|image| way_back(target, image)).collect();
    // What could not be read is refused by the guards, which name it.
    if ways.len() < found.facts.len() {
        return Ok(found);
    }
    match by_history(client, target, &ways, &found).await {
        Some((sha, record)) => (found.sha, found.record) = (Some(sha), record),
        None => (found.sha, found.record) = by_tags(client, target, ways, &found.facts).await?,
    }
    Ok(found)
}

fn way_back(target: &Target, image: &ImageFacts) -> Option<WayBack> {
    let previous = image.wanted.as_ref().ok()?.as_ref().map(|staged| staged.manifest.digest.clone());
    let (repository, tag) = (image.repository.clone(), target.tag.previous());
    Some(WayBack { repository, tag, previous, shas: Vec::new() })
}

/// The release that was live last of those that stood at these digests. Several shas may name one digest: this is the
/// one that was meant.
async fn by_history(
    client: &Client<'_>,
    target: &Target,
    ways: &[WayBack],
    found: &Previous,
) -> Option<(CommitSha, Option<StoredRecord>)> {
    let (_, stored) = found.ledger.as_ref()?.as_ref().ok()?;
    let digests = ways.iter().filter_map(|way| Some((&way.repository, way.previous.as_ref()?)));
    let mut fitting: Vec<Lived> = Vec::new();
    for lived in stored.history.lived(target.tag.as_str()).into_iter().rev() {
        if lived.fits(digests.clone()) && !fitting.iter().any(|known| known.sha == lived.sha) {
            fitting.push(lived);
        }
    }
    fitting.truncate(COMPARED);
    let places = target.places();
    let records = join_all(fitting.iter().map(|lived| releases::find(client, &places, &lived.sha))).await;
    let lacking = ways.iter().any(|way| way.previous.is_none());
    fitting.into_iter().zip(records).find_map(|(lived, record)| match record.ok().flatten() {
        Some(stored) => fits(&stored.record, ways, &found.facts).then_some((lived.sha, Some(stored))),
        // Without a record nobody knows whether an image without a way back belongs to it.
        None => (!lacking).then_some((lived.sha, None)),
    })
}

/// The same by staging tags, where they are few. Where they are many, the digests alone have to do.
async fn by_tags(
    client: &Client<'_>,
    target: &Target,
    mut ways: Vec<WayBack>,
    facts: &[ImageFacts],
) -> Result<(Option<CommitSha>, Option<StoredRecord>), EngineError> {
    let names = join_all(ways.iter().map(|way| async {
        let Some(digest) = &way.previous else { return Ok(Some(Vec::new())) };
        staged::shas_of(client, &target.staging, &way.repository, digest, staged::ASKED).await
    }));
    let (names, console) = (names.await, &client.context().console);
    for (way, shas) in ways.iter_mut().zip(names) {
        match shas {
            Ok(Some(shas)) => way.shas = shas,
            Ok(None) => console.warn(&format!(
                "{} has too many staging tags to find out which release {} is: it goes by digest",
                way.repository, way.tag
            )),
            Err(error) => console.warn(&format!("could not find the sha of the previous release: {error}")),
        }
    }
    match previous(&ways) {
        Ok(Some(sha)) => {
            let record = releases::find(client, &target.places(), &sha).await.ok().flatten();
            Ok((Some(sha), record))
        }
        Ok(None) => Ok((None, None)),
        Err(refusals) => match by_record(client, target, &ways, facts).await {
            Some(stored) => Ok((Some(stored.record.release.sha.clone()), Some(stored))),
            None => Err(EngineError::refused(None, refusals)),
        },
    }
}

/// Where the images have no common previous release, because one was added or dropped since: the newest release whose
/// record every image bears out. Each of its images that is named is either what `latest-previous` names or live, and
/// at least one is the former.
async fn by_record(
    client: &Client<'_>,
    target: &Target,
    ways: &[WayBack],
    facts: &[ImageFacts],
) -> Option<StoredRecord> {
    let mut shas: Vec<&CommitSha> = ways.iter().flat_map(|way| &way.shas).collect();
    shas.sort();
    shas.dedup();
    let places = target.places();
    let found = join_all(shas.into_iter().map(|sha| releases::find(client, &places, sha))).await;
    let records = found.into_iter().filter_map(|found| found.ok()?);
    records.filter(|stored| fits(&stored.record, ways, facts)).max_by_key(|stored| stored.record.published)
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
