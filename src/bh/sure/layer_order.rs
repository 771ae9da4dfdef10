//! Null distribution of the score when the order of the groups means nothing.
//!
//! Items of one layer are not independent: they share the network, the images and the voxels. Shuffling
//! items over layers therefore gives a null that is far too narrow (SD .0073 in a typical table of 20,000
//! units) and everything is significant. What the hypothesis of a hierarchy is about is the *order* of the
//! layers, so whole rows of the count table are permuted (SD .182 for the same table), and the score is
//! taken of the permuted table exactly as of the observed one. For the mean over subsets of layers this means
//! that a permuted table has another first and last layer, which then are in every subset.
//!
//! For the encoding half rows are ROIs: 5! = 120 orders, so p is never below .0083. Where its score is a mean
//! over subsets of the layers, the ROIs take the same order in the table of every subset.
//!
//! Neighbouring ROIs resemble each other: their voxels see much the same, and so does what predicts them. All
//! orders are not quite alike for them, and of a network without a hierarchy the order of the ROIs as they
//! are has a high score, or a low one, more often than p says. A small p of the encoding half therefore means
//! little beside a score near 0 and an interval that holds 0.

use ndarray::ArrayView2;
use rayon::prelude::*;

use super::null::Null;
use super::random::{factorial, nth_permutation, stream};
use super::statistic::Statistic;

/// Up to this many rows all orders are visited: 8! = 40,320.
pub const MAX_EXACT_ROWS: usize = 8;

/// More ρ than this are not computed for one null: draws are fewer instead. With 5 of 99 layers there are
/// 147,440 subsets, so 10,000 draws are within it; with 152 layers 3,627 are.
const MAX_RHO: u64 = 2_000_000_000;

/// The null of `statistic` for `stack`, `(n_tables · n_groups, n_levels)`: exact up to [`MAX_EXACT_ROWS`] groups,
/// else from `n_draws` random orders. `None` if the stack has no score.
pub fn null(
    stack: ArrayView2<'_, u64>,
    statistic: &Statistic,
    n_draws: usize,
    seed: u32,
) -> Option<Null> {
    let n_rows = statistic.n_groups(stack.nrows());
    let affordable = (MAX_RHO / statistic.cost(n_rows)).max(1);
    let n_draws = n_draws.min(usize::try_from(affordable).unwrap_or(usize::MAX));
    of_orders(n_rows, n_draws, seed, |order| {
        statistic.value(statistic.reordered(stack, order).view())
    })
}

/// The null of any score of an order of `n_rows` groups; `score` of `0, 1, …` is the observed one.
pub fn of_orders(
    n_rows: usize,
    n_draws: usize,
    seed: u32,
    score: impl Fn(&[usize]) -> Option<f64> + Sync,
) -> Option<Null> {
    let identity: Vec<usize> = (0..n_rows).collect();
    let observed = score(&identity)?;
    match factorial(n_rows).filter(|_| n_rows <= MAX_EXACT_ROWS) {
        Some(n_orders) => {
            let scores: Vec<_> = (0..n_orders)
                .into_par_iter()
                .map(|index| score(&nth_permutation(index, n_rows)))
                .collect();
            Some(Null::new(observed, &scores, true))
        }
        None => {
            let scores = sampled(n_rows, n_draws, seed, score);
            Some(Null::new(observed, &scores, false))
        }
    }
}

/// Scores of random orders; the orders come from one stream, so threads do not matter.
fn sampled(
    n_rows: usize,
    n_draws: usize,
    seed: u32,
    score: impl Fn(&[usize]) -> Option<f64> + Sync,
) -> Vec<Option<f64>> {
    let mut random = stream(seed, "layer order", 0);
    let orders: Vec<Vec<usize>> = (0..n_draws).map(|_| random.permutation(n_rows)).collect();
    orders.par_iter().map(|order| score(order)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bh::spearman::spearman;
    use crate::stats::legacy_random::LegacyRandom;
    use ndarray::{Array2, Axis, array};

    /// SPEC T27: a typical table of 20,000 units.
    fn typical() -> Array2<u64> {
        array![
            [900, 500, 300, 200, 100],
            [800, 600, 400, 250, 150],
            [500, 600, 600, 400, 300],
            [400, 450, 600, 600, 400],
            [250, 350, 500, 700, 700],
            [200, 250, 400, 700, 1000],
            [150, 250, 350, 600, 1200],
            [150, 200, 300, 600, 1300]
        ]
    }

    #[test]
    fn layers_vary_more_than_units() {
        let table = typical();
        let null = null(table.view(), &Statistic::ALL_ROWS, 10_000, 0).unwrap();
        assert!((null.observed - 0.48205154341493334).abs() < 1e-12);
        assert_eq!(
            (null.p, null.exact, null.n_draws),
            (1.0 / 40_320.0, true, 40_320)
        );
        assert!((null.sd.unwrap() - 0.1817).abs() < 5e-5, "{:?}", null.sd);
        assert!(null.mean.unwrap().abs() < 1e-12);

        // Shuffling units instead: the same margins, units anywhere.
        let mut levels = Vec::new();
        for ((_, level), &count) in table.indexed_iter() {
            levels.extend(std::iter::repeat_n(level, count as usize));
        }
        let mut random = LegacyRandom::seed(3);
        let scores: Vec<f64> = (0..300)
            .map(|_| {
                random.shuffle(&mut levels);
                let (mut shuffled, mut start) = (Array2::<u64>::zeros(table.dim()), 0);
                for (row, n) in table.sum_axis(Axis(1)).iter().enumerate() {
                    for &level in &levels[start..start + *n as usize] {
                        shuffled[[row, level]] += 1;
                    }
                    start += *n as usize;
                }
                spearman(shuffled.view()).unwrap()
            })
            .collect();
        let mean = scores.iter().sum::<f64>() / 300.0;
        let sd = (scores.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / 300.0).sqrt();
        // The standard error of an SD from 300 draws is 4 %.
        assert!((sd - 0.0073).abs() < 0.001, "{sd}");
    }

    #[test]
    fn sampling_tends_to_the_exact_p() {
        let table = array![[9, 5, 2], [4, 6, 4], [6, 3, 7], [3, 4, 6], [5, 5, 5]];
        let exact = null(table.view(), &Statistic::ALL_ROWS, 1, 0).unwrap();
        assert!(exact.exact && exact.n_draws == 120);
        let score =
            |order: &[usize]| Statistic::ALL_ROWS.value(table.select(Axis(0), order).view());
        let draws = sampled(5, 40_000, 7, score);
        let sampled = Null::new(exact.observed, &draws, false);
        let error = (exact.p * (1.0 - exact.p) / 40_000.0).sqrt();
        assert!(exact.p > 0.01 && exact.p < 0.5);
        assert!(
            (sampled.p - exact.p).abs() < 4.0 * error,
            "{} {}",
            sampled.p,
            exact.p
        );
        assert!((sampled.sd.unwrap() - exact.sd.unwrap()).abs() < 0.01);
    }

    #[test]
    fn five_rois_cannot_go_below_one_in_120() {
        let table = Array2::from_shape_fn((5, 7), |(i, j)| if j == i + 1 { 50 } else { 1 });
        let null = null(table.view(), &Statistic::ALL_ROWS, 10_000, 0).unwrap();
        assert_eq!((null.p, null.smallest_p), (1.0 / 120.0, 1.0 / 120.0));
    }

    #[test]
    fn many_layers_are_sampled_the_same_way_every_time() {
        let table =
            Array2::from_shape_fn((20, 5), |(i, j)| 40 - 2 * (i / 4).abs_diff(j) as u64 * 4);
        let one = null(table.view(), &Statistic::ALL_ROWS, 500, 1).unwrap();
        assert_eq!((one.exact, one.n_draws, one.p), (false, 500, 1.0 / 501.0));
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(1)
            .build()
            .unwrap();
        let again = pool.install(|| null(table.view(), &Statistic::ALL_ROWS, 500, 1).unwrap());
        assert_eq!(one, again);
        assert_ne!(
            one,
            null(table.view(), &Statistic::ALL_ROWS, 500, 2).unwrap()
        );
    }

    #[test]
    fn without_a_score_there_is_no_null() {
        assert_eq!(
            null(array![[4, 0], [3, 0]].view(), &Statistic::ALL_ROWS, 9, 0),
            None
        );
    }
}
