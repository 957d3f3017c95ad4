//! A run of the suite: ready, all checks of all tenants at once, ask again.

use std::cell::Cell;

use futures_util::future::join_all;
use futures_util::stream::{StreamExt as _, iter};
use jiff::Timestamp;

use super::args::{Args, BuildOptions};
use super::session::{Pace, Session, random};
use super::suite::{SuiteFile, certificates, load};
use super::{command, fleet, record};
use crate::base::secret::Secret;
use crate::io::clock;
use crate::io::context::Context;
use crate::io::probe::{Probe, Route};
use crate::io::progress::{LINES, TELL_EVERY, Tasks};
use crate::io::stop::Signal;
use crate::io::{files, run as workflow};
use crate::model::check::{Places, TenantResult};
use crate::model::commit::CommitSha;
use crate::model::record::Run as WorkflowRun;
use crate::model::release::Release;
use crate::model::tenant::{Tenant, TenantName};
use crate::policy::release_document;
use crate::policy::smoke::suite::Suite;
use crate::policy::smoke::suite::choice::{Choice, choose};
use crate::policy::smoke::twins::twins;
use crate::tool::failure::Failure;

/// Tenants whose checks run at once: enough to fill the connections that a process may have; more only takes memory.
const CHECKED_AT_ONCE: usize = 200;

/// What a run came to.
#[derive(Clone, Debug)]
pub struct RunOutcome {
    /// The build.
    pub sha: CommitSha,
    /// Its images, if they were named.
    pub release: Option<Release>,
    /// The suite.
    pub suite: SuiteFile,
    /// The file and line of `[ready]`; `None`: the suite does not ask which build it is.
    pub ready: Option<(usize, usize)>,
    /// Whether the result has all steps of all checks.
    pub full: bool,
    /// How many checks were run on each tenant.
    pub checks: usize,
    /// How many the suite has, if these are only a part of them.
    pub part_of: Option<usize>,
    /// Every tenant, in the order in which they were named.
    pub tenants: Vec<TenantResult>,
    /// Pairs of tenants that may be one and the same.
    pub twins: Vec<(TenantName, TenantName)>,
    /// When it began.
    pub started: Timestamp,
    /// When it was done.
    pub finished: Timestamp,
    /// The signal that ended it early.
    pub signal: Option<Signal>,
    /// The workflow's run, on a runner.
    pub run: Option<WorkflowRun>,
}

/// Runs the suite.
///
/// # Errors
/// The suite, the release or the tenants are not as they must be; nothing was sent.
pub(super) async fn run(args: &Args, context: &Context) -> Result<RunOutcome, Failure> {
    let (mut suite, file) = load(&args.suite)?;
    let all = suite.checks.len();
    choose(&mut suite, Choice { only: &args.only, labels: &args.label }).map_err(Failure::Usage)?;
    let (mut sha, mut release) = build(&args.build)?;
    command::look_up(&suite, args.no_commands)?;
    let tenants = fleet::find(&args.fleet, &suite, context, args.self_mask)?;
    let probe = probe(&suite, context, tenants.len())?;
    let deadline = args.deadline.unwrap_or(suite.deadline);
    let part_of = (suite.checks.len() < all).then_some(all);
    if release.is_none() {
        release = record::release(args, &sha, context).await?;
        sha = release.as_ref().map_or(sha, |release| release.sha.clone());
    }
    let session = Session {
        suite: &suite,
        sha: sha.clone(),
        context,
        probe,
        pace: Pace::Full,
        tenants: tenants.len(),
        deadline,
        until: clock::instant() + deadline,
        nonce: random()?,
        stranger: Secret::new(random()?),
        recording: None,
    };
    let started = clock::now();
    let results = session.fleet(&tenants).await;
    let places: Vec<(&Tenant, &Places)> =
        tenants.iter().zip(&results).map(|(tenant, result)| (tenant, &result.places)).collect();
    let name = |at: usize| tenants[at].name.clone();
    let twins = twins(&places).into_iter().map(|(first, second)| (name(first), name(second))).collect();
    Ok(RunOutcome {
        sha,
        release,
        suite: file,
        ready: suite.ready.as_ref().map(|ready| (ready.part, ready.step.line)),
        full: args.result_full,
        checks: suite.checks.len(),
        part_of,
        tenants: results,
        twins,
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
        (None, None) => Err(Failure::usage("no build is named", hint)),
    }
}

/// A probe with the suite's certificates.
///
/// # Errors
/// A certificate cannot be read.
pub(super) fn probe<'w>(suite: &Suite, context: &'w Context, tenants: usize) -> Result<Probe<'w>, Failure> {
    let certificates = certificates(suite)?;
    Probe::new(&context.console, &certificates, Route::Environment, tenants).map_err(|problem| {
        Failure::usage(
            format!("failed to set up TLS: {problem}"),
            "check `[tls]` and the system's certificates",
        )
    })
}

impl Session<'_> {
    /// Runs everything on every tenant. The results stand in the order of `tenants`.
    pub(super) async fn fleet(&self, tenants: &[Tenant]) -> Vec<TenantResult> {
        let tasks = Tasks::new(
            &self.context.console,
            &tenants.iter().map(|t| t.name.to_string()).collect::<Vec<_>>(),
        );
        let ready = Cell::new(0);
        let how_far = || format!("{} tenants: {} ready", tenants.len(), ready.get());
        let asked = join_all(tenants.iter().enumerate().map(async |(at, tenant)| {
            tasks.at(at, &format!("waiting for {}", self.sha));
            let mut places = Places::default();
            let build = self.ready(tenant, &mut places).await;
            ready.set(ready.get() + usize::from(build.astray().is_none()));
            tasks.all(&how_far());
            (build, places)
        }));
        let told = async {
            loop {
                clock::sleep(TELL_EVERY).await;
                if tenants.len() > 1 {
                    self.say(&how_far());
                }
            }
        };
        let asked = tokio::select! {
            asked = asked => asked,
            () = told => Vec::new(),
        };
        if tenants.len() > LINES && self.suite.ready.is_some() {
            self.say(&how_far());
        }
        let checked_tenants = Cell::new(0);
        let visits = tenants.iter().zip(&asked).enumerate();
        let checked = iter(visits).map(async |(at, (tenant, (build, _)))| {
            let done = Cell::new(0);
            let total = self.suite.checks.len();
            let tick = || {
                done.set(done.get() + 1);
                tasks.at(at, &format!("{} of {total} checks", done.get()));
            };
            let checked = self.checks(tenant, build, &tick).await;
            checked_tenants.set(checked_tenants.get() + 1);
            tasks.all(&format!("{} tenants: {} checked", tenants.len(), checked_tenants.get()));
            (at, checked)
        });
        let mut checked: Vec<_> = checked.buffer_unordered(CHECKED_AT_ONCE).collect().await;
        checked.sort_by_key(|(at, _)| *at);
        let all = tenants.iter().zip(asked).zip(checked.into_iter().map(|(_, checked)| checked));
        join_all(all.map(async |((tenant, (build, mut places)), (setup, checks))| {
            let build = self.still(tenant, build, &mut places).await;
            let (name, url) = (tenant.name.clone(), tenant.url.clone());
            TenantResult { name, url, build, places, setup, checks }
        }))
        .await
    }
}
