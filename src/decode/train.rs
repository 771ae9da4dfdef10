//! `decode-train`: ridge decoders of every unit of a layer from the voxels of a ROI.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::{Context, label_key, recorded};
use crate::error::{Error, Result};
use crate::io::atomic::Batch;
use crate::io::mat::{self, WeightsWriter};
use crate::ridge::{self, Inputs, Params};
use crate::settings::Precision;
use crate::study::Behaviour;
use crate::study::brain::{Extent, Samples, Stimuli};
use crate::study::scale::{Scale, coarse_note};
use crate::study::store::Store;
use crate::study::units::{UNITS_PER_BLOCK, Units};
use crate::work::Item;
use crate::work::layout::Split;
use crate::work::sources::Source;
use crate::work::stage::{Artifact, Job};

/// The stage.
pub struct Train {
    context: Context,
    store: Store<TrainingRoi>,
}

/// What depends on subject and ROI only: computed once, used for every layer.
pub(crate) struct TrainingRoi {
    /// The voxels' side of the normal equations.
    pub(crate) inputs: Inputs,
    /// How the voxels were standardised.
    pub(crate) scale: Scale,
    stimuli: Stimuli,
    /// Bytes that fitting a block of units takes besides.
    working: u64,
    /// [`Behaviour::Compat`]: a constant voxel makes every weight NaN.
    poisoned: bool,
}

impl Train {
    /// A run of the stage.
    pub fn new(context: Context) -> Train {
        Train {
            store: Store::new(context.clone(), Split::Training, label_key(&context)),
            context,
        }
    }

    /// Makes sure that the item's ROI is prepared; returns the bytes that a fit takes besides.
    fn prepare_roi(&mut self, item: &Item) -> Result<u64> {
        if let Some(roi) = self.store.roi(item) {
            return Ok(roi.working);
        }
        let params = params(&self.context);
        let samples = self.store.samples(item, |extent| need(extent, params))?;
        let roi = TrainingRoi::new(samples, &self.context, &item.roi)?;
        let working = roi.working;
        self.store.keep_roi(item, roi.inputs.bytes(), roi);
        Ok(working)
    }
}

/// The ridge regression that the settings ask for.
pub(crate) fn params(context: &Context) -> Params {
    Params {
        alpha: context.settings.decoding.alpha,
        n_selected: context.settings.decoding.n_voxels,
        force_f64: context.settings.decoding.precision == Precision::F64,
    }
}

/// Arrays of one block of units up to this size are not counted: `--memory` bounds what grows with the
/// study, not the last megabyte of a process.
const UNCOUNTED: u64 = 64 << 20;

/// Most that the partial sums of a Gram matrix take besides, see [`ridge::linalg::gram`].
const GRAM_PARTS: u64 = 128 << 20;

/// Bytes that a ROI needs while it is prepared, its samples included, or fitted, whichever is more.
pub(crate) fn need(extent: Extent, params: Params) -> u64 {
    let Extent {
        n_samples,
        n_voxels,
        n_stimuli,
    } = extent;
    let array = |rows: usize, columns: usize| (rows * columns * size_of::<f64>()) as u64;
    let (patterns, sums) = (extent.bytes(), array(n_stimuli, n_voxels));
    let uses_all = params.n_selected == 0 || params.n_selected >= n_voxels;
    if uses_all && n_samples < n_voxels {
        // The samples themselves are kept, and every fit copies them.
        let kernel = 2 * array(n_samples + 1, n_samples + 1);
        return 2 * patterns + sums + kernel + working(n_voxels, n_samples);
    }
    let gram = array(n_voxels, n_voxels);
    let parts = (3 * gram).min(GRAM_PARTS);
    let factor = if uses_all { gram } else { 0 };
    let fitting = factor + working(n_voxels, n_stimuli);
    sums + gram + (patterns + parts).max(fitting)
}

/// Bytes that fitting a block of units takes: targets, right-hand sides and weights.
fn working(n_voxels: usize, n_rows: usize) -> u64 {
    let arrays = 3 * n_voxels + 2 * n_rows;
    ((arrays * UNITS_PER_BLOCK * size_of::<f64>()) as u64).saturating_sub(UNCOUNTED)
}

impl TrainingRoi {
    /// Standardises the samples of the ROI of this name and takes them in.
    pub(crate) fn new(mut samples: Samples, context: &Context, roi: &str) -> Result<TrainingRoi> {
        let behaviour = context.behaviour;
        let scale = Scale::measure(samples.voxels.view(), behaviour);
        if scale.n_unusable() == samples.voxels.ncols() {
            return Err(Error::file(
                &samples.path,
                format!("no voxel of ROI `{roi}` varies over the training samples"),
                "check the file's preprocessing and the ROI's `select`",
            ));
        }
        let poisoned = behaviour == Behaviour::Compat && scale.n_unusable() > 0;
        // Voxels that cannot be used are 0 in either mode here; what a poisoned ROI gets instead of
        // weights is decided when they are written.
        scale.apply_in_place(&mut samples.voxels);
        let inputs = Inputs::new(
            samples.voxels.view(),
            &samples.stimulus_of,
            samples.stimuli.len(),
            &params(context),
        );
        Ok(TrainingRoi {
            working: working(inputs.n_inputs(), samples.stimuli.len()),
            inputs,
            scale,
            stimuli: samples.stimuli,
            poisoned,
        })
    }
}

impl Job for Train {
    fn settings(&self, item: &Item) -> Value {
        let mut settings = recorded(&self.context, item);
        settings["precision"] = json!(self.context.settings.decoding.precision);
        settings
    }

    fn sources(&self, item: &Item) -> Vec<Source> {
        self.context.inputs(Split::Training, item).to_vec()
    }

    fn announce(&mut self, item: &Item) {
        self.store.announce(item);
    }

    fn compute(&mut self, item: &Item, stop: &AtomicBool) -> Result<Artifact> {
        let working = self.prepare_roi(item)?;
        let (roi, units) = self.store.open(item, working, stop)?;
        self.context
            .refuse_other_images(item, Split::Training, &roi.stimuli, units)?;
        let (rows, disagreement) = roi.stimuli.rows_in(&units.images, &units.folder)?;
        let folder = self.context.layout.decoder(item);
        let mut fit = Fit::new(roi, units, &folder)?;
        for start in (0..units.n_units()).step_by(UNITS_PER_BLOCK) {
            if stop.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            if start >= units.range.end {
                units.seek(start, stop)?;
            }
            fit.block(roi, units, start, &rows, self.context.behaviour)?;
        }
        let (n_undefined, n_coarse) = (fit.n_undefined, fit.n_coarse);
        let shape = units.shape.clone();
        let n_constant = roi.scale.n_unusable();
        let mut notes: Vec<String> = disagreement.into_iter().collect();
        if n_constant > 0 {
            let fate = if roi.poisoned {
                "every weight is NaN"
            } else {
                "left out"
            };
            notes.push(format!("{n_constant} constant or undefined voxels: {fate}"));
        }
        if n_undefined > 0 {
            notes.push(format!(
                "{n_undefined} constant or undefined units have no decoder"
            ));
        }
        notes.extend(coarse_note(n_coarse));
        let result = json!({
            "n_samples": roi.inputs.n_samples(),
            "n_images": rows.len(),
            "n_voxels": roi.inputs.n_inputs(),
            "n_selected": roi.inputs.n_selected(),
            "unit_shape": shape,
            "n_constant_voxels": n_constant,
            "n_undefined_units": n_undefined,
        });
        Ok(Artifact {
            obsolete: Vec::new(),
            files: fit.finish(roi, &folder)?,
            result,
            notes,
        })
    }
}

/// A decoder while it is fitted block by block.
struct Fit {
    weights: WeightsWriter,
    unit_shape: Vec<usize>,
    bias: Vec<f32>,
    unit_mean: Vec<f32>,
    unit_norm: Vec<f32>,
    n_undefined: usize,
    n_coarse: usize,
}

impl Fit {
    fn new(roi: &TrainingRoi, units: &Units, folder: &Path) -> Result<Fit> {
        let per_unit = if roi.poisoned {
            roi.inputs.n_inputs()
        } else {
            roi.inputs.n_selected()
        };
        let weights = WeightsWriter::create(
            folder.join("W.mat"),
            roi.inputs.n_inputs(),
            &units.shape,
            per_unit * units.n_units(),
        )?;
        Ok(Fit {
            weights,
            unit_shape: units.shape.clone(),
            bias: Vec::with_capacity(units.n_units()),
            unit_mean: Vec::with_capacity(units.n_units()),
            unit_norm: Vec::with_capacity(units.n_units()),
            n_undefined: 0,
            n_coarse: 0,
        })
    }

    /// Fits one block of units and appends its weights to the file.
    fn block(
        &mut self,
        roi: &TrainingRoi,
        units: &mut Units,
        start: usize,
        rows: &[usize],
        behaviour: Behaviour,
    ) -> Result<()> {
        let range = start..units.n_units().min(start + UNITS_PER_BLOCK);
        let block = units.block(range, rows, behaviour);
        self.n_undefined += block.scale.n_unusable();
        self.n_coarse += block.scale.n_coarse();
        self.unit_mean
            .extend(block.scale.mean.iter().map(|mean| *mean as f32));
        self.unit_norm
            .extend(block.scale.norm.iter().map(|norm| *norm as f32));
        let mut model = ridge::fit(&roi.inputs, block.targets.view())?;
        if behaviour == Behaviour::Compat {
            for (unit, usable) in block.scale.usable.iter().enumerate() {
                if !usable {
                    model.weights.row_mut(unit).fill(f64::NAN);
                    model.bias[unit] = f64::NAN;
                }
            }
        }
        let (selected, weights) = if roi.poisoned {
            model.bias.fill(f64::NAN);
            let n = roi.inputs.n_inputs();
            let all = (0..model.bias.len()).flat_map(|_| 0..n as u32).collect();
            (all, vec![f32::NAN; n * model.bias.len()])
        } else {
            let (selected, _) = model.selected.into_raw_vec_and_offset();
            (
                selected,
                model.weights.iter().map(|weight| *weight as f32).collect(),
            )
        };
        let per_unit = weights.len() / model.bias.len();
        self.weights.append(start, &selected, &weights, per_unit)?;
        self.bias.extend(model.bias.iter().map(|bias| *bias as f32));
        Ok(())
    }

    /// All files of the decoder.
    fn finish(self, roi: &TrainingRoi, folder: &Path) -> Result<Batch> {
        let mut files = Batch::new();
        files.add_staged(self.weights.finish()?);
        let unit_shape: Vec<usize> = std::iter::once(1).chain(self.unit_shape).collect();
        let voxel_shape = [1, roi.scale.mean.len()];
        let to_f32 = |values: &[f64]| -> Vec<f32> { values.iter().map(|v| *v as f32).collect() };
        let arrays: [(&str, &[usize], Vec<f32>); 5] = [
            ("b", &unit_shape, self.bias),
            ("x_mean", &voxel_shape, to_f32(&roi.scale.mean)),
            ("x_norm", &voxel_shape, to_f32(&roi.scale.norm)),
            ("y_mean", &unit_shape, self.unit_mean),
            ("y_norm", &unit_shape, self.unit_norm),
        ];
        for (name, shape, values) in arrays {
            let bytes = mat::encode_f32(name, shape, &values);
            files.add(folder.join(format!("{name}.mat")), &bytes)?;
        }
        Ok(files)
    }
}
