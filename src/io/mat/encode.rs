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

/// As [`encode_f32`], of values in row-major order, last axis fastest: NumPy's.
///
/// # Panics
///
/// If the number of values is not that of the shape.
#[must_use]
pub fn encode_f32_rows(variable: &str, shape: &[usize], values: &[f32]) -> Vec<u8> {
    dense(variable, shape, Class::SINGLE, column_major(shape, values))
}

/// Side of the squares in which axes are exchanged: rows and columns of one stay in the first cache.
const SQUARE: usize = 16;

/// Little-endian bytes in column-major order, of values in row-major order.
///
/// First and last axis are exchanged square by square, for each index of those between. Going by the output
/// value for value took as long as a network's forward pass.
fn column_major(shape: &[usize], values: &[f32]) -> Vec<u8> {
    // Axes of length 1 do not move values.
    let axes: Vec<usize> = shape
        .iter()
        .copied()
        .filter(|&length| length != 1)
        .collect();
    let (first, between, last) = match axes.as_slice() {
        [] | [_] => return bytes(values, |value| value.to_le_bytes()),
        [first, between @ .., last] => (*first, between, *last),
    };
    let n_between: usize = between.iter().product();
    let (row, column) = (n_between * last, n_between * first);
    let mut result = vec![[0; 4]; values.len()];
    for index in 0..n_between {
        let from = &values[index * last..];
        let to = &mut result[reversed(between, index) * first..];
        for start in (0..first).step_by(SQUARE) {
            for begin in (0..last).step_by(SQUARE) {
                for j in begin..last.min(begin + SQUARE) {
                    for i in start..first.min(start + SQUARE) {
                        to[j * column + i] = from[i * row + j].to_le_bytes();
                    }
                }
            }
        }
    }
    result.into_flattened()
}

/// Place in the reversed axes of the row-major place `index` in `shape`.
fn reversed(shape: &[usize], index: usize) -> usize {
    let (mut rest, mut place) = (index, 0);
    let mut strides = Vec::with_capacity(shape.len());
    let mut stride = 1;
    for &length in shape {
        strides.push(stride);
        stride *= length;
    }
    for (&length, stride) in shape.iter().zip(strides).rev() {
        place += rest % length * stride;
        rest /= length;
    }
    place
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_columns_for_any_number_of_axes() {
        for shape in [
            vec![],
            vec![5],
            vec![1, 7],
            vec![3, 40],
            vec![1, 33, 2, 50],
            vec![1, 4, 3, 2, 5],
            vec![2, 1, 3],
        ] {
            let n: usize = shape.iter().product();
            let values: Vec<f32> = (0..n).map(|i| i as f32).collect();
            let array = ndarray::ArrayD::from_shape_vec(shape.clone(), values.clone()).unwrap();
            let reversed: Vec<f32> = array.t().iter().copied().collect();
            let expected = encode_f32("feat", &shape, &reversed);
            assert_eq!(
                encode_f32_rows("feat", &shape, &values),
                expected,
                "{shape:?}"
            );
        }
    }
}
