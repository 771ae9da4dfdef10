//! The demo study: pictures, fMRI and networks whose true hierarchy is known.
//!
//! | module | holds |
//! |---|---|
//! | `image` | the pictures, drawn by the program |
//! | `cascade` | the hidden hierarchy: five levels computed from the pixels |
//! | `brain` | voxels that see one level each, with noise |
//! | `network` | units that see the level of their layer's depth, or another |
//! | `study` | everything of one plan in memory |
//! | `folder` | the same as a study folder |
//! | `files` | the single files of it |
//!
//! The BH score of the network `forward` is clearly positive, of `reversed` clearly negative, of
//! `shuffled` near zero, for any seed (`tests/synth.rs`). All is a function of the [`Plan`].

mod brain;
mod cascade;
mod files;
mod folder;
mod image;
mod network;
mod study;

pub use folder::write_study;
pub use image::Image;
pub use network::Order;
pub use study::{Layer, Network, Recording, Study, Subject, simulate};

use serde::{Deserialize, Serialize};

use crate::stats::random::Random;

/// ROIs of the simulated brain, in the order of the hierarchy.
pub const ROIS: [&str; cascade::N_LEVELS] = ["V1", "V2", "V3", "V4", "HVC"];

/// Layers of the simulated networks, in the order of their depth.
pub const LAYERS: [&str; 6] = ["conv1", "conv2", "conv3", "conv4", "fc5", "fc6"];

/// Sizes and seed of the demo study.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Everything random follows from it.
    pub seed: u64,
    /// Simulated subjects, `sub-01` and so on.
    pub n_subjects: usize,
    /// Voxels in each ROI.
    pub n_voxels: usize,
    /// Voxels (units) chosen by the decoders (encoders), written to `settings.json`; fewer than
    /// there are, so that the choice matters.
    pub n_selected: usize,
    /// Shape of the first layer, channels × height × width.
    pub first_layer: [usize; 3],
    /// Units of every other layer.
    pub n_units: usize,
    /// Training images.
    pub n_training: usize,
    /// Presentations of each training image.
    pub n_training_repeats: usize,
    /// Test images; 50 as in the published studies, whose significance rule assumes it.
    pub n_test: usize,
    /// Presentations of each test image.
    pub n_test_repeats: usize,
}

impl Default for Plan {
    fn default() -> Plan {
        Plan {
            seed: 1,
            n_subjects: 2,
            n_voxels: 60,
            n_selected: 40,
            first_layer: [3, 4, 4],
            n_units: 48,
            n_training: 120,
            n_training_repeats: 2,
            n_test: 50,
            n_test_repeats: 4,
        }
    }
}

/// The level above or below, at random where there are both.
fn neighbour(level: usize, random: &mut Random) -> usize {
    match level {
        0 => 1,
        last if last + 1 == cascade::N_LEVELS => last - 1,
        _ if random.uniform() < 0.5 => level - 1,
        _ => level + 1,
    }
}
