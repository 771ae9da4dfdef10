//! Where the chunks of a chunked array are: three of the indices that HDF5 knows.

use super::Input;
use super::layout::Chunked;
use super::modern::checked;
use super::object::Fields;

/// How chunks are found. Addresses count from the start of the file.
#[derive(Debug, Clone, Copy)]
pub(super) enum Index {
    /// B-tree, version 1: all files in the old format.
    Tree(u64),
    /// All chunks in a table, in the order of the grid.
    FixedArray(u64),
    /// There is one chunk, of this size.
    Single { address: u64, size: u64 },
}

/// A stored chunk.
pub(super) struct Chunk {
    /// Place of its first element in the array, slowest axis first.
    pub offset: Vec<usize>,
    pub address: u64,
    pub size: u64,
}

/// All chunks of an array with `grid` chunks along its axes.
pub(super) fn chunks(input: &Input, chunked: &Chunked, grid: &[usize]) -> Option<Vec<Chunk>> {
    let n_chunks: usize = grid.iter().product();
    let chunks = match chunked.index {
        Index::Tree(address) => {
            let mut chunks = Vec::new();
            let budget = n_chunks.saturating_mul(2).saturating_add(16);
            let mut walk = Walk {
                input,
                chunked,
                n_axes: grid.len(),
                budget,
            };
            walk.node(address, None, (&[], None), &mut chunks)?;
            chunks
        }
        Index::FixedArray(address) => fixed_array(input, chunked, grid, address)?,
        Index::Single { address, size } => {
            vec![Chunk {
                offset: vec![0; grid.len()],
                address,
                size,
            }]
        }
    };
    // Chunks that were never written hold the fill value, which libhdf5 knows.
    (chunks.len() == n_chunks).then_some(chunks)
}

struct Walk<'a> {
    input: &'a Input,
    chunked: &'a Chunked,
    n_axes: usize,
    /// Nodes and chunks that may still be visited: a damaged tree could lead in circles.
    budget: usize,
}

impl Walk<'_> {
    /// Collects the chunks under a node; its keys must ascend from `bounds.0` to `bounds.1`.
    ///
    /// libhdf5 finds chunks by comparing keys, so keys out of order would give another answer there.
    fn node(
        &mut self,
        address: u64,
        level: Option<u8>,
        bounds: (&[u64], Option<&[u64]>),
        chunks: &mut Vec<Chunk>,
    ) -> Option<()> {
        let head = self.input.bytes(address, 24)?;
        if &head[..5] != b"TREE\x01" || level.is_some_and(|level| level != head[5]) {
            return None;
        }
        let n_children = usize::from(Fields(&head).u16(6)?);
        self.budget = self.budget.checked_sub(n_children + 1)?;
        // A key: stored size, filter mask, and an offset per axis and one for the element.
        let key_size = 8 + 8 * (self.n_axes + 1);
        let stride = key_size + 8;
        let entries_size = stride * n_children + key_size;
        let entries = self
            .input
            .bytes(address.checked_add(24)?, entries_size as u64)?;
        let keys: Vec<Vec<u64>> = (0..=n_children)
            .map(|child| {
                let fields = Fields(&entries[child * stride..]);
                (0..=self.n_axes)
                    .map(|axis| fields.u64(8 + 8 * axis))
                    .collect()
            })
            .collect::<Option<_>>()?;
        let (lower, upper) = bounds;
        let ends_late = upper.is_some_and(|upper| keys[n_children].as_slice() > upper);
        if !keys.is_sorted_by(|a, b| a < b) || keys[0].as_slice() < lower || ends_late {
            return None;
        }
        for (entry, keys) in entries.chunks_exact(stride).zip(keys.windows(2)) {
            let fields = Fields(entry);
            let child = fields.u64(key_size)?.checked_add(self.chunked.base)?;
            if let Some(level) = head[5].checked_sub(1) {
                self.node(child, Some(level), (&keys[0], Some(&keys[1])), chunks)?;
                continue;
            }
            // A set bit in the mask: that filter was left out for this chunk. The offset within the
            // element is always 0.
            if fields.u32(4)? != 0 || keys[0][self.n_axes] != 0 {
                return None;
            }
            let offset = keys[0][..self.n_axes]
                .iter()
                .map(|&at| usize::try_from(at).ok());
            let (offset, size) = (offset.collect::<Option<_>>()?, u64::from(fields.u32(0)?));
            chunks.push(Chunk {
                offset,
                address: child,
                size,
            });
        }
        Some(())
    }
}

/// Reads the table of a fixed array; `None` if it is divided into pages.
fn fixed_array(
    input: &Input,
    chunked: &Chunked,
    grid: &[usize],
    address: u64,
) -> Option<Vec<Chunk>> {
    let n_chunks: usize = grid.iter().product();
    let is_filtered = !chunked.filters.is_empty();
    let header = checked(input, address, 24)?;
    let (entry_size, page_bits) = (usize::from(header[6]), u32::from(header[7]));
    // Signature, version, and 1 for chunks that passed through filters.
    if header[..6] != *b"FAHD\0\x00" && header[..6] != *b"FAHD\0\x01" {
        return None;
    }
    let fields = Fields(&header);
    let n_per_page = 1usize.checked_shl(page_bits)?;
    if header[5] != u8::from(is_filtered)
        || fields.u64(8)? != n_chunks as u64
        || n_chunks > n_per_page
    {
        return None;
    }
    // Address, and for filtered chunks their size and a mask of 4 bytes.
    let size_bytes = entry_size.checked_sub(if is_filtered { 12 } else { 8 })?;
    if size_bytes > 8 || (!is_filtered && size_bytes != 0) {
        return None;
    }
    let table_at = fields.u64(16)?.checked_add(chunked.base)?;
    let prefix = 14;
    let table = checked(input, table_at, (prefix + n_chunks * entry_size) as u64)?;
    if table[..4] != *b"FADB" {
        return None;
    }
    let mut chunks = Vec::with_capacity(n_chunks);
    for (number, entry) in table[prefix..].chunks_exact(entry_size).enumerate() {
        let fields = Fields(entry);
        let address = fields.u64(0)?.checked_add(chunked.base)?;
        let size = if is_filtered {
            // A set bit in the mask: that filter was left out for this chunk.
            if fields.u32(8 + size_bytes)? != 0 {
                return None;
            }
            let size = entry[8..8 + size_bytes].iter().rev();
            size.fold(0u64, |size, &byte| (size << 8) | u64::from(byte))
        } else {
            chunked.chunk_size
        };
        chunks.push(Chunk {
            offset: place(number, grid, &chunked.dims),
            address,
            size,
        });
    }
    Some(chunks)
}

/// First element of the chunk `number`, counted with the last axis fastest.
fn place(mut number: usize, grid: &[usize], dims: &[usize]) -> Vec<usize> {
    let mut offset = vec![0; grid.len()];
    for axis in (0..grid.len()).rev() {
        offset[axis] = number % grid[axis] * dims[axis];
        number /= grid[axis];
    }
    offset
}
