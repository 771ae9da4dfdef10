//! Texts of variable length, read from the file itself.
//!
//! libhdf5 1.10 trusts the numbers that lead to such a text and crashes on damaged ones, which would take the whole
//! program with it. So where the descriptors lie in one piece, as bdpy writes them, they are followed here.
//!
//! Each descriptor has 16 bytes: length (u32), address of a heap (u64, from the end of the user block), number of an
//! object in it (u32). A heap is `GCOL`, version 1, three bytes, its size (u64, this head included), then objects:
//! number (u16, 0 is the free rest), references (u16), four bytes, size (u64), content padded to 8 bytes. All
//! little-endian (HDF5 File Format Specification, III.E).

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

/// Bytes of a descriptor with the usual 8-byte addresses.
pub(in crate::io) const DESCRIPTOR: u64 = 16;
/// Bytes before the first object of a heap, and before the content of an object.
const HEAD: usize = 16;

/// What a heap begins with, its version included.
const SIGNATURE: &[u8] = b"GCOL\x01";
/// Bytes that are searched for heaps at a time.
const PIECE: u64 = 1 << 20;

/// Texts of one file, by descriptor.
pub(in crate::io) struct Texts {
    file: File,
    /// Length of the user block, from whose end addresses count.
    base: u64,
    /// Length of the file.
    length: u64,
    /// Bytes of heaps that may still be read: they do not overlap, but damaged addresses may.
    left: u64,
    /// Objects by number, of the heaps that have been read.
    heaps: HashMap<u64, BTreeMap<u32, Vec<u8>>>,
    /// Whether all heaps were looked at, which takes reading the file.
    are_checked: bool,
}

impl Texts {
    /// The texts of a file of `length` bytes.
    pub(in crate::io) fn new(file: File, length: u64, base: u64) -> Self {
        Self {
            file,
            base,
            length,
            left: length,
            heaps: HashMap::new(),
            are_checked: false,
        }
    }

    /// The texts of `count` descriptors at `offset` (from the start of the file), as bytes.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] if they lead nowhere.
    pub(in crate::io) fn read(&mut self, offset: u64, count: usize) -> io::Result<Vec<Vec<u8>>> {
        let length = count.checked_mul(DESCRIPTOR as usize).ok_or_else(invalid)?;
        let descriptors = self.bytes(offset, length)?;
        // Each text has its own place in the file; damaged descriptors may all name one.
        let mut left = self.length;
        let mut texts = Vec::new();
        for descriptor in descriptors.chunks(DESCRIPTOR as usize) {
            let text = self.text(descriptor)?;
            left = left.checked_sub(text.len() as u64).ok_or_else(invalid)?;
            texts.push(text);
        }
        Ok(texts)
    }

    /// Looks at every heap, before libhdf5 follows a descriptor itself: it reads beyond the end of damaged ones, and
    /// does not come back from those with a free rest of no length.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] if one is damaged.
    pub(in crate::io) fn check(&mut self) -> io::Result<()> {
        if self.are_checked {
            return Ok(());
        }
        let mut left = self.length;
        for start in self.heads()? {
            let size = u64_at(&self.bytes(start, HEAD)?, 8)?;
            left = left.checked_sub(size).ok_or_else(invalid)?;
            let size = usize::try_from(size).map_err(|_| invalid())?;
            if !is_sound(&self.bytes(start, size)?) {
                return Err(invalid());
            }
        }
        self.are_checked = true;
        Ok(())
    }

    /// Where heaps seem to begin.
    fn heads(&mut self) -> io::Result<Vec<u64>> {
        let mut heads = Vec::new();
        let mut start = 0;
        while start < self.length {
            let length = (self.length - start).min(PIECE);
            let piece = self.bytes(start, length as usize)?;
            let places = piece.windows(SIGNATURE.len()).zip(start..);
            heads.extend(
                places
                    .filter(|(bytes, _)| *bytes == SIGNATURE)
                    .map(|(_, at)| at),
            );
            if length < PIECE {
                break;
            }
            // A signature may lie across the end.
            start += PIECE - SIGNATURE.len() as u64 + 1;
        }
        Ok(heads)
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

    /// Bytes of the file, taken into memory only as far as they are there.
    fn bytes(&mut self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        self.file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        (&self.file).take(length as u64).read_to_end(&mut bytes)?;
        if bytes.len() < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(bytes)
    }
}

/// Whether the objects of a heap fill it.
fn is_sound(heap: &[u8]) -> bool {
    let Some(mut rest) = heap.get(HEAD..) else {
        return false;
    };
    while rest.len() >= HEAD {
        let number = u16::from_le_bytes([rest[0], rest[1]]);
        let size = u64_at(rest, 8).map_or(usize::MAX, |size| size as usize);
        let taken = match number {
            // The free rest counts its own head.
            0 => Some(size),
            _ => size
                .checked_next_multiple_of(8)
                .and_then(|size| size.checked_add(HEAD)),
        };
        match taken
            .filter(|&taken| taken >= HEAD)
            .and_then(|taken| rest.get(taken..))
        {
            Some(after) => rest = after,
            None => return false,
        }
    }
    true
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

    /// A user block of 8 bytes, a heap with `ab` and `xyz`, and a descriptor.
    fn texts(length: u32, heap: u64, object: u32, size: u64) -> Texts {
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
        bytes.extend(length.to_le_bytes());
        bytes.extend(heap.to_le_bytes());
        bytes.extend(object.to_le_bytes());
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        Texts::new(file, bytes.len() as u64, 8)
    }

    #[test]
    fn descriptors_lead_to_texts() {
        for (length, object, expected) in [(2, 1, "ab"), (3, 2, "xyz"), (2, 2, "xy"), (0, 9, "")] {
            let found = texts(length, 0, object, 3).read(72, 1).unwrap();
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
            assert!(texts(length, heap, object, size).read(72, 1).is_err());
        }
        assert!(texts(1, 0, 1, 3).read(73, 1).is_err(), "cut off");
        assert!(texts(1, 0, 1, 3).read(72, usize::MAX).is_err());
    }

    #[test]
    fn heaps_that_libhdf5_cannot_stand_are_found_wherever_they_are() {
        let file = |at: usize, number: u16, size: u64| {
            let mut bytes = vec![b'G'; at];
            bytes.extend(b"GCOL\x01\0\0\0");
            bytes.extend(48u64.to_le_bytes());
            bytes.extend(number.to_le_bytes());
            bytes.extend([0; 6]);
            bytes.extend(size.to_le_bytes());
            bytes.resize(at + 48, 0);
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&bytes).unwrap();
            Texts::new(file, bytes.len() as u64, 0)
        };
        for at in [
            0,
            9,
            PIECE as usize - 3,
            PIECE as usize,
            2 * PIECE as usize + 1,
        ] {
            assert!(file(at, 0, 32).check().is_ok());
            assert!(file(at, 1, 16).check().is_ok());
            assert!(file(at, 1, 9).check().is_ok());
            for (number, size) in [
                (0, 0),
                (0, 8),
                (0, 33),
                (1, 17),
                (1, u64::MAX),
                (1, 1 << 40),
            ] {
                assert!(file(at, number, size).check().is_err(), "{number} {size}");
            }
        }
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

    /// Such a heap, and descriptors with the lengths of texts and the addresses of heaps.
    fn nested(descriptors: &[(u32, u64)]) -> Texts {
        let mut bytes = heap_of_one_text(HEAP);
        (0..31).for_each(|_| bytes.extend(heap_of_one_text(1000)));
        bytes.resize(HEAP, b'a');
        for (length, heap) in descriptors {
            bytes.extend(length.to_le_bytes());
            bytes.extend(heap.to_le_bytes());
            bytes.extend(1u32.to_le_bytes());
        }
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        Texts::new(file, bytes.len() as u64, 0)
    }

    /// Else a file of a megabyte could take a terabyte.
    #[test]
    fn neither_texts_nor_heaps_are_read_beyond_the_length_of_the_file() {
        let (mut once, mut apart) = (nested(&[(5, 0)]), nested(&[(5, 32), (5, 64), (5, 96)]));
        assert_eq!(once.read(HEAP as u64, 1).unwrap(), [b"GCOL\x01"]);
        assert!(apart.read(HEAP as u64, 3).is_ok());
        let overlapping: Vec<(u32, u64)> = (1..31).map(|n| (5, 32 * n)).collect();
        let mut overlapping = nested(&overlapping);
        assert!(overlapping.read(HEAP as u64, 30).is_err());
        assert_eq!(overlapping.heaps.len(), 3);
        // The text is without a zero only behind the heads in it.
        let long = |n: usize| {
            let mut texts = nested(&vec![(1000, 0); n]);
            texts.file.seek(SeekFrom::Start(32)).unwrap();
            texts.file.write_all(&[b'a'; 1000]).unwrap();
            texts.read(HEAP as u64, n)
        };
        assert_eq!(long(3).unwrap().concat().len(), 3000);
        assert!(long(30).is_err());
    }
}
