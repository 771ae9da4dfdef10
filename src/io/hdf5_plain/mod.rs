//! Reading the common layouts of HDF5 with as few calls of the system as possible.
//!
//! The files that make up a layer are nearly always of one kind: one single or double array in the
//! root group, stored in one piece or in deflated chunks, mostly with the old superblock and groups
//! (hdf5storage, MATLAB, and [`crate::io::hdf5_image`] write this), sometimes with the new (h5py
//! with a recent libhdf5). Those are read here. Everything else,
//! including whatever looks damaged, gives `None`, and the caller turns to the reader of all
//! layouts ([`crate::io::mat_v73`]), which reads it or says what is wrong.
//!
//! Every offset and length is checked against the file. Nothing in here can panic or ask for more
//! memory than a file of that length can hold.

mod chunks;
mod group;
mod index;
mod layout;
mod modern;
mod object;

use std::borrow::Cow;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use self::layout::Layout;
use self::object::Object;
use super::mat::{Array, Numeric, Variable, n_elements};
use super::ordinary;
use crate::error::{Error, Result};

/// Read in one piece on opening: whole small files, and the metadata of the others.
const HEAD_SIZE: u64 = 64 * 1024;

/// A file, its length and its first bytes.
#[derive(Debug)]
pub struct Input {
    path: PathBuf,
    file: File,
    length: u64,
    head: Vec<u8>,
}

impl Input {
    /// Opens a file and reads its first 64 KiB.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub fn open(path: &Path) -> Result<Self> {
        let mut file = ordinary::open(path).map_err(Error::io("read", path))?;
        let length = file.metadata().map_err(Error::io("read", path))?.len();
        let mut head = Vec::with_capacity(length.min(HEAD_SIZE) as usize);
        file.by_ref()
            .take(HEAD_SIZE)
            .read_to_end(&mut head)
            .map_err(Error::io("read", path))?;
        Ok(Input {
            path: path.to_owned(),
            file,
            length,
            head,
        })
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The first bytes: all of a file of up to 64 KiB.
    #[must_use]
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// The whole content.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub fn into_bytes(mut self) -> Result<Vec<u8>> {
        let rest = self.file.seek(SeekFrom::Start(self.head.len() as u64));
        rest.and_then(|_| self.file.read_to_end(&mut self.head))
            .map_err(Error::io("read", &self.path))?;
        Ok(self.head)
    }

    /// Where the HDF5 part of the file begins: after a user block of 0, 512, 1024, … bytes.
    #[must_use]
    pub fn hdf5_start(&self) -> Option<u64> {
        const SIGNATURE: &[u8] = b"\x89HDF\r\n\x1a\n";
        let doubling = std::iter::successors(Some(512u64), |start| start.checked_mul(2));
        std::iter::once(0)
            .chain(doubling)
            .take_while(|&start| start < self.head.len() as u64)
            .find(|&start| {
                self.bytes(start, 8)
                    .is_some_and(|bytes| *bytes == *SIGNATURE)
            })
    }

    /// `length` bytes at `offset` from the start of the file, if they are all there.
    fn bytes(&self, offset: u64, length: u64) -> Option<Cow<'_, [u8]>> {
        let end = offset
            .checked_add(length)
            .filter(|&end| end <= self.length)?;
        if end <= self.head.len() as u64 {
            return Some(Cow::Borrowed(&self.head[offset as usize..end as usize]));
        }
        let mut bytes = Vec::new();
        let mut file = &self.file;
        file.seek(SeekFrom::Start(offset)).ok()?;
        file.take(length).read_to_end(&mut bytes).ok()?;
        (bytes.len() as u64 == length).then_some(Cow::Owned(bytes))
    }
}

/// Reads a variable, or gives `None` if the other reader should look at the file.
#[must_use]
pub fn read(input: &Input, variable: &str) -> Option<Numeric> {
    let object = Object::find(input, variable)?;
    let values = object.values(input, 0..object.n_elements)?;
    Some(match values {
        Values::F32(values) => Numeric::F32(object.convention.array(&object.dims, values)),
        Values::F64(values) => Numeric::F64(object.convention.array(&object.dims, values)),
    })
}

/// Reads the elements `range`, in column-major order, of a variable as f32, with the shape of the
/// whole variable; `None` if the other reader should look at the file.
#[must_use]
pub fn read_range(
    input: &Input,
    variable: &str,
    range: Range<usize>,
) -> Option<(Vec<usize>, Vec<f32>)> {
    let object = Object::find(input, variable)?;
    if range.start > range.end || range.end > object.n_elements {
        return None;
    }
    if !object.convention.is_column_major(&object.dims) {
        let Array { shape, values } = read(input, variable)?.into_f32();
        return Some((shape, values[range].to_vec()));
    }
    let shape = object.convention.shape(&object.dims);
    Some((
        shape,
        match object.values(input, range)? {
            Values::F32(values) => values,
            Values::F64(values) => values.into_iter().map(|value| value as f32).collect(),
        },
    ))
}

/// Shape and class of a variable, or `None` if the other reader should look at the file.
#[must_use]
pub fn describe(input: &Input, variable: &str) -> Option<Variable> {
    let object = Object::find(input, variable)?;
    let shape = object.convention.shape(&object.dims);
    let stored = if object.size == 4 { "single" } else { "double" };
    let class = object.convention.class.unwrap_or_else(|| stored.to_owned());
    Some(Variable {
        name: variable.to_owned(),
        shape,
        class,
    })
}

enum Values {
    F32(Vec<f32>),
    F64(Vec<f64>),
}

impl Object {
    /// The elements `range` in the order on disk.
    fn values(&self, input: &Input, range: Range<usize>) -> Option<Values> {
        let size = self.size as u64;
        let bytes = match &self.layout {
            Layout::Contiguous { address } => {
                let offset = address.checked_add((range.start as u64).checked_mul(size)?)?;
                input.bytes(offset, (range.len() as u64).checked_mul(size)?)?
            }
            Layout::Chunked(chunked) => {
                let bytes = chunks::read(input, self, chunked, &range)?;
                let part = bytes.get(range.start * self.size..range.end * self.size)?;
                Cow::Owned(part.to_vec())
            }
        };
        Some(match self.size {
            4 => Values::F32(decode(&bytes, f32::from_le_bytes)),
            _ => Values::F64(decode(&bytes, f64::from_le_bytes)),
        })
    }
}

fn decode<const N: usize, T>(bytes: &[u8], value: impl Fn([u8; N]) -> T) -> Vec<T> {
    let (values, _) = bytes.as_chunks::<N>();
    values.iter().map(|bytes| value(*bytes)).collect()
}

/// Number of elements of `dims` if a file of `length` bytes can hold them.
fn plausible(dims: &[usize], size: usize, length: u64) -> Option<usize> {
    let n = n_elements(dims)?;
    let bytes = u64::try_from(n.checked_mul(size)?).ok()?;
    (bytes <= length.saturating_mul(super::hdf5::MAX_EXPANSION)).then_some(n)
}
