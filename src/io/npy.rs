//! NumPy's `.npy` files of numbers.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use ndarray::ArrayD;
use ndarray_npy::{ReadNpyError, ReadNpyExt, ReadableElement};

use crate::error::{Error, Result};

/// Reads an array of any usual type as double precision.
///
/// # Errors
/// If the file cannot be read, is cut off, or holds something else than numbers.
pub fn read(path: &Path) -> Result<ArrayD<f64>> {
    if let Some(array) = try_type::<f64>(path)? {
        return Ok(array);
    }
    if let Some(array) = try_type::<f32>(path)? {
        return Ok(array.mapv(f64::from));
    }
    if let Some(array) = try_type::<i64>(path)? {
        return Ok(array.mapv(|value| value as f64));
    }
    if let Some(array) = try_type::<i32>(path)? {
        return Ok(array.mapv(f64::from));
    }
    if let Some(array) = try_type::<u8>(path)? {
        return Ok(array.mapv(f64::from));
    }
    let problem = "holds another type than float64, float32, int64, int32 or uint8";
    Err(Error::file(
        path,
        problem,
        "save it with `array.astype(float)`",
    ))
}

/// Reads an array as single precision, for features: half the memory.
///
/// # Errors
/// As [`read`].
pub fn read_f32(path: &Path) -> Result<ArrayD<f32>> {
    match try_type::<f32>(path)? {
        Some(array) => Ok(array),
        None => Ok(read(path)?.mapv(|value| value as f32)),
    }
}

/// `None` where the file holds another type.
fn try_type<T: ReadableElement>(path: &Path) -> Result<Option<ArrayD<T>>> {
    let file = File::open(path).map_err(Error::io("read", path))?;
    match ArrayD::<T>::read_npy(BufReader::new(file)) {
        Ok(array) => Ok(Some(array)),
        Err(ReadNpyError::WrongDescriptor(_)) => Ok(None),
        Err(ReadNpyError::Io(error)) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
            Err(Error::io("read", path)(error))
        }
        Err(error) => {
            let problem = format!("is not a whole .npy file ({error})");
            Err(Error::file(
                path,
                problem,
                "save it again with `numpy.save`",
            ))
        }
    }
}
