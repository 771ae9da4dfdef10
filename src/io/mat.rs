//! MATLAB files (skeleton: types and signatures).
use crate::error::Result;
use std::path::Path;

/// A numeric array as MATLAB files hold it: column-major, first axis fastest.
#[derive(Debug, Clone, PartialEq)]
pub struct Array<T> {
    /// Length of each axis, in NumPy's and MATLAB's order.
    pub shape: Vec<usize>,
    /// Values, first axis fastest; `shape.iter().product()` of them.
    pub values: Vec<T>,
}

/// A numeric variable in its stored type.
#[derive(Debug, Clone, PartialEq)]
pub enum Numeric { 
    /// single
    F32(Array<f32>), 
    /// double
    F64(Array<f64>), 
}

/// Reads one numeric variable.
pub fn read(_path: &Path, _variable: &str) -> Result<Numeric> { todo!() }
/// Reads as f32.
pub fn read_f32(_path: &Path, _variable: &str) -> Result<Array<f32>> { todo!() }
/// Reads as f64.
pub fn read_f64(_path: &Path, _variable: &str) -> Result<Array<f64>> { todo!() }
/// Encodes one dense single array.
pub fn encode_f32(_variable: &str, _shape: &[usize], _values: &[f32]) -> Vec<u8> { todo!() }
/// Encodes decoder weights, dense or sparse.
pub fn encode_weights(_variable: &str, _shape: &[usize], _values: &[f32]) -> Vec<u8> { todo!() }
