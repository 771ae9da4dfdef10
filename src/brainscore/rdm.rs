//! Representational dissimilarity: which stimuli a layer or a region tells apart, and how alike two of them do.
//!
//! ```text
//! d_ij = 1 − Pearson's r of the responses of all units to stimuli i and j
//! similarity = Spearman's ρ of two such matrices over i < j
//! ```
//!
//! (Kriegeskorte, Mur & Bandettini 2008, Front. Syst. Neurosci. 2:4; SPEC 2.10.)

use ndarray::{Array1, Array2, ArrayView2, Axis};

use super::features::Features;
use super::gram::{self, Gram};
use super::predictivity::{N_SPLITS, SEED, check, impossible, in_parallel, mean_and_error};
use crate::error::{Error, Result};
use crate::stats::rank;
use crate::stats::splits::{self, Size, Split};

/// Share of the stimuli that [`cross_validated`] compares in every split.
pub const SHARE: f64 = 0.9;

/// How far from 0 the diagonal of a given matrix may be, as in NumPy's `assert_almost_equal`.
const DIAGONAL: f64 = 1.5e-7;

/// Steps of computed dissimilarities in 1: 6e-14 each, a hundred times what rounding adds and nothing in a rank.
const STEPS: f64 = (1_u64 << 44) as f64;

/// Dissimilarities of stimuli: symmetric, zero on the diagonal.
#[derive(Debug, Clone, PartialEq)]
pub struct Rdm(Array2<f64>);

impl Rdm {
    /// Of the responses of units, a row per stimulus.
    ///
    /// # Errors
    /// If a stimulus has the same response in all units, which correlates with nothing, or values are missing.
    pub fn of(features: &Features) -> Result<Rdm> {
        let n = features.n_images();
        let as_given = vec![0.0; features.n_units()];
        let block = |units| {
            features.block_less(units, &as_given).ok_or_else(|| {
                Error::data(
                    "dissimilarities",
                    "need the values of the units, of which only products are known",
                    "give the features themselves",
                )
            })
        };
        let mut mean = Array1::<f64>::zeros(n);
        let mut constant = vec![true; n];
        for units in gram::blocks(features.n_units()) {
            for (stimulus, row) in block(units)?.rows().into_iter().enumerate() {
                let first = features.at(stimulus, 0);
                mean[stimulus] += row.sum();
                constant[stimulus] &= row.iter().all(|&value| Some(value) == first);
            }
        }
        if let Some(stimulus) = constant.iter().position(|&constant| constant) {
            return Err(undefined(stimulus));
        }
        mean /= features.n_units() as f64;
        let mut products = Gram::new(n);
        for units in gram::blocks(features.n_units()) {
            products.add((block(units)? - mean.view().insert_axis(Axis(1))).view());
        }
        let mut matrix = products.finish();
        let length: Vec<f64> = matrix.diag().iter().map(|square| square.sqrt()).collect();
        for ((i, j), value) in matrix.indexed_iter_mut() {
            *value = match i == j {
                true => 0.0,
                // DEVIATION: NumPy leaves the last digits to chance, which breaks ties where there should be some, of two
                // sites (r is 1 or −1) or of stimuli shown twice: ρ of such matrices was .876 instead of 1.
                false => {
                    let r = (*value / (length[i] * length[j])).clamp(-1.0, 1.0);
                    ((1.0 - r) * STEPS).round() / STEPS
                }
            };
        }
        Ok(Rdm(matrix))
    }

    /// From dissimilarities, `(n_stimuli, n_stimuli)`. The diagonal may be NaN, as other programs leave it for stimuli
    /// without any response.
    ///
    /// # Errors
    /// If the matrix is not square or its diagonal not 0, or a stimulus has no dissimilarity to another.
    pub fn given(matrix: Array2<f64>) -> Result<Rdm> {
        let (n, columns) = matrix.dim();
        let far = |value: &f64| value.abs() > DIAGONAL;
        if n != columns || matrix.diag().iter().any(far) {
            return Err(Error::data(
                "dissimilarities",
                format!(
                    "of {n} rows and {columns} columns are not a square with zeros on the diagonal"
                ),
                "give 1 − r of all pairs of stimuli",
            ));
        }
        // The stimulus that is to blame has NaN everywhere, the others at its place only.
        let n_missing = |stimulus: usize| {
            let row = matrix.row(stimulus);
            let others = row
                .iter()
                .enumerate()
                .filter(|&(other, _)| other != stimulus);
            others.filter(|(_, value)| value.is_nan()).count()
        };
        let worst = (0..n).rev().max_by_key(|&stimulus| n_missing(stimulus));
        if let Some(stimulus) = worst.filter(|&stimulus| n_missing(stimulus) > 0) {
            return Err(undefined(stimulus));
        }
        let mut matrix = matrix;
        matrix.diag_mut().fill(0.0);
        Ok(Rdm(matrix))
    }

    /// `(n_stimuli, n_stimuli)`.
    pub fn matrix(&self) -> ArrayView2<'_, f64> {
        self.0.view()
    }

    /// Number of stimuli.
    pub fn n_stimuli(&self) -> usize {
        self.0.nrows()
    }

    /// Those of some stimuli, in this order.
    pub fn select(&self, stimuli: &[usize]) -> Rdm {
        Rdm(self.0.select(Axis(0), stimuli).select(Axis(1), stimuli))
    }

    /// Above the diagonal, row by row.
    pub fn upper(&self) -> Vec<f64> {
        let rows = self.0.rows().into_iter().enumerate();
        rows.flat_map(|(i, row)| row.to_vec().split_off(i + 1))
            .collect()
    }

    /// Spearman's ρ with another matrix of the same stimuli in the same order; NaN if either is constant.
    ///
    /// # Panics
    /// If the numbers of stimuli differ.
    #[track_caller]
    pub fn similarity(&self, other: &Rdm) -> f64 {
        assert_eq!(self.n_stimuli(), other.n_stimuli(), "the same stimuli");
        rank::spearman(&self.upper(), &other.upper())
    }
}

fn undefined(stimulus: usize) -> Error {
    Error::data(
        format!("stimulus {stimulus} (counted from 0)"),
        "has the same response in all units, so that no dissimilarity is defined",
        "leave the stimulus out",
    )
}

/// Similarity over random parts of the stimuli.
#[derive(Debug, Clone, PartialEq)]
pub struct Similarity {
    /// Of every split, `(n_splits,)`.
    pub per_split: Array1<f64>,
    /// Mean over splits.
    pub score: f64,
    /// Standard error over splits: SD (n, not n − 1) / √n_splits.
    pub error: f64,
}

/// The registry's splits of the metric `rdm_cv`: ten, whose *test* part is nine tenths of the stimuli.
///
/// - `classes`: class of every stimulus, `(n_stimuli,)`.
///
/// # Errors
/// If there are too few stimuli, or too few in a class.
pub fn registry_splits(n_stimuli: usize, classes: Option<&[usize]>) -> Result<Vec<Split>> {
    let size = Size::Test(SHARE);
    match classes {
        Some(classes) => splits::stratified(classes, N_SPLITS, size, SEED),
        None => splits::plain(n_stimuli, N_SPLITS, size, SEED),
    }
    .map_err(impossible)
}

/// Similarity of two matrices over the test part of every split.
///
/// # Errors
/// If the matrices are of different numbers of stimuli, or a split does not belong to them.
pub fn cross_validated(one: &Rdm, other: &Rdm, splits: &[Split]) -> Result<Similarity> {
    check(one.n_stimuli(), other.n_stimuli(), splits)?;
    // Both matrices, half of them as lists, as ranks, and sorted with their places.
    let numbers = 6 * one.n_stimuli() * one.n_stimuli();
    let per_split = in_parallel(splits, numbers, |split| {
        let (one, other) = (one.select(&split.test), other.select(&split.test));
        Ok(one.similarity(&other))
    })?;
    let per_split = Array1::from(per_split);
    let (score, error) = mean_and_error(&per_split);
    Ok(Similarity {
        per_split,
        score,
        error,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brainscore::noise;
    use crate::stats::correlation;
    use ndarray::array;

    fn rdm(values: Array2<f64>) -> Rdm {
        Rdm::of(&Features::new(values).unwrap()).unwrap()
    }

    #[test]
    fn dissimilarities_are_those_of_the_specification() {
        let found = rdm(array![[1.0, 2.0], [1.0, 2.0], [4.0, 3.0], [4.0, 3.0]]);
        let expected = array![
            [0.0, 0.0, 2.0, 2.0],
            [0.0, 0.0, 2.0, 2.0],
            [2.0, 2.0, 0.0, 0.0],
            [2.0, 2.0, 0.0, 0.0]
        ];
        assert!(
            (found.matrix().to_owned() - expected)
                .iter()
                .all(|d| d.abs() < 1e-12)
        );
        let one = rdm(array![
            [1.0, 2.0, 1.0],
            [3.0, 1.0, 0.0],
            [0.0, 4.0, 2.0],
            [2.0, 2.0, 4.0],
            [5.0, 3.0, 1.0]
        ]);
        let other = rdm(array![
            [2.0, 0.0, 1.0],
            [1.0, 1.0, 0.0],
            [4.0, 2.0, 2.0],
            [0.0, 3.0, 1.0],
            [1.0, 5.0, 2.0]
        ]);
        let similarity = one.similarity(&other);
        assert!(
            (similarity + 0.18902790432892227).abs() < 1e-12,
            "{similarity}"
        );
    }

    /// r of two sites is 1 or −1, so that all that matters is which stimuli prefer the same site.
    #[test]
    fn ties_are_exact() {
        let x = noise(30, 2, 1);
        let found = rdm(x.clone());
        let prefers = |stimulus: usize| x[[stimulus, 0]] > x[[stimulus, 1]];
        for ((i, j), value) in found.matrix().indexed_iter() {
            let expected = match prefers(i) == prefers(j) {
                true => 0.0,
                false => 2.0,
            };
            assert_eq!(*value, expected, "{i} {j}");
        }
        let scaled = rdm(x.mapv(|value| 3.1 * value + 0.7));
        assert!((found.similarity(&scaled) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn equals_the_correlation_of_rows_over_several_blocks() {
        let x = noise(9, 4000, 1).mapv(|value| value as f32);
        let found = Rdm::of(&Features::new(x.clone()).unwrap()).unwrap();
        let expected = 1.0 - correlation::row_matrix(x.view());
        assert!(
            (found.matrix().to_owned() - expected)
                .iter()
                .all(|d| d.abs() < 1e-12)
        );
    }

    #[test]
    fn undefined_stimuli_are_named() {
        let mut x = noise(6, 5, 1);
        x.row_mut(4).fill(0.1);
        let text = Rdm::of(&Features::new(x.clone()).unwrap())
            .unwrap_err()
            .to_string();
        assert!(text.contains("stimulus 4"), "{text}");
        let given = Rdm::given(1.0 - correlation::row_matrix(x.view()));
        assert!(given.unwrap_err().to_string().contains("stimulus 4"));
        let mut matrix = rdm(noise(6, 5, 1)).matrix().to_owned();
        matrix[[2, 2]] = f64::NAN;
        assert_eq!(Rdm::given(matrix.clone()).unwrap(), rdm(noise(6, 5, 1)));
        matrix[[2, 2]] = 0.1;
        assert!(Rdm::given(matrix).is_err());
    }

    #[test]
    fn splits_compare_their_test_part() {
        let (one, other) = (noise(20, 30, 1), noise(20, 30, 2));
        let splits = registry_splits(20, None).unwrap();
        assert_eq!(splits[0].test.len(), 18);
        let found = cross_validated(&rdm(one.clone()), &rdm(other.clone()), &splits).unwrap();
        let part = |x: &Array2<f64>| rdm(x.select(Axis(0), &splits[3].test));
        let expected = part(&one).similarity(&part(&other));
        assert!((found.per_split[3] - expected).abs() < 1e-12);
        assert!((found.score - found.per_split.mean().unwrap()).abs() < 1e-15);
    }
}
