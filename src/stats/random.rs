//! The seeded generator behind the demo study and training: xoshiro256++ with named streams.
//!
//! Nothing here reproduces NumPy (that is `stats::legacy_random`). Every part of a study or a training
//! draws from a stream of its own, so that a change in one part (one more voxel, say) leaves all others
//! as they were, and a training that goes on needs to know no generator's state.

use std::f64::consts::TAU;

/// Increment of the SplitMix64 sequence: the golden ratio in 64-bit fixed point.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// Offset basis and prime of the 64-bit FNV-1a hash, which turns a stream's name into a seed.
const FNV: (u64, u64) = (0xcbf2_9ce4_8422_2325, 0x0100_0000_01b3);

/// Spacing of the doubles drawn by [`Random::uniform`]: 53 bits below one.
const TWO_POW_MINUS_53: f64 = 1.0 / (1u64 << 53) as f64;

/// One reproducible stream of random numbers.
#[derive(Debug, Clone)]
pub(crate) struct Random {
    state: [u64; 4],
}

impl Random {
    /// The stream called `name` of this seed.
    pub(crate) fn stream(seed: u64, name: &str) -> Random {
        let hash = name.bytes().fold(FNV.0, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(FNV.1)
        });
        let mut counter = seed ^ hash;
        Random {
            state: std::array::from_fn(|_| split_mix(&mut counter)),
        }
    }

    /// 64 random bits (Blackman & Vigna 2021, xoshiro256++).
    fn next(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let result = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let mut state = [a, b, c ^ a, d ^ b];
        state[1] ^= state[2];
        state[0] ^= state[3];
        state[2] ^= b << 17;
        state[3] = state[3].rotate_left(45);
        self.state = state;
        result
    }

    /// Uniform on [0, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 * TWO_POW_MINUS_53
    }

    /// Uniform on [low, high).
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// Uniform on 0..n; the bias of at most n / 2⁵³ does not matter here.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.uniform() * n as f64) as usize
    }

    /// Standard normal (Box & Muller 1958; the second number of the pair is not used).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (TAU * self.uniform()).cos()
    }

    /// `n` standard normal numbers.
    pub(crate) fn normals(&mut self, n: usize) -> Vec<f64> {
        (0..n).map(|_| self.normal()).collect()
    }

    /// Shuffles in place (Fisher & Yates).
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// The next number of SplitMix64, which fills the state of larger generators.
fn split_mix(counter: &mut u64) -> u64 {
    *counter = counter.wrapping_add(GOLDEN);
    let mut bits = *counter;
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn split_mix_gives_the_published_first_number_of_seed_zero() {
        assert_eq!(split_mix(&mut 0), 0xe220_a839_7b1d_cdaf);
    }

    #[test]
    fn xoshiro_gives_the_published_numbers_of_state_1_2_3_4() {
        let mut random = Random {
            state: [1, 2, 3, 4],
        };
        let first: Vec<u64> = (0..4).map(|_| random.next()).collect();
        assert_eq!(
            first,
            [
                41_943_041,
                58_720_359,
                3_588_806_011_781_223,
                3_591_011_842_654_386
            ]
        );
    }

    #[test]
    fn normal_numbers_have_mean_zero_and_variance_one() {
        let values = Random::stream(1, "test").normals(20_000);
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64;
        assert!(mean.abs() < 0.03, "{mean}");
        assert!((variance - 1.0).abs() < 0.05, "{variance}");
    }

    #[test]
    fn streams_of_one_seed_differ_and_are_reproducible() {
        let draw = |seed, name: &str| Random::stream(seed, name).next();
        assert_eq!(draw(3, "a"), draw(3, "a"));
        assert_ne!(draw(3, "a"), draw(3, "b"));
        assert_ne!(draw(3, "a"), draw(4, "a"));
    }

    #[test]
    fn shuffle_keeps_every_item() {
        let mut items: Vec<usize> = (0..50).collect();
        Random::stream(2, "test").shuffle(&mut items);
        assert_ne!(items, (0..50).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..50).collect::<Vec<_>>());
    }
}
