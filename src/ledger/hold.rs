//! Holds in the registry: one small manifest under `<tag>-hold` in every image's repository, so that whoever names any
//! of the images sees it.

use futures_util::future::join_all;

use crate::base::text;
use crate::io::registry::artifacts::Artifact;
use crate::io::registry::client::Client;
use crate::io::registry::error::{Problem, RegistryError};
use crate::model::hold::{HOLD_TYPE, Hold};
use crate::model::reference::Reference;
use crate::model::repository::Repository;
use crate::model::tag::Tag;

/// Where the words of the hold stand: in the manifest itself, so that placing one costs a single small write.
const WORDS: &str = "dev.coalmine.hold";

/// The hold on `tag` in `repository`; `None` if there is none, or it was lifted.
pub async fn read(
    client: &Client<'_>,
    repository: &Repository,
    tag: &Tag,
) -> Result<Option<Hold>, RegistryError> {
    let reference = Reference::Tagged(repository.clone(), tag.hold());
    let Some(artifact) = client.artifact(&reference, HOLD_TYPE).await? else { return Ok(None) };
    let unfit = |found: String| {
        RegistryError::new(format!("read {reference}"), Problem::Unfit { expected: "a hold", found })
    };
    let words = artifact.annotation(WORDS).unwrap_or_default();
    let hold: Hold = serde_json::from_str(words).map_err(|e| unfit(text::told(&e)))?;
    if hold.format != 1 {
        return Err(unfit(format!("a hold of format {}, which this version does not know", hold.format)));
    }
    Ok(Some(hold).filter(|hold| !hold.lifted))
}

/// Places `hold` on all its images, and says of each whether it is held.
pub async fn place(
    client: &Client<'_>,
    tag: &Tag,
    hold: &Hold,
) -> Vec<(Repository, Result<(), RegistryError>)> {
    let artifact = artifact(hold);
    let puts = hold.images.iter().map(|image| async {
        (image.repository.clone(), client.put_note(&image.repository, &artifact, &tag.hold()).await)
    });
    join_all(puts).await
}

/// Places `hold` again where its image has none any more: another rollback that moved nothing may have overwritten it
/// and taken its own back. What cannot be read or written is told.
pub async fn keep(client: &Client<'_>, tag: &Tag, hold: &Hold) {
    let artifact = artifact(hold);
    let looks = hold.images.iter().map(|image| async {
        match read(client, &image.repository, tag).await? {
            Some(_) => Ok(()),
            None => client.put_note(&image.repository, &artifact, &tag.hold()).await,
        }
    });
    for error in join_all(looks).await.into_iter().filter_map(Result::err) {
        client.context().console.warn(&error.to_string());
    }
}

/// Takes `hold` away from all its images; another one that was placed since stays. Returns why it stays somewhere.
pub async fn lift(client: &Client<'_>, tag: &Tag, hold: &Hold) -> Vec<RegistryError> {
    let lifts = hold.images.iter().map(|image| lift_one(client, tag, hold, &image.repository));
    join_all(lifts).await.into_iter().filter_map(Result::err).collect()
}

/// Takes away every hold of `holds`, each once. See [`lift`].
pub async fn lift_all<'h>(
    client: &Client<'_>,
    tag: &Tag,
    holds: impl Iterator<Item = &'h Hold>,
) -> Vec<RegistryError> {
    let mut distinct: Vec<&Hold> = Vec::new();
    for hold in holds {
        if !distinct.iter().any(|known| known.id == hold.id) {
            distinct.push(hold);
        }
    }
    let lifts = distinct.into_iter().map(|hold| lift(client, tag, hold));
    join_all(lifts).await.into_iter().flatten().collect()
}

async fn lift_one(
    client: &Client<'_>,
    tag: &Tag,
    hold: &Hold,
    repository: &Repository,
) -> Result<(), RegistryError> {
    match read(client, repository, tag).await? {
        Some(found) if found.id == hold.id => {}
        Some(_) | None => return Ok(()),
    }
    let deleted = client.delete_tag(repository, &tag.hold()).await.is_ok();
    if deleted && read(client, repository, tag).await?.is_none() {
        return Ok(());
    }
    // A registry that does not delete tags (docker-registry 2.8) gets a hold that says that it is over.
    let lifted = artifact(&Hold { lifted: true, ..hold.clone() });
    client.put_note(repository, &lifted, &tag.hold()).await
}

fn artifact(hold: &Hold) -> Artifact {
    let words = serde_json::to_string(hold).expect("a hold is JSON");
    Artifact::of(HOLD_TYPE, bytes::Bytes::new(), None, &[(WORDS, &words)])
}
