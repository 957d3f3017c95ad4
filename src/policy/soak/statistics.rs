//! The statistics behind a soak's verdicts: exact binomial limits, the difference of two shares, the split of traffic.
//!
//! Every level (`alpha`) is one-sided, between 0 and 1. A share is between 0 and 1. Where an argument makes no sense
//! (no samples, a level outside its range), the answer is NaN, which no comparison calls proven.

mod binomial;
mod difference;
mod normal;

pub use self::binomial::{least_clean, lower_limit, tail_at_least, tail_at_most, upper_limit};
pub use self::difference::{Arm, difference};

/// Whether an arm that was promised the share `planned` of all samples got `own` of `total` by chance: the exact
/// two-sided probability. A soak calls the split broken below 0.001, as GrowthBook does.
pub fn split_probability(own: u64, total: u64, planned: f64) -> f64 {
    (2.0 * tail_at_most(own, total, planned).min(tail_at_least(own, total, planned))).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::split_probability;

    #[test]
    fn a_split_far_from_the_planned_one_is_no_chance() {
        for (own, total, planned, broken) in [
            (300, 10_000, 0.05, true),
            (470, 10_000, 0.05, false),
            (530, 10_000, 0.05, false),
            (700, 10_000, 0.05, true),
            (0, 10, 0.5, false),
            (0, 200, 0.05, true),
        ] {
            assert_eq!(split_probability(own, total, planned) < 0.001, broken, "{own} of {total}");
        }
    }
}
