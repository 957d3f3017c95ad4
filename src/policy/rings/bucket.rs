//! Where a key falls: a number from 0 to 9,999, and shares in basis points.
//!
//! The rule is that of `fractional` in flagd (flagd.dev, "Fractional Operation"): MurmurHash3 x86 32-bit with seed 0 of
//! the salt, a `/` and the key, times the total weight, shifted right by 32 bits. A ring is in a share if the number is
//! below it, so who is in 5 % is also in 25 %.

use std::fmt;

/// A share in basis points: 10,000 is everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u32);

/// Everybody, in basis points.
pub const ALL: u32 = 10_000;

impl Share {
    /// Everybody.
    pub const WHOLE: Self = Self(ALL);

    /// A share of so many basis points; `None` above 10,000.
    pub fn of(basis_points: u32) -> Option<Self> {
        (basis_points <= ALL).then_some(Self(basis_points))
    }

    /// A share in percent with at most two decimals.
    pub fn of_percent(percent: f64) -> Option<Self> {
        let points = percent * 100.0;
        let whole = points.round();
        let fits = (0.0..=f64::from(ALL)).contains(&whole) && (points - whole).abs() < 1e-6;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "within 0 and 10,000, and whole"
        )]
        fits.then_some(Self(whole as u32))
    }

    /// In basis points.
    pub fn basis_points(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Share {
    /// In percent: `10 %`, `7.32 %`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.percent())
    }
}

impl Share {
    /// In percent, as it is written in the configuration.
    pub fn percent(self) -> String {
        let (whole, rest) = (self.0 / 100, self.0 % 100);
        let text = format!("{whole}.{rest:02}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

/// The number of `key`, from 0 to 9,999.
pub fn bucket(salt: &str, key: &str) -> u32 {
    let hash = murmur3_32(format!("{salt}/{key}").as_bytes());
    u32::try_from((u64::from(hash) * u64::from(ALL)) >> 32)
        .expect("a 32-bit number times 10,000, without its low 32 bits")
}

/// MurmurHash3 x86 32-bit, seed 0 (Austin Appleby, public domain, `MurmurHash3.cpp`).
fn murmur3_32(bytes: &[u8]) -> u32 {
    let mix = |k: u32| k.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    let mut hash = 0_u32;
    let mut blocks = bytes.chunks_exact(4);
    for block in &mut blocks {
        let block = u32::from_le_bytes(block.try_into().expect("a chunk of four bytes"));
        hash = (hash ^ mix(block)).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    let rest = blocks.remainder().iter().rev().fold(0, |k, byte| k << 8 | u32::from(*byte));
    hash ^= mix(rest);
    #[expect(clippy::cast_possible_truncation, reason = "MurmurHash3 takes the length modulo 2^32")]
    let length = bytes.len() as u32;
    hash ^= length;
    hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
    hash ^ hash >> 16
}

#[cfg(test)]
mod tests {
    use super::{Share, bucket, murmur3_32};

    #[test]
    fn hashes_as_the_published_vectors_do() {
        for (text, hash) in
            [("", 0), ("a", 0x3c25_69b2), ("abc", 0xb3dd_93fa), ("Hello, world!", 0xc036_3e43)]
        {
            assert_eq!(murmur3_32(text.as_bytes()), hash, "{text}");
        }
    }

    #[test]
    fn keys_fall_where_flagd_puts_them() {
        for (key, number) in [("tenant-0", 3868), ("tenant-1", 7543), ("acme", 2902), ("", 1845)] {
            assert_eq!(bucket("platform-2026", key), number, "{key}");
        }
    }

    #[test]
    fn shares_of_a_hundred_thousand_keys_are_those_that_were_asked_for() {
        let buckets: Vec<u32> =
            (0..100_000).map(|i| bucket("platform-2026", &format!("tenant-{i}"))).collect();
        for (percent, found) in [(1.0, 1_015), (5.0, 5_032), (10.0, 9_971), (25.0, 25_023), (50.0, 50_302)] {
            let share = Share::of_percent(percent).unwrap();
            let inside = buckets.iter().filter(|number| **number < share.basis_points()).count();
            assert_eq!(inside, found, "{percent} %");
        }
    }

    #[test]
    fn a_share_has_two_decimals_of_a_percent() {
        for (percent, shown) in
            [(0.0, "0 %"), (0.01, "0.01 %"), (2.5, "2.5 %"), (10.0, "10 %"), (100.0, "100 %")]
        {
            assert_eq!(Share::of_percent(percent).unwrap().to_string(), shown);
        }
        for percent in [-1.0, 100.01, 0.001, f64::NAN] {
            assert_eq!(Share::of_percent(percent), None, "{percent}");
        }
    }
}
