//! Ranks with ties, and Spearman's ρ of two lists.
//!
//! The BH score itself uses `bh::spearman`, which needs the counts only; this is the definition.

use super::correlation;

/// Ranks from 1; equal values share the mean of the ranks they take up.
///
/// If any value is NaN, all ranks are NaN: its place is not known, and so is nobody else's.
pub fn midranks(values: &[f64]) -> Vec<f64> {
    if values.iter().any(|value| value.is_nan()) {
        return vec![f64::NAN; values.len()];
    }
    // Values beside their places: millions of them are sorted several times as fast as places alone.
    let mut sorted: Vec<(f64, usize)> = values.iter().copied().zip(0..).collect();
    sorted.sort_unstable_by(|(one, _), (other, _)| one.total_cmp(other));
    let mut ranks = vec![0.0; values.len()];
    // `==` and not `total_cmp` within a tie, so that 0 and −0 are equal.
    let mut n_below = 0;
    for tied in sorted.chunk_by(|(one, _), (other, _)| one == other) {
        let rank = n_below as f64 + (tied.len() as f64 + 1.0) / 2.0;
        tied.iter().for_each(|&(_, place)| ranks[place] = rank);
        n_below += tied.len();
    }
    ranks
}

/// Spearman's ρ: Pearson's r of the mid-ranks of `a` and `b`.
///
/// NaN when either list is constant, holds NaN or is empty.
///
/// # Panics
/// If the lengths differ.
#[track_caller]
pub fn spearman(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(
        a.len(),
        b.len(),
        "lists to correlate must have the same length"
    );
    let (ranks_a, ranks_b) = (midranks(a), midranks(b));
    let column = |ranks: Vec<f64>| ndarray::Array1::from(ranks).insert_axis(ndarray::Axis(1));
    correlation::columns(column(ranks_a).view(), column(ranks_b).view())[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_scipy() {
        let a = [1.0, 2.0, 2.0, 3.0, 5.0, 5.0, 5.0, 0.5];
        let b = [3.0, 1.0, 2.0, 2.0, 4.0, 4.0, 0.0, 1.0];
        assert_eq!(midranks(&a), [2.0, 3.5, 3.5, 5.0, 7.0, 7.0, 7.0, 1.0]);
        assert!((spearman(&a, &b) - 0.2875224635699839).abs() < 1e-15);
    }

    #[test]
    fn signed_zeros_tie() {
        assert_eq!(midranks(&[0.0, -0.0, 1.0]), [1.5, 1.5, 3.0]);
    }

    #[test]
    fn undefined_is_nan() {
        assert!(spearman(&[1.0, 1.0], &[1.0, 2.0]).is_nan());
        assert!(spearman(&[1.0, f64::NAN, 3.0], &[1.0, 2.0, 3.0]).is_nan());
        assert!(spearman(&[], &[]).is_nan());
    }
}
