//! Arrays of numbers, texts and references.

use std::ops::Range;
use std::sync::PoisonError;

use hdf5_pure::{ChunkIndex, Datatype, H5Element, Layout, Object, StringPadding};
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
        let kind = match (dataset.dtype(), dataset.datatype()) {
            (Ok(stored), Ok(exact)) => Kind::of(stored, &exact),
            // Others beside it can be read all the same.
            (Err(cause), _) | (_, Err(cause)) => Kind::other(&cause),
        };
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
    #[must_use]
    pub fn attributes(&self) -> Attributes<'a> {
        let (types, values) = (self.dataset.attr_datatypes(), self.dataset.attrs());
        Attributes::new(self.file, &self.name, types, values)
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
            // Has no list of chunks: all are there.
            Layout::Chunked {
                index: ChunkIndex::Implicit,
                ..
            } => true,
            Layout::Chunked { .. } => !self.dataset.chunks().is_ok_and(|chunks| chunks.is_empty()),
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
        let texts = self.text_bytes()?.into_iter();
        texts.map(|bytes| self.utf8(bytes)).collect()
    }

    /// As [`texts`](Self::texts), as bytes, for some may hold a part of a letter.
    ///
    /// # Errors
    ///
    /// As [`texts`](Self::texts).
    pub fn text_bytes(&self) -> Result<Vec<Vec<u8>>> {
        if !self.kind.is_text() {
            let (name, kind) = (&self.name, &self.kind);
            let problem = format!("`{name}` is of type {kind}, not text");
            return Err(self.file.other_kind(problem));
        }
        let n = self.check()?;
        let bytes = self
            .dataset
            .read_raw()
            .map_err(|cause| self.damaged(cause))?;
        let datatype = self
            .dataset
            .datatype()
            .map_err(|cause| self.damaged(cause))?;
        let texts = match datatype {
            Datatype::String { size, padding, .. } => bytes
                .chunks_exact(size.max(1) as usize)
                .map(|text| text[..end(text, &padding)].to_vec())
                .collect(),
            _ => {
                let texts = self.file.texts.lock();
                let mut texts = texts.unwrap_or_else(PoisonError::into_inner);
                texts.read(&bytes).map_err(|cause| self.damaged(cause))?
            }
        };
        self.of_length(texts, n)
    }

    /// A text of these bytes.
    ///
    /// # Errors
    ///
    /// If they are not UTF-8.
    pub fn utf8(&self, bytes: Vec<u8>) -> Result<String> {
        String::from_utf8(bytes).map_err(|_| {
            let problem = format!("`{}` holds text that is not UTF-8", self.name);
            self.file.other_kind(problem)
        })
    }

    /// The arrays that the references of a cell lead to, or `None` if this is another kind of array.
    ///
    /// # Errors
    ///
    /// If there are more than `most`, one leads to something else, or the file is damaged.
    pub fn references(&self, most: usize) -> Result<Option<Vec<Dataset<'a>>>> {
        if self.kind != Kind::Reference {
            return Ok(None);
        }
        let n = self.check()?;
        if n > most {
            return Err(self.damaged(format!("{n} references, more than {most}")));
        }
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
                // Never written: the fill value.
                None => (true, SMALL),
            },
            Layout::Chunked { chunk_shape, index } => {
                let n_slots = self.n_slots(&chunk_shape);
                // Without a list of chunks, all that the shape has are there, as they are.
                let listed = match index {
                    ChunkIndex::Implicit => wanted.is_some_and(|wanted| wanted <= length),
                    _ => n_slots.is_some_and(|n| n <= length.saturating_mul(MAX_EXPANSION)),
                };
                if !listed {
                    return Err(self.unlike_its_data());
                }
                let (n_chunks, stored) = self.stored(&chunk_shape)?;
                let most = stored.saturating_mul(MAX_EXPANSION).max(SMALL);
                // Each is taken apart as a whole.
                let all = chunk_shape
                    .iter()
                    .try_fold(width, |bytes, length| bytes.checked_mul(*length))
                    .and_then(|chunk| chunk.checked_mul(n_chunks));
                (all.is_some_and(|all| all <= most), most)
            }
            _ => return Err(self.damaged("virtual datasets are not supported")),
        };
        match (n, wanted) {
            (Some(n), Some(wanted)) if fits && wanted <= size => Ok(n),
            _ => Err(self.unlike_its_data()),
        }
    }

    fn unlike_its_data(&self) -> Error {
        let (name, shape) = (&self.name, &self.shape);
        let problem = format!("`{name}` claims the shape {shape:?}, which its data do not have");
        Error::file(&self.file.path, problem, COPY_AGAIN)
    }

    /// Number of chunks that the shape has.
    fn n_slots(&self, chunk_shape: &[u64]) -> Option<u64> {
        let lengths = self.shape.iter().zip(chunk_shape);
        let counts = lengths.map(|(&length, &chunk)| (length as u64).div_ceil(chunk.max(1)));
        counts.reduce(u64::saturating_mul)
    }

    /// Number and bytes of all chunks together. They lie in the file, and each has its own place.
    fn stored(&self, chunk_shape: &[u64]) -> Result<(u64, u64)> {
        let mut stored = 0u64;
        let chunks = self.dataset.chunks().map_err(|cause| self.damaged(cause))?;
        for chunk in &chunks {
            let end = chunk.address.checked_add(chunk.storage_size);
            let is_inside = end.is_some_and(|end| end <= self.file.length)
                && (chunk.offset.iter().zip(chunk_shape))
                    .all(|(start, length)| start.checked_add(*length).is_some());
            stored = stored.saturating_add(chunk.storage_size);
            if !is_inside || stored > self.file.length {
                return Err(self.damaged("a chunk lies outside"));
            }
        }
        Ok((chunks.len() as u64, stored))
    }

    fn layout(&self) -> Result<Layout> {
        self.dataset.layout().map_err(|cause| self.damaged(cause))
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
