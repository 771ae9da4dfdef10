//! One Cholesky factorisation per unit: the plain solver, and the oracle of every faster one.

use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;

use super::linalg::{self, NotPositiveDefinite, Workspace};

/// Units that one task solves before it asks for more.
const UNITS_PER_TASK: usize = 8;

/// Weights of every unit on its own selected inputs: `A[S_u, S_u] w_u = c[S_u]`.
///
/// - `system`: `A`, symmetric positive definite, `(n_inputs, n_inputs)`.
/// - `rhs`: `c`, `(n_units, n_inputs)`.
/// - `selected`: `S_u` in ascending order, `(n_units, n_selected)`.
///
/// Returns the weights, `(n_units, n_selected)`. Cost: `n_selected³ / 3` multiply-adds per unit.
pub fn solve(
    system: ArrayView2<f64>,
    rhs: ArrayView2<f64>,
    selected: ArrayView2<u32>,
) -> Result<Array2<f64>, NotPositiveDefinite> {
    let (n_units, k) = selected.dim();
    let mut weights = Array2::zeros((n_units, k));
    weights
        .axis_chunks_iter_mut(Axis(0), UNITS_PER_TASK)
        .into_par_iter()
        .zip(selected.axis_chunks_iter(Axis(0), UNITS_PER_TASK))
        .zip(rhs.axis_chunks_iter(Axis(0), UNITS_PER_TASK))
        .try_for_each_init(
            || (vec![0.0; k * k], vec![0.0; k], Workspace::default()),
            |(block, solution, workspace), ((mut weights, selected), rhs)| {
                for ((mut weights, selected), rhs) in weights
                    .rows_mut()
                    .into_iter()
                    .zip(selected.rows())
                    .zip(rhs.rows())
                {
                    let selected = selected.to_slice().expect("rows of a standard layout");
                    gather_lower(system, selected, block);
                    for (slot, &input) in solution.iter_mut().zip(selected) {
                        *slot = rhs[input as usize];
                    }
                    linalg::cholesky(block, k, workspace)?;
                    linalg::solve_factored(block, k, solution);
                    weights
                        .iter_mut()
                        .zip(&*solution)
                        .for_each(|(slot, value)| *slot = *value);
                }
                Ok(())
            },
        )?;
    Ok(weights)
}

/// Copies the lower triangle of `A[S, S]` into a column-major square.
fn gather_lower(system: ArrayView2<f64>, selected: &[u32], block: &mut [f64]) {
    let k = selected.len();
    for (column, &input) in selected.iter().enumerate() {
        // Symmetric: a row of A, which is contiguous, serves as its column.
        let row = system.row(input as usize);
        let row = row.to_slice().expect("the system is in standard layout");
        let target = &mut block[column * k + column..(column + 1) * k];
        for (slot, &other) in target.iter_mut().zip(&selected[column..]) {
            *slot = row[other as usize];
        }
    }
}
