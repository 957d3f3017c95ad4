//! What a rollback writes about itself: the hold, the history, the draft of the post-mortem. None of it can undo the
//! rollback or make it fail.

use std::path::PathBuf;

use super::args::Args;
use crate::engine::execute::Executed;
use crate::io::files::ResultFile;
use crate::io::github_api::Issues;
use crate::io::registry::client::Client;
use crate::ledger::history::{self, StoredHistory, remember};
use crate::ledger::recall::live_sha;
use crate::model::facts::ImageFacts;
use crate::model::history::{Entry, Event};
use crate::model::repository::Repository;
use crate::policy::post_mortem;
use crate::tool::settings::Settings;

/// What was written about a rollback.
#[derive(Clone, Debug, Default)]
pub struct RollbackRecord {
    /// Whether promotions are held now.
    pub held: bool,
    /// The draft of the post-mortem, in Markdown.
    pub draft: Option<String>,
    /// The file that holds it.
    pub file: Option<PathBuf>,
    /// The issue that was filed or found.
    pub issue: Option<String>,
}

/// Writes the entry of a rollback that moved something, or of one that was killed before it could write.
pub async fn write(
    client: &Client<'_>,
    settings: &Settings,
    args: &Args,
    facts: &[ImageFacts],
    moves: &mut Executed,
) -> RollbackRecord {
    let mut record = RollbackRecord::default();
    let target = &settings.target;
    let moved = moves.moved();
    if target.dry_run {
        return record;
    }
    let stored = match &target.home {
        Some(home) => match history::read(client, home).await {
            Ok(stored) => stored,
            Err(error) => {
                warn(client, moves, format!("the history cannot be read: {error}"));
                StoredHistory::default()
            }
        },
        None => StoredHistory::default(),
    };
    let last = stored.history.standing(target.tag.as_str()).last_move;
    let unexplained = last.clone().filter(|last| !moved && !last.explains(facts));
    if !moved && unexplained.is_none() {
        return record;
    }
    let left = match &unexplained {
        Some(last) => last.sha.clone(),
        // By tags alone a name costs a request for each staged release: the digests have to do.
        None if target.home.is_none() => None,
        None => live_sha(client, &target.staging, &target.tag, &stored.history, facts).await,
    };
    let hold = target.home.is_some() && settings.hold && !args.no_hold;
    let event = Event::Rollback { left: left.clone().filter(|left| moves.sha.as_ref() != Some(left)), hold };
    let env = &client.context().env;
    let mut entry =
        history::entry(env, event, &target.tag, moves.sha.as_ref(), &moves.receipts, args.reason.as_deref());
    if let Some(last) = &unexplained {
        entry.moved = last.moved_since(&moves.receipts);
    }
    if let Some(home) = &target.home {
        record.held = append(client, home, &entry, hold, moves).await;
    }
    let promoted = last.filter(|last| last.sha == left && matches!(last.event, Event::Promotion { .. }));
    draft(client, args, &entry, promoted.as_ref(), moves, &mut record).await;
    record
}

async fn append(
    client: &Client<'_>,
    home: &Repository,
    entry: &Entry,
    hold: bool,
    moves: &mut Executed,
) -> bool {
    let lost = remember(client, home, std::slice::from_ref(entry)).await;
    let written = lost.is_empty();
    for warning in lost {
        warn(client, moves, warning);
    }
    if hold && !written {
        let words =
            "no hold is placed: stop promotions by hand, or the next merge ships the same build again";
        warn(client, moves, words.to_owned());
    }
    hold && written
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
        let filed = match Issues::of(&client.context().env) {
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
