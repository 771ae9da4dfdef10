//! Fast L2-regularised linear regression: pure arrays, no files, no settings.
//!
//! The model is `FastL2LiR`'s (Nonaka et al. 2021; PyFastL2LiR 0.11): for every target `u` the
//! `n_selected` inputs `S_u` with the largest absolute correlation, and on those
//!
//! ```text
//!     (w_u, b_u) = argmin ‖X[:, S_u] w + b − y_u‖² + α (‖w‖² + b²)
//! ```
//!
//! The bias is penalised like any weight. Without selection (`n_selected ≥ n_inputs`) all targets
//! share one factorisation, primal or dual by shape. Results are `f64`.
//!
//! | file | holds |
//! |---|---|
//! | [`inputs`] | what the inputs contribute whatever the targets: Gram matrix, sums over repeats |
//! | [`repeats`] | which samples have the same target |
//! | [`select`] | which inputs a target uses |
//! | [`solve`] | which solver a block of targets gets |
//! | [`shared`], [`grouping`], [`partial`] | targets with overlapping inputs together, by an elimination tree |
//! | [`conjugate`] | targets with little in common, in single precision with a proof in double |
//! | [`direct`] | one Cholesky factorisation per target, the oracle of every faster solver |
//! | [`wide`] | more inputs than a Gram matrix can have, which repeat while targets do not |
//! | [`product`] | products of matrices |
//! | [`linalg`] | the only file that names a linear-algebra crate |

pub mod conjugate;
mod descent;
pub mod direct;
pub mod grouping;
pub mod inputs;
pub mod linalg;
mod packed;
mod panel;
pub mod partial;
pub mod product;
pub mod repeats;
pub mod select;
pub mod shared;
pub mod solve;
pub mod wide;

use ndarray::{Array2, ArrayView2, Axis, CowArray, Ix2};
use rayon::prelude::*;

use crate::error::{Error, Result};
pub use inputs::Inputs;
use inputs::System;

/// Right-hand sides that one task solves with a shared factor.
const TARGETS_PER_SOLVE: usize = 64;

/// The two numbers that define the model, and how it is computed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Params {
    /// Penalty `α`, positive; not scaled by the number of samples.
    pub alpha: f64,
    /// Inputs per target; all of them when this is 0 or there are not more.
    pub n_selected: usize,
    /// Double precision throughout. Without it blocks whose units share little are solved in single precision and
    /// refined until double precision proves them ([`conjugate`]): no weight differs by more than 6e-8 of the
    /// largest of its target.
    pub force_f64: bool,
}

impl Params {
    /// Whether targets use all of `n_inputs` inputs; 0 asks for that, as in the original.
    pub fn asks_for_all(&self, n_inputs: usize) -> bool {
        self.n_selected == 0 || self.n_selected >= n_inputs
    }
}

/// A fitted block of targets.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Inputs per sample that the model expects.
    pub n_inputs: usize,
    /// Inputs of every target in ascending order, `(n_targets, n_selected)`.
    pub selected: Array2<u32>,
    /// Weights in the order of `selected`, `(n_targets, n_selected)`.
    pub weights: Array2<f64>,
    /// `(n_targets,)`.
    pub bias: Vec<f64>,
}

/// Fits all targets of one block.
///
/// - `targets`: `(n_rows, n_targets)`, one row per target row of `inputs`. A target with a value
///   that is not finite is undefined: its weights and bias are 0.
///
/// Fails only when the system is not positive definite to working precision, which a positive
/// penalty excludes unless it is smaller than the rounding of the Gram matrix.
#[track_caller]
pub fn fit(inputs: &Inputs, targets: ArrayView2<f64>) -> Result<Model> {
    assert_eq!(
        targets.nrows(),
        inputs.counts.len(),
        "one target row per group of samples"
    );
    let (targets, defined) = without_undefined(targets);
    let mean = weighted_mean(targets.view(), &inputs.counts, inputs.n_samples);
    let model = match &inputs.system {
        System::Dual { centred, row_of } => {
            fit_dual(inputs, centred, row_of, targets.view(), &mean)
        }
        System::Primal(system) => fit_primal(inputs, system, targets.view(), &mean),
    };
    let mut model = model.map_err(|_| {
        Error::data(
            "the normal equations",
            format!("are not positive definite with alpha = {}", inputs.alpha),
            "use a larger alpha, or remove inputs that are copies of each other",
        )
    })?;
    let zero = defined.iter().enumerate().filter(|(_, defined)| !**defined);
    for (target, _) in zero {
        model.weights.row_mut(target).fill(0.0);
        model.bias[target] = 0.0;
    }
    Ok(model)
}

impl Model {
    /// Predictions `X w + b` for `x`: `(n_samples, n_inputs)`; returns `(n_samples, n_targets)`.
    #[track_caller]
    pub fn predict(&self, x: ArrayView2<f64>) -> Array2<f64> {
        assert_eq!(x.ncols(), self.n_inputs, "inputs per sample");
        let dense = self.dense_weights();
        let mut predicted = linalg::product_transpose(x, dense.view());
        for mut row in predicted.rows_mut() {
            row.iter_mut()
                .zip(&self.bias)
                .for_each(|(value, bias)| *value += bias);
        }
        predicted
    }

    /// Weights with zeros for inputs that are not selected, `(n_targets, n_inputs)`.
    pub fn dense_weights(&self) -> Array2<f64> {
        let mut dense = Array2::zeros((self.weights.nrows(), self.n_inputs));
        for ((mut row, weights), selected) in dense
            .rows_mut()
            .into_iter()
            .zip(self.weights.rows())
            .zip(self.selected.rows())
        {
            for (weight, &input) in weights.iter().zip(selected) {
                row[input as usize] = *weight;
            }
        }
        dense
    }
}

/// Every target's inputs by falling absolute correlation, `(n_targets, n_selected)`; ties to the lower
/// index. Without selection all inputs in that order.
#[track_caller]
pub fn by_strength(inputs: &Inputs, targets: ArrayView2<f64>, model: &Model) -> Array2<u32> {
    let (targets, _) = without_undefined(targets);
    let products = linalg::transpose_product(targets.view(), inputs.sums.view());
    let mut ranked = model.selected.clone();
    ranked
        .axis_iter_mut(Axis(0))
        .into_par_iter()
        .zip(products.axis_iter(Axis(0)))
        .for_each(|(mut row, products)| {
            let key =
                |input: u32| products[input as usize].abs() * inputs.inverse_norms[input as usize];
            let row = row.as_slice_mut().expect("rows of a standard layout");
            row.sort_by(|&a, &b| key(b).total_cmp(&key(a)).then(a.cmp(&b)));
        });
    ranked
}

/// Targets with a non-finite value are set to zero, so that they cannot spoil the shared products.
fn without_undefined(targets: ArrayView2<'_, f64>) -> (CowArray<'_, f64, Ix2>, Vec<bool>) {
    let defined: Vec<bool> = over_columns(targets, true, |_, defined, value| {
        *defined &= value.is_finite();
    });
    let mut targets = CowArray::from(targets);
    for (target, _) in defined.iter().enumerate().filter(|(_, defined)| !**defined) {
        targets.column_mut(target).fill(0.0);
    }
    (targets, defined)
}

/// `ȳ` over samples, `(n_targets,)`.
fn weighted_mean(targets: ArrayView2<f64>, counts: &[f64], n_samples: f64) -> Vec<f64> {
    let mut mean = over_columns(targets, 0.0, |row, sum, value| *sum += counts[row] * value);
    mean.iter_mut().for_each(|sum| *sum /= n_samples);
    mean
}

/// Folds every column from its first row to its last; blocks of columns go side by side.
fn over_columns<T: Copy + Send>(
    matrix: ArrayView2<f64>,
    start: T,
    step: impl Fn(usize, &mut T, f64) + Sync,
) -> Vec<T> {
    let mut folded = vec![start; matrix.ncols()];
    folded
        .par_chunks_mut(TARGETS_PER_SOLVE)
        .zip(matrix.axis_chunks_iter(Axis(1), TARGETS_PER_SOLVE))
        .for_each(|(folded, columns)| {
            for (row, values) in columns.rows().into_iter().enumerate() {
                let values = folded.iter_mut().zip(values);
                values.for_each(|(folded, value)| step(row, folded, *value));
            }
        });
    folded
}

fn fit_primal(
    inputs: &Inputs,
    system: &Array2<f64>,
    targets: ArrayView2<f64>,
    mean: &[f64],
) -> Result<Model, linalg::NotPositiveDefinite> {
    // Centred cross products: what selection compares, and the right-hand sides, in one product.
    let mut products = linalg::transpose_product(targets, inputs.sums.view());
    let selected = select_all(inputs, &products);
    let kappa = inputs.kappa();
    products
        .axis_iter_mut(Axis(0))
        .into_par_iter()
        .zip(mean)
        .with_min_len(TARGETS_PER_SOLVE)
        .for_each(|(mut row, mean)| {
            let input_means = row.iter_mut().zip(&inputs.mean);
            input_means.for_each(|(value, input_mean)| *value += kappa * input_mean * mean);
        });
    let weights = if inputs.uses_all() {
        solve_shared_factor(system, products)?
    } else {
        inputs
            .knowledge
            .solve(system.view(), products.view(), selected.view())?
    };
    Ok(finish(inputs, selected, weights, mean))
}

/// Indices of every target's inputs, `(n_targets, n_selected)`.
fn select_all(inputs: &Inputs, products: &Array2<f64>) -> Array2<u32> {
    let (n_targets, k) = (products.nrows(), inputs.n_selected());
    if inputs.uses_all() {
        return Array2::from_shape_fn((n_targets, k), |(_, input)| input as u32);
    }
    let mut selected = Array2::zeros((n_targets, k));
    selected
        .axis_iter_mut(Axis(0))
        .into_par_iter()
        .zip(products.axis_iter(Axis(0)))
        .for_each_init(Vec::new, |candidates, (mut selected, products)| {
            let products = products.to_slice().expect("rows of a standard layout");
            let selected = selected.as_slice_mut().expect("rows of a standard layout");
            select::strongest(products, &inputs.inverse_norms, k, candidates, selected);
        });
    selected
}

/// One factorisation for all targets.
fn solve_shared_factor(
    system: &Array2<f64>,
    mut rhs: Array2<f64>,
) -> Result<Array2<f64>, linalg::NotPositiveDefinite> {
    let n = system.nrows();
    let mut factor = system.as_slice().expect("standard layout").to_vec();
    linalg::cholesky(&mut factor, n, &mut linalg::Workspace::default())?;
    rhs.as_slice_mut()
        .expect("standard layout")
        .par_chunks_mut(TARGETS_PER_SOLVE * n)
        .for_each(|rhs| linalg::solve_factored(&factor, n, rhs));
    Ok(rhs)
}

/// `w = Zᵀ (Z Zᵀ + α I)⁻¹ t` with `Z = [X̃; √κ x̄]` and `t = [y; √κ ȳ]`: the same weights from a
/// system of `n_samples + 1` unknowns.
fn fit_dual(
    inputs: &Inputs,
    centred: &Array2<f64>,
    row_of: &[usize],
    targets: ArrayView2<f64>,
    mean: &[f64],
) -> Result<Model, linalg::NotPositiveDefinite> {
    let (n, p, n_targets) = (centred.nrows(), centred.ncols(), targets.ncols());
    let root_kappa = inputs.kappa().sqrt();
    let mut z = Array2::zeros((n + 1, p));
    z.slice_mut(ndarray::s![..n, ..]).assign(centred);
    z.row_mut(n)
        .iter_mut()
        .zip(&inputs.mean)
        .for_each(|(slot, mean)| *slot = root_kappa * mean);
    let mut kernel = linalg::product_transpose(z.view(), z.view());
    kernel.diag_mut().mapv_inplace(|value| value + inputs.alpha);
    let rhs = Array2::from_shape_fn((n_targets, n + 1), |(target, sample)| {
        // Less its mean, which the centred samples do not see: left in, it is divided by alpha, and what rounding
        // leaves of it by 1e-14 is as large as the target.
        if sample < n {
            targets[[row_of[sample], target]] - mean[target]
        } else {
            root_kappa * mean[target]
        }
    });
    let coefficients = solve_shared_factor(&kernel, rhs)?;
    let weights = linalg::product_transpose(coefficients.view(), z.t());
    let selected = Array2::from_shape_fn((n_targets, p), |(_, input)| input as u32);
    Ok(finish(inputs, selected, weights, mean))
}

/// Adds the bias: `b = n (ȳ − x̄ᵀ w) / (n + α)`.
fn finish(inputs: &Inputs, selected: Array2<u32>, weights: Array2<f64>, mean: &[f64]) -> Model {
    let shrink = inputs.n_samples / (inputs.n_samples + inputs.alpha);
    let bias = mean
        .par_iter()
        .zip(weights.axis_iter(Axis(0)))
        .zip(selected.axis_iter(Axis(0)))
        .with_min_len(TARGETS_PER_SOLVE)
        .map(|((mean, weights), selected)| {
            let explained: f64 = weights
                .iter()
                .zip(selected)
                .map(|(weight, &input)| weight * inputs.mean[input as usize])
                .sum();
            shrink * (mean - explained)
        })
        .collect();
    Model {
        n_inputs: inputs.n_inputs(),
        selected,
        weights,
        bias,
    }
}
