//! Conjugate gradients for units whose selections overlap little: single precision inside, proven in double.
//!
//! Every unit `u` wants `A[S_u, S_u] w_u = c_u[S_u]` for the same `A`. With `A` scaled to ones on its
//! diagonal, `Ã = D A D`, half of `Ã[S_u, S_u]` in single precision stays in a core's own cache, and a step of
//! conjugate gradients is one product with it (`packed`). A pass of steps leaves a residual
//!
//! ```text
//!     r = D (c − A w)        ‖z − z*‖₂ ≤ ‖r‖₂ / λ        z = D⁻¹ w        λ ≤ λ_min(Ã) ≤ λ_min(Ã[S_u, S_u])
//! ```
//!
//! in double precision (one product for a tile of units); the next pass solves for the correction. `λ` is
//! proven once per `A`: `Ã − λ I` has a Cholesky factor. A unit is done when this inequality shows that no
//! weight is off by more than [`TOLERANCE`] of the unit's largest one, all rounding included; units without such
//! a proof after `PASSES` passes are solved by [`super::direct`]. Nothing depends on threads or time.

use std::cell::RefCell;

use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis};
use rayon::prelude::*;

use super::descent::{Step, Vectors};
use super::direct;
use super::linalg::{self, NotPositiveDefinite};
use super::packed::{self, packed_len};

/// Proven largest error of a weight, relative to the unit's largest weight: half a unit in the last place of
/// single precision, in which weights are stored.
pub const TOLERANCE: f64 = 1.0 / (1u64 << 24) as f64;

/// Passes, each with a residual in double precision, before a unit is given up.
const PASSES: usize = 4;

/// Reduction of the residual that one pass asks for: what single precision gives without trouble.
const REDUCTION: f64 = 1e-6;

/// Units whose residuals are one product.
const TILE: usize = 64;

/// Packed numbers that a tile holds at most (32 MB), whatever the number of voxels.
const TILE_NUMBERS: usize = 8 << 20;

/// Rounding of single and double precision.
const SINGLE: f64 = 1.0 / (1u64 << 24) as f64;
const DOUBLE: f64 = 1.0 / (1u64 << 53) as f64;

/// What is known about one system: computed once, used for all blocks of units.
#[derive(Debug, Clone)]
pub struct Condition {
    /// `1 / √A_jj`, `(n_inputs,)`.
    scale: Vec<f64>,
    /// `Ã`, row-major, `(n_inputs, n_inputs)`.
    scaled: Vec<f32>,
    /// Largest sum of magnitudes in a row of `Ã`: not below the norm of `|Ã|`.
    norm: f64,
    /// Proven: no eigenvalue of `Ã` is smaller.
    smallest: f64,
    /// Steps to a residual of 1e-8 with all inputs selected; parts of the system are never worse conditioned.
    steps: usize,
}

impl Condition {
    /// Measures `A`, `(n_inputs, n_inputs)`. `None` where this solver has no chance: the system is not positive
    /// definite to working precision, or so ill-conditioned that steps would be many.
    ///
    /// Costs one Cholesky factorisation of `A`, sometimes two or three.
    pub fn measure(system: ArrayView2<f64>) -> Option<Condition> {
        let p = system.nrows();
        let scale: Vec<f64> = system.diag().iter().map(|a| 1.0 / a.sqrt()).collect();
        if !scale.iter().all(|s| s.is_finite()) {
            return None;
        }
        let mut scaled = vec![0.0_f32; p * p];
        let sums: Vec<f64> = scaled
            .par_chunks_mut(p)
            .zip(system.axis_iter(Axis(0)))
            .zip(&scale)
            .map(|((target, row), own)| {
                let values = row.iter().zip(&scale).map(|(a, other)| a * (own * other));
                let mut sum = 0.0;
                for (slot, value) in target.iter_mut().zip(values) {
                    sum += value.abs();
                    *slot = value as f32;
                }
                sum
            })
            .collect();
        let norm = sums.into_iter().fold(0.0, f64::max) * (1.0 + 2.0 * p as f64 * DOUBLE);
        let (steps, ritz) = probe(&scaled, p)?;
        let smallest = prove(system, &scale, ritz, norm)?;
        Some(Condition {
            scale,
            scaled,
            norm,
            smallest,
            steps,
        })
    }

    /// Bytes for `n_inputs` inputs.
    pub fn bytes(n_inputs: usize) -> u64 {
        (4 * n_inputs * n_inputs + 8 * n_inputs) as u64
    }

    /// Steps that a unit is expected to need at most.
    pub fn steps(&self) -> usize {
        self.steps
    }
}

/// Steps for a right-hand side in which nothing is special, and the smallest Ritz value on the way.
fn probe(scaled: &[f32], p: usize) -> Option<(usize, f64)> {
    let all: Vec<u32> = (0..p as u32).collect();
    let mut matrix = vec![0.0; packed_len(p)];
    packed::pack(scaled, p, &all, &mut matrix);
    let mut vectors = Vectors::new(p);
    let mut state = 1u64;
    for slot in &mut vectors.residual[..p] {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        *slot = (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0;
    }
    let before = packed::square(&vectors.residual);
    let history = vectors.descend(&matrix, PROBED_REDUCTION);
    let after = packed::square(&vectors.residual);
    let converged = after <= before * PROBED_REDUCTION * PROBED_REDUCTION;
    converged.then(|| (history.len(), smallest_ritz(&history)))
}

/// Reduction of the residual by which steps are counted: about what two passes ask for.
const PROBED_REDUCTION: f64 = 1e-8;

/// Smallest eigenvalue of the tridiagonal matrix that the coefficients of conjugate gradients define, by
/// bisection (Sturm sequences).
fn smallest_ritz(history: &[Step]) -> f64 {
    // (diagonal, square of the entry beside it) of every row.
    let mut rows = Vec::with_capacity(history.len());
    let (mut carried, mut coupling) = (0.0, 0.0);
    for step in history {
        rows.push((1.0 / step.length + carried, coupling));
        carried = step.ratio / step.length;
        coupling = carried / step.length;
    }
    // An eigenvalue below x makes a pivot of T − x I negative.
    let any_below = |x: f64| {
        let mut pivot = 1.0;
        rows.iter().any(|(diagonal, coupling)| {
            pivot = diagonal - x - coupling / pivot;
            pivot <= 0.0
        })
    };
    // The mean eigenvalue of a matrix with ones on its diagonal is 1.
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..40 {
        let middle = 0.5 * (low + high);
        if any_below(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    low
}

/// A proven lower bound of the eigenvalues of `Ã`, not far below the estimate.
fn prove(system: ArrayView2<f64>, scale: &[f64], estimate: f64, norm: f64) -> Option<f64> {
    let p = scale.len();
    let mut workspace = linalg::Workspace::default();
    let mut factor = vec![0.0; p * p];
    let mut shift = SAFE_SHARE * estimate;
    for _ in 0..PROOFS {
        factor
            .par_chunks_mut(p)
            .zip(system.axis_iter(Axis(0)))
            .enumerate()
            .for_each(|(i, (target, row))| {
                for (slot, (a, other)) in target.iter_mut().zip(row.iter().zip(scale)) {
                    *slot = a * (scale[i] * other);
                }
                target[i] -= shift;
            });
        // A factor proves Ã − λ I positive semidefinite but for the rounding of the factorisation, at most
        // γ(p + 1) times its trace (at most p), and of the scaled entries.
        let n = p as f64;
        let rounding = 4.0 * DOUBLE * (n * (n + 2.0) + norm);
        if linalg::cholesky(&mut factor, p, &mut workspace).is_ok() {
            let proven = shift - rounding;
            return (proven > 0.5 * shift).then_some(proven);
        }
        shift *= 0.25;
    }
    None
}

/// Share of the smallest Ritz value, which is never below the smallest eigenvalue, that is tried first.
const SAFE_SHARE: f64 = 0.85;

/// Attempts at a proof.
const PROOFS: usize = 3;

/// Estimated time of a block whose units take so many steps, in the unit of [`super::grouping::Group::cost`].
///
/// Includes [`Condition::measure`], although that is done once for many blocks: which solver a block gets must
/// not depend on what was solved before.
pub fn cost(n_units: usize, k: usize, n_inputs: usize, steps: usize) -> f64 {
    n_units as f64 * unit_cost(k, n_inputs, steps) + MEASURE_COST * (n_inputs as f64).powi(3)
}

/// What one unit adds to [`cost`].
pub fn unit_cost(k: usize, n_inputs: usize, steps: usize) -> f64 {
    let (k, p) = (k as f64, n_inputs as f64);
    k * k / 2.0 * (PACK_COST + STEP_COST * steps as f64) + RESIDUAL_COST * p * p
}

/// Relative times per entry of packing, of one step, and of a residual's product. Measured.
const PACK_COST: f64 = 20.0;
const STEP_COST: f64 = 3.8;
const RESIDUAL_COST: f64 = 3.6;
const MEASURE_COST: f64 = 1.0;

/// Fewer steps than any system takes to [`TOLERANCE`].
pub const FEWEST_STEPS: usize = 10;

/// Weights of every unit on its own selected inputs: `A[S_u, S_u] w_u = c[S_u]`.
///
/// - `condition`: measured on the same `system`.
/// - `system`, `rhs`, `selected`: as for [`super::direct::solve`].
///
/// Returns the weights, `(n_units, n_selected)`, each proven to [`TOLERANCE`] of the unit's largest.
pub fn solve(
    condition: &Condition,
    system: ArrayView2<f64>,
    rhs: ArrayView2<f64>,
    selected: ArrayView2<u32>,
) -> Result<Array2<f64>, NotPositiveDefinite> {
    let (n_units, k) = selected.dim();
    let mut weights = Array2::zeros((n_units, k));
    if n_units == 0 || k == 0 {
        return Ok(weights);
    }
    let tile = units_per_tile(n_units, k);
    let mut proven = vec![false; n_units];
    weights
        .axis_chunks_iter_mut(Axis(0), tile)
        .into_par_iter()
        .zip(rhs.axis_chunks_iter(Axis(0), tile))
        .zip(selected.axis_chunks_iter(Axis(0), tile))
        .zip(proven.par_chunks_mut(tile))
        .for_each(|(((weights, rhs), selected), proven)| {
            let part = Tile {
                condition,
                system,
                rhs,
                selected,
                weights,
            };
            PACKED.with_borrow_mut(|packed| {
                packed.resize(packed.len().max(tile * packed_len(k)), 0.0);
                part.solve(packed, proven);
            });
        });
    let left: Vec<usize> = (0..n_units).filter(|&unit| !proven[unit]).collect();
    if !left.is_empty() {
        let (rhs, selected) = (rhs.select(Axis(0), &left), selected.select(Axis(0), &left));
        let exact = direct::solve(system, rhs.view(), selected.view())?;
        for (&unit, row) in left.iter().zip(exact.rows()) {
            weights.row_mut(unit).assign(&row);
        }
    }
    Ok(weights)
}

/// Tiles of equal size, an even number of them for two cores; by the shape of the problem only.
fn units_per_tile(n_units: usize, k: usize) -> usize {
    let most = (TILE_NUMBERS / packed_len(k)).clamp(1, TILE);
    let tiles = 2 * n_units.div_ceil(2 * most);
    n_units.div_ceil(tiles)
}

thread_local! {
    /// Packed matrices of a tile: memory that later tiles use again.
    static PACKED: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// Some units and their part of the problem.
struct Tile<'a> {
    condition: &'a Condition,
    system: ArrayView2<'a, f64>,
    rhs: ArrayView2<'a, f64>,
    selected: ArrayView2<'a, u32>,
    weights: ArrayViewMut2<'a, f64>,
}

/// One unit on the way: its residual `r` and what is known about its solution.
struct Unit {
    index: usize,
    /// `(n_selected,)`.
    residual: Vec<f64>,
}

impl Tile<'_> {
    /// Solves all units and says which are proven.
    fn solve(mut self, packed: &mut [f32], proven: &mut [bool]) {
        let (n_units, k) = self.selected.dim();
        let p = self.system.nrows();
        let mut vectors = Vectors::new(k);
        let mut units: Vec<Unit> = (0..n_units).map(|index| self.begin(index)).collect();
        for pass in 0..PASSES {
            units.retain_mut(|unit| {
                let matrix = &mut packed[unit.index * packed_len(k)..][..packed_len(k)];
                if pass == 0 {
                    packed::pack(&self.condition.scaled, p, self.chosen(unit.index), matrix);
                }
                proven[unit.index] = self.correct(unit, matrix, &mut vectors);
                !proven[unit.index]
            });
            if units.is_empty() {
                break;
            }
            self.renew_residuals(&mut units);
            units.retain(|unit| {
                proven[unit.index] = self.is_proven(unit.index, norm(&unit.residual));
                !proven[unit.index]
            });
        }
    }

    fn chosen(&self, unit: usize) -> &[u32] {
        let row = self.selected.row(unit);
        row.to_slice().expect("rows of a standard layout")
    }

    fn begin(&self, index: usize) -> Unit {
        let rhs = self.rhs.row(index);
        let chosen = self.selected.row(index);
        let residual = chosen
            .iter()
            .map(|&input| self.condition.scale[input as usize] * rhs[input as usize])
            .collect();
        Unit { index, residual }
    }

    /// One pass: solves for the correction, adds it, and says whether the unit is done.
    fn correct(&mut self, unit: &Unit, matrix: &[f32], vectors: &mut Vectors) -> bool {
        let size = norm(&unit.residual);
        if size == 0.0 {
            return true;
        }
        let aim = 0.5 * self.largest_residual(unit.index) / size;
        vectors.residual.fill(0.0);
        for (slot, value) in vectors.residual.iter_mut().zip(&unit.residual) {
            *slot = (value / size) as f32;
        }
        vectors.descend(matrix, aim.clamp(REDUCTION, 0.1));
        let chosen = self.selected.row(unit.index);
        let first_pass = aim == 0.0;
        for ((weight, &input), dz) in self
            .weights
            .row_mut(unit.index)
            .iter_mut()
            .zip(chosen)
            .zip(&vectors.solution)
        {
            *weight += size * self.condition.scale[input as usize] * f64::from(*dz);
        }
        // Single precision cannot prove the whole solution, but a small correction of it.
        !first_pass && {
            let left = self.left_by_correction(unit, matrix, vectors, size);
            self.is_proven(unit.index, left)
        }
    }

    /// Bound of `‖r − Ã dz‖₂`: the product in single precision, and its rounding.
    fn left_by_correction(
        &self,
        unit: &Unit,
        matrix: &[f32],
        vectors: &mut Vectors,
        size: f64,
    ) -> f64 {
        packed::product(matrix, &vectors.solution, &mut vectors.product);
        let square: f64 = unit
            .residual
            .iter()
            .zip(&vectors.product)
            .map(|(r, product)| (r - size * f64::from(*product)).powi(2))
            .sum();
        // Sums of n products in any order: γ(n); entries of Ã are rounded once.
        let terms = (vectors.solution.len() + 4) as f64 * SINGLE;
        let correction = size * packed::square(&vectors.solution).sqrt();
        square.sqrt() + 1.01 * (terms / (1.0 - terms)) * self.condition.norm * correction
    }

    /// Residuals of some units in double precision, from one product.
    fn renew_residuals(&self, units: &mut [Unit]) {
        let p = self.system.nrows();
        let (mut dense, mut left) = (vec![0.0; units.len() * p], vec![0.0; units.len() * p]);
        for (i, unit) in units.iter().enumerate() {
            let row = &mut dense[i * p..][..p];
            for (&input, weight) in self
                .chosen(unit.index)
                .iter()
                .zip(self.weights.row(unit.index))
            {
                row[input as usize] = *weight;
            }
            let rhs = self.rhs.row(unit.index);
            left[i * p..][..p]
                .iter_mut()
                .zip(rhs)
                .for_each(|(slot, value)| *slot = *value);
        }
        let system = self.system.to_slice().expect("standard layout");
        linalg::subtract_product(&mut left, &dense, system, (units.len(), p, p));
        for (unit, left) in units.iter_mut().zip(left.chunks_exact(p)) {
            let chosen = self.selected.row(unit.index);
            for (slot, &input) in unit.residual.iter_mut().zip(chosen) {
                *slot = self.condition.scale[input as usize] * left[input as usize];
            }
        }
    }

    /// Whether a residual of this norm proves the unit's weights.
    fn is_proven(&self, unit: usize, residual: f64) -> bool {
        residual <= self.largest_residual(unit)
    }

    /// The largest `‖r‖₂` that proves a unit's weights: `|Δw_j| ≤ D_jj ‖r‖₂ / λ`, less the rounding of `r`
    /// itself.
    fn largest_residual(&self, unit: usize) -> f64 {
        let Condition {
            scale,
            smallest,
            norm,
            ..
        } = self.condition;
        let (mut largest, mut largest_scale, mut square) = (0.0, 0.0, 0.0);
        for (weight, &input) in self.weights.row(unit).iter().zip(self.selected.row(unit)) {
            let scale = scale[input as usize];
            largest = f64::max(largest, weight.abs());
            largest_scale = f64::max(largest_scale, scale);
            square += (weight / scale).powi(2);
        }
        let terms = (scale.len() + 8) as f64;
        let rounding = 4.0 * DOUBLE * terms * norm * f64::sqrt(square);
        TOLERANCE * largest * smallest / largest_scale - rounding
    }
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}
