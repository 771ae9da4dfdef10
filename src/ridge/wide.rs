//! Many more inputs than a Gram matrix can have: 200,000 units of a layer for every voxel.
//!
//! The model is that of the parent module with inputs that repeat ([`Inputs::weighted`](super::Inputs::weighted)), in two passes
//! over the inputs. The first, in blocks of inputs, keeps for every target the inputs with the
//! largest absolute correlation ([`Search`]); the second takes these inputs and solves every
//! target's own system ([`Gathered`]). Nothing of size `n_inputs²`, or `n_inputs × n_targets`, is formed.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, CowArray, Ix2};
use rayon::prelude::*;

use super::inputs::{centre, column_norms, inverse_norms, kappa, scale_rows};
use super::linalg::{self, Workspace};
use super::select::stronger_first;
use super::{weighted_mean, without_undefined};
use crate::error::{Error, Result};

/// The strongest inputs of every target, while blocks of inputs come in.
pub struct Search<'a> {
    /// `(n_rows, n_targets)`, without undefined values.
    targets: CowArray<'a, f64, Ix2>,
    counts: &'a [f64],
    n_selected: usize,
    n_usable: usize,
    lists: Vec<List>,
}

/// Candidates of one target.
#[derive(Clone, Default)]
struct List {
    /// `|x̃ⱼᵀ y| / ‖x̃ⱼ‖` and `j`; the strongest so far are among them.
    candidates: Vec<(f64, u32)>,
    /// Weakest key that was kept when the list was last cut; whatever comes later must beat it.
    bar: Option<f64>,
}

impl<'a> Search<'a> {
    /// Nothing seen so far.
    ///
    /// - `targets`: means over the samples of each row, `(n_rows, n_targets)`.
    /// - `counts`: samples of each row, `(n_rows,)`.
    /// - `n_selected`: inputs wanted per target, at least 1.
    #[track_caller]
    pub fn new(targets: ArrayView2<'a, f64>, counts: &'a [f64], n_selected: usize) -> Search<'a> {
        assert_eq!(targets.nrows(), counts.len(), "one target row per count");
        assert!(n_selected > 0, "all inputs are not a selection");
        let lists = vec![List::default(); targets.ncols()];
        Search {
            targets: without_undefined(targets).0,
            counts,
            n_selected,
            n_usable: 0,
            lists,
        }
    }

    /// Takes in a block of inputs, `(n_rows, n_block)`, all finite, of which the first has index
    /// `first`. Blocks come in ascending order.
    pub fn offer(&mut self, first: usize, x: ArrayView2<f64>) {
        let n_samples = self.counts.iter().sum();
        let mean = weighted_mean(x, self.counts, n_samples);
        let mut rows = centre(x, &mean);
        scale_rows(&mut rows, |row| self.counts[row].sqrt());
        let inverse_norms = inverse_norms(&column_norms(&rows), n_samples);
        self.n_usable += inverse_norms.iter().filter(|norm| **norm > 0.0).count();
        scale_rows(&mut rows, |row| self.counts[row].sqrt());
        let products = linalg::transpose_product(self.targets.view(), rows.view());
        let n_selected = self.n_selected;
        self.lists
            .par_iter_mut()
            .zip(products.axis_iter(Axis(0)))
            .for_each(|(list, products)| list.offer(first, products, &inverse_norms, n_selected));
    }

    /// Inputs of every target in ascending order, `(n_targets, n)`; `n` is less than was wanted where
    /// fewer inputs vary. Ties go to the lower index, as in [`super::select`].
    pub fn finish(self) -> Array2<u32> {
        let n = self.n_selected.min(self.n_usable);
        let mut selected = Array2::zeros((self.lists.len(), n));
        selected
            .axis_iter_mut(Axis(0))
            .into_par_iter()
            .zip(self.lists)
            .for_each(|(mut row, mut list)| {
                list.cut(n);
                let mut inputs: Vec<u32> = list.candidates.iter().map(|(_, j)| *j).collect();
                inputs.sort_unstable();
                row.assign(&ArrayView1::from(&inputs));
            });
        selected
    }

    /// Bytes of the candidates of `n_targets` targets.
    pub fn bytes(n_targets: usize, n_selected: usize) -> u64 {
        (n_targets * 2 * n_selected * size_of::<(f64, u32)>()) as u64
    }
}

impl List {
    fn offer(
        &mut self,
        first: usize,
        products: ArrayView1<f64>,
        inverse_norms: &[f64],
        n_selected: usize,
    ) {
        for (at, (product, inverse)) in products.iter().zip(inverse_norms).enumerate() {
            let key = product.abs() * inverse;
            // Equal keys go to the lower index, and lower indices came before.
            if *inverse == 0.0 || self.bar.is_some_and(|bar| key <= bar) {
                continue;
            }
            self.candidates.push((key, (first + at) as u32));
            if self.candidates.len() == 2 * n_selected {
                self.cut(n_selected);
            }
        }
    }

    /// Keeps the `n` strongest.
    fn cut(&mut self, n: usize) {
        if n == 0 || self.candidates.len() <= n {
            return;
        }
        self.candidates
            .select_nth_unstable_by(n - 1, stronger_first);
        self.candidates.truncate(n);
        self.bar = Some(self.candidates[n - 1].0);
    }
}

/// Weights and bias of some targets.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// In the order of the selection, `(n_targets, n_selected)`.
    pub weights: Array2<f64>,
    /// `(n_targets,)`.
    pub bias: Vec<f64>,
}

/// The inputs that some targets have selected, ready to be put together to their systems.
pub struct Gathered<'a> {
    /// Which inputs these are, ascending.
    inputs: &'a [u32],
    /// `√cᵢ x̃ᵢ`, `(inputs.len(), n_rows)`.
    values: Array2<f64>,
    /// `x̄`, `(inputs.len(),)`.
    mean: Vec<f64>,
    counts: &'a [f64],
}

impl<'a> Gathered<'a> {
    /// - `values`: of every input in `inputs`, all finite, `(inputs.len(), n_rows)`.
    /// - `counts`: samples of each row, `(n_rows,)`.
    #[track_caller]
    pub fn new(inputs: &'a [u32], mut values: Array2<f64>, counts: &'a [f64]) -> Gathered<'a> {
        assert_eq!(values.dim(), (inputs.len(), counts.len()));
        let n_samples: f64 = counts.iter().sum();
        let mean = values
            .axis_iter_mut(Axis(0))
            .into_par_iter()
            .map(|mut values| {
                let sum: f64 = values.iter().zip(counts).map(|(x, count)| count * x).sum();
                let mean = sum / n_samples;
                let terms = values.iter_mut().zip(counts);
                terms.for_each(|(x, count)| *x = count.sqrt() * (*x - mean));
                mean
            })
            .collect();
        Gathered {
            inputs,
            values,
            mean,
            counts,
        }
    }

    /// Fits some targets on the inputs that [`Search`] found for them, each by a system of its own.
    ///
    /// - `selected`: inputs of every target, all of them gathered, `(n_targets, n_selected)`.
    /// - `targets`: means over the samples of each row, `(n_rows, n_targets)`; a target with a value
    ///   that is not finite gets weights and bias 0.
    /// - `alpha`: the penalty, positive.
    ///
    /// # Errors
    /// As [`super::fit`].
    pub fn fit(
        &self,
        selected: ArrayView2<u32>,
        targets: ArrayView2<f64>,
        alpha: f64,
    ) -> Result<Weights> {
        let n_samples: f64 = self.counts.iter().sum();
        let mean = weighted_mean(targets, self.counts, n_samples);
        let mut weights = Array2::zeros(selected.dim());
        let bias = weights
            .axis_iter_mut(Axis(0))
            .into_par_iter()
            .zip(selected.axis_iter(Axis(0)))
            .zip(targets.axis_iter(Axis(1)))
            .zip(mean)
            .map_init(
                Workspace::default,
                |workspace, (((mut weights, selected), target), target_mean)| {
                    if !target.iter().all(|value| value.is_finite()) {
                        return Ok(0.0);
                    }
                    let own = Own::new(self, selected, target, target_mean);
                    let (solution, bias) = own.solve(n_samples, alpha, workspace)?;
                    weights.assign(&ArrayView1::from(&solution));
                    Ok(bias)
                },
            )
            .collect::<Result<Vec<f64>, linalg::NotPositiveDefinite>>();
        let bias = bias.map_err(|_| {
            Error::data(
                "the normal equations",
                format!("are not positive definite with alpha = {alpha}"),
                "use a larger alpha, or remove inputs that are copies of each other",
            )
        })?;
        Ok(Weights { weights, bias })
    }
}

/// The system of one target.
struct Own {
    /// `√cᵢ x̃ᵢ`, `(n_selected, n_rows)`.
    values: Array2<f64>,
    /// `X̃ᵀ y`, `(n_selected,)`.
    products: Vec<f64>,
    /// `x̄`, `(n_selected,)`.
    mean: Vec<f64>,
    target_mean: f64,
}

impl Own {
    fn new(
        gathered: &Gathered,
        selected: ArrayView1<u32>,
        target: ArrayView1<f64>,
        target_mean: f64,
    ) -> Own {
        let find = |input: &u32| gathered.inputs.binary_search(input);
        let places: Vec<usize> = selected
            .iter()
            .map(|input| find(input).expect("the caller gathered all"))
            .collect();
        let roots = target.iter().zip(gathered.counts);
        let target: Array1<f64> = roots.map(|(y, count)| y * count.sqrt()).collect();
        let values = gathered.values.select(Axis(0), &places);
        Own {
            products: values.rows().into_iter().map(|x| x.dot(&target)).collect(),
            mean: places.iter().map(|&place| gathered.mean[place]).collect(),
            values,
            target_mean,
        }
    }

    /// `(X̃ᵀX̃ + κ x̄ x̄ᵀ + α I) w = X̃ᵀy + κ x̄ ȳ`, and the bias.
    fn solve(
        self,
        n_samples: f64,
        alpha: f64,
        workspace: &mut Workspace,
    ) -> Result<(Vec<f64>, f64), linalg::NotPositiveDefinite> {
        let (kappa, n) = (kappa(n_samples, alpha), self.mean.len());
        let mut system = linalg::gram(self.values.t()).into_raw_vec_and_offset().0;
        for (j, column) in system.chunks_exact_mut(n.max(1)).enumerate() {
            let terms = column.iter_mut().zip(&self.mean);
            terms.for_each(|(value, mean)| *value += kappa * self.mean[j] * mean);
            column[j] += alpha;
        }
        let mut solution = self.products;
        let terms = solution.iter_mut().zip(&self.mean);
        terms.for_each(|(value, mean)| *value += kappa * mean * self.target_mean);
        linalg::cholesky(&mut system, n, workspace)?;
        linalg::solve_factored(&system, n, &mut solution);
        let explained: f64 = solution.iter().zip(&self.mean).map(|(w, m)| w * m).sum();
        let bias = n_samples / (n_samples + alpha) * (self.target_mean - explained);
        Ok((solution, bias))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Inputs, Params, fit as fit_ordinary};
    use super::*;
    use crate::stats::legacy_random::LegacyRandom;

    const PARAMS: Params = Params {
        alpha: 3.0,
        n_selected: 7,
        force_f64: true,
    };

    struct Case {
        /// Per image, `(30, 40)`: one column constant.
        x: Array2<f64>,
        counts: Vec<f64>,
        /// Per trial.
        row_of: Vec<usize>,
        y: Array2<f64>,
        /// Per image.
        means: Array2<f64>,
    }

    fn case() -> Case {
        let mut random = LegacyRandom::seed(3);
        let mut normal = |shape: (usize, usize)| -> Array2<f64> {
            Array2::from_shape_simple_fn(shape, || {
                (0..6).map(|_| random.random_sample()).sum::<f64>() - 2.7
            })
        };
        let mut x = normal((30, 40));
        x.column_mut(11).fill(0.5);
        let counts: Vec<f64> = (0..30).map(|row| f64::from(row % 3 + 1)).collect();
        let row_of: Vec<usize> = (0..30).flat_map(|row| vec![row; row % 3 + 1]).collect();
        let mut y = normal((row_of.len(), 9));
        for (mut trial, &row) in y.rows_mut().into_iter().zip(&row_of) {
            trial += &x.slice(ndarray::s![row, 3..12]);
        }
        let mut means = Array2::zeros((30, 9));
        for (trial, &row) in y.rows().into_iter().zip(&row_of) {
            let mut mean = means.row_mut(row);
            mean.scaled_add(1.0 / counts[row], &trial);
        }
        Case {
            x,
            counts,
            row_of,
            y,
            means,
        }
    }

    #[track_caller]
    fn close(a: &Array2<f64>, b: &Array2<f64>) {
        let largest = (a - b).iter().fold(0.0, |worst: f64, d| worst.max(d.abs()));
        assert!(largest < 1e-12, "{largest}");
    }

    /// The oracle: every presentation a sample of its own.
    fn expanded(case: &Case, params: &Params) -> crate::ridge::Model {
        let x = case.x.select(Axis(0), &case.row_of);
        let each: Vec<usize> = (0..x.nrows()).collect();
        let inputs = Inputs::new(x.view(), &each, x.nrows(), params);
        fit_ordinary(&inputs, case.y.view()).unwrap()
    }

    #[test]
    fn weighted_images_give_the_fit_of_the_presentations() {
        let case = case();
        for n_selected in [7, 39, 40] {
            let params = Params {
                n_selected,
                ..PARAMS
            };
            let oracle = expanded(&case, &params);
            let inputs = Inputs::weighted(case.x.view(), &case.counts, &params);
            assert_eq!(inputs.n_samples(), case.row_of.len());
            let model = fit_ordinary(&inputs, case.means.view()).unwrap();
            assert_eq!(model.selected, oracle.selected);
            close(&model.weights, &oracle.weights);
            for (a, b) in model.bias.iter().zip(&oracle.bias) {
                assert!((a - b).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn blocks_of_inputs_give_the_fit_of_all() {
        let case = case();
        let oracle = expanded(&case, &PARAMS);
        for n_block in [1, 6, 13, 40] {
            let mut search = Search::new(case.means.view(), &case.counts, 7);
            for first in (0..40_usize).step_by(n_block) {
                let block = ndarray::s![.., first..(first + n_block).min(40)];
                search.offer(first, case.x.slice(block));
            }
            let selected = search.finish();
            assert_eq!(selected, oracle.selected);
            let columns: Vec<u32> = (0..40).collect();
            let gathered = Gathered::new(&columns, case.x.t().to_owned(), &case.counts);
            let found = gathered
                .fit(selected.view(), case.means.view(), PARAMS.alpha)
                .unwrap();
            close(&found.weights, &oracle.weights);
            for (a, b) in found.bias.iter().zip(&oracle.bias) {
                assert!((a - b).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn equal_inputs_go_to_the_lower_index_and_constant_ones_to_nobody() {
        let case = case();
        let mut search = Search::new(case.means.view(), &case.counts, 40);
        search.offer(0, case.x.view());
        let selected = search.finish();
        // Of 40 inputs one is constant.
        assert_eq!(selected.ncols(), 39);
        assert!(selected.iter().all(|input| *input != 11));
        let products = ndarray::arr1(&[1.0, -2.0, 2.0, 2.0]);
        let mut list = List::default();
        list.offer(0, products.view(), &[1.0; 4], 2);
        list.offer(4, products.view(), &[1.0; 4], 2);
        list.cut(2);
        let mut inputs: Vec<u32> = list.candidates.iter().map(|(_, j)| *j).collect();
        inputs.sort_unstable();
        assert_eq!(inputs, [1, 2]);
    }

    #[test]
    fn an_undefined_target_has_no_weights() {
        let mut case = case();
        case.means[[5, 2]] = f64::NAN;
        let mut search = Search::new(case.means.view(), &case.counts, 7);
        search.offer(0, case.x.view());
        let selected = search.finish();
        let columns: Vec<u32> = (0..40).collect();
        let gathered = Gathered::new(&columns, case.x.t().to_owned(), &case.counts);
        let found = gathered
            .fit(selected.view(), case.means.view(), 3.0)
            .unwrap();
        assert!(found.weights.row(2).iter().all(|weight| *weight == 0.0));
        assert_eq!(found.bias[2], 0.0);
        assert!(found.weights.row(3).iter().all(|weight| *weight != 0.0));
    }
}
