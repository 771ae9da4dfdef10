//! Reading through libhdf5: every layout it knows, one thread at a time (it holds a global lock).
//!
//! This is the only file of `io` that names the HDF5 crate. [`crate::io::hdf5_plain`] reads the
//! common layouts without it; [`crate::io::mat`] chooses.
//!
//! # bdpy's sparse arrays
//!
//! A group with the members `__bdpy_sparse_arrray` (so spelled), `background` (scalar), `value`
//! (`n_nonzero` values), `index` and `shape`. The last two are either cells, that is arrays of
//! references to one dataset per axis, or plain arrays (`n_axes × n_nonzero` and `n_axes`).

use std::ops::Range;
use std::path::{Path, PathBuf};

use ::hdf5::types::{FixedAscii, FloatSize, TypeDescriptor, VarLenAscii, VarLenUnicode};
use ::hdf5::{Dataset, Group, Hyperslab, Location, ObjectReference1, ReferencedObject, SliceOrIndex};

use super::mat::{Array, Convention, Numeric, Variable, n_elements};
use crate::error::{Error, Result};

/// Member that marks a sparse array.
pub(in crate::io) const SPARSE_MARKER: &str = "__bdpy_sparse_arrray";
/// No file compresses better than deflate at its limit (1032 : 1); more is a damaged size.
pub(in crate::io) const MAX_EXPANSION: u64 = 1040;
/// Largest sparse array that is filled in: beyond 200,704 units × 40,000 voxels.
const MAX_SPARSE_ELEMENTS: usize = 1 << 33;
const DAMAGED: &str = "copy or compute the file again, it may have been cut short";

/// An open HDF5 file.
#[derive(Debug)]
pub struct Source {
    file: ::hdf5::File,
    path: PathBuf,
    length: u64,
}

impl Source {
    /// Opens a file for reading.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or is not a whole HDF5 file.
    pub fn open(path: &Path) -> Result<Self> {
        let length = std::fs::metadata(path).map_err(Error::io("read", path))?.len();
        // The library prints its errors otherwise; they are in ours.
        ::hdf5::silence_errors(true);
        let file = ::hdf5::File::open(path).map_err(|error| {
            let problem = format!("cannot be opened as HDF5 ({})", cause(&error));
            if problem.contains("lock") {
                let remedy = "set HDF5_USE_FILE_LOCKING=FALSE if this file system has no locks";
                return Error::file(path, problem, remedy);
            }
            Error::file(path, problem, DAMAGED)
        })?;
        Ok(Source { file, path: path.to_owned(), length })
    }

    /// The variables at the top of the file, by name.
    ///
    /// # Errors
    ///
    /// If the file is damaged.
    pub fn variables(&self) -> Result<Vec<Variable>> {
        self.names()?.into_iter().map(|name| self.variable(name)).collect()
    }

    /// Reads a dense numeric dataset or a bdpy sparse array.
    ///
    /// # Errors
    ///
    /// If there is no such variable (the error lists those that are there), it is not numeric, or
    /// the file is damaged.
    pub fn read(&self, variable: &str) -> Result<Numeric> {
        match self.find(variable)? {
            Found::Dense(dataset) => self.dense(&dataset, variable),
            Found::Sparse(group) => {
                let sparse = self.sparse(&group, variable)?;
                let n_elements = sparse.n_elements;
                sparse.dense(0..n_elements)
            }
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
    pub fn read_range(&self, variable: &str, range: Range<usize>) -> Result<(Vec<usize>, Vec<f32>)> {
        match self.find(variable)? {
            Found::Dense(dataset) => self.dense_range(&dataset, variable, range),
            Found::Sparse(group) => {
                let sparse = self.sparse(&group, variable)?;
                check_range(&self.path, variable, &range, sparse.n_elements)?;
                let shape = sparse.shape.clone();
                Ok((shape, sparse.dense(range)?.into_f32().values))
            }
        }
    }

    fn names(&self) -> Result<Vec<String>> {
        let names = self.file.member_names().map_err(|error| self.damaged("its root", &error))?;
        let mut names: Vec<String> =
            names.into_iter().filter(|name| !name.starts_with('#')).collect();
        names.sort();
        Ok(names)
    }

    fn variable(&self, name: String) -> Result<Variable> {
        if let Ok(dataset) = self.file.dataset(&name) {
            let convention = convention(&dataset);
            let shape = if is_empty(&dataset) {
                self.empty_shape(&dataset, &name)?
            } else {
                convention.shape(&dataset.shape())
            };
            let class = convention.class.unwrap_or_else(|| type_name(&dataset));
            return Ok(Variable { name, shape, class });
        }
        let group = self.file.group(&name).map_err(|error| self.damaged(&name, &error))?;
        if group.link_exists(SPARSE_MARKER) {
            let shape = self.sparse_shape(&group, &name)?;
            return Ok(Variable { name, shape, class: "sparse array".to_owned() });
        }
        let class = text_attribute(&group, "MATLAB_class").unwrap_or_else(|| "group".to_owned());
        Ok(Variable { name, shape: Vec::new(), class })
    }

    fn find(&self, variable: &str) -> Result<Found> {
        let names = self.names()?;
        if !names.iter().any(|name| name == variable) {
            return Err(missing_variable(&self.path, variable, &names));
        }
        if let Ok(dataset) = self.file.dataset(variable) {
            return Ok(Found::Dense(dataset));
        }
        let group = self.file.group(variable).map_err(|error| self.damaged(variable, &error))?;
        if group.link_exists(SPARSE_MARKER) {
            return Ok(Found::Sparse(group));
        }
        let class = text_attribute(&group, "MATLAB_class").unwrap_or_else(|| "group".to_owned());
        Err(not_numeric(&self.path, variable, &class))
    }

    fn dense(&self, dataset: &Dataset, name: &str) -> Result<Numeric> {
        let convention = convention(dataset);
        let single = self.is_single(dataset, name, &convention)?;
        if is_empty(dataset) {
            let shape = self.empty_shape(dataset, name)?;
            return Ok(if single {
                Numeric::F32(Array { shape, values: Vec::new() })
            } else {
                Numeric::F64(Array { shape, values: Vec::new() })
            });
        }
        self.check_size(dataset, name)?;
        let dims = dataset.shape();
        let damaged = |error: ::hdf5::Error| self.damaged(name, &error);
        Ok(if single {
            Numeric::F32(convention.array(&dims, dataset.read_raw::<f32>().map_err(damaged)?))
        } else {
            Numeric::F64(convention.array(&dims, dataset.read_raw::<f64>().map_err(damaged)?))
        })
    }

    fn dense_range(
        &self,
        dataset: &Dataset,
        name: &str,
        range: Range<usize>,
    ) -> Result<(Vec<usize>, Vec<f32>)> {
        let convention = convention(dataset);
        let dims = dataset.shape();
        if is_empty(dataset) || dims.is_empty() || !convention.is_column_major(&dims) {
            let array = self.dense(dataset, name)?.into_f32();
            check_range(&self.path, name, &range, array.values.len())?;
            return Ok((array.shape, array.values[range].to_vec()));
        }
        self.is_single(dataset, name, &convention)?;
        self.check_size(dataset, name)?;
        let shape = convention.shape(&dims);
        check_range(&self.path, name, &range, dims.iter().product())?;
        if range.is_empty() {
            return Ok((shape, Vec::new()));
        }
        // Elements of one slice along the slowest axis on disk.
        let stride: usize = dims[1..].iter().product();
        let slices = range.start / stride..range.end.div_ceil(stride);
        let mut selection = vec![SliceOrIndex::from(slices.clone())];
        selection.resize(dims.len(), SliceOrIndex::from(..));
        let values = dataset
            .read_slice::<f32, _, ndarray::IxDyn>(Hyperslab::from(selection))
            .map_err(|error| self.damaged(name, &error))?;
        let first = slices.start * stride;
        let values = values.into_iter().skip(range.start - first).take(range.len()).collect();
        Ok((shape, values))
    }

    fn sparse_shape(&self, group: &Group, name: &str) -> Result<Vec<usize>> {
        let columns = self.columns(group, "shape", name)?;
        let lengths = columns.into_iter().flatten();
        lengths.map(|length| self.index(length, usize::MAX, name)).collect()
    }

    /// A whole number that is below `limit`, from a value of a sparse array.
    fn index(&self, value: f64, limit: usize, name: &str) -> Result<usize> {
        if value >= 0.0 && value.fract() == 0.0 && value < limit as f64 {
            return Ok(value as usize);
        }
        Err(Error::file(&self.path, format!("`{name}` has the index or size {value}"), DAMAGED))
    }

    fn sparse(&self, group: &Group, name: &str) -> Result<Sparse> {
        let damaged = |problem: &str| {
            Error::file(&self.path, format!("the sparse array `{name}` {problem}"), DAMAGED)
        };
        let shape = self.sparse_shape(group, name)?;
        let n_elements = n_elements(&shape)
            .filter(|&n| n <= MAX_SPARSE_ELEMENTS)
            .ok_or_else(|| damaged("has an impossible shape"))?;
        let values = self.member(group, "value", name)?;
        let background = self.member(group, "background", name)?.into_f64().values;
        let background = *background.first().ok_or_else(|| damaged("has no background"))?;
        let columns = self.columns(group, "index", name)?;
        let n_values = n_elements_of(&values);
        if columns.len() != shape.len() || columns.iter().any(|column| column.len() != n_values) {
            return Err(damaged("has indices that do not fit its values"));
        }
        let mut positions = vec![0; n_values];
        let mut stride = 1;
        for (column, &length) in columns.iter().zip(&shape) {
            for (position, &index) in positions.iter_mut().zip(column) {
                *position += stride * self.index(index, length, name)?;
            }
            stride *= length;
        }
        Ok(Sparse { shape, n_elements, background, positions, values })
    }

    /// `index` or `shape` of a sparse array, as one column per axis.
    fn columns(&self, group: &Group, member: &str, name: &str) -> Result<Vec<Vec<f64>>> {
        let dataset = group.dataset(member).map_err(|error| self.damaged(name, &error))?;
        let is_reference = dataset
            .dtype()
            .and_then(|dtype| dtype.to_descriptor())
            .is_ok_and(|kind| matches!(kind, TypeDescriptor::Reference(_)));
        if !is_reference {
            let array = self.dense(&dataset, name)?.into_f64();
            return Ok(match array.shape[..] {
                // Values are column-major: one index per axis, then the next non-zero element.
                [n_axes, n_values] if member == "index" => (0..n_axes)
                    .map(|axis| (0..n_values).map(|i| array.values[i * n_axes + axis]).collect())
                    .collect(),
                _ => vec![array.values],
            });
        }
        self.check_size(&dataset, name)?;
        let references =
            dataset.read_raw::<ObjectReference1>().map_err(|error| self.damaged(name, &error))?;
        let mut columns = Vec::with_capacity(references.len());
        for reference in &references {
            let target =
                self.file.dereference(reference).map_err(|error| self.damaged(name, &error))?;
            let ReferencedObject::Dataset(target) = target else {
                let problem = format!("a cell of `{name}` does not hold an array");
                return Err(Error::file(&self.path, problem, DAMAGED));
            };
            columns.push(self.dense(&target, name)?.into_f64().values);
        }
        Ok(columns)
    }

    fn member(&self, group: &Group, member: &str, name: &str) -> Result<Numeric> {
        let dataset = group.dataset(member).map_err(|error| self.damaged(name, &error))?;
        self.dense(&dataset, name)
    }

    fn is_single(&self, dataset: &Dataset, name: &str, convention: &Convention) -> Result<bool> {
        let kind = dataset.dtype().and_then(|dtype| dtype.to_descriptor());
        // MATLAB stores the shape of an empty array as integers, so the class decides there.
        if is_empty(dataset) {
            return Ok(convention.class.as_deref() == Some("single"));
        }
        let class = convention.class.as_deref();
        match kind {
            _ if matches!(class, Some("char" | "cell" | "struct")) => {
                Err(not_numeric(&self.path, name, class.unwrap_or_default()))
            }
            Ok(TypeDescriptor::Float(FloatSize::U4)) => Ok(true),
            Ok(
                TypeDescriptor::Float(_) | TypeDescriptor::Integer(_) | TypeDescriptor::Unsigned(_),
            ) => Ok(false),
            _ => Err(not_numeric(&self.path, name, &type_name(dataset))),
        }
    }

    /// The shape of an array without elements, which MATLAB stores in place of the elements.
    fn empty_shape(&self, dataset: &Dataset, name: &str) -> Result<Vec<usize>> {
        if let Some(shape) = convention(dataset).python_shape {
            return shape.into_iter().map(|n| self.index(n as f64, usize::MAX, name)).collect();
        }
        self.check_size(dataset, name)?;
        let shape = dataset.read_raw::<f64>().map_err(|error| self.damaged(name, &error))?;
        shape.into_iter().map(|length| self.index(length, usize::MAX, name)).collect()
    }

    /// Refuses sizes that the file cannot hold, before memory is asked for.
    fn check_size(&self, dataset: &Dataset, name: &str) -> Result<()> {
        let item = dataset.dtype().map_or(1, |dtype| dtype.size());
        let declared = n_elements(&dataset.shape()).and_then(|n| n.checked_mul(item));
        let possible = self.length.saturating_mul(if dataset.is_chunked() { MAX_EXPANSION } else { 1 });
        match declared {
            Some(declared) if declared as u64 <= possible => Ok(()),
            _ => Err(too_large(&self.path, name)),
        }
    }

    fn damaged(&self, name: &str, error: &::hdf5::Error) -> Error {
        Error::file(&self.path, format!("cannot read `{name}` ({})", cause(error)), DAMAGED)
    }
}

enum Found {
    Dense(Dataset),
    Sparse(Group),
}

/// A sparse array whose indices have been checked.
struct Sparse {
    shape: Vec<usize>,
    n_elements: usize,
    background: f64,
    /// Column-major position of each value.
    positions: Vec<usize>,
    values: Numeric,
}

impl Sparse {
    /// The elements `range`, in column-major order; the shape is that of the whole array.
    fn dense(self, range: Range<usize>) -> Result<Numeric> {
        let Sparse { shape, background, positions, values, .. } = self;
        Ok(match values {
            Numeric::F32(array) => {
                let values = fill(background as f32, &positions, &array.values, range);
                Numeric::F32(Array { shape, values })
            }
            Numeric::F64(array) => {
                let values = fill(background, &positions, &array.values, range);
                Numeric::F64(Array { shape, values })
            }
        })
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

fn n_elements_of(values: &Numeric) -> usize {
    match values {
        Numeric::F32(array) => array.values.len(),
        Numeric::F64(array) => array.values.len(),
    }
}

fn convention(dataset: &Dataset) -> Convention {
    let python_shape = dataset.attr("Python.Shape").and_then(|attribute| attribute.read_raw::<u64>());
    Convention {
        class: text_attribute(dataset, "MATLAB_class"),
        python_shape: python_shape.ok(),
    }
}

fn is_empty(dataset: &Dataset) -> bool {
    dataset
        .attr("MATLAB_empty")
        .and_then(|attribute| attribute.read_scalar::<f64>())
        .is_ok_and(|value| value != 0.0)
}

fn text_attribute(location: &Location, name: &str) -> Option<String> {
    const MAX_LENGTH: usize = 64;
    let attribute = location.attr(name).ok()?;
    match attribute.dtype().ok()?.to_descriptor().ok()? {
        TypeDescriptor::VarLenAscii => {
            attribute.read_scalar::<VarLenAscii>().ok().map(|text| text.to_string())
        }
        TypeDescriptor::VarLenUnicode => {
            attribute.read_scalar::<VarLenUnicode>().ok().map(|text| text.to_string())
        }
        _ => {
            let text = attribute.read_scalar::<FixedAscii<MAX_LENGTH>>().ok()?;
            Some(text.as_str().to_owned())
        }
    }
}

fn type_name(dataset: &Dataset) -> String {
    let kind = dataset.dtype().and_then(|dtype| dtype.to_descriptor());
    kind.map_or_else(|_| "unknown".to_owned(), |kind| kind.to_string())
}

/// The innermost reason that libhdf5 gives.
fn cause(error: &::hdf5::Error) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().trim_end_matches('.').to_owned()
}

pub(in crate::io) fn missing_variable(path: &Path, variable: &str, names: &[String]) -> Error {
    let remedy = match names {
        [] => "the file holds no variables; write it again".to_owned(),
        _ => format!("the file holds `{}`", names.join("`, `")),
    };
    Error::file(path, format!("has no variable `{variable}`"), remedy)
}

pub(in crate::io) fn not_numeric(path: &Path, variable: &str, class: &str) -> Error {
    let problem = format!("`{variable}` is not a real numeric array but `{class}`");
    Error::file(path, problem, "store it as single or double")
}

pub(in crate::io) fn too_large(path: &Path, variable: &str) -> Error {
    let problem = format!("`{variable}` claims more data than the file can hold");
    Error::file(path, problem, DAMAGED)
}

pub(in crate::io) fn check_range(
    path: &Path,
    variable: &str,
    range: &Range<usize>,
    n_elements: usize,
) -> Result<()> {
    if range.start <= range.end && range.end <= n_elements {
        return Ok(());
    }
    let problem = format!(
        "`{variable}` has {n_elements} elements, elements {} to {} were asked for",
        range.start, range.end
    );
    Err(Error::file(path, problem, "all files of a layer must have the same shape"))
}
