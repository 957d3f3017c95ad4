//! A run of the suite: ready, all checks of all tenants at once, ask again.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::stream::{StreamExt as _, iter};
use jiff::Timestamp;
use serde_json::Value;

use super::step::{Haste, Place, millis};
use super::suite::{SuiteFile, certificates, load};
use super::{Args, BuildOptions, fleet, record};
use crate::base::duration;
use crate::base::secret::Secret;
use crate::io::clock::{self, Instant};
use crate::io::context::Context;
use crate::io::probe::{Probe, Route};
use crate::io::progress::Tasks;
use crate::io::stop::Signal;
use crate::io::{files, run as workflow};
use crate::model::check::{Answer, Build, CheckResult, Sample, TenantResult};
use crate::model::commit::CommitSha;
use crate::model::record::Run as WorkflowRun;
use crate::model::release::Release;
use crate::model::tenant::Tenant;
use crate::policy::release_document;
use crate::policy::smoke::judge;
use crate::policy::smoke::suite::template::Variables;
use crate::policy::smoke::suite::worst_case::SAMPLES_AT_ONCE;
use crate::policy::smoke::suite::{Check, FlakyRule, Suite};
use crate::tool::failure::Failure;

/// What a run came to.
#[derive(Clone, Debug)]
pub struct RunOutcome {
    /// The build.
    pub sha: CommitSha,
    /// Its images, if they were named.
    pub release: Option<Release>,
    /// The suite.
    pub suite: SuiteFile,
    /// The line of `[ready]`; `None`: the suite does not ask which build it is.
    pub ready_line: Option<usize>,
    /// How many checks the suite has.
    pub checks: usize,
    /// What a flaky check means.
    pub flaky: FlakyRule,
    /// Every tenant, in the order in which they were named.
    pub tenants: Vec<TenantResult>,
    /// When it began.
    pub started: Timestamp,
    /// When it was done.
    pub finished: Timestamp,
    /// The signal that ended it early.
    pub signal: Option<Signal>,
    /// The workflow's run, on a runner.
    pub run: Option<WorkflowRun>,
}

/// How a run goes about its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// As the suite says.
    Full,
    /// One sample of each check.
    Record,
    /// One sample, asked once, nothing waited for, nothing cleaned up: the other side is a recording.
    Replay,
}

/// One exchange of a recording.
#[derive(Clone, Debug)]
pub(super) struct Recorded {
    pub(super) method: &'static str,
    pub(super) target: String,
    pub(super) body: String,
    pub(super) answer: Answer,
}

/// Why a run was cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interruption {
    Deadline(Duration),
    Signal(Signal),
}

impl fmt::Display for Interruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deadline(deadline) => write!(f, "the deadline of {} passed", duration::show(*deadline)),
            Self::Signal(Signal::Interrupt) => f.write_str("stopped by SIGINT"),
            Self::Signal(Signal::Terminate) => f.write_str("stopped by SIGTERM"),
        }
    }
}

/// Everything that the parts of a run share.
pub(super) struct Run<'w> {
    pub(super) suite: &'w Suite,
    pub(super) sha: CommitSha,
    pub(super) context: &'w Context,
    pub(super) probe: Probe<'w>,
    pub(super) pace: Pace,
    pub(super) deadline: Duration,
    pub(super) until: Instant,
    /// Random, and so part of everything that this run makes on a tenant.
    pub(super) nonce: String,
    /// A token that no tenant knows.
    pub(super) stranger: Secret,
    pub(super) recording: Option<RefCell<BTreeMap<usize, Recorded>>>,
}

/// Runs the suite.
///
/// # Errors
/// The suite, the release or the tenants are not as they must be; nothing was sent.
pub(super) async fn run(args: &Args, context: &Context) -> Result<RunOutcome, Failure> {
    let (suite, file) = load(&args.suite)?;
    let (mut sha, mut release) = build(&args.build)?;
    let tenants = fleet::find(&args.fleet, &suite.tenants, context, !args.no_self_mask)?;
    let probe = probe(&args.suite, &suite, context, tenants.len())?;
    let deadline = args.deadline.unwrap_or(suite.deadline);
    if release.is_none() {
        release = record::release(args, &sha, context).await?;
        sha = release.as_ref().map_or(sha, |release| release.sha.clone());
    }
    let run = Run {
        suite: &suite,
        sha: sha.clone(),
        context,
        probe,
        pace: Pace::Full,
        deadline,
        until: clock::instant() + deadline,
        nonce: random()?,
        stranger: Secret::new(random()?),
        recording: None,
    };
    let started = clock::now();
    let results = run.fleet(&tenants).await;
    Ok(RunOutcome {
        sha,
        release,
        suite: file,
        ready_line: suite.ready.as_ref().map(|ready| ready.step.line),
        checks: suite.checks.len(),
        flaky: suite.flaky,
        tenants: results,
        started,
        finished: clock::now(),
        signal: context.stop.signal(),
        run: workflow::of(&context.env),
    })
}

/// The build that is to be proven.
///
/// # Errors
/// None is named, or the release's file is none.
pub(super) fn build(options: &BuildOptions) -> Result<(CommitSha, Option<Release>), Failure> {
    let hint = "give `--sha SHA`, or `--release FILE` as `publish-staging --result` wrote it";
    match (&options.sha, &options.release) {
        (Some(sha), _) => Ok((sha.clone(), None)),
        (None, Some(path)) => {
            let release = release_document::read(&files::read(path)?).map_err(|problem| {
                Failure::usage(
                    format!("failed to read the release from `{}`: {problem}", path.display()),
                    hint,
                )
            })?;
            Ok((release.sha.clone(), Some(release)))
        }
        (None, None) => Err(Failure::usage("it is not said which build is to be proven", hint)),
    }
}

/// A probe with the suite's certificates.
///
/// # Errors
/// A certificate cannot be read.
pub(super) fn probe<'w>(
    path: &Path,
    suite: &Suite,
    context: &'w Context,
    tenants: usize,
) -> Result<Probe<'w>, Failure> {
    let certificates = certificates(path, suite)?;
    Probe::new(&context.console, &certificates, Route::Environment, tenants).map_err(|problem| {
        Failure::usage(
            format!("failed to set up TLS: {problem}"),
            "check `[tls]` and the system's certificates",
        )
    })
}

/// 64 random bits in hex.
///
/// # Errors
/// The system has none.
pub(super) fn random() -> Result<String, Failure> {
    crate::io::random::hex::<8>().map_err(|e| {
        Failure::usage(format!("failed to get random bytes: {e}"), "run it where the system gives some")
    })
}

impl Run<'_> {
    /// Runs everything on every tenant. The results stand in the order of `tenants`.
    pub(super) async fn fleet(&self, tenants: &[Tenant]) -> Vec<TenantResult> {
        let tasks = Tasks::new(
            &self.context.console,
            &tenants.iter().map(|t| t.name.to_string()).collect::<Vec<_>>(),
        );
        let builds = join_all(tenants.iter().enumerate().map(async |(at, tenant)| {
            tasks.at(at, &format!("waiting for {}", self.sha));
            self.ready(tenant).await
        }))
        .await;
        let visits = tenants.iter().zip(&builds).enumerate();
        let checked = join_all(visits.map(async |(at, (tenant, build))| {
            let done = Cell::new(0);
            let total = self.suite.checks.len();
            let tick = || {
                done.set(done.get() + 1);
                tasks.at(at, &format!("{} of {total} checks", done.get()));
            };
            self.checks(tenant, build, &tick).await
        }))
        .await;
        let again = tenants.iter().zip(builds).map(|(tenant, build)| self.still(tenant, build));
        let builds = join_all(again).await;
        let all = tenants.iter().zip(builds).zip(checked);
        all.map(|((tenant, build), checks)| TenantResult {
            name: tenant.name.clone(),
            url: tenant.url.clone(),
            build,
            checks,
        })
        .collect()
    }

    /// Runs all checks of one tenant at once, unless it never served the build.
    pub(super) async fn checks(&self, tenant: &Tenant, build: &Build, done: &dyn Fn()) -> Vec<CheckResult> {
        let not_run =
            build.astray().map(|found| format!("not run: the tenant does not serve {}: {found}", self.sha));
        let mut exchange = super::ready::READY_EXCHANGE + 1;
        let mut all = Vec::new();
        for check in &self.suite.checks {
            let first = exchange;
            exchange += check.steps.len();
            let not_run = not_run.clone();
            all.push(async move {
                let result = match not_run {
                    None => self.check(tenant, check, first).await,
                    Some(why) => skipped(check, why),
                };
                done();
                result
            });
        }
        join_all(all).await
    }

    async fn check(&self, tenant: &Tenant, check: &Check, first: usize) -> CheckResult {
        let begun = clock::instant();
        let times = if self.pace == Pace::Full { check.repeat.times } else { 1 };
        let repeat = if self.pace == Pace::Full {
            check.repeat
        } else {
            crate::model::check::Repeat { times: 1, pass: 1 }
        };
        let mut samples: Vec<(u32, Sample)> = iter(0..times)
            .map(async |number| (number, self.sample(tenant, check, first, number).await))
            .buffer_unordered(SAMPLES_AT_ONCE as usize)
            .collect()
            .await;
        samples.sort_by_key(|(number, _)| *number);
        let samples: Vec<Sample> = samples.into_iter().map(|(_, sample)| sample).collect();
        let result = CheckResult {
            outcome: judge::check(&samples, repeat),
            elapsed_ms: millis(begun.elapsed()),
            repeat,
            samples,
            ..skipped(check, String::new())
        };
        if self.pace != Pace::Replay {
            self.context.console.detail(&format!(
                "{}: {}: {}",
                tenant.name,
                check.name,
                result.outcome.as_str()
            ));
        }
        CheckResult { skipped: None, ..result }
    }

    async fn sample(&self, tenant: &Tenant, check: &Check, first: usize, number: u32) -> Sample {
        let mut variables = self.variables(tenant, &check.name, number);
        let mut steps = Vec::new();
        for (at, step) in check.steps.iter().enumerate() {
            let lingers = !step.captures.is_empty() && !check.cleanup.is_empty();
            let haste = if lingers { Haste::Linger } else { Haste::Drop };
            let result = self.step(Place { tenant, step, exchange: first + at, haste }, &mut variables).await;
            let goes_on = result.outcome.is_pass();
            steps.push(result);
            if !goes_on {
                break;
            }
        }
        let cleanup = self.cleanup(tenant, check, &variables).await;
        Sample { outcome: judge::sample(&steps), steps, cleanup }
    }

    /// What placeholders stand for at the beginning of a check. The nonce is unique for run, tenant, check and sample.
    pub(super) fn variables(&self, tenant: &Tenant, check: &str, sample: u32) -> Variables {
        let place = format!("{}\n{check}\n{sample}", tenant.name);
        let part = crate::model::digest::Digest::of(place.as_bytes()).hex();
        [
            ("sha", self.sha.to_string()),
            ("tenant", tenant.name.to_string()),
            ("nonce", format!("{}-{}", self.nonce, &part[..8])),
        ]
        .into_iter()
        .map(|(name, text)| (name.to_owned(), Value::String(text)))
        .collect()
    }

    /// Tells a step of the work; a replay is nobody's story.
    pub(super) fn say(&self, line: &str) {
        if self.pace != Pace::Replay {
            self.context.console.say(line);
        }
    }

    /// Returns when the run has to stop.
    pub(super) async fn interrupted(&self) -> Interruption {
        tokio::select! {
            biased;
            signal = self.context.stop.wait() => Interruption::Signal(signal),
            () = clock::sleep_until(self.until) => Interruption::Deadline(self.deadline),
        }
    }

    /// Waits.
    ///
    /// # Errors
    /// The run has to stop.
    pub(super) async fn wait(&self, span: Duration) -> Result<(), Interruption> {
        tokio::select! {
            biased;
            interruption = self.interrupted() => Err(interruption),
            () = clock::sleep(span) => Ok(()),
        }
    }
}

fn skipped(check: &Check, why: String) -> CheckResult {
    CheckResult {
        name: check.name.clone(),
        why: check.why.clone(),
        line: check.line,
        outcome: crate::model::check::Outcome::Inconclusive,
        elapsed_ms: 0,
        repeat: check.repeat,
        samples: Vec::new(),
        skipped: Some(why),
    }
}
