//! What the registry remembers of the rings: where each stands, who holds it, and what is proven of its release.

use futures_util::future::{join, join_all};

use super::history::{self, StoredHistory};
use super::{evidence, hold, releases, staged};
use crate::base::complaint::Complaint;
use crate::io::registry::client::Client;
use crate::io::registry::error::RegistryError;
use crate::model::commit::CommitSha;
use crate::model::facts::{Known, Stand};
use crate::model::reference::Reference;
use crate::model::repository::Repository;
use crate::model::tag::{StagingPattern, Tag};
use crate::policy::history::History;
use crate::policy::rings::state::{Proof, State};

/// Which rings are looked at.
pub struct Look<'a> {
    /// Where records may be, best first; never empty.
    pub places: &'a [Repository],
    /// The images of the release.
    pub images: &'a [Repository],
    /// How staging tags are written.
    pub staging: &'a StagingPattern,
    /// The tags of the rings, in order.
    pub tags: Vec<&'a Tag>,
}

/// The rings as they were read.
pub struct Survey {
    /// The repository that keeps the history.
    pub home: Repository,
    /// The history.
    pub history: StoredHistory,
    /// Each ring, in order.
    pub states: Vec<State>,
}

/// Reads where the rings stand. What cannot be read of a ring is told in its state.
///
/// # Errors
/// The history cannot be read.
pub async fn survey(client: &Client<'_>, look: &Look<'_>) -> Result<Survey, RegistryError> {
    let (home, stored) = history::find(client, look.places).await?;
    let states = join_all(look.tags.iter().map(|tag| state(client, look, &stored.history, tag))).await;
    Ok(Survey { home, history: stored, states })
}

async fn state(client: &Client<'_>, look: &Look<'_>, history: &History, tag: &Tag) -> State {
    let standing = history.standing(tag.as_str());
    let (release, hold) = join(release(client, look, history, tag), held(client, look.images, tag)).await;
    let proof = match &release {
        Ok(Some(sha)) => known(proof(client, look.places, sha).await),
        Ok(None) => Ok(None),
        Err(why) => Err(why.clone()),
    };
    let runs = release.as_ref().ok().and_then(Option::as_ref);
    let since = standing.last_move.filter(|last| last.sha.as_ref() == runs).map(|last| last.at);
    let told = standing.hold.map(|hold| hold.told());
    State { release, since, hold: told.map_or(hold, |told| Ok(Some(told))), proof }
}

/// The release that `tag` names on all images; `None` where no image has it.
async fn release(
    client: &Client<'_>,
    look: &Look<'_>,
    history: &History,
    tag: &Tag,
) -> Known<Option<CommitSha>> {
    let reads = look.images.iter().map(|image| async move {
        let live = client.digest(&Reference::Tagged(image.clone(), tag.clone())).await?;
        Ok(Stand { repository: image.clone(), live, marked: false })
    });
    let stands = join_all(reads).await.into_iter().collect::<Result<Vec<Stand>, RegistryError>>();
    let stands = known(stands)?;
    if stands.iter().all(|stand| stand.live.is_none()) {
        return Ok(None);
    }
    if let Some(last) = history.standing(tag.as_str()).last_move.filter(|last| last.explains(&stands))
        && last.sha.is_some()
    {
        return Ok(last.sha);
    }
    let shas = stands.iter().map(|stand| async move {
        match &stand.live {
            Some(live) => {
                let shas =
                    staged::shas_of(client, look.staging, &stand.repository, live, staged::ASKED).await?;
                Ok(shas.unwrap_or_default())
            }
            None => Ok(Vec::new()),
        }
    });
    let shas = known(join_all(shas).await.into_iter().collect::<Result<Vec<_>, _>>())?;
    let common = shas[0].iter().find(|sha| shas.iter().all(|others| others.contains(sha)));
    common.cloned().map(Some).ok_or_else(|| {
        let hint = "see where each image stands with `release-status`, and promote or roll back this ring";
        Complaint::new(format!("the images of {tag} are not all at one staged release"), hint)
    })
}

/// Who holds `tag`, by the tags of the images.
async fn held(client: &Client<'_>, images: &[Repository], tag: &Tag) -> Known<Option<String>> {
    let holds = join_all(images.iter().map(|image| hold::read(client, image, tag))).await;
    let holds = known(holds.into_iter().collect::<Result<Vec<_>, _>>())?;
    Ok(holds.into_iter().flatten().next().map(|hold| format!(" {hold}")))
}

/// What is recorded of `sha`; `None` if it has no record.
///
/// # Errors
/// The record or the list of its verdicts cannot be read.
pub async fn proof(
    client: &Client<'_>,
    places: &[Repository],
    sha: &CommitSha,
) -> Result<Option<Proof>, RegistryError> {
    let Some(kept) = releases::find(client, places, sha).await? else { return Ok(None) };
    let pieces = evidence::of(client, &kept).await?;
    Ok(Some(Proof { name: kept.name, record: kept.record, pieces }))
}

fn known<T>(result: Result<T, RegistryError>) -> Known<T> {
    result.map_err(|error| Complaint::new(error.to_string(), error.hint()))
}
