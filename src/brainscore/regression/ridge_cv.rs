//! Ridge regression whose penalty the training images choose, one at a time left out, the same for all targets.
//!
//! With `H` the matrix that maps centred responses to their fit, the error of an image that is left out is
//!
//! ```text
//! e_i = (y_i − ŷ_i) / (1 − h_ii − 1/n)
//! ```
//!
//! (Rifkin & Lippert 2007, MIT-CSAIL-TR-2007-025), without fitting again; the last term is for the intercept. The
//! penalty with the smallest mean of `e²` over images and targets is taken, the first of equal ones, as by
//! scikit-learn's `RidgeCV(alphas)`.

use ndarray::{Array1, Array2, Axis};
use rayon::prelude::*;

use super::fold::Fold;
use super::spectrum::Spectrum;
use crate::error::Result;
use crate::ridge::linalg;

/// The registry's 99 penalties, ascending (SPEC 2.3).
pub fn alphas() -> Vec<f64> {
    let evenly = |from: f64, to: f64, n: u32| {
        let step = (to - from) / f64::from(n);
        (0..n).map(move |i| from + step * f64::from(i))
    };
    let mut alphas = vec![0.01, 0.1, 0.5, 1.0];
    alphas.extend(evenly(10.0, 100.0, 4));
    for decade in 2..6 {
        alphas.extend(evenly(10_f64.powi(decade), 10_f64.powi(decade + 1), 18));
    }
    // The last one with its end.
    alphas.extend(evenly(1e6, 1e7, 18).chain([1e7]));
    alphas
}

/// Predicted responses to the test images, `(n_test, n_targets)`, and the penalty that was taken.
///
/// - `alphas`: penalties to choose from, positive.
///
/// # Errors
/// If products of the features are not finite.
///
/// # Panics
/// If there is no penalty to choose from.
#[track_caller]
pub fn predict(fold: &Fold, alphas: &[f64]) -> Result<(Array2<f64>, f64)> {
    assert!(!alphas.is_empty(), "a penalty to choose");
    let mean = fold.mean_response();
    let deviations = fold.gathered_deviations(&mean);
    let spectrum = Spectrum::new(fold)?;
    let along = spectrum.along_axes(&deviations);
    let left = Left::new(&spectrum, &deviations, &along);
    let errors: Vec<f64> = alphas
        .par_iter()
        .map(|&alpha| left.mean_square(&spectrum, &along, alpha))
        .collect();
    let mut best = 0;
    for (candidate, error) in errors.iter().enumerate() {
        if *error < errors[best] {
            best = candidate;
        }
    }
    let alpha = alphas[best];
    let factors = spectrum.squares.mapv(|square| 1.0 / (square + alpha));
    Ok((spectrum.predict(&factors, &along) + &mean, alpha))
}

/// What no axis reaches, the same for every penalty.
struct Left {
    /// `Y − U UᵀY`, `(n_train, n_targets)`.
    responses: Option<Array2<f64>>,
    /// `1 − Σ u²` of every image, `(n_train,)`.
    leverage: Array1<f64>,
    /// `u²`, `(n_train, n_axes)`.
    squares: Array2<f64>,
}

impl Left {
    fn new(spectrum: &Spectrum, deviations: &Array2<f64>, along: &Array2<f64>) -> Left {
        let squares = spectrum.axes.mapv(|value| value * value);
        // As many axes as images reach everything; differences would be nothing but rounding.
        let all = spectrum.axes.nrows() == spectrum.axes.ncols();
        let fit = || linalg::transpose_product(spectrum.axes.t(), along.view());
        Left {
            responses: (!all).then(|| deviations - &fit()),
            leverage: if all {
                Array1::zeros(squares.nrows())
            } else {
                1.0 - squares.sum_axis(Axis(1))
            },
            squares,
        }
    }

    /// Mean squared error of images that are left out.
    fn mean_square(&self, spectrum: &Spectrum, along: &Array2<f64>, alpha: f64) -> f64 {
        // Of what lies along an axis, this share is not fitted; never as a difference from 1.
        let unfitted = spectrum.squares.mapv(|square| alpha / (square + alpha));
        let scaled = along * &unfitted.view().insert_axis(Axis(1));
        let mut residual = linalg::transpose_product(spectrum.axes.t(), scaled.view());
        if let Some(responses) = &self.responses {
            residual += responses;
        }
        let intercept = (self.squares.nrows() as f64).recip();
        let left = self.squares.dot(&unfitted) + &self.leverage - intercept;
        let mut sum = 0.0;
        for (row, left) in residual.rows().into_iter().zip(&left) {
            sum += row.iter().map(|value| value * value).sum::<f64>() / (left * left);
        }
        sum / residual.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brainscore::features::Features;
    use crate::brainscore::noise;
    use crate::brainscore::regression::ridge;
    use crate::stats::splits::Split;

    #[test]
    fn there_are_99_penalties() {
        let alphas = alphas();
        assert_eq!(alphas.len(), 99);
        assert!(alphas.is_sorted_by(|a, b| a < b));
        assert_eq!(alphas[4..9], [10.0, 32.5, 55.0, 77.5, 100.0]);
        assert_eq!((alphas[26], alphas[80], alphas[98]), (1e3, 1e6, 1e7));
    }

    #[test]
    fn errors_are_those_of_fits_without_the_image() {
        for p in [4, 60] {
            let (x, y) = (noise(25, p, 1), noise(25, 3, 2));
            let features = Features::new(x).unwrap();
            let all: Vec<usize> = (0..25).collect();
            let split = Split {
                train: all.clone(),
                test: vec![0],
            };
            let fold = Fold {
                features: &features,
                responses: y.view(),
                split: &split,
            };
            let deviations = fold.gathered_deviations(&fold.mean_response());
            let spectrum = Spectrum::new(&fold).unwrap();
            let along = spectrum.along_axes(&deviations);
            let left = Left::new(&spectrum, &deviations, &along);
            for alpha in [0.01, 3.0, 500.0] {
                let mut sum = 0.0;
                for image in 0..25 {
                    let without = Split {
                        train: all
                            .iter()
                            .copied()
                            .filter(|&other| other != image)
                            .collect(),
                        test: vec![image],
                    };
                    let fold = Fold {
                        split: &without,
                        ..fold
                    };
                    let error = ridge::predict(&fold, alpha).unwrap() - y.row(image);
                    sum += error.iter().map(|e| e * e).sum::<f64>();
                }
                let found = left.mean_square(&spectrum, &along, alpha);
                assert!((found * 75.0 / sum - 1.0).abs() < 1e-9, "{p} {alpha}");
            }
        }
    }
}
