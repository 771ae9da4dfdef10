//! MATLAB files: the façade over v5, v7.3 and bdpy's sparse form.
//!
//! Which reader is used is decided by the content of a file, never by its name. All arrays are
//! column-major in MATLAB's and NumPy's axis order, so nothing is permuted between file and program.
//!
//! | content | read by |
//! |---|---|
//! | MAT v5, plain or compressed | [`crate::io::mat_v5`] |
//! | MAT v7.3 or HDF5, one array in a plain layout | [`crate::io::hdf5_plain`], in all threads at once |
//! | any other HDF5, sparse arrays | [`crate::io::mat_v73`] |
//!
//! Written is v7.3, dense ([`encode_f32`], [`encode_f64`]) or bdpy-sparse ([`encode_weights`]), and
//! for weights beyond memory unit by unit ([`WeightsWriter`]).

mod array;
mod encode;
pub(in crate::io) mod problem;
mod weights;

use std::ops::Range;
use std::path::Path;

pub use array::{Array, Numeric, Variable};
pub(in crate::io) use array::{Convention, n_elements};
pub use encode::{encode_f32, encode_f32_rows, encode_f64};
pub use weights::{WeightsWriter, encode_weights};

use self::problem::{check_range, missing_variable};
use super::hdf5_plain::{self, Input};
use super::{mat_v5, mat_v73};
use crate::error::{Error, Result};

/// Reads one numeric variable.
///
/// # Errors
///
/// If the file cannot be read, is empty, damaged or of another format, or has no such variable (the
/// error lists those that are there) or one that is not numeric.
pub fn read(path: &Path, variable: &str) -> Result<Numeric> {
    let input = Input::open(path)?;
    match Format::of(&input)? {
        Format::Hdf5 => match hdf5_plain::read(&input, variable) {
            Some(numeric) => Ok(numeric),
            None => mat_v73::Source::open(path)?.read(variable),
        },
        Format::V5 => mat_v5::read(path, &input.into_bytes()?, variable),
    }
}

/// Reads one numeric variable as single.
///
/// # Errors
///
/// As [`read`].
pub fn read_f32(path: &Path, variable: &str) -> Result<Array<f32>> {
    read(path, variable).map(Numeric::into_f32)
}

/// Reads one numeric variable as double.
///
/// # Errors
///
/// As [`read`].
pub fn read_f64(path: &Path, variable: &str) -> Result<Array<f64>> {
    read(path, variable).map(Numeric::into_f64)
}

/// Reads a part of a variable: the elements `range`, counted in column-major order.
///
/// Returns the shape of the whole variable and the values of the range as single. Of dense arrays
/// in one piece only the range is read; of weights `(n_voxels, *unit_shape)` the units `a..b` are
/// the elements `a * n_voxels..b * n_voxels`.
///
/// # Errors
///
/// As [`read`]; also if the range does not lie in the variable.
pub fn read_range(
    path: &Path,
    variable: &str,
    range: Range<usize>,
) -> Result<(Vec<usize>, Vec<f32>)> {
    let input = Input::open(path)?;
    match Format::of(&input)? {
        Format::Hdf5 => match hdf5_plain::read_range(&input, variable, range.clone()) {
            Some(part) => Ok(part),
            None => mat_v73::Source::open(path)?.read_range(variable, range),
        },
        Format::V5 => {
            let array = mat_v5::read(path, &input.into_bytes()?, variable)?.into_f32();
            check_range(path, variable, &range, array.values.len())?;
            Ok((array.shape, array.values[range].to_vec()))
        }
    }
}

/// Shape of a variable, without reading its values.
///
/// # Errors
///
/// If the file cannot be read or is damaged, or has no such variable.
pub fn shape(path: &Path, variable: &str) -> Result<Vec<usize>> {
    let input = Input::open(path)?;
    if let (Format::Hdf5, Some(found)) =
        (Format::of(&input)?, hdf5_plain::describe(&input, variable))
    {
        return Ok(found.shape);
    }
    let variables = variables(path)?;
    let names = variables
        .iter()
        .map(|variable| variable.name.clone())
        .collect::<Vec<_>>();
    match variables.into_iter().find(|found| found.name == variable) {
        Some(found) => Ok(found.shape),
        None => Err(missing_variable(path, variable, &names)),
    }
}

/// Name, shape and class of all variables of a file.
///
/// # Errors
///
/// If the file cannot be read, is empty, damaged or of another format.
pub fn variables(path: &Path) -> Result<Vec<Variable>> {
    let input = Input::open(path)?;
    match Format::of(&input)? {
        Format::Hdf5 => mat_v73::Source::open(path)?.variables(),
        Format::V5 => mat_v5::variables(path, &input.into_bytes()?),
    }
}

/// What a file is, by its content.
enum Format {
    Hdf5,
    V5,
}

impl Format {
    fn of(input: &Input) -> Result<Format> {
        if input.hdf5_start().is_some() {
            return Ok(Format::Hdf5);
        }
        if mat_v5::is_v5(input.head()) {
            return Ok(Format::V5);
        }
        let (problem, remedy) = if input.head().is_empty() {
            ("is empty", "copy or compute the file again")
        } else if input.head().starts_with(b"MATLAB") {
            (
                "has a MATLAB header but no data",
                "copy or compute the file again",
            )
        } else {
            (
                "is neither MAT v5 nor v7.3 (HDF5)",
                "save it with `-v7` or `-v7.3`",
            )
        };
        Err(Error::file(input.path(), problem, remedy))
    }
}
