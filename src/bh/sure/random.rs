//! Seeded streams: every measure draws from its own, so that none depends on which others are taken.

use crate::stats::legacy_random::LegacyRandom;

/// The generator of one purpose, and of one part of it.
///
/// Its seed is the first four bytes of the BLAKE3 hash of `purpose/part/seed`.
pub fn stream(seed: u32, purpose: &str, part: usize) -> LegacyRandom {
    let hash = blake3::hash(format!("{purpose}/{part}/{seed}").as_bytes());
    let bytes = hash.as_bytes();
    LegacyRandom::seed(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}

/// n!; `None` beyond 64 bits.
pub fn factorial(n: usize) -> Option<u64> {
    (1..=n as u64).try_fold(1_u64, u64::checked_mul)
}

/// Permutation number `index` of `0..n` in lexicographic order, `index` below n!.
pub fn nth_permutation(mut index: u64, n: usize) -> Vec<usize> {
    let mut left: Vec<usize> = (0..n).collect();
    let mut radix: u64 = (1..n as u64).product();
    let mut permutation = Vec::with_capacity(n);
    for n_left in (0..n as u64).rev() {
        permutation.push(left.remove((index / radix) as usize));
        index %= radix;
        radix /= n_left.max(1);
    }
    permutation
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_permutations_in_order() {
        for n in 1..6 {
            let all: Vec<Vec<usize>> = (0..factorial(n).unwrap())
                .map(|index| nth_permutation(index, n))
                .collect();
            assert_eq!(all[0], (0..n).collect::<Vec<_>>());
            assert!(all.windows(2).all(|pair| pair[0] < pair[1]), "{all:?}");
            for mut permutation in all {
                permutation.sort_unstable();
                assert_eq!(permutation, (0..n).collect::<Vec<_>>());
            }
        }
        assert_eq!((factorial(8), factorial(0)), (Some(40_320), Some(1)));
        assert_eq!(factorial(21), None);
    }

    #[test]
    fn streams_differ_by_purpose_part_and_seed() {
        let first = |seed, purpose, part| stream(seed, purpose, part).next_u32();
        let words = [
            first(0, "jackknife", 0),
            first(0, "jackknife", 1),
            first(1, "jackknife", 0),
            first(0, "layer order", 0),
        ];
        for (place, word) in words.iter().enumerate() {
            assert!(!words[..place].contains(word));
        }
        assert_eq!(first(0, "jackknife", 0), words[0]);
    }
}
