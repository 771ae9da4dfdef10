//! MAT v7.3 files, and other HDF5 with arrays in their root: dense and bdpy-sparse, of any layout.
//!
//! [`crate::io::hdf5_plain`] reads the common layouts faster; [`crate::io::mat`] chooses.

mod dense;
mod sparse;

use std::ops::Range;
use std::path::Path;

use self::dense::Dense;
use self::sparse::{MARKER, Sparse};
use super::hdf5::{Group, Hdf5, Member, on_deep_stack};
use super::mat::problem::{COPY_AGAIN, check_range, missing_variable, not_numeric};
use super::mat::{Numeric, Variable};
use crate::error::{Error, Result};

pub(in crate::io) use self::sparse::MARKER as SPARSE_MARKER;

/// An open file.
#[derive(Debug)]
pub struct Source(Hdf5);

enum Found<'a> {
    Dense(Dense<'a>),
    Sparse(Group<'a>),
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
        on_deep_stack(|| Hdf5::open(path, COPY_AGAIN).map(Source))
    }

    /// Name, shape and class of the variables at the top of the file, sorted.
    ///
    /// # Errors
    ///
    /// If the file is damaged.
    pub fn variables(&self) -> Result<Vec<Variable>> {
        on_deep_stack(|| {
            // Looking each up by its name would read the table of names as often as there are names.
            let members = self.0.root().members()?.into_iter();
            let visible = members.filter(|(name, _)| is_visible(name));
            visible
                .map(|(name, member)| self.describe(name, member))
                .collect()
        })
    }

    fn describe(&self, name: String, member: Member) -> Result<Variable> {
        let (shape, class) = match self.found(member, &name)? {
            Found::Dense(dense) => (dense.shape()?, dense.class()),
            Found::Sparse(group) => {
                let shape = Sparse::read_shape(self, &group, &name)?;
                (shape, "sparse array".to_owned())
            }
            Found::Other(class) => (Vec::new(), class),
        };
        Ok(Variable { name, shape, class })
    }

    /// Names of the variables at the top of the file, sorted.
    fn names(&self) -> Result<Vec<String>> {
        let members = self.0.root().members()?.into_iter();
        let names = members.map(|(name, _)| name);
        Ok(names.filter(|name| is_visible(name)).collect())
    }

    /// Reads a dense numeric dataset or a bdpy sparse array.
    ///
    /// # Errors
    ///
    /// If there is no such variable (the error lists those that are there), it is not numeric, or
    /// the file is damaged.
    pub fn read(&self, variable: &str) -> Result<Numeric> {
        on_deep_stack(|| match self.find(variable)? {
            Found::Dense(dense) => dense.read(),
            Found::Sparse(group) => Ok(Sparse::read(self, &group, variable)?.fill()),
            Found::Other(class) => Err(not_numeric(self.0.path(), variable, &class)),
        })
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
        on_deep_stack(|| match self.find(variable)? {
            Found::Dense(dense) => dense.read_range(range),
            Found::Sparse(group) => {
                let sparse = Sparse::read(self, &group, variable)?;
                check_range(self.0.path(), variable, &range, sparse.n_elements())?;
                let values = sparse.fill_range(range);
                Ok((sparse.into_shape(), values))
            }
            Found::Other(class) => Err(not_numeric(self.0.path(), variable, &class)),
        })
    }

    fn find<'a>(&'a self, variable: &'a str) -> Result<Found<'a>> {
        match self.0.root().member(variable)? {
            None => Err(missing_variable(self.0.path(), variable, &self.names()?)),
            Some(member) => self.found(member, variable),
        }
    }

    fn found<'a>(&'a self, member: Member<'a>, name: &'a str) -> Result<Found<'a>> {
        match member {
            Member::Dataset(dataset) => Ok(Found::Dense(Dense::new(self, dataset, name)?)),
            Member::Group(group) if group.member(MARKER)?.is_some() => Ok(Found::Sparse(group)),
            Member::Group(group) => {
                let class = group.attributes().text("MATLAB_class")?;
                Ok(Found::Other(class.unwrap_or_else(|| "group".to_owned())))
            }
        }
    }

    /// A dataset `member` of a group, as a part of the variable `name`.
    fn member<'a>(&'a self, group: &Group<'a>, member: &str, name: &'a str) -> Result<Dense<'a>> {
        Dense::new(self, group.dataset(member)?, name)
    }

    /// A whole number below `limit`, from an index or a size that is stored as data.
    fn index(&self, value: f64, limit: usize, name: &str) -> Result<usize> {
        if value >= 0.0 && value.fract() == 0.0 && value < limit as f64 {
            return Ok(value as usize);
        }
        let problem = format!("`{name}` has the index or size {value}");
        Err(Error::file(self.0.path(), problem, COPY_AGAIN))
    }
}

/// Whether a name is one of the user's: `#refs#` and `#subsystem#` are MATLAB's own.
fn is_visible(name: &str) -> bool {
    !name.starts_with('#')
}
