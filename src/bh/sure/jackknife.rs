//! Standard error of the score over test images: the delete-d jackknife.
//!
//! A bootstrap repeats images, which makes correlations too high; leaving one image out at a time is
//! inconsistent for a statistic with an argmax and a threshold. Leaving out d images at a time, more than
//! √n of them, is neither (Shao & Wu 1989, Ann. Stat. 17, 1176–1197). Over J random choices of d images
//!
//! ```text
//! SE² = (n − d) / (d · J) · Σ_j (s_j − s̄)²
//! ```
//!
//! where s_j is the score from the n − d other images: correlations, significance (the textbook rule with
//! n − d images), best ROI and count table are all made again. The interval is s ± 1.96 SE, within [−1, 1].

use ndarray::{Array1, Array2, ArrayView2};

use super::images::{Correlate, standardise};
use super::interval::{Interval, sum_of_squares};
use super::random::stream;
use crate::stats::legacy_random::LegacyRandom;

/// A variance below this part of the whole column's is rounding: the kept images do not vary.
const CONSTANT: f64 = 1e-12;

/// Which images every resample keeps.
#[derive(Clone, Debug, PartialEq)]
pub struct Jackknife {
    /// Images left out each time.
    pub n_deleted: usize,
    /// 1 where an image is kept, 0 where not, `(n_replicates, n_stimuli)`.
    kept: Array2<f64>,
}

impl Jackknife {
    /// Leaves out a fifth of `n_stimuli` images `n_replicates` times, or the least number above √n if that
    /// is more. `None` when fewer than three images would be left.
    pub fn new(n_stimuli: usize, n_replicates: usize, seed: u32) -> Option<Self> {
        let n_deleted = (n_stimuli / 5).max(n_stimuli.isqrt() + 1);
        if n_stimuli < n_deleted + 3 {
            return None;
        }
        let mut random: LegacyRandom = stream(seed, "jackknife", 0);
        let mut kept = Array2::ones((n_replicates, n_stimuli));
        for mut row in kept.rows_mut() {
            for image in random.choice(n_stimuli, n_deleted) {
                row[image] = 0.0;
            }
        }
        Some(Self { n_deleted, kept })
    }

    /// Images in each resample.
    pub fn n_kept(&self) -> usize {
        self.kept.ncols() - self.n_deleted
    }

    /// The interval of `score` from the scores of the resamples; `None` if one of them is undefined.
    pub fn interval(&self, score: f64, replicates: &[Option<f64>]) -> Option<Interval> {
        let scores: Vec<f64> = replicates.iter().copied().collect::<Option<_>>()?;
        let square = sum_of_squares(&scores)?;
        let scale = self.n_kept() as f64 / (self.n_deleted * scores.len()) as f64;
        Some(Interval::normal(
            score,
            (scale * square).sqrt(),
            scores.len(),
        ))
    }
}

impl Correlate for Jackknife {
    /// From sums over the kept images: with columns centred and scaled over all images they lose no digits
    /// that matter.
    fn accuracies(&self, decoded: ArrayView2<'_, f32>, truth: ArrayView2<'_, f32>) -> Array2<f32> {
        let n = self.n_kept() as f64;
        let (decoded, truth) = (standardise(decoded), standardise(truth));
        let sums = |values: &Array2<f64>| self.kept.dot(values);
        let (sum_d, sum_t) = (sums(&decoded), sums(&truth));
        let (square_d, square_t) = (sums(&(&decoded * &decoded)), sums(&(&truth * &truth)));
        let mut product = sums(&(&decoded * &truth));
        ndarray::Zip::from(&mut product)
            .and(&sum_d)
            .and(&sum_t)
            .and(&square_d)
            .and(&square_t)
            .for_each(|product, sum_d, sum_t, square_d, square_t| {
                let variance_d = square_d - sum_d * sum_d / n;
                let variance_t = square_t - sum_t * sum_t / n;
                *product = match variance_d > CONSTANT && variance_t > CONSTANT {
                    true => (*product - sum_d * sum_t / n) / (variance_d * variance_t).sqrt(),
                    // NaN sums, of a constant column, come here too.
                    false => f64::NAN,
                };
            });
        product.mapv(|r| r.clamp(-1.0, 1.0) as f32)
    }

    fn n_replicates(&self) -> usize {
        self.kept.nrows()
    }
}

/// Which images a resample keeps, in order: for tests against the definition.
impl Jackknife {
    /// Positions of the images in resample `replicate`.
    pub fn images(&self, replicate: usize) -> Vec<usize> {
        let row: Array1<f64> = self.kept.row(replicate).to_owned();
        (0..row.len()).filter(|&image| row[image] > 0.0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bh::sure::image_shuffle::tests::noise;
    use crate::stats::correlation;
    use ndarray::Axis;

    #[test]
    fn equals_correlations_of_the_images_that_are_left() {
        let (decoded, mut truth) = (noise(30, 7, 1), noise(30, 7, 2));
        truth += 20.0;
        truth.column_mut(3).fill(0.1);
        let jackknife = Jackknife::new(30, 25, 5).unwrap();
        assert_eq!((jackknife.n_deleted, jackknife.n_kept()), (6, 24));
        // A unit that is active for one image only: constant where that one is left out.
        truth.column_mut(4).fill(0.0);
        truth[[11, 4]] = 3.0;
        let found = jackknife.accuracies(decoded.view(), truth.view());
        let mut n_constant = 0;
        for replicate in 0..25 {
            let images = jackknife.images(replicate);
            assert_eq!(images.len(), 24);
            let expected = correlation::columns(
                decoded.select(Axis(0), &images).view(),
                truth.select(Axis(0), &images).view(),
            );
            for (r, expected) in found.row(replicate).iter().zip(&expected) {
                assert_eq!(r.is_nan(), expected.is_nan());
                n_constant += usize::from(r.is_nan());
                assert!(r.is_nan() || (f64::from(*r) - expected).abs() < 1e-6);
            }
        }
        assert!(n_constant > 25 && n_constant < 50, "{n_constant}");
    }

    #[test]
    fn standard_error_of_a_mean() {
        // For a mean the delete-d jackknife estimates s²/n, whatever d.
        let values: Vec<f64> = noise(50, 1, 9)
            .iter()
            .map(|&v| f64::from(v) * 0.1)
            .collect();
        let jackknife = Jackknife::new(50, 20_000, 0).unwrap();
        assert_eq!(jackknife.n_deleted, 10);
        let means: Vec<Option<f64>> = (0..20_000)
            .map(|replicate| {
                let images = jackknife.images(replicate);
                Some(images.iter().map(|&i| values[i]).sum::<f64>() / images.len() as f64)
            })
            .collect();
        let found = jackknife.interval(0.0, &means).unwrap().se;
        let expected = (sum_of_squares(&values).unwrap() / 49.0 / 50.0).sqrt();
        assert!((found / expected - 1.0).abs() < 0.02, "{found} {expected}");
    }

    #[test]
    fn too_few_images_and_undefined_scores() {
        assert_eq!(Jackknife::new(5, 10, 0), None);
        let jackknife = Jackknife::new(9, 2, 0).unwrap();
        assert_eq!(jackknife.n_deleted, 4);
        assert_eq!(jackknife.interval(0.1, &[Some(0.1), None]), None);
    }
}
