//! The difference of two shares: Newcombe's method 10 (Statistics in Medicine 17:873-890, 1998).

use super::normal::quantile;

/// What one arm of a comparison showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arm {
    /// Hits.
    pub hits: u64,
    /// Samples.
    pub total: u64,
}

impl Arm {
    /// The share of hits; NaN without samples.
    pub fn share(self) -> f64 {
        self.hits as f64 / self.total as f64
    }

    /// Wilson's limits (1927) at the one-sided level whose normal quantile is `z`.
    fn wilson(self, z: f64) -> (f64, f64) {
        let (n, p) = (self.total as f64, self.share());
        let middle = p + z * z / (2.0 * n);
        let reach = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
        let scale = 1.0 + z * z / n;
        (((middle - reach) / scale).max(0.0), ((middle + reach) / scale).min(1.0))
    }
}

/// The limits of `one - weight * other` in shares, each at the one-sided level `alpha`; NaN where an arm is empty. With
/// `weight` 1 this is Newcombe's interval of the difference; with 0.9 it asks whether `one` keeps nine tenths of
/// `other`.
pub fn difference(one: Arm, other: Arm, weight: f64, alpha: f64) -> (f64, f64) {
    let z = quantile(1.0 - alpha);
    let ((l1, u1), (l2, u2)) = (one.wilson(z), other.wilson(z));
    let (p1, p2) = (one.share(), other.share());
    let middle = p1 - weight * p2;
    (middle - (p1 - l1).hypot(weight * (u2 - p2)), middle + (u1 - p1).hypot(weight * (p2 - l2)))
}

#[cfg(test)]
mod tests {
    use super::{Arm, difference};

    #[test]
    fn intervals_are_the_published_ones() {
        let stable = (900, 1000);
        for (one, other, alpha, low, high) in [
            ((56, 70), (48, 80), 0.025, 0.0524, 0.3339),
            ((90, 100), stable, 0.05, -0.0621, 0.0427),
            ((80, 100), stable, 0.05, -0.1747, -0.0401),
            ((7, 10), stable, 0.05, -0.4587, -0.0261),
            ((10, 10), stable, 0.05, -0.1134, 0.1167),
        ] {
            let arm = |(hits, total)| Arm { hits, total };
            let found = difference(arm(one), arm(other), 1.0, alpha);
            assert!((found.0 - low).abs() < 0.000_051, "{one:?} {other:?}: {found:?}");
            assert!((found.1 - high).abs() < 0.000_051, "{one:?} {other:?}: {found:?}");
        }
    }

    #[test]
    fn an_empty_arm_proves_nothing() {
        let (low, high) = difference(Arm { hits: 10, total: 10 }, Arm { hits: 0, total: 0 }, 1.0, 0.05);
        assert!(low.is_nan() && high.is_nan());
    }
}
