//! Principal components of a layer, through the products of the images they are fitted on.
//!
//! ```text
//! X − x̄ = U S Vᵀ     from the eigenvectors of (X − x̄)(X − x̄)ᵀ
//! scores of other images z:     (z − x̄) V = (z − x̄)(X − x̄)ᵀ U S⁻¹
//! ```
//!
//! The layers of Brain-Score's commitment to regions are projected on 1,000 components of 1,000 ImageNet images
//! (SPEC 2.7); what is not needed for it is a matrix of units by units, or a component per unit in memory. A layer with
//! no more units than components is left as it is, which is the caller's decision.

use ndarray::{Array1, Array2, s};

use super::features::Features;
use super::gram;
use super::regression::not_finite;
use crate::error::{Error, Result};
use crate::ridge::linalg;
use crate::ridge::product::{self, Into, Operand, Out, Threads};

/// Components of the registry.
pub const N_COMPONENTS: usize = 1000;

/// Components of some images.
#[derive(Debug)]
pub struct Pca<'a> {
    images: &'a Features,
    /// `U S⁻¹`, `(n_images, n_components)`.
    axes: Array2<f64>,
    /// Variance (n − 1) of the images along each component, descending, `(n_components,)`.
    pub variances: Array1<f64>,
}

impl<'a> Pca<'a> {
    /// The first components of these images, at most `n_components`.
    ///
    /// Fewer where the images do not span as many: 1,000 images less their mean span 999. The components after those
    /// are, in other programs, made of rounding errors.
    ///
    /// # Errors
    /// If the features come without values, or their products are not finite.
    pub fn fit(images: &'a Features, n_components: usize) -> Result<Pca<'a>> {
        if images.mean().is_empty() {
            return Err(no_values());
        }
        let n = images.n_images();
        let eigen = linalg::symmetric_eigen(images.gram().view()).map_err(|_| not_finite())?;
        let largest = eigen.values.last().copied().unwrap_or(0.0);
        // Rounding of the products is relative to the largest of them.
        let smallest = largest * n as f64 * f64::EPSILON;
        let first = eigen.values.partition_point(|&value| value <= smallest);
        let first = first.max(n - n_components.min(n));
        let squares: Array1<f64> = eigen.values[first..].iter().rev().copied().collect();
        let vectors = eigen.vectors.slice(s![.., first..;1]);
        let vectors = vectors.slice(s![.., ..;-1]);
        Ok(Pca {
            images,
            axes: &vectors / &squares.mapv(f64::sqrt),
            variances: squares / (n as f64 - 1.0),
        })
    }

    /// Number of components.
    pub fn n_components(&self) -> usize {
        self.variances.len()
    }

    /// Scores of other images, or of the same, `(n_images, n_components)`; signs are arbitrary.
    ///
    /// # Errors
    /// If they have other units, or come without values.
    pub fn project(&self, others: &Features) -> Result<Array2<f64>> {
        let (units, other_units) = (self.images.n_units(), others.n_units());
        if units != other_units {
            return Err(Error::data(
                "principal components",
                format!("of {units} units cannot be taken of {other_units}"),
                "give features of the same layer",
            ));
        }
        let (n, m) = (self.images.n_images(), others.n_images());
        let mut negative = Array2::<f64>::zeros((m, n));
        for columns in gram::blocks(units) {
            let block = others.block_less(columns.clone(), self.images.mean());
            let (left, right) = (block.ok_or_else(no_values)?, self.images.block(columns));
            let right = right.ok_or_else(no_values)?;
            let operand = |block: &'_ Array2<f64>| -> (usize, usize) { (1, block.ncols()) };
            let ((term_stride, lane_stride), n_terms) = (operand(&left), left.ncols());
            let rows = |values| Operand {
                values,
                term_stride,
                lane_stride,
            };
            let out = Out {
                values: negative.as_slice_mut().expect("standard layout"),
                stride: n,
                size: (m, n),
            };
            let left = rows(left.as_slice().expect("standard layout"));
            let right = rows(right.as_slice().expect("standard layout"));
            product::multiply(out, n_terms, left, right, Into::Reduced, Threads::All);
        }
        Ok(-linalg::transpose_product(negative.t(), self.axes.view()))
    }
}

fn no_values() -> Error {
    Error::data(
        "principal components",
        "need the values of the units, of which only products are known",
        "give the features themselves",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brainscore::noise;
    use ndarray::Axis;

    #[test]
    fn scores_are_those_of_the_singular_value_decomposition() {
        for (n, p) in [(20, 1700), (30, 8)] {
            let (x, z) = (noise(n, p, 1) + 3.0, noise(11, p, 2) + 3.0);
            let (images, others) = (
                Features::new(x.clone()).unwrap(),
                Features::new(z.clone()).unwrap(),
            );
            let pca = Pca::fit(&images, 1000).unwrap();
            assert_eq!(pca.n_components(), p.min(n - 1));
            let mean = x.mean_axis(Axis(0)).unwrap();
            let svd = linalg::thin_svd((&x - &mean).view()).unwrap();
            let (same, other) = (pca.project(&images).unwrap(), pca.project(&others).unwrap());
            for k in 0..pca.n_components() {
                let axis = svd.right.column(k);
                for (found, of) in [(&same, &x), (&other, &z)] {
                    let expected = (of - &mean).dot(&axis);
                    let sign = found.column(k).dot(&expected).signum();
                    let difference = &found.column(k) - &(expected * sign);
                    assert!(difference.iter().all(|d| d.abs() < 1e-9));
                }
                let variance = svd.values[k].powi(2) / (n as f64 - 1.0);
                assert!((pca.variances[k] / variance - 1.0).abs() < 1e-12);
            }
            let three = Pca::fit(&images, 3).unwrap().project(&others).unwrap();
            assert_eq!(three, other.slice(s![.., ..3]));
        }
    }

    #[test]
    fn other_layers_are_refused() {
        let images = Features::new(noise(9, 20, 1)).unwrap();
        let other = Features::new(noise(9, 21, 1)).unwrap();
        let pca = Pca::fit(&images, 3).unwrap();
        assert!(
            pca.project(&other)
                .unwrap_err()
                .to_string()
                .contains("20 units")
        );
        assert!(Pca::fit(&other.without_values(), 3).is_err());
    }
}
