//! What a soak remembers between two ticks, and what one tick makes of it. The report of a tick is a function of the
//! file and this memory alone, so that whoever reads the memory again says the same.

mod memory;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::memory::{Measured, Memory, Point, added};
use super::clock::{Clock, Serving, Timing};
use super::judge::{self, Course, Finding, Look, Reason, Standing};
use super::spending::Budget;
use super::suite::{Ends, Metric, Soak};
use crate::model::commit::CommitSha;
use crate::model::measurement::{Counts, Measurement};
use crate::model::record::JudgedImage;
use crate::model::soak::Interval;
use crate::model::verdict::Verdict;

/// The memory of a soak, as its state file holds it.
/// Which soak it is: a state of another one is not gone on with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The version of this form: 1.
    pub format: u32,
    pub sha: CommitSha,
    /// The release beside it, if the file asks about one.
    pub stable: Option<CommitSha>,
    /// Its images by digest, as its record names them; empty: no record is kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<JudgedImage>,
    /// The ring whose tag has to name these digests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ring: Option<String>,
    /// sha256 of the soak file, in hex: another file is another soak.
    pub gates: String,
    pub clock: Clock,
    /// The last tick; `None`: there was none yet.
    pub tick: Option<Tick>,
    /// Whether the ring's tag was seen to name the release.
    #[serde(default)]
    pub on_ring: bool,
    /// What took the ring's tag since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superseded: Option<String>,
    /// How often it went on for another window.
    #[serde(default)]
    pub extended: u32,
    /// The numbers of the snapshot, before the opening and at the close.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub snapshot: BTreeMap<String, Snapshot>,
    /// Failing rows of what is red, by metric; taken when it closed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rows: BTreeMap<String, Vec<Value>>,
    /// What was measured, by metric.
    pub metrics: BTreeMap<String, Memory>,
    pub closed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    pub sha: CommitSha,
    pub stable: Option<CommitSha>,
    /// The release's images, where records are kept.
    pub images: Vec<JudgedImage>,
    pub ring: Option<String>,
    /// sha256 of the soak file, in hex.
    pub gates: String,
}

/// A number before the opening and at the close; `None` where it could not be measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Before the opening: the live release.
    pub before: Option<f64>,
    /// At the close.
    pub after: Option<f64>,
}

/// One tick.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tick {
    pub at: Timestamp,
    pub counted: Duration,
    /// What the clock had counted at the tick before.
    pub before: Duration,
    /// The share of the elapsed time that was counted.
    pub coverage: f64,
    /// The longest stretch that was not.
    pub longest_gap: Duration,
    /// Whether it is the last look.
    pub closing: bool,
    /// What a tenant served instead of the release, or why that is not known.
    pub astray: Option<String>,
}

/// What a soak says after a tick.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    pub verdict: Verdict,
    pub reason: Option<Reason>,
    /// What each metric shows, in the order of the file.
    pub metrics: Vec<Finding>,
}

impl State {
    pub fn open(subject: Subject, now: Timestamp) -> Self {
        let Subject { sha, stable, images, ring, gates } = subject;
        Self {
            format: 1,
            sha,
            stable,
            images,
            ring,
            gates,
            clock: Clock::open(now),
            tick: None,
            on_ring: false,
            superseded: None,
            extended: 0,
            snapshot: BTreeMap::new(),
            rows: BTreeMap::new(),
            metrics: BTreeMap::new(),
            closed: false,
        }
    }

    /// What makes this the state of another soak than that of `subject`, if anything does.
    pub fn differs(&self, subject: &Subject) -> Option<String> {
        let digests = |images: &[JudgedImage]| {
            images.iter().map(|image| (image.repository.to_string(), image.digest.clone())).collect()
        };
        let (own, others): (BTreeMap<_, _>, BTreeMap<_, _>) =
            (digests(&self.images), digests(&subject.images));
        if self.sha != subject.sha {
            Some(format!("a soak of {}", self.sha))
        } else if self.gates != subject.gates {
            Some("a soak by another version of the soak file".to_owned())
        } else if self.stable != subject.stable {
            Some("a soak beside another stable release".to_owned())
        } else if self.ring != subject.ring {
            Some("a soak on another ring".to_owned())
        } else {
            (own != others && !own.is_empty() && !others.is_empty())
                .then(|| "a soak of other digests of the same commit".to_owned())
        }
    }

    /// Of two states of one soak, the one that saw more.
    #[must_use]
    pub fn later(self, other: Self) -> Self {
        let at = |state: &Self| (state.closed, state.tick.as_ref().map(|tick| tick.at));
        if at(&other) > at(&self) { other } else { self }
    }

    /// Takes in what the tenants serve at `now`, and says which intervals are to be asked about;
    /// none if nothing new was counted.
    pub fn look(&mut self, soak: &Soak, now: Timestamp, serving: &Serving) -> Vec<Interval> {
        self.clock.see(now, serving, soak.settle);
        let reading = self.clock.read(now, self.timing(soak));
        let before = self.tick.as_ref().map_or(Duration::ZERO, |tick| tick.counted);
        let astray = match serving {
            Serving::Yes => None,
            Serving::No(found) | Serving::Unknown(found) | Serving::Superseded(found) => Some(found.clone()),
        };
        self.on_ring |= *serving == Serving::Yes;
        if let Serving::Superseded(found) = serving {
            self.superseded = Some(found.clone());
        }
        self.tick = Some(Tick {
            at: now,
            counted: reading.counted,
            before: before.min(reading.counted),
            coverage: reading.coverage(),
            longest_gap: reading.longest_gap,
            closing: self.gave_up(soak, now),
            astray,
        });
        // While the clock stands there is nothing new to ask about; a last look that failed is made again.
        let fresh = reading.counted > before || reading.counted >= self.window(soak);
        if fresh { reading.intervals } else { Vec::new() }
    }

    /// Takes in what the sources said, and judges. After [`State::look`], and not on a soak that is closed.
    pub fn take(&mut self, soak: &Soak, mut answers: BTreeMap<String, Result<Measured, Reason>>) -> Judged {
        let Some(mut tick) = self.tick.clone() else { return self.judge(soak) };
        for metric in &soak.metrics {
            let memory = self.metrics.entry(metric.name.clone()).or_default();
            if let Some(answer) = answers.remove(&metric.name) {
                memory.learn(metric, answer, tick.counted, soak);
            }
        }
        self.expose(soak);
        let over = tick.counted >= self.window(soak)
            || (soak.ends == Ends::Samples && self.has_samples(soak, &tick));
        let troubled = |metric: &Metric| {
            metric.gates && self.metrics.get(&metric.name).is_some_and(|memory| memory.trouble.is_some())
        };
        // Sources that can look back may answer at the next tick: a last look that failed is made again.
        tick.closing |= over && !soak.metrics.iter().any(troubled);
        self.tick = Some(tick.clone());
        let mut judged = self.judge(soak);
        if judged.verdict == Verdict::Inconclusive && self.extended < soak.extend && more_helps(&judged) {
            self.extended += 1;
            tick.closing = false;
            self.tick = Some(tick.clone());
            judged = self.judge(soak);
        }
        for (metric, finding) in soak.metrics.iter().zip(&judged.metrics) {
            let memory = self.metrics.entry(metric.name.clone()).or_default();
            let broken = finding.verdict == Verdict::Red || finding.shown.point == Standing::Red;
            memory.first_breach = if broken { memory.first_breach.or(Some(tick.at)) } else { None };
            memory.note(tick.counted, finding);
        }
        self.closed = judged.verdict != Verdict::Pending;
        judged
    }

    /// Judges now, whatever could not be measured.
    pub fn close(&mut self, soak: &Soak) -> Judged {
        if let Some(tick) = &mut self.tick {
            tick.closing = true;
        }
        self.judge(soak)
    }

    /// What the memory says, as of its last tick.
    pub fn judge(&self, soak: &Soak) -> Judged {
        let Some(tick) = &self.tick else {
            return Judged { verdict: Verdict::Pending, reason: None, metrics: Vec::new() };
        };
        let metrics = self.findings(soak, tick);
        let gating: Vec<Finding> = soak
            .metrics
            .iter()
            .zip(&metrics)
            .filter(|(metric, _)| metric.gates)
            .map(|(_, finding)| finding.clone())
            .collect();
        let course = Course {
            closing: tick.closing,
            coverage: tick.coverage,
            min_coverage: soak.min_coverage,
            superseded: self.superseded.is_some(),
        };
        let (verdict, reason) = judge::soak(course, &gating);
        Judged { verdict, reason, metrics }
    }

    fn findings(&self, soak: &Soak, tick: &Tick) -> Vec<Finding> {
        let budget = Budget::new(soak.alpha_red, soak.gating(), soak.longest());
        let look = Look {
            closing: tick.closing,
            alpha_red: budget.level(tick.before, tick.counted),
            // Each window may end in a look that proves.
            alpha_green: soak.alpha_green / f64::from(1 + soak.extend),
        };
        let nothing = Memory::default();
        let finding = |metric: &Metric| {
            let memory = self.metrics.get(&metric.name).unwrap_or(&nothing);
            judge::metric(&metric.rule, memory.measured.as_ref(), memory.trouble.clone(), look)
        };
        soak.metrics.iter().map(finding).collect()
    }

    /// Whether every gating metric has the samples that it was planned with.
    fn has_samples(&self, soak: &Soak, tick: &Tick) -> bool {
        let closing = Tick { closing: true, ..tick.clone() };
        let few = |metric: &Metric, finding: &Finding| {
            let planned = metric.rule.min_samples().saturating_mul(u64::from(1 + self.extended));
            let nothing = matches!(
                finding.shown.point,
                Standing::Inconclusive(Reason::Samples { .. } | Reason::NoData | Reason::EmptyArm { .. })
            );
            nothing || finding.shown.samples < planned
        };
        let findings = self.findings(soak, &closing);
        !soak.metrics.iter().zip(&findings).any(|(metric, finding)| metric.gates && few(metric, finding))
    }

    /// The counted time after which it closes, with the extensions so far.
    pub fn window(&self, soak: &Soak) -> Duration {
        soak.window * (1 + self.extended)
    }

    fn timing(&self, soak: &Soak) -> Timing {
        Timing { window: self.window(soak), settle: soak.settle, lag: soak.lag }
    }

    /// The intervals that were counted up to the last tick.
    pub fn intervals(&self, soak: &Soak) -> Vec<Interval> {
        let read = |tick: &Tick| self.clock.read(tick.at, self.timing(soak)).intervals;
        self.tick.as_ref().map(read).unwrap_or_default()
    }

    /// Whether the time is over in which the window could be counted with the least coverage, and failed sources may
    /// answer.
    fn gave_up(&self, soak: &Soak, now: Timestamp) -> bool {
        let passed = Duration::try_from(now.duration_since(self.clock.opened)).unwrap_or_default();
        let elapsed = passed.saturating_sub(soak.settle).saturating_sub(soak.lag);
        elapsed.as_secs_f64() * soak.min_coverage > self.window(soak).as_secs_f64()
    }

    /// Gives the metrics that count only what is bad the exposure of the metric that they name.
    fn expose(&mut self, soak: &Soak) {
        for metric in &soak.metrics {
            let Some(other) = &metric.exposure else { continue };
            let total = match self.metrics.get(other).and_then(|memory| memory.measured.as_ref()) {
                Some(Measurement::Counts(counts)) => counts.total,
                Some(Measurement::Buckets { surely, .. }) => surely.total,
                Some(Measurement::Arms { canary, .. }) => canary.total,
                Some(Measurement::Pairs(_) | Measurement::Values(_)) | None => 0,
            };
            if let Some(Measurement::Counts(counts)) =
                self.metrics.get_mut(&metric.name).and_then(|memory| memory.measured.as_mut())
            {
                let bad = counts.bad();
                // More bad ones than samples is still bad ones.
                *counts = Counts { good: total.saturating_sub(bad), total: total.max(bad) };
            }
        }
    }
}

/// Whether more samples can decide what is inconclusive.
fn more_helps(judged: &Judged) -> bool {
    matches!(judged.reason, Some(Reason::Samples { .. } | Reason::Undecided | Reason::EmptyArm { .. }))
}

#[cfg(test)]
mod tests;
