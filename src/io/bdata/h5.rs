//! Reading of brain data from HDF5, through libhdf5; field by field in [`bdata`](super).
//!
//! Sizes come from the file, which may be damaged: each is checked against the length of the file before memory
//! is taken for it. libhdf5's own messages are silent (the `hdf5` crate sees to that on every thread).

use std::collections::BTreeMap;
use std::path::Path;

use hdf5::types::{
    FixedAscii, FixedUnicode, FloatSize, TypeDescriptor, VarLenAscii, VarLenUnicode,
};
use hdf5::{Dataset, Group, H5Type};
use ndarray::Array2;

use super::{Content, Matrix, ValueMap};
use crate::error::{Error, Result};

/// Largest gain of deflate, the strongest filter in use, rounded up (RFC 1951: 258 bytes from 2 bits).
const LARGEST_COMPRESSION: u64 = 1100;

/// Reads all parts of a brain-data file.
pub(super) fn read(path: &Path) -> Result<Content> {
    let n_bytes = std::fs::metadata(path)
        .map_err(Error::io("read", path))?
        .len();
    let file = hdf5::File::open(path).map_err(|cause| damaged(path, "it", &cause))?;
    let source = Source { path, n_bytes };
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
    Error::file(
        path,
        format!("{what} cannot be read as HDF5 ({cause})"),
        "the file may be cut off or damaged, copy or download it again",
    )
}

/// The file that is being read, for messages and limits.
struct Source<'a> {
    path: &'a Path,
    /// Length of the file.
    n_bytes: u64,
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

    /// Shape of a dataset whose values, of `width` bytes each in memory, the file is long enough to hold.
    fn shape(&self, dataset: &Dataset, width: usize) -> Result<Vec<usize>> {
        let shape = dataset.shape();
        let wanted = shape
            .iter()
            .try_fold(width as u64, |n, &length| n.checked_mul(length as u64));
        let stored_whole = dataset.offset().is_some();
        let gain = if stored_whole { 8 } else { LARGEST_COMPRESSION };
        if wanted.is_some_and(|wanted| wanted <= self.n_bytes.saturating_mul(gain)) {
            return Ok(shape);
        }
        let problem = format!(
            "`{}` claims the shape {shape:?}, more than the file can hold",
            dataset.name()
        );
        Err(Error::file(
            self.path,
            problem,
            "the file is damaged, copy or download it again",
        ))
    }

    /// A matrix of numbers of any stored type.
    fn numbers<T: H5Type>(&self, dataset: &Dataset) -> Result<Array2<T>> {
        let name = dataset.name();
        let shape = self.shape(dataset, size_of::<T>())?;
        let &[n_rows, n_columns] = shape.as_slice() else {
            return Err(self.not_bdata(format!("`{name}` has the shape {shape:?}, not two axes")));
        };
        let values: Vec<T> = dataset
            .read_raw()
            .map_err(|cause| self.damaged(&format!("`{name}`"), &cause))?;
        Array2::from_shape_vec((n_rows, n_columns), values)
            .map_err(|_| self.not_bdata(format!("`{name}` changed while it was read")))
    }

    /// All texts of a dataset of any shape: variable or fixed length, ASCII or UTF-8.
    fn texts(&self, dataset: &Dataset) -> Result<Vec<String>> {
        let name = dataset.name();
        let cannot = |cause: hdf5::Error| self.damaged(&format!("`{name}`"), &cause);
        let stored = dataset
            .dtype()
            .and_then(|dtype| dtype.to_descriptor())
            .map_err(cannot)?;
        match stored {
            TypeDescriptor::VarLenAscii => self.decode::<VarLenAscii>(dataset),
            TypeDescriptor::VarLenUnicode => self.decode::<VarLenUnicode>(dataset),
            // The crate needs the length at compile time; libhdf5 pads to it.
            TypeDescriptor::FixedAscii(0..=64) => self.decode::<FixedAscii<64>>(dataset),
            TypeDescriptor::FixedAscii(65..=4096) => self.decode::<FixedAscii<4096>>(dataset),
            TypeDescriptor::FixedUnicode(0..=64) => self.decode::<FixedUnicode<64>>(dataset),
            TypeDescriptor::FixedUnicode(65..=4096) => self.decode::<FixedUnicode<4096>>(dataset),
            other => Err(self.not_bdata(format!(
                "`{name}` is of type {other}, not text up to 4096 bytes"
            ))),
        }
    }

    fn decode<T: H5Type + AsRef<[u8]>>(&self, dataset: &Dataset) -> Result<Vec<String>> {
        let name = dataset.name();
        // Texts are short and few; what they take in memory has no fixed ratio to the file.
        self.shape(dataset, 1)?;
        let texts: Vec<T> = dataset
            .read_raw()
            .map_err(|cause| self.damaged(&format!("`{name}`"), &cause))?;
        let decode = |text: &T| {
            String::from_utf8(text.as_ref().to_vec())
                .map_err(|_| self.not_bdata(format!("`{name}` holds text that is not UTF-8")))
        };
        texts.iter().map(decode).collect()
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
