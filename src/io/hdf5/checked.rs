//! Reading through libhdf5 of files that may be damaged.
//!
//! Sizes come from the file, and libhdf5 1.10 crashes on some that do not fit together. So each is checked against
//! the length of the file before memory is taken for it, data in one piece must have the length that their shape
//! and type say, numbers must have a plain type, and texts are followed by [`heap`](super::heap). libhdf5's own
//! messages are silent (the `hdf5` crate sees to that on every thread).

use std::cell::RefCell;
use std::path::Path;

use ::hdf5::dataset::Layout;
use ::hdf5::datatype::Conversion;
use ::hdf5::types::{FixedAscii, FixedUnicode, TypeDescriptor, VarLenAscii, VarLenUnicode};
use ::hdf5::{Dataset, Group, H5Type, Location};
use ndarray::{Array2, ArrayD, Ix2};

use super::dense::find;
use super::heap::{DESCRIPTOR, Texts};
use crate::error::{Error, Result};
use crate::io::mat::problem::COPY_AGAIN;

/// Largest gain of deflate, the strongest filter in use, rounded up (RFC 1951: 258 bytes from 2 bits).
const LARGEST_COMPRESSION: u64 = 1100;
/// Bytes of an array that may be without any data.
const SMALL: u64 = 1 << 20;
/// Most texts in one dataset that is read through libhdf5, where memory is taken before reading.
const MOST_TEXTS: usize = 100_000;
/// Most numbers of an attribute.
const MOST_IN_ATTRIBUTE: usize = 32;

/// What to do about a file of which libhdf5 says this. Causes name `sblock`, too, which is no lock.
pub fn remedy(cause: &str) -> &'static str {
    if cause.contains("unable to lock") {
        "close the program that has it open, or set HDF5_USE_FILE_LOCKING=FALSE if this file system has no locks"
    } else {
        COPY_AGAIN
    }
}

fn damaged(path: &Path, what: &str, cause: &::hdf5::Error) -> Error {
    let cause = cause.to_string();
    let problem = format!("{what} cannot be read as HDF5 ({cause})");
    Error::file(path, problem, remedy(&cause))
}

/// The file that is being read, for messages and limits.
pub struct Checked<'a> {
    path: &'a Path,
    /// What the user may do if the file is of another kind.
    remedy: &'static str,
    /// Length of the file.
    n_bytes: u64,
    file: ::hdf5::File,
    texts: RefCell<Texts>,
}

impl<'a> Checked<'a> {
    /// Opens a file.
    pub fn open(path: &'a Path, remedy: &'static str) -> Result<Checked<'a>> {
        let n_bytes = std::fs::metadata(path)
            .map_err(Error::io("read", path))?
            .len();
        let file = ::hdf5::File::open(path).map_err(|cause| damaged(path, "it", &cause))?;
        let bytes = std::fs::File::open(path).map_err(Error::io("read", path))?;
        let texts = RefCell::new(Texts::new(bytes, n_bytes, file.userblock()));
        Ok(Checked {
            path,
            remedy,
            n_bytes,
            file,
            texts,
        })
    }

    /// The group that holds everything.
    pub fn root(&self) -> Result<Group> {
        self.file
            .as_group()
            .map_err(|cause| self.damaged("its root group", &cause))
    }

    /// Names in a group.
    pub fn names(&self, group: &Group) -> Result<Vec<String>> {
        group
            .member_names()
            .map_err(|cause| self.damaged(&format!("`{}`", group.name()), &cause))
    }

    pub fn damaged(&self, what: &str, cause: &::hdf5::Error) -> Error {
        damaged(self.path, what, cause)
    }

    /// The file is HDF5, but not what it should be.
    pub fn other_kind(&self, problem: String) -> Error {
        Error::file(self.path, problem, self.remedy)
    }

    /// Opens the first of two spellings that the file has.
    pub fn either<T>(
        &self,
        root: &Group,
        names: [&str; 2],
        open: impl Fn(&str) -> ::hdf5::Result<T>,
    ) -> Result<T> {
        let Some(name) = names.into_iter().find(|name| root.link_exists(name)) else {
            let [older, newer] = names;
            return Err(self.other_kind(format!("it has neither `{newer}` nor `{older}`")));
        };
        open(name).map_err(|cause| self.damaged(&format!("`{name}`"), &cause))
    }

    /// A dataset of a group.
    pub fn dataset(&self, group: &Group, name: &str) -> Result<Dataset> {
        let full = format!("{}/{name}", group.name());
        if !group.link_exists(name) {
            return Err(self.other_kind(format!("it has no `{full}`")));
        }
        group
            .dataset(name)
            .map_err(|cause| self.damaged(&format!("`{full}`"), &cause))
    }

    /// Shape of a dataset of elements of `width` stored bytes, which the file is long enough to hold.
    fn shape(&self, dataset: &Dataset, width: u64) -> Result<Vec<usize>> {
        let shape = dataset.shape();
        let wanted = shape
            .iter()
            .try_fold(width, |n, &length| n.checked_mul(length as u64));
        // Of texts libhdf5 looks at the fill value to tell the layout, and that may lead anywhere.
        let layout = match dataset.offset() {
            Some(_) => Layout::Contiguous,
            None => dataset.layout(),
        };
        let fits = wanted.is_some_and(|wanted| match layout {
            Layout::Compact | Layout::Contiguous => {
                wanted == dataset.storage_size() && wanted <= self.n_bytes
            }
            // Chunks that were never written are filled in.
            Layout::Chunked => {
                let stored = dataset.storage_size().min(self.n_bytes);
                wanted <= stored.saturating_mul(LARGEST_COMPRESSION).max(SMALL)
            }
            Layout::Virtual => wanted <= self.n_bytes.saturating_mul(LARGEST_COMPRESSION),
        });
        if fits {
            return Ok(shape);
        }
        let name = dataset.name();
        let problem = format!("`{name}` claims the shape {shape:?}, which its data do not have");
        Err(Error::file(self.path, problem, COPY_AGAIN))
    }

    /// An array of numbers of any plain stored type.
    pub fn numbers<T: H5Type>(&self, dataset: &Dataset) -> Result<ArrayD<T>> {
        let name = dataset.name();
        let cannot = |cause: ::hdf5::Error| self.damaged(&format!("`{name}`"), &cause);
        let stored = dataset.dtype().map_err(cannot)?;
        // Soft conversions are those of types that no machine has.
        if stored
            .conv_to::<T>()
            .is_none_or(|conversion| conversion > Conversion::Hard)
        {
            let remedy = "save the numbers as float64";
            let problem = format!("`{name}` is not made of numbers of a usual type");
            return Err(Error::file(self.path, problem, remedy));
        }
        let shape = self.shape(dataset, stored.size() as u64)?;
        let values: Vec<T> = dataset.read_raw().map_err(cannot)?;
        ArrayD::from_shape_vec(shape, values)
            .map_err(|_| self.other_kind(format!("`{name}` changed while it was read")))
    }

    /// A matrix of numbers of any plain stored type.
    pub fn matrix<T: H5Type>(&self, dataset: &Dataset) -> Result<Array2<T>> {
        let values = self.numbers(dataset)?;
        let shape = values.shape().to_vec();
        values.into_dimensionality::<Ix2>().map_err(|_| {
            let name = dataset.name();
            self.other_kind(format!("`{name}` has the shape {shape:?}, not two axes"))
        })
    }

    /// Whether a dataset holds texts.
    pub fn is_text(&self, dataset: &Dataset) -> bool {
        use TypeDescriptor::{FixedAscii, FixedUnicode, VarLenAscii, VarLenUnicode};
        matches!(
            dataset.dtype().and_then(|dtype| dtype.to_descriptor()),
            Ok(FixedAscii(_) | FixedUnicode(_) | VarLenAscii | VarLenUnicode)
        )
    }

    /// Whether a dataset holds whole numbers.
    pub fn is_whole(&self, dataset: &Dataset) -> bool {
        use TypeDescriptor::{Integer, Unsigned};
        matches!(
            dataset.dtype().and_then(|dtype| dtype.to_descriptor()),
            Ok(Integer(_) | Unsigned(_))
        )
    }

    /// The number of an attribute, if there is one of this name that is a number.
    pub fn number(&self, location: &Location, name: &str) -> Result<Option<f64>> {
        let cannot = |cause: ::hdf5::Error| self.damaged(&format!("attribute `{name}`"), &cause);
        let Some(attribute) = find(location, name).map_err(cannot)? else {
            return Ok(None);
        };
        let is_number = attribute.dtype().is_ok_and(|dtype| {
            matches!(
                dtype.to_descriptor(),
                Ok(TypeDescriptor::Float(_)
                    | TypeDescriptor::Integer(_)
                    | TypeDescriptor::Unsigned(_))
            )
        });
        if !is_number || attribute.size() != 1 {
            return Ok(None);
        }
        let values: Vec<f64> = attribute.read_raw().map_err(cannot)?;
        Ok(values.first().copied())
    }

    /// Whole numbers of an attribute, if there is one of this name.
    pub fn attribute(&self, location: &Location, name: &str) -> Result<Option<Vec<i64>>> {
        let cannot = |cause: ::hdf5::Error| self.damaged(&format!("attribute `{name}`"), &cause);
        let Some(attribute) = find(location, name).map_err(cannot)? else {
            return Ok(None);
        };
        let is_plain = attribute
            .dtype()
            .is_ok_and(|dtype| dtype.is::<i32>() || dtype.is::<i64>());
        if !is_plain || attribute.size() > MOST_IN_ATTRIBUTE {
            return Err(self.other_kind(format!("its attribute `{name}` is not a list of numbers")));
        }
        attribute.read_raw::<i64>().map(Some).map_err(cannot)
    }

    /// All texts of a dataset of any shape: variable or fixed length, ASCII or UTF-8.
    pub fn texts(&self, dataset: &Dataset) -> Result<Vec<String>> {
        let texts = self.text_bytes(dataset)?.into_iter();
        texts.map(|bytes| self.utf8(dataset, bytes)).collect()
    }

    /// A text of these bytes.
    pub fn utf8(&self, dataset: &Dataset, bytes: Vec<u8>) -> Result<String> {
        String::from_utf8(bytes).map_err(|_| {
            self.other_kind(format!("`{}` holds text that is not UTF-8", dataset.name()))
        })
    }

    /// As [`texts`](Self::texts), of which some may hold a part of a letter.
    pub fn text_bytes(&self, dataset: &Dataset) -> Result<Vec<Vec<u8>>> {
        let name = dataset.name();
        let cannot = |cause: ::hdf5::Error| self.damaged(&format!("`{name}`"), &cause);
        let dtype = dataset.dtype().map_err(cannot)?;
        let width = dtype.size() as u64;
        match dtype.to_descriptor().map_err(cannot)? {
            TypeDescriptor::VarLenAscii => self.texts_of_any_length::<VarLenAscii>(dataset),
            TypeDescriptor::VarLenUnicode => self.texts_of_any_length::<VarLenUnicode>(dataset),
            // The crate needs the length at compile time; libhdf5 pads to it.
            TypeDescriptor::FixedAscii(0..=64) => self.decode::<FixedAscii<64>>(dataset, width),
            TypeDescriptor::FixedAscii(65..=4096) => {
                self.decode::<FixedAscii<4096>>(dataset, width)
            }
            TypeDescriptor::FixedUnicode(0..=64) => self.decode::<FixedUnicode<64>>(dataset, width),
            TypeDescriptor::FixedUnicode(65..=4096) => {
                self.decode::<FixedUnicode<4096>>(dataset, width)
            }
            other => {
                let problem = format!("`{name}` is of type {other}, not text up to 4096 bytes");
                Err(self.other_kind(problem))
            }
        }
    }

    fn texts_of_any_length<T: H5Type + AsRef<[u8]>>(
        &self,
        dataset: &Dataset,
    ) -> Result<Vec<Vec<u8>>> {
        let cannot = |cause: std::io::Error| {
            let problem = format!("`{}` cannot be read ({cause})", dataset.name());
            Error::file(self.path, problem, COPY_AGAIN)
        };
        let mut texts = self.texts.borrow_mut();
        let Some(offset) = dataset.offset() else {
            texts.check().map_err(cannot)?;
            return self.decode::<T>(dataset, DESCRIPTOR);
        };
        let count = self.shape(dataset, DESCRIPTOR)?.iter().product();
        texts.read(offset, count).map_err(cannot)
    }

    /// Texts through libhdf5, of `width` stored bytes each.
    fn decode<T: H5Type + AsRef<[u8]>>(
        &self,
        dataset: &Dataset,
        width: u64,
    ) -> Result<Vec<Vec<u8>>> {
        let name = dataset.name();
        let count: usize = self.shape(dataset, width)?.iter().product();
        if count > MOST_TEXTS {
            return Err(self.other_kind(format!("`{name}` has {count} texts")));
        }
        let texts: Vec<T> = dataset
            .read_raw()
            .map_err(|cause| self.damaged(&format!("`{name}`"), &cause))?;
        Ok(texts.iter().map(|text| text.as_ref().to_vec()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In the words of libhdf5 1.10 and 1.14.
    #[test]
    fn only_locks_are_told_as_locks() {
        let cut = "unable to open file: truncated file: eof = 2000, sblock->base_addr = 0, stored_eof = 210976";
        assert_eq!(remedy(cut), COPY_AGAIN);
        let locked =
            "unable to open file: unable to lock file, errno = 11, error message = 'Resource …'";
        assert!(remedy(locked).contains("HDF5_USE_FILE_LOCKING"));
    }
}
