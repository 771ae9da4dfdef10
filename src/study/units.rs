//! One layer's unit activations, image by image.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ndarray::{Array2, ArrayView2, s};

use super::Behaviour;
use super::scale::Scale;
use crate::error::{Error, Result};
use crate::io::features;

/// Units that are fitted together. A constant, so that the cut into blocks (and with it every last
/// bit of a result) depends neither on `--memory` nor on the number of threads.
pub const UNITS_PER_BLOCK: usize = 1024;

/// Where a layer stands of which nothing is loaded.
const NOWHERE: Range<usize> = usize::MAX..usize::MAX;

/// Who is told how many of a layer's files have been read, and of how many.
#[derive(Clone)]
pub struct Reading(Arc<dyn Fn(usize, usize) + Send + Sync>);

impl Reading {
    /// Tells `report` the files read so far and their number; called from any thread.
    pub fn new(report: impl Fn(usize, usize) + Send + Sync + 'static) -> Reading {
        Reading(Arc::new(report))
    }
}

/// Nobody is told.
impl Default for Reading {
    fn default() -> Reading {
        Reading::new(|_, _| ())
    }
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reading")
    }
}

/// Units of one layer, all of them or as many as memory allows at a time.
#[derive(Debug)]
pub struct Units {
    /// Folder of the per-image files.
    pub folder: PathBuf,
    /// Image names in text order.
    pub images: Vec<String>,
    /// Shape of the layer, `units` or `C × H × W`.
    pub shape: Vec<usize>,
    /// Units in column-major order that `values` holds.
    pub range: Range<usize>,
    /// Activations, `(n_images, range.len())`.
    pub values: Array2<f32>,
    /// Units that are loaded at a time, whole blocks.
    portion: usize,
    reading: Reading,
    /// Scales that have been measured, by the first unit of their block: the same for all ROIs.
    scales: HashMap<usize, Arc<Scale>>,
}

impl Units {
    /// Opens a layer; nothing is read before [`Self::seek`].
    pub fn open(folder: &Path, reading: Reading) -> Result<Units> {
        let layer = features::Layer::open(folder)?;
        let shape = layer.unit_shape()?;
        if shape.iter().product::<usize>() == 0 {
            return Err(Error::file(
                folder,
                "holds features without a unit",
                "extract the layer again",
            ));
        }
        Ok(Units {
            folder: folder.to_owned(),
            images: layer.labels().to_vec(),
            shape,
            range: NOWHERE,
            values: Array2::zeros((0, 0)),
            portion: usize::MAX,
            reading,
            scales: HashMap::new(),
        })
    }

    /// Loads no more from now on than as many whole blocks as fit into `bytes`, at least one.
    pub fn limit(&mut self, bytes: u64) {
        let per_block = (self.images.len() * UNITS_PER_BLOCK * size_of::<f32>()) as u64;
        let blocks = usize::try_from(bytes / per_block.max(1)).unwrap_or(usize::MAX);
        self.portion = blocks.max(1).saturating_mul(UNITS_PER_BLOCK);
    }

    /// Units of the whole layer.
    pub fn n_units(&self) -> usize {
        self.shape.iter().product()
    }

    /// Bytes of the whole layer.
    pub fn whole_bytes(&self) -> u64 {
        (self.images.len() * self.n_units() * size_of::<f32>()) as u64
    }

    /// Bytes of the portion that is loaded.
    pub fn bytes(&self) -> u64 {
        (self.values.len() * size_of::<f32>()) as u64
    }

    /// Whether the whole layer is loaded.
    pub fn is_whole(&self) -> bool {
        self.range == (0..self.n_units())
    }

    /// Who is told from now on how reading goes.
    pub fn report_to(&mut self, reading: Reading) {
        self.reading = reading;
    }

    /// Moves to the portion of the same size that starts at `start`; nothing is read when it is
    /// there already. Gives up with [`Error::Interrupted`] when `stop` is set.
    pub fn seek(&mut self, start: usize, stop: &AtomicBool) -> Result<()> {
        if start == self.range.start {
            return Ok(());
        }
        let range = start..self.n_units().min(start.saturating_add(self.portion));
        let layer = features::Layer::open(&self.folder)?;
        self.load(&layer, range, stop)
    }

    fn load(
        &mut self,
        layer: &features::Layer,
        range: Range<usize>,
        stop: &AtomicBool,
    ) -> Result<()> {
        // The old portion is given back before the new one is read; after a failure none is there.
        (self.values, self.range) = (Array2::zeros((0, 0)), NOWHERE);
        let (report, n_files) = (&self.reading.0, layer.labels().len());
        let progress = |n_read| report(n_read, n_files);
        let features = layer.read_unless(stop, Some(range.clone()), &progress)?;
        self.values = features.values;
        self.range = range;
        Ok(())
    }

    /// Activations of some of the units that are loaded, `(n_images, units.len())`.
    pub fn view(&self, units: Range<usize>) -> ArrayView2<'_, f32> {
        let first = self.range.start;
        self.values
            .slice(s![.., units.start - first..units.end - first])
    }

    /// A block of the units that are loaded, standardised over all images, for the stimuli of `rows`.
    ///
    /// The deviation is over images, not over presentations (SPEC 1.3: the two differ by a factor of
    /// .99967 for 1,200 images shown five times). A unit with a value that is not finite is NaN.
    pub fn block(&mut self, units: Range<usize>, rows: &[usize], behaviour: Behaviour) -> Block {
        let scale = self.scale(units.clone(), behaviour);
        Block::new(scale, self.view(units), rows, behaviour)
    }

    /// The scale of a block of the units that are loaded, over all images.
    pub fn scale(&mut self, units: Range<usize>, behaviour: Behaviour) -> Arc<Scale> {
        let start = units.start;
        let known = self.scales.get(&start).cloned();
        let scale = known.unwrap_or_else(|| Arc::new(Scale::measure(self.view(units), behaviour)));
        self.scales.insert(start, Arc::clone(&scale));
        scale
    }
}

/// A block of a layer's units, standardised over its images.
pub struct Block {
    /// Mean and standard deviation over the layer's images, each once.
    pub scale: Arc<Scale>,
    /// Standardised activations in the order of the wanted rows, `(n_rows, n_units)`.
    pub targets: Array2<f64>,
}

impl Block {
    fn new(
        scale: Arc<Scale>,
        activations: ArrayView2<f32>,
        rows: &[usize],
        behaviour: Behaviour,
    ) -> Block {
        let mut targets = scale.apply(activations, rows, behaviour);
        for (unit, usable) in scale.usable.iter().enumerate() {
            if !usable {
                // A constant unit has no correlation with anything: undefined.
                targets.column_mut(unit).fill(f64::NAN);
            }
        }
        Block { scale, targets }
    }
}
