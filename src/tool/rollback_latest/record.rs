//! What a rollback writes about itself: the hold, the history, the draft of the post-mortem. None of it can undo the
//! rollback or make it fail.

use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::join;

use super::args::Args;
use super::destination::Destination;
use crate::engine::budget::TAKE_BACK;
use crate::engine::execute::Executed;
use crate::engine::failure::EngineError;
use crate::io::files::ResultFile;
use crate::io::github_api::GithubApi;
use crate::io::registry::client::Client;
use crate::io::{clock, run};
use crate::ledger::history;
use crate::ledger::history::append::{lost, place_all, write};
use crate::ledger::recall::{live_sha, stands, staying};
use crate::ledger::{WRITING, evidence, hold, releases};
use crate::model::commit::CommitSha;
use crate::model::history::{Entry, Event};
use crate::model::hold::{HeldImage, Hold};
use crate::model::moves::Plan;
use crate::policy::history::History;
use crate::policy::post_mortem;
use crate::tool::settings::Settings;

/// Time for reading what is only told: the rollback does not wait longer for it.
const TELLING: Duration = Duration::from_secs(10);

/// What was written about a rollback.
#[derive(Clone, Debug, Default)]
pub struct RollbackRecord {
    pub held: bool,
    /// The draft of the post-mortem, in Markdown.
    pub draft: Option<String>,
    pub file: Option<PathBuf>,
    /// The issue that was filed or found.
    pub issue: Option<String>,
    /// The entries of the history that have no place in its document yet.
    written: Vec<Entry>,
}

/// A rollback that is about to move tags, or has moved them.
pub(super) struct Record<'a, 'w> {
    pub(super) client: &'a Client<'w>,
    pub(super) settings: &'a Settings,
    pub(super) args: &'a Args,
    pub(super) to: &'a Destination,
    /// Whether the release that it leaves is to be rejected.
    pub(super) rejects: bool,
}

impl Record<'_, '_> {
    /// The hold to place before the first tag moves: on every image that no rollback holds already. `None` where
    /// nothing is to be held, or everything is.
    pub(super) fn hold(&self, plan: &Plan) -> Option<Hold> {
        let (home, _) = self.to.ledger.as_ref().filter(|_| self.rejects)?;
        let (env, at) = (&self.client.context().env, clock::now());
        let held = self.to.held();
        let images: Vec<HeldImage> = Destination::before(plan)
            .into_iter()
            .filter(|(repository, _)| !held.contains(repository))
            .map(|(repository, digest)| HeldImage { repository, digest })
            .collect();
        (!images.is_empty()).then(|| Hold {
            format: 1,
            id: history::new_id(at),
            at,
            by: run::who(env),
            run: run::of(env),
            reason: self.args.reason.clone(),
            tag: self.settings.target.tag.to_string(),
            to: self.to.sha.clone(),
            images,
            home: Some(home.clone()),
            lifted: false,
        })
    }

    /// Takes `hold` back where the rollback moved nothing, and says so in the history.
    pub(super) async fn take_back(&self, hold: Option<&Hold>, error: EngineError) -> EngineError {
        let (Some(hold), Some((home, known))) = (hold, &self.to.ledger) else { return error };
        if !error.moved_nothing() {
            return error;
        }
        let (tag, context) = (&self.settings.target.tag, self.client.context());
        let time = TAKE_BACK.time(context.stop.signal().is_some());
        let client = self.client.until(clock::instant() + time);
        let reason = self.args.reason.as_deref();
        let entry =
            history::entry(&context.env, Event::RollbackFailed, tag, self.to.sha.as_ref(), &[], reason);
        let entries = std::slice::from_ref(&entry);
        let (lifted, written) =
            join(hold::lift(&client, tag, hold), write(&client, home, known, entries)).await;
        let unwritten = written.as_ref().err().map(|error| lost(entries, error));
        let words = lifted.into_iter().map(|error| format!("a hold stays: {error}")).chain(unwritten);
        words.for_each(|words| context.console.warn(&words));
        // Another rollback at the same time may have found this hold in place of its own: it is theirs now. One that
        // writes its entry later looks at its hold after that.
        let other = history::read_again(&client, home, known).await.is_ok_and(|now| {
            let other = now.history.rollback_since(&known.history, tag.as_str());
            other.is_some_and(|other| matches!(other.event, Event::Rollback { hold: true, .. }))
        });
        if other {
            hold::keep(&client, tag, &Hold { id: history::new_id(hold.at), ..hold.clone() }).await;
        }
        if let Ok(written) = written {
            place_all(&client, home, known, &written).await;
        }
        error
    }

    /// The sha of the release that it leaves, if it has one.
    pub(super) async fn left(&self) -> Option<CommitSha> {
        let target = &self.settings.target;
        // By tags alone a name costs a request for each staged release: the digests have to do.
        let (_, stored) = self.to.ledger.as_ref()?;
        let client = self.client.until(clock::instant() + TELLING.min(self.client.remaining()));
        let found = live_sha(&client, &target.staging, &target.tag, &stored.history, &self.to.facts);
        client.context().stop.unless(found).await.ok().flatten()
    }

    /// Writes the entry of a rollback that moved something, or of one that was killed before it could write.
    pub(super) async fn write(
        &self,
        plan: &Plan,
        left: Option<&CommitSha>,
        found: &str,
        moves: &mut Executed,
    ) -> RollbackRecord {
        let mut record = RollbackRecord::default();
        let target = &self.settings.target;
        let none = History::default();
        let past = self.to.ledger.as_ref().map_or(&none, |(_, stored)| &stored.history);
        let standing = past.standing(target.tag.as_str());
        let unexplained = standing
            .last_move
            .as_ref()
            .filter(|last| !moves.moved() && !last.explains(&stands(&self.to.facts)));
        // Killed before its entry was written, and the hold is there: it is told now.
        let killed = !moves.moved() && standing.hold.is_none() && !self.to.held().is_empty();
        if target.dry_run || !(moves.moved() || unexplained.is_some() || killed) {
            return record;
        }
        let left = unexplained.map_or(left, |last| last.sha.as_ref());
        let entry = self.entry(moves, left, unexplained);
        if let Some((home, stored)) = &self.to.ledger {
            let late = self.hold(plan).filter(|_| !moves.moved());
            let placed = async {
                match &late {
                    Some(hold) => hold::place(self.client, &target.tag, hold).await,
                    None => Vec::new(),
                }
            };
            let client = self.client.until(clock::instant() + WRITING);
            let entries = std::slice::from_ref(&entry);
            let (placed, written) = join(placed, write(&client, home, stored, entries)).await;
            let told = written.is_ok();
            let mut lost: Vec<String> = match written {
                Ok(written) => {
                    record.written = written;
                    Vec::new()
                }
                Err(error) => vec![lost(entries, &error)],
            };
            lost.extend(
                placed.into_iter().filter_map(|(image, done)| {
                    done.err().map(|error| format!("{image} is not held: {error}"))
                }),
            );
            lost.into_iter().for_each(|words| warn(self.client, moves, words));
            record.held = self.rejects && (told || self.is_held(moves).await);
        }
        let promoted = standing.promotion_of(left);
        draft(self.client, self.args, (&entry, found), promoted, moves, &mut record).await;
        record
    }

    /// Gives what was written its place in the document of the history.
    pub(super) async fn settle(&self, record: &RollbackRecord) {
        if let Some((home, stored)) = self.to.ledger.as_ref().filter(|_| !record.written.is_empty()) {
            let client = self.client.until(clock::instant() + WRITING);
            place_all(&client, home, stored, &record.written).await;
        }
    }

    fn entry(&self, moves: &Executed, left: Option<&CommitSha>, unexplained: Option<&Entry>) -> Entry {
        let (target, home) = (&self.settings.target, self.to.ledger.is_some());
        let event = Event::Rollback {
            left: left.filter(|left| moves.sha.as_ref() != Some(left)).cloned(),
            hold: home && self.rejects,
            partial: self.args.partial.clone().filter(|_| self.to.partial),
        };
        let (env, reason) = (&self.client.context().env, self.args.reason.as_deref());
        let mut entry = history::entry(env, event, &target.tag, moves.sha.as_ref(), &moves.receipts, reason);
        if let Some(last) = unexplained {
            entry.moved = last.moved_since(&moves.receipts);
        }
        entry
    }

    /// Whether anybody who promotes will see a hold, although the history does not tell it.
    async fn is_held(&self, moves: &mut Executed) -> bool {
        let target = &self.settings.target;
        for image in target.images.iter() {
            if matches!(hold::read(self.client, image, &target.tag).await, Ok(Some(_))) {
                return true;
            }
        }
        let words =
            "no hold is placed: stop promotions by hand, or the next merge ships the same build again";
        warn(self.client, moves, words.to_owned());
        false
    }

    /// What the newest soak of the release that was left found red, for the post-mortem.
    pub(super) async fn found(&self, left: Option<&CommitSha>) -> String {
        let Some(left) = left else { return String::new() };
        let client = self.client.until(clock::instant() + TELLING.min(self.client.remaining()));
        let told = async {
            let kept = releases::find(&client, &self.settings.target.places(), left).await.ok()??;
            evidence::newest_document(&client, &kept, "canary-soak").await
        };
        let verdict = client.context().stop.unless(told).await.ok().flatten();
        verdict.map(|verdict| post_mortem::soak(&verdict)).unwrap_or_default()
    }

    /// Images of the release that was left which the one that is to be live does not have, in words for a person.
    pub(super) async fn staying(&self, left: Option<&CommitSha>) -> Vec<String> {
        let (target, Some(left), Some(live)) = (&self.settings.target, left, &self.to.record) else {
            return Vec::new();
        };
        let client = self.client.until(clock::instant() + TELLING.min(self.client.remaining()));
        let told = async {
            match releases::find(&client, &target.places(), left).await {
                Ok(Some(left)) => staying(&client, &target.tag, &left.record, &live.record).await,
                Ok(None) | Err(_) => Vec::new(),
            }
        };
        client.context().stop.unless(told).await.unwrap_or_default()
    }
}

async fn draft(
    client: &Client<'_>,
    args: &Args,
    (entry, found): (&Entry, &str),
    promoted: Option<&Entry>,
    moves: &mut Executed,
    record: &mut RollbackRecord,
) {
    let text = post_mortem::draft(entry, promoted) + found;
    let text = client.context().console.secrets.clean(&text);
    // Two rollbacks within a second are two post-mortems.
    let own = entry.id.rsplit('-').next().and_then(|random| random.get(..4)).unwrap_or_default();
    let name = PathBuf::from(format!("post-mortem-{}-{own}.md", entry.at.strftime("%Y%m%d-%H%M%S")));
    match ResultFile::reserve(&name).and_then(|file| file.write(&text)) {
        Ok(()) => record.file = Some(name),
        Err(error) => warn(client, moves, format!("the post-mortem draft is not written: {error}")),
    }
    if args.open_issue {
        let filed = match GithubApi::of(&client.context().env) {
            Ok(issues) => issues.file(&post_mortem::marker(entry), &post_mortem::title(entry), &text).await,
            Err(why) => Err(why),
        };
        match filed {
            Ok(url) => record.issue = Some(url),
            Err(why) => warn(client, moves, format!("no issue is filed: {why}")),
        }
    }
    record.draft = Some(text);
}

fn warn(client: &Client<'_>, moves: &mut Executed, words: String) {
    client.context().console.warn(&words);
    moves.warnings.push(words);
}
