//! MAT v5 files (`save -v6` and `-v7`, `scipy.io.savemat`): reading, plain or compressed.
//!
//! The `matfile` crate covers little-endian numeric arrays only and drops the rest in silence;
//! brain data are structs. So this module parses the format itself, and the tests compare it with
//! `matfile` where that applies.
//!
//! # On disk
//!
//! | part | bytes | content |
//! |---|---|---|
//! | header | 128 | 116 bytes of text, 8 of subsystem offset, version `0x0100`, `IM` (little-endian) or `MI` |
//! | element | 8 + n, padded to 8 | tag (type, n), then n bytes; or tag and up to 4 bytes in 8 ("small") |
//! | compressed | 8 + n | type 15; a zlib stream of one matrix element |
//! | matrix | | type 14; sub-elements: flags and class, axis lengths, name, then by class |
//! | … numeric | | values in any numeric type, column-major, whatever the class |
//! | … char | | code units, column-major |
//! | … cell | | one matrix element per cell, column-major |
//! | … struct | | length of a field name, field names, then for each struct one matrix per field |
//!
//! Declared sizes are checked against the bytes that are there; a damaged file gives an error, not
//! a large allocation.

mod element;
mod value;

use std::path::Path;

use self::element::Elements;
pub use self::value::Value;
use super::mat::problem::{COPY_AGAIN, missing_variable, not_numeric};
use super::mat::{Numeric, Variable};
use super::ordinary;
use crate::error::{Error, Result};

const HEADER_SIZE: usize = 128;

/// What is wrong with the bytes; the public functions add the file.
type Parsed<T> = std::result::Result<T, String>;

/// Whether the first bytes of a file are those of a v5 file.
#[must_use]
pub fn is_v5(head: &[u8]) -> bool {
    byte_order(head).is_some()
}

/// Reads one numeric variable.
///
/// # Errors
///
/// If there is no such variable (the error lists those that are there), it is not a real numeric
/// array, or the file is damaged.
pub fn read(path: &Path, bytes: &[u8], variable: &str) -> Result<Numeric> {
    let mut names = Vec::new();
    for matrix in Elements::top_level(bytes).map_err(damaged(path))? {
        let matrix = matrix.map_err(damaged(path))?;
        let header = matrix.header().map_err(damaged(path))?;
        if header.name != variable {
            names.push(header.name);
            continue;
        }
        let matrix = matrix.whole().map_err(damaged(path))?;
        return match Value::parse(&matrix).map_err(damaged(path))?.1 {
            Value::Numeric(numeric) => Ok(numeric),
            _ => Err(not_numeric(path, variable, &header.class_name())),
        };
    }
    names.retain(|name| !name.is_empty());
    Err(missing_variable(path, variable, &names))
}

/// Reads all variables, in the order of the file.
///
/// # Errors
///
/// If the file cannot be read, is not MAT v5, or is damaged.
pub fn read_all(path: &Path) -> Result<Vec<(String, Value)>> {
    let bytes = ordinary::read(path).map_err(Error::io("read", path))?;
    let mut values = Vec::new();
    for matrix in Elements::top_level(&bytes).map_err(damaged(path))? {
        let matrix = matrix
            .and_then(|matrix| matrix.whole())
            .map_err(damaged(path))?;
        let (name, value) = Value::parse(&matrix).map_err(damaged(path))?;
        // MATLAB appends its own data without a name.
        if !name.is_empty() {
            values.push((name, value));
        }
    }
    Ok(values)
}

/// Name, shape and class of all variables, without reading their values.
///
/// # Errors
///
/// If the file is damaged.
pub fn variables(path: &Path, bytes: &[u8]) -> Result<Vec<Variable>> {
    let mut variables = Vec::new();
    for matrix in Elements::top_level(bytes).map_err(damaged(path))? {
        let header = matrix
            .and_then(|matrix| matrix.header())
            .map_err(damaged(path))?;
        let class = header.class_name();
        if !header.name.is_empty() {
            variables.push(Variable {
                name: header.name,
                shape: header.shape,
                class,
            });
        }
    }
    Ok(variables)
}

/// `Some(true)` for big-endian files, `None` if this is not MAT v5.
fn byte_order(head: &[u8]) -> Option<bool> {
    match head.get(124..HEADER_SIZE)? {
        [0, 1, b'I', b'M'] => Some(false),
        [1, 0, b'M', b'I'] => Some(true),
        _ => None,
    }
}

fn damaged(path: &Path) -> impl Fn(String) -> Error + Copy {
    move |problem| {
        let problem = format!("is not a whole MAT v5 file ({problem})");
        Error::file(path, problem, COPY_AGAIN)
    }
}
