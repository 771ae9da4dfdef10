//! `encode-predict`: encoded fMRI of the test images, and how well it matches the measured one.
//!
//! Encoding accuracy of a voxel is the Pearson correlation over test images between its measured
//! response, averaged over presentations, and the one that its encoder predicts (SPEC 1.5).

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use ndarray::{Array2, ArrayView2, Axis, s};
use rayon::prelude::*;
use serde_json::{Value, json};

use super::layer::{check, whole};
use super::{label_key, recorded};
use crate::error::{Error, Result};
use crate::io::atomic::{Batch, Staged};
use crate::io::mat;
use crate::io::record::Record;
use crate::stats::correlation;
use crate::study::brain::Stimuli;
use crate::study::decoder::Decoder;
use crate::study::store::Store;
use crate::study::units::{UNITS_PER_BLOCK, Units};
use crate::study::{Behaviour, Context};
use crate::work::layout::Split;
use crate::work::leftovers::{self, Leftovers};
use crate::work::sources::{Source, Sources};
use crate::work::stage::{Artifact, Job};
use crate::work::{Item, Stage, trained};

/// Voxels that are predicted together: their weights on all units are expanded to doubles.
const VOXELS_PER_BLOCK: usize = 64;

/// Files that are written side by side: a process may have few open at a time.
const FILES_AT_ONCE: usize = 64;

/// The stage.
pub struct Predict {
    context: Context,
    store: Store<TestRoi>,
    /// What encoders were trained on, looked at once.
    training: Sources,
}

/// Mean test patterns of one subject's ROI.
struct TestRoi {
    patterns: Array2<f64>,
    stimuli: Stimuli,
    /// File they were read from.
    path: PathBuf,
}

impl Predict {
    /// A run of the stage.
    pub fn new(context: Context) -> Predict {
        Predict {
            store: Store::new(context.clone(), Split::Test, label_key(&context)),
            training: Sources::new(context.layout.clone()),
            context,
        }
    }

    /// Makes sure that the item's ROI is prepared; returns its numbers of stimuli and voxels.
    fn prepare_roi(&mut self, item: &Item) -> Result<(usize, usize)> {
        if let Some(roi) = self.store.roi(item) {
            return Ok(roi.patterns.dim());
        }
        let samples = self.store.samples(item, |extent| 2 * extent.bytes())?;
        let roi = TestRoi {
            patterns: samples.mean_patterns(),
            stimuli: samples.stimuli,
            path: samples.path,
        };
        let dim = roi.patterns.dim();
        let bytes = (roi.patterns.len() * size_of::<f64>()) as u64;
        self.store.keep_roi(item, bytes, roi);
        Ok(dim)
    }

    /// The encoder, whose inputs take the place of a decoder's voxels, and its voxels that of units.
    fn encoder(&mut self, item: &Item) -> Result<Decoder> {
        let folder = self.context.layout.encoder(item);
        if !folder.exists() {
            return Err(Error::file(
                &folder,
                "there is no such folder: this item has no encoder",
                "run `bhscore encode-train` for it first",
            ));
        }
        let training = self.context.inputs(Split::Training, item);
        let wanted = self.settings(item);
        trained::refuse_outdated(
            item,
            &self.context.layout,
            Stage::EncodeTrain,
            &wanted,
            &training,
            &mut self.training,
        )?;
        Decoder::open(&folder, self.context.memory)
    }
}

impl Job for Predict {
    fn settings(&self, item: &Item) -> Value {
        recorded(&self.context, item)
    }

    fn sources(&self, item: &Item) -> Vec<Source> {
        let encoder = Source::Artifact {
            folder: self.context.layout.encoder(item),
            stage: Stage::EncodeTrain,
        };
        let inputs = self.context.inputs(Split::Test, item);
        [encoder].into_iter().chain(inputs).collect()
    }

    fn announce(&mut self, item: &Item) {
        self.store.announce(item);
    }

    fn compute(&mut self, item: &Item, stop: &AtomicBool) -> Result<Artifact> {
        let behaviour = self.context.behaviour;
        let dim = self.prepare_roi(item)?;
        let layout = &self.context.layout;
        let folder = layout.features(Split::Test, &item.net, &item.layer);
        let n_units = Units::open(&folder, self.context.reading.clone())?.n_units();
        let working = working(n_units, dim);
        self.context.memory.require(
            working,
            format!("layer `{}`", item.layer),
            &format!("the encoders from its {n_units} units"),
        )?;
        let mut encoder = self.encoder(item)?;
        let n_voxels = encoder.bias.len();
        let (roi, units) = self.store.open(item, working, stop)?;
        check_shapes(item, &encoder, roi, &units.shape)?;
        self.context
            .refuse_other_images(item, Split::Test, &roi.stimuli, units)?;
        let matched = Matched::new(&roi.stimuli, &units.images, &units.folder, behaviour)?;
        let features = whole(units, &matched.rows, stop)?;
        let features = encoder.standardise(features.view());
        let truth = roi.patterns.select(Axis(0), &matched.stimuli);
        refuse_undefined(item, roi, truth.view(), behaviour)?;
        let all_finite = features.iter().all(|value| value.is_finite());
        let mut encoded = Encoded {
            patterns: Array2::zeros((matched.rows.len(), n_voxels)),
            accuracy: Vec::with_capacity(n_voxels),
        };
        for start in (0..n_voxels).step_by(VOXELS_PER_BLOCK) {
            check(stop)?;
            if start >= encoder.range.end {
                encoder.seek(start)?;
            }
            let range = start..n_voxels.min(start + VOXELS_PER_BLOCK);
            let cleaned = (!all_finite && behaviour == Behaviour::Corrected)
                .then(|| encoder.without_unused(features.view(), range.clone()));
            let features = cleaned.as_ref().unwrap_or(&features);
            if let Some((image, unit)) = undefined(&encoder, features.view(), behaviour) {
                return Err(Error::file(
                    units.folder.join(format!("{}.mat", matched.names[image])),
                    format!("unit {unit} (counted from 0, first axis fastest) is not finite"),
                    "extract the image again",
                ));
            }
            let predicted = encoder.predict(features.view(), range.clone());
            encoded.block(predicted.view(), truth.slice(s![.., range.clone()]), range);
        }
        encoded.artifact(&self.context, item, matched)
    }
}

/// Bytes that predicting takes beside the ROI: the weights of a portion of the voxels, dense, some of
/// them as doubles, and the features as doubles and standardised.
fn working(n_units: usize, (n_images, n_voxels): (usize, usize)) -> u64 {
    let loaded = n_voxels.min(UNITS_PER_BLOCK) * size_of::<f32>();
    let expanded = (VOXELS_PER_BLOCK.min(n_voxels) + 2 * n_images) * size_of::<f64>();
    (n_units * (loaded + expanded)) as u64
}

fn check_shapes(item: &Item, encoder: &Decoder, roi: &TestRoi, shape: &[usize]) -> Result<()> {
    let n_units = shape.iter().product::<usize>();
    let (inputs, targets) = (encoder.n_voxels(), encoder.bias.len());
    let fail = |problem: String, remedy: &str| {
        let remedy = format!("{remedy}, then run `bhscore encode-train` again");
        Err(Error::data(format!("encoder `{item}`"), problem, remedy))
    };
    if inputs != n_units {
        return fail(
            format!("expects {inputs} units, the test features have {n_units}"),
            "extract training and test features alike",
        );
    }
    if targets != roi.patterns.ncols() {
        let n_voxels = roi.patterns.ncols();
        return fail(
            format!("encodes {targets} voxels, the test fMRI has {n_voxels}"),
            "use training and test fMRI of the same voxels",
        );
    }
    Ok(())
}

/// Test images that have both features and fMRI.
struct Matched {
    /// Positions among the stimuli that were shown.
    stimuli: Vec<usize>,
    /// Positions among the feature files.
    rows: Vec<usize>,
    names: Vec<String>,
    notes: Vec<String>,
}

impl Matched {
    fn new(
        stimuli: &Stimuli,
        images: &[String],
        folder: &Path,
        behaviour: Behaviour,
    ) -> Result<Matched> {
        let pairs = stimuli.pairs_with(images);
        let (shown, rows): (Vec<usize>, Vec<usize>) = pairs.into_iter().unzip();
        let n_unseen = images.len() - rows.len();
        if rows.is_empty() || (behaviour == Behaviour::Compat && n_unseen > 0) {
            let unseen = images.iter().enumerate();
            let mut unseen = unseen.filter(|(row, _)| rows.binary_search(row).is_err());
            let name = unseen.next().map_or("", |(_, name)| name.as_str());
            return Err(Error::file(
                folder,
                format!(
                    "has features of {n_unseen} images that were never shown, such as `{name}`"
                ),
                "check the label key and the names of the feature files",
            ));
        }
        let mut notes = Vec::new();
        // DEVIATION: the original fails with an IndexError at the first of these (`docs/compared.md` D7).
        if n_unseen > 0 {
            notes.push(format!("{n_unseen} test images were never shown: skipped"));
        }
        let n_missing = stimuli.len() - rows.len();
        if n_missing > 0 {
            notes.push(format!(
                "{n_missing} images that were shown have no features: skipped"
            ));
        }
        Ok(Matched {
            names: rows.iter().map(|&row| images[row].clone()).collect(),
            stimuli: shown,
            rows,
            notes,
        })
    }
}

/// A measured pattern with a value that is not finite would make the accuracy of its voxel NaN.
fn refuse_undefined(
    item: &Item,
    roi: &TestRoi,
    truth: ArrayView2<f64>,
    behaviour: Behaviour,
) -> Result<()> {
    let undefined = truth.indexed_iter().find(|(_, value)| !value.is_finite());
    match undefined {
        Some(((_, voxel), _)) if behaviour == Behaviour::Corrected => Err(Error::file(
            &roi.path,
            format!(
                "voxel {voxel} of ROI `{}` (counted from 0) is not finite in a test sample",
                item.roi
            ),
            "repair the file, or leave the voxel out of the ROI's `select`",
        )),
        _ => Ok(()),
    }
}

/// Image and unit of a feature that would make predictions NaN, unless training made them that.
fn undefined(
    encoder: &Decoder,
    features: ArrayView2<f64>,
    behaviour: Behaviour,
) -> Option<(usize, usize)> {
    let usable = |norm: &f32| *norm != 0.0 && norm.is_finite();
    if behaviour == Behaviour::Compat || !encoder.voxel_norm.iter().all(usable) {
        return None;
    }
    let mut values = features.indexed_iter();
    values
        .find(|(_, value)| !value.is_finite())
        .map(|(at, _)| at)
}

/// Encoded fMRI of one item.
struct Encoded {
    /// `(n_images, n_voxels)`, as stored.
    patterns: Array2<f32>,
    /// Encoding accuracy, `(n_voxels,)`.
    accuracy: Vec<f32>,
}

impl Encoded {
    fn block(
        &mut self,
        predicted: ArrayView2<f64>,
        truth: ArrayView2<f64>,
        range: std::ops::Range<usize>,
    ) {
        let accuracy = correlation::columns(predicted, truth);
        self.accuracy.extend(accuracy.iter().map(|r| *r as f32));
        let mut target = self.patterns.slice_mut(s![.., range]);
        target.zip_mut_with(&predicted, |slot, value| *slot = *value as f32);
    }

    fn artifact(&self, context: &Context, item: &Item, matched: Matched) -> Result<Artifact> {
        let defined: Vec<f64> = self
            .accuracy
            .iter()
            .filter(|r| !r.is_nan())
            .map(|r| f64::from(*r))
            .collect();
        let mean =
            (!defined.is_empty()).then(|| defined.iter().sum::<f64>() / defined.len() as f64);
        let n_undefined = self.accuracy.len() - defined.len();
        let files = self.files(context, item, &matched.names)?;
        let mut notes = matched.notes;
        if n_undefined > 0 {
            notes.push(format!("{n_undefined} voxels have no defined accuracy"));
        }
        let layout = &context.layout;
        let recorded = Record::read_if_sound(&layout.record_folder(item))?;
        let folder = layout.encoded_fmri(item);
        let left = Leftovers::find(&folder, &matched.names, recorded.as_ref())?;
        notes.extend(left.note);
        let (key, images) = leftovers::images(&matched.names);
        let result = json!({
            "n_test": matched.rows.len(),
            "n_voxels": self.accuracy.len(),
            "n_undefined_voxels": n_undefined,
            "mean_accuracy": mean,
            key: images,
        });
        Ok(Artifact {
            files,
            obsolete: left.ours,
            result,
            notes,
        })
    }

    /// All files of the item.
    fn files(&self, context: &Context, item: &Item, names: &[String]) -> Result<Batch> {
        let mut files = Batch::new();
        let shape = [1, self.accuracy.len()];
        let folder = context.layout.encoded_fmri(item);
        for (chunk, names) in names.chunks(FILES_AT_ONCE).enumerate() {
            let staged: Vec<Staged> = names
                .par_iter()
                .enumerate()
                .map(|(place, name)| {
                    let row = self.patterns.row(chunk * FILES_AT_ONCE + place);
                    let values = row.to_slice().expect("rows of a standard layout");
                    let mut staged = Staged::create(folder.join(format!("{name}.mat")))?;
                    staged.append(&mat::encode_f32("feat", &shape, values))?;
                    Ok(staged)
                })
                .collect::<Result<_>>()?;
            staged.into_iter().for_each(|file| files.add_staged(file));
        }
        let bytes = mat::encode_f32("accuracy", &shape, &self.accuracy);
        let folder = context.layout.encoding_accuracy(item);
        files.add(folder.join("accuracy.mat"), &bytes)?;
        Ok(files)
    }
}
