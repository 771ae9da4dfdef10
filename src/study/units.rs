//! One layer's unit activations, image by image.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ndarray::{Array2, ArrayView2, s};

use super::Behaviour;
use super::scale::Scale;
use crate::error::{Error, Result};
use crate::io::features;

/// Units that are fitted together. A constant, so that the cut into blocks (and with it every last
/// bit of a result) depends neither on `--memory` nor on the number of threads.
pub const UNITS_PER_BLOCK: usize = 1024;

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
}

impl Units {
    /// Opens a layer and reads its first portion: as many whole blocks as fit into `bytes`.
    pub fn open(folder: &Path, bytes: u64, reading: Reading) -> Result<Units> {
        let layer = features::Layer::open(folder)?;
        let shape = layer.unit_shape()?;
        let n_units: usize = shape.iter().product();
        if n_units == 0 {
            return Err(Error::file(
                folder,
                "holds features without a unit",
                "extract the layer again",
            ));
        }
        let per_block = (layer.labels().len() * UNITS_PER_BLOCK * size_of::<f32>()) as u64;
        let blocks = (bytes / per_block.max(1)).max(1) as usize;
        let portion = blocks.saturating_mul(UNITS_PER_BLOCK);
        let mut units = Units {
            folder: folder.to_owned(),
            images: layer.labels().to_vec(),
            shape,
            range: 0..0,
            values: Array2::zeros((0, 0)),
            portion,
            reading,
        };
        units.load(&layer, 0..n_units.min(portion))?;
        Ok(units)
    }

    /// Units of the whole layer.
    pub fn n_units(&self) -> usize {
        self.shape.iter().product()
    }

    /// Moves to the portion of the same size that starts at `start`; nothing is read when it is
    /// there already.
    pub fn seek(&mut self, start: usize) -> Result<()> {
        if start == self.range.start {
            return Ok(());
        }
        let range = start..self.n_units().min(start.saturating_add(self.portion));
        let layer = features::Layer::open(&self.folder)?;
        self.load(&layer, range)
    }

    fn load(&mut self, layer: &features::Layer, range: Range<usize>) -> Result<()> {
        // The old portion is given back before the new one is read.
        self.values = Array2::zeros((0, 0));
        let (report, n_files) = (&self.reading.0, layer.labels().len());
        let features = layer.read(Some(range.clone()), &|n_read| report(n_read, n_files))?;
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
}

/// A block of a layer's units, standardised over its images.
pub struct Block {
    /// Mean and standard deviation over the layer's images, each once.
    pub scale: Scale,
    /// Standardised activations in the order of the wanted rows, `(n_rows, n_units)`.
    pub targets: Array2<f64>,
}

impl Block {
    /// Standardises a block over all images and takes the rows of the stimuli that were shown.
    ///
    /// The deviation is over images, not over presentations (SPEC 1.3: the two differ by a factor of
    /// .99967 for 1,200 images shown five times). A unit with a value that is not finite is NaN.
    pub fn standardise(
        activations: ArrayView2<f32>,
        rows: &[usize],
        behaviour: Behaviour,
    ) -> Block {
        let scale = Scale::measure(activations, behaviour);
        let shown = activations.select(ndarray::Axis(0), rows);
        let mut targets = scale.apply(shown.view(), behaviour);
        for (unit, usable) in scale.usable.iter().enumerate() {
            if !usable {
                // A constant unit has no correlation with anything: undefined.
                targets.column_mut(unit).fill(f64::NAN);
            }
        }
        Block { scale, targets }
    }
}
