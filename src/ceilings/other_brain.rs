//! The score that another subject's brain gets in place of a network.
//!
//! For every ordered pair of subjects, the voxels of the first are decoded from the ROIs of the second as units
//! are in `decode-train` and `decode-predict`, with the same settings: inputs are the second subject's single
//! presentations of the training stimuli that both saw, targets the first subject's mean responses to these,
//! standardised; accuracy is Pearson's r over the test stimuli that both saw, of decoded and measured mean
//! response. Selection and score are those of [`brain_to_brain`].
//!
//! ROIs of the decoding subject come one after the other; each is read and its Gram matrix made once for all
//! subjects with whom the same training stimuli are shared.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ndarray::{Array2, ArrayView2, Axis, s};

use super::responses::Responses;
use crate::bh::sure::brain_to_brain::{self, BrainToBrain, Pair};
use crate::decode::train::{TrainingRoi, need, params};
use crate::error::{Error, Result};
use crate::io::bdata::BData;
use crate::ridge::{self, Inputs};
use crate::stats::correlation;
use crate::study::brain::{Extent, Samples};
use crate::study::scale::Scale;
use crate::study::units::UNITS_PER_BLOCK;
use crate::study::{Behaviour, Context};
use crate::work::layout::Split;

/// Fewest training stimuli with a standard deviation.
const FEWEST_TRAINING: usize = 2;
/// Fewest test stimuli that leave a degree of freedom to a correlation.
const FEWEST_TEST: usize = 3;

/// Scores of all ordered pairs of subjects, or why there are none. Subjects whose data cannot be used are left
/// out, with a line in `notes`.
pub fn of_study(
    context: &Context,
    p_value: f64,
    progress: &dyn Fn(&str),
    notes: &mut Vec<String>,
) -> Result<BrainToBrain, String> {
    let n_subjects = context.settings.subjects.len();
    if n_subjects < 2 {
        return Err("there is one subject only, no other brain".to_owned());
    }
    let mut brains: Vec<Responses> = Vec::with_capacity(n_subjects);
    for subject in &context.settings.subjects {
        progress(&format!(
            "brain-to-brain score: mean responses of `{subject}`"
        ));
        let held = brains.iter().map(Responses::bytes).sum();
        match Responses::read(context, subject, held) {
            Ok(brain) => brains.push(brain),
            Err(error) => notes.push(format!("no brain-to-brain score of `{subject}`: {error}")),
        }
    }
    if brains.len() < 2 {
        return Err(format!(
            "it takes two subjects with training and test fMRI that can be used, of {n_subjects} there are {}",
            brains.len()
        ));
    }
    // `columns[brain][network]`: that of a subject with itself is not used.
    let columns: Vec<Vec<Result<PairAccuracies, String>>> = (0..brains.len())
        .map(|brain| Decoder::new(context, &brains, brain).decode(progress))
        .collect();
    let mut pairs = Vec::with_capacity(brains.len() * (brains.len() - 1));
    let rois: Vec<String> = (context.settings.rois.iter())
        .map(|roi| roi.name.clone())
        .collect();
    for network in 0..brains.len() {
        for brain in (0..brains.len()).filter(|&brain| brain != network) {
            let shared = Shared::new(&brains[network], &brains[brain]);
            let score = columns[brain][network].clone().and_then(|values| {
                let n_test = shared.test.len();
                brain_to_brain::score(values, &rois, n_test, p_value)
                    .map_err(|error| error.to_string())
            });
            pairs.push(Pair {
                network_subject: brains[network].subject.clone(),
                brain_subject: brains[brain].subject.clone(),
                n_training: shared.training.len(),
                n_test: shared.test.len(),
                score,
            });
        }
    }
    Ok(BrainToBrain::new(pairs))
}

/// `values[decoded ROI][decoding ROI]`: accuracy of each voxel of the decoded ROI, `(n_voxels,)`.
type PairAccuracies = Vec<Vec<Vec<f32>>>;

/// Stimuli that two subjects saw: positions in the network's and in the brain's.
struct Shared {
    training: Vec<(usize, usize)>,
    test: Vec<(usize, usize)>,
}

impl Shared {
    fn new(network: &Responses, brain: &Responses) -> Shared {
        Shared {
            training: network
                .training
                .stimuli
                .shared_with(&brain.training.stimuli),
            test: network.test.stimuli.shared_with(&brain.test.stimuli),
        }
    }

    /// Why there can be no accuracies.
    fn problem(&self) -> Option<String> {
        let (n_training, n_test) = (self.training.len(), self.test.len());
        (n_training < FEWEST_TRAINING || n_test < FEWEST_TEST).then(|| {
            format!(
                "they share {n_training} training and {n_test} test stimuli, it takes \
                 {FEWEST_TRAINING} and {FEWEST_TEST}; is `decoding.label_key` a column of both subjects' tables?"
            )
        })
    }
}

/// Decodes all other subjects' voxels from one subject's ROIs.
struct Decoder<'a> {
    context: &'a Context,
    brains: &'a [Responses],
    /// The decoding subject.
    brain: usize,
    /// With every subject, itself included.
    shared: Vec<Shared>,
    /// Its training table, while there is memory for it.
    table: Option<BData>,
    path: PathBuf,
}

impl<'a> Decoder<'a> {
    fn new(context: &'a Context, brains: &'a [Responses], brain: usize) -> Decoder<'a> {
        let own = &brains[brain];
        Decoder {
            context,
            brains,
            brain,
            shared: (brains.iter())
                .map(|network| Shared::new(network, own))
                .collect(),
            table: None,
            path: (context.layout).fmri(&context.settings, Split::Training, &own.subject),
        }
    }

    /// Accuracies of every subject's voxels, or why there are none.
    fn decode(mut self, progress: &dyn Fn(&str)) -> Vec<Result<PairAccuracies, String>> {
        let n_rois = self.context.settings.rois.len();
        let mut found: Vec<Result<PairAccuracies, String>> = (self.shared.iter())
            .map(|shared| match shared.problem() {
                Some(problem) => Err(problem),
                None => Ok(vec![Vec::with_capacity(n_rois); n_rois]),
            })
            .collect();
        // Subjects with the same training stimuli share the brain's Gram matrices.
        let mut groups: BTreeMap<Vec<usize>, Vec<usize>> = BTreeMap::new();
        for (network, shared) in self.shared.iter().enumerate() {
            if network != self.brain && found[network].is_ok() {
                let stimuli = shared.training.iter().map(|&(_, own)| own).collect();
                groups.entry(stimuli).or_default().push(network);
            }
        }
        for roi in 0..n_rois {
            progress(&format!(
                "brain-to-brain score: decoding from {} of `{}` ({} of {})",
                self.context.settings.rois[roi].name,
                self.brains[self.brain].subject,
                self.brain * n_rois + roi + 1,
                self.brains.len() * n_rois
            ));
            for (stimuli, networks) in &groups {
                // What failed for one ROI failed for all subjects of the group.
                if networks.iter().all(|&network| found[network].is_err()) {
                    continue;
                }
                let decoded = self.decode_from(roi, stimuli, networks);
                match decoded {
                    Ok(decoded) => add(&mut found, networks, decoded),
                    Err(error) => {
                        let reason = error.to_string();
                        (networks.iter()).for_each(|&network| found[network] = Err(reason.clone()));
                    }
                }
            }
        }
        found
    }

    /// Accuracies from one ROI: `[network of networks][decoded ROI]`, `(n_voxels,)`.
    fn decode_from(
        &mut self,
        roi: usize,
        stimuli: &[usize],
        networks: &[usize],
    ) -> Result<Vec<Vec<Vec<f32>>>> {
        let samples = self.samples(roi)?.only(stimuli);
        let name = &self.context.settings.rois[roi].name;
        let prepared = TrainingRoi::new(samples, self.context, name)?;
        let patterns = self.test_patterns(roi, &prepared.scale)?;
        let decode = |&network: &usize| -> Result<Vec<Vec<f32>>> {
            let (target, shared) = (&self.brains[network], &self.shared[network]);
            let rows = |pairs: &[(usize, usize)]| -> (Vec<usize>, Vec<usize>) {
                pairs.iter().copied().unzip()
            };
            let (training_rows, _) = rows(&shared.training);
            let (test_rows, own_rows) = rows(&shared.test);
            let patterns = patterns.select(Axis(0), &own_rows);
            (target.training.rois.iter().zip(&target.test.rois))
                .map(|(training, test)| {
                    accuracies(
                        &prepared.inputs,
                        training.select(Axis(0), &training_rows),
                        patterns.view(),
                        test.select(Axis(0), &test_rows).view(),
                    )
                })
                .collect()
        };
        networks.iter().map(decode).collect()
    }

    /// The training samples of a ROI, with room for what is made of them.
    fn samples(&mut self, roi: usize) -> Result<Samples> {
        let Context {
            settings, memory, ..
        } = self.context;
        let roi = &settings.rois[roi];
        let label_key = &settings.decoding.label_key;
        let table = match self.table.take() {
            Some(table) => table,
            None => BData::read(&self.path)?,
        };
        let extent = Extent::measure(&table, &self.path, roi, label_key)?;
        let held: u64 = self.brains.iter().map(Responses::bytes).sum();
        let table_bytes = (table.n_samples() * table.n_columns() * size_of::<f64>()) as u64;
        // Leaving stimuli out copies the samples.
        let need = need(extent, params(self.context)).max(2 * extent.bytes());
        memory.require(
            held + need.max(table_bytes + extent.bytes()),
            format!(
                "ROI `{}` of `{}`",
                roi.name, self.brains[self.brain].subject
            ),
            "decoding another subject's voxels from it",
        )?;
        let samples = Samples::select(&table, &self.path, roi, label_key)?;
        if held + need + table_bytes <= memory.bytes {
            self.table = Some(table);
        }
        Ok(samples)
    }

    /// Standardised mean test patterns of a ROI, `(n_stimuli, n_voxels)`.
    fn test_patterns(&self, roi: usize, scale: &Scale) -> Result<Array2<f64>> {
        let own = &self.brains[self.brain];
        let mut patterns = own.test.rois[roi].clone();
        scale.apply_in_place(&mut patterns);
        let undefined = (patterns.indexed_iter()).find(|(_, value)| !value.is_finite());
        match undefined {
            None => Ok(patterns),
            Some(((stimulus, voxel), _)) => Err(Error::file(
                (self.context.layout).fmri(&self.context.settings, Split::Test, &own.subject),
                format!(
                    "voxel {voxel} of ROI `{}` (counted from 0) is not finite where {} is shown",
                    self.context.settings.rois[roi].name,
                    own.test.stimuli.name(stimulus)
                ),
                "repair the file, or leave the voxel out of the ROI's `select`",
            )),
        }
    }
}

/// Appends the accuracies from one more ROI.
fn add(
    found: &mut [Result<PairAccuracies, String>],
    networks: &[usize],
    decoded: Vec<Vec<Vec<f32>>>,
) {
    for (&network, decoded) in networks.iter().zip(decoded) {
        if let Ok(values) = &mut found[network] {
            for (levels, accuracies) in values.iter_mut().zip(decoded) {
                levels.push(accuracies);
            }
        }
    }
}

/// Decoding accuracy of every voxel of one ROI, `(n_voxels,)`; NaN where undefined.
///
/// - `targets`: mean responses to the training stimuli, `(n_training, n_voxels)`, in the order of `inputs`.
/// - `patterns`: the decoding ROI's standardised test patterns, `(n_test, n_inputs)`.
/// - `truth`: mean responses to the test stimuli, `(n_test, n_voxels)`.
fn accuracies(
    inputs: &Inputs,
    mut targets: Array2<f64>,
    patterns: ArrayView2<'_, f64>,
    truth: ArrayView2<'_, f64>,
) -> Result<Vec<f32>> {
    Scale::measure(targets.view(), Behaviour::Corrected).apply_in_place(&mut targets);
    let mut found = Vec::with_capacity(targets.ncols());
    for start in (0..targets.ncols()).step_by(UNITS_PER_BLOCK) {
        let block = s![.., start..targets.ncols().min(start + UNITS_PER_BLOCK)];
        let decoded = ridge::fit(inputs, targets.slice(block))?.predict(patterns);
        let r = correlation::columns(decoded.view(), truth.slice(block));
        found.extend(r.iter().map(|&r| r as f32));
    }
    Ok(found)
}
