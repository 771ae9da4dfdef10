//! How sure a score is: what chance gives, and how far it would be off with other images, items or subjects.
//!
//! | module | answers |
//! |---|---|
//! | [`layer_order`] | could layers (or ROIs) in any order have this score? |
//! | [`image_shuffle`] | what do selection and score make of predictions that know nothing? |
//! | [`jackknife`] | how far would it be off with other test images? |
//! | [`subjects`] | does it hang on one subject? |
//! | [`unit_bootstrap`] | does it hang on which units or voxels were taken? |
//! | [`soft`], [`balanced`], [`margin`] | does it hang on argmax, on the best predicted groups, on near ties? |
//! | [`noise_ceiling`] | how well can a voxel be predicted at all? |
//! | [`brain_to_brain`] | what would another brain score? |
//!
//! The last two are of a study, whatever the network (the module `ceilings`); the others are taken together by [`half`], for the decoding half
//! ([`half::decoding`]) and for the encoding half ([`half::encoding`]). [`average`] is about the mean of
//! both.
//!
//! | module | is |
//! |---|---|
//! | [`statistic`] | the score as a function of count tables |
//! | [`subsets`] | which levels compete, and a count table for each choice of them |
//! | [`images`] | the pass over predicted and true values of the test images |
//! | [`source`] | where these come from: |
//! | [`decoded`] | decoded features and test features of a study |
//! | [`encoded`], [`measured`] | encoded fMRI and test fMRI of a study |
//! | [`null`](mod@null), [`interval`], [`kendall`], [`items`], [`random`] | what the others share |
//!
//! Everything is a function of the data and one seed, whatever the number of threads. A score that is
//! undefined has none of this.

pub mod average;
pub mod balanced;
pub mod brain_to_brain;
pub mod decoded;
pub mod encoded;
pub mod half;
pub mod image_shuffle;
pub mod images;
pub mod interval;
pub mod items;
pub mod jackknife;
pub mod kendall;
pub mod layer_order;
pub mod margin;
pub mod measured;
pub mod noise_ceiling;
pub mod null;
pub mod random;
pub mod soft;
pub mod source;
pub mod statistic;
pub mod subjects;
pub mod subsets;
pub mod unit_bootstrap;

use serde::Serialize;

use super::Outcome;
use average::AveragePair;
pub use half::{SureHalf, SurePair, SureRule};

/// How many resamples are taken, and from which seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SureOptions {
    /// Everything random follows from it.
    pub seed: u32,
    /// Random orders of the layers or ROIs, where there are too many to visit all.
    pub n_orders: usize,
    /// Choices of images that the jackknife leaves out.
    pub n_jackknife: usize,
    /// Random orders of the test images.
    pub n_shuffles: usize,
    /// Draws of the units or voxels.
    pub n_bootstraps: usize,
}

impl Default for SureOptions {
    fn default() -> Self {
        Self {
            seed: 0,
            n_orders: 10_000,
            n_jackknife: 200,
            n_shuffles: 200,
            n_bootstraps: 1000,
        }
    }
}

/// How sure the scores of one network are, with the settings that made it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sure {
    /// Seed and numbers of resamples.
    pub settings: SureOptions,
    /// Test images in the decoded features, or in the encoded fMRI where there is no decoding half; `None`
    /// without these.
    pub n_stimuli: Option<usize>,
    /// How many of them the jackknife leaves out each time.
    pub n_deleted: Option<usize>,
    /// The decoding half; `None` if it was not computed.
    pub decoding: Option<SurePair>,
    /// The encoding half; `None` if it was not computed.
    pub encoding: Option<SurePair>,
    /// The mean of both; `None` if a half was not computed.
    pub average: Option<AveragePair>,
    /// Why something is missing.
    pub notes: Vec<String>,
}

impl Sure {
    /// Puts the halves of one network together; `None` without any. `average` are the scores by either rule,
    /// published first ([`super::average`]).
    pub fn new(
        settings: &SureOptions,
        decoding: Option<SureHalf>,
        encoding: Option<SureHalf>,
        average: Option<(Outcome, Outcome)>,
    ) -> Option<Self> {
        let either = || decoding.iter().chain(&encoding);
        let first = either().next()?;
        let n_stimuli = first.images.as_ref().map(Vec::len);
        let n_deleted = first.n_deleted;
        let mut notes: Vec<String> = Vec::new();
        for note in either().flat_map(|half| &half.notes) {
            notes.push(note.clone());
        }
        let average = match (&decoding, &encoding, &average) {
            (Some(decoding), Some(encoding), Some(scores)) => {
                let (pair, note) = average::intervals(decoding, encoding, scores, settings);
                notes.extend(note);
                Some(pair)
            }
            _ => None,
        };
        Some(Self {
            settings: settings.clone(),
            n_stimuli,
            n_deleted,
            decoding: decoding.map(|half| half.rules),
            encoding: encoding.map(|half| half.rules),
            average,
            notes,
        })
    }
}
