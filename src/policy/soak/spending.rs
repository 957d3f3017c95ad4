//! The budget of false alarms, spent by elapsed time (Lan and DeMets 1983, with the union bound).
//!
//! Whoever looks often must ask for more each time, or looking itself makes a rollback: a naive limit at each of 24
//! looks rolls an equal canary back in a third of all soaks. Each look gets the part of the budget that belongs to the
//! time since the look before. The parts never add up to more than the budget, however many looks there are and however
//! late they come, as long as the data do not choose the moment.

use std::time::Duration;

/// The chance, over the whole soak, that a healthy release is called red before the end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    alpha: f64,
    window: Duration,
}

impl Budget {
    /// `alpha_red` for the whole soak of counted time `window`, divided evenly by its `gating` metrics: one of them is
    /// enough for a red.
    pub fn new(alpha_red: f64, gating: usize, window: Duration) -> Self {
        Self { alpha: alpha_red / gating.max(1) as f64, window }
    }

    /// What one metric may spend on a look at counted time `now`, if the look before was at `before`. Nothing is left
    /// after the window.
    pub fn level(&self, before: Duration, now: Duration) -> f64 {
        let passed = now.min(self.window).saturating_sub(before);
        self.alpha * passed.as_secs_f64() / self.window.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::Budget;
    use std::time::Duration;

    #[test]
    fn the_parts_of_any_looks_add_up_to_the_budget() {
        let hour = |h: f64| Duration::from_secs_f64(h * 3_600.0);
        let budget = Budget::new(0.05, 4, hour(24.0));
        for looks in [&[24.0][..], &[0.25, 0.5, 6.0, 24.0], &[1.0, 23.9, 24.0, 30.0, 31.0]] {
            let mut before = Duration::ZERO;
            let mut spent = 0.0;
            for look in looks {
                spent += budget.level(before, hour(*look));
                before = hour(*look);
            }
            assert!((spent - 0.0125).abs() < 1e-12, "{looks:?}: {spent}");
        }
        let quarter = budget.level(hour(3.0), hour(3.25));
        assert!((quarter - 0.05 / 4.0 / 96.0).abs() < 1e-12, "{quarter}");
        let late = budget.level(hour(3.0), hour(7.0));
        assert!(
            (late - 16.0 * quarter).abs() < 1e-12,
            "a late look has the budget of the ones that were missed"
        );
        assert!(budget.level(hour(3.0), hour(3.0)).abs() < 1e-300, "no time, no budget");
    }
}
