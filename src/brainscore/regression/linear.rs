//! Ordinary least squares with an intercept; of all solutions the shortest one.

use ndarray::Array2;

use super::fold::Fold;
use super::spectrum::Spectrum;
use crate::error::Result;

/// Axes whose singular value is less than this share of the largest are not used: `tol` of scikit-learn 1.9's
/// `LinearRegression`, and about what products of images in double precision can tell from nothing.
// DEVIATION: scikit-learn before 1.9 used everything above rounding (2e-16). Layers with collinear units differ.
const SMALLEST: f64 = 1e-6;

/// Predicted responses to the test images, `(n_test, n_targets)`.
pub(super) fn predict(fold: &Fold) -> Result<Array2<f64>> {
    let mean = fold.mean_response();
    let spectrum = Spectrum::new(fold)?;
    let largest = spectrum.squares.iter().copied().fold(0.0, f64::max);
    let factors = spectrum.squares.mapv(|square| {
        if square > SMALLEST * SMALLEST * largest {
            square.recip()
        } else {
            0.0
        }
    });
    let along = spectrum.along_axes(&fold.gathered_deviations(&mean));
    Ok(spectrum.predict(&factors, &along) + &mean)
}
