//! Texts of variable length, and the heaps they lie in.
//!
//! `hdf5-pure` reads them, too, but takes time with the square of their number, and puts other letters in the place of
//! bytes that are not UTF-8.
//!
//! Each descriptor has 16 bytes: length (u32), address of a heap (u64, from the end of the user block), number of an
//! object in it (u32). A heap is `GCOL`, version 1, three bytes, its size (u64, this head included), then objects:
//! number (u16, 0 is the free rest), references (u16), four bytes, size (u64), content padded to 8 bytes. All
//! little-endian (HDF5 File Format Specification, III.E).

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;

use super::bytes::Bytes;

/// Bytes of a descriptor with the usual 8-byte addresses.
pub(super) const DESCRIPTOR: usize = 16;
/// Bytes before the first object of a heap, and before the content of an object.
const HEAD: usize = 16;
/// What a heap begins with, its version included.
const SIGNATURE: &[u8] = b"GCOL\x01";

/// Texts of one file, by descriptor.
pub(super) struct Texts {
    file: Arc<Bytes>,
    /// Length of the user block, from whose end addresses count.
    base: u64,
    /// Bytes of heaps that may still be read: they do not overlap, but damaged addresses may.
    left: u64,
    /// Objects by number, of the heaps that have been read.
    heaps: HashMap<u64, BTreeMap<u32, Vec<u8>>>,
}

impl Texts {
    /// The texts of a file with a user block of `base` bytes.
    pub fn new(file: Arc<Bytes>, base: u64) -> Self {
        Self {
            base,
            left: file.length(),
            heaps: HashMap::new(),
            file,
        }
    }

    /// The texts of descriptors, as bytes.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] if they lead nowhere.
    pub fn read(&mut self, descriptors: &[u8]) -> io::Result<Vec<Vec<u8>>> {
        // Each text has its own place in the file; damaged descriptors may all name one.
        let mut left = self.file.length();
        let mut texts = Vec::new();
        for descriptor in descriptors.chunks(DESCRIPTOR) {
            let text = self.text(descriptor)?;
            left = left.checked_sub(text.len() as u64).ok_or_else(invalid)?;
            texts.push(text);
        }
        Ok(texts)
    }

    fn text(&mut self, descriptor: &[u8]) -> io::Result<Vec<u8>> {
        let length = u32_at(descriptor, 0)? as usize;
        let (heap, object) = (u64_at(descriptor, 4)?, u32_at(descriptor, 12)?);
        if length == 0 {
            return Ok(Vec::new());
        }
        if !self.heaps.contains_key(&heap) {
            let objects = self.heap(heap)?;
            self.heaps.insert(heap, objects);
        }
        let content = self
            .heaps
            .get(&heap)
            .and_then(|objects| objects.get(&object));
        let text = content
            .and_then(|content| content.get(..length))
            .ok_or_else(invalid)?;
        // C programs count the zero at the end.
        let end = text.iter().position(|&byte| byte == 0).unwrap_or(length);
        Ok(text[..end].to_vec())
    }

    fn heap(&mut self, address: u64) -> io::Result<BTreeMap<u32, Vec<u8>>> {
        let start = self.base.checked_add(address).ok_or_else(invalid)?;
        let head = self.bytes(start, HEAD)?;
        if !head.starts_with(SIGNATURE) {
            return Err(invalid());
        }
        let size = u64_at(&head, 8)?;
        self.left = self.left.checked_sub(size).ok_or_else(invalid)?;
        let size = usize::try_from(size).map_err(|_| invalid())?;
        let heap = self.bytes(start, size)?;
        let mut objects = BTreeMap::new();
        let mut rest = heap.get(HEAD..).ok_or_else(invalid)?;
        while rest.len() >= HEAD {
            let number = u32::from(u16::from_le_bytes([rest[0], rest[1]]));
            if number == 0 {
                break;
            }
            let size = usize::try_from(u64_at(rest, 8)?).map_err(|_| invalid())?;
            let content = rest[HEAD..].get(..size).ok_or_else(invalid)?;
            objects.insert(number, content.to_vec());
            let padded = size.next_multiple_of(8).min(rest.len() - HEAD);
            rest = &rest[HEAD + padded..];
        }
        Ok(objects)
    }

    fn bytes(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let end = offset.checked_add(length as u64);
        if end.is_none_or(|end| end > self.file.length()) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut bytes = vec![0; length];
        self.file.read(offset, &mut bytes)?;
        Ok(bytes)
    }
}

fn invalid() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "a text's place in the file is damaged",
    )
}

fn u32_at(bytes: &[u8], at: usize) -> io::Result<u32> {
    let bytes = bytes.get(at..).and_then(<[u8]>::first_chunk);
    bytes
        .map(|bytes| u32::from_le_bytes(*bytes))
        .ok_or_else(invalid)
}

fn u64_at(bytes: &[u8], at: usize) -> io::Result<u64> {
    let bytes = bytes.get(at..).and_then(<[u8]>::first_chunk);
    bytes
        .map(|bytes| u64::from_le_bytes(*bytes))
        .ok_or_else(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn open(bytes: &[u8], base: u64) -> Texts {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        Texts::new(Arc::new(Bytes::open(file.path()).unwrap()), base)
    }

    fn descriptor(length: u32, heap: u64, object: u32) -> Vec<u8> {
        let mut bytes = length.to_le_bytes().to_vec();
        bytes.extend(heap.to_le_bytes());
        bytes.extend(object.to_le_bytes());
        bytes
    }

    /// A user block of 8 bytes, and a heap with `ab` and, of a size, `xyz`.
    fn read(length: u32, heap: u64, object: u32, size: u64) -> io::Result<Vec<Vec<u8>>> {
        let mut bytes = vec![0; 8];
        bytes.extend(b"GCOL\x01\0\0\0");
        bytes.extend(64u64.to_le_bytes());
        for (number, content, size) in [(1u16, b"ab\0", 2u64), (2, b"xyz", size)] {
            bytes.extend(number.to_le_bytes());
            bytes.extend([0; 6]);
            bytes.extend(size.to_le_bytes());
            bytes.extend(content);
            bytes.extend([0; 5]);
        }
        open(&bytes, 8).read(&descriptor(length, heap, object))
    }

    #[test]
    fn descriptors_lead_to_texts() {
        for (length, object, expected) in [(2, 1, "ab"), (3, 2, "xyz"), (2, 2, "xy"), (0, 9, "")] {
            let found = read(length, 0, object, 3).unwrap();
            assert_eq!(found, [expected.as_bytes()]);
        }
    }

    #[test]
    fn descriptors_that_lead_nowhere_are_errors() {
        for (length, heap, object, size) in [
            (3, 0, 1, 3),
            (4, 0, 2, 3),
            (1, 0, 3, 3),
            (1, 8, 1, 3),
            (1, u64::MAX, 1, 3),
            (1, 1 << 40, 1, 3),
            (1, 0, 2, 99),
            (1, 0, 2, u64::MAX),
        ] {
            assert!(read(length, heap, object, size).is_err());
        }
        assert!(open(&[0; 100], 0).read(&[1; 15]).is_err(), "cut off");
    }

    /// Length of a heap that holds one text, in which 31 other heaps of 1,000 bytes begin.
    const HEAP: usize = 3000;

    fn heap_of_one_text(size: usize) -> Vec<u8> {
        let mut bytes = b"GCOL\x01\0\0\0".to_vec();
        bytes.extend((size as u64).to_le_bytes());
        bytes.extend(b"\x01\0\0\0\0\0\0\0");
        bytes.extend((size as u64 - 32).to_le_bytes());
        bytes
    }

    /// Else a file of a megabyte could take a terabyte.
    #[test]
    fn neither_texts_nor_heaps_are_read_beyond_the_length_of_the_file() {
        let mut bytes = heap_of_one_text(HEAP);
        (0..31).for_each(|_| bytes.extend(heap_of_one_text(1000)));
        bytes.resize(HEAP, b'a');
        let places = |heaps: &[u64]| -> Vec<u8> {
            let descriptors = heaps.iter().map(|heap| descriptor(5, *heap, 1));
            descriptors.flatten().collect()
        };
        assert!(open(&bytes, 0).read(&places(&[0])).is_ok());
        assert!(open(&bytes, 0).read(&places(&[32, 64, 96])).is_ok());
        let all: Vec<u64> = (1..31).map(|n| 32 * n).collect();
        let mut overlapping = open(&bytes, 0);
        assert!(overlapping.read(&places(&all)).is_err());
        assert_eq!(overlapping.heaps.len(), 3);
        // Texts of 1,000 bytes, without a zero.
        bytes[32..].fill(b'a');
        let long = |n: usize| open(&bytes, 0).read(&descriptor(1000, 0, 1).repeat(n));
        assert_eq!(long(3).unwrap().concat().len(), 3000);
        assert!(long(30).is_err());
    }
}
