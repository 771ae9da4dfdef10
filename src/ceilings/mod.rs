//! What scores of this study can be at best: properties of its fMRI, the same for every network.
//!
//! | file | holds |
//! |---|---|
//! | [`noise`] | how well the voxels of each ROI can be predicted at all |
//! | [`responses`] | one subject's mean responses to the stimuli, ROI by ROI |
//! | [`other_brain`] | the score that another subject's brain gets in place of a network |
//!
//! Whatever keeps a ceiling from being taken, such as a missing file, is told as its reason: scores do without.

pub mod noise;
pub mod other_brain;
pub mod responses;

use crate::bh::sure::brain_to_brain::BrainToBrain;
use crate::study::Context;
use noise::NoiseCeiling;

/// Random halves of the repetitions over which a noise ceiling is averaged.
pub const N_SPLITS: usize = 100;

/// How high correlations and scores can be in a study.
#[derive(Clone, Debug, PartialEq)]
pub struct Ceilings {
    /// What the splits follow from.
    pub seed: u32,
    /// Random halves of the repetitions.
    pub n_splits: usize,
    /// Subject by subject, ROI by ROI; without those that have none.
    pub noise: Vec<NoiseCeiling>,
    /// The scores of other brains, or why there are none.
    pub brain_to_brain: Result<BrainToBrain, String>,
    /// Why something is missing.
    pub notes: Vec<String>,
}

/// Takes all ceilings of a study from its fMRI files. `progress` is told what is being done, a line at a time.
///
/// - `p_value`: level of the significance test of the scores.
/// - `seed`: everything random follows from it.
pub fn measure(context: &Context, p_value: f64, seed: u32, progress: &dyn Fn(&str)) -> Ceilings {
    let mut notes = Vec::new();
    progress("noise ceilings of the test fMRI");
    let noise = noise::of_study(context, N_SPLITS, seed, &mut notes);
    let brain_to_brain = other_brain::of_study(context, p_value, progress, &mut notes);
    Ceilings {
        seed,
        n_splits: N_SPLITS,
        noise,
        brain_to_brain,
        notes,
    }
}
