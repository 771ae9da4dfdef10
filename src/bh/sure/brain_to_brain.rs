//! The score of a brain: the ceiling of the score itself.
//!
//! One subject takes the place of the network: its ROIs are the layers, its voxels the units. They are
//! decoded from another subject's ROIs, and the score is Spearman's ρ of own ROI and best ROI. A network that
//! was as hierarchical as a second brain would get this score from the same data.

use ndarray::{Array2, ArrayView2};

use crate::bh::DecodingAccuracies;
use crate::error::{Error, Result};
use crate::stats::correlation;

/// One subject's responses, ROI by ROI in hierarchy order.
#[derive(Clone, Debug)]
pub struct Brain {
    /// Name of the subject.
    pub name: String,
    /// Training responses of each ROI, `(n_training_stimuli, n_voxels)`; rows are the same stimuli for all.
    pub training: Vec<Array2<f64>>,
    /// Test responses of each ROI, `(n_stimuli, n_voxels)`.
    pub test: Vec<Array2<f64>>,
}

/// Learns targets from inputs of the training stimuli, predicts those of the test stimuli:
/// `(training inputs, training targets, test inputs)`, rows are stimuli.
pub type Decode<'a> = &'a dyn Fn(
    ArrayView2<'_, f64>,
    ArrayView2<'_, f64>,
    ArrayView2<'_, f64>,
) -> Result<Array2<f64>>;

/// Accuracies of every subject's voxels from every other subject's ROIs, for
/// [`crate::bh::decoding_score`] with all layers at once: layers are the ROIs of the decoded subject, each
/// pair of subjects is a "subject" by the name `<decoded> from <decoding>`.
///
/// # Errors
/// If there are fewer than two brains, they differ in ROIs or stimuli, or `decode` fails.
pub fn accuracies(
    brains: &[Brain],
    rois: &[String],
    decode: Decode<'_>,
) -> Result<DecodingAccuracies> {
    check(brains, rois)?;
    let pairs: Vec<(&Brain, &Brain)> = (brains.iter())
        .flat_map(|target| brains.iter().map(move |source| (target, source)))
        .filter(|(target, source)| !std::ptr::eq(*target, *source))
        .collect();
    let mut values = Vec::with_capacity(rois.len());
    for layer in 0..rois.len() {
        let mut subjects = Vec::with_capacity(pairs.len());
        for (target, source) in &pairs {
            let mut levels = Vec::with_capacity(rois.len());
            for (x, x_test) in source.training.iter().zip(&source.test) {
                let decoded = decode(x.view(), target.training[layer].view(), x_test.view())?;
                let r = correlation::columns(decoded.view(), target.test[layer].view());
                levels.push(Some(r.iter().map(|&r| r as f32).collect()));
            }
            subjects.push(levels);
        }
        values.push(subjects);
    }
    Ok(DecodingAccuracies {
        layers: rois.to_vec(),
        subjects: (pairs.iter())
            .map(|(target, source)| format!("{} from {}", target.name, source.name))
            .collect(),
        rois: rois.to_vec(),
        values,
        n_test: brains[0].test.first().map(Array2::nrows),
    })
}

/// Responses of a brain, ROI by ROI.
type Half = fn(&Brain) -> &[Array2<f64>];

/// Training and test responses.
const HALVES: [Half; 2] = [|brain| &brain.training, |brain| &brain.test];

fn check(brains: &[Brain], rois: &[String]) -> Result<()> {
    if brains.len() < 2 {
        let problem = format!("there are {} subjects", brains.len());
        return Err(Error::data("brain to brain", problem, "give two or more"));
    }
    let rows = |parts: &[Array2<f64>]| -> Vec<usize> { parts.iter().map(Array2::nrows).collect() };
    for half in HALVES {
        let expected = vec![rows(half(&brains[0])).first().copied().unwrap_or(0); rois.len()];
        for brain in brains {
            let found = rows(half(brain));
            if found != expected {
                return Err(Error::data(
                    format!("subject `{}`", brain.name),
                    format!("has {found:?} stimuli in its ROIs, {expected:?} are expected"),
                    "give every subject's responses to the same stimuli in the same order",
                ));
            }
        }
    }
    Ok(())
}
