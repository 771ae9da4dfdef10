//! A trained decoder on disk: ours, or one that the original wrote (dense, sparse or in chunks).
//!
//! ```text
//! model/W.mat            W, n_voxels × unit shape; dense, or bdpy's sparse struct
//! model/W/00000000.mat   the same in chunks along one axis of the layer (bdpy `chunk_axis`)
//! model/b.mat            b, 1 × unit shape (or in chunks, as W)
//! model/{x_mean,x_norm}.mat   1 × n_voxels
//! model/{y_mean,y_norm}.mat   1 × unit shape
//! ```
//!
//! `z = (x − x_mean) / x_norm`, prediction = `(z W + b) · y_norm + y_mean`.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use ndarray::{Array2, ArrayView2};

use super::memory::Memory;
use super::units::UNITS_PER_BLOCK;
use crate::error::{Error, Result};
use crate::io::mat::{self, Array};
use crate::ridge::linalg;

/// Weights that are loaded at a time where a part of the file can be read without the rest.
const PIECE: u64 = 64 << 20;

/// The part of the memory bound that weights may take.
const SHARE: u64 = 5;

/// A decoder with the weights of all units or of some.
#[derive(Debug)]
pub struct Decoder {
    /// Shape of the layer it decodes.
    pub unit_shape: Vec<usize>,
    /// Weights of the units that are loaded, `(range.len(), n_voxels)`.
    pub weights: Array2<f32>,
    /// Units that are loaded, in column-major order of their shape.
    pub range: Range<usize>,
    folder: PathBuf,
    /// Units that are loaded at a time.
    portion: usize,
    /// Bias in units of the standardised target, `(n_units,)`.
    pub bias: Vec<f32>,
    /// Mean and deviation of voxels, `(n_voxels,)` each.
    pub voxel_mean: Vec<f32>,
    /// Deviation of voxels.
    pub voxel_norm: Vec<f32>,
    /// Mean of units, `(n_units,)`.
    pub unit_mean: Vec<f32>,
    /// Deviation of units, `(n_units,)`.
    pub unit_norm: Vec<f32>,
}

/// The normalisation files, in the order in which they are written.
pub const NORMALISATION: [&str; 4] = ["x_mean", "x_norm", "y_mean", "y_norm"];

impl Decoder {
    /// Reads a decoder's folder with the weights of all units.
    pub fn read(folder: &Path) -> Result<Decoder> {
        let mut decoder = Decoder::without_weights(folder)?;
        decoder.seek(0)?;
        Ok(decoder)
    }

    /// Reads a decoder's folder with the weights of the first units: as many whole blocks as a share of
    /// the bound allows.
    pub fn open(folder: &Path, memory: Memory) -> Result<Decoder> {
        let mut decoder = Decoder::without_weights(folder)?;
        decoder.portion = decoder.portion_within(memory)?;
        decoder.seek(0)?;
        Ok(decoder)
    }

    fn without_weights(folder: &Path) -> Result<Decoder> {
        if !folder.exists() {
            return Err(Error::file(
                folder,
                "there is no such folder: this item has no decoder",
                "run `bhscore decode-train` for it first",
            ));
        }
        let [voxel_mean, voxel_norm, unit_mean, unit_norm] =
            NORMALISATION.map(|name| mat::read_f32(&folder.join(format!("{name}.mat")), name));
        let (unit_mean, unit_norm) = (unit_mean?, unit_norm?);
        let full_shape = unit_mean.shape.clone();
        let bias = read_whole_or_chunks(folder, "b", &full_shape)?;
        Ok(Decoder {
            unit_shape: full_shape.get(1..).unwrap_or_default().to_vec(),
            weights: Array2::zeros((0, 0)),
            range: 0..0,
            folder: folder.to_owned(),
            portion: usize::MAX,
            bias: bias.values,
            voxel_mean: voxel_mean?.values,
            voxel_norm: voxel_norm?.values,
            unit_mean: unit_mean.values,
            unit_norm: unit_norm.values,
        })
    }

    /// Units that are loaded at a time.
    fn portion_within(&self, memory: Memory) -> Result<usize> {
        let per_unit = (self.n_voxels() * size_of::<f32>()).max(1) as u64;
        let (all, share) = (per_unit * self.unit_mean.len() as u64, memory.bytes / SHARE);
        if all <= share.min(PIECE) {
            return Ok(usize::MAX);
        }
        let file = self.folder.join("W.mat");
        let name = || format!("decoder `{}`", self.folder.display());
        if !file.exists() {
            memory.require(2 * all, name(), "joining its chunks")?;
            return Ok(usize::MAX);
        }
        let variables = mat::variables(&file)?;
        let is_sparse = |variable: &mat::Variable| variable.class == "sparse array";
        let bytes = if variables.iter().any(is_sparse) {
            // Every reading takes all indices and values.
            let metadata = fs::metadata(&file).map_err(Error::io("read", &file))?;
            memory.require(metadata.len() / 2 * 3, name(), "its sparse weights")?;
            share
        } else {
            share.min(PIECE)
        };
        let blocks = (bytes / (per_unit * UNITS_PER_BLOCK as u64)).max(1);
        Ok(blocks as usize * UNITS_PER_BLOCK)
    }

    /// Loads the weights of the portion that starts at unit `start`, unless they are there.
    pub fn seek(&mut self, start: usize) -> Result<()> {
        let range = start..self.unit_mean.len().min(start.saturating_add(self.portion));
        if self.range == range {
            return Ok(());
        }
        // The old portion is given back before the new one is read.
        (self.weights, self.range) = (Array2::zeros((0, 0)), 0..0);
        let file = self.folder.join("W.mat");
        let n_voxels = self.n_voxels();
        let values = if range.len() == self.unit_mean.len() {
            let full_shape: Vec<usize> = [&[1], &self.unit_shape[..]].concat();
            let weights = read_whole_or_chunks(&self.folder, "W", &full_shape)?;
            self.check(&weights.shape)?;
            weights.values
        } else {
            self.check(&mat::shape(&file, "W")?)?;
            let elements = range.start * n_voxels..range.end * n_voxels;
            mat::read_range(&file, "W", elements)?.1
        };
        // Voxels run fastest on disk, so the values of one unit lie together.
        let n_values = values.len();
        self.weights = Array2::from_shape_vec((range.len(), n_voxels), values).map_err(|_| {
            Error::file(
                &file,
                format!("`W` has {n_values} values where {n_voxels} a unit are expected"),
                "train it again with `--force`",
            )
        })?;
        self.range = range;
        Ok(())
    }

    /// Compares the lengths of everything with the shape of the weights, `(n_voxels, *unit_shape)`.
    fn check(&self, shape: &[usize]) -> Result<()> {
        let n_voxels = shape.first().copied().unwrap_or(0);
        // A header may claim more than there can be.
        let axes = shape.iter().skip(1);
        let n_units = axes.fold(1usize, |n, &axis| n.saturating_mul(axis));
        let lengths = [
            ("b", self.bias.len(), n_units),
            ("x_mean", self.voxel_mean.len(), n_voxels),
            ("x_norm", self.voxel_norm.len(), n_voxels),
            ("y_mean", self.unit_mean.len(), n_units),
            ("y_norm", self.unit_norm.len(), n_units),
        ];
        for (name, found, expected) in lengths {
            if found != expected {
                return Err(Error::file(
                    self.folder.join(format!("{name}.mat")),
                    format!("has {found} values, `W` wants {expected}"),
                    "train it again with `--force`",
                ));
            }
        }
        Ok(())
    }

    /// Voxels that the decoder expects.
    pub fn n_voxels(&self) -> usize {
        self.voxel_mean.len()
    }

    /// Standardises patterns as the decoder wants them, `(n_stimuli, n_voxels)`.
    pub fn standardise(&self, patterns: ArrayView2<f64>) -> Array2<f64> {
        Array2::from_shape_fn(patterns.dim(), |(stimulus, voxel)| {
            let mean = f64::from(self.voxel_mean[voxel]);
            (patterns[[stimulus, voxel]] - mean) / f64::from(self.voxel_norm[voxel])
        })
    }

    /// Sets voxels to 0 that none of some loaded units uses, so that a voxel that was constant in
    /// training cannot spoil a prediction.
    pub fn without_unused(&self, patterns: ArrayView2<f64>, units: Range<usize>) -> Array2<f64> {
        let mut used = vec![false; self.n_voxels()];
        for row in self.loaded(units).rows() {
            used.iter_mut()
                .zip(row)
                .for_each(|(used, weight)| *used |= *weight != 0.0);
        }
        let mut patterns = patterns.to_owned();
        for (voxel, _) in used.iter().enumerate().filter(|(_, used)| !**used) {
            patterns.column_mut(voxel).fill(0.0);
        }
        patterns
    }

    /// Weights of some units that are loaded.
    fn loaded(&self, units: Range<usize>) -> ArrayView2<'_, f32> {
        let first = self.range.start;
        let rows = units.start - first..units.end - first;
        self.weights.slice(ndarray::s![rows, ..])
    }

    /// Predicted activations of some units that are loaded, `(n_stimuli, units.len())`, from standardised patterns.
    pub fn predict(&self, patterns: ArrayView2<f64>, units: Range<usize>) -> Array2<f64> {
        let weights = self.loaded(units.clone()).mapv(f64::from);
        let mut predicted = linalg::product_transpose(patterns, weights.view());
        for mut row in predicted.rows_mut() {
            for (value, unit) in row.iter_mut().zip(units.clone()) {
                let scaled =
                    (*value + f64::from(self.bias[unit])) * f64::from(self.unit_norm[unit]);
                *value = scaled + f64::from(self.unit_mean[unit]);
            }
        }
        predicted
    }
}

fn read_whole_or_chunks(folder: &Path, name: &str, full_shape: &[usize]) -> Result<Array<f32>> {
    let whole = folder.join(format!("{name}.mat"));
    let chunks = folder.join(name);
    if whole.exists() || !chunks.is_dir() {
        return mat::read_f32(&whole, name);
    }
    let mut files: Vec<PathBuf> = fs::read_dir(&chunks)
        .map_err(Error::io("list", &chunks))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "mat"))
        .collect();
    files.sort();
    let parts: Vec<Array<f32>> = files
        .iter()
        .map(|path| mat::read_f32(path, name))
        .collect::<Result<_>>()?;
    join(&parts, full_shape).ok_or_else(|| {
        Error::file(
            &chunks,
            format!(
                "holds {} chunks that do not add up to a layer of {full_shape:?}",
                parts.len()
            ),
            "complete the chunks, or train it again with `--force`",
        )
    })
}

/// Joins chunks along the one axis that makes them as long as the layer.
fn join(parts: &[Array<f32>], full_shape: &[usize]) -> Option<Array<f32>> {
    let first = parts.first()?;
    let same = parts.iter().all(|part| part.shape == first.shape);
    if full_shape.is_empty() || first.shape.len() != full_shape.len() || !same {
        return None;
    }
    let mut shape = full_shape.to_vec();
    shape[0] = first.shape[0];
    let fits = |axis: &usize| {
        (1..shape.len()).all(|other| {
            let expected = if other == *axis { parts.len() } else { 1 } * first.shape[other];
            shape[other] == expected
        })
    };
    let axis = (1..shape.len()).find(fits)?;
    // Column-major: values of one chunk stay together up to and including the joined axis.
    let run: usize = first.shape[..=axis].iter().product();
    let runs: usize = first.shape[axis + 1..].iter().product();
    let mut values = Vec::with_capacity(shape.iter().product());
    for index in 0..runs {
        for part in parts {
            values.extend_from_slice(&part.values[index * run..(index + 1) * run]);
        }
    }
    Some(Array { shape, values })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_join_along_the_axis_that_fits() {
        // Two voxels, layer 2 × 3 in two chunks of 1 × 3, column-major.
        let chunk = |row: usize| Array {
            shape: vec![2, 1, 3],
            values: (0..3)
                .flat_map(|c| (0..2).map(move |v| (100 * v + 10 * row + c) as f32))
                .collect(),
        };
        let joined = join(&[chunk(0), chunk(1)], &[1, 2, 3]).unwrap();
        assert_eq!(joined.shape, [2, 2, 3]);
        for (voxel, row, column) in [(0, 0, 0), (1, 1, 2), (0, 1, 1)] {
            let at = voxel + 2 * (row + 2 * column);
            assert_eq!(joined.values[at], (100 * voxel + 10 * row + column) as f32);
        }
        assert_eq!(join(&[chunk(0)], &[1, 2, 3]), None);
        let scalar = Array {
            shape: Vec::new(),
            values: vec![1.0],
        };
        assert_eq!(join(&[scalar], &[]), None);
    }
}
