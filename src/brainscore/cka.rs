//! Centred kernel alignment of two layers, or of a layer and recordings, with linear kernels.
//!
//! ```text
//! biased      ‖X̃ᵀỸ‖² / (‖X̃ᵀX̃‖ ‖ỸᵀỸ‖)        (Kornblith et al. 2019, ICML; Frobenius norms)
//! unbiased    h(K, L) / √(h(K, K) h(L, L))    0 unless the product is positive
//! h(K, L)     [tr(KL) + 1ᵀK1 1ᵀL1 / ((n−1)(n−2)) − 2/(n−2) 1ᵀKL1] / (n (n−3))
//! ```
//!
//! with `K = X Xᵀ`, `L = Y Yᵀ` and zeros on their diagonals in `h` (Song et al. 2012, J. Mach. Learn. Res. 13,
//! 1393–1434, equation 5). The registry's default is the unbiased one since 2026-01-30 (SPEC 2.11). Where there are
//! not more units than images on either side, nothing of the size of `K` is made.

use ndarray::{Array1, Array2, Axis};

use super::features::Features;
use crate::error::{Error, Result};
use crate::ridge::linalg;

/// Which estimator of the Hilbert–Schmidt independence criterion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Estimator {
    /// Larger than 0 also for layers that have nothing to do with each other, the more the more units they have.
    Biased,
    /// Around 0 for such.
    #[default]
    Unbiased,
}

/// Fewest images for the unbiased estimator.
const FEWEST: usize = 4;

/// Alignment of two sets of units over the same images.
///
/// # Errors
/// If the numbers of images differ, or are too small.
pub fn cka(x: &Features, y: &Features, estimator: Estimator) -> Result<f64> {
    let n = x.n_images();
    if n != y.n_images() {
        return Err(Error::data(
            "kernel alignment",
            format!("of {n} and {} images", y.n_images()),
            "give features of the same images in the same order",
        ));
    }
    if estimator == Estimator::Unbiased && n < FEWEST {
        return Err(Error::data(
            "kernel alignment",
            format!("the unbiased estimate needs {FEWEST} images, not {n}"),
            "give more images, or take the biased one",
        ));
    }
    let [cross, x_itself, y_itself] = match (values(x), values(y)) {
        (Some(x), Some(y)) => of_values(&x, &y),
        _ => of_products(x.gram(), y.gram()),
    };
    Ok(match estimator {
        Estimator::Biased => cross.trace / (x_itself.trace * y_itself.trace).sqrt(),
        Estimator::Unbiased => {
            let scale = x_itself.unbiased(n) * y_itself.unbiased(n);
            match scale > 0.0 {
                true => cross.unbiased(n) / scale.sqrt(),
                false => 0.0,
            }
        }
    })
}

/// Units less their means, where there are not more than images.
fn values(features: &Features) -> Option<Array2<f64>> {
    match features.is_wide() {
        true => None,
        false => features.block(0..features.n_units()),
    }
}

/// Sums over a pair of kernels.
struct Sums {
    /// `tr(KL)`.
    trace: f64,
    /// `Σ k_ii l_ii`.
    diagonal: f64,
    /// `1ᵀK1 · 1ᵀL1` with zero diagonals.
    totals: f64,
    /// `1ᵀKL1` with zero diagonals.
    rows: f64,
}

impl Sums {
    /// - `k`, `l`: diagonal and sum of every row without it, of either kernel.
    fn new(trace: f64, k: &(Array1<f64>, Array1<f64>), l: &(Array1<f64>, Array1<f64>)) -> Sums {
        Sums {
            trace,
            diagonal: k.0.dot(&l.0),
            totals: k.1.sum() * l.1.sum(),
            rows: k.1.dot(&l.1),
        }
    }

    /// `h(K, L)`.
    fn unbiased(&self, n: usize) -> f64 {
        let n = n as f64;
        let sum = self.trace - self.diagonal + self.totals / ((n - 1.0) * (n - 2.0))
            - 2.0 / (n - 2.0) * self.rows;
        sum / (n * (n - 3.0))
    }
}

/// Of `(K, L)`, `(K, K)` and `(L, L)`, from centred units, `(n_images, n_units)`.
fn of_values(x: &Array2<f64>, y: &Array2<f64>) -> [Sums; 3] {
    let rows = |x: &Array2<f64>| {
        let diagonal = (x * x).sum_axis(Axis(1));
        let sums = x.dot(&x.sum_axis(Axis(0))) - &diagonal;
        (diagonal, sums)
    };
    let (k, l) = (rows(x), rows(y));
    let square = |a: &Array2<f64>, b: &Array2<f64>| {
        let product = linalg::transpose_product(a.view(), b.view());
        product.iter().map(|value| value * value).sum::<f64>()
    };
    [
        Sums::new(square(x, y), &k, &l),
        Sums::new(square(x, x), &k, &k),
        Sums::new(square(y, y), &l, &l),
    ]
}

/// The same from centred kernels, `(n_images, n_images)`.
fn of_products(k: &Array2<f64>, l: &Array2<f64>) -> [Sums; 3] {
    let rows = |k: &Array2<f64>| {
        let diagonal = k.diag().to_owned();
        let sums = k.sum_axis(Axis(1)) - &diagonal;
        (diagonal, sums)
    };
    let (of_k, of_l) = (rows(k), rows(l));
    let product =
        |a: &Array2<f64>, b: &Array2<f64>| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    [
        Sums::new(product(k, l), &of_k, &of_l),
        Sums::new(product(k, k), &of_k, &of_k),
        Sums::new(product(l, l), &of_l, &of_l),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brainscore::noise;
    use ndarray::array;

    fn golden() -> (Array2<f64>, Array2<f64>) {
        (
            array![[1.0, 2.0], [3.0, 1.0], [0.0, 4.0], [2.0, 2.0], [5.0, 3.0]],
            array![
                [2.0, 0.0, 1.0],
                [1.0, 1.0, 0.0],
                [4.0, 2.0, 2.0],
                [0.0, 3.0, 1.0],
                [1.0, 5.0, 2.0]
            ],
        )
    }

    #[test]
    fn values_are_those_of_the_specification() {
        let (x, y) = golden();
        let features = || {
            (
                Features::new(x.clone()).unwrap(),
                Features::new(y.clone()).unwrap(),
            )
        };
        let wide = |features: Features| features.without_values();
        for (estimator, expected) in [
            (Estimator::Biased, 0.6500414569572986),
            (Estimator::Unbiased, 0.1733754439123306),
        ] {
            let (one, other) = features();
            let found = cka(&one, &other, estimator).unwrap();
            assert!((found - expected).abs() < 1e-14, "{found} {expected}");
            let found = cka(&wide(one), &wide(other), estimator).unwrap();
            assert!((found - expected).abs() < 1e-14, "{found} {expected}");
        }
    }

    #[test]
    fn shifts_turns_and_scales_do_not_matter() {
        let (x, y) = (noise(12, 40, 1), noise(12, 5, 2));
        let turn = linalg::thin_svd(noise(40, 40, 3).view()).unwrap().left;
        let turned = x.dot(&turn) * 3.0 + 2.0;
        let of = |x: &Array2<f64>, estimator| {
            let (x, y) = (
                Features::new(x.clone()).unwrap(),
                Features::new(y.clone()).unwrap(),
            );
            cka(&x, &y, estimator).unwrap()
        };
        for estimator in [Estimator::Biased, Estimator::Unbiased] {
            assert!((of(&x, estimator) - of(&turned, estimator)).abs() < 1e-12);
            let same = cka(
                &Features::new(x.clone()).unwrap(),
                &Features::new(turned.clone()).unwrap(),
                estimator,
            );
            assert!((same.unwrap() - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn too_few_images_are_refused() {
        let three = Features::new(noise(3, 4, 1)).unwrap();
        assert!(cka(&three, &three, Estimator::Unbiased).is_err());
        assert!(cka(&three, &three, Estimator::Biased).is_ok());
        let four = Features::new(noise(4, 4, 1)).unwrap();
        assert!(cka(&three, &four, Estimator::Biased).is_err());
    }
}
