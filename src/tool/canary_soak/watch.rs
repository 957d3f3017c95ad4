//! A soak: tick after tick in one process, or one tick a run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::args::Args;
use super::load::{GatesFile, load, sources};
use super::measure::Asker;
use super::memory::Memory;
use super::ring;
use crate::base::duration;
use crate::io::clock;
use crate::io::context::Context;
use crate::io::metrics::Sources;
use crate::io::progress::Tasks;
use crate::io::registry::client::Access;
use crate::io::run as workflow;
use crate::io::stop::Signal;
use crate::ledger::soak::Place;
use crate::model::commit::CommitSha;
use crate::model::record::{JudgedImage, Run as WorkflowRun};
use crate::model::soak::Interval;
use crate::model::tag::Tag;
use crate::model::verdict::Verdict;
use crate::policy::soak::clock::Serving;
use crate::policy::soak::state::{Judged, State, Subject, timing};
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
    let fleet = Fleet::find(&args.suite, &args.fleet, context, args.self_mask)?;
    let memory = memory(args, sha, &gates, context).await?;
    let watch = Watch {
        soak: &soak,
        memory: &memory,
        ring: args.ring.as_ref(),
        fleet: &fleet,
        context,
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
        gates,
        state,
        judged,
        samples,
        signal: context.stop.signal(),
        run: workflow::of(&context.env),
        soak,
    })
}

/// Which soak it is, and where it is remembered.
///
/// # Errors
/// The configuration is wrong, or the ring's tag cannot be compared with anything.
async fn memory<'a>(
    args: &Args,
    sha: &CommitSha,
    gates: &GatesFile,
    context: &'a Context,
) -> Result<Memory<'a>, Failure> {
    let recording = args.recording(context);
    let release = recording.release(sha).await?;
    let images = release.as_ref().map(JudgedImage::of).unwrap_or_default();
    if args.ring.is_some() && images.is_empty() {
        return Err(Failure::usage(
            format!(
                "there is no release record of {sha}, so nothing says which digests the ring's tag must name"
            ),
            "publish it with records, and name its images by coalmine.toml, RELEASE_IMAGES or `--image`",
        ));
    }
    let full = release.map_or_else(|| sha.clone(), |release| release.sha);
    let subject = Subject {
        sha: full.clone(),
        stable: args.stable.clone(),
        images,
        ring: args.ring.as_ref().map(ToString::to_string),
        gates: gates.sha256.clone(),
    };
    let ring = args.ring.as_ref().map(|ring| format!("-{ring}")).unwrap_or_default();
    let tag = format!("soak-{full}-{}{ring}", &gates.sha256[..12]).parse().map_err(
        |error: crate::model::tag::NotATag| Failure::usage(error.to_string(), "give the ring a shorter name"),
    )?;
    let copy = recording.settings()?.filter(|_| !subject.images.is_empty()).and_then(|settings| {
        let home = settings.target.home.clone()?;
        Some((settings, Place { home, tag }))
    });
    let path = args.state.clone().unwrap_or_else(|| PathBuf::from(format!("soak-{sha}.state.json")));
    Ok(Memory { path, copy, subject, context })
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
    memory: &'a Memory<'a>,
    /// The ring's tag.
    ring: Option<&'a Tag>,
    fleet: &'a Fleet,
    context: &'a Context,
    /// The soak file.
    file: &'a Path,
}

/// How often a tick is made again because another machine made one meanwhile.
const ROUNDS: usize = 5;

impl Watch<'_> {
    /// Reads the state, makes one tick and writes the state; a soak that is closed stays as it is.
    async fn tick(&self) -> Result<(State, Judged), Failure> {
        for _ in 0..ROUNDS {
            let recalled = self.memory.recall().await?;
            let kept = recalled
                .state
                .clone()
                .unwrap_or_else(|| State::open(self.memory.subject.clone(), clock::now()));
            if kept.closed {
                let judged = kept.judge(self.soak);
                return Ok((kept, judged));
            }
            // A tick that is cut off did not happen: the next one asks about its time as well.
            let Ok(done) = self.context.stop.unless(self.look(kept.clone())).await else {
                let judged = kept.judge(self.soak);
                return Ok((kept, judged));
            };
            let (state, judged) = done?;
            if self.memory.keep(&recalled, &state).await? {
                return Ok((state, judged));
            }
        }
        Err(Failure::usage(
            format!("other machines made ticks of this soak all the while, {ROUNDS} times"),
            "let one schedule make its ticks",
        ))
    }

    /// One tick: what is served, what the sources say, what that means.
    async fn look(&self, mut state: State) -> Result<(State, Judged), Failure> {
        let serving = self.serving(&state).await?;
        let before = state.tick.as_ref().map(|tick| tick.at);
        let intervals = state.look(self.soak, clock::now(), &serving);
        // A token is fetched anew for each tick.
        let sources = sources(self.soak, self.file, self.context)?;
        let answers = self.asker(&sources, before).measure(self.soak, &intervals).await;
        let judged = state.take(self.soak, answers);
        Ok((state, judged))
    }

    /// The ring's tag first: while it names another release, nobody need be asked.
    async fn serving(&self, state: &State) -> Result<Serving, Failure> {
        if let (Some(ring), Some(client)) = (self.ring, self.memory.client(Access::Pull)?) {
            let named = ring::names(&client, &state.images, ring, state.on_ring).await;
            if named != Serving::Yes {
                return Ok(named);
            }
        }
        self.fleet.serves(&self.memory.subject.sha, self.context).await
    }

    fn asker<'s>(&'s self, sources: &'s Sources<'s>, before: Option<Timestamp>) -> Asker<'s> {
        let subject = &self.memory.subject;
        let stable = subject.stable.as_ref().map_or("", CommitSha::as_str);
        Asker { sources, sha: subject.sha.as_str(), stable, before }
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
                .warn(&format!("the clock stands while a tenant does not serve {}: {found}", state.sha));
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
