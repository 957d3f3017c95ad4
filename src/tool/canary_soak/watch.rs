//! A soak: tick after tick in one process, or one tick a run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::args::Args;
use super::load::{GatesFile, load};
use super::measure::Asker;
use crate::base::duration;
use crate::io::clock;
use crate::io::context::Context;
use crate::io::metrics::Sources;
use crate::io::progress::Tasks;
use crate::io::run as workflow;
use crate::io::stop::Signal;
use crate::ledger::soak::{StateError, StateFile};
use crate::model::commit::CommitSha;
use crate::model::record::Run as WorkflowRun;
use crate::model::soak::Interval;
use crate::model::verdict::Verdict;
use crate::policy::soak::state::{Judged, State, timing};
use crate::policy::soak::suite::Soak;
use crate::tool::canary_smoke::serving::Fleet;
use crate::tool::failure::Failure;

/// What a soak has come to.
#[derive(Clone, Debug)]
pub struct SoakOutcome {
    /// What was asked for.
    pub soak: Soak,
    /// Its file.
    pub gates: GatesFile,
    /// Everything that is known.
    pub state: State,
    /// What that says.
    pub judged: Judged,
    /// Failing rows of red metrics, by metric.
    pub samples: BTreeMap<String, Vec<Value>>,
    /// The signal that ended it early.
    pub signal: Option<Signal>,
    /// The workflow's run, on a runner.
    pub run: Option<WorkflowRun>,
}

/// Watches until the soak closes; with `--once`, one tick.
///
/// # Errors
/// The file, the tenants, a variable or the state is not as it must be.
pub(super) async fn run(args: &Args, context: &Context) -> Result<SoakOutcome, Failure> {
    let (soak, gates) = load(&args.gates)?;
    let Some(sha) = &args.sha else {
        return Err(Failure::usage("it is not said which release is watched", "give `--sha SHA`"));
    };
    check_stable(&soak, args.stable.as_ref())?;
    // What is missing is told before the tenants are asked.
    sources(&soak, &args.gates, context)?;
    let fleet = Fleet::find(&args.suite, &args.fleet, context, !args.no_self_mask)?;
    let path = args.state.clone().unwrap_or_else(|| PathBuf::from(format!("soak-{sha}.state.json")));
    let watch = Watch {
        soak: &soak,
        gates: &gates,
        sha,
        stable: args.stable.as_ref(),
        fleet: &fleet,
        context,
        path: &path,
        file: &args.gates,
    };
    let names: Vec<String> = soak.metrics.iter().map(|metric| metric.name.clone()).collect();
    let tasks = Tasks::new(&context.console, &names);
    let (state, judged) = loop {
        let (state, judged) = watch.tick().await?;
        watch.tell(&state, &judged, &tasks);
        if args.once || state.closed || context.stop.signal().is_some() {
            break (state, judged);
        }
        if context.stop.unless(clock::sleep(watch.pause(&state))).await.is_err() {
            break (state, judged);
        }
    };
    drop(tasks);
    let samples = watch.samples(&state, &judged).await;
    Ok(SoakOutcome {
        gates: gates.clone(),
        state,
        judged,
        samples,
        signal: context.stop.signal(),
        run: workflow::of(&context.env),
        soak,
    })
}

/// # Errors
/// The file asks about the release beside the judged one, and nobody said which that is.
fn check_stable(soak: &Soak, stable: Option<&CommitSha>) -> Result<(), Failure> {
    let asks = soak.metrics.iter().find(|metric| metric.asks.iter().any(|ask| ask.query.uses_stable()));
    match (asks, stable) {
        (Some(metric), None) => Err(Failure::usage(
            format!("`{}` compares with the stable release, and none is named", metric.name),
            "give `--stable SHA`, the release that runs beside the canary",
        )),
        _ => Ok(()),
    }
}

struct Watch<'a> {
    soak: &'a Soak,
    gates: &'a GatesFile,
    sha: &'a CommitSha,
    stable: Option<&'a CommitSha>,
    fleet: &'a Fleet,
    context: &'a Context,
    /// The state file.
    path: &'a Path,
    /// The soak file.
    file: &'a Path,
}

impl Watch<'_> {
    /// Reads the state, makes one tick and writes the state; a soak that is closed stays as it is.
    async fn tick(&self) -> Result<(State, Judged), Failure> {
        let file = StateFile::hold(self.path, &self.context.stop).await.map_err(refused)?;
        let mut state = match file.read().map_err(refused)? {
            Some(state) => self.own(state)?,
            None => {
                State::open(self.sha.clone(), self.stable.cloned(), self.gates.sha256.clone(), clock::now())
            }
        };
        if state.closed {
            let judged = state.judge(self.soak);
            return Ok((state, judged));
        }
        let kept = state.clone();
        let work = async {
            let serving = self.fleet.serves(self.sha, self.context).await?;
            let before = state.tick.as_ref().map(|tick| tick.at);
            let intervals = state.look(self.soak, clock::now(), &serving);
            // A token is fetched anew for each tick.
            let sources = sources(self.soak, self.file, self.context)?;
            let answers = self.asker(&sources, before).measure(self.soak, &intervals).await;
            let judged = state.take(self.soak, answers);
            Ok::<_, Failure>((state, judged))
        };
        // A tick that is cut off did not happen: the next one asks about its time as well.
        let Ok(done) = self.context.stop.unless(work).await else {
            let judged = kept.judge(self.soak);
            return Ok((kept, judged));
        };
        let (state, judged) = done?;
        file.write(&state).map_err(refused)?;
        Ok((state, judged))
    }

    /// # Errors
    /// The state is that of another soak.
    fn own(&self, state: State) -> Result<State, Failure> {
        let other = if state.sha != *self.sha {
            format!("a soak of {}", state.sha)
        } else if state.gates != self.gates.sha256 {
            format!("a soak by another version of {}", self.gates.file)
        } else if state.stable.as_ref() != self.stable {
            "a soak beside another stable release".to_owned()
        } else {
            return Ok(state);
        };
        Err(Failure::usage(
            format!("`{}` holds the state of {other}", self.path.display()),
            "name another file with `--state` to begin a new soak",
        ))
    }

    fn asker<'s>(&'s self, sources: &'s Sources<'s>, before: Option<Timestamp>) -> Asker<'s> {
        Asker { sources, sha: self.sha, stable: self.stable, before }
    }

    /// Until the next tick; the last one comes when the window is over.
    fn pause(&self, state: &State) -> Duration {
        let counted = state.tick.as_ref().map_or(Duration::ZERO, |tick| tick.counted);
        let left = self.soak.window.saturating_sub(counted) + Duration::from_millis(100);
        self.soak.tick.min(left)
    }

    fn tell(&self, state: &State, judged: &Judged, tasks: &Tasks) {
        let Some(tick) = &state.tick else { return };
        for (at, finding) in judged.metrics.iter().enumerate() {
            let number =
                finding.shown.estimate.map_or("nothing yet".to_owned(), |number| format!("{number:.4}"));
            let verdict = finding.verdict.as_str();
            tasks.at(at, &format!("{number} of {} samples: {verdict}", finding.shown.samples));
        }
        let (counted, window) = (duration::show(tick.counted), duration::show(self.soak.window));
        self.context.console.say(&format!("{counted} of {window} counted: {}", judged.verdict.as_str()));
        if let Some(found) = &tick.astray {
            self.context
                .console
                .warn(&format!("the clock stands while a tenant does not serve {}: {found}", self.sha));
        }
        for (metric, finding) in self.soak.metrics.iter().zip(&judged.metrics) {
            if let (Verdict::Pending, Some(reason)) = (finding.verdict, &finding.reason) {
                self.context.console.warn(&format!("{}: {reason}", metric.name));
            }
        }
    }

    /// The failing rows of what is red. A source that cannot show them changes no verdict.
    async fn samples(&self, state: &State, judged: &Judged) -> BTreeMap<String, Vec<Value>> {
        let mut samples = BTreeMap::new();
        let (Some(tick), Ok(sources)) = (&state.tick, sources(self.soak, self.file, self.context)) else {
            return samples;
        };
        let intervals: Vec<Interval> = state.clock.read(tick.at, timing(self.soak)).intervals;
        for (metric, finding) in self.soak.metrics.iter().zip(&judged.metrics) {
            if finding.verdict != Verdict::Red {
                continue;
            }
            match self.asker(&sources, None).samples(metric, &intervals).await {
                Ok(rows) if rows.is_empty() => {}
                Ok(rows) => {
                    samples.insert(metric.name.clone(), rows);
                }
                Err(failure) => {
                    self.context.console.warn(&format!("{}: no failing rows: {failure}", metric.name));
                }
            }
        }
        samples
    }
}

/// # Errors
/// Variables are not set; all of them are named.
fn sources<'c>(soak: &Soak, file: &Path, context: &'c Context) -> Result<Sources<'c>, Failure> {
    Sources::new(context, soak, file.parent().unwrap_or(Path::new(""))).map_err(|missing| {
        Failure::usage(
            missing.join("; "),
            "set the variables in the environment of the soak; their names stand in its file",
        )
    })
}

fn refused(error: StateError) -> Failure {
    match error {
        StateError::File(error) => Failure::File(error),
        StateError::Content(complaint) => Failure::Usage(complaint),
        StateError::Stopped(signal) => signal.into(),
    }
}
