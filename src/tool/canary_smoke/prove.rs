//! `canary-smoke prove`: tests the suite itself. One healthy tenant is recorded, and a server on loopback replays it
//! with one fault at a time. The tenant's token is not used there.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::args::Args;
use super::run::{build, of_release, probe};
use super::session::{EXCHANGE, Pace, READY_EXCHANGE, Recorded, Session, random};
use super::setup::{Prepared, SETUP};
use super::step::described;
use super::suite::{SuiteFile, load};
use super::{command, fleet};
use crate::base::secret::Secret;
use crate::io::clock;
use crate::io::context::Context;
use crate::io::probe::{Certificates, Probe, Route};
use crate::io::progress::Parts;
use crate::io::replay::{Asked, Replay};
use crate::model::check::{Answer, BodyEnd, CheckResult, Places, TenantResult};
use crate::model::commit::CommitSha;
use crate::model::tenant::{Tenant, TenantName};
use crate::policy::smoke::faults::{Exchange, Fault, Scenario, scenarios};
use crate::policy::smoke::suite::choice::{Choice, choose};
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
    /// Checks that run a command: no fault can be played to them.
    pub unplayed: Vec<String>,
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
    let (mut suite, file) = load(&args.suite)?;
    choose(&mut suite, Choice { only: &args.only, labels: &args.label }).map_err(Failure::Usage)?;
    let (sha, release) = build(&args.build)?;
    command::look_up(&suite, args.no_commands, &context.env)?;
    let tenants = fleet::find(&args.fleet, &suite, context, args.self_mask)?;
    let Some(tenant) = tenants.into_iter().next() else {
        return Err(Failure::usage(
            "there is no tenant to record",
            "name a healthy one with `--tenant NAME=URL`",
        ));
    };
    let deadline = args.deadline.unwrap_or(suite.deadline);
    let of_release = of_release(&suite, release.as_ref())?;
    let recorder = Session {
        suite: &suite,
        sha: sha.clone(),
        context,
        probe: probe(&suite, context, 1)?,
        pace: Pace::Record,
        tenants: 1,
        deadline,
        until: clock::instant() + deadline,
        nonce: random()?,
        stranger: Secret::new(random()?),
        of_release,
        recording: Some(RefCell::default()),
    };
    let runs = suite.checks.iter().filter(|check| check.program.is_some());
    let mut outcome = ProveOutcome {
        suite: file,
        sha: sha.clone(),
        tenant: tenant.name.clone(),
        unfit: Vec::new(),
        rows: Vec::new(),
        unplayed: runs.map(|check| check.name.clone()).collect(),
        cut_short: None,
        min_score,
    };
    context.console.say(&format!("recording {}", tenant.name));
    let healthy = recorder.fleet(std::slice::from_ref(&tenant)).await;
    outcome.unfit = healthy.iter().flat_map(unwell).collect();
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
    /// What the setup of each part leaves when nothing is spoiled.
    prepared: RefCell<BTreeMap<usize, Prepared>>,
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
            tenants: 1,
            deadline: recorder.deadline,
            until: recorder.until,
            nonce: recorder.nonce.clone(),
            stranger: recorder.stranger.clone(),
            of_release: recorder.of_release.clone(),
            recording: None,
        };
        // The tenant's own token has no business here.
        let token = Secret::new(random()?);
        let tenant = Tenant { token, ..tenant };
        Ok(Self { run, tenant, recording, spoiled: RefCell::default(), prepared: RefCell::default() })
    }

    /// Plays every fault into `outcome`; first none, which must go unnoticed.
    async fn play(mut self, outcome: &mut ProveOutcome) -> Result<(), Failure> {
        let no_port = |e: std::io::Error| {
            Failure::usage(format!("failed to listen on 127.0.0.1: {e}"), "free a port, and try again")
        };
        let replay = Replay::listen().await.map_err(no_port)?;
        let url = replay.url().map_err(no_port)?;
        let recorded = self.tenant.url.clone();
        let path = recorded.as_url().path().trim_end_matches('/');
        self.tenant.url = format!("{url}{path}")
            .parse()
            .map_err(|e| Failure::usage(format!("{e}"), "free a port, and try again"))?;
        // A URL of the tenant in an answer is one of the replay from now on, so that it can be followed.
        self.recording
            .values_mut()
            .for_each(|exchange| moved(&mut exchange.answer, &recorded.origin(), &url));
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
            .chain([SETUP])
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
        let numbers = self.run.exchanges();
        let asks = |own: &Range<usize>| exchanges.range(own.clone()).next().is_some();
        for (number, setup) in numbers.setups.iter().enumerate() {
            let anew = asks(setup);
            let prepared = if anew { self.prepare(number, setup.start).await } else { self.known(number) };
            let Some(prepared) = prepared else {
                all.push(SETUP.to_owned());
                continue;
            };
            let checks = self.run.suite.checks.iter().zip(&numbers.checks);
            for (check, own) in checks.filter(|(check, own)| check.part == number && (anew || asks(own))) {
                if !self.run.check(&self.tenant, check, own.start, &prepared).await.outcome.is_pass() {
                    all.push(check.name.clone());
                }
            }
        }
        all
    }

    /// Runs the setup of a part; `None`: it does not pass.
    async fn prepare(&self, number: usize, first: usize) -> Option<Prepared> {
        let set_up = self.run.set_up(&self.tenant, number, first).await;
        let part = self.run.suite.parts.get(number)?;
        let prepared = set_up.map_or_else(|| Ok(Prepared::default()), |set_up| set_up.prepared(part)).ok()?;
        if self.spoiled.borrow().is_empty() {
            self.prepared.borrow_mut().insert(number, prepared.clone());
        }
        Some(prepared)
    }

    fn known(&self, number: usize) -> Option<Prepared> {
        Some(self.prepared.borrow().get(&number).cloned().unwrap_or_default())
    }

    /// The recorded answer, or the spoiled one, if the request is the recorded one; else what a tenant says of
    /// something it does not have.
    fn answer(&self, asked: &Asked) -> Answer {
        let number = asked.header(EXCHANGE).and_then(|number| number.parse::<usize>().ok());
        let recorded = number.and_then(|number| Some((number, self.recording.get(&number)?)));
        let same = |recorded: &Recorded| {
            (recorded.method, recorded.target.as_str(), recorded.body.as_slice())
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
        let setup = self.run.suite.parts.iter().flat_map(|part| &part.setup).map(|setup| &setup.step);
        let steps = setup.chain(self.run.suite.checks.iter().flat_map(|check| check.steps.iter()));
        let numbered = ready.chain((READY_EXCHANGE + 1..).zip(steps));
        let exchange = |(number, step): (usize, &Step)| {
            let recorded = self.recording.get(&number)?;
            Some((
                number,
                Exchange {
                    request: step.request.to_string(),
                    asked: format!("{} {}", recorded.method, recorded.target),
                    auth: step.request.auth.clone(),
                    identified: recorded.identified,
                    paths: step.paths(),
                    stream: step.stream.is_some(),
                    answer: recorded.answer.clone(),
                },
            ))
        };
        numbered.filter_map(exchange).collect()
    }
}

/// What is not as it should be: `[ready]`, the setup and the checks by name, each with the reason.
fn unwell(result: &TenantResult) -> Vec<String> {
    let ready = result.build.astray().map(|found| format!("{READY}: {found}"));
    let ill = result.results().filter(|check| !check.outcome.is_pass());
    let why = |check: &CheckResult| {
        let steps = || check.samples.iter().flat_map(|sample| &sample.steps);
        let step = steps().find(|step| step.outcome == check.outcome);
        step.map(described).or_else(|| check.skipped.clone()).unwrap_or_default()
    };
    ready.into_iter().chain(ill.map(|check| format!("{}: {}", check.name, why(check)))).collect()
}

/// Changes the URLs in an answer that begin with `from` into such that begin with `to`.
fn moved(answer: &mut Answer, from: &str, to: &str) {
    answer.headers.iter_mut().for_each(|(_, value)| *value = value.replace(from, to));
    if let Ok(body) = std::str::from_utf8(&answer.body)
        && body.contains(from)
    {
        answer.body = body.replace(from, to).into_bytes();
    }
}
