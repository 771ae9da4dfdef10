//! The only file that names a linear-algebra crate: products, Cholesky solves and decompositions.
//!
//! Products are [`super::product`]'s, factorisations `faer`'s; with the cargo feature `lapack` the latter go
//! to the system's LAPACK through `ndarray-linalg`. Every function is deterministic: neither the number of
//! threads nor the memory at hand changes a bit of the result.

use faer::diag::DiagMut;
use faer::dyn_stack::{MemStack, StackReq};
use faer::linalg::matmul::matmul;
use faer::linalg::triangular_solve;
use faer::{Accum, MatMut, MatRef, Par};
use ndarray::{Array2, ArrayView2, CowArray, Ix2, ShapeBuilder};

use super::product::{self, Into, Operand, Out, Threads};

/// The matrix was not positive definite: the pivot at this row was not positive, or was NaN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotPositiveDefinite;

/// `aᵀ b` for row-major `a`: `(k, m)` and `b`: `(k, n)`; returns `(m, n)`.
#[track_caller]
pub fn transpose_product(a: ArrayView2<f64>, b: ArrayView2<f64>) -> Array2<f64> {
    assert_eq!(a.nrows(), b.nrows(), "both operands have one row per sum");
    multiply(a, b, Into::Replaced)
}

/// `a bᵀ` for row-major `a`: `(m, k)` and `b`: `(n, k)`; returns `(m, n)`.
#[track_caller]
pub fn product_transpose(a: ArrayView2<f64>, b: ArrayView2<f64>) -> Array2<f64> {
    assert_eq!(
        a.ncols(),
        b.ncols(),
        "both operands have one column per sum"
    );
    multiply(a.reversed_axes(), b.reversed_axes(), Into::Replaced)
}

/// `xᵀ x` for `x`: `(n_samples, p)`; returns the full symmetric `(p, p)`.
pub fn gram(x: ArrayView2<f64>) -> Array2<f64> {
    let p = x.ncols();
    let mut out = multiply(x, x, Into::LowerReplaced);
    mirror(out.as_slice_mut().expect("just allocated"), p);
    out
}

/// `c −= a b` for row-major `c`: `(m, n)`, `a`: `(m, k)`, `b`: `(k, n)`.
#[track_caller]
pub fn subtract_product(c: &mut [f64], a: &[f64], b: &[f64], (m, n, k): (usize, usize, usize)) {
    let a = Operand {
        values: a,
        term_stride: 1,
        lane_stride: k,
    };
    let b = Operand {
        values: b,
        term_stride: n,
        lane_stride: 1,
    };
    let c = Out {
        values: c,
        stride: n,
        size: (m, n),
    };
    product::multiply(c, k, a, b, Into::Reduced, Threads::This);
}

/// Products of the columns of `a` and of `b`, both with a row per term.
fn multiply(a: ArrayView2<f64>, b: ArrayView2<f64>, into: Into) -> Array2<f64> {
    let (n_terms, columns) = b.dim();
    let mut out = Array2::zeros((a.ncols(), columns));
    let (a, b) = (without_gaps(a), without_gaps(b));
    let (a, b) = (operand(&a), operand(&b));
    let c = Out {
        stride: columns,
        size: out.dim(),
        values: out.as_slice_mut().expect("just allocated"),
    };
    product::multiply(c, n_terms, a, b, into, Threads::All);
    out
}

/// The view itself where its entries have no gaps, else a copy.
fn without_gaps(a: ArrayView2<'_, f64>) -> CowArray<'_, f64, Ix2> {
    let forwards = a.strides().iter().all(|stride| *stride >= 0);
    if forwards && a.as_slice_memory_order().is_some() {
        CowArray::from(a)
    } else {
        CowArray::from(a.as_standard_layout().into_owned())
    }
}

fn operand<'a>(a: &'a CowArray<f64, Ix2>) -> Operand<'a> {
    // An axis of one entry may have any stride, also 0.
    let stride = |axis: usize| a.strides()[axis].unsigned_abs().max(1);
    Operand {
        values: a.as_slice_memory_order().expect("no gaps"),
        term_stride: stride(0),
        lane_stride: stride(1),
    }
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

/// An eigendecomposition `A = U diag(λ) Uᵀ` of a symmetric matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct Eigen {
    /// `λ`, ascending, `(n,)`.
    pub values: Vec<f64>,
    /// `U`, an eigenvector per column, `(n, n)`.
    pub vectors: Array2<f64>,
}

/// A thin singular value decomposition `A = U diag(s) Vᵀ`.
#[derive(Debug, Clone, PartialEq)]
pub struct Svd {
    /// `U`, `(m, r)` with `r = min(m, n)`.
    pub left: Array2<f64>,
    /// `s`, descending, `(r,)`.
    pub values: Vec<f64>,
    /// `V`, `(n, r)`.
    pub right: Array2<f64>,
}

/// The iteration of a decomposition did not converge, which only values that are not finite bring about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotConverged;

/// Eigenvalues and eigenvectors of the symmetric `a`, `(n, n)`; only its lower triangle is read.
///
/// By `faer` with either choice of features, on the calling thread.
pub fn symmetric_eigen(a: ArrayView2<f64>) -> Result<Eigen, NotConverged> {
    use faer::linalg::evd::{self, ComputeEigenvectors};
    let n = a.nrows();
    assert_eq!(n, a.ncols(), "the matrix is square");
    let a = without_gaps(a);
    let strides = a.strides();
    let need = evd::self_adjoint_evd_scratch::<f64>(
        n,
        ComputeEigenvectors::Yes,
        Par::Seq,
        Default::default(),
    );
    let mut memory = faer::dyn_stack::MemBuffer::new(need);
    let (mut values, mut vectors) = (vec![0.0; n], vec![0.0; n * n]);
    let entries = a.as_slice_memory_order().expect("no gaps");
    // Symmetric: where rows are contiguous, the upper triangle read by columns is the lower one.
    let matrix = match strides[0] == 1 {
        true => MatRef::from_column_major_slice(entries, n, n),
        false => MatRef::from_row_major_slice(entries, n, n),
    };
    evd::self_adjoint_evd(
        matrix,
        DiagMut::from_slice_mut(&mut values),
        Some(MatMut::from_column_major_slice_mut(&mut vectors, n, n)),
        Par::Seq,
        MemStack::new(&mut memory),
        Default::default(),
    )
    .map_err(|_| NotConverged)?;
    Ok(Eigen {
        values,
        vectors: by_columns(vectors, n, n),
    })
}

/// Thin singular value decomposition of `a`, `(m, n)`.
///
/// By `faer` with either choice of features, on the calling thread.
pub fn thin_svd(a: ArrayView2<f64>) -> Result<Svd, NotConverged> {
    use faer::linalg::svd::{self, ComputeSvdVectors};
    let (m, n) = a.dim();
    let r = m.min(n);
    let a = a.as_standard_layout();
    let thin = ComputeSvdVectors::Thin;
    let need = svd::svd_scratch::<f64>(m, n, thin, thin, Par::Seq, Default::default());
    let mut memory = faer::dyn_stack::MemBuffer::new(need);
    let mut values = vec![0.0; r];
    let (mut left, mut right) = (vec![0.0; m * r], vec![0.0; n * r]);
    svd::svd(
        MatRef::from_row_major_slice(a.as_slice().expect("standard layout"), m, n),
        DiagMut::from_slice_mut(&mut values),
        Some(MatMut::from_column_major_slice_mut(&mut left, m, r)),
        Some(MatMut::from_column_major_slice_mut(&mut right, n, r)),
        Par::Seq,
        MemStack::new(&mut memory),
        Default::default(),
    )
    .map_err(|_| NotConverged)?;
    Ok(Svd {
        left: by_columns(left, m, r),
        values,
        right: by_columns(right, n, r),
    })
}

/// A matrix from its columns one after the other.
fn by_columns(entries: Vec<f64>, rows: usize, columns: usize) -> Array2<f64> {
    Array2::from_shape_vec((rows, columns).f(), entries).expect("the length is the product")
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
        // One entry along each axis, and sizes on both sides of a task.
        for (k, m, n) in [(1, 1, 1), (1, 5, 3), (9, 1, 1), (7, 130, 5), (40, 128, 257)] {
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
    fn decompositions_multiply_to_the_matrix() {
        for (m, n) in [(1, 1), (40, 40), (90, 33), (20, 70)] {
            let x = noise(m, n, 7);
            let svd = thin_svd(x.view()).unwrap();
            let scaled = &svd.left * &ndarray::ArrayView1::from(&svd.values);
            let product = scaled.dot(&svd.right.t());
            assert!((&product - &x).iter().all(|d| d.abs() < 1e-13), "{m} {n}");
            assert!(svd.values.is_sorted_by(|a, b| a >= b));
            let square = gram(x.view());
            let eigen = symmetric_eigen(square.view()).unwrap();
            let scaled = &eigen.vectors * &ndarray::ArrayView1::from(&eigen.values);
            let product = scaled.dot(&eigen.vectors.t());
            assert!((&product - &square).iter().all(|d| d.abs() < 1e-12));
            assert!(eigen.values.is_sorted());
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
