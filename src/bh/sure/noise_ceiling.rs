//! How well each voxel could be predicted at all: reliability over repeated presentations.
//!
//! The repetitions of every test image are split at random into two halves; r is the correlation over images
//! of the two mean responses. A mean of k times as many repetitions has the reliability (Spearman 1910;
//! Brown 1910, Br. J. Psychol. 3, 271–322)
//!
//! ```text
//! ρ = k r / (1 + (k − 1) r)
//! ```
//!
//! and no model that predicts the noiseless response correlates with the measured mean better than √ρ.

use ndarray::{Array1, Array2, ArrayView2};
use rayon::prelude::*;

use super::random::stream;
use crate::stats::correlation;
use crate::stats::legacy_random::LegacyRandom;

/// Noise ceiling of every voxel, `(n_voxels,)`: √ρ, to divide an accuracy by. NaN where it is not positive,
/// or the responses are constant.
///
/// - `voxels`: responses, `(n_samples, n_voxels)`.
/// - `stimulus_of`: stimulus of every sample, `(n_samples,)`; stimuli that were shown once are left out.
/// - `n_splits`: random splits, over which r is averaged before the formula.
///
/// `None` when fewer than three stimuli were shown twice.
///
/// # Panics
/// If `stimulus_of` has another length than `voxels` has rows.
pub fn of_voxels(
    voxels: ArrayView2<'_, f64>,
    stimulus_of: &[usize],
    n_splits: usize,
    seed: u32,
) -> Option<Array1<f64>> {
    assert_eq!(voxels.nrows(), stimulus_of.len(), "one stimulus per sample");
    let n_stimuli = stimulus_of.iter().max().map_or(0, |&last| last + 1);
    let mut samples = vec![Vec::new(); n_stimuli];
    for (sample, &stimulus) in stimulus_of.iter().enumerate() {
        samples[stimulus].push(sample);
    }
    samples.retain(|samples| samples.len() > 1);
    if samples.len() < 3 || n_splits == 0 {
        return None;
    }
    let halves: Vec<Array1<f64>> = (0..n_splits)
        .into_par_iter()
        .map(|split| split_half(voxels, &samples, &mut stream(seed, "noise ceiling", split)))
        .collect();
    let mut mean = Array1::zeros(voxels.ncols());
    halves.iter().for_each(|r| mean += r);
    mean /= n_splits as f64;
    let (all, half) = (samples.iter()).fold((0, 0), |(all, half), samples| {
        (all + samples.len(), half + samples.len() / 2)
    });
    let lengthening = all as f64 / half as f64;
    Some(mean.mapv(|r| spearman_brown(r, lengthening).sqrt()))
}

/// Reliability of `lengthening` times as many repetitions; NaN unless it is positive.
pub fn spearman_brown(r: f64, lengthening: f64) -> f64 {
    match r > 0.0 {
        true => lengthening * r / (1.0 + (lengthening - 1.0) * r),
        false => f64::NAN,
    }
}

/// Correlation over stimuli of the means of two random halves; with an odd number of repetitions one is
/// left out.
fn split_half(
    voxels: ArrayView2<'_, f64>,
    samples: &[Vec<usize>],
    random: &mut LegacyRandom,
) -> Array1<f64> {
    let mut means = [(); 2].map(|()| Array2::zeros((samples.len(), voxels.ncols())));
    for (stimulus, samples) in samples.iter().enumerate() {
        let mut samples = samples.clone();
        random.shuffle(&mut samples);
        let n_half = samples.len() / 2;
        for (mean, samples) in means.iter_mut().zip(samples.chunks(n_half)) {
            let mut mean = mean.row_mut(stimulus);
            samples
                .iter()
                .for_each(|&sample| mean += &voxels.row(sample));
            mean /= n_half as f64;
        }
    }
    correlation::columns(means[0].view(), means[1].view())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bh::sure::image_shuffle::tests::noise;

    #[test]
    fn spearman_brown_by_hand() {
        assert!((spearman_brown(0.5, 2.0) - 2.0 / 3.0).abs() < 1e-15);
        assert_eq!(spearman_brown(1.0, 2.0), 1.0);
        assert!(spearman_brown(-0.1, 2.0).is_nan() && spearman_brown(f64::NAN, 2.0).is_nan());
    }

    #[test]
    fn finds_the_ceiling_that_was_built_in() {
        // 600 stimuli, 8 repetitions; noise of four times the signal's variance in voxel 0, of a quarter in
        // voxel 1: the mean of 8 has the reliability 1/(1 + 4/8) or 1/(1 + 1/32).
        let signal = noise(600, 2, 1);
        let errors = noise(4800, 2, 2);
        let voxels = Array2::from_shape_fn((4800, 2), |(sample, voxel)| {
            let scale = [2.0, 0.5][voxel];
            f64::from(signal[[sample % 600, voxel]] + scale * errors[[sample, voxel]])
        });
        let stimulus_of: Vec<usize> = (0..4800).map(|sample| sample % 600).collect();
        let ceiling = of_voxels(voxels.view(), &stimulus_of, 20, 0).unwrap();
        for (found, expected) in ceiling.iter().zip([1.0 / 1.5_f64, 32.0 / 33.0]) {
            assert!((found - expected.sqrt()).abs() < 0.02, "{found} {expected}");
        }
        assert_eq!(
            of_voxels(voxels.view(), &stimulus_of, 20, 0).unwrap(),
            ceiling
        );
    }

    #[test]
    fn without_repetitions_there_is_none() {
        let voxels = noise(9, 2, 1).mapv(f64::from);
        let stimulus_of: Vec<usize> = (0..9).collect();
        assert_eq!(of_voxels(voxels.view(), &stimulus_of, 5, 0), None);
    }

    #[test]
    fn odd_numbers_of_repetitions_and_single_presentations() {
        let voxels = noise(22, 3, 1).mapv(f64::from);
        let stimulus_of: Vec<usize> = (0..21).map(|sample| sample % 7).chain([7]).collect();
        assert!(of_voxels(voxels.view(), &stimulus_of, 5, 0).is_some());
    }
}
