//! Training features in their own axes: what ordinary least squares and the choice of a penalty start from.

use ndarray::{Array1, Array2, Axis};

use super::fold::Fold;
use super::not_finite;
use crate::error::Result;
use crate::ridge::linalg;

/// `X = U S Vᵀ` of the centred training images, and where the test images lie.
///
/// Predictions of every regression that shrinks axes by factors `f` of `s²` are
///
/// ```text
/// ŷ = ȳ + x V S diag(f) UᵀY      f = 1 / s² of least squares, 1 / (s² + α) of ridge
/// ```
pub struct Spectrum {
    /// `U`, `(n_train, n_axes)`.
    pub axes: Array2<f64>,
    /// `s²`, not negative, `(n_axes,)`.
    pub squares: Array1<f64>,
    /// `x V S` of the test images, `(n_test, n_axes)`.
    pub test: Array2<f64>,
}

impl Spectrum {
    /// By a singular value decomposition of the values where there are not more units than images; else by an
    /// eigendecomposition of the products of images, whose `s²` are exact to rounding of the largest.
    pub fn new(fold: &Fold) -> Result<Spectrum> {
        match fold.values() {
            Some(values) => Spectrum::of_values(fold, &values),
            None => Spectrum::of_products(fold),
        }
    }

    fn of_values(fold: &Fold, values: &Array2<f64>) -> Result<Spectrum> {
        let train = values.select(Axis(0), &fold.split.train);
        let svd = linalg::thin_svd(train.view()).map_err(|_| not_finite())?;
        let singular = Array1::from(svd.values);
        let test = values.select(Axis(0), &fold.split.test);
        let test = linalg::transpose_product(test.t(), (&svd.right * &singular).view());
        Ok(Spectrum {
            axes: svd.left,
            squares: singular.mapv(|value| value * value),
            test,
        })
    }

    fn of_products(fold: &Fold) -> Result<Spectrum> {
        let kernel = fold.kernel();
        let eigen = linalg::symmetric_eigen(kernel.train.view()).map_err(|_| not_finite())?;
        let test = linalg::transpose_product(kernel.test.t(), eigen.vectors.view());
        Ok(Spectrum {
            axes: eigen.vectors,
            squares: eigen
                .values
                .into_iter()
                .map(|value| value.max(0.0))
                .collect(),
            test,
        })
    }

    /// `UᵀY`, `(n_axes, n_targets)`.
    ///
    /// - `deviations`: centred responses to the training images, `(n_train, n_targets)`.
    pub fn along_axes(&self, deviations: &Array2<f64>) -> Array2<f64> {
        linalg::transpose_product(self.axes.view(), deviations.view())
    }

    /// Deviations of the predicted responses from the training mean, `(n_test, n_targets)`.
    ///
    /// - `factors`: `f`, `(n_axes,)`.
    /// - `along`: [`Spectrum::along_axes`].
    pub fn predict(&self, factors: &Array1<f64>, along: &Array2<f64>) -> Array2<f64> {
        let scaled = along * &factors.view().insert_axis(Axis(1));
        linalg::transpose_product(self.test.t(), scaled.view())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brainscore::features::Features;
    use crate::brainscore::noise;
    use crate::stats::splits::{self, Size};

    #[test]
    fn products_and_values_have_the_same_spectrum() {
        let (x, y) = (noise(30, 12, 1), noise(30, 2, 2));
        let features = Features::new(x).unwrap();
        let split = splits::plain(30, 1, Size::Train(0.8), 1).unwrap().remove(0);
        let fold = Fold {
            features: &features,
            responses: y.view(),
            split: &split,
        };
        let deviations = fold.gathered_deviations(&fold.mean_response());
        let ridge = |spectrum: Spectrum| {
            let factors = spectrum.squares.mapv(|square| 1.0 / (square + 2.0));
            spectrum.predict(&factors, &spectrum.along_axes(&deviations))
        };
        let values = ridge(Spectrum::of_values(&fold, &fold.values().unwrap()).unwrap());
        let products = ridge(Spectrum::of_products(&fold).unwrap());
        assert!((values - products).iter().all(|d| d.abs() < 1e-13));
    }
}
