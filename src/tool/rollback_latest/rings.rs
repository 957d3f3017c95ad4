//! `--ring`: takes a release out of a ring and of those further out, one rollback for each, the outermost first.

use super::args::Args;
use crate::base::complaint::Complaint;
use crate::base::list::NonEmpty;
use crate::base::shell::quoted;
use crate::engine::failure::{EngineError, MoveFailure};
use crate::io::context::Context;
use crate::io::registry::client::Access;
use crate::ledger::rings::{Look, survey};
use crate::model::commit::CommitSha;
use crate::policy::rings::back::{Reach, bad, destination, rings};
use crate::tool::failure::Failure;
use crate::tool::options::MoveOptions;
use crate::tool::rings::Declared;
use crate::tool::settings::Settings;

/// Rolls the rings back. `go` rolls one tag back, and says which release it names then. A ring that cannot be moved keeps
/// no other one from being moved.
///
/// # Errors
/// No rings are declared, they cannot be read, or one of them could not be moved.
pub(super) async fn back<T>(
    args: &Args,
    ring: &str,
    settings: &Settings,
    context: &Context,
    go: impl AsyncFn(Args) -> Result<(T, Option<CommitSha>), Failure>,
) -> Result<Vec<(String, T)>, Failure> {
    let declared = Declared::of(settings.rings.clone(), settings.file.as_deref())?;
    let place = declared.place(ring)?;
    let client = settings.client(context, Access::Pull)?;
    let (target, places) = (&settings.target, settings.target.places());
    let images: Vec<_> = target.images.iter().cloned().collect();
    let all = &declared.rings.rings;
    let look = Look {
        places: &places,
        images: &images,
        staging: &target.staging,
        tags: all.iter().map(|ring| &ring.tag).collect(),
    };
    let read = context.stop.unless(survey(&client, &look)).await?.map_err(EngineError::from)?;
    let (states, history) = (read.states, read.history.history);
    let reach = match (args.all_rings, args.this_ring) {
        (true, _) => Reach::All,
        (_, true) => Reach::Alone,
        (false, false) => Reach::Outward,
    };
    let bad = bad(&history, &all[place].tag, &states[place]);
    let mut runs: Vec<Option<CommitSha>> = states.iter().map(|state| state.runs().cloned()).collect();
    let (mut moved, mut failed) = (Vec::new(), None);
    let affected = rings(&states, place, reach, bad.as_ref());
    for at in affected.iter().copied() {
        let sha = destination(&runs, at, bad.as_ref()).cloned();
        let one = Args {
            previous: sha.is_none(),
            sha,
            ring: None,
            all_rings: false,
            // The recovery of all is watched once, when the last one was moved.
            watch: args.watch.clone().filter(|_| affected.last() == Some(&at)),
            this_ring: false,
            moving: MoveOptions { to: Some(all[at].tag.clone()), ..args.moving.clone() },
            ..args.clone()
        };
        context.console.say(&format!("ring {}", all[at].name));
        match go(one).await {
            Ok((outcome, sha)) => {
                runs[at] = sha;
                moved.push((all[at].name.clone(), outcome));
            }
            Err(failure) => failed = Some(worse(failed, (all[at].name.clone(), failure))),
        }
    }
    if affected.is_empty() {
        let sha = bad.as_ref().map_or("the release", CommitSha::as_str);
        context.console.say(&format!("already: no ring that this is about runs {sha}"));
    }
    match failed {
        None => Ok(moved),
        // All rings are as they were: the failure of one says what is wrong.
        Some((_, failure)) if moved.is_empty() => Err(failure),
        Some((name, failure)) => Err(split(args, ring, settings, &moved, &name, failure)),
    }
}

/// Of two failures the one that leaves more to do.
fn worse(first: Option<(String, Failure)>, next: (String, Failure)) -> (String, Failure) {
    match first {
        Some(first) if first.1.exit().code() >= next.1.exit().code() => first,
        _ => next,
    }
}

/// Some rings were moved and one was not. The same command again goes on with it: what was moved runs the release no more.
fn split<T>(
    args: &Args,
    ring: &str,
    settings: &Settings,
    moved: &[(String, T)],
    name: &str,
    failure: Failure,
) -> Failure {
    let (mut causes, mut failure) = match failure {
        Failure::Engine(EngineError::Moving(failure)) => (failure.causes.as_slice().to_vec(), *failure),
        other => {
            let receipts = Vec::new();
            let causes = NonEmpty::one(Complaint::new("", ""));
            (told(&other), MoveFailure { sha: None, causes, receipts, repair: Vec::new(), signal: None })
        }
    };
    let done: Vec<&str> = moved.iter().map(|(name, _)| name.as_str()).collect();
    let message = format!("ring {name} was not rolled back, and {} was", done.join(", "));
    causes.push(Complaint::new(message, "run the printed command"));
    failure.causes = NonEmpty::from_vec(causes).expect("one was just added");
    let reach = if args.all_rings { " --all-rings" } else { "" };
    let words = format!("rollback-latest --ring {}{reach} {}", quoted(ring), args.repeated());
    failure.repair.push(settings.target.command(&words, settings.target.images.iter()));
    Failure::Engine(EngineError::Moving(Box::new(failure)))
}

/// What a failure that moved nothing says.
fn told(failure: &Failure) -> Vec<Complaint> {
    match failure {
        Failure::Engine(EngineError::Refused { refusals, .. }) => {
            refusals.iter().map(|refusal| Complaint::new(refusal.to_string(), refusal.hint.clone())).collect()
        }
        Failure::Engine(EngineError::Registry(error)) => {
            vec![Complaint::new(error.to_string(), error.hint())]
        }
        _ => Vec::new(),
    }
}
