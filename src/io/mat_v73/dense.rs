//! Dense numeric datasets.

use std::ops::Range;

use super::Source;
use crate::error::Result;
use crate::io::hdf5::{Dataset, Kind};
use crate::io::mat::problem::{check_range, not_numeric, too_large};
use crate::io::mat::{Array, Convention, Numeric};

/// Most axes of an array, as in NumPy.
const MOST_AXES: usize = 32;

/// An open dataset with its attributes.
pub(super) struct Dense<'a> {
    source: &'a Source,
    dataset: Dataset<'a>,
    name: &'a str,
    convention: Convention,
    /// The dataset holds the shape of an array without elements.
    is_empty: bool,
}

impl<'a> Dense<'a> {
    /// `name` is the variable that errors speak of.
    pub fn new(source: &'a Source, dataset: Dataset<'a>, name: &'a str) -> Result<Self> {
        let attributes = dataset.attributes();
        let shape = attributes.whole("Python.Shape", MOST_AXES)?;
        let length = |length: i64| Ok(source.index(length as f64, usize::MAX, name)? as u64);
        let shape = shape.map(|shape| shape.into_iter().map(length).collect());
        let convention = Convention {
            class: attributes.text("MATLAB_class")?,
            python_shape: shape.transpose()?,
        };
        let empty = attributes.number("MATLAB_empty")?;
        Ok(Dense {
            source,
            dataset,
            name,
            convention,
            is_empty: empty.is_some_and(|value| value != 0.0),
        })
    }

    /// Axis lengths in NumPy's order.
    pub fn shape(&self) -> Result<Vec<usize>> {
        let length = |length| self.source.index(length, usize::MAX, self.name);
        match &self.convention.python_shape {
            _ if !self.is_empty => Ok(self.convention.shape(self.dataset.shape())),
            Some(shape) => shape.iter().map(|&n| length(n as f64)).collect(),
            None => {
                let lengths: Vec<f64> = self.dataset.values()?;
                lengths.into_iter().map(length).collect()
            }
        }
    }

    /// Axis lengths of an array without elements, one of which must be 0.
    fn empty_shape(&self) -> Result<Vec<usize>> {
        let shape = self.shape()?;
        match shape.contains(&0) {
            true => Ok(shape),
            false => Err(too_large(self.source.0.path(), self.name)),
        }
    }

    /// MATLAB's word for the type, or that of HDF5.
    pub fn class(&self) -> String {
        let class = self.convention.class.clone();
        class.unwrap_or_else(|| match self.dataset.kind() {
            Kind::Single => "single".to_owned(),
            Kind::Double => "double".to_owned(),
            other => other.to_string(),
        })
    }

    /// The whole array.
    pub fn read(&self) -> Result<Numeric> {
        let single = self.is_single()?;
        if self.is_empty {
            let shape = self.empty_shape()?;
            return Ok(if single {
                Numeric::F32(Array {
                    shape,
                    values: Vec::new(),
                })
            } else {
                Numeric::F64(Array {
                    shape,
                    values: Vec::new(),
                })
            });
        }
        let (convention, dims) = (&self.convention, self.dataset.shape());
        Ok(if single {
            Numeric::F32(convention.array(dims, self.dataset.values()?))
        } else {
            Numeric::F64(convention.array(dims, self.dataset.values()?))
        })
    }

    /// The elements `range` in column-major order, and the shape of the whole.
    pub fn read_range(&self, range: Range<usize>) -> Result<(Vec<usize>, Vec<f32>)> {
        let path = self.source.0.path();
        let dims = self.dataset.shape();
        let is_sliced = !dims.is_empty() && self.convention.is_column_major(dims);
        if self.is_empty || !is_sliced {
            let array = self.read()?.into_f32();
            check_range(path, self.name, &range, array.values.len())?;
            return Ok((array.shape, array.values[range].to_vec()));
        }
        self.is_single()?;
        let n = self.dataset.check()?;
        check_range(path, self.name, &range, n)?;
        let shape = self.convention.shape(dims);
        if range.is_empty() {
            return Ok((shape, Vec::new()));
        }
        // Elements of one slice along the slowest axis on disk.
        let stride: usize = dims[1..].iter().product();
        let slices = range.start / stride..range.end.div_ceil(stride);
        let first = slices.start * stride;
        let values = self.dataset.slices(slices)?;
        let part = values[range.start - first..range.end - first].to_vec();
        Ok((shape, part))
    }

    /// The arrays that the references of a cell lead to, or `None` if this is another kind of array.
    pub fn cells(&self) -> Result<Option<Vec<Dense<'a>>>> {
        let Some(datasets) = self.dataset.references(MOST_AXES)? else {
            return Ok(None);
        };
        let dense = |dataset| Dense::new(self.source, dataset, self.name);
        datasets
            .into_iter()
            .map(dense)
            .collect::<Result<_>>()
            .map(Some)
    }

    fn is_single(&self) -> Result<bool> {
        let class = self.convention.class.as_deref();
        let is_text = matches!(class, Some("char" | "cell" | "struct"));
        // The shape of an empty array is stored as integers, so the class decides.
        if self.is_empty && !is_text {
            return Ok(class == Some("single"));
        }
        match is_text || !self.dataset.kind().is_numeric() {
            true => Err(not_numeric(self.source.0.path(), self.name, &self.class())),
            false => Ok(*self.dataset.kind() == Kind::Single),
        }
    }
}
