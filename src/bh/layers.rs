//! ρ over subsets of the layers.
//!
//! Networks differ in how many layers they list, so the original scores subsets of five: the first, the
//! last and three others in order. It draws 100 of them, without a seed: a published decoding score is one
//! draw of a random number (standard error up to .003). Its expectation is the mean over all
//! C(n − 2, 3) subsets, and since ρ needs the count table only, all of them are quickly visited.

use ndarray::ArrayView2;

use super::spearman::{Counts, Undefined};
use crate::error::{Error, Result};
use crate::stats::legacy_random::LegacyRandom;

/// More subsets than this are refused. 20 million take two seconds (measured: 147,440 subsets of five in
/// 14 ms), which covers 496 layers; larger subsets of many layers have no end (8 inner of 97: 1.4e11).
const MAX_SUBSETS: u64 = 20_000_000;

/// Which subsets of the layers are averaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerSampling {
    /// Every subset that holds the first and the last layer: the expectation of `Random`.
    Exact,
    /// Random subsets, as the original, by its generator.
    Random {
        /// How many.
        draws: usize,
        /// Seed of the generator.
        seed: u32,
    },
    /// No subsets: all layers at once.
    All,
}

/// ρ over subsets of layers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SubsetScores {
    /// Number of subsets visited.
    pub n_subsets: u64,
    /// How many of them have no ρ.
    pub n_undefined: u64,
    /// Why the first of those has none.
    pub first_undefined: Option<Undefined>,
    /// Mean and spread; `None` unless every subset has a ρ.
    pub spread: Option<Spread>,
}

/// Mean and spread of ρ over subsets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// Mean.
    pub mean: f64,
    /// Standard deviation over the subsets, which are all there are: divided by their number. For random
    /// draws by that minus 1; 0 for a single subset.
    pub sd: f64,
    /// Smallest.
    pub min: f64,
    /// Largest.
    pub max: f64,
}

/// ρ of subsets of `n_layers` rows of `table`, `(n_layers_total, n_rois)`, that hold the first and the
/// last; `None` if the table has fewer rows, or for [`LayerSampling::All`].
///
/// # Errors
/// If there are more subsets than can be visited.
pub fn subset_scores(
    table: ArrayView2<'_, u64>,
    n_layers: usize,
    sampling: LayerSampling,
) -> Result<Option<SubsetScores>> {
    let n_total = table.nrows();
    if n_layers < 2 || n_total < n_layers {
        return Ok(None);
    }
    let mut counts = Counts::new(table);
    let mut collector = Collector::default();
    match sampling {
        LayerSampling::All => Ok(None),
        LayerSampling::Exact => {
            check_number(n_total, n_layers)?;
            let mut rows: Vec<usize> = (0..n_layers - 1).chain([n_total - 1]).collect();
            loop {
                collector.add(counts.spearman(&rows));
                if !advance(&mut rows) {
                    break;
                }
            }
            Ok(Some(collector.finish(0)))
        }
        LayerSampling::Random { draws, seed } => {
            let mut random = LegacyRandom::seed(seed);
            for _ in 0..draws {
                collector.add(counts.spearman(&draw(&mut random, n_total, n_layers)));
            }
            Ok(Some(collector.finish(1)))
        }
    }
}

/// C(n_total − 2, n_layers − 2), saturating.
pub fn n_subsets(n_total: usize, n_layers: usize) -> u64 {
    if n_layers < 2 || n_total < n_layers {
        return 0;
    }
    let (n, k) = ((n_total - 2) as u128, (n_layers - 2) as u128);
    let mut product = 1_u128;
    for i in 1..=k.min(n - k) {
        // Exact: the product of i consecutive integers is divisible by i!.
        product = product.saturating_mul(n + 1 - i) / i;
        if product > u128::from(u64::MAX) {
            return u64::MAX;
        }
    }
    product as u64
}

/// Every subset of `n_layers` of `n_total` layers that holds the first and the last, in lexicographic order.
pub fn subsets(n_total: usize, n_layers: usize) -> impl Iterator<Item = Vec<usize>> {
    let first = (n_layers >= 2 && n_total >= n_layers)
        .then(|| (0..n_layers - 1).chain([n_total - 1]).collect());
    std::iter::successors(first, |rows: &Vec<usize>| {
        let mut rows = rows.clone();
        advance(&mut rows).then_some(rows)
    })
}

fn check_number(n_total: usize, n_layers: usize) -> Result<()> {
    let n = n_subsets(n_total, n_layers);
    if n <= MAX_SUBSETS {
        return Ok(());
    }
    Err(Error::data(
        format!("subsets of {n_layers} of {n_total} layers"),
        format!("there are {n}, more than {MAX_SUBSETS}"),
        "take fewer layers per subset, or random subsets (`random:100`)",
    ))
}

/// Next subset in lexicographic order, first and last row fixed; false after the last one.
fn advance(rows: &mut [usize]) -> bool {
    for position in (1..rows.len() - 1).rev() {
        let free = rows.len() - 1 - position;
        if rows[position] + free < rows[rows.len() - 1] {
            let next = rows[position] + 1;
            let inner = rows.len() - 1;
            for (row, value) in rows[position..inner].iter_mut().zip(next..) {
                *row = value;
            }
            return true;
        }
    }
    false
}

/// One random subset: the inner rows by `choice` without replacement, sorted, as in the original.
fn draw(random: &mut LegacyRandom, n_total: usize, n_layers: usize) -> Vec<usize> {
    let inner = random
        .choice(n_total - 2, n_layers - 2)
        .into_iter()
        .map(|row| row + 1);
    let mut rows: Vec<usize> = inner.chain([0, n_total - 1]).collect();
    rows.sort_unstable();
    rows
}

/// Running mean and sum of squares (Welford 1962, Technometrics 4, 419–420).
pub(super) struct Collector {
    n: u64,
    n_undefined: u64,
    first_undefined: Option<Undefined>,
    mean: f64,
    square: f64,
    min: f64,
    max: f64,
}

impl Default for Collector {
    fn default() -> Self {
        Self {
            n: 0,
            n_undefined: 0,
            first_undefined: None,
            mean: 0.0,
            square: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
        }
    }
}

impl Collector {
    pub(super) fn add(&mut self, rho: Result<f64, Undefined>) {
        self.n += 1;
        match rho {
            Ok(rho) => {
                let deviation = rho - self.mean;
                self.mean += deviation / (self.n - self.n_undefined) as f64;
                self.square += deviation * (rho - self.mean);
                self.min = self.min.min(rho);
                self.max = self.max.max(rho);
            }
            Err(reason) => {
                self.n_undefined += 1;
                self.first_undefined.get_or_insert(reason);
            }
        }
    }

    pub(super) fn finish(self, ddof: u64) -> SubsetScores {
        let spread = (self.n > 0 && self.n_undefined == 0).then(|| {
            let divisor = if self.n > ddof { self.n - ddof } else { 1 };
            let sd = (self.square / divisor as f64).sqrt();
            Spread {
                mean: self.mean,
                sd,
                min: self.min,
                max: self.max,
            }
        });
        SubsetScores {
            n_subsets: self.n,
            n_undefined: self.n_undefined,
            first_undefined: self.first_undefined,
            spread,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bh::spearman::spearman;
    use ndarray::{Array2, Axis, array};
    use proptest::prelude::*;

    #[test]
    fn numbers_of_subsets() {
        for (n_total, n) in [
            (5, 1),
            (6, 4),
            (8, 20),
            (21, 969),
            (99, 147_440),
            (152, 551_300),
        ] {
            assert_eq!(n_subsets(n_total, 5), n, "{n_total}");
        }
        assert_eq!(n_subsets(4, 5), 0);
        assert_eq!(n_subsets(9, 2), 1);
        assert_eq!(n_subsets(10_000, 5000), u64::MAX);
    }

    #[test]
    fn too_many_subsets_are_refused() {
        let table = Array2::from_elem((99, 5), 1);
        let text = subset_scores(table.view(), 10, LayerSampling::Exact)
            .unwrap_err()
            .to_string();
        assert!(
            text.contains("10 of 99 layers") && text.contains("random:100"),
            "{text}"
        );
        assert!(
            subset_scores(
                table.view(),
                10,
                LayerSampling::Random { draws: 3, seed: 0 }
            )
            .is_ok()
        );
    }

    #[test]
    fn fewer_layers_than_asked_for() {
        let table = array![[3, 1], [1, 3], [0, 4], [0, 5]];
        assert_eq!(
            subset_scores(table.view(), 5, LayerSampling::Exact).unwrap(),
            None
        );
        let both = subset_scores(table.view(), 4, LayerSampling::Exact)
            .unwrap()
            .unwrap();
        assert_eq!((both.n_subsets, both.spread.unwrap().sd), (1, 0.0));
        assert!((both.spread.unwrap().mean - spearman(table.view()).unwrap()).abs() < 1e-15);
    }

    #[test]
    fn one_undefined_subset_makes_the_mean_undefined() {
        // The subset of layers 0, 2 and 4 has no significant unit.
        let table = array![[0, 0], [9, 2], [0, 0], [1, 8], [0, 0]];
        let found = subset_scores(table.view(), 3, LayerSampling::Exact)
            .unwrap()
            .unwrap();
        assert_eq!((found.n_subsets, found.n_undefined), (3, 3));
        let found = subset_scores(table.view(), 4, LayerSampling::Exact)
            .unwrap()
            .unwrap();
        assert_eq!((found.n_subsets, found.n_undefined), (3, 2));
        assert_eq!(
            (found.spread, found.first_undefined),
            (None, Some(Undefined::OneGroup))
        );
    }

    /// All choices of `pick` of `items`, by recursion.
    fn combinations(items: &[usize], pick: usize) -> Vec<Vec<usize>> {
        if pick == 0 {
            return vec![Vec::new()];
        }
        (0..items.len())
            .flat_map(|first| {
                let rest = combinations(&items[first + 1..], pick - 1);
                rest.into_iter()
                    .map(move |rest| [vec![items[first]], rest].concat())
            })
            .collect()
    }

    #[test]
    fn all_subsets_in_order() {
        for (n_total, n_layers) in [(7, 4), (5, 5), (6, 2), (2, 2), (3, 4), (9, 1)] {
            let found: Vec<_> = subsets(n_total, n_layers).collect();
            assert_eq!(found.len() as u64, n_subsets(n_total, n_layers));
            assert!(found.windows(2).all(|pair| pair[0] < pair[1]));
            for subset in found {
                assert!(subset.windows(2).all(|pair| pair[0] < pair[1]));
                assert_eq!((subset[0], subset[n_layers - 1]), (0, n_total - 1));
            }
        }
    }

    proptest! {
        #[test]
        fn exact_equals_brute_force(
            counts in proptest::collection::vec(0_u64..40, 9 * 4),
            n_total in 2_usize..10,
            n_layers in 2_usize..8,
        ) {
            let table = Array2::from_shape_vec((9, 4), counts).unwrap();
            let table = table.select(Axis(0), &(0..n_total).collect::<Vec<_>>());
            let found = subset_scores(table.view(), n_layers, LayerSampling::Exact).unwrap();
            prop_assert_eq!(found.is_some(), n_total >= n_layers);
            let Some(found) = found else { return Ok(()) };
            let inner: Vec<usize> = (1..n_total - 1).collect();
            let all: Vec<_> = combinations(&inner, n_layers - 2)
                .into_iter()
                .map(|inner| [vec![0], inner, vec![n_total - 1]].concat())
                .map(|rows| spearman(table.select(Axis(0), &rows).view()))
                .collect();
            prop_assert_eq!(found.n_subsets, all.len() as u64);
            prop_assert_eq!(found.n_subsets, n_subsets(n_total, n_layers));
            let defined: Vec<f64> = all.iter().flatten().copied().collect();
            prop_assert_eq!(found.n_undefined as usize, all.len() - defined.len());
            if let Some(spread) = found.spread {
                let n = defined.len() as f64;
                let mean = defined.iter().sum::<f64>() / n;
                let square = defined.iter().map(|rho| (rho - mean).powi(2)).sum::<f64>();
                prop_assert!((spread.mean - mean).abs() < 1e-12);
                prop_assert!((spread.sd - (square / n).sqrt()).abs() < 1e-9);
                prop_assert_eq!(spread.min, defined.iter().copied().fold(f64::INFINITY, f64::min));
                prop_assert_eq!(spread.max, defined.iter().copied().fold(-1.0, f64::max));
            }
        }

        #[test]
        fn random_draws_are_near_the_exact_mean(counts in proptest::collection::vec(1_u64..400, 12 * 5)) {
            let table = Array2::from_shape_vec((12, 5), counts).unwrap();
            let mean_of = |sampling| {
                subset_scores(table.view(), 5, sampling).unwrap().unwrap().spread.unwrap()
            };
            let exact = mean_of(LayerSampling::Exact);
            let random = mean_of(LayerSampling::Random { draws: 400, seed: 3 });
            // Five standard errors: 6e-7 per case if draws are independent and uniform.
            prop_assert!((random.mean - exact.mean).abs() < 5.0 * exact.sd / 20.0);
            prop_assert!(exact.min <= random.min && random.max <= exact.max);
        }
    }
}
