//! Exact counts from the raw samples of a counter.
//!
//! Prometheus' `increase()` extrapolates to the edges of its range, answers in fractions, and starts a series that is
//! born inside the range at its first value, which loses the first error of a fresh release. Here the samples are added
//! as they are: what was counted between two scrapes belongs to the later one.

/// One sample: Unix milliseconds and value.
pub type Sample = (i64, f64);

/// What is known of the process behind a series.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// Whether its target was scraped with success when the interval began.
    pub scraped_before: bool,
    /// Its `process_start_time_seconds`, as scraped, oldest first.
    pub starts: Vec<Sample>,
}

/// Two start times of one process differ by less than this, in seconds: some libraries derive them from the machine's
/// boot time, which moves by a second when the clock is corrected.
const SAME_START: f64 = 1.5;

/// What a counter grew by after `from` and until `to`, from its samples in order of time. The last sample at or before
/// `from` is the base. A value that falls, or that comes from another process, began at 0. A series that was not there
/// at `from` began at 0 if its target was scraped then or its process started later; else nobody knows what its first
/// value holds, and it is the base.
pub fn growth(samples: &[Sample], target: &Target, from: i64, to: i64) -> f64 {
    let mut before: Option<Sample> = None;
    let mut sum = 0.0;
    for sample in samples.iter().copied().filter(|(at, _)| *at <= to) {
        let (at, value) = sample;
        if at > from {
            sum += match before {
                Some((earlier, base)) if value >= base && !target.restarted(earlier, at) => value - base,
                Some(_) => value,
                None if target.scraped_before || target.started_after(from, at) => value,
                None => 0.0,
            };
        }
        before = Some(sample);
    }
    sum
}

impl Target {
    /// The start time that was known at `at`.
    fn start_at(&self, at: i64) -> Option<f64> {
        self.starts.iter().rev().find(|(seen, _)| *seen <= at).map(|(_, start)| *start)
    }

    fn restarted(&self, earlier: i64, later: i64) -> bool {
        match (self.start_at(earlier), self.start_at(later)) {
            (Some(one), Some(other)) => (one - other).abs() > SAME_START,
            _ => false,
        }
    }

    fn started_after(&self, from: i64, at: i64) -> bool {
        self.start_at(at).is_some_and(|start| start * 1_000.0 > from as f64)
    }
}

/// The buckets of one histogram: the upper bound of each in its own unit, and what it grew by.
pub type Buckets = Vec<(f64, f64)>;

/// How many samples of one histogram were at or under `limit`: surely, perhaps, and of how many. The first takes the
/// highest bucket that does not reach over the limit, the second the lowest that reaches it; where a bucket ends at the
/// limit they are the same. `None` if there is no bucket for everything.
pub fn under(limit: f64, buckets: &Buckets) -> Option<(f64, f64, f64)> {
    // A limit in milliseconds and a bound in seconds differ in their last binary digit.
    let near = limit.abs() * 1e-9;
    let total = buckets.iter().find(|(bound, _)| *bound == f64::INFINITY)?.1;
    let surely =
        buckets.iter().filter(|(bound, _)| *bound <= limit + near).max_by(|a, b| a.0.total_cmp(&b.0));
    let perhaps =
        buckets.iter().filter(|(bound, _)| *bound >= limit - near).min_by(|a, b| a.0.total_cmp(&b.0));
    Some((surely.map_or(0.0, |bucket| bucket.1), perhaps.map_or(total, |bucket| bucket.1), total))
}

/// A sum of counters as a count; `None` if it is negative, no number, or not whole: then the series counts something
/// else than events.
pub fn whole(sum: f64) -> Option<u64> {
    let rounded = sum.round();
    ((0.0..9e15).contains(&rounded) && (sum - rounded).abs() < 1e-6).then_some(rounded as u64)
}

#[cfg(test)]
mod tests {
    use super::{Target, growth, under, whole};

    fn close(found: f64, wanted: f64) -> bool {
        (found - wanted).abs() < 1e-9
    }

    #[test]
    fn a_counter_is_added_up_over_restarts_and_births() {
        let unknown = Target::default;
        let scraped = || Target { scraped_before: true, starts: Vec::new() };
        let started = |starts: &[(i64, f64)]| Target { scraped_before: false, starts: starts.to_vec() };
        for (why, samples, target, wanted) in [
            ("the base is not counted", &[(900, 5.0), (1_100, 8.0)][..], unknown(), 3.0),
            ("a base at the very beginning", &[(1_000, 5.0), (1_100, 8.0)], unknown(), 3.0),
            ("a sample after the end", &[(900, 5.0), (2_000, 6.0), (2_001, 9.0)], unknown(), 1.0),
            ("a fall", &[(900, 5.0), (1_100, 8.0), (1_200, 2.0), (1_300, 4.0)], unknown(), 7.0),
            ("born at 1, target scraped before", &[(1_100, 1.0)], scraped(), 1.0),
            ("born at 1, nothing known", &[(1_100, 1.0), (1_200, 3.0)], unknown(), 2.0),
            ("born at 1, process started inside", &[(1_100, 1.0)], started(&[(1_100, 1.05)]), 1.0),
            ("born at 1, process started before", &[(1_100, 1.0)], started(&[(1_100, 0.5)]), 0.0),
            (
                "a restart that the value does not show",
                &[(900, 2.0), (1_100, 5.0)],
                started(&[(900, -50.0), (1_100, 1.0)]),
                5.0,
            ),
            (
                "a start time that trembles",
                &[(900, 2.0), (1_100, 5.0)],
                started(&[(900, -50.0), (1_100, -49.0)]),
                3.0,
            ),
            ("nothing", &[], scraped(), 0.0),
        ] {
            assert!(close(growth(samples, &target, 1_000, 2_000), wanted), "{why}");
        }
    }

    #[test]
    fn intervals_that_meet_count_each_sample_once() {
        let samples: Vec<_> = (0..40).map(|i| (i * 100, f64::from((i as i32 * 7) % 23))).collect();
        let target = Target::default();
        let whole = growth(&samples, &target, 0, 3_900);
        let parts: f64 = (0..39).map(|i| growth(&samples, &target, i * 100, (i + 1) * 100)).sum();
        assert!(close(whole, parts), "{whole} {parts}");
    }

    #[test]
    fn a_limit_between_two_buckets_has_two_readings() {
        let buckets = vec![(f64::INFINITY, 100.0), (0.25, 40.0), (1.0, 90.0)];
        for (limit, wanted) in [
            (0.25, (40.0, 40.0, 100.0)),
            (0.5, (40.0, 90.0, 100.0)),
            (0.1, (0.0, 40.0, 100.0)),
            (5.0, (90.0, 100.0, 100.0)),
        ] {
            assert_eq!(under(limit, &buckets), Some(wanted), "{limit}");
        }
        assert_eq!(under(0.25, &vec![(0.25, 1.0)]), None);
    }

    #[test]
    fn only_whole_sums_are_counts() {
        assert_eq!(whole(7.000_000_01), Some(7));
        for sum in [7.3, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(whole(sum), None, "{sum}");
        }
    }
}
