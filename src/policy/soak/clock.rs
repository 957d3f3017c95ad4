//! The clock of a soak: it counts only while every tenant serves the release.
//!
//! What is counted is a set of intervals, so that sources that can look back are asked about exactly these, whenever
//! the tick comes: a tick that was missed, or came hours late, changes no interval.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::model::soak::Interval;

/// What is known of the tenants at one tick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Serving {
    /// Every tenant serves the release.
    Yes,
    /// A tenant serves another build, or the ring's tag does not name the release yet; what was found.
    No(String),
    /// The ring's tag named the release before and names another one now; what was found.
    Superseded(String),
    /// A tenant could not be asked, and none is known to serve another build; what was found.
    Unknown(String),
}

/// The clock's memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// When the soak was opened.
    pub opened: Timestamp,
    /// Stretches that ended because a tenant served another build; each without its settling.
    done: Vec<Interval>,
    /// The stretch that goes on: since when every tenant has served the release, and when that was last seen.
    running: Option<Interval>,
}

/// How long a soak lasts, from its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// The counted time after which it closes.
    pub window: Duration,
    /// What is not counted after all tenants serve the release.
    pub settle: Duration,
    /// How late a sample may reach its source.
    pub lag: Duration,
}

/// What the clock shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// What is counted and may be read from the sources, in order.
    pub intervals: Vec<Interval>,
    /// The length of these; at most the window.
    pub counted: Duration,
    /// The time that could have been counted since the opening.
    pub elapsed: Duration,
    /// The longest stretch of it that was not.
    pub longest_gap: Duration,
}

impl Reading {
    /// The share of the elapsed time that was counted; 1 before any time elapsed.
    pub fn coverage(&self) -> f64 {
        if self.elapsed.is_zero() {
            return 1.0;
        }
        (self.counted.as_secs_f64() / self.elapsed.as_secs_f64()).min(1.0)
    }
}

impl Clock {
    /// A clock that was started at `opened`.
    pub fn open(opened: Timestamp) -> Self {
        Self { opened, done: Vec::new(), running: None }
    }

    /// Takes in what was seen at `now`. Two sightings of the release count what lies between them: nothing else was
    /// deployed there, or it was put back before anybody looked.
    pub fn see(&mut self, now: Timestamp, serving: &Serving, settle: Duration) {
        match (serving, &mut self.running) {
            (Serving::Yes, Some(running)) => running.end = running.end.max(now),
            (Serving::Yes, None) => self.running = Some(Interval { start: now, end: now }),
            (Serving::No(_) | Serving::Superseded(_), Some(running)) => {
                self.done.extend(settled(*running, settle));
                self.running = None;
            }
            (Serving::No(_) | Serving::Superseded(_), None) | (Serving::Unknown(_), _) => {}
        }
    }

    /// What it shows at `now`.
    pub fn read(&self, now: Timestamp, timing: Timing) -> Reading {
        let readable = before(now, timing.lag);
        let mut left = timing.window;
        let mut intervals = Vec::new();
        for interval in
            self.done.iter().copied().chain(self.running.and_then(|it| settled(it, timing.settle)))
        {
            let end = interval.end.min(readable).min(after(interval.start, left));
            if end > interval.start {
                left = left.saturating_sub(length(interval.start, end));
                intervals.push(Interval { start: interval.start, end });
            }
        }
        let start = after(self.opened, timing.settle);
        // A soak that is over did not go on until somebody looked.
        let end = if left.is_zero() { intervals.last().map_or(readable, |last| last.end) } else { readable };
        let edges = intervals.iter().map(|it| it.start).chain([end]);
        let from = std::iter::once(start).chain(intervals.iter().map(|it| it.end));
        Reading {
            counted: timing.window.saturating_sub(left),
            elapsed: length(start, end),
            longest_gap: from.zip(edges).map(|(from, to)| length(from, to)).max().unwrap_or_default(),
            intervals,
        }
    }
}

fn settled(interval: Interval, settle: Duration) -> Option<Interval> {
    let start = after(interval.start, settle);
    (start < interval.end).then_some(Interval { start, end: interval.end })
}

fn after(moment: Timestamp, span: Duration) -> Timestamp {
    SignedDuration::try_from(span)
        .ok()
        .and_then(|span| moment.checked_add(span).ok())
        .unwrap_or(Timestamp::MAX)
}

fn before(moment: Timestamp, span: Duration) -> Timestamp {
    SignedDuration::try_from(span)
        .ok()
        .and_then(|span| moment.checked_sub(span).ok())
        .unwrap_or(Timestamp::MIN)
}

/// The time from `start` to `end`; none if that is backwards.
fn length(start: Timestamp, end: Timestamp) -> Duration {
    Duration::try_from(end.duration_since(start)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Clock, Reading, Serving, Timing};
    use jiff::Timestamp;
    use std::time::Duration;

    const TIMING: Timing = Timing { window: minutes(60), settle: minutes(5), lag: minutes(1) };

    const fn minutes(count: u64) -> Duration {
        Duration::from_secs(count * 60)
    }

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minute * 60).unwrap()
    }

    /// A clock that saw `sightings`: `y`es, `n`o, `?`; read at the minute of the last one.
    fn shows(sightings: &[(i64, char)]) -> Reading {
        let mut clock = Clock::open(at(0));
        for (minute, seen) in sightings {
            let serving = match seen {
                'y' => Serving::Yes,
                'n' => Serving::No("another".to_owned()),
                _ => Serving::Unknown("refused".to_owned()),
            };
            clock.see(at(*minute), &serving, TIMING.settle);
        }
        clock.read(at(sightings.last().unwrap().0), TIMING)
    }

    #[test]
    fn counts_only_what_was_served_and_settled() {
        for (sightings, counted, gap) in [
            (&[(0, 'y')][..], 0, 0),
            (&[(0, 'y'), (15, 'y')], 9, 0),
            (&[(0, 'n'), (10, 'y'), (20, 'y')], 4, 10),
            (&[(0, 'y'), (15, 'y'), (20, 'n'), (30, 'y'), (45, 'y')], 19, 20),
            (&[(0, 'y'), (15, '?'), (30, 'y')], 24, 0),
            (&[(0, 'y'), (15, 'y'), (30, '?')], 10, 14),
        ] {
            let reading = shows(sightings);
            assert_eq!(reading.counted, minutes(counted), "{sightings:?}");
            assert_eq!(reading.longest_gap, minutes(gap), "{sightings:?}");
        }
    }

    #[test]
    fn missed_and_late_ticks_end_at_the_same_moment() {
        let often: Vec<(i64, char)> = (0..=70).map(|minute| (minute, 'y')).collect();
        let (often, late) = (shows(&often), shows(&[(0, 'y'), (30, 'y'), (300, 'y')]));
        assert_eq!(often, late);
        assert_eq!((often.counted, often.intervals[0].end), (minutes(60), at(65)));
        assert!((often.coverage() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn time_that_was_not_counted_lowers_the_coverage() {
        let reading = shows(&[(0, 'y'), (25, 'y'), (26, 'n'), (46, 'y')]);
        assert_eq!((reading.counted, reading.elapsed), (minutes(20), minutes(40)));
        assert!((reading.coverage() - 0.5).abs() < 1e-9);
    }
}
