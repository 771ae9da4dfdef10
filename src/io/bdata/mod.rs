//! Brain-data tables of bdpy (BData): one row per sample, columns found by select expressions, labels by key.
//!
//! | in the `.h5` file | what | here |
//! |---|---|---|
//! | `dataset` or `dataSet` | numbers, `(n_samples, n_columns)`: voxels, then columns such as `image_index` | kept in single or double precision, as stored |
//! | `metadata` or `metaData` `/key` | text, `(n_keys,)`, of variable or fixed length | [`BData::keys`] |
//! | … `/value` | numbers, `(n_keys, n_columns)`, NaN where a column has no value | what [`select`](super::select) looks at |
//! | … `/description` | text, `(n_keys,)` | not read |
//! | `vmap/<key>/<number as text>` | text: what a number in the column of that key stands for | [`BData::get_label`] |
//! | `header` | call stack and source code of the program that wrote the file | neither read nor written |
//!
//! The older MATLAB v5 form holds the structs `metaData` and the matrix `dataSet`, and no value map. Which of the
//! two a file is, is told by its content.

mod h5;
mod mat;
mod write;

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::path::{Path, PathBuf};

use ndarray::{Array2, ArrayView2};

use super::ordinary;
use super::select::Expression;
use crate::error::{Error, Result};
use crate::nearest::{nearest, quoted};

pub use write::{Label, Table, VOXEL_KEY, write};

/// The label of a sample whose number is NaN, as in bdpy.
const NO_LABEL: &str = "n/a";
/// First bytes of an HDF5 file, at byte 0 or behind a user block of 512, 1024, … bytes.
const HDF5_SIGNATURE: &[u8] = b"\x89HDF\r\n\x1a\n";
/// Bytes searched for the signature; bdpy writes no user block, MATLAB one of 512 bytes.
const SIGNATURE_SEARCH: u64 = 4096 + 8;

/// A brain-data table in memory: the matrix once, in its stored precision, and its metadata.
#[derive(Debug)]
pub struct BData {
    path: PathBuf,
    content: Content,
}

/// What either file form holds.
#[derive(Debug)]
struct Content {
    /// `(n_samples, n_columns)`.
    matrix: Matrix,
    /// `(n_keys,)`.
    keys: Vec<String>,
    /// `(n_keys, n_columns)`.
    values: Array2<f64>,
    /// By key, then by number.
    value_maps: BTreeMap<String, ValueMap>,
}

/// Numbers in the precision of the file; half the memory for single.
#[derive(Debug)]
enum Matrix {
    Single(Array2<f32>),
    Double(Array2<f64>),
}

/// What each number of a label column stands for.
#[derive(Debug, Default)]
struct ValueMap(HashMap<u64, String>);

impl ValueMap {
    /// Adds a label; the error is another label that the number already has.
    fn insert(&mut self, number: f64, label: String) -> Result<(), String> {
        match self.0.insert(Self::bits(number), label.clone()) {
            Some(other) if other != label => Err(other),
            _ => Ok(()),
        }
    }

    fn get(&self, number: f64) -> Option<&String> {
        self.0.get(&Self::bits(number))
    }

    /// Equal numbers have equal bits after adding zero, which turns -0 into 0.
    fn bits(number: f64) -> u64 {
        (number + 0.0).to_bits()
    }
}

impl BData {
    /// Reads a table: HDF5 or MATLAB v5, told by content.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read, [`Error::File`] if it is damaged or no brain data.
    pub fn read(path: &Path) -> Result<Self> {
        let content = if is_hdf5(path)? {
            h5::read(path)?
        } else {
            mat::read(path)?
        };
        let table = Self {
            path: path.to_owned(),
            content,
        };
        table.check()?;
        Ok(table)
    }

    fn check(&self) -> Result<()> {
        let Content { keys, values, .. } = &self.content;
        let n_columns = self.n_columns();
        if keys.len() != values.nrows() || n_columns != values.ncols() {
            let problem = format!(
                "the metadata are {} x {}, but there are {} keys and {n_columns} columns",
                values.nrows(),
                values.ncols(),
                keys.len(),
            );
            return Err(self.error(problem, "write the file again with bdpy"));
        }
        Ok(())
    }

    fn error(&self, problem: impl Into<String>, remedy: impl Into<String>) -> Error {
        Error::file(&self.path, problem, remedy)
    }

    /// Names of the metadata rows, in file order.
    pub fn keys(&self) -> &[String] {
        &self.content.keys
    }

    /// How many columns each metadata row marks with 1, `(n_keys,)`.
    pub fn n_marked(&self) -> Vec<usize> {
        let rows = self.content.values.rows().into_iter();
        rows.map(|row| row.iter().filter(|&&value| value == 1.0).count())
            .collect()
    }

    /// Number of rows: fMRI volumes or trials.
    pub fn n_samples(&self) -> usize {
        match &self.content.matrix {
            Matrix::Single(matrix) => matrix.nrows(),
            Matrix::Double(matrix) => matrix.nrows(),
        }
    }

    /// Number of columns: voxels and everything else.
    pub fn n_columns(&self) -> usize {
        match &self.content.matrix {
            Matrix::Single(matrix) => matrix.ncols(),
            Matrix::Double(matrix) => matrix.ncols(),
        }
    }

    /// Columns that a [select expression](super::select) means, in file order; may be none.
    ///
    /// # Errors
    /// [`Error::Data`] for a syntax error, [`Error::File`] with the nearest keys for an unknown key.
    pub fn columns(&self, expression: &str) -> Result<Vec<usize>> {
        let expression = Expression::parse(expression)?;
        expression
            .columns(&self.content.keys, self.content.values.view())
            .map_err(|error| match error {
                Error::Data {
                    item,
                    problem,
                    remedy,
                } => self.error(format!("{item}: {problem}"), remedy),
                other => other,
            })
    }

    /// The columns that a select expression means, `(n_samples, n_voxels)`, in file order.
    ///
    /// No column is not an error: callers that need some look at the width.
    ///
    /// # Errors
    /// As [`columns`](Self::columns).
    pub fn select(&self, expression: &str) -> Result<Array2<f64>> {
        let columns = self.columns(expression)?;
        Ok(match &self.content.matrix {
            Matrix::Single(matrix) => gather(matrix.view(), &columns),
            Matrix::Double(matrix) => gather(matrix.view(), &columns),
        })
    }

    /// The one column whose metadata row `key` is 1, `(n_samples,)`, such as `image_index`.
    ///
    /// # Errors
    /// [`Error::File`] if there is no such key (with the nearest ones) or not exactly one such column.
    pub fn numbers(&self, key: &str) -> Result<Vec<f64>> {
        let Content {
            matrix,
            keys,
            values,
            ..
        } = &self.content;
        let Some(row) = keys.iter().position(|k| k == key) else {
            return Err(self.unknown_key("metadata key", key, keys.iter().map(String::as_str)));
        };
        let columns: Vec<usize> = (0..values.ncols())
            .filter(|&column| values[[row, column]] == 1.0)
            .collect();
        let [column] = columns[..] else {
            let problem = format!(
                "the key `{key}` marks {} columns instead of one",
                columns.len()
            );
            return Err(self.error(problem, "name the key of a single column, as `image_index`"));
        };
        Ok(match matrix {
            Matrix::Single(matrix) => matrix
                .column(column)
                .iter()
                .map(|&x| f64::from(x))
                .collect(),
            Matrix::Double(matrix) => matrix.column(column).to_vec(),
        })
    }

    /// What the numbers of the column `key` stand for, `(n_samples,)`; `n/a` for NaN, as in bdpy.
    ///
    /// # Errors
    /// As [`numbers`](Self::numbers), and [`Error::File`] if the key has no value map or the map lacks a number.
    pub fn get_label(&self, key: &str) -> Result<Vec<String>> {
        let numbers = self.numbers(key)?;
        let maps = &self.content.value_maps;
        let Some(map) = maps.get(key) else {
            return Err(self.unknown_key("value map", key, maps.keys().map(String::as_str)));
        };
        let label = |(sample, &number): (usize, &f64)| {
            if number.is_nan() {
                return Ok(NO_LABEL.to_owned());
            }
            map.get(number).cloned().ok_or_else(|| {
                let problem = format!(
                    "sample {} has `{key}` {number}, but `vmap/{key}` has no such number",
                    sample + 1
                );
                self.error(problem, "complete the value map with bdpy's `add_vmap`")
            })
        };
        numbers.iter().enumerate().map(label).collect()
    }

    fn unknown_key<'a>(
        &self,
        what: &str,
        key: &str,
        known: impl Iterator<Item = &'a str> + Clone,
    ) -> Error {
        let near = nearest(key, known.clone());
        let remedy = match near.as_slice() {
            [] if known.clone().next().is_none() => format!("the file has no {what} at all"),
            [] => format!("it has {}", quoted(known.take(20))),
            near => format!("did you mean {}?", quoted(near.iter().copied())),
        };
        self.error(format!("no {what} `{key}`"), remedy)
    }
}

/// Copies columns, widening to double: `(n_samples, n_columns)` to `(n_samples, columns.len())`.
fn gather<T: Copy + Into<f64>>(matrix: ArrayView2<T>, columns: &[usize]) -> Array2<f64> {
    let mut selected = Array2::zeros((matrix.nrows(), columns.len()));
    for (from, mut to) in matrix.rows().into_iter().zip(selected.rows_mut()) {
        for (to, &column) in to.iter_mut().zip(columns) {
            *to = from[column].into();
        }
    }
    selected
}

/// Whether the file is HDF5; an error if it is neither that nor MATLAB v5.
fn is_hdf5(path: &Path) -> Result<bool> {
    let mut start = Vec::new();
    ordinary::open(path)
        .and_then(|file| file.take(SIGNATURE_SEARCH).read_to_end(&mut start))
        .map_err(Error::io("read", path))?;
    let signed = |at: usize| {
        start
            .get(at..)
            .is_some_and(|rest| rest.starts_with(HDF5_SIGNATURE))
    };
    if [0, 512, 1024, 2048, 4096].into_iter().any(signed) {
        return Ok(true);
    }
    if matches!(start.get(126..128), Some(b"IM" | b"MI")) {
        return Ok(false);
    }
    Err(Error::file(
        path,
        "it is neither HDF5 nor a MATLAB v5 file",
        "give a brain-data file as bdpy writes it; if it was one, copy it again",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn table(values: Array2<f64>, keys: &[&str]) -> BData {
        let mut map = ValueMap::default();
        map.insert(1.0, "cat".to_owned()).unwrap();
        let content = Content {
            matrix: Matrix::Single(array![[1., 2., 1.], [3., 4., f32::NAN]]),
            keys: keys.iter().map(|&key| key.to_owned()).collect(),
            values,
            value_maps: BTreeMap::from([("name".to_owned(), map)]),
        };
        BData {
            path: "fmri.h5".into(),
            content,
        }
    }

    fn good() -> BData {
        let x = f64::NAN;
        table(
            array![[1., 1., x], [x, x, 1.], [1., x, x]],
            &["V", "name", "first"],
        )
    }

    #[test]
    fn labels_are_found_through_the_value_map() {
        assert_eq!(good().get_label("name").unwrap(), ["cat", "n/a"]);
        let text = good().get_label("first").unwrap_err().to_string();
        assert!(
            text.contains("no value map `first`; it has `name`"),
            "{text}"
        );
        let mut table = good();
        table
            .content
            .value_maps
            .insert("first".to_owned(), ValueMap::default());
        let text = table.get_label("first").unwrap_err().to_string();
        assert!(
            text.starts_with("`fmri.h5`: sample 1 has `first` 1"),
            "{text}"
        );
    }

    #[test]
    fn numbers_need_exactly_one_column() {
        let text = good().numbers("V").unwrap_err().to_string();
        assert!(text.contains("marks 2 columns"), "{text}");
        let text = good().numbers("nmae").unwrap_err().to_string();
        assert!(text.contains("did you mean `name`?"), "{text}");
    }

    #[test]
    fn an_empty_selection_keeps_the_samples() {
        assert_eq!(good().select("V = 2").unwrap().dim(), (2, 0));
        assert_eq!(good().select("V - first").unwrap(), array![[2.], [4.]]);
    }

    #[test]
    fn unknown_keys_of_expressions_name_the_file() {
        let text = good().select("frist = 1").unwrap_err().to_string();
        assert!(
            text.starts_with("`fmri.h5`: select expression `frist = 1`: no meta"),
            "{text}"
        );
    }

    #[test]
    fn metadata_of_another_size_are_refused() {
        assert!(good().check().is_ok());
        assert!(table(array![[1., 1.]], &["V"]).check().is_err());
        assert!(table(array![[1., 1., 1.]], &["V", "name"]).check().is_err());
    }

    #[test]
    fn minus_zero_is_zero() {
        let mut map = ValueMap::default();
        map.insert(-0.0, "a".to_owned()).unwrap();
        assert_eq!(map.get(0.0).unwrap(), "a");
        assert_eq!(map.insert(0.0, "b".to_owned()), Err("a".to_owned()));
    }
}
