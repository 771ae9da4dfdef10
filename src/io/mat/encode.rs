//! Dense arrays as v7.3 files, with the attributes that hdf5storage writes.
//!
//! The axes are stored in reverse order, so that column-major values need not be moved. MATLAB and
//! Octave go by `MATLAB_class`; hdf5storage, and with it bdpy's `load_array`, also by the
//! `Python.*` attributes, which restore shapes of fewer than two axes.

use crate::io::hdf5_image::{Attribute, Data, Dataset, Element, Group, UserBlock, encode};

/// Encodes a v7.3 file with one dense single array.
///
/// - `shape`: axis lengths in NumPy's and MATLAB's order.
/// - `values`: column-major, first axis fastest.
///
/// # Panics
///
/// If the number of values is not that of the shape.
#[must_use]
pub fn encode_f32(variable: &str, shape: &[usize], values: &[f32]) -> Vec<u8> {
    dense(
        variable,
        shape,
        Class::SINGLE,
        bytes(values, |value| value.to_le_bytes()),
    )
}

/// Encodes a v7.3 file with one dense double array; as [`encode_f32`].
///
/// # Panics
///
/// If the number of values is not that of the shape.
#[must_use]
pub fn encode_f64(variable: &str, shape: &[usize], values: &[f64]) -> Vec<u8> {
    dense(
        variable,
        shape,
        Class::DOUBLE,
        bytes(values, |value| value.to_le_bytes()),
    )
}

fn dense(variable: &str, shape: &[usize], class: Class, bytes: Vec<u8>) -> Vec<u8> {
    let n_elements: usize = shape.iter().product();
    assert_eq!(
        bytes.len(),
        n_elements * class.element.size() as usize,
        "values and shape disagree"
    );
    let mut root = Group::default();
    root.insert_dataset(
        variable,
        dataset(class, shape, Kind::Array, None, Data::Bytes(bytes)),
    );
    encode(&root, UserBlock::Matlab).bytes
}

/// Little-endian bytes of values.
pub(super) fn bytes<T: Copy, const N: usize>(values: &[T], f: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(values.len() * N);
    for value in values {
        bytes.extend_from_slice(&f(*value));
    }
    bytes
}

/// One type under its three names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Class {
    pub element: Element,
    matlab: &'static str,
    numpy: &'static str,
}

impl Class {
    pub const SINGLE: Class = Class {
        element: Element::F32,
        matlab: "single",
        numpy: "float32",
    };
    pub const DOUBLE: Class = Class {
        element: Element::F64,
        matlab: "double",
        numpy: "float64",
    };
    pub const INT64: Class = Class {
        element: Element::I64,
        matlab: "int64",
        numpy: "int64",
    };
    pub const LOGICAL: Class = Class {
        element: Element::U8,
        matlab: "logical",
        numpy: "bool",
    };
    pub const CELL: Class = Class {
        element: Element::Reference,
        matlab: "cell",
        numpy: "object",
    };
}

/// What the array was in Python.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// `numpy.ndarray`.
    Array,
    /// `int`, which the current hdf5storage calls `long`.
    Integer,
    /// `bool`.
    Boolean,
    /// `tuple`, stored as a cell.
    Tuple,
}

/// A dataset as hdf5storage writes it.
///
/// - `shape`: axis lengths in NumPy's order.
/// - `group`: path of the group, given for everything that is not at the top.
pub(super) fn dataset(
    class: Class,
    shape: &[usize],
    kind: Kind,
    group: Option<&str>,
    data: Data,
) -> Dataset {
    let (python_type, container) = match kind {
        Kind::Array => ("numpy.ndarray", "ndarray"),
        Kind::Integer => ("long", "scalar"),
        Kind::Boolean => ("bool", "scalar"),
        Kind::Tuple => ("tuple", "ndarray"),
    };
    let mut attributes = Vec::new();
    let mut attribute = |name: &str, value| attributes.push((name.to_owned(), value));
    attribute("MATLAB_class", Attribute::text(class.matlab));
    attribute(
        "Python.Shape",
        Attribute::U64s(shape.iter().map(|&n| n as u64).collect()),
    );
    attribute("Python.Type", Attribute::text(python_type));
    attribute("Python.numpy.Container", Attribute::text(container));
    attribute("Python.numpy.UnderlyingType", Attribute::text(class.numpy));
    if let Some(group) = group {
        attribute("H5PATH", Attribute::text(group));
    }
    if matches!(kind, Kind::Boolean) {
        attribute("MATLAB_int_decode", Attribute::I64(1));
    }
    let matlab_shape = matlab_shape(shape);
    if matlab_shape.contains(&0) {
        // The shape in place of the elements.
        attribute("MATLAB_empty", Attribute::U8(1));
        attribute("Python.Empty", Attribute::U8(1));
        let dims = vec![matlab_shape.len() as u64];
        let data = Data::Bytes(bytes(&matlab_shape, u64::to_le_bytes));
        return Dataset {
            element: Element::U64,
            dims,
            data,
            attributes,
        };
    }
    let dims = matlab_shape.into_iter().rev().collect();
    Dataset {
        element: class.element,
        dims,
        data,
        attributes,
    }
}

/// At least two axes; one axis becomes a column.
fn matlab_shape(shape: &[usize]) -> Vec<u64> {
    let mut shape: Vec<u64> = shape.iter().map(|&length| length as u64).collect();
    while shape.len() < 2 {
        shape.push(1);
    }
    shape
}
