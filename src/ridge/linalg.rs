//! The only file that names a linear-algebra crate: products and Cholesky solves on plain slices.
//!
//! `faer` by default; with the cargo feature `lapack` the Cholesky factorisation goes to the
//! system's LAPACK through `ndarray-linalg`. Every function is deterministic: work is cut into tiles
//! of a fixed size, so that neither the number of threads nor the memory at hand changes a bit of
//! the result. (A BLAS may choose its blocking by the shape of a product, hence fixed shapes.)

use faer::dyn_stack::{MemStack, StackReq};
use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::linalg::triangular_solve;
use faer::{Accum, MatMut, MatRef, Par};
use ndarray::{Array2, ArrayView2, Axis, s};
use rayon::prelude::*;

/// Rows of a product that one task computes. Large enough that packing the operands costs little,
/// small enough that a few cores share 1,000 rows evenly.
const TILE: usize = 128;

/// The matrix was not positive definite: the pivot at this row was not positive, or was NaN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotPositiveDefinite;

/// `aᵀ b` for row-major `a`: `(k, m)` and `b`: `(k, n)`; returns `(m, n)`.
#[track_caller]
pub fn transpose_product(a: ArrayView2<f64>, b: ArrayView2<f64>) -> Array2<f64> {
    assert_eq!(a.nrows(), b.nrows(), "both operands have one row per sum");
    let b = b.as_standard_layout();
    let (k, n) = b.dim();
    let mut out = Array2::zeros((a.ncols(), n));
    if k == 0 || n == 0 {
        return out;
    }
    let b = as_mat(b.view());
    rows_mut(&mut out)
        .par_chunks_mut(TILE * n)
        .enumerate()
        .for_each(|(tile, rows)| {
            let height = rows.len() / n;
            let part = transposed(a.slice(s![.., tile * TILE..tile * TILE + height]));
            let part = MatRef::from_row_major_slice(&part, height, k);
            let dst = MatMut::from_row_major_slice_mut(rows, height, n);
            matmul(dst, Accum::Replace, part, b, 1.0, Par::Seq);
        });
    out
}

/// A transposed copy, row-major `(columns, rows)`.
///
/// The kernels read a left operand whose sums run along rows: given `aᵀ` as a view of `a` they reach
/// 60 GFLOP/s where a copy reaches 75 (1,000 × 1,200 × 1,000, one core), and the copy costs 3 %.
fn transposed(a: ArrayView2<f64>) -> Vec<f64> {
    let (rows, columns) = a.dim();
    let mut copy = vec![0.0; rows * columns];
    for (block, target) in copy.chunks_mut(CACHE_LINE * rows.max(1)).enumerate() {
        let first = block * CACHE_LINE;
        let last = columns.min(first + CACHE_LINE);
        for (i, row) in a.slice(s![.., first..last]).rows().into_iter().enumerate() {
            for (j, value) in row.iter().enumerate() {
                target[j * rows + i] = *value;
            }
        }
    }
    copy
}

/// Numbers in a cache line.
const CACHE_LINE: usize = 8;

/// `xᵀ x` for row-major `x`: `(n_samples, p)`; returns the full symmetric `(p, p)`.
///
/// Samples are cut into a fixed number of parts whose lower triangles are computed side by side and
/// added in order. Matrices too large for that many partial results are computed in tiles of rows.
pub fn gram(x: ArrayView2<f64>) -> Array2<f64> {
    let p = x.ncols();
    let x = x.as_standard_layout();
    let mut out = if p <= LARGEST_PARTIAL {
        gram_in_parts(x.view())
    } else {
        gram_in_tiles(x.view())
    };
    mirror(rows_mut(&mut out), p);
    out
}

/// Copies the lower triangle to the upper one, in squares that fit into the cache.
fn mirror(matrix: &mut [f64], p: usize) {
    const SIDE: usize = 32;
    for top in (0..p).step_by(SIDE) {
        for left in (0..=top).step_by(SIDE) {
            for i in top..p.min(top + SIDE) {
                for j in left..i.min(left + SIDE) {
                    matrix[j * p + i] = matrix[i * p + j];
                }
            }
        }
    }
}

/// Parts of the samples in [`gram`].
const PARTS: usize = 4;

/// Samples that one product takes in: a transposed copy of them should stay in the cache.
const SAMPLES_AT_ONCE: usize = 384;

/// Above this number of columns [`PARTS`] partial results are too much memory (128 MB here).
const LARGEST_PARTIAL: usize = 2048;

fn gram_in_parts(x: ArrayView2<f64>) -> Array2<f64> {
    let p = x.ncols();
    let height = x.nrows().div_ceil(PARTS).max(1);
    let mut parts: Vec<Array2<f64>> = x
        .axis_chunks_iter(Axis(0), height)
        .into_par_iter()
        .map(|part| {
            let mut out = Array2::zeros((p, p));
            let chunks = part.axis_chunks_iter(Axis(0), SAMPLES_AT_ONCE);
            for (chunk, samples) in chunks.enumerate() {
                // Fresh memory that is read before it is written costs a second page fault, which
                // stops the other threads for a moment.
                let add = if chunk == 0 {
                    Accum::Replace
                } else {
                    Accum::Add
                };
                add_gram(&mut out, samples, add);
            }
            out
        })
        .collect();
    let Some(mut sum) = parts.pop() else {
        return Array2::zeros((p, p));
    };
    rows_mut(&mut sum)
        .par_chunks_mut(p.max(1))
        .enumerate()
        .with_min_len(TILE)
        .for_each(|(i, row)| {
            for part in &parts {
                let terms = part.row(i);
                let below = row[..=i].iter_mut().zip(terms);
                below.for_each(|(value, term)| *value += term);
            }
        });
    sum
}

/// `out += xᵀ x` or `out = xᵀ x`, lower triangle.
fn add_gram(out: &mut Array2<f64>, x: ArrayView2<f64>, add: Accum) {
    let (n, p) = x.dim();
    let copy = transposed(x);
    let (lower, full) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
    triangular::matmul(
        MatMut::from_row_major_slice_mut(rows_mut(out), p, p),
        lower,
        add,
        MatRef::from_row_major_slice(&copy, p, n),
        full,
        as_mat(x),
        full,
        1.0,
        Par::Seq,
    );
}

fn gram_in_tiles(x: ArrayView2<f64>) -> Array2<f64> {
    let (n, p) = x.dim();
    let mut out = Array2::zeros((p, p));
    // Only tiles on and below the diagonal are computed.
    rows_mut(&mut out)
        .par_chunks_mut(TILE * p)
        .enumerate()
        .for_each(|(tile, rows)| {
            let height = rows.len() / p;
            let width = tile * TILE + height;
            let part = transposed(x.slice(s![.., tile * TILE..width]));
            let part = MatRef::from_row_major_slice(&part, height, n);
            let dst = MatMut::from_row_major_slice_mut(rows, height, p).subcols_mut(0, width);
            let all = as_mat(x).subcols(0, width);
            matmul(dst, Accum::Replace, part, all, 1.0, Par::Seq);
        });
    out
}

/// `a bᵀ` for row-major `a`: `(m, k)` and `b`: `(n, k)`; returns `(m, n)`.
#[track_caller]
pub fn product_transpose(a: ArrayView2<f64>, b: ArrayView2<f64>) -> Array2<f64> {
    assert_eq!(
        a.ncols(),
        b.ncols(),
        "both operands have one column per sum"
    );
    let (a, b) = (a.as_standard_layout(), b.as_standard_layout());
    let n = b.nrows();
    let mut out = Array2::zeros((a.nrows(), n));
    if n == 0 {
        return out;
    }
    let (a, b) = (as_mat(a.view()), as_mat(b.view()).transpose());
    rows_mut(&mut out)
        .par_chunks_mut(TILE * n)
        .enumerate()
        .for_each(|(tile, rows)| {
            let height = rows.len() / n;
            let part = a.subrows(tile * TILE, height);
            let dst = MatMut::from_row_major_slice_mut(rows, height, n);
            matmul(dst, Accum::Replace, part, b, 1.0, Par::Seq);
        });
    out
}

fn as_mat(a: ArrayView2<'_, f64>) -> MatRef<'_, f64> {
    let (rows, columns) = a.dim();
    let slice = a.to_slice().expect("the caller made it standard layout");
    MatRef::from_row_major_slice(slice, rows, columns)
}

fn rows_mut(a: &mut Array2<f64>) -> &mut [f64] {
    a.as_slice_mut().expect("just allocated in standard layout")
}

/// Scratch memory of [`cholesky`], reused from system to system.
pub struct Workspace {
    memory: faer::dyn_stack::MemBuffer,
    for_size: usize,
}

impl Default for Workspace {
    fn default() -> Self {
        Workspace {
            memory: faer::dyn_stack::MemBuffer::new(StackReq::EMPTY),
            for_size: 0,
        }
    }
}

/// Overwrites the lower triangle of the symmetric positive definite `a` with its Cholesky factor.
///
/// - `a`: `(n, n)` column-major; only the lower triangle is read and written.
pub fn cholesky(
    a: &mut [f64],
    n: usize,
    workspace: &mut Workspace,
) -> Result<(), NotPositiveDefinite> {
    assert_eq!(a.len(), n * n, "the system is square");
    if n == 0 {
        return Ok(());
    }
    factor(a, n, workspace)
}

#[cfg(not(feature = "lapack"))]
fn factor(a: &mut [f64], n: usize, workspace: &mut Workspace) -> Result<(), NotPositiveDefinite> {
    use faer::linalg::cholesky::llt::factor;
    if workspace.for_size < n {
        let need = factor::cholesky_in_place_scratch::<f64>(n, Par::Seq, Default::default());
        *workspace = Workspace {
            memory: faer::dyn_stack::MemBuffer::new(need),
            for_size: n,
        };
    }
    let stack = MemStack::new(&mut workspace.memory);
    let a = MatMut::from_column_major_slice_mut(a, n, n);
    factor::cholesky_in_place(a, Default::default(), Par::Seq, stack, Default::default())
        .map(|_| ())
        .map_err(|_| NotPositiveDefinite)
}

#[cfg(feature = "lapack")]
fn factor(a: &mut [f64], n: usize, _: &mut Workspace) -> Result<(), NotPositiveDefinite> {
    use ndarray::{ArrayView2, ShapeBuilder};
    use ndarray_linalg::cholesky::{Cholesky, UPLO};
    // The column-major view lets LAPACK work without a transposed copy.
    let view = ArrayView2::from_shape((n, n).f(), &*a).expect("the length was checked");
    let lower = view
        .cholesky(UPLO::Lower)
        .map_err(|_| NotPositiveDefinite)?;
    // Some versions of OpenBLAS let NaN pass.
    if !lower.diag().iter().all(|pivot| pivot.is_finite()) {
        return Err(NotPositiveDefinite);
    }
    for (column, values) in a.chunks_exact_mut(n).enumerate() {
        for (row, value) in values.iter_mut().enumerate().skip(column) {
            *value = lower[[row, column]];
        }
    }
    Ok(())
}

/// Solves `L Lᵀ z = b` in place for the factor that [`cholesky`] left in `a`.
///
/// - `b`: right-hand sides one after the other, each of `n` entries.
#[track_caller]
pub fn solve_factored(a: &[f64], n: usize, b: &mut [f64]) {
    assert_eq!(a.len(), n * n, "the factor is square");
    if n == 0 || b.is_empty() {
        return;
    }
    assert!(
        b.len().is_multiple_of(n),
        "every right-hand side has n entries"
    );
    let a = MatRef::from_column_major_slice(a, n, n);
    let columns = b.len() / n;
    let mut b = MatMut::from_column_major_slice_mut(b, n, columns);
    triangular_solve::solve_lower_triangular_in_place(a, b.as_mut(), Par::Seq);
    triangular_solve::solve_upper_triangular_in_place(a.transpose(), b.as_mut(), Par::Seq);
}

/// `c −= a b` for row-major `c`: `(m, n)`, `a`: `(m, k)`, `b`: `(k, n)`.
#[track_caller]
pub fn subtract_product(c: &mut [f64], a: &[f64], b: &[f64], (m, n, k): (usize, usize, usize)) {
    if m > 0 && n > 0 && k > 0 {
        let (a, b) = (
            MatRef::from_row_major_slice(a, m, k),
            MatRef::from_row_major_slice(b, k, n),
        );
        let c = MatMut::from_row_major_slice_mut(c, m, n);
        matmul(c, Accum::Add, a, b, -1.0, Par::Seq);
    }
}

/// Back substitution after a partial factorisation: `w = L⁻ᵀ (y − Bᵀ z)` for several right-hand sides.
///
/// - `solution`: `y`, overwritten with `w`; `n` entries for each of `units` right-hand sides.
/// - `known`: `z`, row-major `(units, rest)`.
/// - `panel`: column-major, `n` columns of `stride` rows: `L` in the first `n` rows, then `B` in
///   `rest` rows.
#[track_caller]
pub fn substitute(
    solution: &mut [f64],
    known: &[f64],
    panel: &[f64],
    stride: usize,
    (units, n, rest): (usize, usize, usize),
) {
    let panel = MatRef::from_column_major_slice_with_stride(panel, stride, n, stride);
    let mut solution = MatMut::from_column_major_slice_mut(solution, n, units);
    if rest > 0 {
        let known = MatRef::from_row_major_slice(known, units, rest);
        let coupling = panel.subrows(n, rest);
        let add = Accum::Add;
        let out = solution.as_mut();
        matmul(
            out,
            add,
            coupling.transpose(),
            known.transpose(),
            -1.0,
            Par::Seq,
        );
    }
    let factor = panel.subrows(0, n).transpose();
    triangular_solve::solve_upper_triangular_in_place(factor, solution, Par::Seq);
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    fn noise(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
        let mut state = seed;
        Array2::from_shape_simple_fn((rows, columns), || {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5
        })
    }

    #[test]
    fn products_match_their_definition() {
        // Sizes on both sides of the tile.
        for (k, m, n) in [(1, 1, 1), (7, 130, 5), (40, 128, 257)] {
            let (a, b) = (noise(k, m, 1), noise(k, n, 2));
            let fast = transpose_product(a.view(), b.view());
            let slow = a.t().dot(&b);
            assert!((&fast - &slow).iter().all(|d| d.abs() < 1e-12));
            let symmetric = gram(a.view());
            assert!(
                (&symmetric - &a.t().dot(&a))
                    .iter()
                    .all(|d| d.abs() < 1e-12)
            );
            let (c, d) = (noise(m, k, 3), noise(n, k, 4));
            let other = product_transpose(c.view(), d.view());
            assert!((&other - &c.dot(&d.t())).iter().all(|d| d.abs() < 1e-12));
        }
    }

    #[test]
    fn solutions_satisfy_their_system() {
        for n in [1, 2, 33, 200] {
            let x = noise(n + 5, n, 5);
            let mut system = gram(x.view());
            system.diag_mut().mapv_inplace(|v| v + 1.0);
            let rhs = noise(3, n, 6);
            let mut solution = rhs.clone();
            let mut factor = system.as_slice().unwrap().to_vec();
            cholesky(&mut factor, n, &mut Workspace::default()).unwrap();
            solve_factored(&factor, n, solution.as_slice_mut().unwrap());
            let residual = solution.dot(&system) - &rhs;
            assert!(residual.iter().all(|r| r.abs() < 1e-11), "n = {n}");
        }
    }

    #[test]
    fn an_indefinite_matrix_is_refused() {
        let mut a = vec![1.0, 2.0, 2.0, 1.0];
        assert_eq!(
            cholesky(&mut a, 2, &mut Workspace::default()),
            Err(NotPositiveDefinite)
        );
        let mut a = vec![f64::NAN; 4];
        assert_eq!(
            cholesky(&mut a, 2, &mut Workspace::default()),
            Err(NotPositiveDefinite)
        );
    }
}
