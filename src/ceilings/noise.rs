//! How well the voxels of each ROI can be predicted at all, from the repetitions of the test stimuli.
//!
//! The ceiling of a voxel is √ρ of its mean over all repetitions, see [`noise_ceiling`]. Where random halves
//! do not agree (their correlation is not positive) or the voxel never varies, it is 0: nothing is known that
//! could be predicted. So quartiles are over all voxels of a ROI, not over a choice of good ones.

use ndarray::ArrayView1;
use serde::Serialize;

use crate::bh::sure::interval::quantile;
use crate::bh::sure::noise_ceiling;
use crate::error::Result;
use crate::io::bdata::BData;
use crate::study::Context;
use crate::study::brain::{Extent, Samples};
use crate::work::layout::Split;

/// Noise ceilings of the voxels of one subject's ROI.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NoiseCeiling {
    /// Name of the subject.
    pub subject: String,
    /// Name of the ROI.
    pub roi: String,
    /// Voxels of the ROI.
    pub n_voxels: usize,
    /// Median over all voxels.
    pub median: f64,
    /// Lower quartile.
    pub q25: f64,
    /// Upper quartile.
    pub q75: f64,
    /// Share of voxels with a ceiling above 0.
    pub share_positive: f64,
}

impl NoiseCeiling {
    /// Quartiles of `ceilings`, `(n_voxels,)`, with NaN for 0; `None` of no voxel.
    pub fn new(subject: &str, roi: &str, ceilings: ArrayView1<'_, f64>) -> Option<NoiseCeiling> {
        let mut sorted: Vec<f64> = (ceilings.iter())
            .map(|&ceiling| if ceiling > 0.0 { ceiling } else { 0.0 })
            .collect();
        if sorted.is_empty() {
            return None;
        }
        sorted.sort_by(f64::total_cmp);
        let n_positive = sorted.iter().filter(|&&ceiling| ceiling > 0.0).count();
        Some(NoiseCeiling {
            subject: subject.to_owned(),
            roi: roi.to_owned(),
            n_voxels: sorted.len(),
            median: quantile(&sorted, 0.5),
            q25: quantile(&sorted, 0.25),
            q75: quantile(&sorted, 0.75),
            share_positive: n_positive as f64 / sorted.len() as f64,
        })
    }
}

/// Noise ceilings of every subject and ROI in the order of the settings, from `n_splits` random halves. What
/// keeps a subject or a ROI from having one is added to `notes`.
pub fn of_study(
    context: &Context,
    n_splits: usize,
    seed: u32,
    notes: &mut Vec<String>,
) -> Vec<NoiseCeiling> {
    let mut found = Vec::new();
    for subject in &context.settings.subjects {
        if let Err(error) = of_subject(context, subject, n_splits, seed, &mut found, notes) {
            notes.push(format!("no noise ceiling of `{subject}`: {error}"));
        }
    }
    found
}

fn of_subject(
    context: &Context,
    subject: &str,
    n_splits: usize,
    seed: u32,
    found: &mut Vec<NoiseCeiling>,
    notes: &mut Vec<String>,
) -> Result<()> {
    let settings = &context.settings;
    let path = context.layout.fmri(settings, Split::Test, subject);
    let label_key = &settings.decoding.label_key;
    let table = BData::read(&path)?;
    let table_bytes = (table.n_samples() * table.n_columns() * size_of::<f64>()) as u64;
    for roi in &settings.rois {
        let ceilings = Extent::measure(&table, &path, roi, label_key).and_then(|extent| {
            // The halves of one split at a time and thread are no larger than the samples.
            let threads = rayon::current_num_threads() as u64;
            let what = format!("ROI `{}` of `{subject}`", roi.name);
            let need = table_bytes + (1 + threads) * extent.bytes();
            context.memory.require(need, what, "its repetitions")?;
            let samples = Samples::select(&table, &path, roi, label_key)?;
            Ok(noise_ceiling::of_voxels(
                samples.voxels.view(),
                &samples.stimulus_of,
                n_splits,
                seed,
            ))
        });
        match ceilings {
            Ok(Some(ceilings)) => {
                found.extend(NoiseCeiling::new(subject, &roi.name, ceilings.view()));
            }
            // The same for every ROI.
            Ok(None) => {
                notes.push(format!(
                    "no noise ceiling of `{subject}`: `{}` has fewer than three stimuli that were shown twice",
                    context.layout.relative(&path)
                ));
                return Ok(());
            }
            Err(error) => notes.push(format!(
                "no noise ceiling of `{subject}`, ROI `{}`: {error}",
                roi.name
            )),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn quartiles_count_unpredictable_voxels_as_zero() {
        let ceilings = array![0.8, f64::NAN, 0.4, 0.6, f64::NAN];
        let found = NoiseCeiling::new("sub-01", "V1", ceilings.view()).unwrap();
        // numpy.percentile([0, 0, .4, .6, .8], [25, 50, 75])
        assert_eq!((found.q25, found.median, found.q75), (0.0, 0.4, 0.6));
        assert_eq!((found.n_voxels, found.share_positive), (5, 0.6));
        assert_eq!(NoiseCeiling::new("", "", array![].view()), None);
    }
}
