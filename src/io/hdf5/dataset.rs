//! Arrays of numbers, texts and references.

use std::ops::Range;

use hdf5_pure::{Datatype, H5Element, Layout, Object, StringPadding, VlenStringReadOptions};
use ndarray::{Array2, ArrayD, Ix2};

use super::{Attributes, Hdf5, Kind, MAX_EXPANSION, SMALL};
use crate::error::{Error, Result};
use crate::io::mat::n_elements;
use crate::io::mat::problem::COPY_AGAIN;

/// An array of an open file.
#[derive(Debug)]
pub struct Dataset<'a> {
    file: &'a Hdf5,
    dataset: hdf5_pure::Dataset,
    /// From the root, `/vmap/stimulus/1` for instance.
    name: String,
    shape: Vec<usize>,
    kind: Kind,
}

impl<'a> Dataset<'a> {
    pub(super) fn new(file: &'a Hdf5, dataset: hdf5_pure::Dataset, name: String) -> Result<Self> {
        let cannot = |cause: hdf5_pure::Error| file.damaged(&format!("`{name}`"), cause);
        let shape = dataset.shape().map_err(cannot)?;
        let shape: std::result::Result<Vec<usize>, _> =
            shape.into_iter().map(usize::try_from).collect();
        let shape = shape.map_err(|cause| file.damaged(&format!("`{name}`"), cause))?;
        let kind = Kind::of(dataset.dtype().map_err(cannot)?);
        Ok(Dataset {
            file,
            dataset,
            name,
            shape,
            kind,
        })
    }

    /// Its name from the root of the file.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Axis lengths in the order of the file, the slowest first.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Type of its elements.
    #[must_use]
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Its attributes.
    ///
    /// # Errors
    ///
    /// If the file is damaged.
    pub fn attributes(&self) -> Result<Attributes> {
        let cannot = |cause| self.damaged(cause);
        let types = self.dataset.attr_datatypes().map_err(cannot)?;
        let values = self.dataset.attrs().map_err(cannot)?;
        Ok(Attributes::new(types, values, &self.name))
    }

    /// Whether anything was ever written to it.
    ///
    /// # Errors
    ///
    /// If the file is damaged.
    pub fn is_written(&self) -> Result<bool> {
        Ok(match self.layout()? {
            Layout::Compact { size } => size > 0,
            Layout::Contiguous { address, size } => address.is_some() && size > 0,
            Layout::Chunked { .. } => !self.chunks()?.is_empty(),
            _ => true,
        })
    }

    /// The numbers of any plain stored type, converted to `T`.
    ///
    /// # Errors
    ///
    /// If it holds something else, or the file is damaged.
    pub fn values<T: H5Element>(&self) -> Result<Vec<T>> {
        let n = self.check()?;
        self.refuse_unless_numeric()?;
        let values = self.dataset.read().map_err(|cause| self.damaged(cause))?;
        self.of_length(values, n)
    }

    /// As [`values`](Self::values), of the slices `range` along the first axis.
    ///
    /// # Errors
    ///
    /// As [`values`](Self::values).
    pub fn slices(&self, range: Range<usize>) -> Result<Vec<f32>> {
        self.check()?;
        self.refuse_unless_numeric()?;
        let rest = self.shape.get(1..).unwrap_or_default();
        let n = range.len() * n_elements(rest).unwrap_or(0);
        let values = self
            .dataset
            .read_f32_rows(range.start as u64, range.len() as u64)
            .map_err(|cause| self.damaged(cause))?;
        self.of_length(values, n)
    }

    /// The numbers as an array.
    ///
    /// # Errors
    ///
    /// As [`values`](Self::values).
    pub fn array<T: H5Element>(&self) -> Result<ArrayD<T>> {
        let values = self.values()?;
        ArrayD::from_shape_vec(self.shape.clone(), values).map_err(|cause| self.damaged(cause))
    }

    /// The numbers as a matrix.
    ///
    /// # Errors
    ///
    /// As [`values`](Self::values); also if it has not two axes.
    pub fn matrix<T: H5Element>(&self) -> Result<Array2<T>> {
        let array = self.array()?;
        array.into_dimensionality::<Ix2>().map_err(|_| {
            let (name, shape) = (&self.name, &self.shape);
            self.file
                .other_kind(format!("`{name}` has the shape {shape:?}, not two axes"))
        })
    }

    /// The texts: of variable or fixed length, ASCII or UTF-8.
    ///
    /// # Errors
    ///
    /// If it holds something else, or the file is damaged.
    pub fn texts(&self) -> Result<Vec<String>> {
        if self.kind != Kind::Text {
            let texts = self.fixed_texts()?.into_iter();
            return texts.map(|bytes| self.utf8(bytes)).collect();
        }
        let n = self.check()?;
        // Each text has its own place in the file; damaged places may all be one.
        let most = usize::try_from(self.file.length).unwrap_or(usize::MAX);
        let options = VlenStringReadOptions::new().with_max_payload_bytes(most);
        let texts = self
            .dataset
            .read_vlen_strings(options)
            .map_err(|cause| self.damaged(cause))?;
        // What the crate puts in the place of bytes that are not UTF-8.
        if texts.iter().any(|text| text.contains('\u{fffd}')) {
            return Err(self.not_utf8());
        }
        // C programs count the zero at the end.
        let texts = texts
            .into_iter()
            .map(|text| match text.find('\0') {
                Some(end) => text[..end].to_owned(),
                None => text,
            })
            .collect();
        self.of_length(texts, n)
    }

    /// Texts of a fixed length, as bytes, for some may hold a part of a letter.
    ///
    /// # Errors
    ///
    /// As [`texts`](Self::texts).
    pub fn fixed_texts(&self) -> Result<Vec<Vec<u8>>> {
        let datatype = self
            .dataset
            .datatype()
            .map_err(|cause| self.damaged(cause))?;
        let Datatype::String { size, padding, .. } = datatype else {
            let (name, kind) = (&self.name, &self.kind);
            return Err(self
                .file
                .other_kind(format!("`{name}` is of type {kind}, not text")));
        };
        let n = self.check()?;
        let bytes = self
            .dataset
            .read_raw()
            .map_err(|cause| self.damaged(cause))?;
        let texts = bytes
            .chunks_exact(size.max(1) as usize)
            .map(|text| text[..end(text, &padding)].to_vec())
            .collect();
        self.of_length(texts, n)
    }

    /// A text of these bytes.
    ///
    /// # Errors
    ///
    /// If they are not UTF-8.
    pub fn utf8(&self, bytes: Vec<u8>) -> Result<String> {
        String::from_utf8(bytes).map_err(|_| self.not_utf8())
    }

    /// The arrays that the references of a cell lead to, or `None` if this is another kind of array.
    ///
    /// # Errors
    ///
    /// If one leads to something else, or the file is damaged.
    pub fn references(&self) -> Result<Option<Vec<Dataset<'a>>>> {
        if self.kind != Kind::Reference {
            return Ok(None);
        }
        self.check()?;
        let objects = self
            .dataset
            .dereference()
            .map_err(|cause| self.damaged(cause))?;
        let dataset = |object| match object {
            Object::Dataset(dataset) => Dataset::new(self.file, *dataset, self.name.clone()),
            _ => Err(self.damaged("a reference leads to a group")),
        };
        objects
            .into_iter()
            .map(dataset)
            .collect::<Result<_>>()
            .map(Some)
    }

    /// Refuses sizes that the file cannot hold, before memory is asked for; the number of elements.
    ///
    /// # Errors
    ///
    /// If the data do not have the shape, or the file is damaged.
    pub fn check(&self) -> Result<usize> {
        let width = self
            .dataset
            .element_size()
            .map_err(|cause| self.damaged(cause))?;
        let n = n_elements(&self.shape);
        let wanted = n.and_then(|n| (n as u64).checked_mul(width));
        let length = self.file.length;
        let (fits, size) = match self.layout()? {
            Layout::Compact { size } => (wanted == Some(size), length),
            Layout::Contiguous { address, size } => match address {
                Some(_) => (wanted == Some(size), length),
                // Never written: all zero.
                None => (true, SMALL),
            },
            Layout::Chunked { chunk_shape, .. } => {
                let stored = self.stored(&chunk_shape)?;
                let most = stored.saturating_mul(MAX_EXPANSION).max(SMALL);
                let chunk = chunk_shape
                    .iter()
                    .try_fold(width, |bytes, length| bytes.checked_mul(*length));
                (chunk.is_some_and(|chunk| chunk <= most), most)
            }
            _ => return Err(self.damaged("virtual datasets are not supported")),
        };
        match (n, wanted) {
            (Some(n), Some(wanted)) if fits && wanted <= size => Ok(n),
            _ => {
                let (name, shape) = (&self.name, &self.shape);
                let problem =
                    format!("`{name}` claims the shape {shape:?}, which its data do not have");
                Err(Error::file(&self.file.path, problem, COPY_AGAIN))
            }
        }
    }

    /// Bytes of all chunks together. They lie in the file, and each has its own place.
    fn stored(&self, chunk_shape: &[u64]) -> Result<u64> {
        let mut stored = 0u64;
        for chunk in self.chunks()? {
            let end = chunk.address.checked_add(chunk.storage_size);
            let is_inside = end.is_some_and(|end| end <= self.file.length)
                && (chunk.offset.iter().zip(chunk_shape))
                    .all(|(start, length)| start.checked_add(*length).is_some());
            stored = stored.saturating_add(chunk.storage_size);
            if !is_inside || stored > self.file.length {
                return Err(self.damaged("a chunk lies outside"));
            }
        }
        Ok(stored)
    }

    fn layout(&self) -> Result<Layout> {
        self.dataset.layout().map_err(|cause| self.damaged(cause))
    }

    fn chunks(&self) -> Result<Vec<hdf5_pure::Chunk>> {
        self.dataset.chunks().map_err(|cause| self.damaged(cause))
    }

    fn refuse_unless_numeric(&self) -> Result<()> {
        if self.kind.is_numeric() {
            return Ok(());
        }
        let problem = format!("`{}` is not made of numbers of a usual type", self.name);
        Err(Error::file(
            &self.file.path,
            problem,
            "save the numbers as float64",
        ))
    }

    fn of_length<T>(&self, values: Vec<T>, n: usize) -> Result<Vec<T>> {
        match values.len() == n {
            true => Ok(values),
            false => Err(self.damaged(format!("{} of {n} elements are there", values.len()))),
        }
    }

    fn not_utf8(&self) -> Error {
        let problem = format!("`{}` holds text that is not UTF-8", self.name);
        self.file.other_kind(problem)
    }

    fn damaged(&self, cause: impl std::fmt::Display) -> Error {
        self.file.damaged(&format!("`{}`", self.name), cause)
    }
}

/// Where a text of a fixed length ends.
fn end(text: &[u8], padding: &StringPadding) -> usize {
    let after = |is_kept: fn(&u8) -> bool| text.iter().rposition(is_kept).map_or(0, |at| at + 1);
    match padding {
        StringPadding::SpacePad => after(|&byte| byte != b' '),
        StringPadding::NullTerminate => text.iter().position(|&b| b == 0).unwrap_or(text.len()),
        StringPadding::NullPad => after(|&byte| byte != 0),
    }
}
