//! One step against one tenant: ask, look, perhaps ask again.

use super::request::{Filled, curl, fill};
use super::session::{EXCHANGE, Haste, Interruption, Pace, Place, Recorded, Session, millis};
use crate::base::duration;
use crate::io::clock;
use crate::io::probe::{Credential, ProbeRequest};
use crate::model::check::{Mismatch, Observation, Outcome, Reply, StepResult};
use crate::policy::smoke::assess::{Assessment, Exhibit};
use crate::policy::smoke::suite::Step;
use crate::policy::smoke::suite::template::Variables;
use crate::policy::smoke::suite::worst_case::GRACE;

/// Headers by which services name a request, in the order of how telling they are.
const REQUEST_IDS: [&str; 4] = ["x-request-id", "x-correlation-id", "traceparent", "cf-ray"];
/// How much of a request's name is shown, in bytes.
const REQUEST_ID_BYTES: usize = 80;

impl Session<'_> {
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
            headers.push((EXCHANGE.to_owned(), place.exchange.to_string()));
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
        let id = REQUEST_IDS.iter().find_map(|name| answer.headers.iter().find(|(key, _)| key == name));
        result.request_id = id.map(|(name, value)| {
            format!("{name}: {}", self.context.console.secrets.excerpt(value, REQUEST_ID_BYTES))
        });
        let exhibit = Exhibit::new(answer, variables, &self.context.console.secrets);
        match exhibit.assess(step, observation.elapsed) {
            Assessment::Holds(captured) => {
                variables.extend(captured);
                result.outcome =
                    if result.first_failure.is_some() { Outcome::Flaky } else { Outcome::Passed };
            }
            Assessment::Fails(mismatches) => {
                let salvaged = exhibit.salvage(step);
                variables.extend(salvaged);
                result.outcome = Outcome::Failed;
                result.mismatches = mismatches.into_vec();
            }
            Assessment::Unknown(why) => unknown(result, why),
        }
    }

    fn cleaned(&self, mismatch: Mismatch) -> Mismatch {
        let secrets = &self.context.console.secrets;
        Mismatch { found: secrets.clean(&mismatch.found), ..mismatch }
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
