//! The dominant eigenvector of `M = SᵀS`, where `S = XᵀY`: the direction of a component of partial least squares.

use ndarray::{Array1, Array2, ArrayView2, s};

use crate::ridge::linalg;
use crate::stats::legacy_random::LegacyRandom;

/// Vectors that are kept at most; then the best [`KEPT`] combinations of them go on.
const MOST_VECTORS: usize = 40;
const KEPT: usize = 8;
/// Products between two looks at the result.
const STEP: usize = 8;
/// Residual relative to the eigenvalue at which the vector is taken: some hundred roundings.
const TOLERANCE: f64 = 1e-13;
/// Products after which the vector is taken as it is: several eigenvalues are then equal to working precision, and
/// any combination of theirs is as good.
const MOST_PRODUCTS: usize = 2000;

/// Eigenvector of the largest eigenvalue, to rounding.
///
/// - `m`: symmetric, positive semi-definite, `(d, d)`.
///
/// Rayleigh–Ritz over a Krylov space that is restarted with its best vectors (thick restart: Wu & Simon 2000, SIAM
/// J. Matrix Anal. Appl. 22, 602–616), orthogonalised in full. It begins with fixed random numbers: no pattern of
/// `m`, such as blocks, hides the eigenvector from them.
pub fn converged(m: ArrayView2<'_, f64>) -> Array1<f64> {
    let d = m.nrows();
    let mut random = LegacyRandom::seed(1);
    let most = MOST_VECTORS.min(d);
    let mut basis = Array2::<f64>::zeros((most, d));
    let mut images = Array2::<f64>::zeros((most, d));
    let mut n = 0;
    let mut next = Array1::from_shape_simple_fn(d, || random.standard_normal());
    let mut n_products = 0;
    loop {
        let full = extend(m, &mut basis, &mut images, &mut n, next);
        n_products += STEP;
        let (vectors, products) = (basis.slice(s![..n, ..]), images.slice(s![..n, ..]));
        let projected = vectors.dot(&products.t());
        let Ok(ritz) = linalg::symmetric_eigen(projected.view()) else {
            // Not finite: so is the result.
            return Array1::from_elem(d, f64::NAN);
        };
        let best = ritz.vectors.column(n - 1);
        let (vector, image) = (best.dot(&vectors), best.dot(&products));
        let value = ritz.values[n - 1];
        let residual = &image - &(&vector * value);
        let size = residual.dot(&residual).sqrt();
        if size <= TOLERANCE * value || full || n_products >= MOST_PRODUCTS {
            return vector;
        }
        if n + STEP > most && n > KEPT {
            let kept = ritz.vectors.slice(s![.., n - KEPT..]);
            let (vectors, products) = (kept.t().dot(&vectors), kept.t().dot(&products));
            basis.slice_mut(s![..KEPT, ..]).assign(&vectors);
            images.slice_mut(s![..KEPT, ..]).assign(&products);
            n = KEPT;
        }
        next = residual;
    }
}

/// Adds up to [`STEP`] vectors and their products with `m`; whether the vectors now span all that can be reached.
fn extend(
    m: ArrayView2<'_, f64>,
    basis: &mut Array2<f64>,
    images: &mut Array2<f64>,
    n: &mut usize,
    mut next: Array1<f64>,
) -> bool {
    for _ in 0..STEP {
        if *n == basis.nrows() {
            return *n == basis.ncols();
        }
        let before = next.dot(&next).sqrt();
        // Twice is enough (Parlett 1998, The Symmetric Eigenvalue Problem, 6.9).
        for _ in 0..2 {
            for vector in basis.rows().into_iter().take(*n) {
                let along = vector.dot(&next);
                next.scaled_add(-along, &vector);
            }
        }
        let size = next.dot(&next).sqrt();
        if size <= 1e-14 * before || size == 0.0 {
            return true;
        }
        next /= size;
        let image = m.dot(&next);
        basis.row_mut(*n).assign(&next);
        images.row_mut(*n).assign(&image);
        *n += 1;
        next = image;
    }
    *n == basis.ncols()
}

/// What the power iteration of NIPALS ends with.
///
/// - `m`: symmetric, positive semi-definite, `(d, d)`.
/// - `start`: first vector, `(d,)`.
/// - `most`: most steps, `max_iter`.
/// - `tolerance`: the iteration ends when the squared change of the weights `w` (of length 1, along `X`) is less, `tol`.
/// - `weights`: whether vectors are `w` themselves, or coefficients `c` with `w = S c`.
pub fn iterated(
    m: ArrayView2<'_, f64>,
    start: Array1<f64>,
    most: usize,
    tolerance: f64,
    weights: Weights,
) -> Array1<f64> {
    let mut next = start;
    let mut last: Option<(Array1<f64>, Array1<f64>)> = None;
    for _ in 0..most {
        let mut vector = next;
        let mut image = m.dot(&vector);
        // ‖w‖² is cᵀc or cᵀSᵀSc.
        let square = match weights {
            Weights::Themselves => vector.dot(&vector),
            Weights::Coefficients => vector.dot(&image),
        };
        let scale = square.max(0.0).sqrt().recip();
        vector *= scale;
        image *= scale;
        let done = last.is_some_and(|(old, old_image)| {
            let change = &vector - &old;
            let square = match weights {
                Weights::Themselves => change.dot(&change),
                // From differences, so that nothing cancels.
                Weights::Coefficients => change.dot(&(&image - &old_image)),
            };
            square < tolerance
        });
        next = &image / image.dot(&image).sqrt();
        last = Some((vector, image));
        if done {
            break;
        }
    }
    last.map_or(next, |(vector, _)| vector)
}

/// What a vector of [`iterated`] is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Weights {
    /// `w`.
    Themselves,
    /// `c` with `w = S c`.
    Coefficients,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brainscore::noise;

    fn square(rows: usize, d: usize, seed: u32) -> Array2<f64> {
        let s = noise(rows, d, seed);
        s.t().dot(&s)
    }

    #[test]
    fn converged_is_the_last_eigenvector() {
        for d in [1, 2, 7, 41, 160] {
            let m = square(d + 3, d, 3);
            let eigen = linalg::symmetric_eigen(m.view()).unwrap();
            let cosine = converged(m.view()).dot(&eigen.vectors.column(d - 1));
            assert!((cosine.abs() - 1.0).abs() < 1e-13, "{d}: {cosine}");
        }
    }

    #[test]
    fn blocks_and_low_ranks_hide_nothing() {
        // Eigenvalues 2, and 3 of a block of ones: a start along the largest entry would find the former.
        let mut m = Array2::<f64>::zeros((4, 4));
        m[[0, 0]] = 2.0;
        m.slice_mut(s![1.., 1..]).fill(1.0);
        let found = converged(m.view());
        assert!(found[0].abs() < 1e-13 && (found[1].abs() - 3.0_f64.sqrt().recip()).abs() < 1e-13);
        let low = square(3, 90, 5);
        let eigen = linalg::symmetric_eigen(low.view()).unwrap();
        let cosine = converged(low.view()).dot(&eigen.vectors.column(89));
        assert!((cosine.abs() - 1.0).abs() < 1e-13);
    }

    #[test]
    fn iterations_of_either_kind_are_the_same() {
        let s = noise(6, 9, 4);
        let (left, right) = (s.dot(&s.t()), s.t().dot(&s));
        let mut start = Array1::zeros(9);
        start[0] = 1.0;
        let first = s.dot(&start);
        for most in [1, 2, 30] {
            let w = iterated(left.view(), first.clone(), most, 1e-6, Weights::Themselves);
            let c = iterated(
                right.view(),
                start.clone(),
                most,
                1e-6,
                Weights::Coefficients,
            );
            let other = s.dot(&c);
            let cosine = w.dot(&other) / (w.dot(&w) * other.dot(&other)).sqrt();
            assert!((cosine - 1.0).abs() < 1e-12, "{most}: {cosine}");
        }
    }
}
