//! Tags, sub-elements and compressed elements of MAT v5.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::ZlibDecoder;

use super::{HEADER_SIZE, Parsed, byte_order};
use crate::io::expansion;

const MATRIX: u32 = 14;
const COMPRESSED: u32 = 15;
/// Inflated first to see the name: flags, axis lengths and name of all but freak variables.
const PREFIX: u64 = 512;
const MAX_AXES: usize = 32;

/// The bytes of a value and their type number.
pub(super) struct Element<'a> {
    pub kind: u32,
    pub bytes: &'a [u8],
    pub big_endian: bool,
}

impl Element<'_> {
    /// The values as double, from whatever numeric type they are stored in.
    pub fn doubles(&self) -> Parsed<Vec<f64>> {
        Ok(match self.kind {
            1 => self.decode(
                |[byte]| f64::from(byte as i8),
                |[byte]| f64::from(byte as i8),
            ),
            2 => self.decode(|[byte]| f64::from(byte), |[byte]| f64::from(byte)),
            3 => self.decode(
                |b| i16::from_le_bytes(b).into(),
                |b| i16::from_be_bytes(b).into(),
            ),
            4 => self.decode(
                |b| u16::from_le_bytes(b).into(),
                |b| u16::from_be_bytes(b).into(),
            ),
            5 => self.decode(
                |b| i32::from_le_bytes(b).into(),
                |b| i32::from_be_bytes(b).into(),
            ),
            6 => self.decode(
                |b| u32::from_le_bytes(b).into(),
                |b| u32::from_be_bytes(b).into(),
            ),
            7 => self.decode(
                |b| f32::from_le_bytes(b).into(),
                |b| f32::from_be_bytes(b).into(),
            ),
            9 => self.decode(f64::from_le_bytes, f64::from_be_bytes),
            12 => self.decode(
                |b| i64::from_le_bytes(b) as f64,
                |b| i64::from_be_bytes(b) as f64,
            ),
            13 => self.decode(
                |b| u64::from_le_bytes(b) as f64,
                |b| u64::from_be_bytes(b) as f64,
            ),
            other => return Err(format!("values of type {other}")),
        })
    }

    /// The values as single; stored singles stay bit for bit what they are.
    pub fn singles(&self) -> Parsed<Vec<f32>> {
        match self.kind {
            7 => Ok(self.decode(f32::from_le_bytes, f32::from_be_bytes)),
            _ => Ok(self
                .doubles()?
                .into_iter()
                .map(|value| value as f32)
                .collect()),
        }
    }

    fn decode<const N: usize, T>(
        &self,
        little: impl Fn([u8; N]) -> T,
        big: impl Fn([u8; N]) -> T,
    ) -> Vec<T> {
        let (values, _) = self.bytes.as_chunks::<N>();
        if self.big_endian {
            values.iter().map(|bytes| big(*bytes)).collect()
        } else {
            values.iter().map(|bytes| little(*bytes)).collect()
        }
    }

    fn integers(&self) -> Parsed<Vec<usize>> {
        let whole = |value: f64| {
            let valid = (0.0..=f64::from(u32::MAX)).contains(&value);
            valid
                .then_some(value as usize)
                .ok_or_else(|| format!("the size {value}"))
        };
        self.doubles()?.into_iter().map(whole).collect()
    }
}

/// A sequence of elements.
#[derive(Clone)]
pub(super) struct Elements<'a> {
    bytes: &'a [u8],
    big_endian: bool,
}

impl<'a> Elements<'a> {
    /// The matrices of a file.
    pub fn top_level(file: &'a [u8]) -> Parsed<impl Iterator<Item = Parsed<Matrix<'a>>>> {
        let big_endian = byte_order(file).ok_or("the header is missing")?;
        let mut elements = Elements {
            bytes: &file[HEADER_SIZE..],
            big_endian,
        };
        let mut failed = false;
        Ok(std::iter::from_fn(move || {
            while !elements.bytes.is_empty() && !failed {
                let element = elements.next_top_level();
                failed = element.is_err();
                match element {
                    Ok(Element {
                        kind: MATRIX,
                        bytes,
                        ..
                    }) => {
                        return Some(Ok(Matrix {
                            bytes: Cow::Borrowed(bytes),
                            compressed: false,
                            big_endian,
                        }));
                    }
                    Ok(Element {
                        kind: COMPRESSED,
                        bytes,
                        ..
                    }) => {
                        return Some(Ok(Matrix {
                            bytes: Cow::Borrowed(bytes),
                            compressed: true,
                            big_endian,
                        }));
                    }
                    // Other elements carry nothing that has a name.
                    Ok(_) => {}
                    Err(problem) => return Some(Err(problem)),
                }
            }
            None
        }))
    }

    fn next_top_level(&mut self) -> Parsed<Element<'a>> {
        // Compressed elements are not padded.
        self.take(|kind| kind != COMPRESSED)
    }

    /// The next sub-element.
    pub fn next(&mut self) -> Parsed<Element<'a>> {
        self.take(|_| true)
    }

    /// The next sub-element, which must be a matrix.
    pub fn next_matrix(&mut self) -> Parsed<Matrix<'a>> {
        let Element {
            kind,
            bytes,
            big_endian,
        } = self.next()?;
        if kind != MATRIX {
            return Err(format!("an element of type {kind} in place of a matrix"));
        }
        Ok(Matrix {
            bytes: Cow::Borrowed(bytes),
            compressed: false,
            big_endian,
        })
    }

    fn take(&mut self, is_padded: impl Fn(u32) -> bool) -> Parsed<Element<'a>> {
        const SHORT: &str = "an element is cut short";
        let first = self.u32_at(0).ok_or(SHORT)?;
        let (kind, size, start) = match first >> 16 {
            0 => (first, self.u32_at(4).ok_or(SHORT)? as usize, 8),
            // Small element: the size stands in the upper half of the first word.
            size if size <= 4 => (first & 0xFFFF, size as usize, 4),
            _ => return Err(format!("the type {first}")),
        };
        let padded = match start {
            4 => 8,
            _ if is_padded(kind) => start + size.next_multiple_of(8),
            _ => start + size,
        };
        let bytes = self.bytes.get(start..start + size).ok_or(SHORT)?;
        // Some writers leave out the padding at the very end.
        self.bytes = self.bytes.get(padded..).unwrap_or_default();
        Ok(Element {
            kind,
            bytes,
            big_endian: self.big_endian,
        })
    }

    fn u32_at(&self, at: usize) -> Option<u32> {
        let bytes = self.bytes.get(at..at + 4)?.try_into().ok()?;
        Some(if self.big_endian {
            u32::from_be_bytes(bytes)
        } else {
            u32::from_le_bytes(bytes)
        })
    }
}

/// A matrix element: a variable, a cell or a field.
pub(super) struct Matrix<'a> {
    bytes: Cow<'a, [u8]>,
    compressed: bool,
    big_endian: bool,
}

impl Matrix<'_> {
    /// Its sub-elements; of a compressed matrix only after [`Self::whole`].
    pub fn elements(&self) -> Elements<'_> {
        Elements {
            bytes: &self.bytes,
            big_endian: self.big_endian,
        }
    }

    /// Name, class and shape, inflating no more than is needed for them.
    pub fn header(&self) -> Parsed<Header> {
        if !self.compressed {
            return Header::parse(&mut self.elements());
        }
        let mut prefix = Vec::new();
        let mut decoder = ZlibDecoder::new(&self.bytes[..]).take(PREFIX);
        decoder
            .read_to_end(&mut prefix)
            .map_err(|error| error.to_string())?;
        let bytes = prefix.get(8..).ok_or("a compressed element is cut short")?;
        let mut elements = Elements {
            bytes,
            big_endian: self.big_endian,
        };
        Header::parse(&mut elements).or_else(|_| self.inflate()?.header())
    }

    /// This matrix with its bytes inflated.
    pub fn whole(self) -> Parsed<Self> {
        if self.compressed {
            self.inflate().map(Matrix::into_owned)
        } else {
            Ok(self)
        }
    }

    fn into_owned<'b>(self) -> Matrix<'b> {
        let Matrix {
            bytes,
            compressed,
            big_endian,
        } = self;
        Matrix {
            bytes: Cow::Owned(bytes.into_owned()),
            compressed,
            big_endian,
        }
    }

    fn inflate(&self) -> Parsed<Matrix<'static>> {
        let mut decoder = ZlibDecoder::new(&self.bytes[..]);
        let mut tag = [0; 8];
        decoder
            .read_exact(&mut tag)
            .map_err(|error| error.to_string())?;
        let tag = Elements {
            bytes: &tag,
            big_endian: self.big_endian,
        };
        let (kind, size) = (tag.u32_at(0), tag.u32_at(4).unwrap_or_default());
        if kind != Some(MATRIX) {
            return Err("a compressed element that is not a matrix".to_owned());
        }
        let mut bytes = Vec::new();
        let limit = u64::from(size);
        if limit > expansion::most(self.bytes.len() as u64) {
            let n_bytes = self.bytes.len();
            return Err(format!(
                "{n_bytes} compressed bytes that claim to be {limit}: save it without compression"
            ));
        }
        decoder
            .by_ref()
            .take(limit)
            .read_to_end(&mut bytes)
            .map_err(|error| error.to_string())?;
        if bytes.len() as u64 != limit {
            return Err("a compressed element is cut short".to_owned());
        }
        // Reading to the end of the stream verifies its checksum.
        std::io::copy(&mut decoder, &mut std::io::sink()).map_err(|error| error.to_string())?;
        let bytes = Cow::Owned(bytes);
        Ok(Matrix {
            bytes,
            compressed: false,
            big_endian: self.big_endian,
        })
    }
}

/// The first three sub-elements of a matrix.
#[derive(Debug)]
pub(super) struct Header {
    pub name: String,
    /// MATLAB's class number.
    pub class: u8,
    pub is_complex: bool,
    pub is_logical: bool,
    pub shape: Vec<usize>,
}

impl Header {
    pub fn parse(elements: &mut Elements) -> Parsed<Header> {
        // A matrix of no bytes is an empty double.
        if elements.bytes.is_empty() {
            let (name, shape) = (String::new(), vec![0, 0]);
            return Ok(Header {
                name,
                class: 6,
                is_complex: false,
                is_logical: false,
                shape,
            });
        }
        let flags = elements.next()?.integers()?;
        let flags = *flags.first().ok_or("a matrix without flags")?;
        let class = (flags & 0xFF) as u8;
        // Opaque objects have no axis lengths.
        let shape = if class == 17 {
            Vec::new()
        } else {
            elements.next()?.integers()?
        };
        if shape.len() > MAX_AXES {
            return Err(format!("an array of {} axes", shape.len()));
        }
        let name = String::from_utf8_lossy(elements.next()?.bytes).into_owned();
        let is_complex = flags & 0x800 != 0;
        Ok(Header {
            name,
            class,
            is_complex,
            is_logical: flags & 0x200 != 0,
            shape,
        })
    }

    pub fn class_name(&self) -> String {
        const NAMES: [&str; 18] = [
            "unknown", "cell", "struct", "object", "char", "sparse", "double", "single", "int8",
            "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "function", "opaque",
        ];
        let name = NAMES.get(usize::from(self.class)).unwrap_or(&NAMES[0]);
        match (self.is_logical, self.is_complex) {
            (true, _) => "logical".to_owned(),
            (_, true) => format!("complex {name}"),
            _ => (*name).to_owned(),
        }
    }
}
