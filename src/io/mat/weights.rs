//! Decoder weights as v7.3 files: dense, or in bdpy's sparse form where that is smaller.
//!
//! Weights have the shape `(n_voxels, *unit_shape)`. In the dense form each unit's `n_voxels`
//! weights lie together and units follow in column-major order.
//!
//! The sparse form is a struct with `index` and `shape` (cells with one array per axis), `value`,
//! `background` and the marker. bdpy lists the values with the last axis fastest; here they come unit
//! by unit, first axis fastest, which its reader does not notice.

use std::path::Path;

use super::array::n_elements;
use super::encode::{Class, Kind, bytes, dataset};
use crate::error::{Error, Result};
use crate::io::atomic::Staged;

use crate::io::hdf5_image::{Attribute, Data, Group, Image, UserBlock, encode};
use crate::io::mat_v73::SPARSE_MARKER;

/// Name of the weights in a decoder's `W.mat`.
const WEIGHTS: &str = "W";
/// Where the references of a cell point.
const REFERENCES: &str = "#refs#";
/// Weights are put together in pieces of at most this many bytes before they are written.
const PIECE: usize = 8 << 20;

/// Encodes weights, dense or sparse, whichever is smaller.
///
/// - `shape`: `(n_voxels, *unit_shape)`.
/// - `values`: column-major, voxels fastest.
///
/// # Panics
///
/// If the number of values is not that of the shape.
#[must_use]
pub fn encode_weights(variable: &str, shape: &[usize], values: &[f32]) -> Vec<u8> {
    // NaN is not equal to zero, so it counts as non-zero, as in bdpy.
    let n_nonzero = values.iter().filter(|&&value| value != 0.0).count();
    if n_nonzero == 0 || !is_sparse_smaller(shape, n_nonzero) {
        return super::encode_f32(variable, shape, values);
    }
    assert_eq!(
        n_elements(shape),
        Some(values.len()),
        "values and shape disagree"
    );
    let image = sparse_image(variable, shape, n_nonzero);
    let mut file = image.bytes;
    file.resize(image.total_len as usize, 0);
    let places = Places::new(&image.holes, shape.len());
    let nonzero = || {
        values
            .iter()
            .enumerate()
            .filter(|(_, value)| **value != 0.0)
    };
    for (axis, offset) in places.index.iter().enumerate() {
        let stride: usize = shape[..axis].iter().product();
        let index = nonzero().map(|(at, _)| ((at / stride) % shape[axis]) as i64);
        put(
            &mut file,
            *offset,
            &bytes(&index.collect::<Vec<_>>(), i64::to_le_bytes),
        );
    }
    let nonzero: Vec<f32> = nonzero().map(|(_, value)| *value).collect();
    put(&mut file, places.value, &bytes(&nonzero, f32::to_le_bytes));
    file
}

fn put(file: &mut [u8], offset: u64, bytes: &[u8]) {
    let start = offset as usize;
    file[start..start + bytes.len()].copy_from_slice(bytes);
}

/// Bytes per stored value: an index per axis and the value.
fn is_sparse_smaller(shape: &[usize], n_nonzero: usize) -> bool {
    /// Metadata of the sparse form beyond those of the dense form.
    const OVERHEAD: usize = 16 * 1024;
    let dense = n_elements(shape)
        .and_then(|n| n.checked_mul(4))
        .unwrap_or(usize::MAX);
    let sparse = n_nonzero
        .saturating_mul(8 * shape.len() + 4)
        .saturating_add(OVERHEAD);
    sparse < dense
}

/// Where the index of each axis and the values begin in a sparse file.
struct Places {
    index: Vec<u64>,
    value: u64,
}

impl Places {
    /// `#refs#` stands before `W` in the walk of the tree, so the indices are the first holes.
    fn new(holes: &[(u64, u64)], n_axes: usize) -> Self {
        let offsets: Vec<u64> = holes.iter().map(|(offset, _)| *offset).collect();
        Places {
            index: offsets[..n_axes].to_vec(),
            value: offsets[n_axes],
        }
    }
}

/// A sparse file with holes for the indices and the values; `n_nonzero` is not 0.
fn sparse_image(variable: &str, shape: &[usize], n_nonzero: usize) -> Image {
    let references = format!("/{REFERENCES}");
    let path = format!("/{variable}");
    let member = |class, shape: &[usize], kind, group: &str, data| {
        dataset(class, shape, kind, Some(group), data)
    };
    let scalar = |value: usize, group| {
        let data = Data::Bytes((value as i64).to_le_bytes().to_vec());
        member(Class::INT64, &[], Kind::Integer, group, data)
    };
    let mut targets = Group::default();
    let cell = |prefix: &str| {
        let names = (0..shape.len()).map(|axis| format!("{references}/{prefix}{axis:02}"));
        let data = Data::References(names.collect());
        member(Class::CELL, &[shape.len()], Kind::Tuple, &path, data)
    };
    let (index, sizes) = (cell("index"), cell("shape"));
    for (axis, &length) in shape.iter().enumerate() {
        let column = member(
            Class::INT64,
            &[n_nonzero],
            Kind::Array,
            &references,
            Data::Hole,
        );
        targets.insert_dataset(&format!("index{axis:02}"), column);
        targets.insert_dataset(&format!("shape{axis:02}"), scalar(length, &references));
    }
    let mut group = Group::default();
    let marker = Data::Bytes(vec![1]);
    let marker = member(Class::LOGICAL, &[], Kind::Boolean, &path, marker);
    group.insert_dataset(SPARSE_MARKER, marker);
    group.insert_dataset("background", scalar(0, &path));
    group.insert_dataset("index", index);
    group.insert_dataset("shape", sizes);
    let value = member(Class::SINGLE, &[n_nonzero], Kind::Array, &path, Data::Hole);
    group.insert_dataset("value", value);
    group.attributes = struct_attributes(group.members.keys().cloned().collect());
    let mut root = Group::default();
    root.insert_group(REFERENCES, targets);
    root.insert_group(variable, group);
    encode(&root, UserBlock::Matlab)
}

/// Attributes of a struct that hdf5storage gives back as a `dict`.
fn struct_attributes(fields: Vec<String>) -> Vec<(String, Attribute)> {
    let key_types = "t".repeat(fields.len());
    let attributes = [
        ("MATLAB_class", Attribute::text("struct")),
        ("MATLAB_fields", Attribute::Characters(fields.clone())),
        ("Python.Type", Attribute::text("dict")),
        ("Python.Fields", Attribute::Texts(fields)),
        ("Python.dict.StoredAs", Attribute::text("individually")),
        ("Python.dict.key_str_types", Attribute::Text(key_types)),
    ];
    attributes
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// Writes a decoder's `W.mat` unit by unit, without holding all weights in memory.
///
/// Dense or sparse is chosen from the number of weights, before the first is known.
#[derive(Debug)]
pub struct WeightsWriter {
    staged: Staged,
    n_voxels: usize,
    unit_shape: Vec<usize>,
    n_units: usize,
    n_nonzero: usize,
    n_written: usize,
    form: Form,
}

#[derive(Debug)]
enum Form {
    /// Where the weights begin.
    Dense { offset: u64 },
    /// Where the index of each axis and the values begin.
    Sparse { index: Vec<u64>, value: u64 },
}

impl WeightsWriter {
    /// Starts the file that will become `path`.
    ///
    /// - `n_voxels`: first axis of the weights.
    /// - `unit_shape`: the other axes.
    /// - `n_nonzero`: how many weights [`Self::append`] will be given in all.
    ///
    /// # Errors
    ///
    /// If the file cannot be created, or there are no voxels or units.
    pub fn create(
        path: impl AsRef<Path>,
        n_voxels: usize,
        unit_shape: &[usize],
        n_nonzero: usize,
    ) -> Result<Self> {
        let path = path.as_ref();
        let mut shape = vec![n_voxels];
        shape.extend_from_slice(unit_shape);
        let n_units = match n_elements(&shape) {
            Some(n_weights) if n_weights > 0 => n_weights / n_voxels,
            _ => {
                let problem = format!("weights of shape {shape:?} cannot be written");
                return Err(Error::file(
                    path,
                    problem,
                    "check the voxel selection and the layer",
                ));
            }
        };
        let is_sparse = n_nonzero > 0 && is_sparse_smaller(&shape, n_nonzero);
        let (image, form) = if is_sparse {
            let image = sparse_image(WEIGHTS, &shape, n_nonzero);
            let Places { index, value } = Places::new(&image.holes, shape.len());
            (image, Form::Sparse { index, value })
        } else {
            let mut root = Group::default();
            let dataset = dataset(Class::SINGLE, &shape, Kind::Array, None, Data::Hole);
            root.insert_dataset(WEIGHTS, dataset);
            let image = encode(&root, UserBlock::Matlab);
            let offset = image.holes[0].0;
            (image, Form::Dense { offset })
        };
        let mut staged = Staged::create(path)?;
        staged.write_at(0, &image.bytes)?;
        // What is not written later reads as zero.
        staged.set_len(image.total_len)?;
        let unit_shape = unit_shape.to_vec();
        Ok(WeightsWriter {
            staged,
            n_voxels,
            unit_shape,
            n_units,
            n_nonzero,
            n_written: 0,
            form,
        })
    }

    /// Writes a run of units that follow each other in column-major order of the unit shape.
    ///
    /// - `first_unit`: position of the first of them; runs may come in any order, each unit once.
    /// - `selected`: voxels of each unit, ascending, `(n_run, n_per_unit)`, row after row.
    /// - `weights`: their weights, likewise.
    ///
    /// # Errors
    ///
    /// If the disk is full, or the run does not fit the shape or `n_nonzero`.
    pub fn append(
        &mut self,
        first_unit: usize,
        selected: &[u32],
        weights: &[f32],
        n_per_unit: usize,
    ) -> Result<()> {
        let n_run = selected.len().checked_div(n_per_unit).unwrap_or(0);
        let fits = selected.len() == weights.len()
            && selected.len() == n_run * n_per_unit
            && first_unit + n_run <= self.n_units
            && self.n_written + weights.len() <= self.n_nonzero
            && selected
                .iter()
                .all(|&voxel| (voxel as usize) < self.n_voxels);
        if !fits {
            let problem = format!("the weights of unit {first_unit} and after do not fit");
            return Err(Error::file(
                self.staged.path(),
                problem,
                "this is a defect of bhscore, report it",
            ));
        }
        if weights.is_empty() {
            return Ok(());
        }
        match &self.form {
            Form::Dense { offset } => {
                let offset = *offset;
                self.append_dense(offset, first_unit, selected, weights, n_per_unit)?;
            }
            Form::Sparse { index, value } => {
                let (index, value) = (index.clone(), *value);
                let done = self.n_written as u64;
                self.staged
                    .write_at(value + 4 * done, &bytes(weights, f32::to_le_bytes))?;
                let voxels = bytes(selected, |voxel| i64::from(voxel).to_le_bytes());
                self.staged.write_at(index[0] + 8 * done, &voxels)?;
                let mut stride = 1;
                for (offset, &length) in index[1..].iter().zip(&self.unit_shape) {
                    let position = |unit: usize| ((unit / stride) % length) as i64;
                    let units = (0..weights.len()).map(|at| position(first_unit + at / n_per_unit));
                    let units = bytes(&units.collect::<Vec<_>>(), i64::to_le_bytes);
                    self.staged.write_at(offset + 8 * done, &units)?;
                    stride *= length;
                }
            }
        }
        self.n_written += weights.len();
        Ok(())
    }

    fn append_dense(
        &mut self,
        offset: u64,
        first_unit: usize,
        selected: &[u32],
        weights: &[f32],
        n_per_unit: usize,
    ) -> Result<()> {
        let unit_size = 4 * self.n_voxels;
        let n_piece = (PIECE / unit_size).max(1);
        let mut piece = Vec::new();
        let runs = selected
            .chunks(n_piece * n_per_unit)
            .zip(weights.chunks(n_piece * n_per_unit));
        for (run, (selected, weights)) in runs.enumerate() {
            piece.clear();
            piece.resize(selected.len() / n_per_unit * unit_size, 0);
            for (at, (&voxel, weight)) in selected.iter().zip(weights).enumerate() {
                let start = at / n_per_unit * unit_size + 4 * voxel as usize;
                piece[start..start + 4].copy_from_slice(&weight.to_le_bytes());
            }
            let unit = (first_unit + run * n_piece) as u64;
            self.staged
                .write_at(offset + unit * unit_size as u64, &piece)?;
        }
        Ok(())
    }

    /// The finished file, to be published in a batch.
    ///
    /// # Errors
    ///
    /// If fewer weights were written than announced.
    pub fn finish(self) -> Result<Staged> {
        if self.n_written != self.n_nonzero {
            let problem = format!(
                "{} of {} weights were written",
                self.n_written, self.n_nonzero
            );
            return Err(Error::file(
                self.staged.path(),
                problem,
                "this is a defect of bhscore, report it",
            ));
        }
        Ok(self.staged)
    }
}
