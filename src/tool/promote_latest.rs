//! `promote-latest`: moves `:latest` of all images to a staged release, by digest, verified before and after.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use jiff::Timestamp;

use super::Tool;
use super::agreement::settle;
use super::chronicle::entry;
use super::failure::Failure;
use super::giving_way::give_way;
use super::memory::{Memory, Question, explains, keep_evidence, recall, remember, since};
use super::moving::{FINISHING, Mover};
use super::options::{ImageOptions, OutputOptions, RegistryOptions};
use super::reading::{LivePlatforms, facts, refused, resolve};
use super::records;
use super::settings::Settings;
use super::undoing::receipts;
use crate::io::registry::client::{Access, Client};
use crate::io::stop::Signal;
use crate::io::world::World;
use crate::io::{clock, files};
use crate::model::commit::CommitSha;
use crate::model::digest::Digest;
use crate::model::history::Event;
use crate::model::image::counted;
use crate::model::moves::{Ended, Receipt};
use crate::model::record::Kind;
use crate::model::repository::Repository;
use crate::model::tag::Tag;
use crate::policy::aftermath::Errand;
use crate::policy::evidence::{Demand, Piece};
use crate::policy::promotion::{Decision, Expected, ImageFacts, Rules, decide};

/// Moves the tag `latest` of every image of a release to the digests staged under its commit
///
/// Reads and checks everything first: every manifest and every blob of every platform. Moves only if no guard says
/// no, the last image last, reads every tag back, and puts back what was moved if anything fails.
///
/// Exit codes: 0 done or already so; 1 refused or failed, nothing left moved; 2 usage; 4 split, with the commands to
/// repair it.
#[derive(Parser, Clone, Debug)]
#[command(name = "promote-latest", version)]
pub struct Args {
    /// Commit of the release: 7 to 64 hex digits, or any unique beginning of a published sha
    #[arg(value_name = "SHA")]
    pub sha: CommitSha,
    /// Refuse unless the tag names DIGEST now, or does not exist (`absent`); give one for each image
    #[arg(long, value_name = "DIGEST|absent")]
    pub expect_current: Vec<Expected>,
    /// Ask for this kind of evidence instead of the configured ones: smoke or soak (repeatable)
    #[arg(long, value_name = "KIND", conflicts_with = "no_require")]
    pub require: Vec<Kind>,
    /// Ask for no evidence
    #[arg(long)]
    pub no_require: bool,
    /// A verdict document, as `canary-smoke --result` wrote it; counts like recorded evidence (repeatable)
    #[arg(long, value_name = "FILE")]
    pub evidence: Vec<PathBuf>,
    /// Let only evidence count that was judged with this very suite file
    #[arg(long, value_name = "FILE")]
    pub suite: Option<PathBuf>,
    /// Promote even if the release is older than the live one
    #[arg(long)]
    pub allow_older: bool,
    /// Promote this very release in spite of a hold or a rejection
    #[arg(long, value_name = "REASON")]
    pub lift_hold: Option<String>,
    /// Move this tag instead of the configured `latest`
    #[arg(long, value_name = "TAG")]
    pub to: Option<Tag>,
    #[command(flatten)]
    pub(crate) images: ImageOptions,
    #[command(flatten)]
    pub(crate) registry: RegistryOptions,
    #[command(flatten)]
    pub(crate) output: OutputOptions,
}

/// The binary.
pub struct PromoteLatest;

/// What a promotion or a rollback came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Which command it was.
    pub errand: Errand,
    /// The release, if it has a name.
    pub sha: Option<CommitSha>,
    /// The tag that was moved.
    pub tag: Tag,
    /// Every image.
    pub receipts: Vec<Receipt>,
    /// What is not as it should be and did not refuse.
    pub warnings: Vec<String>,
    /// The release record, as `repository@sha256:...`.
    pub release: Option<String>,
}

impl Tool for PromoteLatest {
    const NAME: &'static str = "promote-latest";
    type Args = Args;
    type Outcome = Outcome;

    fn output(args: &Args) -> &OutputOptions {
        &args.output
    }

    async fn run(args: Args, world: &World) -> Result<Outcome, Failure> {
        let settings =
            Settings::find(&args.registry, &args.images.images, &world.env)?.moving(args.to.as_ref());
        let handed = Handed::read(&args, &settings)?;
        let client = settings.client(world, Access::PullPush)?;
        let rules = Rules::Promotion { expect: args.expect_current.clone() };
        let (sha, facts) =
            world.stop.unless(read_staged(&client, &settings, &args.sha, LivePlatforms::Needed)).await??;
        let memory = match &settings.home {
            Some(home) => {
                let question = Question {
                    sha: &sha,
                    facts: &facts,
                    demand: handed.demand(),
                    files: &handed.pieces,
                    lifts: args.lift_hold.is_some(),
                    allow_older: args.allow_older,
                };
                Some(world.stop.unless(recall(&client, &settings, home, &question)).await?)
            }
            None => None,
        };
        let against = memory.as_ref().map(|memory| memory.refusals.clone()).unwrap_or_default();
        let mut decision = decide(Some(&sha), &settings.latest, &facts, &rules, against)
            .map_err(|refusals| refused(Some(&sha), refusals))?;
        if let Some(memory) = memory.as_ref().filter(|_| !decision.plan.moves.is_empty()) {
            decision.warnings.extend(memory.warnings.iter().cloned());
        }
        let plan = decision.plan.clone();
        let carried = carry_out(&client, &settings, decision, Errand::Promotion).await;
        if let (Some(home), Some(memory)) = (&settings.home, &memory)
            && let Some(signal) = wrote(&carried)
            && let Some(failure) = give_way(&client, &settings, home, memory, &plan, signal).await
        {
            return Err(failure);
        }
        let mut outcome = carried?;
        if let (Some(home), Some(memory)) = (&settings.home, memory) {
            outcome.release = memory.kept.as_ref().map(|kept| kept.name.to_string());
            let writing = record(&client, &settings, home, &args, &handed, memory, &facts, &mut outcome);
            if world.stop.within(FINISHING, writing).await.is_err() {
                let words = "stopped: the promotion may not be in the history";
                world.story.warn(words);
                outcome.warnings.push(words.to_owned());
            }
        }
        Ok(outcome)
    }
}

/// Whether a promotion wrote anything, if only its anchors, and if so, the signal that ended it, if one did.
fn wrote(carried: &Result<Outcome, Failure>) -> Option<Option<Signal>> {
    match carried {
        Ok(outcome) => outcome.receipts.iter().any(|receipt| receipt.ended == Ended::Moved).then_some(None),
        Err(Failure::Moving(failure)) => Some(failure.signal),
        Err(_) => None,
    }
}

/// Evidence that was handed over, and what is asked for.
struct Handed {
    kinds: Vec<Kind>,
    documents: Vec<Vec<u8>>,
    pieces: Vec<Piece>,
    suite: Option<String>,
    max_age: Duration,
    now: Timestamp,
}

impl Handed {
    /// # Errors
    /// A file cannot be read, or evidence is asked for where no records are kept.
    fn read(args: &Args, settings: &Settings) -> Result<Self, Failure> {
        let kinds = match (args.no_require, args.require.is_empty()) {
            (true, _) => Vec::new(),
            (false, true) => settings.require.clone(),
            (false, false) => args.require.clone(),
        };
        if settings.home.is_none() && !(kinds.is_empty() && args.evidence.is_empty()) {
            return Err(Failure::usage(
                "evidence is asked for where `records = false`",
                "without a release record nothing says what the evidence is about: keep records, or ask for no evidence",
            ));
        }
        let (mut documents, mut pieces) = (Vec::new(), Vec::new());
        for path in &args.evidence {
            let text = files::read(path)?;
            pieces.push(records::piece(path.display().to_string(), text.as_bytes()));
            documents.push(text.into_bytes());
        }
        let suite = args.suite.as_ref().map(|path| files::read(path)).transpose()?;
        let suite = suite.map(|text| Digest::of(text.as_bytes()).hex());
        Ok(Self { kinds, documents, pieces, suite, max_age: settings.evidence_max_age, now: clock::now() })
    }

    fn demand(&self) -> Demand<'_> {
        Demand { kinds: &self.kinds, max_age: self.max_age, suite: self.suite.as_deref(), now: self.now }
    }
}

/// Writes what was done into the registry. It is done: what cannot be written is a warning.
#[expect(clippy::too_many_arguments, reason = "the facts of one promotion, each used once")]
async fn record(
    client: &Client<'_>,
    settings: &Settings,
    home: &Repository,
    args: &Args,
    handed: &Handed,
    memory: Memory,
    facts: &[ImageFacts],
    outcome: &mut Outcome,
) {
    let standing = memory.chronicle.history.standing(settings.latest.as_str());
    let moved = outcome.receipts.iter().any(|receipt| receipt.ended == Ended::Moved);
    // Everything is there and the history does not say how: an earlier run was killed before it could write.
    let unexplained = standing.last_move.as_ref().is_some_and(|last| !explains(last, facts)) && !moved;
    if settings.dry_run || !(moved || unexplained) {
        return;
    }
    let env = &client.world().env;
    let note = |event, reason: Option<&str>, receipts: &[Receipt]| {
        entry(env, event, &settings.latest, outcome.sha.as_ref(), receipts, reason)
    };
    let evidence =
        memory.pieces.iter().map(|piece| piece.sha256.clone()).filter(|sha256| !sha256.is_empty()).collect();
    let mut entries = Vec::new();
    if let Some(reason) = args.lift_hold.as_deref().filter(|_| standing.hold.is_some()) {
        entries.push(note(Event::Resume, Some(reason), &[]));
    }
    let mut promotion = note(Event::Promotion { evidence }, args.lift_hold.as_deref(), &outcome.receipts);
    if let Some(last) = standing.last_move.as_ref().filter(|_| unexplained) {
        promotion.moved = since(last, &outcome.receipts);
    }
    entries.push(promotion);
    let mut lost = remember(client, home, &entries).await;
    if let Some(kept) = &memory.kept {
        lost.extend(keep_evidence(client, kept, &handed.documents).await);
    }
    for warning in lost {
        client.world().story.warn(&warning);
        outcome.warnings.push(warning);
    }
}

/// Reads the staged release that `typed` means, and where the tags stand.
pub(super) async fn read_staged(
    client: &Client<'_>,
    settings: &Settings,
    typed: &CommitSha,
    live: LivePlatforms,
) -> Result<(CommitSha, Vec<ImageFacts>), Failure> {
    let story = &client.world().story;
    story.say(&format!("reading {} of {}", settings.staging.tag(typed), settings.images.counted()));
    let first = facts(client, settings, &sources(settings, typed), live).await;
    // The exact tag outranks every longer sha that begins the same.
    if first.iter().any(|image| !matches!(image.wanted, Ok(None))) {
        return Ok((typed.clone(), first));
    }
    let sha = resolve(client, settings, typed).await?;
    if sha == *typed {
        return Ok((sha, first));
    }
    story.say(&format!("{typed} is {sha}"));
    let again = facts(client, settings, &sources(settings, &sha), live).await;
    Ok((sha, again))
}

fn sources(settings: &Settings, sha: &CommitSha) -> Vec<(Repository, Tag)> {
    settings.images.iter().map(|image| (image.clone(), settings.staging.tag(sha))).collect()
}

/// Carries a decision out, or tells it with `--dry-run`.
pub(super) async fn carry_out(
    client: &Client<'_>,
    settings: &Settings,
    decision: Decision,
    errand: Errand,
) -> Result<Outcome, Failure> {
    let Decision { plan, warnings } = decision;
    let story = &client.world().story;
    warnings.iter().for_each(|warning| story.warn(warning));
    let mut receipts = if plan.moves.is_empty() || settings.dry_run {
        receipts(&plan, |_| Ended::WouldMove)
    } else {
        story.say(&format!("moving {} of {}", plan.tag, counted(plan.moves.len())));
        match (Mover { client, plan: &plan, errand, options: &settings.as_options() }).run().await {
            Ok(receipts) => receipts,
            Err(Failure::Moving(failure)) => {
                return Err(Failure::Moving(settle(client, settings, failure).await));
            }
            Err(failure) => return Err(failure),
        }
    };
    let place = |receipt: &Receipt| settings.images.iter().position(|image| *image == receipt.repository);
    receipts.sort_by_key(place);
    Ok(Outcome { errand, sha: plan.sha, tag: plan.tag, receipts, warnings, release: None })
}
