//! Do groups differ? Kruskal–Wallis and its permutation test.

use super::legacy_random::LegacyRandom;
use super::rank::midranks;
use statrs::distribution::{ChiSquared, ContinuousCDF};

/// Relative slack in comparing permuted with observed H: equal tables sum in another order.
const SLACK: f64 = 1e-9;

/// Kruskal & Wallis (1952): one-way analysis of variance on ranks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KruskalWallis {
    /// The statistic H, corrected for ties; NaN if all values are equal.
    pub h: f64,
    /// Degrees of freedom, the number of groups less one.
    pub freedom: usize,
    /// p from χ², which is a rough approximation for groups of fewer than five.
    pub p: f64,
}

/// ```text
/// H = (12 / (N (N + 1)) · Σ R_g² / n_g − 3 (N + 1)) / (1 − Σ (t³ − t) / (N³ − N))
/// ```
///
/// with R_g the rank sum and n_g the size of a group, and t the sizes of ties.
///
/// - `values`: `(n,)`; `groups`: for each the number of its group, below `n_groups`. Empty groups do not count.
///
/// # Panics
/// If the lengths differ or a group is not below `n_groups`.
#[track_caller]
pub fn kruskal_wallis(values: &[f64], groups: &[usize], n_groups: usize) -> KruskalWallis {
    assert_eq!(values.len(), groups.len(), "every value needs its group");
    let h = statistic(&midranks(values), groups, n_groups) / tie_correction(values);
    let mut present: Vec<usize> = groups.to_vec();
    present.sort_unstable();
    present.dedup();
    let freedom = present.len().saturating_sub(1);
    let p = match ChiSquared::new(freedom as f64) {
        Ok(distribution) if !h.is_nan() => distribution.sf(h.max(0.0)),
        _ => f64::NAN,
    };
    KruskalWallis { h, freedom, p }
}

/// p of H when the values are shuffled among the models: (1 + number of shuffles with H as large or larger)
/// / (1 + `n_permutations`). NaN if H is undefined.
///
/// The draws are those of `RandomState(seed).permutation(n)`.
///
/// # Panics
/// As [`kruskal_wallis`].
#[track_caller]
pub fn permutation_p(
    values: &[f64],
    groups: &[usize],
    n_groups: usize,
    n_permutations: usize,
    seed: u32,
) -> f64 {
    if kruskal_wallis(values, groups, n_groups).p.is_nan() {
        return f64::NAN;
    }
    // Ties are the same in every shuffle: no correction is needed to compare.
    let ranks = midranks(values);
    let observed = statistic(&ranks, groups, n_groups);
    let mut random = LegacyRandom::seed(seed);
    let mut n_as_large = 0;
    for _ in 0..n_permutations {
        let order = random.permutation(ranks.len());
        let shuffled: Vec<f64> = order.iter().map(|&index| ranks[index]).collect();
        let h = statistic(&shuffled, groups, n_groups);
        n_as_large += usize::from(h >= observed - SLACK * observed.abs());
    }
    (1 + n_as_large) as f64 / (1 + n_permutations) as f64
}

/// H without the correction for ties.
fn statistic(ranks: &[f64], groups: &[usize], n_groups: usize) -> f64 {
    let n = ranks.len() as f64;
    let mut sums = vec![(0.0, 0.0); n_groups];
    for (rank, &group) in ranks.iter().zip(groups) {
        sums[group].0 += rank;
        sums[group].1 += 1.0;
    }
    let squares = sums.iter().filter(|(_, n_group)| *n_group > 0.0);
    let squares: f64 = squares.map(|(sum, n_group)| sum * sum / n_group).sum();
    12.0 / (n * (n + 1.0)) * squares - 3.0 * (n + 1.0)
}

fn tie_correction(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let cube = |n: usize| (n as f64).powi(3) - n as f64;
    let ties: f64 = sorted.chunk_by(|a, b| a == b).map(|t| cube(t.len())).sum();
    let correction = 1.0 - ties / cube(values.len());
    if correction > 0.0 {
        correction
    } else {
        f64::NAN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separated_groups_are_found() {
        let values: Vec<f64> = (0..12).map(f64::from).collect();
        let groups: Vec<usize> = (0..12).map(|index| index / 4).collect();
        let test = kruskal_wallis(&values, &groups, 3);
        // scipy.stats.kruskal
        assert!((test.h - 9.846153846153847).abs() < 1e-12, "{test:?}");
        assert!(
            (test.p - 0.007_276_706_499_332_493).abs() < 1e-10,
            "{test:?}"
        );
        let p = permutation_p(&values, &groups, 3, 999, 0);
        assert!(p < 0.005, "{p}");
    }

    #[test]
    fn equal_values_have_no_test() {
        let groups = [0, 0, 1, 1];
        assert!(kruskal_wallis(&[2.0; 4], &groups, 2).p.is_nan());
        assert!(permutation_p(&[2.0; 4], &groups, 2, 10, 0).is_nan());
    }

    #[test]
    fn empty_groups_do_not_count() {
        let test = kruskal_wallis(&[1.0, 2.0, 3.0], &[0, 2, 2], 5);
        assert_eq!(test.freedom, 1);
    }
}
