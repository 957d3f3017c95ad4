//! Exact binomial tails and the limits that follow from them (Clopper and Pearson 1934).
//!
//! The tail is a continued fraction of the incomplete beta function (Abramowitz and Stegun 26.5.8) times one binomial
//! probability by Loader's saddle-point form ("Fast and accurate computation of binomial probabilities", 2000), which
//! keeps its digits for counts of many millions. The fraction needs about as many terms as the square root of the
//! count, so its bound grows with it: a fixed bound would stop too early and answer wrongly without a word.

use std::f64::consts::PI;

/// Terms of the continued fraction: so many, plus so many for each unit of the square root of the count.
const TERMS: f64 = 1_000.0;
const TERMS_PER_ROOT: f64 = 50.0;
/// Halvings of an interval of shares: 2^-64 is finer than an `f64` near its middle.
const HALVINGS: usize = 64;

/// The probability of at least `hits` hits in `total` samples, where each is a hit with probability `share`.
pub fn tail_at_least(hits: u64, total: u64, share: f64) -> f64 {
    if hits > total || !(0.0..=1.0).contains(&share) {
        return f64::NAN;
    }
    if hits == 0 {
        return 1.0;
    }
    let (a, b) = (hits as f64, (total - hits) as f64 + 1.0);
    if share < (a + 1.0) / (a + b + 2.0) {
        near_tail(hits, total, share)
    } else {
        // The other tail is the small one, and a small number keeps its digits.
        1.0 - near_tail(total - hits + 1, total, 1.0 - share)
    }
}

/// The probability of at most `hits` hits in `total` samples, where each is a hit with probability `share`.
pub fn tail_at_most(hits: u64, total: u64, share: f64) -> f64 {
    if hits > total {
        return f64::NAN;
    }
    tail_at_least(total - hits, total, 1.0 - share)
}

/// The lowest true share that `hits` of `total` do not contradict at level `alpha`.
pub fn lower_limit(hits: u64, total: u64, alpha: f64) -> f64 {
    if total == 0 || hits > total || !(alpha > 0.0 && alpha < 1.0) {
        return f64::NAN;
    }
    if hits == 0 {
        return 0.0;
    }
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        let tail = tail_at_least(hits, total, middle);
        if tail.is_nan() {
            return f64::NAN;
        }
        if tail < alpha {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// The highest true share that `hits` of `total` do not contradict at level `alpha`.
pub fn upper_limit(hits: u64, total: u64, alpha: f64) -> f64 {
    if hits > total {
        return f64::NAN;
    }
    1.0 - lower_limit(total - hits, total, alpha)
}

/// The least number of samples that prove a share of at least `share` at level `alpha`, if every one of them is good;
/// `None` if no number can.
pub fn least_clean(share: f64, alpha: f64) -> Option<u64> {
    if !(share > 0.0 && share < 1.0 && alpha > 0.0 && alpha < 1.0) {
        return None;
    }
    let estimate = (alpha.ln() / share.ln()).ceil();
    // All of n are good with probability share^n; the logarithms may be off by one in the last digit.
    let proves = |n: f64| (n * share.ln()).exp() <= alpha;
    let least = if proves(estimate - 1.0) { estimate - 1.0 } else { estimate };
    (least < 9e15).then_some(least as u64)
}

/// The tail where `share` lies below the hits' own share.
fn near_tail(hits: u64, total: u64, share: f64) -> f64 {
    (1.0 - share)
        * probability(hits, total, share)
        * fraction(hits as f64, (total - hits) as f64 + 1.0, share)
}

/// The continued fraction of the incomplete beta function, by Lentz's method.
fn fraction(a: f64, b: f64, x: f64) -> f64 {
    let away = |value: f64| if value.abs() < f64::MIN_POSITIVE { f64::MIN_POSITIVE } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / away(1.0 - (a + b) * x / (a + 1.0));
    let mut result = d;
    let terms = TERMS + TERMS_PER_ROOT * (a + b).sqrt();
    let mut m = 1.0;
    while m <= terms {
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / away(1.0 + even * d);
        c = away(1.0 + even / c);
        result *= c * d;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / away(1.0 + odd * d);
        c = away(1.0 + odd / c);
        result *= c * d;
        if (c * d - 1.0).abs() < 4.0 * f64::EPSILON {
            return result;
        }
        m += 1.0;
    }
    f64::NAN
}

/// The probability of exactly `hits` hits in `total` samples.
fn probability(hits: u64, total: u64, share: f64) -> f64 {
    let (k, n, q) = (hits as f64, total as f64, 1.0 - share);
    if hits == 0 {
        return (n * (-share).ln_1p()).exp();
    }
    if hits == total {
        return (n * share.ln()).exp();
    }
    let exponent = stirling_error(total)
        - stirling_error(hits)
        - stirling_error(total - hits)
        - deviance(k, n * share)
        - deviance(n - k, n * q);
    (n / (2.0 * PI * k * (n - k))).sqrt() * exponent.exp()
}

/// `ln n!` less Stirling's formula for it.
fn stirling_error(n: u64) -> f64 {
    let x = n as f64;
    if n <= 15 {
        let factorial: f64 = (1..=n).map(|i| i as f64).product();
        return factorial.ln() - ((x + 0.5) * x.ln() - x + 0.5 * (2.0 * PI).ln());
    }
    let square = x * x;
    (1.0 / 12.0 - (1.0 / 360.0 - (1.0 / 1_260.0 - 1.0 / 1_680.0 / square) / square) / square) / x
}

/// `x ln(x/m) + m - x`, without losing digits where `x` is near `m`.
fn deviance(x: f64, m: f64) -> f64 {
    if (x - m).abs() >= 0.1 * (x + m) {
        return x * (x / m).ln() + m - x;
    }
    let v = (x - m) / (x + m);
    let mut sum = (x - m) * v;
    let mut power = 2.0 * x * v;
    let mut odd = 3.0;
    loop {
        power *= v * v;
        let next = sum + power / odd;
        if next == sum {
            return next;
        }
        sum = next;
        odd += 2.0;
    }
}

#[cfg(test)]
mod tests {
    use super::{least_clean, lower_limit, tail_at_least, tail_at_most, upper_limit};

    const ALPHA: f64 = 0.05;

    #[test]
    fn limits_are_the_published_ones() {
        for (hits, total, alpha, lower, upper, digits) in [
            (29, 29, ALPHA, Some(0.9019), Some(1.0), 4),
            (30, 30, ALPHA, Some(0.905), None, 3),
            (299, 299, ALPHA, Some(0.9900), Some(1.0), 4),
            (297, 300, ALPHA, Some(0.9744), Some(0.9973), 4),
            (40, 50, ALPHA / 24.0, None, Some(0.9304), 4),
            (36, 50, ALPHA / 24.0, None, Some(0.8779), 4),
            (9_800, 1_000_000, ALPHA, None, Some(0.009_964), 6),
            (99_500, 10_000_000, ALPHA, None, Some(0.010_002), 6),
            (860_000, 86_400_000, ALPHA, None, Some(0.009_971), 6),
            (0, 300, ALPHA, Some(0.0), Some(0.0099), 4),
        ] {
            let near = |found: f64, wanted: f64| (found - wanted).abs() <= 0.5001 * 10_f64.powi(-digits);
            let found = (lower_limit(hits, total, alpha), upper_limit(hits, total, alpha));
            assert!(lower.is_none_or(|wanted| near(found.0, wanted)), "{hits} of {total}: {found:?}");
            assert!(upper.is_none_or(|wanted| near(found.1, wanted)), "{hits} of {total}: {found:?}");
        }
    }

    #[test]
    fn tails_are_the_sums_of_their_terms() {
        for total in [1_u64, 2, 7, 30, 61] {
            for share in [0.001_f64, 0.1, 0.5, 0.87, 0.999] {
                let mut term = (1.0 - share).powi(total as i32);
                let mut terms = vec![term];
                for k in 1..=total {
                    term *= (total - k + 1) as f64 / k as f64 * share / (1.0 - share);
                    terms.push(term);
                }
                for hits in 0..=total {
                    let wanted: f64 = terms[hits as usize..].iter().sum();
                    let found = tail_at_least(hits, total, share);
                    assert!(
                        (found - wanted).abs() <= 1e-11 * wanted,
                        "{hits}/{total} at {share}: {found} {wanted}"
                    );
                }
            }
        }
    }

    #[test]
    fn half_of_any_number_stays_half() {
        // I(.5; s, s) = P(at least s of 2s - 1) = .5, where a series of fixed length fails.
        for s in [1_u64, 10, 1_000, 1_000_000, 100_000_000, 10_000_000_000] {
            let tail = tail_at_least(s, 2 * s - 1, 0.5);
            assert!((tail - 0.5).abs() < 1e-9, "{s}: {tail}");
        }
    }

    #[test]
    fn a_tiny_level_still_has_a_limit() {
        for alpha in [1e-6, 1e-12, 1e-100, 1e-300] {
            let limit = lower_limit(950, 1_000, alpha);
            assert!(limit > 0.0 && limit < 0.95, "{alpha}: {limit}");
            assert!((tail_at_least(950, 1_000, limit) / alpha - 1.0).abs() < 1e-6, "{alpha}");
        }
    }

    #[test]
    fn least_clean_samples_are_the_published_ones() {
        for (share, least) in [(0.9, 29), (0.95, 59), (0.97, 99), (0.99, 299), (0.995, 598)] {
            assert_eq!(least_clean(share, ALPHA), Some(least), "{share}");
            assert!(lower_limit(least, least, ALPHA) >= share, "{share}");
            assert!(lower_limit(least - 1, least - 1, ALPHA) < share, "{share}");
        }
        assert_eq!(least_clean(1.0, ALPHA), None);
        assert_eq!(least_clean(f64::NAN, ALPHA), None);
    }

    #[test]
    fn nonsense_has_no_limit() {
        for (hits, total, alpha) in [(0, 0, ALPHA), (2, 1, ALPHA), (1, 2, 0.0), (1, 2, 1.0), (1, 2, f64::NAN)]
        {
            assert!(lower_limit(hits, total, alpha).is_nan(), "{hits} {total} {alpha}");
            assert!(upper_limit(hits, total, alpha).is_nan(), "{hits} {total} {alpha}");
        }
        assert!(tail_at_most(1, 2, f64::NAN).is_nan());
    }
}
