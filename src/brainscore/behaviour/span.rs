//! Standardised features in axes of their own: as many numbers per image as there are images to learn from, at most.
//!
//! ```text
//! x̃ = (x − x̄) / s     mean and standard deviation (n) of every unit over the fitted images; s = 1 of a constant unit
//! X̃ = U S Vᵀ          of the fitted images
//! z = x̃ V             coordinates of any image
//! ```
//!
//! A model `x̃ W` with the penalty `‖W‖²` loses nothing by it: the best `W` has no part outside the span of the fitted
//! images, so `W = V Θ`, `x̃ W = z Θ` and `‖W‖ = ‖Θ‖`. With more units than images, `z` comes from products of images,
//! `z = x̃ X̃ᵀ U S⁻¹`, for which units are taken a block at a time.

use std::ops::Range;

use ndarray::{Array1, Array2, ArrayView1, Axis, s};

use crate::brainscore::features::Features;
use crate::brainscore::gram::Gram;
use crate::error::{Error, Result};
use crate::ridge::linalg;
use crate::stats::moments;

/// Coordinates of all images, `(n_images, n_axes)`.
///
/// The columns of the fitted images' rows have mean 0 and are orthogonal. Axes along which the fitted images hardly
/// differ, with squares below rounding of the largest, are left out: weights along them would be next to nothing.
///
/// # Errors
/// If the features come without values, an image is not there, or products are too large.
pub fn coordinates(features: &Features, fitted: &[usize]) -> Result<Array2<f64>> {
    let (n_images, n_units) = (features.n_images(), features.n_units());
    if features.mean().is_empty() {
        return Err(Error::data(
            "the readout",
            "needs the values of the units, of which only products are known",
            "give the features themselves",
        ));
    }
    if fitted.is_empty() || fitted.iter().any(|&image| image >= n_images) {
        return Err(Error::data(
            "the readout",
            format!(
                "is to be fitted on {} images, some of which are not among the {n_images}",
                fitted.len()
            ),
            "name at least one image, counted from 0",
        ));
    }
    if n_units <= fitted.len() {
        let x = standardised(features, 0..n_units, fitted).values;
        let axes = Axes::of(&linalg::gram(x.select(Axis(0), fitted).view()))?;
        return Ok(product(&x, &axes.vectors));
    }
    let block = |units| standardised(features, units, fitted).values;
    let products = Gram::of_blocks(n_images, n_units, block).select(Axis(1), fitted);
    let axes = Axes::of(&products.select(Axis(0), fitted))?;
    let scaled = &axes.vectors / &axes.squares.mapv(f64::sqrt);
    Ok(product(&products, &scaled))
}

/// Bytes that [`coordinates`] and a readout of them take beside the features, at most.
///
/// - `n_images`, `n_fitted`: all images, and those that are learned.
pub(super) fn bytes(n_images: usize, n_fitted: usize, n_units: usize) -> u64 {
    let numbers = if n_units <= n_fitted {
        // Standardised units and coordinates, the fitted images' rows of both; products, eigenvectors, the chosen ones.
        2 * n_images * n_units + 2 * n_fitted * n_units + 3 * n_units * n_units
    } else {
        // Products of all images, the fitted images' columns of them, coordinates; of the fitted ones products,
        // eigenvectors, the scaled ones.
        n_images * n_images + 2 * n_images * n_fitted + 3 * n_fitted * n_fitted
    };
    (numbers * size_of::<f64>()) as u64
}

/// Units of all images, standardised by the fitted ones.
pub(super) struct Standardised {
    /// `(n_images, n_columns)`.
    pub values: Array2<f64>,
    /// Mean over the fitted images, `(n_columns,)`.
    pub mean: Array1<f64>,
    /// Standard deviation (n) over the fitted images, 1 where constant, `(n_columns,)`.
    pub scale: Array1<f64>,
}

/// Standardises these units.
///
/// # Panics
/// If the features come without values.
#[track_caller]
pub(super) fn standardised(
    features: &Features,
    units: Range<usize>,
    fitted: &[usize],
) -> Standardised {
    let mut values = features
        .block(units.clone())
        .expect("features without values were refused");
    let moments = moments::columns(values.select(Axis(0), fitted).view());
    let n = fitted.len() as f64;
    let scale: Array1<f64> = (moments.sd.iter().zip(&moments.constant))
        .map(|(sd, &constant)| match constant {
            true => 1.0,
            false => sd * ((n - 1.0) / n).sqrt(),
        })
        .collect();
    values -= &moments.mean;
    values /= &scale;
    let mean = ArrayView1::from(&features.mean()[units]);
    Standardised {
        values,
        mean: &mean + &moments.mean,
        scale,
    }
}

/// Eigenvectors of a matrix of products whose eigenvalues are not rounding errors.
struct Axes {
    /// `(n_axes,)`.
    squares: Array1<f64>,
    /// `(n, n_axes)`.
    vectors: Array2<f64>,
}

impl Axes {
    fn of(products: &Array2<f64>) -> Result<Axes> {
        let too_large = || {
            Error::data(
                "the readout",
                "features have products that are too large for double precision",
                "scale the features down",
            )
        };
        if !products.iter().all(|product| product.is_finite()) {
            return Err(too_large());
        }
        let eigen = linalg::symmetric_eigen(products.view()).map_err(|_| too_large())?;
        let largest = eigen.values.last().copied().unwrap_or(0.0);
        let smallest = largest * products.nrows() as f64 * f64::EPSILON;
        let first = eigen.values.partition_point(|&value| value <= smallest);
        Ok(Axes {
            squares: Array1::from(eigen.values[first..].to_vec()),
            vectors: eigen.vectors.slice(s![.., first..]).to_owned(),
        })
    }
}

fn product(a: &Array2<f64>, b: &Array2<f64>) -> Array2<f64> {
    linalg::transpose_product(a.t(), b.view())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brainscore::noise;

    #[test]
    fn products_of_coordinates_are_those_of_standardised_features() {
        for (n, p) in [(20, 1700), (30, 8)] {
            let mut x = noise(n, p, 1) * 3.0 + 5.0;
            x.column_mut(2).fill(0.1);
            let fitted: Vec<usize> = (0..n - 5).rev().collect();
            let features = Features::new(x.clone()).unwrap();
            let z = coordinates(&features, &fitted).unwrap();
            assert!(z.ncols() < fitted.len().min(p));
            let of_fitted = x.select(Axis(0), &fitted);
            let mut scale = of_fitted.std_axis(Axis(0), 0.0);
            scale[2] = 1.0;
            let standard = (&x - &of_fitted.mean_axis(Axis(0)).unwrap()) / &scale;
            let expected = standard.dot(&standard.select(Axis(0), &fitted).t());
            let found = z.dot(&z.select(Axis(0), &fitted).t());
            let difference = (&found - &expected).mapv(f64::abs);
            assert!(difference.iter().all(|d| *d < 1e-9), "{n} {p}");
        }
    }

    #[test]
    fn what_cannot_be_standardised_is_refused() {
        let features = Features::new(noise(5, 9, 1)).unwrap();
        assert!(coordinates(&features, &[]).is_err());
        assert!(coordinates(&features, &[0, 5]).is_err());
        assert!(coordinates(&features.without_values(), &[0, 1]).is_err());
    }
}
