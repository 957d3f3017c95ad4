//! What a rollback writes about itself: the hold, the history, the draft of the post-mortem. None of it can undo the
//! rollback or make it fail.

use std::path::PathBuf;

use super::args::Args;
use super::destination::Destination;
use crate::engine::budget::TAKE_BACK;
use crate::engine::execute::Executed;
use crate::engine::failure::EngineError;
use crate::io::files::ResultFile;
use crate::io::github_api::GithubApi;
use crate::io::registry::client::Client;
use crate::io::{clock, run};
use crate::ledger::history::{self, remember};
use crate::ledger::recall::{live_sha, stands, staying};
use crate::ledger::{hold, releases};
use crate::model::commit::CommitSha;
use crate::model::history::{Entry, Event};
use crate::model::hold::{HeldImage, Hold};
use crate::model::moves::Plan;
use crate::policy::history::History;
use crate::policy::post_mortem;
use crate::tool::settings::Settings;

/// What was written about a rollback.
#[derive(Clone, Debug, Default)]
pub struct RollbackRecord {
    pub held: bool,
    /// The draft of the post-mortem, in Markdown.
    pub draft: Option<String>,
    pub file: Option<PathBuf>,
    /// The issue that was filed or found.
    pub issue: Option<String>,
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
        let (Some(hold), Some((home, _))) = (hold, &self.to.ledger) else { return error };
        if !error.moved_nothing() {
            return error;
        }
        let (tag, context) = (&self.settings.target.tag, self.client.context());
        let time = TAKE_BACK.time(context.stop.signal().is_some());
        let client = self.client.until(clock::instant() + time);
        let lifted = hold::lift(&client, tag, hold).await.into_iter();
        let mut lost: Vec<String> = lifted.map(|error| format!("a hold stays: {error}")).collect();
        let reason = self.args.reason.as_deref();
        let entry =
            history::entry(&context.env, Event::RollbackFailed, tag, self.to.sha.as_ref(), &[], reason);
        lost.extend(
            history::append(&client, home, &entry)
                .await
                .err()
                .map(|error| format!("the failed rollback is not in the history: {error}")),
        );
        lost.iter().for_each(|words| context.console.warn(words));
        error
    }

    /// Writes the entry of a rollback that moved something, or of one that was killed before it could write.
    pub(super) async fn write(&self, plan: &Plan, moves: &mut Executed) -> RollbackRecord {
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
        let left = match unexplained {
            Some(last) => last.sha.clone(),
            // By tags alone a name costs a request for each staged release: the digests have to do.
            None if self.to.ledger.is_none() => None,
            None => live_sha(self.client, &target.staging, &target.tag, past, &self.to.facts).await,
        };
        let entry = self.entry(moves, left.as_ref(), unexplained);
        if let Some((home, _)) = &self.to.ledger {
            let mut lost = Vec::new();
            if let Some(hold) = self.hold(plan).filter(|_| !moves.moved()) {
                lost.extend(hold::place(self.client, &target.tag, &hold).await);
            }
            lost.extend(remember(self.client, home, std::slice::from_ref(&entry)).await);
            lost.into_iter().for_each(|words| warn(self.client, moves, words));
            record.held = self.rejects && self.is_held(moves).await;
            self.tell_what_stays(left.as_ref(), moves).await;
        }
        let promoted = standing.promotion_of(left.as_ref());
        draft(self.client, self.args, &entry, promoted, moves, &mut record).await;
        record
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

    /// Whether anybody who promotes will see a hold, by the history or by a tag.
    async fn is_held(&self, moves: &mut Executed) -> bool {
        let target = &self.settings.target;
        let told = match &self.to.ledger {
            Some((home, _)) => history::read(self.client, home)
                .await
                .is_ok_and(|stored| stored.history.standing(target.tag.as_str()).hold.is_some()),
            None => false,
        };
        if told {
            return true;
        }
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

    /// Images of the release that was left which the one that is live now does not have.
    async fn tell_what_stays(&self, left: Option<&CommitSha>, moves: &mut Executed) {
        let (target, Some(left), Some(sha)) = (&self.settings.target, left, &self.to.sha) else { return };
        let places = target.places();
        let read = async |sha| releases::find(self.client, &places, sha).await.ok().flatten();
        let (Some(left), Some(live)) = (read(left).await, read(sha).await) else { return };
        for words in staying(self.client, &target.tag, &left.record, &live.record).await {
            if !moves.warnings.contains(&words) {
                warn(self.client, moves, words);
            }
        }
    }
}

async fn draft(
    client: &Client<'_>,
    args: &Args,
    entry: &Entry,
    promoted: Option<&Entry>,
    moves: &mut Executed,
    record: &mut RollbackRecord,
) {
    let text = client.context().console.secrets.clean(&post_mortem::draft(entry, promoted));
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
