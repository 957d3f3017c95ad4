//! One step against one tenant: ask, look, perhaps ask again.

use super::captures::{captured, unquoted};
use super::request::{Filled, curl, fill};
use super::session::{EXCHANGE, Haste, Interruption, Pace, Place, Recorded, Session, millis};
use crate::base::duration;
use crate::io::clock;
use crate::io::probe::{Connection, Credential, ProbeRequest};
use crate::model::check::{Mismatch, Observation, Outcome, Reply, StepResult};
use crate::policy::smoke::assess::cache::from_cache;
use crate::policy::smoke::assess::{Assessment, Exhibit};
use crate::policy::smoke::suite::Step;
use crate::policy::smoke::suite::template::Variables;
use crate::policy::smoke::suite::worst_case::GRACE;

/// Headers by which services name a request, in the order of how telling they are.
const REQUEST_IDS: [&str; 4] = ["x-request-id", "x-correlation-id", "traceparent", "cf-ray"];
/// How much of a request's name is shown, in bytes.
const REQUEST_ID_BYTES: usize = 80;

/// A step that was taken, and what may follow from it.
pub(super) struct Taken {
    pub(super) result: StepResult,
    pub(super) interruption: Option<Interruption>,
    /// Whether the tenant may have done what the request asks for: it was sent, and not refused.
    pub(super) may_be_done: bool,
}

impl Session<'_> {
    /// Takes one step. What it captures is added to `variables`.
    pub(super) async fn step(&self, place: Place<'_>, variables: &mut Variables) -> Taken {
        let mut taken = Taken { result: blank(place.step), interruption: None, may_be_done: false };
        let begun = clock::instant();
        loop {
            let filled = match fill(place.tenant, place.step, variables) {
                Ok(filled) => filled,
                Err(mismatch) => {
                    taken.result.outcome = Outcome::Failed;
                    taken.result.mismatches = vec![self.cleaned(mismatch)];
                    return taken;
                }
            };
            if place.haste != Haste::Finish
                && let Some(interruption) = self.interruption()
            {
                return taken.interrupted(interruption);
            }
            let asked = self.ask(place, &filled).await;
            taken.result.attempts += 1;
            let observation = match asked {
                Ok(observation) => observation,
                Err((interruption, late)) => {
                    taken.may_be_done |= late.as_ref().is_none_or(may_be_done);
                    if let Some(Reply::Answer(answer)) = late.map(|observation| observation.reply) {
                        let exhibit = Exhibit::new(&answer, variables, &self.context.console.secrets);
                        let salvaged = exhibit.salvage(place.step);
                        self.learn(place.step, &salvaged);
                        variables.extend(salvaged);
                    }
                    return taken.interrupted(interruption);
                }
            };
            taken.may_be_done |= may_be_done(&observation);
            self.judge(place, &observation, variables, &mut taken.result);
            if taken.result.outcome.is_pass() {
                return taken;
            }
            taken.result.curl = Some(curl(&place.step.request, &filled, &self.context.console.secrets));
            let retry = place
                .step
                .retry
                .filter(|retry| self.pace != Pace::Replay && begun.elapsed() + retry.every <= retry.within);
            let Some(retry) = retry else { return taken };
            let failure = described(&taken.result);
            taken.result.first_failure.get_or_insert(failure);
            if let Err(interruption) = self.wait(retry.every).await {
                return taken.interrupted(interruption);
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
        if place.proof.is_some() && !headers.iter().any(|(name, _)| name == "cache-control") {
            headers.push(("cache-control".to_owned(), "no-cache".to_owned()));
        }
        let request = ProbeRequest {
            method: place.step.request.method,
            url: filled.url.clone(),
            connection: place.proof.unwrap_or(Connection::Kept),
            repeatable: place.step.is_repeatable(),
            credential: Credential::new(&place.step.request.auth, &place.tenant.token, &self.stranger),
            headers,
            body: filled.body.clone().map(String::into_bytes),
            timeout: filled.timeout,
        };
        let ask = self.probe.ask(&request);
        tokio::pin!(ask);
        let observation = match place.haste {
            Haste::Finish => ask.await,
            Haste::Linger | Haste::Drop => tokio::select! {
                biased;
                observation = &mut ask => observation,
                interruption = self.interrupted() => {
                    let late = async {
                        match place.haste {
                            Haste::Drop => None,
                            Haste::Linger | Haste::Finish => Some(ask.await),
                        }
                    };
                    let late = tokio::select! {
                        late = late => late,
                        () = clock::sleep(GRACE) => None,
                    };
                    return Err((interruption, late));
                }
            },
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
        place: Place<'_>,
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
                return unknown(result, format!("no answer within {}", duration::show(place.step.timeout)));
            }
            Reply::Broken(why) | Reply::NoConnection(why) => {
                return unknown(result, format!("no answer: {why}"));
            }
        };
        result.status = Some(answer.status);
        // Before anything of the answer is quoted.
        let salvaged = Exhibit::new(answer, variables, &self.context.console.secrets).salvage(place.step);
        self.learn(place.step, &salvaged);
        let id = REQUEST_IDS.iter().find_map(|name| answer.headers.iter().find(|(key, _)| key == name));
        result.request_id = id.map(|(name, value)| {
            format!("{name}: {}", self.context.console.secrets.excerpt(value, REQUEST_ID_BYTES))
        });
        let exhibit = Exhibit::new(answer, variables, &self.context.console.secrets);
        match exhibit.assess(place.step, observation.elapsed) {
            Assessment::Holds(captured) => {
                if let Some(why) = place.proof.and_then(|_| from_cache(&answer.headers)) {
                    return unknown(result, format!("the answer came from a cache: {why}"));
                }
                if let Some(mismatch) = self.unhidden(place.step, &captured) {
                    result.outcome = Outcome::Failed;
                    result.mismatches = vec![mismatch];
                    return variables.extend(captured);
                }
                variables.extend(captured);
                result.outcome =
                    if result.first_failure.is_some() { Outcome::Flaky } else { Outcome::Passed };
            }
            Assessment::Fails(mismatches) => {
                result.outcome = Outcome::Failed;
                result.mismatches = mismatches.into_vec();
                let missing = |name: &String| !captured(&salvaged, name);
                if answer.status < 400 && place.step.credentials.iter().any(missing) {
                    result.mismatches.iter_mut().for_each(|mismatch| unquoted(mismatch, answer.status));
                }
                variables.extend(salvaged);
            }
            Assessment::Unknown(why) => {
                variables.extend(salvaged);
                unknown(result, why);
            }
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

impl Taken {
    fn interrupted(mut self, interruption: Interruption) -> Self {
        self.result.outcome = Outcome::Inconclusive;
        self.result.trouble = Some(interruption.to_string());
        self.interruption = Some(interruption);
        self
    }
}

/// Whether the tenant may have done what was asked. It has not if the request never left, or was refused: a status 3xx
/// or 4xx.
fn may_be_done(observation: &Observation) -> bool {
    match &observation.reply {
        Reply::NoConnection(_) => false,
        Reply::Silence | Reply::Broken(_) => true,
        Reply::Answer(answer) => !(300..500).contains(&answer.status),
    }
}

/// What a step failed with, on one line.
pub(super) fn described(result: &StepResult) -> String {
    match (result.mismatches.first(), &result.trouble) {
        (Some(m), _) => format!("{}: expected {}, found {}", m.subject, m.expected, m.found),
        (None, Some(trouble)) => trouble.clone(),
        (None, None) => "nothing was asked".to_owned(),
    }
}
