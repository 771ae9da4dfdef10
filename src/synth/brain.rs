//! The simulated brain: voxels with receptive fields over one level of the hierarchy, and noise.
//!
//! ```text
//! voxel = √(1 − λ²) s(own level) + λ s(neighbouring level) + smooth noise + own noise
//! ```
//!
//! `s` is a random read-out around the voxel's place, other places in every subject. The smooth noise
//! drifts from voxel to voxel (an autoregressive walk), as in real tables, where neighbours share
//! head motion and blood vessels.

use ndarray::{Array1, Array2, ArrayView2, Axis};

use super::cascade::{Level, N_LEVELS, read_out, reading_radius};
use crate::stats::random::Random;

/// Share λ of the neighbouring level in a voxel's signal.
const LEAK: f64 = 0.4;

/// Standard deviation of the noise that neighbouring voxels share; the signal's is one.
const SMOOTH_NOISE: f64 = 0.5;

/// Correlation of the smooth noise between neighbouring voxels.
const SMOOTHNESS: f64 = 0.9;

/// Standard deviation of each voxel's own noise.
const OWN_NOISE: f64 = 1.0;

/// A subject's noiseless voxels: columns in ROI order, `(n_images, n_rois · n_voxels)`.
pub(super) fn responses(
    seed: u64,
    subject: &str,
    levels: &[Level],
    n_voxels: usize,
    n_training: usize,
) -> Array2<f64> {
    let mut columns = Array2::zeros((levels[0].signals.nrows(), N_LEVELS * n_voxels));
    for roi in 0..N_LEVELS {
        let mut random = Random::stream(seed, &format!("voxels/{subject}/{roi}"));
        for voxel in 0..n_voxels {
            let signal = voxel_signal(levels, roi, &mut random, n_training);
            columns.column_mut(roi * n_voxels + voxel).assign(&signal);
        }
    }
    columns
}

/// One voxel's response to every image.
fn voxel_signal(
    levels: &[Level],
    roi: usize,
    random: &mut Random,
    n_training: usize,
) -> Array1<f64> {
    let place = (random.uniform(), random.uniform());
    let neighbour = super::neighbour(roi, random);
    let own = read_out(&levels[roi], place, reading_radius(roi), random, n_training);
    let radius = reading_radius(neighbour);
    let leaked = read_out(&levels[neighbour], place, radius, random, n_training);
    own * (1.0 - LEAK * LEAK).sqrt() + leaked * LEAK
}

/// What the scanner measures when the images are shown in this order: `(n_samples, all voxels)`.
///
/// - `responses`: noiseless voxels, `(n_images, all voxels)`.
/// - `shown`: row of `responses` of each presentation.
/// - `n_voxels`: voxels per ROI; noise is smooth within a ROI.
pub(super) fn measure(
    responses: ArrayView2<'_, f64>,
    shown: &[usize],
    n_voxels: usize,
    random: &mut Random,
) -> Array2<f64> {
    let mut table = responses.select(Axis(0), shown);
    for mut row in table.rows_mut() {
        let mut smooth = 0.0;
        for (voxel, value) in row.iter_mut().enumerate() {
            let step = random.normal();
            smooth = if voxel % n_voxels == 0 {
                step
            } else {
                SMOOTHNESS * smooth + (1.0 - SMOOTHNESS * SMOOTHNESS).sqrt() * step
            };
            *value += SMOOTH_NOISE * smooth + OWN_NOISE * random.normal();
        }
    }
    table
}
