//! What the selection and the score make of predictions that know nothing: true values of other images.
//!
//! The same random order of the test images is used for all layers, subjects and ROIs, so that units keep
//! their correlations with each other, and voxels theirs. The best of five ROIs (of all layers in the
//! encoding half) is tested as if it were the
//! only one, so more than the nominal share of such units is kept: up to 1 − .975⁵ = .119 at p < .05 if ROIs
//! were independent (positive r only).

use ndarray::{Array2, ArrayView2, Axis};
use serde::Serialize;

use super::images::{Correlate, standardise};
use super::null::Null;
use super::random::stream;

/// The null over image orders.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ImageShuffle {
    /// Share of items that are kept although their images were shuffled, mean over the orders.
    pub false_selection: f64,
    /// Share that is kept with the images in their places.
    pub selection: f64,
    /// The score against those of shuffled images.
    #[serde(flatten)]
    pub null: Null,
}

/// Random orders of the test images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orders(Vec<Vec<usize>>);

impl Orders {
    /// `n_orders` orders of `n_stimuli` images.
    pub fn new(n_stimuli: usize, n_orders: usize, seed: u32) -> Self {
        let mut random = stream(seed, "image shuffle", 0);
        Self(
            (0..n_orders)
                .map(|_| random.permutation(n_stimuli))
                .collect(),
        )
    }

    /// The order of resample `replicate`: predicted image i is compared with true image `order[i]`.
    pub fn order(&self, replicate: usize) -> &[usize] {
        &self.0[replicate]
    }
}

impl Correlate for Orders {
    fn accuracies(&self, decoded: ArrayView2<'_, f32>, truth: ArrayView2<'_, f32>) -> Array2<f32> {
        let (decoded, truth) = (standardise(decoded), standardise(truth));
        let mut accuracies = Array2::zeros((self.0.len(), truth.ncols()));
        let mut sums = vec![0.0; truth.ncols()];
        for (order, mut accuracies) in self.0.iter().zip(accuracies.axis_iter_mut(Axis(0))) {
            sums.fill(0.0);
            for (decoded, &image) in decoded.rows().into_iter().zip(order) {
                for ((sum, d), t) in sums.iter_mut().zip(decoded).zip(truth.row(image)) {
                    *sum += d * t;
                }
            }
            for (accuracy, sum) in accuracies.iter_mut().zip(&sums) {
                *accuracy = sum.clamp(-1.0, 1.0) as f32;
            }
        }
        accuracies
    }

    fn n_replicates(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
pub(in crate::bh::sure) mod tests {
    use super::*;
    use crate::stats::correlation;
    use crate::stats::legacy_random::LegacyRandom;

    /// Sums of four uniform numbers: nearly normal, variance 1/3.
    pub(in crate::bh::sure) fn noise(n_rows: usize, n_columns: usize, seed: u32) -> Array2<f32> {
        let mut random = LegacyRandom::seed(seed);
        Array2::from_shape_simple_fn((n_rows, n_columns), || {
            let sum: f64 = (0..4).map(|_| random.random_sample() - 0.5).sum();
            sum as f32
        })
    }

    #[test]
    fn equals_correlations_with_reordered_images() {
        let (decoded, mut truth) = (noise(12, 5, 1), noise(12, 5, 2));
        truth.column_mut(2).fill(0.1);
        let orders = Orders::new(12, 9, 3);
        let found = orders.accuracies(decoded.view(), truth.view());
        for replicate in 0..9 {
            let shuffled = truth.select(Axis(0), orders.order(replicate));
            let expected = correlation::columns(decoded.view(), shuffled.view());
            for (r, expected) in found.row(replicate).iter().zip(&expected) {
                assert!(
                    (r.is_nan() && expected.is_nan()) || (f64::from(*r) - expected).abs() < 1e-6
                );
            }
            assert!(found[[replicate, 2]].is_nan());
        }
    }
}
