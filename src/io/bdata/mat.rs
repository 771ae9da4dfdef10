//! Brain data in MATLAB v5 files: the matrix `dataSet` and the struct `metaData`, in either spelling.
//!
//! `metaData` is a 1 × 1 struct with the fields `key` and `description` (cells of text) and `value` (a matrix,
//! `(n_keys, n_columns)`). There is no value map, so labels cannot be had from such a file; bdpy does not read
//! one either.

use std::collections::BTreeMap;
use std::path::Path;

use ndarray::{Array2, ShapeBuilder};

use self::seam::{Value, read_all};
use super::{Content, Matrix};
use crate::error::{Error, Result};
use crate::io::mat::{Array, Numeric};

/// The v5 reader as seen from here; to be `use crate::io::mat_v5::{Value, read_all}`.
mod seam {
    use std::path::Path;

    use crate::error::{Error, Result};
    use crate::io::mat::Numeric;

    #[derive(Debug)]
    #[allow(dead_code)]
    pub enum Value {
        Numeric(Numeric),
        Text(String),
        Cell {
            shape: Vec<usize>,
            items: Vec<Value>,
        },
        Struct {
            shape: Vec<usize>,
            fields: Vec<(String, Vec<Value>)>,
        },
    }

    pub fn read_all(path: &Path) -> Result<Vec<(String, Value)>> {
        Err(Error::file(
            path,
            "brain data in MATLAB v5 files cannot be read yet",
            "convert it with bdpy: `bdpy.BData('x.mat').save('x.h5')`",
        ))
    }
}

/// Reads all parts of a brain-data file.
pub(super) fn read(path: &Path) -> Result<Content> {
    content(read_all(path)?).map_err(|problem| {
        Error::file(
            path,
            problem,
            "give a brain-data file as bdpy or BrainDecoderToolbox2 writes it",
        )
    })
}

/// The parts of a table from the variables of a file; the error is the problem.
fn content(mut variables: Vec<(String, Value)>) -> Result<Content, String> {
    let mut take = |names: [&str; 2]| {
        let at = names
            .iter()
            .find_map(|name| variables.iter().position(|(n, _)| n == name));
        let [older, newer] = names;
        match at {
            Some(at) => Ok(variables.swap_remove(at).1),
            None => Err(format!("it has neither `{older}` nor `{newer}`")),
        }
    };
    let Value::Struct { mut fields, .. } = take(["metaData", "metadata"])? else {
        return Err("`metaData` is not a struct".to_owned());
    };
    let mut field = |name: &str| {
        let at = fields.iter().position(|(n, _)| n == name);
        let value = at.and_then(|at| fields[at].1.pop());
        value.ok_or_else(|| format!("`metaData` has no field `{name}`"))
    };
    let keys = texts(field("key")?).ok_or("`metaData.key` is not a cell of text")?;
    let values = match field("value")? {
        Value::Numeric(numeric) => double(numeric),
        _ => None,
    };
    let values = values.ok_or("`metaData.value` is not a matrix of numbers")?;
    let matrix = match take(["dataSet", "dataset"])? {
        Value::Numeric(Numeric::F32(array)) => array2(array).map(Matrix::Single),
        Value::Numeric(numeric) => double(numeric).map(Matrix::Double),
        _ => None,
    };
    let matrix = matrix.ok_or("`dataSet` is not a matrix of numbers")?;
    Ok(Content {
        matrix,
        keys,
        values,
        value_maps: BTreeMap::new(),
    })
}

/// The texts of a cell, without spaces around them (MATLAB pads rows of text).
fn texts(value: Value) -> Option<Vec<String>> {
    let items = match value {
        Value::Cell { items, .. } => items,
        text @ Value::Text(_) => vec![text],
        _ => return None,
    };
    let text = |item| match item {
        Value::Text(text) => Some(text.trim().to_owned()),
        _ => None,
    };
    items.into_iter().map(text).collect()
}

fn double(numeric: Numeric) -> Option<Array2<f64>> {
    match numeric {
        Numeric::F64(array) => array2(array),
        Numeric::F32(array) => array2(array).map(|array| array.mapv(f64::from)),
    }
}

/// A column-major array of two axes.
fn array2<T>(array: Array<T>) -> Option<Array2<T>> {
    let &[n_rows, n_columns] = array.shape.as_slice() else {
        return None;
    };
    Array2::from_shape_vec((n_rows, n_columns).f(), array.values).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    fn matrix(shape: [usize; 2], values: &[f64]) -> Value {
        let array = Array {
            shape: shape.to_vec(),
            values: values.to_vec(),
        };
        Value::Numeric(Numeric::F64(array))
    }

    fn variables(value: Value) -> Vec<(String, Value)> {
        let key = Value::Cell {
            shape: vec![1, 2],
            items: vec![text("ROI_V1 "), text("x")],
        };
        let fields = vec![
            ("key".to_owned(), vec![key]),
            ("value".to_owned(), vec![value]),
        ];
        vec![
            (
                "metaData".to_owned(),
                Value::Struct {
                    shape: vec![1, 1],
                    fields,
                },
            ),
            (
                "dataSet".to_owned(),
                matrix([2, 3], &[1., 2., 3., 4., 5., 6.]),
            ),
        ]
    }

    #[test]
    fn columns_first_arrays_become_tables() {
        let content = content(variables(matrix([2, 3], &[1., 0., 0., 1., 1., 0.]))).unwrap();
        assert_eq!(content.keys, ["ROI_V1", "x"]);
        assert_eq!(content.values, ndarray::array![[1., 0., 1.], [0., 1., 0.]]);
        let Matrix::Double(matrix) = content.matrix else {
            panic!("double")
        };
        assert_eq!(matrix, ndarray::array![[1., 3., 5.], [2., 4., 6.]]);
    }

    #[test]
    fn missing_and_mistyped_parts_are_named() {
        let problem = |variables| content(variables).unwrap_err();
        assert_eq!(problem(vec![]), "it has neither `metaData` nor `metadata`");
        assert_eq!(
            problem(variables(text("1"))),
            "`metaData.value` is not a matrix of numbers"
        );
        let mut without = variables(matrix([2, 3], &[0.; 6]));
        without.pop();
        assert_eq!(problem(without), "it has neither `dataSet` nor `dataset`");
        assert_eq!(
            problem(vec![("metadata".to_owned(), text("x"))]),
            "`metaData` is not a struct"
        );
    }
}
