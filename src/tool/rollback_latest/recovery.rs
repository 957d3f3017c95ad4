//! Watching the recovery targets after a rollback. Nothing that is seen moves a tag.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};

use crate::base::duration;
use crate::io::clock;
use crate::io::context::Context;
use crate::io::stop::Signal;
use crate::model::commit::CommitSha;
use crate::model::soak::Interval;
use crate::policy::soak::recovery::{Recovery, Targets, recovery, target, together};
use crate::policy::soak::suite::Soak;
use crate::policy::soak::suite::beside::{Recovery as Wanted, Target};
use crate::tool::canary_soak::load::{load, sources};
use crate::tool::canary_soak::measure::Asker;
use crate::tool::failure::Failure;

/// What became of the recovery targets.
#[derive(Clone, Debug)]
pub struct Watched {
    /// Whether they were met in time and kept; `None`: a signal ended the watch.
    pub met: Option<bool>,
    /// When they were first met, from the move.
    pub since: Option<Duration>,
    /// How long it was watched.
    pub took: Duration,
    /// Every target, at the last look.
    pub targets: Vec<Seen>,
    /// The signal that ended it.
    pub signal: Option<Signal>,
}

/// One target at the last look.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The metric.
    pub metric: String,
    /// How it stood.
    pub state: Targets,
    /// Its number, if there was one.
    pub number: Option<f64>,
    /// Why there was none.
    pub trouble: Option<String>,
}

/// The targets of one file.
pub(super) struct Watch<'a> {
    soak: Soak,
    wanted: Wanted,
    file: PathBuf,
    context: &'a Context,
}

impl<'a> Watch<'a> {
    /// Reads the file before anything is moved, so that a mistake in it is told then.
    ///
    /// # Errors
    /// It has a mistake or no `[recovery]`, or a variable that it names is not set.
    pub(super) fn load(file: &Path, context: &'a Context) -> Result<Self, Failure> {
        let (soak, _) = load(file)?;
        let Some(wanted) = soak.recovery.clone() else {
            return Err(Failure::usage(
                format!("`{}` has no `[recovery]`: nothing says what is to be watched", file.display()),
                "write `[recovery]` as docs/tools/rollback-latest.md shows, or roll back without `--watch`",
            ));
        };
        sources(&soak, file, context)?;
        Ok(Self { soak, wanted, file: file.to_owned(), context })
    }

    /// Looks again and again until the targets are met and kept, or missed, or a signal comes.
    pub(super) async fn run(&self, sha: Option<&CommitSha>, moved: Timestamp) -> Watched {
        let mut looks: Vec<(Duration, Targets)> = Vec::new();
        let mut targets = Vec::new();
        let console = &self.context.console;
        let (within, hold) = (duration::show(self.wanted.within), duration::show(self.wanted.hold));
        console.say(&format!("watching the recovery: within {within}, kept for {hold}"));
        loop {
            let asked = self.context.stop.unless(self.look(sha, moved)).await;
            let took = Duration::try_from(clock::now().duration_since(moved)).unwrap_or_default();
            if let Ok(seen) = asked {
                targets = seen;
                looks.push((took, together(&targets.iter().map(|seen| seen.state).collect::<Vec<_>>())));
            }
            let standing = recovery(&looks, self.wanted.within, self.wanted.hold);
            let watched = |met, since| Watched {
                met,
                since,
                took,
                targets: targets.clone(),
                signal: self.context.stop.signal(),
            };
            match standing {
                Recovery::Recovered { since } => return watched(Some(true), Some(since)),
                Recovery::Missed => return watched(Some(false), None),
                Recovery::Holding { since } => {
                    console.detail(&format!("recovered after {}, and kept since", duration::show(since)));
                }
                Recovery::Waiting => console.detail("not recovered yet"),
            }
            if self.context.stop.unless(clock::sleep(self.wanted.every)).await.is_err() {
                return watched(None, None);
            }
        }
    }

    /// Every target, by what happened since the move, or in the last `over`.
    async fn look(&self, sha: Option<&CommitSha>, moved: Timestamp) -> Vec<Seen> {
        let back = |from: Timestamp, span: Duration| {
            SignedDuration::try_from(span).ok().and_then(|span| from.checked_sub(span).ok()).unwrap_or(from)
        };
        let end = back(clock::now(), self.soak.lag);
        let span = Interval { start: back(end, self.wanted.over).max(moved), end };
        let sources = sources(&self.soak, &self.file, self.context);
        let seen = self.wanted.targets.iter().map(async |wanted| {
            let unknown = |trouble: String| Seen {
                metric: wanted.metric.clone(),
                state: Targets::Unknown,
                number: None,
                trouble: Some(trouble),
            };
            let Ok(sources) = &sources else { return unknown("its variables are not set".to_owned()) };
            if span.start >= span.end {
                return unknown("too little time has passed".to_owned());
            }
            let asker = Asker {
                sources,
                sha: sha.map_or("", CommitSha::as_str),
                stable: "",
                before: Some(span.start),
            };
            self.one(&asker, wanted, span).await.unwrap_or_else(unknown)
        });
        join_all(seen).await
    }

    async fn one(&self, asker: &Asker<'_>, wanted: &Target, span: Interval) -> Result<Seen, String> {
        let metric = self.soak.metric(&wanted.metric).ok_or("there is no such metric")?;
        let measured = asker.once(metric, span).await.map_err(|reason| reason.to_string())?;
        let (state, number) = target(&metric.rule, wanted.goal, Some(&measured));
        Ok(Seen { metric: wanted.metric.clone(), state, number, trouble: None })
    }
}
