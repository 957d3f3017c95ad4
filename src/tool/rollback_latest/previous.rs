//! `--previous`: what `latest-previous` names, and the sha it was staged under.

use futures_util::future::join_all;

use crate::engine::failure::EngineError;
use crate::engine::inspect::{LivePlatforms, facts};
use crate::engine::target::Target;
use crate::io::registry::client::Client;
use crate::ledger::staged;
use crate::model::commit::CommitSha;
use crate::model::facts::ImageFacts;
use crate::model::repository::Repository;
use crate::model::tag::Tag;
use crate::policy::rollback::{WayBack, previous};

/// Reads what `latest-previous` names, and finds the sha it was staged under.
///
/// # Errors
/// An image has no earlier release, or the images' earlier releases differ.
pub(super) async fn read_previous(
    client: &Client<'_>,
    target: &Target,
) -> Result<(Option<CommitSha>, Vec<ImageFacts>), EngineError> {
    let tag = target.tag.previous();
    client.context().console.say(&format!("reading {tag} of {}", target.images.counted()));
    let sources: Vec<(Repository, Tag)> =
        target.images.iter().map(|image| (image.clone(), tag.clone())).collect();
    let facts = facts(client, &target.tag, &sources, LivePlatforms::Unneeded).await;
    let ways = join_all(facts.iter().map(|image| way_back(client, target, image))).await;
    // What could not be read is refused by the guards, which name it.
    let ways: Vec<WayBack> = ways.into_iter().flatten().collect();
    let readable = ways.len() == facts.len();
    match previous(&ways) {
        Ok(sha) => Ok((sha.filter(|_| readable), facts)),
        Err(refusals) if readable => Err(EngineError::refused(None, refusals)),
        Err(_) => Ok((None, facts)),
    }
}

async fn way_back(client: &Client<'_>, target: &Target, image: &ImageFacts) -> Option<WayBack> {
    let previous = image.wanted.as_ref().ok()?.as_ref().map(|staged| staged.manifest.digest.clone());
    let shas = match &previous {
        Some(digest) => match staged::shas_of(client, &target.staging, &image.repository, digest).await {
            Ok(shas) => shas,
            Err(error) => {
                client.context().console.warn(&format!("the previous release keeps no name: {error}"));
                Vec::new()
            }
        },
        None => Vec::new(),
    };
    Some(WayBack { repository: image.repository.clone(), tag: image.source.clone(), previous, shas })
}
