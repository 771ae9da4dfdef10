//! Where the data of an array are: the messages of layout and filters.

use super::index::Index;
use super::object::Fields;

#[derive(Debug)]
pub(super) enum Layout {
    /// In one piece, at this offset from the start of the file.
    Contiguous {
        address: u64,
    },
    Chunked(Chunked),
}

/// Where the chunks are and what was done to them.
#[derive(Debug)]
pub(super) struct Chunked {
    pub index: Index,
    /// Start of the HDF5 part of the file, to which addresses refer.
    pub base: u64,
    /// Axis lengths of a chunk, slowest first.
    pub dims: Vec<usize>,
    /// Bytes of a chunk before the filters.
    pub chunk_size: u64,
    /// In the order in which they were applied on writing.
    pub filters: Vec<Filter>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filter {
    Deflate,
    /// With the size of an element.
    Shuffle(usize),
    Fletcher32,
}

/// A layout message and what is needed to understand it.
pub(super) struct Raw<'a> {
    pub body: &'a [u8],
    pub dims: &'a [usize],
    /// Bytes per element.
    pub size: usize,
    pub base: u64,
}

impl Raw<'_> {
    pub fn layout(&self, filters: Vec<Filter>) -> Option<Layout> {
        if self.dims.contains(&0) {
            return None;
        }
        match self.body.get(..2)? {
            // Versions 4 and 5 changed chunked layouts only.
            [3..=5, 1] if filters.is_empty() => self.contiguous(),
            [3, 2] => self.chunked_in_tree(filters),
            [4 | 5, 2] => self.chunked_otherwise(filters),
            _ => None,
        }
    }

    fn contiguous(&self) -> Option<Layout> {
        let fields = Fields(self.body);
        let size: usize = self.dims.iter().product::<usize>() * self.size;
        if fields.u64(10)? != size as u64 {
            return None;
        }
        Some(Layout::Contiguous {
            address: fields.u64(2)?.checked_add(self.base)?,
        })
    }

    /// Version 3: rank + 1, address of the tree, axis lengths of 4 bytes.
    fn chunked_in_tree(&self, filters: Vec<Filter>) -> Option<Layout> {
        let fields = Fields(self.body);
        let length = |axis| Some(fields.u32(11 + 4 * axis)? as usize);
        let lengths: Option<Vec<usize>> =
            (0..usize::from(*self.body.get(2)?)).map(length).collect();
        let index = Index::Tree(fields.u64(3)?.checked_add(self.base)?);
        self.chunked(&lengths?, index, filters)
    }

    /// Versions 4 and 5: flags, rank + 1, bytes per length, axis lengths, kind of index, its
    /// parameters.
    fn chunked_otherwise(&self, filters: Vec<Filter>) -> Option<Layout> {
        let (flags, rank) = (*self.body.get(2)?, usize::from(*self.body.get(3)?));
        let n_bytes = usize::from(*self.body.get(4)?);
        if !(1..=8).contains(&n_bytes) {
            return None;
        }
        let lengths = self
            .body
            .get(5..5 + rank * n_bytes)?
            .chunks_exact(n_bytes)
            .map(|bytes| {
                let value = bytes
                    .iter()
                    .rev()
                    .fold(0u64, |value, &b| (value << 8) | u64::from(b));
                usize::try_from(value).ok()
            });
        let lengths: Option<Vec<usize>> = lengths.collect();
        let rest = self.body.get(5 + rank * n_bytes..)?;
        let fields = Fields(rest);
        let index = match (*rest.first()?, flags) {
            (1, 0) if filters.is_empty() => {
                let size = lengths
                    .as_ref()?
                    .iter()
                    .try_fold(1usize, |n, &l| n.checked_mul(l))?;
                let address = fields.u64(1)?.checked_add(self.base)?;
                Index::Single {
                    address,
                    size: size as u64,
                }
            }
            // Flag bit 1: the chunk is filtered; its size and filter mask stand here.
            (1, 2) if fields.u32(9)? == 0 => {
                let address = fields.u64(13)?.checked_add(self.base)?;
                Index::Single {
                    address,
                    size: fields.u64(1)?,
                }
            }
            // After the number of bits of a page's size.
            (3, 0) => Index::FixedArray(fields.u64(2)?.checked_add(self.base)?),
            _ => return None,
        };
        self.chunked(&lengths?, index, filters)
    }

    /// `lengths` are those of a chunk, and last the size of an element.
    fn chunked(&self, lengths: &[usize], index: Index, filters: Vec<Filter>) -> Option<Layout> {
        let (size, dims) = lengths.split_last()?;
        if *size != self.size || dims.len() != self.dims.len() || dims.contains(&0) {
            return None;
        }
        let chunk_size = lengths
            .iter()
            .try_fold(1u64, |n, &l| n.checked_mul(l as u64))?;
        let (base, dims) = (self.base, dims.to_vec());
        Some(Layout::Chunked(Chunked {
            index,
            base,
            dims,
            chunk_size,
            filters,
        }))
    }
}

/// Filter pipeline message, versions 1 and 2.
pub(super) fn pipeline(body: &[u8]) -> Option<Vec<Filter>> {
    let version = *body.first()?;
    let n_filters = usize::from(*body.get(1)?);
    let mut filters = Vec::new();
    let mut at = match version {
        1 => 8,
        2 => 2,
        _ => return None,
    };
    for _ in 0..n_filters {
        let fields = Fields(body.get(at..)?);
        let number = fields.u16(0)?;
        // Number, length of the name, flags, number of values; name; values. Version 2 leaves out
        // the name of the filters that everybody knows, and all padding.
        let (n_values, values_at) = match version {
            1 => (
                fields.u16(6)?,
                8 + usize::from(fields.u16(2)?).next_multiple_of(8),
            ),
            _ => (fields.u16(4)?, 6),
        };
        filters.push(match number {
            1 => Filter::Deflate,
            // Its value is the size of the elements.
            2 if n_values == 1 => Filter::Shuffle(fields.u32(values_at)? as usize),
            3 => Filter::Fletcher32,
            _ => return None,
        });
        let unit = if version == 1 { 2 } else { 1 };
        at += values_at + 4 * usize::from(n_values).next_multiple_of(unit);
    }
    // What is deflated twice can be a million times as long as the file.
    let n_deflates = filters
        .iter()
        .filter(|&&filter| filter == Filter::Deflate)
        .count();
    (n_deflates <= 1).then_some(filters)
}
