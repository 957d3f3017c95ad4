//! 10,000 soaks by a scripted clock, for each row of the published table: target 90 %, 24 hourly looks, both levels at
//! 5 %. Volumes are fixed, so that few different counts occur and each is judged once.

use std::collections::HashMap;
use std::time::Duration;

use super::judge::{Assure, Goal, Harm, Look, Margin, Rule, metric};
use super::spending::Budget;
use crate::model::measurement::{Counts, Measurement};
use crate::model::verdict::Verdict;

const SOAKS: u32 = 10_000;
const HOURS: u64 = 24;

/// SplitMix64 (Steele, Lea and Flood 2014): the same soaks at each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Good ones among samples, by the sums of their probabilities.
    fn draw(&mut self, sums: &[f64]) -> u64 {
        let roll = self.roll();
        sums.iter().position(|sum| roll < *sum).unwrap_or(sums.len()) as u64
    }
}

fn sums(total: u64, share: f64) -> Vec<f64> {
    let mut term = (1.0 - share).powi(total as i32);
    let mut sum = term;
    let mut sums = vec![sum];
    for k in 1..total {
        term *= (total - k + 1) as f64 / k as f64 * share / (1.0 - share);
        sum += term;
        sums.push(sum);
    }
    sums
}

fn look(hour: u64) -> Look {
    let at = |hour: u64| Duration::from_secs(hour * 3_600);
    let alpha_red = Budget::new(0.05, 1, at(HOURS)).level(at(hour - 1), at(hour));
    Look { closing: hour == HOURS, alpha_red, alpha_green: 0.05 }
}

/// The shares of soaks that end green and red.
fn soaks(assure: Assure, per_hour: u64, truth: f64) -> (f64, f64) {
    let rule = Rule::Rate { goal: Goal::AtLeast(0.9), min_samples: 30, assure };
    let hourly = sums(per_hour, truth);
    let mut dice = Dice(7);
    let mut known: HashMap<(u64, u64), Verdict> = HashMap::new();
    let (mut green, mut red) = (0_u32, 0_u32);
    for _ in 0..SOAKS {
        let mut good = 0;
        for hour in 1..=HOURS {
            good += dice.draw(&hourly);
            let counts = Counts { good, total: hour * per_hour };
            let judged = || metric(&rule, Some(&Measurement::Counts(counts)), None, look(hour)).verdict;
            match known.entry((hour, good)).or_insert_with(judged) {
                Verdict::Red => {
                    red += 1;
                    break;
                }
                Verdict::Green => green += 1,
                Verdict::Pending | Verdict::Inconclusive | Verdict::Error => {}
            }
        }
    }
    (f64::from(green) / f64::from(SOAKS), f64::from(red) / f64::from(SOAKS))
}

#[test]
fn simulated_soaks_end_as_the_published_table_says() {
    for (per_hour, truth, bound, point) in [
        (2, 0.96, (0.42, 0.00), (0.96, 0.04)),
        (10, 0.96, (0.98, 0.00), (1.00, 0.00)),
        (10, 0.92, (0.26, 0.00), (0.89, 0.11)),
        (10, 0.88, (0.01, 0.23), (0.21, 0.79)),
        (10, 0.80, (0.00, 0.99), (0.00, 1.00)),
        (50, 0.92, (0.75, 0.00), (0.99, 0.01)),
        (50, 0.88, (0.00, 0.72), (0.01, 0.98)),
    ] {
        for (assure, wanted) in [(Assure::Bound, bound), (Assure::Point, point)] {
            let found = soaks(assure, per_hour, truth);
            let near = (found.0 - wanted.0).abs() < 0.03 && (found.1 - wanted.1).abs() < 0.03;
            assert!(near, "{per_hour} an hour, truth {truth}, {assure:?}: {found:?}, published {wanted:?}");
        }
    }
}

#[test]
fn false_reds_and_false_greens_stay_within_what_was_promised() {
    // What 10,000 soaks may be off by chance.
    let noise = 0.007;
    for per_hour in [2, 10, 50] {
        let (green, red) = soaks(Assure::Bound, per_hour, 0.9);
        assert!(green <= 0.05 + noise, "{per_hour} an hour: false green {green}");
        assert!(red <= 0.05 + 0.05 + noise, "{per_hour} an hour: false red {red}");
    }
}

#[test]
fn looking_often_does_not_make_an_equal_canary_red() {
    let rule = Rule::Compare {
        margin: Margin::Points(0.10),
        min_samples: 10,
        assure: Assure::Bound,
        harm: Harm::Any,
        split: None,
    };
    let (canary_hourly, stable_hourly) = (sums(10, 0.9), sums(100, 0.9));
    let mut dice = Dice(11);
    let rounds = 2_000_u32;
    let mut alarms = 0_u32;
    for _ in 0..rounds {
        let (mut canary, mut stable) = (Counts::default(), Counts::default());
        for hour in 1..=HOURS {
            canary = canary.and(Counts { good: dice.draw(&canary_hourly), total: 10 });
            stable = stable.and(Counts { good: dice.draw(&stable_hourly), total: 100 });
            let open = Look { closing: false, ..look(hour) };
            if metric(&rule, Some(&Measurement::Arms { canary, stable }), None, open).verdict == Verdict::Red
            {
                alarms += 1;
                break;
            }
        }
    }
    let share = f64::from(alarms) / f64::from(rounds);
    assert!(share <= 0.06, "{share}");
}
