//! `decode-predict`: decoded features of the test images, and how well they match the true ones.
//!
//! Decoding accuracy of a unit is the Pearson correlation over test images between its true and its
//! decoded activation (SPEC 1.4). Per image, over units standardised with the training statistics:
//! pattern correlation, and pairwise identification, the share of other images whose true pattern
//! matches the decoded one worse than the right image does.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;
use serde_json::{Value, json};

use super::{Context, label_key, recorded};
use crate::error::{Error, Result};
use crate::io::atomic::{Batch, Staged};
use crate::io::mat;
use crate::io::record::Record;
use crate::ridge::linalg;
use crate::stats::correlation;
use crate::study::Behaviour;
use crate::study::brain::Stimuli;
use crate::study::decoder::Decoder;
use crate::study::store::Store;
use crate::study::units::{UNITS_PER_BLOCK, Units};
use crate::work::layout::Split;
use crate::work::leftovers::{self, Leftovers};
use crate::work::sources::{Source, Sources};
use crate::work::stage::{Artifact, Job};
use crate::work::{Item, Stage, trained};

/// Files that are written side by side: a process may have few open at a time.
const FILES_AT_ONCE: usize = 64;

/// The stage.
pub struct Predict {
    context: Context,
    store: Store<TestRoi>,
    /// What decoders were trained on, looked at once.
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

    /// Makes sure that the item's ROI is prepared; returns the number of its stimuli.
    fn prepare_roi(&mut self, item: &Item) -> Result<usize> {
        if let Some(roi) = self.store.roi(item) {
            return Ok(roi.patterns.nrows());
        }
        let samples = self.store.samples(item, |extent| 2 * extent.bytes())?;
        let roi = TestRoi {
            patterns: samples.mean_patterns(),
            stimuli: samples.stimuli,
            path: samples.path,
        };
        let n_stimuli = roi.patterns.nrows();
        let bytes = (roi.patterns.len() * size_of::<f64>()) as u64;
        self.store.keep_roi(item, bytes, roi);
        Ok(n_stimuli)
    }
}

impl Job for Predict {
    fn settings(&self, item: &Item) -> Value {
        recorded(&self.context, item)
    }

    fn sources(&self, item: &Item) -> Vec<Source> {
        let decoder = Source::Artifact {
            folder: self.context.layout.decoder(item),
            stage: Stage::DecodeTrain,
        };
        let inputs = self.context.inputs(Split::Test, item);
        [decoder].into_iter().chain(inputs).collect()
    }

    fn announce(&mut self, item: &Item) {
        self.store.announce(item);
    }

    fn compute(&mut self, item: &Item, stop: &AtomicBool) -> Result<Artifact> {
        let behaviour = self.context.behaviour;
        let folder = self.context.layout.decoder(item);
        let training = self.context.inputs(Split::Training, item);
        let wanted = self.settings(item);
        trained::refuse_outdated(
            item,
            &self.context.layout,
            Stage::DecodeTrain,
            &wanted,
            &training,
            &mut self.training,
        )?;
        let n_stimuli = self.prepare_roi(item)?;
        let mut decoder = Decoder::open(&folder, self.context.memory)?;
        let n_kept = decoder.weights.len() + n_stimuli * decoder.bias.len();
        let working = (n_kept * size_of::<f32>()) as u64;
        let (roi, units) = self.store.open(item, working, stop)?;
        check_shapes(item, &decoder, roi, units)?;
        self.context
            .refuse_other_images(item, Split::Test, &roi.stimuli, units)?;
        let (rows, disagreement) = roi.stimuli.rows_in(&units.images, &units.folder)?;
        let patterns = decoder.standardise(roi.patterns.view());
        let all_finite = patterns.iter().all(|value| value.is_finite());
        let mut decoded = Decoded::new(rows.len(), units.n_units());
        for start in (0..units.n_units()).step_by(UNITS_PER_BLOCK) {
            if stop.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            if start >= units.range.end {
                units.seek(start, stop)?;
            }
            if start >= decoder.range.end {
                decoder.seek(start)?;
            }
            let range = start..units.n_units().min(start + UNITS_PER_BLOCK);
            let cleaned = (!all_finite && behaviour == Behaviour::Corrected)
                .then(|| decoder.without_unused(patterns.view(), range.clone()));
            let patterns = cleaned.as_ref().unwrap_or(&patterns);
            refuse_undefined(item, &decoder, roi, patterns.view(), behaviour)?;
            let truth = units.view(range.clone()).select(Axis(0), &rows);
            decoded.block(&decoder, patterns.view(), range, truth.view());
        }
        let names: Vec<&str> = match behaviour {
            Behaviour::Corrected => rows.iter().map(|&row| units.images[row].as_str()).collect(),
            // The original names file i after the i-th feature file, also where an image in
            // between was never shown (`docs/compared.md` D6).
            Behaviour::Compat => units
                .images
                .iter()
                .take(rows.len())
                .map(String::as_str)
                .collect(),
        };
        let n_undefined = decoded.accuracy.iter().filter(|r| r.is_nan()).count();
        let mut notes: Vec<String> = disagreement.into_iter().collect();
        if n_undefined > 0 {
            notes.push(format!("{n_undefined} units have no defined accuracy"));
        }
        let layout = &self.context.layout;
        let recorded = Record::read_if_sound(&layout.record_folder(item))?;
        let left = Leftovers::find(&layout.decoded_features(item), &names, recorded.as_ref())?;
        notes.extend(left.note);
        let (key, images) = leftovers::images(&names);
        let result = json!({
            "n_test": rows.len(),
            "unit_shape": units.shape,
            "n_undefined_units": n_undefined,
            "mean_accuracy": decoded.mean_accuracy(),
            key: images,
        });
        let files = decoded.files(&self.context, item, &units.shape, &names)?;
        Ok(Artifact {
            files,
            obsolete: left.ours,
            result,
            notes,
        })
    }
}

fn check_shapes(item: &Item, decoder: &Decoder, roi: &TestRoi, units: &Units) -> Result<()> {
    if decoder.n_voxels() != roi.patterns.ncols() {
        return Err(Error::data(
            format!("decoder `{item}`"),
            format!(
                "expects {} voxels, the test fMRI has {}",
                decoder.n_voxels(),
                roi.patterns.ncols()
            ),
            "use training and test fMRI of the same voxels, then run `bhscore decode-train` again",
        ));
    }
    if decoder.unit_shape != units.shape {
        return Err(Error::data(
            format!("decoder `{item}`"),
            format!(
                "decodes units of shape {:?}, the test features have {:?}",
                decoder.unit_shape, units.shape
            ),
            "extract training and test features alike, then run `bhscore decode-train` again",
        ));
    }
    Ok(())
}

/// A test pattern with a value that is not finite would make every prediction NaN.
fn refuse_undefined(
    item: &Item,
    decoder: &Decoder,
    roi: &TestRoi,
    patterns: ArrayView2<f64>,
    behaviour: Behaviour,
) -> Result<()> {
    let trained = decoder
        .voxel_norm
        .iter()
        .all(|norm| *norm != 0.0 && norm.is_finite());
    if behaviour == Behaviour::Compat || !trained {
        // A decoder of the original with a constant voxel is NaN throughout: so is its accuracy.
        return Ok(());
    }
    match patterns
        .indexed_iter()
        .find(|(_, value)| !value.is_finite())
    {
        None => Ok(()),
        Some(((stimulus, voxel), _)) => Err(Error::file(
            &roi.path,
            format!(
                "voxel {voxel} of ROI `{}` (counted from 0) is not finite where {} is shown",
                item.roi,
                roi.stimuli.name(stimulus)
            ),
            "repair the file, or leave the voxel out of the ROI's `select`",
        )),
    }
}

/// Everything that is known about the decoded features of one item.
struct Decoded {
    /// `(n_stimuli, n_units)`, as stored.
    features: Array2<f32>,
    /// Decoding accuracy, `(n_units,)`.
    accuracy: Vec<f32>,
    sums: PatternSums,
}

/// Sums over units for the correlation of every decoded with every true pattern.
struct PatternSums {
    n_units: f64,
    /// `Σ d_i t_j`, `(n_stimuli, n_stimuli)`.
    cross: Array2<f64>,
    decoded: Vec<(f64, f64)>,
    truth: Vec<(f64, f64)>,
}

impl Decoded {
    fn new(n_stimuli: usize, n_units: usize) -> Decoded {
        Decoded {
            features: Array2::zeros((n_stimuli, n_units)),
            accuracy: Vec::with_capacity(n_units),
            sums: PatternSums {
                n_units: 0.0,
                cross: Array2::zeros((n_stimuli, n_stimuli)),
                decoded: vec![(0.0, 0.0); n_stimuli],
                truth: vec![(0.0, 0.0); n_stimuli],
            },
        }
    }

    fn block(
        &mut self,
        decoder: &Decoder,
        patterns: ArrayView2<f64>,
        range: std::ops::Range<usize>,
        truth: ArrayView2<f32>,
    ) {
        let predicted = decoder.predict(patterns, range.clone());
        let accuracy = correlation::columns(predicted.view(), truth);
        self.accuracy.extend(accuracy.iter().map(|r| *r as f32));
        let mut target = self.features.slice_mut(ndarray::s![.., range.clone()]);
        target.zip_mut_with(&predicted, |slot, value| *slot = *value as f32);
        // Units without a finite, standardised value on both sides say nothing about a pattern.
        let usable: Vec<usize> = (0..range.len())
            .filter(|&column| {
                let norm = decoder.unit_norm[range.start + column];
                norm.is_finite()
                    && norm != 0.0
                    && truth.column(column).iter().all(|v| v.is_finite())
                    && predicted.column(column).iter().all(|v| v.is_finite())
            })
            .collect();
        let standardised = |value: f64, column: usize| {
            let unit = range.start + column;
            (value - f64::from(decoder.unit_mean[unit])) / f64::from(decoder.unit_norm[unit])
        };
        let shape = (predicted.nrows(), usable.len());
        let decoded = Array2::from_shape_fn(shape, |(row, index)| {
            standardised(predicted[[row, usable[index]]], usable[index])
        });
        let truth = Array2::from_shape_fn(shape, |(row, index)| {
            standardised(f64::from(truth[[row, usable[index]]]), usable[index])
        });
        self.sums.add(decoded.view(), truth.view());
    }

    fn mean_accuracy(&self) -> Option<f64> {
        let defined: Vec<f64> = self
            .accuracy
            .iter()
            .filter(|r| !r.is_nan())
            .map(|r| f64::from(*r))
            .collect();
        (!defined.is_empty()).then(|| defined.iter().sum::<f64>() / defined.len() as f64)
    }

    /// All files of the item.
    fn files(
        &self,
        context: &Context,
        item: &Item,
        shape: &[usize],
        names: &[&str],
    ) -> Result<Batch> {
        let mut files = Batch::new();
        let full: Vec<usize> = std::iter::once(1).chain(shape.iter().copied()).collect();
        let folder = context.layout.decoded_features(item);
        for (chunk, names) in names.chunks(FILES_AT_ONCE).enumerate() {
            let staged: Vec<Staged> = names
                .par_iter()
                .enumerate()
                .map(|(place, name)| {
                    let row = self.features.row(chunk * FILES_AT_ONCE + place);
                    let values = row.to_slice().expect("rows of a standard layout");
                    let mut staged = Staged::create(folder.join(format!("{name}.mat")))?;
                    staged.append(&mat::encode_f32("feat", &full, values))?;
                    Ok(staged)
                })
                .collect::<Result<_>>()?;
            staged.into_iter().for_each(|file| files.add_staged(file));
        }
        let folder = context.layout.decoding_accuracy(item);
        let (pattern, identification) = self.sums.per_image();
        let per_image = [1, pattern.len()];
        let arrays: [(&str, &[usize], &[f32]); 3] = [
            ("pattern_correlation", &per_image, &pattern),
            ("identification_accuracy", &per_image, &identification),
            ("accuracy", &full, &self.accuracy),
        ];
        for (name, shape, values) in arrays {
            let bytes = mat::encode_f32(name, shape, values);
            files.add(folder.join(format!("{name}.mat")), &bytes)?;
        }
        Ok(files)
    }
}

impl PatternSums {
    fn add(&mut self, decoded: ArrayView2<f64>, truth: ArrayView2<f64>) {
        self.n_units += decoded.ncols() as f64;
        self.cross += &linalg::product_transpose(decoded, truth);
        for (sums, patterns) in [(&mut self.decoded, decoded), (&mut self.truth, truth)] {
            for (sum, row) in sums.iter_mut().zip(patterns.rows()) {
                sum.0 += row.sum();
                sum.1 += row.dot(&row);
            }
        }
    }

    /// Correlation of decoded pattern `i` with true pattern `j`; NaN where one does not vary.
    fn correlation(&self, i: usize, j: usize) -> f64 {
        let (n, a, b) = (self.n_units, self.decoded[i], self.truth[j]);
        let variance = |sum: (f64, f64)| sum.1 - sum.0 * sum.0 / n;
        let scale = variance(a).max(0.0).sqrt() * variance(b).max(0.0).sqrt();
        if scale > 0.0 {
            (self.cross[[i, j]] - a.0 * b.0 / n) / scale
        } else {
            f64::NAN
        }
    }

    /// Pattern correlation and pairwise identification accuracy of every image.
    fn per_image(&self) -> (Vec<f32>, Vec<f32>) {
        let n = self.decoded.len();
        let pattern = (0..n).map(|i| self.correlation(i, i) as f32).collect();
        let identification = (0..n)
            .map(|i| {
                let own = self.correlation(i, i);
                if n < 2 || own.is_nan() {
                    return f32::NAN;
                }
                let worse = (0..n)
                    .filter(|&j| j != i && self.correlation(i, j) < own)
                    .count();
                worse as f32 / (n - 1) as f32
            })
            .collect();
        (pattern, identification)
    }
}
