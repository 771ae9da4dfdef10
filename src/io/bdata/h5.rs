//! Reading of brain data from HDF5, through libhdf5; field by field in [`bdata`](super).
//!
//! Sizes come from the file, which may be damaged, and libhdf5 1.10 crashes on some that do not fit together. So
//! each is checked against the length of the file before memory is taken for it, data in one piece must have the
//! length that their shape and type say, numbers must have a plain type, and texts are followed by
//! [`heap`](super::heap). libhdf5's own messages are silent (the `hdf5` crate sees to that on every thread).

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

use hdf5::dataset::Layout;
use hdf5::datatype::Conversion;
use hdf5::types::{
    FixedAscii, FixedUnicode, FloatSize, TypeDescriptor, VarLenAscii, VarLenUnicode,
};
use hdf5::{Dataset, Group, H5Type};
use ndarray::Array2;

use super::heap::{DESCRIPTOR, Texts};
use super::{Content, Matrix, ValueMap};
use crate::error::{Error, Result};

/// Largest gain of deflate, the strongest filter in use, rounded up (RFC 1951: 258 bytes from 2 bits).
const LARGEST_COMPRESSION: u64 = 1100;
/// Most texts in one dataset; a table has about a hundred keys, and memory is taken before reading.
const MOST_TEXTS: usize = 100_000;
const COPY_AGAIN: &str = "the file may be cut off or damaged, copy or download it again";

/// Reads all parts of a brain-data file.
pub(super) fn read(path: &Path) -> Result<Content> {
    let n_bytes = std::fs::metadata(path)
        .map_err(Error::io("read", path))?
        .len();
    let file = hdf5::File::open(path).map_err(|cause| damaged(path, "it", &cause))?;
    let bytes = std::fs::File::open(path).map_err(Error::io("read", path))?;
    let texts = RefCell::new(Texts::new(bytes, file.userblock()));
    let source = Source {
        path,
        n_bytes,
        texts,
    };
    let root = file
        .as_group()
        .map_err(|cause| damaged(path, "its root group", &cause))?;

    let metadata = source.either(&root, ["metaData", "metadata"], |name| root.group(name))?;
    let keys = source.texts(&source.dataset(&metadata, "key")?)?;
    let values = source.numbers(&source.dataset(&metadata, "value")?)?;
    let dataset = source.either(&root, ["dataSet", "dataset"], |name| root.dataset(name))?;
    let matrix = match dataset.dtype().and_then(|dtype| dtype.to_descriptor()) {
        Ok(TypeDescriptor::Float(FloatSize::U4)) => Matrix::Single(source.numbers(&dataset)?),
        _ => Matrix::Double(source.numbers(&dataset)?),
    };
    let value_maps = source.value_maps(&root)?;
    Ok(Content {
        matrix,
        keys,
        values,
        value_maps,
    })
}

fn damaged(path: &Path, what: &str, cause: &hdf5::Error) -> Error {
    let cause = cause.to_string();
    let remedy = if cause.contains("lock") {
        "set HDF5_USE_FILE_LOCKING=FALSE if this file system has no locks"
    } else {
        COPY_AGAIN
    };
    let problem = format!("{what} cannot be read as HDF5 ({cause})");
    Error::file(path, problem, remedy)
}

/// The file that is being read, for messages and limits.
struct Source<'a> {
    path: &'a Path,
    /// Length of the file.
    n_bytes: u64,
    texts: RefCell<Texts>,
}

impl Source<'_> {
    fn damaged(&self, what: &str, cause: &hdf5::Error) -> Error {
        damaged(self.path, what, cause)
    }

    fn not_bdata(&self, problem: String) -> Error {
        let remedy =
            "give a brain-data file as bdpy writes it (`bhscore inspect` says what this is)";
        Error::file(self.path, problem, remedy)
    }

    /// Opens the first of two spellings that the file has.
    fn either<T>(
        &self,
        root: &Group,
        names: [&str; 2],
        open: impl Fn(&str) -> hdf5::Result<T>,
    ) -> Result<T> {
        let Some(name) = names.into_iter().find(|name| root.link_exists(name)) else {
            let [older, newer] = names;
            return Err(self.not_bdata(format!("it has neither `{newer}` nor `{older}`")));
        };
        open(name).map_err(|cause| self.damaged(&format!("`{name}`"), &cause))
    }

    fn dataset(&self, group: &Group, name: &str) -> Result<Dataset> {
        let full = format!("{}/{name}", group.name());
        if !group.link_exists(name) {
            return Err(self.not_bdata(format!("it has no `{full}`")));
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
        let fits = wanted.is_some_and(|wanted| match dataset.layout() {
            Layout::Compact | Layout::Contiguous => {
                wanted == dataset.storage_size() && wanted <= self.n_bytes
            }
            Layout::Chunked | Layout::Virtual => {
                wanted <= self.n_bytes.saturating_mul(LARGEST_COMPRESSION)
            }
        });
        if fits {
            return Ok(shape);
        }
        let name = dataset.name();
        let problem = format!("`{name}` claims the shape {shape:?}, which its data do not have");
        Err(Error::file(self.path, problem, COPY_AGAIN))
    }

    /// A matrix of numbers of any plain stored type.
    fn numbers<T: H5Type>(&self, dataset: &Dataset) -> Result<Array2<T>> {
        let name = dataset.name();
        let cannot = |cause: hdf5::Error| self.damaged(&format!("`{name}`"), &cause);
        let stored = dataset.dtype().map_err(cannot)?;
        // Soft conversions are those of types that no machine has.
        if stored
            .conv_to::<T>()
            .is_none_or(|conversion| conversion > Conversion::Hard)
        {
            let remedy = "save the numbers as float64, as bdpy does";
            let problem = format!("`{name}` is not made of numbers of a usual type");
            return Err(Error::file(self.path, problem, remedy));
        }
        let shape = self.shape(dataset, stored.size() as u64)?;
        let &[n_rows, n_columns] = shape.as_slice() else {
            return Err(self.not_bdata(format!("`{name}` has the shape {shape:?}, not two axes")));
        };
        let values: Vec<T> = dataset.read_raw().map_err(cannot)?;
        Array2::from_shape_vec((n_rows, n_columns), values)
            .map_err(|_| self.not_bdata(format!("`{name}` changed while it was read")))
    }

    /// All texts of a dataset of any shape: variable or fixed length, ASCII or UTF-8.
    fn texts(&self, dataset: &Dataset) -> Result<Vec<String>> {
        let name = dataset.name();
        let cannot = |cause: hdf5::Error| self.damaged(&format!("`{name}`"), &cause);
        let dtype = dataset.dtype().map_err(cannot)?;
        let width = dtype.size() as u64;
        let texts = match dtype.to_descriptor().map_err(cannot)? {
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
                return Err(self.not_bdata(problem));
            }
        }?;
        let text = |bytes| {
            String::from_utf8(bytes)
                .map_err(|_| self.not_bdata(format!("`{name}` holds text that is not UTF-8")))
        };
        texts.into_iter().map(text).collect()
    }

    fn texts_of_any_length<T: H5Type + AsRef<[u8]>>(
        &self,
        dataset: &Dataset,
    ) -> Result<Vec<Vec<u8>>> {
        let Some(offset) = dataset.offset() else {
            return self.decode::<T>(dataset, DESCRIPTOR);
        };
        let count = self.shape(dataset, DESCRIPTOR)?.iter().product();
        self.texts
            .borrow_mut()
            .read(offset, count)
            .map_err(|cause| {
                let problem = format!("`{}` cannot be read ({cause})", dataset.name());
                Error::file(self.path, problem, COPY_AGAIN)
            })
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
            return Err(self.not_bdata(format!("`{name}` has {count} texts")));
        }
        let texts: Vec<T> = dataset
            .read_raw()
            .map_err(|cause| self.damaged(&format!("`{name}`"), &cause))?;
        Ok(texts.iter().map(|text| text.as_ref().to_vec()).collect())
    }

    /// `vmap/<key>/<number as text>`; older files have none.
    fn value_maps(&self, root: &Group) -> Result<BTreeMap<String, ValueMap>> {
        if !root.link_exists("vmap") {
            return Ok(BTreeMap::new());
        }
        let open = |group: &Group, name: &str| {
            let full = format!("`{}/{name}`", group.name());
            group
                .group(name)
                .map_err(|cause| self.damaged(&full, &cause))
        };
        let all = open(root, "vmap")?;
        let names = |group: &Group| {
            group
                .member_names()
                .map_err(|cause| self.damaged(&format!("`{}`", group.name()), &cause))
        };
        let mut maps = BTreeMap::new();
        for key in names(&all)? {
            let group = open(&all, &key)?;
            let mut map = ValueMap::default();
            for number in names(&group)? {
                self.add_label(&mut map, &group, &number)?;
            }
            maps.insert(key, map);
        }
        Ok(maps)
    }

    fn add_label(&self, map: &mut ValueMap, group: &Group, number: &str) -> Result<()> {
        let full = format!("{}/{number}", group.name());
        let again = "write the value map again with bdpy's `add_vmap`";
        let Some(value) = number
            .trim()
            .parse()
            .ok()
            .filter(|value: &f64| !value.is_nan())
        else {
            let problem = format!("`{full}` is not named by a number");
            return Err(Error::file(self.path, problem, again));
        };
        let mut texts = self.texts(&self.dataset(group, number)?)?;
        let (Some(label), true) = (texts.pop(), texts.is_empty()) else {
            return Err(Error::file(
                self.path,
                format!("`{full}` is not a single text"),
                again,
            ));
        };
        map.insert(value, label).map_err(|other| {
            let problem =
                format!("`{full}` gives the number {value} a second label beside `{other}`");
            Error::file(self.path, problem, again)
        })
    }
}
