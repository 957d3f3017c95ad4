//! `canary-soak replay`: judges a soak that was recorded, or the time between two moments, again.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::args::Args;
use super::load::{load, sources};
use super::measure::Asker;
use super::watch::{SoakOutcome, check_stable};
use crate::io::context::Context;
use crate::ledger::soak::StateFile;
use crate::model::commit::CommitSha;
use crate::model::verdict::Verdict;
use crate::policy::soak::clock::Serving;
use crate::policy::soak::state::{State, Subject};
use crate::policy::soak::suite::Soak;
use crate::tool::failure::Failure;

/// What is judged again.
pub(super) enum Past {
    /// The state of a soak.
    Recorded(PathBuf),
    /// Everything between two moments.
    Between(Timestamp, Timestamp),
}

/// Judges by `--gates`, which may be another file than the soak had. The same file gives the same verdict.
///
/// # Errors
/// A file cannot be read, or a source cannot be set up.
pub(super) async fn replay(args: &Args, past: Past, context: &Context) -> Result<SoakOutcome, Failure> {
    let (soak, gates) = load(&args.gates)?;
    let (soak, state) = match past {
        Past::Recorded(path) => {
            let state = recorded(&path, context).await?;
            (soak, state)
        }
        Past::Between(from, to) => between(args, soak, &gates.sha256, (from, to), context).await?,
    };
    let judged = state.judge(&soak);
    if state.gates != gates.sha256 {
        context.console.say(&format!("the soak was recorded by another file than {}", gates.file));
    }
    Ok(SoakOutcome { soak, gates, state, judged, overdue: None, signal: None, run: None })
}

async fn recorded(path: &Path, context: &Context) -> Result<State, Failure> {
    let file = StateFile::hold(path, &context.stop).await.map_err(super::memory::refused)?;
    file.read().map_err(super::memory::refused)?.ok_or_else(|| {
        Failure::usage(
            format!("there is no state of a soak in `{}`", path.display()),
            "name the state file that the soak wrote; a copy in the registry can be read with `oras pull`",
        )
    })
}

/// Measures the whole time as if it had been one soak, and closes it.
async fn between(
    args: &Args,
    soak: Soak,
    gates: &str,
    (from, to): (Timestamp, Timestamp),
    context: &Context,
) -> Result<(Soak, State), Failure> {
    let Some(sha) = &args.sha else {
        return Err(Failure::usage("it is not said which release is judged", "give `--sha SHA`"));
    };
    check_stable(&soak, args.stable.as_ref())?;
    let window = Duration::try_from(to.duration_since(from)).unwrap_or_default();
    if window.is_zero() {
        return Err(Failure::usage("`--to` is not after `--from`", "give an interval that has a length"));
    }
    let nothing = Duration::ZERO;
    let soak = Soak { window, settle: nothing, lag: nothing, extend: 0, ..soak };
    let subject = Subject {
        sha: sha.clone(),
        stable: args.stable.clone(),
        images: Vec::new(),
        ring: None,
        gates: gates.to_owned(),
    };
    let mut state = State::open(subject, from);
    state.look(&soak, from, &Serving::Yes);
    let intervals = state.look(&soak, to, &Serving::Yes);
    let sources = sources(&soak, &args.gates, context)?;
    let stable = args.stable.as_ref().map_or("", CommitSha::as_str);
    let asker = Asker { sources: &sources, sha: sha.as_str(), stable, before: Some(from) };
    let answers = context.stop.unless(asker.measure(&soak, &intervals)).await?;
    let mut judged = state.take(&soak, answers);
    if judged.verdict == Verdict::Pending {
        // A source that failed is not asked again.
        judged = state.close(&soak);
    }
    state.closed = judged.verdict != Verdict::Pending;
    Ok((soak, state))
}
