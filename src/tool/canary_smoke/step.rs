//! One step against one tenant: ask, look, perhaps ask again.

use std::time::Duration;

use serde_json::Value;

use super::request::{Filled, curl, fill};
use super::run::{Interruption, Pace, Recorded, Run};
use crate::base::duration;
use crate::base::secret::Secret;
use crate::io::clock;
use crate::io::probe::{Credential, ProbeRequest};
use crate::model::check::{Mismatch, Observation, Outcome, Reply, StepResult};
use crate::model::tenant::Tenant;
use crate::policy::smoke::assess::{Assessment, Exhibit};
use crate::policy::smoke::suite::Step;
use crate::policy::smoke::suite::template::Variables;
use crate::policy::smoke::suite::worst_case::GRACE;

/// Headers by which services name a request, in the order of how telling they are.
const REQUEST_IDS: [&str; 4] = ["x-request-id", "x-correlation-id", "traceparent", "cf-ray"];
/// How much of a request's name is shown, in bytes.
const REQUEST_ID_BYTES: usize = 80;

/// Where a step stands.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) tenant: &'a Tenant,
    pub(super) step: &'a Step,
    /// Its number within a recording.
    pub(super) exchange: usize,
    pub(super) haste: Haste,
}

/// What becomes of a step when the run is to stop.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Haste {
    /// It is left at once.
    Drop,
    /// Its answer is awaited a little longer: it names what has to be cleaned up.
    Linger,
    /// It goes on: it cleans up, within a bound of its own.
    Finish,
}

impl Run<'_> {
    /// Takes one step. What it captures is added to `variables`.
    pub(super) async fn step(&self, place: Place<'_>, variables: &mut Variables) -> StepResult {
        let mut result = blank(place.step);
        let begun = clock::instant();
        loop {
            let filled = match fill(place.tenant, place.step, variables) {
                Ok(filled) => filled,
                Err(mismatch) => {
                    result.outcome = Outcome::Failed;
                    result.mismatches = vec![self.cleaned(mismatch)];
                    return result;
                }
            };
            let observation = match self.ask(place, &filled).await {
                Ok(observation) => observation,
                Err((interruption, late)) => {
                    if let Some(Reply::Answer(answer)) = late.map(|observation| observation.reply) {
                        let salvaged = Exhibit::new(&answer, variables, &self.context.console.secrets)
                            .salvage(place.step);
                        self.learn(place.step, &salvaged);
                        variables.extend(salvaged);
                    }
                    result.attempts += 1;
                    interrupt(&mut result, &interruption);
                    return result;
                }
            };
            result.attempts += 1;
            self.judge(place.step, &observation, variables, &mut result);
            if result.outcome.is_pass() {
                return result;
            }
            result.curl = Some(curl(&place.step.request, &filled, &self.context.console.secrets));
            let retry = place
                .step
                .retry
                .filter(|retry| self.pace != Pace::Replay && begun.elapsed() + retry.every <= retry.within);
            let Some(retry) = retry else { return result };
            let failure = described(&result);
            result.first_failure.get_or_insert(failure);
            if let Err(interruption) = self.wait(retry.every).await {
                interrupt(&mut result, &interruption);
                return result;
            }
        }
    }

    /// Sends the request. When the run is to stop first, the error says why, with the answer if it still came.
    async fn ask(
        &self,
        place: Place<'_>,
        filled: &Filled,
    ) -> Result<Observation, (Interruption, Option<Observation>)> {
        let mut headers = filled.headers.clone();
        if self.pace == Pace::Replay {
            headers.push((super::prove::EXCHANGE.to_owned(), place.exchange.to_string()));
        }
        let request = ProbeRequest {
            method: place.step.request.method,
            url: filled.url.clone(),
            credential: Credential::new(&place.step.request.auth, &place.tenant.token, &self.stranger),
            headers,
            body: filled.body.clone().map(String::into_bytes),
            timeout: filled.timeout,
        };
        let ask = self.probe.ask(&request);
        tokio::pin!(ask);
        let observation = if place.haste == Haste::Finish {
            ask.await
        } else {
            tokio::select! {
                biased;
                interruption = self.interrupted() => {
                    let late = if place.haste == Haste::Linger {
                        tokio::select! {
                            late = &mut ask => Some(late),
                            () = clock::sleep(GRACE) => None,
                        }
                    } else {
                        None
                    };
                    return Err((interruption, late));
                }
                observation = &mut ask => observation,
            }
        };
        self.record(place, filled, &observation);
        Ok(observation)
    }

    fn record(&self, place: Place<'_>, filled: &Filled, observation: &Observation) {
        if let (Some(recording), Reply::Answer(answer)) = (&self.recording, &observation.reply) {
            recording.borrow_mut().insert(
                place.exchange,
                Recorded {
                    method: place.step.request.method,
                    target: filled.target.clone(),
                    body: filled.body.clone().unwrap_or_default(),
                    answer: answer.clone(),
                },
            );
        }
    }

    fn judge(
        &self,
        step: &Step,
        observation: &Observation,
        variables: &mut Variables,
        result: &mut StepResult,
    ) {
        result.elapsed_ms = millis(observation.elapsed);
        result.reconnected |= observation.reconnected;
        result.mismatches.clear();
        result.trouble = None;
        result.status = None;
        let unknown = |result: &mut StepResult, trouble: String| {
            result.outcome = Outcome::Inconclusive;
            result.trouble = Some(self.context.console.secrets.excerpt(&trouble, 300));
        };
        let answer = match &observation.reply {
            Reply::Answer(answer) => answer,
            Reply::Silence => {
                return unknown(result, format!("no answer within {}", duration::show(step.timeout)));
            }
            Reply::Broken(why) => return unknown(result, format!("no answer: {why}")),
        };
        result.status = Some(answer.status);
        // Before anything of the answer is quoted.
        let salvaged = Exhibit::new(answer, variables, &self.context.console.secrets).salvage(step);
        self.learn(step, &salvaged);
        let id = REQUEST_IDS.iter().find_map(|name| answer.headers.iter().find(|(key, _)| key == name));
        result.request_id = id.map(|(name, value)| {
            format!("{name}: {}", self.context.console.secrets.excerpt(value, REQUEST_ID_BYTES))
        });
        let exhibit = Exhibit::new(answer, variables, &self.context.console.secrets);
        match exhibit.assess(step, observation.elapsed) {
            Assessment::Holds(captured) if self.unhidden(step, &captured).is_some() => {
                result.outcome = Outcome::Failed;
                result.mismatches = self.unhidden(step, &captured).into_iter().collect();
                variables.extend(captured);
            }
            Assessment::Holds(captured) => {
                variables.extend(captured);
                result.outcome =
                    if result.first_failure.is_some() { Outcome::Flaky } else { Outcome::Passed };
            }
            Assessment::Fails(mismatches) => {
                result.outcome = Outcome::Failed;
                result.mismatches = mismatches.into_vec();
                if answer.status < 400 && step.credentials.iter().any(|name| !captured(&salvaged, name)) {
                    result.mismatches.iter_mut().for_each(|mismatch| unquoted(mismatch, answer.status));
                }
                variables.extend(salvaged);
            }
            Assessment::Unknown(why) => unknown(result, why),
        }
    }

    /// Keeps the credentials among `captured` out of everything that is told from now on.
    fn learn(&self, step: &Step, captured: &[(String, Value)]) {
        if self.pace == Pace::Replay {
            return;
        }
        for (_, value) in captured.iter().filter(|(name, _)| step.credentials.contains(name)) {
            for secret in secrets(value).into_iter().filter(|secret| secret.weakness().is_none()) {
                if self.context.console.secrets.learn_new(&secret) {
                    self.context.console.mask(&secret);
                }
            }
        }
    }

    /// What is wrong if a value is to be kept out of reports and cannot be.
    fn unhidden(&self, step: &Step, captured: &[(String, Value)]) -> Option<Mismatch> {
        let marked =
            captured.iter().filter(|(name, _)| step.redacted.contains(name) && self.pace != Pace::Replay);
        marked.into_iter().find_map(|(name, value)| {
            let weakness = secrets(value).iter().find_map(Secret::weakness)?;
            Some(Mismatch {
                subject: format!("capture {name}"),
                expected: "a value that can be kept out of reports".to_owned(),
                found: format!("one that {weakness}"),
            })
        })
    }

    fn cleaned(&self, mismatch: Mismatch) -> Mismatch {
        let secrets = &self.context.console.secrets;
        Mismatch { found: secrets.clean(&mismatch.found), ..mismatch }
    }
}

/// The texts in a captured value.
fn secrets(value: &Value) -> Vec<Secret> {
    match value {
        Value::String(text) => vec![Secret::new(text.as_str())],
        Value::Number(number) => vec![Secret::new(number.to_string())],
        Value::Array(items) => items.iter().flat_map(secrets).collect(),
        Value::Object(fields) => fields.values().flat_map(secrets).collect(),
        Value::Null | Value::Bool(_) => Vec::new(),
    }
}

fn captured(all: &[(String, Value)], name: &str) -> bool {
    all.iter().any(|(known, _)| known == name)
}

/// Takes the quotation out of `mismatch`: the answer seems to hold a credential, and nobody knows where.
fn unquoted(mismatch: &mut Mismatch, status: u16) {
    let hidden = "an answer that is not quoted, since a credential should be in it";
    if mismatch.subject == "status" {
        mismatch.found = format!("{status} with {hidden}");
    } else if mismatch.found != "nothing" {
        mismatch.found = hidden.to_owned();
    }
}

/// A result of a step that was not taken yet: nobody knows.
pub(super) fn blank(step: &Step) -> StepResult {
    StepResult {
        name: step.name.clone(),
        line: step.line,
        request: step.request.to_string(),
        outcome: Outcome::Inconclusive,
        status: None,
        elapsed_ms: 0,
        attempts: 0,
        mismatches: Vec::new(),
        trouble: None,
        first_failure: None,
        reconnected: false,
        request_id: None,
        curl: None,
    }
}

fn interrupt(result: &mut StepResult, interruption: &Interruption) {
    result.outcome = Outcome::Inconclusive;
    result.trouble = Some(interruption.to_string());
}

/// What a step failed with, on one line.
pub(super) fn described(result: &StepResult) -> String {
    match (result.mismatches.first(), &result.trouble) {
        (Some(m), _) => format!("{}: expected {}, found {}", m.subject, m.expected, m.found),
        (None, Some(trouble)) => trouble.clone(),
        (None, None) => "nothing was asked".to_owned(),
    }
}

pub(super) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
