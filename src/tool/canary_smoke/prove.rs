//! `canary-smoke prove`: tests the suite itself. One healthy tenant is recorded, and a server on loopback replays it
//! with one fault at a time. The tenant's token is not used there.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::args::Args;
use super::fleet;
use super::run::{build, probe};
use super::session::{EXCHANGE, Pace, READY_EXCHANGE, Recorded, Session, random};
use super::suite::{SuiteFile, load};
use crate::base::secret::Secret;
use crate::io::clock;
use crate::io::context::Context;
use crate::io::probe::{Certificates, Probe, Route};
use crate::io::replay::{Asked, Replay};
use crate::model::check::{Answer, BodyEnd, Build, Places, TenantResult};
use crate::model::commit::CommitSha;
use crate::model::tenant::{Tenant, TenantName};
use crate::policy::smoke::faults::{Exchange, Fault, Scenario, scenarios};
use crate::policy::smoke::suite::{Step, Suite};
use crate::tool::failure::Failure;

/// How `[ready]` is called where the checks are named.
const READY: &str = "[ready]";

/// What became of the test.
#[derive(Clone, Debug)]
pub struct ProveOutcome {
    /// The suite.
    pub suite: SuiteFile,
    /// The build that the tenant ran.
    pub sha: CommitSha,
    /// The tenant that was recorded.
    pub tenant: TenantName,
    /// Why the suite could not be tested; then there are no rows.
    pub unfit: Vec<String>,
    /// Every fault at every place.
    pub rows: Vec<Row>,
    /// The least share that must be noticed, in percent.
    pub min_score: u8,
}

/// One fault at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The fault.
    pub fault: Fault,
    /// The request that was spoiled.
    pub place: String,
    /// The checks that noticed, in the order of the suite; empty: none did.
    pub noticed_by: Vec<String>,
    /// Forms of the fault that none noticed although others were.
    pub missed: Vec<String>,
}

impl ProveOutcome {
    /// Noticed faults, and all.
    pub fn score(&self) -> (usize, usize) {
        (self.rows.iter().filter(|row| !row.noticed_by.is_empty()).count(), self.rows.len())
    }

    /// Whether enough was noticed. No faults at all are not enough.
    pub fn is_enough(&self) -> bool {
        let (noticed, all) = self.score();
        all > 0 && noticed * 100 >= all * usize::from(self.min_score)
    }
}

/// Tests the suite.
///
/// # Errors
/// The suite or the tenants are not as they must be, or a signal came.
pub(super) async fn prove(args: &Args, min_score: u8, context: &Context) -> Result<ProveOutcome, Failure> {
    let (suite, file) = load(&args.suite)?;
    let (sha, _) = build(&args.build)?;
    let tenants = fleet::find(&args.fleet, &suite.tenants, context, !args.no_self_mask)?;
    let Some(tenant) = tenants.into_iter().next() else {
        return Err(Failure::usage(
            "there is no tenant to record",
            "name a healthy one with `--tenant NAME=URL`",
        ));
    };
    let deadline = args.deadline.unwrap_or(suite.deadline);
    let recorder = Session {
        suite: &suite,
        sha: sha.clone(),
        context,
        probe: probe(&args.suite, &suite, context, 1)?,
        pace: Pace::Record,
        deadline,
        until: clock::instant() + deadline,
        nonce: random()?,
        stranger: Secret::new(random()?),
        recording: Some(RefCell::default()),
    };
    let mut outcome = ProveOutcome {
        suite: file,
        sha: sha.clone(),
        tenant: tenant.name.clone(),
        unfit: Vec::new(),
        rows: Vec::new(),
        min_score,
    };
    context.console.say(&format!("recording {}", tenant.name));
    let healthy = recorder.fleet(std::slice::from_ref(&tenant)).await;
    outcome.unfit = healthy.iter().flat_map(noticed).collect();
    if outcome.unfit.is_empty() {
        let recording = recorder.recording.as_ref().map(RefCell::take).unwrap_or_default();
        let stage = Stage::build(&recorder, &suite, tenant, recording)?;
        let played = stage.play(&sha).await?;
        outcome.unfit = played.0;
        outcome.rows = played.1;
    }
    context.stop.signal().map_or(Ok(outcome), |signal| Err(signal.into()))
}

/// The recording, and what replays it.
struct Stage<'r> {
    run: Session<'r>,
    tenant: Tenant,
    recording: BTreeMap<usize, Recorded>,
}

impl<'r> Stage<'r> {
    fn build(
        recorder: &Session<'r>,
        suite: &'r Suite,
        tenant: Tenant,
        recording: BTreeMap<usize, Recorded>,
    ) -> Result<Self, Failure> {
        let context = recorder.context;
        let probe =
            Probe::new(&context.console, &Certificates::default(), Route::Direct, 1).map_err(|problem| {
                Failure::usage(format!("failed to set up TLS: {problem}"), "check the system's certificates")
            })?;
        let run = Session {
            suite,
            sha: recorder.sha.clone(),
            context,
            probe,
            pace: Pace::Replay,
            deadline: recorder.deadline,
            until: recorder.until,
            nonce: recorder.nonce.clone(),
            stranger: recorder.stranger.clone(),
            recording: None,
        };
        // The tenant's own token has no business here.
        let token = Secret::new(random()?);
        Ok(Self { run, tenant: Tenant { token, ..tenant }, recording })
    }

    /// Plays every fault; first none, which must go unnoticed.
    async fn play(mut self, sha: &CommitSha) -> Result<(Vec<String>, Vec<Row>), Failure> {
        let no_port = |e: std::io::Error| {
            Failure::usage(format!("failed to listen on 127.0.0.1: {e}"), "free a port, and try again")
        };
        let replay = Replay::listen().await.map_err(no_port)?;
        let url = replay.url().map_err(no_port)?;
        self.tenant.url =
            url.parse().map_err(|e| Failure::usage(format!("{e}"), "free a port, and try again"))?;
        let unspoiled = self.under(&replay, &BTreeMap::new()).await;
        if !unspoiled.is_empty() {
            let why = "its recorded answers do not pass when they are replayed, so its checks depend on more than answers";
            let unfit = unspoiled.into_iter().map(|check| format!("{check}: {why}")).collect();
            return Ok((unfit, Vec::new()));
        }
        let exchanges = self.exchanges();
        let mut rows = Vec::new();
        for scenario in scenarios(&exchanges, sha) {
            if self.run.context.stop.signal().is_some() {
                break;
            }
            rows.push(self.row(&replay, scenario).await);
        }
        Ok((Vec::new(), rows))
    }

    async fn row(&self, replay: &Replay, scenario: Scenario) -> Row {
        let mut by = Vec::new();
        let mut missed = Vec::new();
        for variant in &scenario.variants {
            let noticed = self.under(replay, &variant.answers).await;
            if noticed.is_empty() && !variant.label.is_empty() {
                missed.push(variant.label.clone());
            }
            by.extend(noticed);
        }
        let order: Vec<&str> = std::iter::once(READY)
            .chain(self.run.suite.checks.iter().map(|check| check.name.as_str()))
            .collect();
        by.sort_by_key(|name| order.iter().position(|known| known == name));
        by.dedup();
        if by.is_empty() {
            missed.clear();
        }
        Row { fault: scenario.fault, place: scenario.place, noticed_by: by, missed }
    }

    /// The checks that are not passed when these answers are replayed in place of the recorded ones.
    async fn under(&self, replay: &Replay, spoiled: &BTreeMap<usize, Answer>) -> Vec<String> {
        let script = |asked: &Asked| self.answer(asked, spoiled);
        tokio::select! {
            noticed = self.noticed() => noticed,
            never = replay.serve(script) => match never {},
        }
    }

    /// `[ready]` and the checks, each for itself: a fault that `[ready]` notices may be noticed by checks as well.
    async fn noticed(&self) -> Vec<String> {
        let build = self.run.ready(&self.tenant, &mut Places::default()).await;
        let run_anyway = if build == Build::Unasked { Build::Unasked } else { Build::Served };
        let checks = self.run.checks(&self.tenant, &run_anyway, &|| ()).await;
        let (name, url) = (self.tenant.name.clone(), self.tenant.url.clone());
        noticed(&TenantResult { name, url, build, places: Places::default(), checks })
    }

    /// The recorded answer, or the spoiled one, if the request is the recorded one; else what a tenant says of
    /// something it does not have.
    fn answer(&self, asked: &Asked, spoiled: &BTreeMap<usize, Answer>) -> Answer {
        let number = asked.header(EXCHANGE).and_then(|number| number.parse::<usize>().ok());
        let recorded = number.and_then(|number| Some((number, self.recording.get(&number)?)));
        let same = |recorded: &Recorded| {
            (recorded.method, recorded.target.as_str(), recorded.body.as_bytes())
                == (asked.method.as_str(), asked.target.as_str(), asked.body.as_slice())
        };
        match recorded.filter(|(_, recorded)| same(recorded)) {
            Some((number, recorded)) => spoiled.get(&number).unwrap_or(&recorded.answer).clone(),
            None => Answer { status: 404, headers: Vec::new(), body: b"{}".to_vec(), end: BodyEnd::Whole },
        }
    }

    fn exchanges(&self) -> BTreeMap<usize, Exchange> {
        let ready = self.run.suite.ready.iter().map(|ready| (READY_EXCHANGE, &ready.step));
        let steps = self.run.suite.checks.iter().flat_map(|check| check.steps.iter());
        let numbered = ready.chain((READY_EXCHANGE + 1..).zip(steps));
        let exchange = |(number, step): (usize, &Step)| {
            let recorded = self.recording.get(&number)?;
            Some((
                number,
                Exchange {
                    request: step.request.to_string(),
                    asked: format!("{} {}", recorded.method, recorded.target),
                    auth: step.request.auth.clone(),
                    answer: recorded.answer.clone(),
                },
            ))
        };
        numbered.filter_map(exchange).collect()
    }
}

/// What is not as it should be: `[ready]` and the checks by name.
fn noticed(result: &TenantResult) -> Vec<String> {
    let ready = result.build.astray().map(|_| READY.to_owned());
    let checks =
        result.checks.iter().filter(|check| !check.outcome.is_pass()).map(|check| check.name.clone());
    ready.into_iter().chain(checks).collect()
}
