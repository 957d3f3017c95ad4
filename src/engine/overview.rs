//! What is known at a glance: the tags of every image and the history, read at once.

use std::collections::BTreeSet;

use futures_util::future::{join, join_all, join5};

use super::resolve::read_ledger;
use super::target::Target;
use crate::io::registry::client::Client;
use crate::io::registry::error::RegistryError;
use crate::ledger::history::StoredHistory;
use crate::ledger::{hold, releases, staged};
use crate::model::commit::CommitSha;
use crate::model::digest::Digest;
use crate::model::facts::Stand;
use crate::model::hold::Hold;
use crate::model::reference::Reference;
use crate::model::repository::Repository;
use crate::policy::history::{History, Lived};

/// The images at a glance.
#[derive(Clone, Debug)]
pub struct Overview {
    /// Every image, in order.
    pub images: Vec<ImageOverview>,
    /// The history and the repository that keeps it; `None` where none is kept or it cannot be read.
    pub ledger: Option<(Repository, StoredHistory)>,
    /// What could not be read and is not needed to say what is live, in words for a person.
    pub trouble: Vec<String>,
    none: History,
}

/// The tags of one image.
#[derive(Clone, Debug)]
pub struct ImageOverview {
    /// Which image.
    pub repository: Repository,
    /// What the tag that production runs names; `None`: there is no such tag.
    pub live: Option<Digest>,
    /// Where `rollback-latest --previous` goes.
    pub previous: Option<Digest>,
    /// What a rollback left.
    pub rejected: Option<Digest>,
    /// What holds promotions.
    pub hold: Option<Hold>,
    /// The shas with a staging tag.
    pub staged: BTreeSet<CommitSha>,
}

/// Reads it.
///
/// # Errors
/// What is live, or whether it is held, cannot be read.
pub async fn read_overview(client: &Client<'_>, target: &Target) -> Result<Overview, RegistryError> {
    let images = join_all(target.images.iter().map(|image| read_image(client, target, image)));
    let (images, ledger) = join(images, read_ledger(client, target)).await;
    let mut trouble = Vec::new();
    let ledger = ledger.and_then(|ledger| match ledger {
        Ok((home, stored)) => {
            trouble.extend(stored.trouble());
            Some((home, stored))
        }
        Err(error) => {
            trouble.push(format!("the history cannot be read: {error}"));
            None
        }
    });
    let mut read = Vec::new();
    for image in images {
        let (image, unread) = image?;
        trouble.extend(unread.into_iter().map(|error| error.to_string()));
        read.push(image);
    }
    trouble.iter().for_each(|words| client.context().console.warn(words));
    Ok(Overview { images: read, ledger, trouble, none: History::default() })
}

async fn read_image(
    client: &Client<'_>,
    target: &Target,
    image: &Repository,
) -> Result<(ImageOverview, Vec<RegistryError>), RegistryError> {
    let digest = |tag| async { client.digest(&Reference::Tagged(image.clone(), tag)).await };
    let (live, previous, rejected, hold, staged) = join5(
        digest(target.tag.clone()),
        digest(target.tag.previous()),
        digest(target.tag.rejected()),
        hold::read(client, image, &target.tag),
        staged::shas(client, &target.staging, image),
    )
    .await;
    let mut unread = Vec::new();
    let mut or_none = |found: Result<Option<Digest>, RegistryError>| {
        found.unwrap_or_else(|error| {
            unread.push(error);
            None
        })
    };
    let (previous, rejected) = (or_none(previous), or_none(rejected));
    let staged = staged.unwrap_or_else(|error| {
        unread.push(error);
        Vec::new()
    });
    let (repository, staged) = (image.clone(), staged.into_iter().collect());
    Ok((ImageOverview { repository, live: live?, previous, rejected, hold: hold?, staged }, unread))
}

impl Overview {
    /// The history; an empty one where none is kept or it cannot be read.
    pub fn history(&self) -> &History {
        self.ledger.as_ref().map_or(&self.none, |(_, stored)| &stored.history)
    }

    /// One image.
    pub fn of(&self, repository: &Repository) -> Option<&ImageOverview> {
        self.images.iter().find(|image| image.repository == *repository)
    }

    /// The shas that have a release record.
    pub fn recorded(&self) -> Vec<CommitSha> {
        self.ledger.as_ref().map_or_else(Vec::new, |(_, stored)| releases::named(&stored.tags))
    }

    /// The shas that have a staging tag, some more than once.
    pub fn staged(&self) -> impl Iterator<Item = &CommitSha> {
        self.images.iter().flat_map(|image| &image.staged)
    }

    /// The shas that are staged for one image.
    pub fn staged_for(&self, repository: &Repository) -> BTreeSet<CommitSha> {
        self.of(repository).map(|image| image.staged.clone()).unwrap_or_default()
    }

    /// Where the images stand, as far as the history can be compared with it.
    pub fn stands(&self) -> Vec<Stand> {
        let stand = |image: &ImageOverview| Stand {
            repository: image.repository.clone(),
            live: image.live.clone(),
            marked: image.rejected.is_some() || image.hold.is_some(),
        };
        self.images.iter().map(stand).collect()
    }

    /// The last release of the history that stood where all images stand now.
    pub fn live(&self, tag: &str) -> Option<Lived> {
        let digests = self.images.iter().filter_map(|image| Some((&image.repository, image.live.as_ref()?)));
        let all = self.images.iter().all(|image| image.live.is_some());
        self.history().lived(tag).into_iter().rfind(|lived| all && lived.fits(digests.clone()))
    }
}
