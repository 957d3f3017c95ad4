//! What a soak remembers between two ticks, and what one tick makes of it. The report of a tick is a function of the
//! file and this memory alone, so that whoever reads the memory again says the same.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::clock::{Clock, Serving, Timing};
use super::judge::{self, Course, Finding, Look, Reason, Rule, Standing};
use super::spending::Budget;
use super::suite::{Ends, Metric, Soak};
use crate::model::commit::CommitSha;
use crate::model::measurement::{Counts, Measurement};
use crate::model::record::JudgedImage;
use crate::model::soak::Interval;
use crate::model::verdict::Verdict;

/// The memory of a soak, as its state file holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The version of this form: 1.
    pub format: u32,
    /// The release.
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
    /// The clock.
    pub clock: Clock,
    /// The last tick; `None`: there was none yet.
    pub tick: Option<Tick>,
    /// Whether the ring's tag was seen to name the release.
    #[serde(default)]
    pub on_ring: bool,
    /// What took the ring's tag since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superseded: Option<String>,
    /// What was measured, by metric.
    pub metrics: BTreeMap<String, Memory>,
    /// Whether the verdict is final.
    pub closed: bool,
}

/// Which soak it is: a state of another one is not gone on with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The release.
    pub sha: CommitSha,
    /// The release beside it.
    pub stable: Option<CommitSha>,
    /// The release's images, where records are kept.
    pub images: Vec<JudgedImage>,
    /// The ring.
    pub ring: Option<String>,
    /// sha256 of the soak file, in hex.
    pub gates: String,
}

/// One tick.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tick {
    /// When it was.
    pub at: Timestamp,
    /// What the clock counted.
    pub counted: Duration,
    /// The same at the tick before.
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

/// What is remembered of one metric.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// Everything that was measured since the opening.
    pub measured: Option<Measurement>,
    /// Why nothing could be measured at the last tick.
    pub trouble: Option<Reason>,
    /// Since when its number has broken the target.
    pub first_breach: Option<Timestamp>,
    /// For a source that cannot look back: the counted time at its last answer.
    pub reached: Duration,
    /// The same: counted time of which it told nothing.
    pub blind: Duration,
}

/// What a source said at one tick.
#[derive(Clone, Debug, PartialEq)]
pub enum Measured {
    /// Everything since the opening: it takes the place of what was known.
    Whole(Measurement),
    /// What happened since the last tick: it is added to what was known.
    Since(Measurement),
}

/// What a soak says after a tick.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// The verdict.
    pub verdict: Verdict,
    /// Why it is inconclusive.
    pub reason: Option<Reason>,
    /// What each metric shows, in the order of the file.
    pub metrics: Vec<Finding>,
}

impl State {
    /// A soak that is opened.
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
        let reading = self.clock.read(now, timing(soak));
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
            closing: gave_up(soak, self.clock.opened, now),
            astray,
        });
        // While the clock stands there is nothing new to ask about; a last look that failed is made again.
        let fresh = reading.counted > before || reading.counted >= soak.window;
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
        let over =
            tick.counted >= soak.window || (soak.ends == Ends::Samples && self.has_samples(soak, &tick));
        let troubled = |metric: &Metric| {
            metric.gates && self.metrics.get(&metric.name).is_some_and(|memory| memory.trouble.is_some())
        };
        // Sources that can look back may answer at the next tick: a last look that failed is made again.
        tick.closing |= over && !soak.metrics.iter().any(troubled);
        self.tick = Some(tick.clone());
        let judged = self.judge(soak);
        for (metric, finding) in soak.metrics.iter().zip(&judged.metrics) {
            let memory = self.metrics.entry(metric.name.clone()).or_default();
            let broken = finding.verdict == Verdict::Red || finding.shown.point == Standing::Red;
            memory.first_breach = if broken { memory.first_breach.or(Some(tick.at)) } else { None };
        }
        self.closed = judged.verdict != Verdict::Pending;
        judged
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
        let budget = Budget::new(soak.alpha_red, soak.gating(), soak.window);
        let look = Look {
            closing: tick.closing,
            alpha_red: budget.level(tick.before, tick.counted),
            alpha_green: soak.alpha_green,
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
        let few = |finding: &Finding| {
            matches!(
                finding.shown.point,
                Standing::Inconclusive(Reason::Samples { .. } | Reason::NoData | Reason::EmptyArm { .. })
            )
        };
        let findings = self.findings(soak, &closing);
        !soak.metrics.iter().zip(&findings).any(|(metric, finding)| metric.gates && few(finding))
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

impl Memory {
    fn learn(&mut self, metric: &Metric, answer: Result<Measured, Reason>, counted: Duration, soak: &Soak) {
        self.trouble = None;
        match answer {
            Ok(Measured::Whole(new)) => self.measured = Some(joined(self.measured.take(), new)),
            Ok(Measured::Since(new)) => {
                let gap = counted.saturating_sub(self.reached);
                // A tick that is a little late still covers the time since the one before.
                self.blind += if gap > 2 * soak.tick { gap - soak.tick } else { Duration::ZERO };
                self.reached = counted;
                self.measured = Some(added(self.measured.take(), new));
            }
            Err(reason) => {
                self.trouble = Some(reason);
                match (&metric.rule, &mut self.measured) {
                    (Rule::Value { .. } | Rule::Trend, Some(Measurement::Values(values))) => {
                        values.push(None);
                    }
                    (Rule::Equal { .. }, Some(Measurement::Pairs(pairs))) => pairs.push(None),
                    _ => {}
                }
            }
        }
        let seen =
            counted.saturating_sub(self.blind).as_secs_f64() / counted.as_secs_f64().max(f64::MIN_POSITIVE);
        if self.trouble.is_none() && seen < soak.min_coverage {
            self.trouble = Some(Reason::Blind { covered: seen, least: soak.min_coverage });
        }
    }
}

/// Readings are a series, and counts of everything replace older ones.
fn joined(old: Option<Measurement>, new: Measurement) -> Measurement {
    match (old, new) {
        (Some(Measurement::Values(mut all)), Measurement::Values(more)) => {
            all.extend(more);
            Measurement::Values(all)
        }
        (Some(Measurement::Pairs(mut all)), Measurement::Pairs(more)) => {
            all.extend(more);
            Measurement::Pairs(all)
        }
        (_, new) => new,
    }
}

/// Both together.
pub fn added(old: Option<Measurement>, new: Measurement) -> Measurement {
    match (old, new) {
        (Some(Measurement::Counts(old)), Measurement::Counts(new)) => Measurement::Counts(old.and(new)),
        (
            Some(Measurement::Buckets { surely, perhaps }),
            Measurement::Buckets { surely: more_surely, perhaps: more_perhaps },
        ) => Measurement::Buckets { surely: surely.and(more_surely), perhaps: perhaps.and(more_perhaps) },
        (
            Some(Measurement::Arms { canary, stable }),
            Measurement::Arms { canary: more_canary, stable: more_stable },
        ) => Measurement::Arms { canary: canary.and(more_canary), stable: stable.and(more_stable) },
        (old, new) => joined(old, new),
    }
}

/// What a file says of the clock.
pub fn timing(soak: &Soak) -> Timing {
    Timing { window: soak.window, settle: soak.settle, lag: soak.lag }
}

/// Whether the time is over in which the window could be counted with the least coverage, and failed sources may answer.
fn gave_up(soak: &Soak, opened: Timestamp, now: Timestamp) -> bool {
    let passed = Duration::try_from(now.duration_since(opened)).unwrap_or_default();
    let elapsed = passed.saturating_sub(soak.settle).saturating_sub(soak.lag);
    elapsed.as_secs_f64() * soak.min_coverage > soak.window.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;

    use super::{Judged, Measured, State, Subject};
    use crate::model::measurement::{Counts, Measurement};
    use crate::model::soak::Interval;
    use crate::model::verdict::Verdict;
    use crate::policy::soak::clock::Serving;
    use crate::policy::soak::judge::Reason;
    use crate::policy::soak::suite::{Soak, read};
    use crate::policy::toml::TomlFile;

    /// A soak of 24 hours with one metric of 90 %.
    fn soak(more: &str) -> Soak {
        let text = format!(
            "format = 1\n[soak]\nwindow = '24h'\n{more}\n[source.c]\ntype = 'command'\n[[metric]]\nname = 'm'\nkind = 'rate'\n\
             at_least = 0.9\nmin_samples = 30\nsource = 'c'\nrun = ['x', '{{{{ start }}}}']\n"
        );
        read(&TomlFile { name: "soak.toml", text: &text }).unwrap()
    }

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minute * 60).unwrap()
    }

    fn open() -> State {
        let sha = "1234567".parse().unwrap();
        let gates = String::new();
        State::open(Subject { sha, stable: None, images: Vec::new(), ring: None, gates }, at(0))
    }

    /// What a source that counts one sample a minute, and a bad one every `nth`, says of these intervals.
    fn counted(intervals: &[Interval], nth: i64) -> Counts {
        let minutes = |it: &Interval| it.start.as_second() / 60..it.end.as_second() / 60;
        let all: Vec<i64> = intervals.iter().flat_map(minutes).collect();
        let bad = all.iter().filter(|minute| *minute % nth == 0).count() as u64;
        Counts::of_bad(bad, all.len() as u64).unwrap()
    }

    /// The verdict of the last of these ticks that found the soak open.
    fn play(soak: &Soak, minutes: impl IntoIterator<Item = i64>, nth: i64) -> (State, Judged) {
        let mut state = open();
        let mut judged = state.judge(soak);
        for minute in minutes {
            if state.closed {
                break;
            }
            // What was written is what the next tick reads.
            state = serde_json::from_str(&serde_json::to_string(&state).unwrap()).unwrap();
            let intervals = state.look(soak, at(minute), &Serving::Yes);
            let whole = Measured::Whole(Measurement::Counts(counted(&intervals, nth)));
            let answers =
                if intervals.is_empty() { BTreeMap::new() } else { [("m".to_owned(), Ok(whole))].into() };
            judged = state.take(soak, answers);
        }
        (state, judged)
    }

    #[test]
    fn ticks_that_are_missed_late_or_doubled_end_with_the_same_numbers() {
        let soak = soak("");
        let regular = play(&soak, (0..).step_by(15).take(200), 20).1;
        assert_eq!(regular.verdict, Verdict::Green);
        assert_eq!(regular.metrics[0].shown.samples, 24 * 60);
        for minutes in
            [vec![0, 7, 240, 1_200, 1_446], vec![0, 0, 15, 15, 1_000, 1_000, 1_600], vec![0, 1_500]]
        {
            let other = play(&soak, minutes.clone(), 20).1;
            assert_eq!(other.metrics[0].shown, regular.metrics[0].shown, "{minutes:?}");
            assert_eq!(other.verdict, Verdict::Green, "{minutes:?}");
        }
    }

    #[test]
    fn a_disproved_target_closes_the_soak_at_once_and_says_since_when() {
        let (state, judged) = play(&soak(""), (0..).step_by(15).take(200), 4);
        assert_eq!((judged.verdict, state.closed), (Verdict::Red, true));
        assert!(state.tick.unwrap().counted < soak("").window / 2);
        assert!(state.metrics["m"].first_breach.is_some());
    }

    #[test]
    fn a_soak_that_ends_by_samples_waits_for_them_and_no_longer() {
        let (state, judged) = play(&soak("ends = 'samples'"), (0..).step_by(5).take(400), 20);
        assert_eq!(judged.verdict, Verdict::Green);
        let samples = judged.metrics[0].shown.samples;
        assert!((30..40).contains(&samples), "{samples}");
        assert!(state.closed);
    }

    #[test]
    fn a_source_that_fails_at_the_last_tick_may_answer_at_the_next() {
        let soak = soak("");
        let mut state = open();
        let mut step = |minute: i64, answer: Result<(), Reason>| {
            let intervals = state.look(&soak, at(minute), &Serving::Yes);
            let whole = Measured::Whole(Measurement::Counts(counted(&intervals, 20)));
            state.take(&soak, [("m".to_owned(), answer.map(|()| whole))].into()).verdict
        };
        let failed = || Err(Reason::Error { what: "refused".to_owned() });
        step(0, Ok(()));
        assert_eq!(step(1_450, failed()), Verdict::Pending);
        assert_eq!(step(1_460, Ok(())), Verdict::Green);
        state = open();
        let mut step = |minute: i64, answer: Result<(), Reason>| {
            let intervals = state.look(&soak, at(minute), &Serving::Yes);
            let whole = Measured::Whole(Measurement::Counts(counted(&intervals, 20)));
            state.take(&soak, [("m".to_owned(), answer.map(|()| whole))].into()).verdict
        };
        step(0, Ok(()));
        assert_eq!(step(1_450, failed()), Verdict::Pending);
        assert_eq!(step(1_700, failed()), Verdict::Inconclusive);
    }

    #[test]
    fn a_release_that_lost_its_ring_is_superseded_and_what_it_broke_stays_red() {
        let soak = soak("");
        let mut state = open();
        state.look(&soak, at(0), &Serving::Yes);
        state.take(&soak, BTreeMap::new());
        state.look(&soak, at(60), &Serving::Superseded("canary names another".to_owned()));
        let judged = state.take(&soak, BTreeMap::new());
        assert_eq!((judged.verdict, judged.reason), (Verdict::Inconclusive, Some(Reason::Superseded)));
        assert!(state.closed && state.on_ring);
    }

    #[test]
    fn a_release_that_is_never_served_ends_inconclusive() {
        let soak = soak("");
        let mut state = open();
        for minute in [0, 600, 1_200] {
            assert!(state.look(&soak, at(minute), &Serving::No("another".to_owned())).is_empty());
            assert_eq!(state.take(&soak, BTreeMap::new()).verdict, Verdict::Pending);
        }
        state.look(&soak, at(1_700), &Serving::No("another".to_owned()));
        let judged = state.take(&soak, BTreeMap::new());
        assert_eq!(judged.verdict, Verdict::Inconclusive);
        assert!(matches!(judged.reason, Some(Reason::Blind { .. })), "{:?}", judged.reason);
    }
}
