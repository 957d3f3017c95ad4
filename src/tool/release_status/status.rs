//! What is live: which release, whole or broken, held or not.

use clap::ValueEnum;
use futures_util::future::{join, join_all};
use jiff::Timestamp;

use crate::engine::candidates::{Listing, Shown, list};
use crate::engine::inspect::inspect;
use crate::engine::overview::{ImageOverview, Overview, read_overview};
use crate::engine::target::Target;
use crate::io::clock;
use crate::io::registry::client::Client;
use crate::io::registry::error::RegistryError;
use crate::ledger::staged;
use crate::model::commit::CommitSha;
use crate::model::digest::Digest;
use crate::model::facts::Stand;
use crate::model::history::Entry;
use crate::model::hold::Hold;
use crate::model::reference::Reference;
use crate::model::repository::Repository;
use crate::model::tag::Tag;
use crate::policy::gates::hold::told;
use crate::policy::history::Break;

/// What `--check` is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Check {
    /// Whether everything is as it should be: exactly one whole release is live, and nothing is held
    Live,
    /// Whether a pull request may be merged: a hold stops promotions, not the merge of the repair
    Merge,
}

/// What is live and staged.
#[derive(Clone, Debug)]
pub struct Status {
    /// The tag that production runs.
    pub tag: Tag,
    /// Where it stands, for each image in order.
    pub live: Vec<LiveImage>,
    /// The sha that every image stands at, if they agree and it is known.
    pub sha: Option<CommitSha>,
    /// The newest releases, those that were live or are recorded first.
    pub staged: Listing,
    /// When this was read.
    pub read: Timestamp,
    /// Which complaints end with exit 1; `None`: none do.
    pub check: Option<Check>,
    /// The rollback that holds promotions, if one does.
    pub hold: Option<Entry>,
    /// The same as the tags of the images tell it.
    pub holds: Vec<Hold>,
    /// Where the history breaks, if it does.
    pub broken: Option<Break>,
    /// Why the history cannot be all that happened.
    pub doubt: Option<String>,
    /// When the live release became live, by the history.
    pub since: Option<Timestamp>,
    /// What could not be read.
    pub trouble: Vec<String>,
    stands: Vec<Stand>,
}

/// Where the tag of one image stands.
#[derive(Clone, Debug)]
pub struct LiveImage {
    /// Which one.
    pub repository: Repository,
    /// What the tag names; `None`: it does not exist.
    pub digest: Option<Digest>,
    /// The releases with this digest, by the history, or by the staging tags where those are few.
    pub shas: Vec<CommitSha>,
    /// Staging tags that were not compared, because there are too many.
    pub uncompared: usize,
    /// What the manifest names and the registry does not have.
    pub missing: Vec<String>,
}

impl Status {
    /// What is not as it should be, one sentence each; empty when all images stand at one whole release.
    pub fn complaints(&self) -> Vec<String> {
        [self.faults(), self.waiting()].concat()
    }

    /// The complaints that make a check end with exit 1.
    pub fn refusals(&self) -> Vec<String> {
        match self.check {
            None => Vec::new(),
            Some(Check::Live) => self.complaints(),
            Some(Check::Merge) => self.faults(),
        }
    }

    /// Why promotions wait although nothing is broken: a hold, or no image has been promoted yet.
    pub fn waiting(&self) -> Vec<String> {
        let tags = self.holds.iter().filter(|_| self.hold.is_none());
        let held = self.hold.iter().map(|hold| format!("held since a rollback{}", hold.told()));
        let held = held.chain(tags.map(|hold| format!("held since {}", told(hold, &self.stands))));
        held.chain(self.is_new().then(|| format!("no image has the tag {} yet", self.tag))).collect()
    }

    fn is_new(&self) -> bool {
        self.live.iter().all(|image| image.digest.is_none())
    }

    /// What is broken: images that are not whole or disagree, or a history that was changed.
    fn faults(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        for image in &self.live {
            if image.digest.is_none() && !self.is_new() {
                complaints.push(format!("{} has no tag {}", image.repository, self.tag));
            }
            complaints.extend(
                image.missing.iter().map(|missing| format!("{} is not whole: {missing}", image.repository)),
            );
        }
        complaints
            .extend(self.broken.iter().map(|broken| format!("history entry {} was changed", broken.number)));
        let all_whole = self.live.iter().all(|image| image.digest.is_some() && image.missing.is_empty());
        if self.sha.is_none() && all_whole {
            complaints.extend(self.disagreement());
        }
        complaints.extend(self.trouble.iter().cloned());
        complaints
    }

    /// Why the images are not all at one release that has a name.
    fn disagreement(&self) -> Vec<String> {
        let unnamed = |image: &&LiveImage| image.shas.is_empty();
        let nameless: Vec<String> = self.live.iter().filter(unnamed).map(LiveImage::nameless).collect();
        if !nameless.is_empty() {
            return nameless;
        }
        let at = |image: &LiveImage| {
            let shas: Vec<&str> = image.shas.iter().map(CommitSha::short).collect();
            format!("{} at {}", image.repository, shas.join("/"))
        };
        let stands: Vec<String> = self.live.iter().map(at).collect();
        vec![format!("the images are at different releases: {}", stands.join(", "))]
    }
}

impl LiveImage {
    fn nameless(&self) -> String {
        let digest = self.digest.as_ref().map(Digest::short).unwrap_or_default();
        let why = match self.uncompared {
            0 => "which no staging tag, record or history names".to_owned(),
            many => format!("which the history does not name; its {many} staging tags were not compared"),
        };
        format!("{} stands at {digest}, {why}", self.repository)
    }
}

/// Reads it.
///
/// # Errors
/// What is live, or whether it is held, cannot be read.
pub(super) async fn read(
    client: &Client<'_>,
    target: &Target,
    check: Option<Check>,
) -> Result<Status, RegistryError> {
    let overview = read_overview(client, target).await?;
    let tag = target.tag.as_str();
    let lived = overview.live(tag);
    let known = lived.as_ref().map(|lived| &lived.sha);
    let looks = overview.images.iter().map(|image| look(client, target, &overview, image, known));
    let (live, staged) = join(join_all(looks), list(client, target, &overview, Shown::Few)).await;
    let live = live.into_iter().collect::<Result<Vec<_>, _>>()?;
    let first = live.first().map(|image| image.shas.as_slice()).unwrap_or_default();
    let sha = first.iter().find(|sha| live.iter().all(|image| image.shas.contains(sha))).cloned();
    let (history, stands) = (overview.history(), overview.stands());
    let standing = history.standing(tag);
    let mut holds: Vec<Hold> = overview.images.iter().filter_map(|image| image.hold.clone()).collect();
    holds.dedup_by(|a, b| a.id == b.id);
    Ok(Status {
        tag: target.tag.clone(),
        live,
        staged,
        read: clock::now(),
        check,
        holds,
        broken: history.verify_since_resume(),
        doubt: history
            .doubt(tag, &stands)
            .filter(|_| overview.ledger.is_some() && overview.trouble.is_empty()),
        since: standing.last_move.filter(|last| last.sha == sha).map(|last| last.at),
        hold: standing.hold,
        sha,
        trouble: overview.trouble.clone(),
        stands,
    })
}

async fn look(
    client: &Client<'_>,
    target: &Target,
    overview: &Overview,
    image: &ImageOverview,
    known: Option<&CommitSha>,
) -> Result<LiveImage, RegistryError> {
    let mut live = LiveImage {
        repository: image.repository.clone(),
        digest: image.live.clone(),
        shas: Vec::new(),
        uncompared: 0,
        missing: Vec::new(),
    };
    let Some(digest) = &image.live else { return Ok(live) };
    let whole = inspect(client, Reference::Pinned(image.repository.clone(), digest.clone()));
    let names = async {
        if let Some(known) = known {
            return Ok(Some(vec![known.clone()]));
        }
        let lived = overview.history().lived(target.tag.as_str()).into_iter().rev();
        let mut named: Vec<CommitSha> = Vec::new();
        for lived in lived.filter(|lived| lived.images.get(&image.repository) == Some(digest)) {
            if !named.contains(&lived.sha) {
                named.push(lived.sha);
            }
        }
        if !named.is_empty() {
            return Ok(Some(named));
        }
        staged::shas_of(client, &target.staging, &image.repository, digest, staged::ASKED).await
    };
    let (whole, names) = join(whole, names).await;
    live.missing = match whole? {
        Some(staged) => staged.missing.iter().map(ToString::to_string).collect(),
        None => vec![format!("no manifest {digest}")],
    };
    match names? {
        Some(names) => live.shas = names,
        None => live.uncompared = image.staged.len(),
    }
    Ok(live)
}
