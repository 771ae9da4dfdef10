//! NumPy's `.npy` files of numbers.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use ndarray::{Array, ArrayD, Dimension};
use ndarray_npy::{ReadNpyError, ReadNpyExt, ReadableElement, WriteNpyExt};

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

/// Reads an array of single precision as it is; `None` if it is of another type.
///
/// # Errors
/// As [`read`].
pub fn read_f32(path: &Path) -> Result<Option<ArrayD<f32>>> {
    try_type(path)
}

/// Bytes of a file with this array.
pub fn encode<D: Dimension>(array: &Array<f64, D>) -> Vec<u8> {
    let mut bytes = Vec::new();
    array.write_npy(&mut bytes).expect("memory takes it");
    bytes
}

/// `None` where the file holds another type.
fn try_type<T: ReadableElement>(path: &Path) -> Result<Option<ArrayD<T>>> {
    check_size(path)?;
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

/// Longest header that is looked at: NumPy's own have about a hundred bytes.
const LONGEST_HEADER: u64 = 1 << 16;

/// Refuses a file whose header claims more numbers than it has bytes: memory would be taken for them.
fn check_size(path: &Path) -> Result<()> {
    let file = File::open(path).map_err(Error::io("read", path))?;
    let length = file.metadata().map_err(Error::io("read", path))?.len();
    let mut head = Vec::new();
    file.take(LONGEST_HEADER)
        .read_to_end(&mut head)
        .map_err(Error::io("read", path))?;
    let text = String::from_utf8_lossy(&head);
    let Some(shape) = text
        .split_once("'shape'")
        .and_then(|(_, rest)| Some(rest.split_once('(')?.1.split_once(')')?.0))
    else {
        // Whatever it is, it is told when it is read.
        return Ok(());
    };
    let mut n: u64 = 1;
    for axis in shape
        .split(',')
        .map(str::trim)
        .filter(|axis| !axis.is_empty())
    {
        n = axis
            .parse::<u64>()
            .map_or(u64::MAX, |axis| n.saturating_mul(axis));
    }
    if n <= length {
        return Ok(());
    }
    let problem = format!("claims {n} numbers ({shape}), and has {length} bytes");
    Err(Error::file(
        path,
        problem,
        "save it again with `numpy.save`",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::atomic;
    use ndarray::array;

    #[test]
    fn a_header_cannot_claim_more_than_the_file_has() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npy");
        let bytes = encode(&array![[1.0, 2.0]]);
        atomic::write(&path, &bytes).unwrap();
        assert_eq!(read(&path).unwrap(), array![[1.0, 2.0]].into_dyn());
        let text = String::from_utf8_lossy(&bytes).replace("(1, 2)", "(1099511627776, 1)");
        atomic::write(&path, text.as_bytes()).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("x.npy"));
        atomic::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("x.npy"));
    }
}
