//! `canary-smoke prove`: tests the suite itself. One healthy tenant is recorded, and a server on loopback replays it
//! with one fault at a time. The tenant's token is not used there.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::args::Args;
use super::fleet;
use super::run::{build, probe};
use super::session::{EXCHANGE, Pace, READY_EXCHANGE, Recorded, Session, random};
use super::suite::{SuiteFile, load};
use crate::base::secret::Secret;
use crate::io::clock;
use crate::io::context::Context;
use crate::io::probe::{Certificates, Probe, Route};
use crate::io::progress::Parts;
use crate::io::replay::{Asked, Replay};
use crate::model::check::{Answer, BodyEnd, Places, TenantResult};
use crate::model::commit::CommitSha;
use crate::model::tenant::{Tenant, TenantName};
use crate::policy::smoke::faults::{Exchange, Fault, Scenario, scenarios};
use crate::policy::smoke::suite::{Step, Suite};
use crate::tool::failure::Failure;

/// How `[ready]` is called where the checks are named.
const READY: &str = "[ready]";

#[derive(Clone, Debug)]
pub struct ProveOutcome {
    pub suite: SuiteFile,
    /// The build that the tenant ran.
    pub sha: CommitSha,
    pub tenant: TenantName,
    /// Why the suite could not be tested; then there are no rows.
    pub unfit: Vec<String>,
    pub rows: Vec<Row>,
    /// Why not every fault was played.
    pub cut_short: Option<String>,
    /// The least share that must be noticed, in percent.
    pub min_score: u8,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub fault: Fault,
    pub place: String,
    pub end: RowEnd,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowEnd {
    /// It was not played, or not in all of its forms before one was noticed.
    NotPlayed,
    /// No check noticed it in any form.
    Unnoticed,
    Noticed {
        /// The checks that noticed, in the order of the suite.
        by: Vec<String>,
        /// Forms of the fault that none noticed although others were.
        missed: Vec<String>,
    },
}

impl ProveOutcome {
    /// How many faults were noticed, how many were played, and how many there are.
    pub fn score(&self) -> (usize, usize, usize) {
        let noticed = self.rows.iter().filter(|row| matches!(row.end, RowEnd::Noticed { .. })).count();
        let played = self.rows.iter().filter(|row| row.end != RowEnd::NotPlayed).count();
        (noticed, played, self.rows.len())
    }

    /// Whether the suite was tested: every fault was played.
    pub fn is_complete(&self) -> bool {
        let (_, played, all) = self.score();
        self.unfit.is_empty() && self.cut_short.is_none() && played == all
    }

    /// Whether enough was noticed. No faults at all are not enough.
    pub fn is_enough(&self) -> bool {
        let (noticed, _, all) = self.score();
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
    let tenants = fleet::find(&args.fleet, &suite.tenants, context, args.self_mask)?;
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
        cut_short: None,
        min_score,
    };
    context.console.say(&format!("recording {}", tenant.name));
    let healthy = recorder.fleet(std::slice::from_ref(&tenant)).await;
    outcome.unfit = healthy.iter().flat_map(noticed).collect();
    if outcome.unfit.is_empty() {
        let recording = recorder.recording.as_ref().map(RefCell::take).unwrap_or_default();
        let stage = Stage::build(&recorder, &suite, tenant, recording)?;
        stage.play(&mut outcome).await?;
    }
    context.stop.signal().map_or(Ok(outcome), |signal| Err(signal.into()))
}

/// The recording, and what replays it.
struct Stage<'r> {
    run: Session<'r>,
    tenant: Tenant,
    recording: BTreeMap<usize, Recorded>,
    /// The answers that are given in place of the recorded ones, at the moment.
    spoiled: RefCell<BTreeMap<usize, Answer>>,
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
        Ok(Self { run, tenant: Tenant { token, ..tenant }, recording, spoiled: RefCell::default() })
    }

    /// Plays every fault into `outcome`; first none, which must go unnoticed.
    async fn play(mut self, outcome: &mut ProveOutcome) -> Result<(), Failure> {
        let no_port = |e: std::io::Error| {
            Failure::usage(format!("failed to listen on 127.0.0.1: {e}"), "free a port, and try again")
        };
        let replay = Replay::listen().await.map_err(no_port)?;
        let url = replay.url().map_err(no_port)?;
        self.tenant.url =
            url.parse().map_err(|e| Failure::usage(format!("{e}"), "free a port, and try again"))?;
        tokio::select! {
            () = self.perform(outcome) => Ok(()),
            never = replay.serve(|asked| self.answer(asked)) => match never {},
        }
    }

    async fn perform(&self, outcome: &mut ProveOutcome) {
        let everything: BTreeSet<usize> = self.recording.keys().copied().collect();
        let unspoiled = self.noticed(&everything).await;
        if let Some(interruption) = self.run.interruption() {
            outcome.cut_short = Some(interruption.to_string());
        } else if !unspoiled.is_empty() {
            let why = "its recorded answers do not pass when they are replayed, so its checks depend on more than answers";
            outcome.unfit = unspoiled.into_iter().map(|check| format!("{check}: {why}")).collect();
            return;
        }
        let scenarios = scenarios(&self.exchanges(), &outcome.sha);
        let progress = Parts::new(&self.run.context.console, "faults", scenarios.len());
        for scenario in scenarios {
            let end = self.end(&scenario).await;
            outcome.rows.push(Row { fault: scenario.fault, place: scenario.place, end });
            progress.advance();
        }
        outcome.cut_short = self.run.interruption().map(|interruption| interruption.to_string());
    }

    /// Plays one fault in all of its forms.
    async fn end(&self, scenario: &Scenario) -> RowEnd {
        let mut by = Vec::new();
        let mut missed = Vec::new();
        for variant in &scenario.variants {
            self.spoiled.replace(variant.answers.clone());
            let noticed = self.noticed(&variant.answers.keys().copied().collect()).await;
            // What was cut short was noticed by nobody: the checks did not come to their end.
            if self.run.interruption().is_some() {
                return RowEnd::NotPlayed;
            }
            if noticed.is_empty() && !variant.label.is_empty() {
                missed.push(variant.label.clone());
            }
            by.extend(noticed);
        }
        if by.is_empty() {
            return RowEnd::Unnoticed;
        }
        let order: Vec<&str> = std::iter::once(READY)
            .chain(self.run.suite.checks.iter().map(|check| check.name.as_str()))
            .collect();
        by.sort_by_key(|name| order.iter().position(|known| known == name));
        by.dedup();
        RowEnd::Noticed { by, missed }
    }

    /// `[ready]` and the checks that ask one of `exchanges` and do not pass, each for itself: a fault that `[ready]`
    /// notices may be noticed by checks as well. Whoever asks none of them cannot notice.
    async fn noticed(&self, exchanges: &BTreeSet<usize>) -> Vec<String> {
        let mut all = Vec::new();
        if exchanges.contains(&READY_EXCHANGE)
            && self.run.ready(&self.tenant, &mut Places::default()).await.astray().is_some()
        {
            all.push(READY.to_owned());
        }
        let mut first = READY_EXCHANGE + 1;
        for check in self.run.suite.checks.iter() {
            let own = first..first + check.steps.len();
            first = own.end;
            if exchanges.range(own.clone()).next().is_some()
                && !self.run.check(&self.tenant, check, own.start).await.outcome.is_pass()
            {
                all.push(check.name.clone());
            }
        }
        all
    }

    /// The recorded answer, or the spoiled one, if the request is the recorded one; else what a tenant says of
    /// something it does not have.
    fn answer(&self, asked: &Asked) -> Answer {
        let number = asked.header(EXCHANGE).and_then(|number| number.parse::<usize>().ok());
        let recorded = number.and_then(|number| Some((number, self.recording.get(&number)?)));
        let same = |recorded: &Recorded| {
            (recorded.method, recorded.target.as_str(), recorded.body.as_bytes())
                == (asked.method.as_str(), asked.target.as_str(), asked.body.as_slice())
        };
        match recorded.filter(|(_, recorded)| same(recorded)) {
            Some((number, recorded)) => {
                self.spoiled.borrow().get(&number).unwrap_or(&recorded.answer).clone()
            }
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
                    paths: step.paths().cloned().collect(),
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
