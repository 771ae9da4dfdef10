//! Reading through libhdf5: every layout it knows, one thread at a time (it holds a global lock).
//!
//! This folder is the only part of `io` that names the HDF5 crate. [`crate::io::hdf5_plain`] reads
//! the common layouts without it; [`crate::io::mat`] chooses.

mod checked;
mod dense;
mod heap;
mod sparse;

use std::ops::Range;
use std::path::{Path, PathBuf};

use ::hdf5::{Group, LocationType};

use self::dense::Dense;
use self::sparse::{MARKER, Sparse};
use super::mat::problem::{COPY_AGAIN, check_range, missing_variable, not_numeric};
use super::mat::{Numeric, Variable};
use crate::error::{Error, Result};

pub(in crate::io) use self::checked::Checked;
pub(in crate::io) use self::sparse::MARKER as SPARSE_MARKER;

/// No file compresses better than deflate at its limit (1032 : 1); more is a damaged size.
pub(in crate::io) const MAX_EXPANSION: u64 = 1040;

/// An open HDF5 file.
#[derive(Debug)]
pub struct Source {
    file: ::hdf5::File,
    path: PathBuf,
    length: u64,
}

enum Found<'a> {
    Dense(Dense<'a>),
    Sparse(Group),
    /// MATLAB's word for another group.
    Other(String),
}

impl Source {
    /// Opens a file for reading.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or is not a whole HDF5 file.
    pub fn open(path: &Path) -> Result<Self> {
        let length = std::fs::metadata(path)
            .map_err(Error::io("read", path))?
            .len();
        // The library prints its errors otherwise; they are in ours.
        ::hdf5::silence_errors(true);
        let file = ::hdf5::File::open(path).map_err(|error| {
            let cause = cause(&error);
            let problem = format!("cannot be opened as HDF5 ({cause})");
            Error::file(path, problem, checked::remedy(&cause))
        })?;
        Ok(Source {
            file,
            path: path.to_owned(),
            length,
        })
    }

    /// Names of the variables at the top of the file, sorted.
    ///
    /// # Errors
    ///
    /// If the file is damaged.
    pub fn names(&self) -> Result<Vec<String>> {
        let names = self
            .file
            .member_names()
            .map_err(|error| self.damaged("its root", &error))?;
        // MATLAB's own: `#refs#`, `#subsystem#`.
        let mut names: Vec<String> = names
            .into_iter()
            .filter(|name| !name.starts_with('#'))
            .collect();
        names.sort();
        Ok(names)
    }

    /// Shape and class of a variable.
    ///
    /// # Errors
    ///
    /// If there is no such variable, or the file is damaged.
    pub fn describe(&self, variable: &str) -> Result<Variable> {
        let (shape, class) = match self.find(variable)? {
            Found::Dense(dense) => (dense.shape()?, dense.class()),
            Found::Sparse(group) => (
                Sparse::read_shape(self, &group, variable)?,
                "sparse array".to_owned(),
            ),
            Found::Other(class) => (Vec::new(), class),
        };
        Ok(Variable {
            name: variable.to_owned(),
            shape,
            class,
        })
    }

    /// Reads a dense numeric dataset or a bdpy sparse array.
    ///
    /// # Errors
    ///
    /// If there is no such variable (the error lists those that are there), it is not numeric, or
    /// the file is damaged.
    pub fn read(&self, variable: &str) -> Result<Numeric> {
        match self.find(variable)? {
            Found::Dense(dense) => dense.read(),
            Found::Sparse(group) => Ok(Sparse::read(self, &group, variable)?.fill()),
            Found::Other(class) => Err(not_numeric(&self.path, variable, &class)),
        }
    }

    /// Reads the elements `range`, counted in column-major order, of a variable as f32.
    ///
    /// Returns the shape of the whole variable and the values of the range. Of a dense dataset
    /// only the slices that hold the range are read.
    ///
    /// # Errors
    ///
    /// As [`Self::read`]; also if the range does not lie in the variable.
    pub fn read_range(
        &self,
        variable: &str,
        range: Range<usize>,
    ) -> Result<(Vec<usize>, Vec<f32>)> {
        match self.find(variable)? {
            Found::Dense(dense) => dense.read_range(range),
            Found::Sparse(group) => {
                let sparse = Sparse::read(self, &group, variable)?;
                check_range(&self.path, variable, &range, sparse.n_elements())?;
                let values = sparse.fill_range(range);
                Ok((sparse.into_shape(), values))
            }
            Found::Other(class) => Err(not_numeric(&self.path, variable, &class)),
        }
    }

    fn find<'a>(&'a self, variable: &'a str) -> Result<Found<'a>> {
        let names = self.names()?;
        if !names.iter().any(|name| name == variable) {
            return Err(missing_variable(&self.path, variable, &names));
        }
        let damaged = |error: ::hdf5::Error| self.damaged(variable, &error);
        match self.file.loc_type_by_name(variable).map_err(damaged)? {
            LocationType::Dataset => {
                let dataset = self.file.dataset(variable).map_err(damaged)?;
                Ok(Found::Dense(Dense::new(self, dataset, variable)?))
            }
            LocationType::Group => {
                let group = self.file.group(variable).map_err(damaged)?;
                if group.link_exists(MARKER) {
                    return Ok(Found::Sparse(group));
                }
                let class = dense::Attributes::of(&group)
                    .map_err(damaged)?
                    .convention
                    .class;
                Ok(Found::Other(class.unwrap_or_else(|| "group".to_owned())))
            }
            _ => Ok(Found::Other("type".to_owned())),
        }
    }

    /// A dataset `member` of a group, as a part of the variable `name`.
    fn member<'a>(&'a self, group: &Group, member: &str, name: &'a str) -> Result<Dense<'a>> {
        let dataset = group
            .dataset(member)
            .map_err(|error| self.damaged(name, &error))?;
        Dense::new(self, dataset, name)
    }

    /// A whole number below `limit`, from an index or a size that is stored as data.
    fn index(&self, value: f64, limit: usize, name: &str) -> Result<usize> {
        if value >= 0.0 && value.fract() == 0.0 && value < limit as f64 {
            return Ok(value as usize);
        }
        let problem = format!("`{name}` has the index or size {value}");
        Err(Error::file(&self.path, problem, COPY_AGAIN))
    }

    fn damaged(&self, name: &str, error: &::hdf5::Error) -> Error {
        let problem = format!("cannot read `{name}` ({})", cause(error));
        let remedy = if problem.contains("open dataset") {
            "copy the file again; if it is whole, it needs a newer libhdf5 than this one"
        } else {
            COPY_AGAIN
        };
        Error::file(&self.path, problem, remedy)
    }
}

/// The reason that libhdf5 gives, on one line.
fn cause(error: &::hdf5::Error) -> String {
    let text = error.to_string();
    text.lines()
        .next()
        .unwrap_or_default()
        .trim_end_matches('.')
        .to_owned()
}
