//! NumPy's `.npy` files of numbers.

use std::io::{BufReader, Read};
use std::path::Path;

use half::f16;
use ndarray::{Array, ArrayD, Dimension, IxDyn, ShapeBuilder};
use ndarray_npy::npy::header::Header;
use ndarray_npy::{ReadNpyError, ReadNpyExt, ReadableElement, WriteNpyExt};

use super::ordinary;
use crate::error::{Error, Result};

/// An array as double precision; `None` where the file holds another type than the one looked for.
type Converted = Result<Option<ArrayD<f64>>>;

/// Reads an array of any type of real numbers as double precision; truth values are 0 and 1.
///
/// # Errors
/// If the file cannot be read, is cut off, or holds something else than numbers.
pub fn read(path: &Path) -> Result<ArrayD<f64>> {
    const READERS: [fn(&Path) -> Converted; 12] = [
        try_type::<f64>,
        |path| converted::<f32>(path, f64::from),
        |path| converted::<i64>(path, |value| value as f64),
        |path| converted::<i32>(path, f64::from),
        |path| converted::<u8>(path, f64::from),
        |path| converted::<i16>(path, f64::from),
        |path| converted::<i8>(path, f64::from),
        |path| converted::<u16>(path, f64::from),
        |path| converted::<u32>(path, f64::from),
        |path| converted::<u64>(path, |value| value as f64),
        |path| converted::<bool>(path, f64::from),
        halves,
    ];
    for reader in READERS {
        if let Some(array) = reader(path)? {
            return Ok(array);
        }
    }
    let problem = "holds another type than floats of 16, 32 or 64 bits, integers or truth values";
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

/// As [`try_type`], each number as double precision.
fn converted<T: ReadableElement + Copy>(path: &Path, number: fn(T) -> f64) -> Converted {
    Ok(try_type::<T>(path)?.map(|array| array.mapv(number)))
}

/// Half precision, which networks are often run in and the crate does not know.
fn halves(path: &Path) -> Converted {
    check_header(path)?;
    let unreadable = |error| Error::io("read", path)(error);
    let mut file = BufReader::new(ordinary::open(path).map_err(unreadable)?);
    let Ok(header) = Header::from_reader(&mut file) else {
        return Ok(None);
    };
    let number: fn([u8; 2]) -> f16 = match header.type_descriptor.as_string().map(String::as_str) {
        Some("<f2") => f16::from_le_bytes,
        Some(">f2") => f16::from_be_bytes,
        _ => return Ok(None),
    };
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(unreadable)?;
    let (pairs, rest) = bytes.as_chunks::<2>();
    let values = pairs.iter().map(|&pair| number(pair).to_f64()).collect();
    let shape = IxDyn(&header.shape).set_f(header.layout.is_fortran());
    match ArrayD::from_shape_vec(shape, values) {
        Ok(array) if rest.is_empty() => Ok(Some(array)),
        _ => {
            let problem = format!("does not hold the {:?} numbers it claims", header.shape);
            Err(Error::file(path, problem, SAVE_AGAIN))
        }
    }
}

/// `None` where the file holds another type.
fn try_type<T: ReadableElement>(path: &Path) -> Result<Option<ArrayD<T>>> {
    check_header(path)?;
    let file = ordinary::open(path).map_err(Error::io("read", path))?;
    match ArrayD::<T>::read_npy(BufReader::new(file)) {
        Ok(array) => Ok(Some(array)),
        Err(ReadNpyError::WrongDescriptor(_)) => Ok(None),
        Err(ReadNpyError::Io(error)) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
            Err(Error::io("read", path)(error))
        }
        Err(error) => {
            let problem = format!("is not a whole .npy file ({error})");
            Err(Error::file(path, problem, SAVE_AGAIN))
        }
    }
}

/// Largest product of the other axes of an array with an empty one.
const MOST_OF_AN_EMPTY: u64 = 1 << 48;

/// What helps where a file is none of NumPy's.
const SAVE_AGAIN: &str = "save it again with `numpy.save`";
/// Longest header that is read, in bytes: NumPy's own have about a hundred.
const LONGEST_HEADER: u64 = 10_000;

/// Refuses a file whose header is no plain one, or claims more numbers than there are bytes: memory would be taken
/// for them.
fn check_header(path: &Path) -> Result<()> {
    let refused = |problem: String| Error::file(path, problem, SAVE_AGAIN);
    let file = ordinary::open(path).map_err(Error::io("read", path))?;
    let length = file.metadata().map_err(Error::io("read", path))?.len();
    let mut head = Vec::new();
    file.take(LONGEST_HEADER)
        .read_to_end(&mut head)
        .map_err(Error::io("read", path))?;
    // Two bytes of length, or four from version 2 on.
    let (start, declared) = match head.get(6..12) {
        Some(&[1, _, a, b, ..]) => (10, u32::from_le_bytes([a, b, 0, 0])),
        Some(&[_, _, a, b, c, d]) => (12, u32::from_le_bytes([a, b, c, d])),
        _ => (0, 0),
    };
    // The data behind it may hold anything.
    let text = head.iter().skip(start).take(declared as usize);
    // A dictionary with a tuple in it. The parser's time doubles with each further bracket that is left open.
    let n_of = |bracket: u8| text.clone().filter(|&&byte| byte == bracket).count();
    let is_plain = n_of(b'{') <= 1 && n_of(b'(') <= 1 && n_of(b'[') == 0;
    if u64::from(declared) > LONGEST_HEADER || !is_plain {
        let problem = "has a header that is not that of an array of plain numbers";
        return Err(refused(problem.to_owned()));
    }
    let Ok(header) = Header::from_reader(&mut head.as_slice()) else {
        // Whatever it is, it is told when it is read.
        return Ok(());
    };
    let shape = header.shape;
    // The parser multiplies also what an empty axis makes nothing of.
    let product = shape
        .iter()
        .try_fold(1, |n: u64, &axis| n.checked_mul(axis.max(1) as u64));
    let is_empty = shape.contains(&0);
    let fits = |&n: &u64| n <= length || (is_empty && n <= MOST_OF_AN_EMPTY);
    if product.as_ref().is_some_and(fits) {
        return Ok(());
    }
    let problem = format!("claims the shape {shape:?}, and has {length} bytes");
    Err(refused(problem))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::atomic;
    use ndarray::array;

    #[test]
    fn an_empty_axis_hides_no_overflow() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        let written = |shape: &str| {
            let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}\n");
            let mut bytes = b"\x93NUMPY\x01\0".to_vec();
            bytes.extend((header.len() as u16).to_le_bytes());
            bytes.extend(header.as_bytes());
            atomic::write(&path, &bytes).unwrap();
            read(&path)
        };
        assert_eq!(written("(0, 1000)").unwrap().shape(), [0, 1000]);
        let error = written("(0, 4294967296, 4294967296)").unwrap_err();
        assert!(error.to_string().contains("claims the shape"), "{error}");
    }

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

    fn written<T: ndarray_npy::WritableElement>(array: &Array<T, ndarray::Ix2>) -> ArrayD<f64> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npy");
        ndarray_npy::write_npy(&path, array).unwrap();
        read(&path).unwrap()
    }

    #[test]
    fn every_type_of_numbers_is_read() {
        let numbers = array![[0.0, 1.0], [1.0, 0.0]].into_dyn();
        assert_eq!(written(&array![[false, true], [true, false]]), numbers);
        assert_eq!(written(&array![[0_u8, 1], [1, 0]]), numbers);
        assert_eq!(written(&array![[0_u16, 1], [1, 0]]), numbers);
        assert_eq!(written(&array![[0_u32, 1], [1, 0]]), numbers);
        assert_eq!(written(&array![[0_u64, 1], [1, 0]]), numbers);
        let negative = array![[-1.0, 2.0]].into_dyn();
        assert_eq!(written(&array![[-1_i8, 2]]), negative);
        assert_eq!(written(&array![[-1_i16, 2]]), negative);
        assert_eq!(written(&array![[-1_i32, 2]]), negative);
        assert_eq!(written(&array![[-1_i64, 2]]), negative);
        assert_eq!(written(&array![[-1_f32, 2.0]]), negative);
    }

    /// A file of half precision, 2 × 3, as NumPy writes it.
    fn of_halves(descriptor: &str, fortran: &str, bytes: impl Fn(f16) -> [u8; 2]) -> Vec<u8> {
        let text =
            format!("{{'descr': '{descriptor}', 'fortran_order': {fortran}, 'shape': (2, 3)}}");
        let mut file = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
        file.extend(format!("{text:<117}\n").bytes());
        for value in [
            1.5,
            -2.0,
            65504.0,
            5.960_464_477_539_063e-8,
            0.0,
            0.333_251_953_125,
        ] {
            file.extend(bytes(f16::from_f64(value)));
        }
        file
    }

    #[test]
    fn half_precision_is_read_in_both_orders() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npy");
        let rows = array![
            [1.5, -2.0, 65504.0],
            [5.960_464_477_539_063e-8, 0.0, 0.333_251_953_125]
        ];
        let little = of_halves("<f2", "False", f16::to_le_bytes);
        atomic::write(&path, &little).unwrap();
        assert_eq!(read(&path).unwrap(), rows.into_dyn());
        let columns = array![
            [1.5, 65504.0, 0.0],
            [-2.0, 5.960_464_477_539_063e-8, 0.333_251_953_125]
        ];
        atomic::write(&path, &of_halves(">f2", "True", f16::to_be_bytes)).unwrap();
        assert_eq!(read(&path).unwrap(), columns.into_dyn());
        for wrong in [
            &little[..little.len() - 1],
            &little[..little.len() - 2],
            &[&little[..], &[0]].concat(),
        ] {
            atomic::write(&path, wrong).unwrap();
            assert!(read(&path).unwrap_err().to_string().contains("numpy.save"));
        }
    }
}
