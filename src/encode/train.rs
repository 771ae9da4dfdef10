//! `encode-train`: ridge encoders of every voxel of a ROI from the units of a layer.
//!
//! Units are standardised over the layer's images, each once; voxels over presentations (SPEC 1.3,
//! 1.5). Layers of up to [`GRAM_LIMIT`] units get a Gram matrix, which serves every subject and ROI
//! with the same presentations; larger ones are searched in blocks ([`crate::ridge::wide`]).

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use ndarray::{Array2, ArrayView2, Axis, s};
use serde_json::{Value, json};

use super::layer::{check, each_block, gather};
use super::{label_key, recorded};
use crate::error::{Error, Result};
use crate::io::atomic::Batch;
use crate::io::mat::{self, WeightsWriter};
use crate::ridge::{self, Inputs, Params, wide};
use crate::study::brain::{Samples, Stimuli};
use crate::study::scale::{Scale, coarse_note};
use crate::study::store::Store;
use crate::study::units::{UNITS_PER_BLOCK, Units};
use crate::study::{Behaviour, Context};
use crate::work::Item;
use crate::work::layout::Split;
use crate::work::sources::Source;
use crate::work::stage::{Artifact, Job};

/// Most units of a layer that get a Gram matrix (134 MB). A constant, so that `--memory` does not
/// decide which solver an item gets, and with it the last bits of its weights.
pub const GRAM_LIMIT: usize = 4096;

/// Voxels that are fitted together.
const VOXELS_PER_BLOCK: usize = 1024;

/// Voxels with systems of their own between two looks at whether the user wants to stop.
const VOXELS_PER_STEP: usize = 32;

/// Most bytes of the units that are gathered for voxels with systems of their own.
const GATHERED: u64 = 1 << 30;

/// The stage.
pub struct Train {
    context: Context,
    store: Store<TrainingRoi>,
    gram_limit: usize,
    /// The last layer with a Gram matrix.
    layer: Option<GramLayer>,
}

/// What depends on subject and ROI only.
struct TrainingRoi {
    /// Mean over the presentations of each stimulus of the standardised voxels, NaN where a voxel
    /// cannot be used, `(n_stimuli, n_voxels)`.
    targets: Array2<f64>,
    /// Presentations of each stimulus, `(n_stimuli,)`.
    counts: Vec<f64>,
    scale: Scale,
    stimuli: Stimuli,
}

/// A layer's side of the normal equations, for some presentations.
struct GramLayer {
    folder: PathBuf,
    rows: Vec<usize>,
    counts: Vec<f64>,
    inputs: Inputs,
    scale: Scale,
}

impl Train {
    /// A run of the stage.
    pub fn new(context: Context) -> Train {
        Train::with_gram_limit(context, GRAM_LIMIT)
    }

    /// A run in which only layers of up to `gram_limit` units get a Gram matrix.
    pub fn with_gram_limit(context: Context, gram_limit: usize) -> Train {
        Train {
            store: Store::new(context.clone(), Split::Training, label_key(&context)),
            context,
            gram_limit,
            layer: None,
        }
    }

    /// Makes sure that the item's ROI is prepared; returns its numbers of stimuli and voxels.
    fn prepare_roi(&mut self, item: &Item) -> Result<(usize, usize)> {
        if let Some(roi) = self.store.roi(item) {
            return Ok(roi.targets.dim());
        }
        let samples = self.store.samples(item, |extent| 2 * extent.bytes())?;
        let roi = TrainingRoi::new(samples, self.context.behaviour);
        let dim = roi.targets.dim();
        let bytes = (roi.targets.len() * size_of::<f64>()) as u64;
        self.store.keep_roi(item, bytes, roi);
        Ok(dim)
    }

    fn params(&self) -> Params {
        Params {
            alpha: self.context.settings.encoding.alpha,
            n_selected: self.context.settings.encoding.n_units,
            force_f64: true,
        }
    }

    /// Whether a layer of so many units gets a Gram matrix.
    fn has_gram(&self, n_units: usize) -> bool {
        n_units <= self.gram_limit || self.params().asks_for_all(n_units)
    }
}

impl TrainingRoi {
    fn new(mut samples: Samples, behaviour: Behaviour) -> TrainingRoi {
        let scale = Scale::measure(samples.voxels.view(), behaviour);
        scale.apply_in_place(&mut samples.voxels);
        let mut targets = samples.mean_patterns();
        for (voxel, _) in scale
            .usable
            .iter()
            .enumerate()
            .filter(|(_, usable)| !**usable)
        {
            targets.column_mut(voxel).fill(f64::NAN);
        }
        let mut counts = vec![0.0; samples.stimuli.len()];
        for &stimulus in &samples.stimulus_of {
            counts[stimulus] += 1.0;
        }
        TrainingRoi {
            targets,
            counts,
            scale,
            stimuli: samples.stimuli,
        }
    }
}

/// Bytes of arrays of doubles.
fn bytes(shapes: &[(usize, usize)]) -> u64 {
    let length: usize = shapes.iter().map(|(rows, columns)| rows * columns).sum();
    (length * size_of::<f64>()) as u64
}

/// Bytes that computing an item takes beside the ROI and the layer.
fn working(
    (n_rows, n_voxels): (usize, usize),
    n_units: usize,
    n_selected: usize,
    gram: bool,
) -> u64 {
    let weights = (
        n_voxels.min(VOXELS_PER_BLOCK),
        3 * n_units.min(2 * GRAM_LIMIT),
    );
    if gram {
        // The standardised layer, a centred copy and the sums; the matrix and what adds up to it.
        let parts = if n_units <= 2048 { 5 } else { 1 };
        return bytes(&[(3 * n_rows, n_units), (parts * n_units, n_units), weights]);
    }
    let block = (3 * n_rows + n_voxels, UNITS_PER_BLOCK);
    // Every thread has a system of its own, and its parts.
    let own = (
        rayon::current_num_threads() * (6 * n_selected + 2 * n_rows),
        n_selected,
    );
    bytes(&[block, own]) + wide::Search::bytes(n_voxels, n_selected)
}

impl Job for Train {
    fn settings(&self, item: &Item) -> Value {
        recorded(&self.context, item)
    }

    fn sources(&self, item: &Item) -> Vec<Source> {
        self.context.inputs(Split::Training, item).to_vec()
    }

    fn announce(&mut self, item: &Item) {
        self.store.announce(item);
    }

    fn compute(&mut self, item: &Item, stop: &AtomicBool) -> Result<Artifact> {
        let dim = self.prepare_roi(item)?;
        let layout = &self.context.layout;
        let features = layout.features(Split::Training, &item.net, &item.layer);
        if self
            .layer
            .as_ref()
            .is_some_and(|layer| layer.folder != features)
        {
            self.layer = None;
        }
        let (params, memory) = (self.params(), self.context.memory);
        let n_units = Units::open(&features, self.context.reading.clone())?.n_units();
        let gram = self.has_gram(n_units);
        let mut working = working(dim, n_units, params.n_selected, gram);
        let block = (dim.0 * UNITS_PER_BLOCK * size_of::<f32>()) as u64;
        memory.require(
            working + bytes(&[dim]) + block,
            format!("layer `{}`", item.layer),
            &format!("its {n_units} units"),
        )?;
        let gathered = GATHERED.min(memory.bytes / 4);
        if !gram {
            working += gathered;
        }
        let folder = layout.encoder(item);
        let (roi, units) = self.store.open(item, working, stop)?;
        self.context
            .refuse_other_images(item, Split::Training, &roi.stimuli, units)?;
        let (rows, disagreement) = roi.stimuli.rows_in(&units.images, &units.folder)?;
        let mut fit = Fit {
            roi,
            rows: &rows,
            params,
            behaviour: self.context.behaviour,
            folder: &folder,
            stop,
        };
        let encoder = if gram {
            fit.with_gram(units, &mut self.layer)?
        } else {
            fit.wide(units, gathered)?
        };
        Ok(encoder.artifact(roi, &rows, disagreement))
    }
}

/// One item while it is fitted.
struct Fit<'a> {
    roi: &'a TrainingRoi,
    /// Image of every stimulus.
    rows: &'a [usize],
    params: Params,
    behaviour: Behaviour,
    folder: &'a Path,
    stop: &'a AtomicBool,
}

/// A fitted encoder.
struct Encoder {
    files: Batch,
    n_units: usize,
    n_selected: usize,
    n_constant: usize,
    n_coarse: usize,
    poisoned: bool,
}

impl Fit<'_> {
    fn with_gram(&mut self, units: &mut Units, kept: &mut Option<GramLayer>) -> Result<Encoder> {
        let serves = |layer: &GramLayer| layer.rows == self.rows && layer.counts == self.roi.counts;
        if !kept.as_ref().is_some_and(serves) {
            // The old one is given back first.
            *kept = None;
            *kept = Some(self.gram_layer(units)?);
        }
        let layer = kept.as_ref().expect("set above");
        let n_selected = layer.inputs.n_selected();
        let mut writer = self.writer(&layer.scale, n_selected, &units.folder)?;
        for start in (0..self.roi.targets.ncols()).step_by(VOXELS_PER_BLOCK) {
            check(self.stop)?;
            let targets = self.targets(start, VOXELS_PER_BLOCK);
            let model = ridge::fit(&layer.inputs, targets)?;
            writer.append(start, model.selected, model.weights, &model.bias)?;
        }
        writer.finish(self, &layer.scale, n_selected)
    }

    fn gram_layer(&self, units: &mut Units) -> Result<GramLayer> {
        let mut x = Array2::zeros((self.rows.len(), units.n_units()));
        let take = |first: usize, block: Array2<f64>| {
            let columns = first..first + block.ncols();
            x.slice_mut(s![.., columns]).assign(&block);
        };
        let scale = each_block(units, self.rows, self.behaviour, self.stop, take)?;
        Ok(GramLayer {
            folder: units.folder.clone(),
            rows: self.rows.to_vec(),
            counts: self.roi.counts.clone(),
            inputs: Inputs::weighted(x.view(), &self.roi.counts, &self.params),
            scale,
        })
    }

    fn wide(&mut self, units: &mut Units, gathered: u64) -> Result<Encoder> {
        let (roi, n_wanted) = (self.roi, self.params.n_selected);
        let mut search = wide::Search::new(roi.targets.view(), &roi.counts, n_wanted);
        let take = |first: usize, block: Array2<f64>| search.offer(first, block.view());
        let scale = each_block(units, self.rows, self.behaviour, self.stop, take)?;
        let selected = search.finish();
        let n_selected = selected.ncols();
        let mut writer = self.writer(&scale, n_selected, &units.folder)?;
        let per_voxel = bytes(&[(self.rows.len(), n_selected.max(1))]);
        let n_batch = usize::try_from(gathered / per_voxel).unwrap_or(usize::MAX);
        let n_batch = n_batch.clamp(1, roi.targets.ncols());
        for start in (0..roi.targets.ncols()).step_by(n_batch) {
            let batch = selected.slice(s![start.., ..]);
            let batch = batch.slice_move(s![..n_batch.min(batch.nrows()), ..]);
            let wanted = union(batch);
            let x = gather(units, &wanted, self.rows, &scale, self.stop)?;
            let gathered = wide::Gathered::new(&wanted, x, &roi.counts);
            for (step, selected) in batch.axis_chunks_iter(Axis(0), VOXELS_PER_STEP).enumerate() {
                check(self.stop)?;
                let first = start + step * VOXELS_PER_STEP;
                let targets = self.targets(first, selected.nrows());
                let found = gathered.fit(selected, targets, self.params.alpha)?;
                writer.append(first, selected.to_owned(), found.weights, &found.bias)?;
            }
        }
        writer.finish(self, &scale, n_selected)
    }

    fn targets(&self, start: usize, length: usize) -> ArrayView2<'_, f64> {
        let end = self.roi.targets.ncols().min(start + length);
        self.roi.targets.slice(s![.., start..end])
    }

    fn writer(&self, scale: &Scale, n_selected: usize, features: &Path) -> Result<Writer> {
        let (n_units, n_voxels) = (scale.mean.len(), self.roi.targets.ncols());
        if scale.n_unusable() == n_units {
            return Err(Error::file(
                features,
                "has no unit that varies over the training images",
                "extract the layer again, or leave it out of the settings",
            ));
        }
        let poisoned = self.behaviour == Behaviour::Compat && scale.n_unusable() > 0;
        let per_voxel = if poisoned { n_units } else { n_selected };
        let path = self.folder.join("W.mat");
        let undefined = match self.behaviour {
            Behaviour::Corrected => Vec::new(),
            Behaviour::Compat => self.roi.scale.usable.iter().map(|usable| !usable).collect(),
        };
        Ok(Writer {
            weights: WeightsWriter::create(path, n_units, &[n_voxels], per_voxel * n_voxels)?,
            bias: Vec::with_capacity(n_voxels),
            n_units,
            poisoned,
            undefined,
        })
    }
}

/// Units that any of some voxels has selected, ascending.
fn union(selected: ArrayView2<u32>) -> Vec<u32> {
    let mut all: Vec<u32> = selected.iter().copied().collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// An encoder's files while weights come in.
struct Writer {
    weights: WeightsWriter,
    bias: Vec<f32>,
    n_units: usize,
    /// [`Behaviour::Compat`]: a constant unit makes every weight NaN (`docs/compared.md` B8).
    poisoned: bool,
    /// [`Behaviour::Compat`]: voxels whose weights are NaN.
    undefined: Vec<bool>,
}

impl Writer {
    /// Weights of the voxels from `start` on, `(n, n_selected)` each, and their bias.
    fn append(
        &mut self,
        start: usize,
        selected: Array2<u32>,
        mut weights: Array2<f64>,
        bias: &[f64],
    ) -> Result<()> {
        let mut bias: Vec<f32> = bias.iter().map(|bias| *bias as f32).collect();
        for (place, bias) in bias.iter_mut().enumerate() {
            if self.undefined.get(start + place).copied().unwrap_or(false) {
                weights.row_mut(place).fill(f64::NAN);
                *bias = f32::NAN;
            }
        }
        let (n_voxels, n_selected) = selected.dim();
        if self.poisoned {
            bias.fill(f32::NAN);
            let all: Vec<u32> = (0..self.n_units as u32).collect();
            let weights = vec![f32::NAN; self.n_units];
            for voxel in start..start + n_voxels {
                self.weights.append(voxel, &all, &weights, self.n_units)?;
            }
        } else {
            let weights: Vec<f32> = weights.iter().map(|weight| *weight as f32).collect();
            let selected: Vec<u32> = selected.iter().copied().collect();
            self.weights
                .append(start, &selected, &weights, n_selected)?;
        }
        self.bias.extend(bias);
        Ok(())
    }

    /// All files of the encoder.
    fn finish(self, fit: &Fit, scale: &Scale, n_selected: usize) -> Result<Encoder> {
        let voxels = &fit.roi.scale;
        let mut files = Batch::new();
        files.add_staged(self.weights.finish()?);
        let (unit_shape, voxel_shape) = ([1, self.n_units], [1, self.bias.len()]);
        let to_f32 = |values: &[f64]| -> Vec<f32> { values.iter().map(|v| *v as f32).collect() };
        let arrays: [(&str, &[usize], Vec<f32>); 5] = [
            ("b", &voxel_shape, self.bias),
            ("x_mean", &unit_shape, to_f32(&scale.mean)),
            ("x_norm", &unit_shape, to_f32(&scale.norm)),
            ("y_mean", &voxel_shape, to_f32(&voxels.mean)),
            ("y_norm", &voxel_shape, to_f32(&voxels.norm)),
        ];
        for (name, shape, values) in arrays {
            let bytes = mat::encode_f32(name, shape, &values);
            files.add(fit.folder.join(format!("{name}.mat")), &bytes)?;
        }
        Ok(Encoder {
            files,
            n_units: self.n_units,
            n_selected,
            n_constant: scale.n_unusable(),
            n_coarse: scale.n_coarse(),
            poisoned: self.poisoned,
        })
    }
}

impl Encoder {
    fn artifact(self, roi: &TrainingRoi, rows: &[usize], disagreement: Option<String>) -> Artifact {
        let mut notes: Vec<String> = disagreement.into_iter().collect();
        let n_constant = self.n_constant;
        if n_constant > 0 {
            let fate = if self.poisoned {
                "every weight is NaN"
            } else {
                "left out"
            };
            notes.push(format!("{n_constant} constant or undefined units: {fate}"));
        }
        notes.extend(coarse_note(self.n_coarse));
        let n_undefined = roi.scale.n_unusable();
        if n_undefined > 0 {
            notes.push(format!(
                "{n_undefined} constant or undefined voxels have no encoder"
            ));
        }
        let result = json!({
            "n_samples": roi.counts.iter().sum::<f64>(),
            "n_images": rows.len(),
            "n_units": self.n_units,
            "n_selected": self.n_selected,
            "n_voxels": roi.targets.ncols(),
            "n_constant_units": n_constant,
            "n_undefined_voxels": n_undefined,
        });
        Artifact {
            obsolete: Vec::new(),
            files: self.files,
            result,
            notes,
        }
    }
}
