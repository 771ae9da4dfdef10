//! Chunked arrays: the filters, and putting the pieces together.

use std::io::Read;
use std::ops::Range;

use flate2::read::ZlibDecoder;

use super::Input;
use super::index;
use super::layout::{Chunked, Filter};
use super::object::Object;

/// Bytes of the array in the order on disk; what lies in chunks without an element of `range` is 0.
pub(super) fn read(
    input: &Input,
    object: &Object,
    chunked: &Chunked,
    range: &Range<usize>,
) -> Option<Vec<u8>> {
    let axes = object.dims.iter().zip(&chunked.dims);
    let grid: Vec<usize> = axes.map(|(&n, &chunk)| n.div_ceil(chunk)).collect();
    let chunks = index::chunks(input, chunked, &grid)?;
    let mut is_found = vec![false; chunks.len()];
    let mut array = vec![0; object.n_elements.checked_mul(object.size)?];
    // Chunks of a sound file do not overlap; one that all share would be taken apart as often as it is named.
    let stored = chunks
        .iter()
        .try_fold(0, |sum: u64, chunk| sum.checked_add(chunk.size))?;
    if stored > input.length {
        return None;
    }
    for chunk in chunks {
        let mut number = 0;
        for (axis, &offset) in chunk.offset.iter().enumerate() {
            let index = offset / chunked.dims[axis];
            if offset % chunked.dims[axis] != 0 || index >= grid[axis] {
                return None;
            }
            number = number * grid[axis] + index;
        }
        // There are as many chunks as places: each place must have its own.
        if std::mem::replace(&mut is_found[number], true) {
            return None;
        }
        let span = span(object, chunked, &chunk.offset)?;
        if span.end <= range.start || range.end <= span.start {
            continue;
        }
        let bytes = input.bytes(chunk.address, chunk.size)?.into_owned();
        let chunk_size = usize::try_from(chunked.chunk_size).ok()?;
        let bytes = unfilter(bytes, &chunked.filters, object.size, chunk_size)?;
        copy(&mut array, &bytes, object, chunked, &chunk.offset);
    }
    Some(array)
}

/// From the first to the last element of a chunk, in the order on disk.
fn span(object: &Object, chunked: &Chunked, offset: &[usize]) -> Option<Range<usize>> {
    let (mut first, mut last) = (0usize, 0usize);
    for ((&n, &length), &offset) in object.dims.iter().zip(&chunked.dims).zip(offset) {
        let end = offset.checked_add(length)?.min(n);
        first = first.checked_mul(n)?.checked_add(offset)?;
        last = last.checked_mul(n)?.checked_add(end.checked_sub(1)?)?;
    }
    Some(first..last.checked_add(1)?)
}

/// Undoes the filters, last first; the result has exactly `chunk_size` bytes.
fn unfilter(
    mut bytes: Vec<u8>,
    filters: &[Filter],
    element_size: usize,
    chunk_size: usize,
) -> Option<Vec<u8>> {
    for filter in filters.iter().rev() {
        bytes = match filter {
            Filter::Fletcher32 => {
                let stored = bytes.split_off(bytes.len().checked_sub(4)?);
                if fletcher32(&bytes).to_le_bytes() != stored[..] {
                    return None;
                }
                bytes
            }
            Filter::Deflate => {
                let mut inflated = Vec::new();
                // A checksum that was added before deflating makes a chunk longer; whatever is longer
                // still has the wrong length in the end.
                let limit = (chunk_size as u64).saturating_add(4);
                ZlibDecoder::new(&bytes[..])
                    .take(limit)
                    .read_to_end(&mut inflated)
                    .ok()?;
                inflated
            }
            Filter::Shuffle(size) if *size == element_size => unshuffle(&bytes, element_size),
            Filter::Shuffle(_) => return None,
        };
    }
    (bytes.len() == chunk_size).then_some(bytes)
}

/// All first bytes of the elements, then all second bytes, … back to elements.
fn unshuffle(bytes: &[u8], element_size: usize) -> Vec<u8> {
    let n_elements = bytes.len() / element_size;
    let mut elements = vec![0; bytes.len()];
    for (byte, plane) in bytes
        .chunks_exact(n_elements.max(1))
        .take(element_size)
        .enumerate()
    {
        for (element, &value) in elements.chunks_exact_mut(element_size).zip(plane) {
            element[byte] = value;
        }
    }
    // What does not fill an element stays where it was.
    let rest = n_elements * element_size;
    elements[rest..].copy_from_slice(&bytes[rest..]);
    elements
}

/// HDF5's Fletcher checksum: over big-endian 16-bit words, modulo 65535.
fn fletcher32(bytes: &[u8]) -> u32 {
    let (mut low, mut high) = (0u32, 0u32);
    let (words, rest) = bytes.as_chunks::<2>();
    // 360 words fit into 32 bits before the sums must be folded.
    for block in words.chunks(360) {
        for word in block {
            low += u32::from(u16::from_be_bytes(*word));
            high += low;
        }
        low = fold(low);
        high = fold(high);
    }
    if let [last] = rest {
        low = fold(low + (u32::from(*last) << 8));
        high = fold(high + low);
    }
    (fold(high) << 16) | fold(low)
}

fn fold(sum: u32) -> u32 {
    (sum & 0xFFFF) + (sum >> 16)
}

/// Copies a chunk, row by row along the fastest axis, leaving out what lies beyond the array.
fn copy(array: &mut [u8], chunk: &[u8], object: &Object, chunked: &Chunked, offset: &[usize]) {
    let Some(fastest) = object.dims.len().checked_sub(1) else {
        array.copy_from_slice(&chunk[..array.len()]);
        return;
    };
    let size = object.size;
    let extent: Vec<usize> = (0..=fastest)
        .map(|axis| chunked.dims[axis].min(object.dims[axis] - offset[axis]))
        .collect();
    let row = extent[fastest] * size;
    let mut index = vec![0; fastest];
    loop {
        let (mut from, mut to) = (0, 0);
        for axis in 0..fastest {
            from = (from + index[axis]) * chunked.dims[axis + 1];
            to = (to + offset[axis] + index[axis]) * object.dims[axis + 1];
        }
        let (from, to) = (from * size, (to + offset[fastest]) * size);
        array[to..to + row].copy_from_slice(&chunk[from..from + row]);
        // The next row, as an odometer.
        let Some(axis) = (0..fastest)
            .rev()
            .find(|&axis| index[axis] + 1 < extent[axis])
        else {
            return;
        };
        index[axis] += 1;
        index[axis + 1..].fill(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unshuffle_undoes_the_byte_planes() {
        assert_eq!(unshuffle(&[1, 3, 5, 2, 4, 6], 2), [1, 2, 3, 4, 5, 6]);
        assert_eq!(unshuffle(&[1, 2, 3], 4), [1, 2, 3]);
    }

    #[test]
    fn a_chunk_that_inflates_beyond_its_size_is_refused() {
        use std::io::Write;
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&[0; 4096]).unwrap();
        let bytes = encoder.finish().unwrap();
        assert_eq!(unfilter(bytes.clone(), &[Filter::Deflate], 4, 1024), None);
        assert_eq!(
            unfilter(bytes, &[Filter::Deflate], 4, 4096),
            Some(vec![0; 4096])
        );
    }
}
