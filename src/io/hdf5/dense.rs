//! Dense numeric datasets.

use std::ops::Range;

use ::hdf5::types::{FixedAscii, FloatSize, TypeDescriptor, VarLenAscii, VarLenUnicode};
use ::hdf5::{Attribute, Dataset, Hyperslab, Location, ObjectReference1, SliceOrIndex};

use super::{MAX_EXPANSION, Source};
use crate::error::Result;
use crate::io::mat::problem::{check_range, not_numeric, too_large};
use crate::io::mat::{Array, Convention, Numeric, n_elements};

/// Bytes of an array that may be without any data.
const SMALL: u64 = 1 << 20;

/// The attributes that decide how a dataset is understood.
#[derive(Debug, Default)]
pub(super) struct Attributes {
    pub convention: Convention,
    /// The dataset holds the shape of an array without elements.
    pub is_empty: bool,
}

impl Attributes {
    /// An attribute that cannot be read is an error: without it the axes would be mistaken.
    pub fn of(location: &Location) -> ::hdf5::Result<Attributes> {
        let class = find(location, "MATLAB_class")?;
        let shape = find(location, "Python.Shape")?;
        let empty = find(location, "MATLAB_empty")?;
        let convention = Convention {
            class: class.map(|attribute| text(&attribute)).transpose()?,
            python_shape: shape.map(|attribute| lengths(&attribute)).transpose()?,
        };
        let empty = empty
            .map(|attribute| attribute.read_scalar::<f64>())
            .transpose()?;
        Ok(Attributes {
            convention,
            is_empty: empty.is_some_and(|value| value != 0.0),
        })
    }
}

/// The attribute `name`, if there is one.
///
/// Opened by name, not found in a list of all: libhdf5 1.10.8 crashes while listing the attributes
/// of some damaged files.
pub(super) fn find(location: &Location, name: &str) -> ::hdf5::Result<Option<Attribute>> {
    match location.attr(name) {
        Ok(attribute) => Ok(Some(attribute)),
        Err(error) if error.to_string().contains("can't locate attribute") => Ok(None),
        Err(error) => Err(error),
    }
}

/// Most axes of an array, as in NumPy.
const MOST_AXES: usize = 32;

fn lengths(attribute: &Attribute) -> ::hdf5::Result<Vec<u64>> {
    if attribute.size() > MOST_AXES {
        return Err("a shape of more than 32 axes".into());
    }
    attribute.read_raw()
}

fn text(attribute: &Attribute) -> ::hdf5::Result<String> {
    const MAX_LENGTH: usize = 64;
    Ok(match attribute.dtype()?.to_descriptor()? {
        TypeDescriptor::VarLenAscii => attribute.read_scalar::<VarLenAscii>()?.to_string(),
        TypeDescriptor::VarLenUnicode => attribute.read_scalar::<VarLenUnicode>()?.to_string(),
        _ => attribute
            .read_scalar::<FixedAscii<MAX_LENGTH>>()?
            .to_string(),
    })
}

/// An open dataset with its attributes.
pub(super) struct Dense<'a> {
    source: &'a Source,
    dataset: Dataset,
    name: &'a str,
    attributes: Attributes,
    dims: Vec<usize>,
}

impl<'a> Dense<'a> {
    /// `name` is the variable that errors speak of.
    pub fn new(source: &'a Source, dataset: Dataset, name: &'a str) -> Result<Self> {
        let attributes = Attributes::of(&dataset).map_err(|error| source.damaged(name, &error))?;
        let dims = dataset.shape();
        Ok(Dense {
            source,
            dataset,
            name,
            attributes,
            dims,
        })
    }

    /// Axis lengths in NumPy's order.
    pub fn shape(&self) -> Result<Vec<usize>> {
        let length = |length| self.source.index(length, usize::MAX, self.name);
        match &self.attributes.convention.python_shape {
            _ if !self.attributes.is_empty => Ok(self.attributes.convention.shape(&self.dims)),
            Some(shape) => shape.iter().map(|&n| length(n as f64)).collect(),
            None => self.raw::<f64>()?.into_iter().map(length).collect(),
        }
    }

    /// Axis lengths of an array without elements, one of which must be 0.
    fn empty_shape(&self) -> Result<Vec<usize>> {
        let shape = self.shape()?;
        match shape.contains(&0) {
            true => Ok(shape),
            false => Err(too_large(&self.source.path, self.name)),
        }
    }

    /// MATLAB's word for the type, or that of HDF5.
    pub fn class(&self) -> String {
        self.attributes
            .convention
            .class
            .clone()
            .unwrap_or_else(|| match self.descriptor() {
                Ok(TypeDescriptor::Float(FloatSize::U4)) => "single".to_owned(),
                Ok(TypeDescriptor::Float(FloatSize::U8)) => "double".to_owned(),
                Ok(other) => other.to_string(),
                Err(_) => "unknown".to_owned(),
            })
    }

    /// The whole array.
    pub fn read(&self) -> Result<Numeric> {
        let single = self.is_single()?;
        if self.attributes.is_empty {
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
        let convention = &self.attributes.convention;
        Ok(if single {
            Numeric::F32(convention.array(&self.dims, self.raw()?))
        } else {
            Numeric::F64(convention.array(&self.dims, self.raw()?))
        })
    }

    /// The elements `range` in column-major order, and the shape of the whole.
    pub fn read_range(&self, range: Range<usize>) -> Result<(Vec<usize>, Vec<f32>)> {
        let convention = &self.attributes.convention;
        let is_sliced = !self.dims.is_empty() && convention.is_column_major(&self.dims);
        if self.attributes.is_empty || !is_sliced {
            let array = self.read()?.into_f32();
            check_range(&self.source.path, self.name, &range, array.values.len())?;
            return Ok((array.shape, array.values[range].to_vec()));
        }
        self.is_single()?;
        let n = self.check_size()?;
        check_range(&self.source.path, self.name, &range, n)?;
        let shape = convention.shape(&self.dims);
        if range.is_empty() {
            return Ok((shape, Vec::new()));
        }
        // Elements of one slice along the slowest axis on disk.
        let stride: usize = self.dims[1..].iter().product();
        let slices = range.start / stride..range.end.div_ceil(stride);
        let mut selection = vec![SliceOrIndex::from(slices.clone())];
        selection.resize(self.dims.len(), SliceOrIndex::from(..));
        let values = self
            .dataset
            .read_slice::<f32, _, ndarray::IxDyn>(Hyperslab::from(selection))
            .map_err(|error| self.source.damaged(self.name, &error))?;
        let first = slices.start * stride;
        let values = values
            .into_iter()
            .skip(range.start - first)
            .take(range.len())
            .collect();
        Ok((shape, values))
    }

    /// The references of a cell, or `None` if this is another kind of array.
    pub fn references(&self) -> Result<Option<Vec<ObjectReference1>>> {
        match self.descriptor() {
            Ok(TypeDescriptor::Reference(_)) => self.raw().map(Some),
            _ => Ok(None),
        }
    }

    fn raw<T: ::hdf5::H5Type>(&self) -> Result<Vec<T>> {
        self.check_size()?;
        self.dataset
            .read_raw()
            .map_err(|error| self.source.damaged(self.name, &error))
    }

    fn descriptor(&self) -> ::hdf5::Result<TypeDescriptor> {
        self.dataset.dtype()?.to_descriptor()
    }

    fn is_single(&self) -> Result<bool> {
        let class = self.attributes.convention.class.as_deref();
        if matches!(class, Some("char" | "cell" | "struct")) {
            return Err(not_numeric(&self.source.path, self.name, &self.class()));
        }
        match self.descriptor() {
            // The shape of an empty array is stored as integers, so the class decides.
            Ok(_) if self.attributes.is_empty => Ok(class == Some("single")),
            Ok(TypeDescriptor::Float(FloatSize::U4)) => Ok(true),
            Ok(
                TypeDescriptor::Float(_) | TypeDescriptor::Integer(_) | TypeDescriptor::Unsigned(_),
            ) => Ok(false),
            _ => Err(not_numeric(&self.source.path, self.name, &self.class())),
        }
    }

    /// Refuses sizes that the file cannot hold, before memory is asked for; the number of elements.
    fn check_size(&self) -> Result<usize> {
        let item = self.dataset.dtype().map_or(1, |dtype| dtype.size());
        let length = self.source.length;
        let most = if self.dataset.is_chunked() {
            // Chunks that were never written are filled in.
            let stored = self.dataset.storage_size().min(length);
            stored.saturating_mul(MAX_EXPANSION).max(SMALL)
        } else {
            length
        };
        let n = n_elements(&self.dims);
        match n.and_then(|n| n.checked_mul(item)) {
            Some(size) if size as u64 <= most => Ok(n.unwrap_or_default()),
            _ => Err(too_large(&self.source.path, self.name)),
        }
    }
}
