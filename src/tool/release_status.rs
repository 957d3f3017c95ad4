//! `release-status`: what is live, what is staged, what is broken; and whether the set-up works.

pub mod diff;
pub mod doctor;
pub mod rings;
mod stop;

use clap::{Parser, Subcommand, ValueEnum};
use futures_util::future::{join, join_all, try_join_all};
use jiff::Timestamp;

use self::diff::{Difference, Side};
use self::doctor::Finding;
use super::Tool;
use super::failure::Failure;
use super::options::{ImageOptions, OutputOptions, RegistryOptions};
use super::settings::Settings;
use crate::engine::candidates::{Candidate, candidates};
use crate::engine::inspect::inspect;
use crate::engine::target::Target;
use crate::io::clock;
use crate::io::context::Context;
use crate::io::registry::client::{Access, Client};
use crate::io::registry::error::RegistryError;
use crate::ledger::{history, hold, staged};
use crate::model::commit::CommitSha;
use crate::model::digest::Digest;
use crate::model::facts::Stand;
use crate::model::history::{Entry, Event};
use crate::model::hold::Hold;
use crate::model::reference::Reference;
use crate::model::repository::Repository;
use crate::model::tag::Tag;
use crate::policy::history::{Break, History};

/// Shows what is live, staged, held and broken, and checks the set-up. Only `hold`, `approve` and `resume` write anything
///
/// Exit codes: 0 done; 1 the registry failed, or --check or doctor found something wrong; 2 usage.
#[derive(Parser, Clone, Debug)]
#[command(name = "release-status", version)]
pub struct Args {
    #[command(subcommand)]
    pub(crate) question: Option<Question>,
    /// Exit with 1 unless all images are at one complete staged release and no hold stands. `--check=merge` is for pull
    /// requests: a hold, or no release yet, is told and ends with 0, because both end with a merge
    #[arg(long, value_name = "FOR", num_args = 0..=1, require_equals = true, default_missing_value = "live")]
    pub check: Option<Check>,
    #[command(flatten)]
    pub(crate) images: ImageOptions,
    #[command(flatten)]
    pub(crate) registry: RegistryOptions,
    #[command(flatten)]
    pub(crate) output: OutputOptions,
}

/// What `--check` is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Check {
    /// Whether everything is as it should be: exactly one whole release is live, and nothing is held
    Live,
    /// Whether a pull request may be merged: a hold stops promotions, not the merge of the repair
    Merge,
}

/// What is asked.
#[derive(Subcommand, Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// List the staged releases, and whether each is complete
    Candidates,
    /// Show what is different between two releases: images, how they run, and the files and pins of bundles
    Diff {
        /// `live`, `candidate` (the newest staged release), or a sha
        #[arg(value_name = "A", default_value = "live")]
        from: Side,
        /// The same
        #[arg(value_name = "B", default_value = "candidate")]
        to: Side,
    },
    /// List every promotion, rollback and resume, and verify that nobody changed the list
    History,
    /// Show each ring: what it runs and since when, its tenants, what is proven, what it waits for and who must act
    Rings,
    /// Hold promotions without a rollback
    Hold {
        /// Hold this ring alone; without it every ring is held
        #[arg(long, value_name = "RING")]
        ring: Option<String>,
        /// Why; kept in the history and the hold
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Approve a release for a ring; GitHub is asked who you are, by GITHUB_TOKEN
    Approve {
        /// Commit of the release, or any unique prefix of it with at least 7 digits
        #[arg(value_name = "SHA")]
        sha: CommitSha,
        /// The ring that it may come to
        #[arg(long, value_name = "RING")]
        ring: String,
        /// Why; kept in the history
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Lift a hold, so that releases can be promoted again; a rejected release stays rejected
    Resume {
        /// Why you lift the hold; kept in the history
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Begin the history anew where it was lost or cannot be read; what is there is kept under another tag
    RestartHistory {
        /// Why, for whoever reads about it later
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Check configuration, tenants, credentials and registries: one line each, with what to do
    Doctor,
}

pub struct ReleaseStatus;

#[derive(Clone, Debug)]
pub enum Outcome {
    Status(Box<Status>),
    /// Where one could go back to.
    Candidates(Vec<Candidate>),
    /// What is different between two releases.
    Diff(Box<Difference>),
    /// What happened, oldest first, where the chain of it breaks, and why this cannot be all.
    History(Vec<Entry>, Option<Break>, Option<String>),
    /// The rings.
    Rings(Vec<rings::Row>),
    /// Rings are held, or a release is approved for one: the entries, and what should be known.
    Noted(Vec<Entry>, Vec<String>),
    /// A hold was lifted; `None`: there was none.
    Resumed(Option<Box<Entry>>),
    /// The history begins anew with this entry.
    Restarted(Box<Entry>),
    Doctor(Vec<Finding>),
}

#[derive(Clone, Debug)]
pub struct Status {
    pub tag: Tag,
    /// Where it stands, for each image in order.
    pub live: Vec<LiveImage>,
    /// The sha that every image stands at, if they agree and it is known.
    pub sha: Option<CommitSha>,
    /// Staged releases, newest first.
    pub staged: Vec<Candidate>,
    pub read: Timestamp,
    /// Which complaints end with exit 1; `None`: none do.
    pub check: Option<Check>,
    /// The rollback that holds promotions, if one does.
    pub hold: Option<Entry>,
    /// The same as the tags of the images tell it.
    pub holds: Vec<Hold>,
    pub broken: Option<Break>,
    /// Why the history cannot be all that happened.
    pub doubt: Option<String>,
    /// When the live release became live, by the history.
    pub since: Option<Timestamp>,
}

/// Where the tag of one image stands.
#[derive(Clone, Debug)]
pub struct LiveImage {
    pub repository: Repository,
    /// What the tag names; `None`: it does not exist.
    pub digest: Option<Digest>,
    /// The shas that were staged with this digest; sorted.
    pub shas: Vec<CommitSha>,
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
        let held = held.chain(tags.map(|hold| format!("held since a rollback {hold}")));
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
            complaints.push("the images are not all at one staged release".to_owned());
        }
        complaints
    }
}

impl Tool for ReleaseStatus {
    const NAME: &'static str = "release-status";
    type Args = Args;
    type Outcome = Outcome;

    fn output(args: &Args) -> &OutputOptions {
        &args.output
    }

    async fn run(args: Args, context: &Context) -> Result<Outcome, Failure> {
        if args.question == Some(Question::Doctor) {
            return Ok(Outcome::Doctor(
                context.stop.unless(doctor::examine(&args.registry, &args.images.images, context)).await?,
            ));
        }
        let settings = Settings::find(&args.registry, &args.images.images, &context.env)?;
        if let Some(Question::Resume { reason }) = &args.question {
            let client = settings.client(context, Access::PullPush)?;
            let mut resumed = None;
            for target in stop::targets(&settings) {
                let entry = context.stop.unless(resume(&client, &target, reason)).await??;
                resumed = resumed.or(entry);
            }
            return Ok(Outcome::Resumed(resumed));
        }
        match &args.question {
            Some(Question::Hold { ring, reason }) => {
                let (entries, notes) = stop::hold(&settings, context, ring.as_deref(), reason).await?;
                return Ok(Outcome::Noted(entries, notes));
            }
            Some(Question::Approve { sha, ring, reason }) => {
                let (entries, notes) = rings::approve(&settings, context, sha, ring, reason).await?;
                return Ok(Outcome::Noted(entries, notes));
            }
            Some(Question::Rings) => return Ok(Outcome::Rings(rings::rows(&settings, context).await?)),
            _ => {}
        }
        if let Some(Question::RestartHistory { reason }) = &args.question {
            let client = settings.client(context, Access::PullPush)?;
            let restarted = context.stop.unless(restart(&client, &settings.target, reason)).await??;
            return Ok(Outcome::Restarted(restarted));
        }
        let client = settings.client(context, Access::Pull)?;
        match args.question {
            Some(Question::Candidates) => {
                Ok(Outcome::Candidates(context.stop.unless(candidates(&client, &settings.target)).await??))
            }
            Some(Question::Diff { from, to }) => {
                let compared = diff::diff(&client, &settings.target, &from, &to);
                Ok(Outcome::Diff(Box::new(context.stop.unless(compared).await??)))
            }
            Some(Question::History) => context.stop.unless(told(&client, &settings.target)).await?,
            _ => {
                let status = context.stop.unless(status(&client, &settings.target, args.check)).await??;
                Ok(Outcome::Status(Box::new(status)))
            }
        }
    }
}

async fn told(client: &Client<'_>, target: &Target) -> Result<Outcome, Failure> {
    let (_, stored) = history::find(client, &kept_at(target)?).await?;
    let looks = target.images.iter().map(|image| async {
        let live = client.digest(&Reference::Tagged(image.clone(), target.tag.clone())).await?;
        stand(client, target, image, live).await
    });
    let stands = try_join_all(looks).await?;
    let history = stored.history;
    let doubt = history.doubt(target.tag.as_str(), &stands);
    Ok(Outcome::History(history.entries().cloned().collect(), history.verify(), doubt))
}

/// Where an image stands, and whether a rollback left something there.
async fn stand(
    client: &Client<'_>,
    target: &Target,
    repository: &Repository,
    live: Option<Digest>,
) -> Result<Stand, RegistryError> {
    let rejected = Reference::Tagged(repository.clone(), target.tag.rejected());
    let (rejected, hold) = join(client.digest(&rejected), hold::read(client, repository, &target.tag)).await;
    let marked = rejected?.is_some() || hold?.is_some();
    Ok(Stand { repository: repository.clone(), live, marked })
}

fn kept_at(target: &Target) -> Result<Vec<Repository>, Failure> {
    let places = target.places();
    if places.is_empty() {
        return Err(Failure::usage(
            "there is no history with `records = false`",
            "keep records to have holds and a history",
        ));
    }
    Ok(places)
}

/// Lifts the hold, or acknowledges a broken history. Without either nothing is written.
async fn resume(client: &Client<'_>, target: &Target, reason: &str) -> Result<Option<Box<Entry>>, Failure> {
    let (home, stored) = history::find(client, &kept_at(target)?).await?;
    let holds = holds(client, target).await?;
    let standing = stored.history.standing(target.tag.as_str());
    let held = standing.hold.is_some() || !holds.is_empty();
    if (!held && stored.history.verify_since_resume().is_none()) || target.dry_run {
        return Ok(standing.hold.map(Box::new));
    }
    let home = holds.iter().find_map(|hold| hold.home.clone()).unwrap_or(home);
    let live = standing.last_move.as_ref().and_then(|last| last.sha.clone());
    let env = &client.context().env;
    let entry = history::entry(env, Event::Resume, &target.tag, live.as_ref(), &[], Some(reason));
    history::append(client, &home, &entry).await?;
    let lost = hold::lift_all(client, &target.tag, holds.iter()).await;
    match lost.into_iter().next() {
        Some(error) => Err(error.into()),
        None => Ok(Some(Box::new(entry))),
    }
}

async fn holds(client: &Client<'_>, target: &Target) -> Result<Vec<Hold>, RegistryError> {
    let reads = target.images.iter().map(|image| hold::read(client, image, &target.tag));
    let mut holds: Vec<Hold> = try_join_all(reads).await?.into_iter().flatten().collect();
    holds.dedup_by(|a, b| a.id == b.id);
    Ok(holds)
}

/// Begins the history anew: the one before is lost or cannot be read. What is there is kept under a tag of its own.
async fn restart(client: &Client<'_>, target: &Target, reason: &str) -> Result<Box<Entry>, Failure> {
    let places = kept_at(target)?;
    let env = &client.context().env;
    let entry = history::entry(env, Event::Restart, &target.tag, None, &[], Some(reason));
    if !target.dry_run {
        history::restart(client, &places[0], &entry).await?;
    }
    Ok(Box::new(entry))
}

async fn status(client: &Client<'_>, target: &Target, check: Option<Check>) -> Result<Status, RegistryError> {
    let live = join_all(target.images.iter().map(|image| live(client, target, image))).await;
    let live = live.into_iter().collect::<Result<Vec<_>, _>>()?;
    let staged = candidates(client, target).await?;
    let places = target.places();
    let history = match places.as_slice() {
        [] => History::default(),
        places => history::find(client, places).await?.1.history,
    };
    let holds = holds(client, target).await?;
    let stands = live.iter().map(|image| stand(client, target, &image.repository, image.digest.clone()));
    let doubt =
        history.doubt(target.tag.as_str(), &try_join_all(stands).await?).filter(|_| !places.is_empty());
    let standing = history.standing(target.tag.as_str());
    let sha = live
        .first()
        .and_then(|first| first.shas.iter().find(|sha| live.iter().all(|image| image.shas.contains(sha))))
        .cloned();
    let since = standing.last_move.filter(|last| last.sha == sha).map(|last| last.at);
    let (tag, read, hold, broken) =
        (target.tag.clone(), clock::now(), standing.hold, history.verify_since_resume());
    Ok(Status { tag, live, sha, staged, read, check, hold, holds, broken, doubt, since })
}

async fn live(
    client: &Client<'_>,
    target: &Target,
    repository: &Repository,
) -> Result<LiveImage, RegistryError> {
    let reference = Reference::Tagged(repository.clone(), target.tag.clone());
    let staged = inspect(client, reference).await?;
    let shas = match &staged {
        Some(staged) => staged::shas_of(client, &target.staging, repository, &staged.manifest.digest).await?,
        None => Vec::new(),
    };
    let missing = staged.iter().flat_map(|staged| &staged.missing).map(ToString::to_string).collect();
    Ok(LiveImage {
        repository: repository.clone(),
        digest: staged.map(|staged| staged.manifest.digest),
        shas,
        missing,
    })
}
