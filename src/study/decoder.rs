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
use std::path::{Path, PathBuf};

use ndarray::{Array2, ArrayView2};

use crate::error::{Error, Result};
use crate::io::mat::{self, Array};
use crate::ridge::linalg;

/// A decoder in memory.
#[derive(Debug)]
pub struct Decoder {
    /// Shape of the layer it decodes.
    pub unit_shape: Vec<usize>,
    /// Weights, `(n_units, n_voxels)`: units in column-major order of their shape.
    pub weights: Array2<f32>,
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
    /// Reads a decoder's folder.
    pub fn read(folder: &Path) -> Result<Decoder> {
        if !folder.exists() {
            return Err(Error::file(
                folder,
                "does not exist: this item has no decoder",
                "run `bhscore decode-train` for it first",
            ));
        }
        let [voxel_mean, voxel_norm, unit_mean, unit_norm] =
            NORMALISATION.map(|name| mat::read_f32(&folder.join(format!("{name}.mat")), name));
        let (unit_mean, unit_norm) = (unit_mean?, unit_norm?);
        let full_shape = unit_mean.shape.clone();
        let weights = read_whole_or_chunks(folder, "W", &full_shape)?;
        let bias = read_whole_or_chunks(folder, "b", &full_shape)?;
        let decoder = Decoder {
            unit_shape: full_shape[1..].to_vec(),
            weights: unit_rows(&weights, &folder.join("W.mat"))?,
            bias: bias.values,
            voxel_mean: voxel_mean?.values,
            voxel_norm: voxel_norm?.values,
            unit_mean: unit_mean.values,
            unit_norm: unit_norm.values,
        };
        decoder.check(folder)?;
        Ok(decoder)
    }

    fn check(&self, folder: &Path) -> Result<()> {
        let (n_units, n_voxels) = self.weights.dim();
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
                    folder.join(format!("{name}.mat")),
                    format!("has {found} values, `W` wants {expected}"),
                    "train the decoder again (`bhscore decode-train --force`)",
                ));
            }
        }
        Ok(())
    }

    /// Voxels that the decoder expects.
    pub fn n_voxels(&self) -> usize {
        self.weights.ncols()
    }

    /// Standardises patterns as the decoder wants them, `(n_stimuli, n_voxels)`.
    ///
    /// `ignore_unused`: a voxel that no unit uses is set to 0 whatever its value, so that a voxel
    /// that was constant in training cannot spoil a prediction.
    pub fn standardise(&self, patterns: ArrayView2<f64>, ignore_unused: bool) -> Array2<f64> {
        let used: Vec<bool> = if ignore_unused {
            self.used_voxels()
        } else {
            Vec::new()
        };
        Array2::from_shape_fn(patterns.dim(), |(stimulus, voxel)| {
            if ignore_unused && !used[voxel] {
                return 0.0;
            }
            let mean = f64::from(self.voxel_mean[voxel]);
            (patterns[[stimulus, voxel]] - mean) / f64::from(self.voxel_norm[voxel])
        })
    }

    fn used_voxels(&self) -> Vec<bool> {
        let mut used = vec![false; self.n_voxels()];
        for row in self.weights.rows() {
            used.iter_mut()
                .zip(row)
                .for_each(|(used, weight)| *used |= *weight != 0.0);
        }
        used
    }

    /// Predicted activations of some units, `(n_stimuli, units.len())`, from standardised patterns.
    pub fn predict(&self, patterns: ArrayView2<f64>, units: std::ops::Range<usize>) -> Array2<f64> {
        let weights = self
            .weights
            .slice(ndarray::s![units.clone(), ..])
            .mapv(f64::from);
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

/// `(n_voxels, unit shape)` in column-major order holds each unit's weights one after the other...
/// only after a transposition: voxels run fastest, so the values are `(n_units, n_voxels)` row-major.
fn unit_rows(weights: &Array<f32>, path: &Path) -> Result<Array2<f32>> {
    let n_voxels = weights.shape.first().copied().unwrap_or(0);
    let n_units: usize = weights.shape.iter().skip(1).product();
    Array2::from_shape_vec((n_units, n_voxels), weights.values.clone()).map_err(|_| {
        Error::file(
            path,
            format!(
                "`W` has shape {:?} but {} values",
                weights.shape,
                weights.values.len()
            ),
            "train the decoder again (`bhscore decode-train --force`)",
        )
    })
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
            "complete the chunks, or train the decoder again (`bhscore decode-train --force`)",
        )
    })
}

/// Joins chunks along the one axis that makes them as long as the layer.
fn join(parts: &[Array<f32>], full_shape: &[usize]) -> Option<Array<f32>> {
    let first = parts.first()?;
    if first.shape.len() != full_shape.len() || parts.iter().any(|part| part.shape != first.shape) {
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
    }
}
