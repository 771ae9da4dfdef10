//! NumPy's legacy generator (`numpy.random.RandomState`), draw for draw.
//!
//! The original draws voxels and layers with it, so the same seed must give the same choice. It is the
//! Mersenne Twister MT19937 (Matsumoto & Nishimura 1998, ACM TOMACS 8(1), 3–30); how NumPy turns its
//! 32-bit outputs into doubles, bounded integers and shuffles is stated at each function. A generator
//! is a value of its own: unlike the original's global one, using it changes nothing elsewhere.

/// Words of the generator's state.
const STATE_WORDS: usize = 624;
/// Distance of the word that is mixed in at each step.
const SHIFT: usize = 397;
/// Last row of the twist matrix.
const MATRIX: u32 = 0x9908_b0df;
/// Multiplier of the seeding recurrence (Knuth, TAOCP volume 2, 3rd edition, page 106).
const SEED_MULTIPLIER: u32 = 1_812_433_253;

/// A seeded MT19937 with the draws of `numpy.random.RandomState`.
#[derive(Clone, Debug)]
pub struct LegacyRandom {
    state: [u32; STATE_WORDS],
    /// Next word of `state` to hand out; `STATE_WORDS` when all are used.
    position: usize,
    /// Normal numbers come in pairs: the other one of the last pair.
    spare_normal: Option<f64>,
}

impl LegacyRandom {
    /// The generator `numpy.random.RandomState(seed)`.
    pub fn seed(seed: u32) -> Self {
        let mut state = [0; STATE_WORDS];
        let mut word = seed;
        for (index, slot) in (0_u32..).zip(&mut state) {
            if index > 0 {
                word = SEED_MULTIPLIER
                    .wrapping_mul(word ^ (word >> 30))
                    .wrapping_add(index);
            }
            *slot = word;
        }
        Self {
            state,
            position: STATE_WORDS,
            spare_normal: None,
        }
    }

    /// Next 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        if self.position == STATE_WORDS {
            self.twist();
        }
        let mut word = self.state[self.position];
        self.position += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }

    /// Uniform double in [0, 1) with 53 random bits: 27 from one draw, 26 from the next.
    pub fn random_sample(&mut self) -> f64 {
        let high = f64::from(self.next_u32() >> 5);
        let low = f64::from(self.next_u32() >> 6);
        (high * 67_108_864.0 + low) / 9_007_199_254_740_992.0
    }

    /// Normal number with mean 0 and variance 1, as `RandomState.randn()`.
    ///
    /// Marsaglia's polar method: the second number of a pair is handed out first.
    pub fn standard_normal(&mut self) -> f64 {
        if let Some(spare) = self.spare_normal.take() {
            return spare;
        }
        loop {
            let x = 2.0 * self.random_sample() - 1.0;
            let y = 2.0 * self.random_sample() - 1.0;
            let square = x * x + y * y;
            if square < 1.0 && square != 0.0 {
                let factor = (-2.0 * square.ln() / square).sqrt();
                self.spare_normal = Some(factor * x);
                return factor * y;
            }
        }
    }

    /// Uniform integer in `0..=max`.
    ///
    /// Draws are masked to the bits of `max` and repeated until they fit; `max` 0 draws nothing.
    pub fn interval(&mut self, max: u32) -> u32 {
        if max == 0 {
            return 0;
        }
        let mask = u32::MAX >> max.leading_zeros();
        loop {
            let value = self.next_u32() & mask;
            if value <= max {
                return value;
            }
        }
    }

    /// Shuffles in place: Fisher–Yates from the last element down to the second.
    ///
    /// # Panics
    /// If there are 2³² elements or more, where NumPy would draw 64 bits.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let max = u32::try_from(last).expect("fewer than 2^32 items are shuffled");
            items.swap(last, self.interval(max) as usize);
        }
    }

    /// The numbers `0..n` in random order, as `RandomState.permutation(n)`.
    pub fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        self.shuffle(&mut order);
        order
    }

    /// `size` different numbers of `0..n`, as `RandomState.choice(n, size, replace=False)`: the first
    /// ones of a permutation, in its order.
    ///
    /// # Panics
    /// If `size` is larger than `n`.
    #[track_caller]
    pub fn choice(&mut self, n: usize, size: usize) -> Vec<usize> {
        assert!(size <= n, "cannot choose {size} of {n} without replacement");
        let mut order = self.permutation(n);
        order.truncate(size);
        order
    }

    /// Makes the next `STATE_WORDS` words.
    fn twist(&mut self) {
        for index in 0..STATE_WORDS {
            let next = self.state[(index + 1) % STATE_WORDS];
            let joined = (self.state[index] & 0x8000_0000) | (next & 0x7fff_ffff);
            let mixed = (joined >> 1) ^ if joined & 1 == 1 { MATRIX } else { 0 };
            self.state[index] = self.state[(index + SHIFT) % STATE_WORDS] ^ mixed;
        }
        self.position = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_numbers_are_numpys() {
        // `RandomState(0).randn(3)` and the 1,000th of `RandomState(7).randn(1000)`. Logarithms of other
        // libraries may differ in the last digit.
        let mut random = LegacyRandom::seed(0);
        for expected in [1.764052345967664, 0.4001572083672233, 0.9787379841057392] {
            let drawn = random.standard_normal();
            assert!((drawn - expected).abs() < 1e-14, "{drawn} {expected}");
        }
        let mut random = LegacyRandom::seed(7);
        let last = (0..1000).map(|_| random.standard_normal()).last().unwrap();
        assert!((last + 0.677_439_237_878_200_9_f64).abs() < 1e-14, "{last}");
    }

    #[test]
    fn first_doubles_of_seed_0() {
        let mut random = LegacyRandom::seed(0);
        let drawn = [(); 3].map(|()| random.random_sample());
        assert_eq!(
            drawn,
            [0.5488135039273248, 0.7151893663724195, 0.6027633760716439]
        );
    }

    #[test]
    fn words_of_the_largest_seed() {
        // numpy.random.RandomState(4294967295).randint(0, 2**32, 4, dtype=uint32)
        let mut random = LegacyRandom::seed(u32::MAX);
        let drawn = [(); 4].map(|()| random.next_u32());
        assert_eq!(drawn, [419326371, 479346978, 3918654476, 2416749639]);
    }

    #[test]
    fn permutation_of_seed_1() {
        assert_eq!(
            LegacyRandom::seed(1).permutation(10),
            [2, 9, 6, 4, 0, 3, 1, 7, 8, 5]
        );
    }

    #[test]
    fn choices_of_seed_0() {
        let picked = LegacyRandom::seed(0).choice(1431, 1000);
        assert_eq!(
            picked[..10],
            [1149, 233, 1310, 202, 362, 399, 1059, 31, 465, 317]
        );
        assert_eq!(picked[997..], [635, 738, 499]);
        assert_eq!(picked.iter().sum::<usize>(), 714_294);
        let picked = LegacyRandom::seed(0).choice(2049, 1000);
        assert_eq!(picked[..5], [1516, 1439, 294, 1025, 923]);
        assert_eq!(picked.iter().sum::<usize>(), 1_020_438);
    }

    #[test]
    fn shuffle_and_doubles_share_one_stream() {
        // r = RandomState(5); z = list(range(12)); r.shuffle(z); r.random_sample(3)
        let mut random = LegacyRandom::seed(5);
        let mut items: Vec<u8> = (0..12).collect();
        random.shuffle(&mut items);
        assert_eq!(items, [7, 5, 2, 9, 11, 4, 8, 1, 0, 10, 6, 3]);
        let drawn = [(); 3].map(|()| random.random_sample());
        assert_eq!(
            drawn,
            [
                0.29680050157622195,
                0.18772122866125163,
                0.08074126876487486
            ]
        );
    }

    #[test]
    fn an_interval_of_zero_draws_nothing() {
        let (mut one, mut other) = (LegacyRandom::seed(9), LegacyRandom::seed(9));
        assert_eq!(one.interval(0), 0);
        assert_eq!(one.next_u32(), other.next_u32());
        assert!(one.permutation(0).is_empty());
    }

    #[test]
    #[should_panic(expected = "cannot choose 4 of 3")]
    fn more_than_there_are_cannot_be_chosen() {
        LegacyRandom::seed(0).choice(3, 4);
    }
}
