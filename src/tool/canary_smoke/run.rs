//! A run of the suite: ready, all checks of all tenants at once, ask again.

use std::cell::Cell;
use std::path::Path;

use futures_util::future::join_all;
use jiff::Timestamp;

use super::args::{Args, BuildOptions};
use super::fleet;
use super::session::{Pace, Session, random};
use super::suite::{SuiteFile, certificates, load};
use crate::base::secret::Secret;
use crate::io::clock;
use crate::io::context::Context;
use crate::io::probe::{Probe, Route};
use crate::io::progress::Tasks;
use crate::io::stop::Signal;
use crate::io::{files, run as workflow};
use crate::model::check::{Places, TenantResult};
use crate::model::commit::CommitSha;
use crate::model::record::Run as WorkflowRun;
use crate::model::release::Release;
use crate::model::tenant::{Tenant, TenantName};
use crate::policy::release_document;
use crate::policy::smoke::suite::{FlakyRule, Suite};
use crate::policy::smoke::twins::twins;
use crate::tool::failure::Failure;

#[derive(Clone, Debug)]
pub struct RunOutcome {
    pub sha: CommitSha,
    /// Its images, if they were named.
    pub release: Option<Release>,
    pub suite: SuiteFile,
    /// The line of `[ready]`; `None`: the suite does not ask which build it is.
    pub ready_line: Option<usize>,
    /// How many checks the suite has.
    pub checks: usize,
    pub flaky: FlakyRule,
    /// Every tenant, in the order in which they were named.
    pub tenants: Vec<TenantResult>,
    /// Pairs of tenants that may be one and the same.
    pub twins: Vec<(TenantName, TenantName)>,
    pub started: Timestamp,
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
    let (suite, file) = load(&args.suite)?;
    let (mut sha, mut release) = build(&args.build)?;
    let tenants = fleet::find(&args.fleet, &suite.tenants, context, args.self_mask)?;
    let probe = probe(&args.suite, &suite, context, tenants.len())?;
    let deadline = args.deadline.unwrap_or(suite.deadline);
    if release.is_none() {
        release = args.recording(context).release(&sha).await?;
        sha = release.as_ref().map_or(sha, |release| release.sha.clone());
    }
    let session = Session {
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
    let results = session.fleet(&tenants).await;
    let places: Vec<(&Tenant, &Places)> =
        tenants.iter().zip(&results).map(|(tenant, result)| (tenant, &result.places)).collect();
    let name = |at: usize| tenants[at].name.clone();
    let twins = twins(&places).into_iter().map(|(first, second)| (name(first), name(second))).collect();
    Ok(RunOutcome {
        sha,
        release,
        suite: file,
        ready_line: suite.ready.as_ref().map(|ready| ready.step.line),
        checks: suite.checks.len(),
        flaky: suite.flaky,
        tenants: results,
        twins,
        started,
        finished: clock::now(),
        signal: context.stop.signal(),
        run: workflow::of(&context.env),
    })
}

/// The build that is to be proven.
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

impl Session<'_> {
    /// Runs everything on every tenant. The results stand in the order of `tenants`.
    pub(super) async fn fleet(&self, tenants: &[Tenant]) -> Vec<TenantResult> {
        let tasks = Tasks::new(
            &self.context.console,
            &tenants.iter().map(|t| t.name.to_string()).collect::<Vec<_>>(),
        );
        let asked = join_all(tenants.iter().enumerate().map(async |(at, tenant)| {
            tasks.at(at, &format!("waiting for {}", self.sha));
            let mut places = Places::default();
            let build = self.ready(tenant, &mut places).await;
            (build, places)
        }))
        .await;
        let visits = tenants.iter().zip(&asked).enumerate();
        let checked = join_all(visits.map(async |(at, (tenant, (build, _)))| {
            let done = Cell::new(0);
            let total = self.suite.checks.len();
            let tick = || {
                done.set(done.get() + 1);
                tasks.at(at, &format!("{} of {total} checks", done.get()));
            };
            self.checks(tenant, build, &tick).await
        }))
        .await;
        let all = tenants.iter().zip(asked).zip(checked);
        join_all(all.map(async |((tenant, (build, mut places)), checks)| {
            let build = self.still(tenant, build, &mut places).await;
            TenantResult { name: tenant.name.clone(), url: tenant.url.clone(), build, places, checks }
        }))
        .await
    }
}
