//! bdpy's sparse arrays.
//!
//! A group with the members `__bdpy_sparse_arrray` (so spelled), `background` (scalar), `value`
//! (`n_nonzero` values), `index` and `shape`. The last two are either cells, that is arrays of
//! references to one dataset per axis, or plain arrays (`n_axes × n_nonzero` and `n_axes`).

use std::ops::Range;

use super::{Dense, Source};
use crate::error::{Error, Result};
use crate::io::hdf5::{Group, MAX_EXPANSION};
use crate::io::mat::problem::COPY_AGAIN;
use crate::io::mat::{Array, Numeric, n_elements};

/// Member that marks a sparse array.
pub(in crate::io) const MARKER: &str = "__bdpy_sparse_arrray";
/// Largest sparse array that is filled in: beyond 200,704 units × 40,000 voxels.
const MAX_ELEMENTS: usize = 1 << 33;
/// What may always be filled in: 512 MiB, a silent layer of 1,600 units × 40,000 voxels for instance.
const SMALL: u64 = 1 << 26;

/// A sparse array whose indices have been checked.
pub(super) struct Sparse {
    shape: Vec<usize>,
    background: f64,
    /// Column-major position of each value.
    positions: Vec<usize>,
    values: Numeric,
}

impl Sparse {
    pub fn read<'a>(source: &'a Source, group: &Group<'a>, name: &'a str) -> Result<Sparse> {
        let damaged = |problem: &str| {
            let problem = format!("the sparse array `{name}` {problem}");
            Error::file(source.0.path(), problem, COPY_AGAIN)
        };
        let shape = Self::read_shape(source, group, name)?;
        // A decoder keeps 1 of 80 weights, in some 12 bytes of the file before compression.
        let most = SMALL.saturating_add(source.0.length().saturating_mul(MAX_EXPANSION));
        let fits = |n: usize| n <= MAX_ELEMENTS && n as u64 <= most;
        if !n_elements(&shape).is_some_and(fits) {
            return Err(damaged("has an impossible shape"));
        }
        let values = source.member(group, "value", name)?.read()?;
        let background = source
            .member(group, "background", name)?
            .read()?
            .into_f64()
            .values;
        let background = *background
            .first()
            .ok_or_else(|| damaged("has no background"))?;
        let columns = columns(source, group, "index", name)?;
        let n_values = match &values {
            Numeric::F32(array) => array.values.len(),
            Numeric::F64(array) => array.values.len(),
        };
        if columns.len() != shape.len() || columns.iter().any(|column| column.len() != n_values) {
            return Err(damaged("has indices that do not fit its values"));
        }
        let mut positions = vec![0; n_values];
        let mut stride = 1;
        for (column, &length) in columns.iter().zip(&shape) {
            for (position, &index) in positions.iter_mut().zip(column) {
                *position += stride * source.index(index, length, name)?;
            }
            stride *= length;
        }
        Ok(Sparse {
            shape,
            background,
            positions,
            values,
        })
    }

    pub fn read_shape<'a>(
        source: &'a Source,
        group: &Group<'a>,
        name: &'a str,
    ) -> Result<Vec<usize>> {
        let lengths = columns(source, group, "shape", name)?.into_iter().flatten();
        lengths
            .map(|length| source.index(length, usize::MAX, name))
            .collect()
    }

    pub fn n_elements(&self) -> usize {
        self.shape.iter().product()
    }

    pub fn into_shape(self) -> Vec<usize> {
        self.shape
    }

    /// The whole array.
    pub fn fill(self) -> Numeric {
        let all = 0..self.n_elements();
        let Sparse {
            shape,
            background,
            positions,
            values,
        } = self;
        match values {
            Numeric::F32(array) => {
                let values = fill(background as f32, &positions, &array.values, all);
                Numeric::F32(Array { shape, values })
            }
            Numeric::F64(array) => {
                let values = fill(background, &positions, &array.values, all);
                Numeric::F64(Array { shape, values })
            }
        }
    }

    /// The elements `range` in column-major order, as single.
    pub fn fill_range(&self, range: Range<usize>) -> Vec<f32> {
        match &self.values {
            Numeric::F32(array) => fill(
                self.background as f32,
                &self.positions,
                &array.values,
                range,
            ),
            Numeric::F64(array) => fill(self.background, &self.positions, &array.values, range)
                .into_iter()
                .map(|value| value as f32)
                .collect(),
        }
    }
}

fn fill<T: Copy>(background: T, positions: &[usize], values: &[T], range: Range<usize>) -> Vec<T> {
    let mut dense = vec![background; range.len()];
    for (position, value) in positions.iter().zip(values) {
        if range.contains(position) {
            dense[position - range.start] = *value;
        }
    }
    dense
}

/// `index` or `shape` of a sparse array: one column per axis (`shape`: of one value, or one column).
fn columns<'a>(
    source: &'a Source,
    group: &Group<'a>,
    member: &str,
    name: &'a str,
) -> Result<Vec<Vec<f64>>> {
    let dense = source.member(group, member, name)?;
    let Some(cells) = dense.cells()? else {
        let array = dense.read()?.into_f64();
        return Ok(match array.shape[..] {
            // Column-major: the indices of one value lie together.
            [n_axes, n_values] if member == "index" => (0..n_axes)
                .map(|axis| {
                    (0..n_values)
                        .map(|i| array.values[i * n_axes + axis])
                        .collect()
                })
                .collect(),
            _ => vec![array.values],
        });
    };
    let column = |cell: Dense<'_>| Ok(cell.read()?.into_f64().values);
    cells.into_iter().map(column).collect()
}
