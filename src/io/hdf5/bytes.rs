//! The bytes of a file, as often as a sound one needs them.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hdf5_pure::{FormatError, Source};

use crate::io::{expansion, ordinary};

/// Read in one piece on opening: small files and the tables of most others.
const HEAD: u64 = 64 * 1024;
/// Bytes that a single reading counts for, however short it is: what is read is kept in some form.
const EACH: u64 = 64;
/// No head of a table is longer.
const LONGEST_HEAD: usize = 128;

/// An open file, and how much of it may still be read.
///
/// A damaged file can name one place many times: a megabyte of texts in attributes would take gigabytes, and tables
/// that hold each other would never end. So all that is read has a bound.
pub(super) struct Bytes {
    file: Mutex<File>,
    head: Vec<u8>,
    length: u64,
    left: AtomicU64,
}

impl Bytes {
    pub fn open(path: &Path) -> io::Result<Bytes> {
        let mut file = ordinary::open(path)?;
        let length = file.metadata()?.len();
        let mut head = Vec::new();
        file.by_ref().take(HEAD).read_to_end(&mut head)?;
        Ok(Bytes {
            file: Mutex::new(file),
            head,
            length,
            left: AtomicU64::new(expansion::most(length)),
        })
    }

    pub fn length(&self) -> u64 {
        self.length
    }

    /// Fills the buffer with the bytes from `offset` on.
    pub fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let length = buffer.len() as u64;
        let end = offset.checked_add(length).filter(|&end| end <= self.length);
        let end = end.ok_or(io::ErrorKind::UnexpectedEof)?;
        let spend = |left: u64| left.checked_sub(length + EACH);
        let spent = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend);
        if spent.is_err() {
            return Err(io::Error::other("its parts lie on top of each other"));
        }
        match self.head.get(offset as usize..end as usize) {
            Some(bytes) => buffer.copy_from_slice(bytes),
            None => self.read_beyond(offset, buffer)?,
        }
        match buffer.len() > LONGEST_HEAD || is_sound(buffer) {
            true => Ok(()),
            false => Err(io::Error::other("the head of a table is damaged")),
        }
    }

    fn read_beyond(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(buffer)
    }
}

/// Whether the head of a table has numbers that `hdf5-pure` 0.47 can follow: it believes them, and would go down a
/// tree of 65,535 levels, or shift by more bits than there are.
fn is_sound(head: &[u8]) -> bool {
    let at = |place: usize| head.get(place).copied().unwrap_or(0);
    match head.get(..4) {
        // Depth of a tree with hundreds of children to a node.
        Some(b"BTHD") => at(12) <= 32 && at(13) == 0,
        // Bits of the number of chunks, blocks in the head, and bits of a page.
        Some(b"EAHD") => at(7) <= 64 && at(10) <= 16 && at(11) <= 63,
        Some(b"FAHD") => at(7) <= 63,
        _ => true,
    }
}

/// The bytes for `hdf5-pure`, which wants them for itself.
pub(super) struct Shared(pub Arc<Bytes>);

impl Source for Shared {
    fn len(&self) -> u64 {
        self.0.length
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), FormatError> {
        let read = self.0.read(offset, buffer);
        read.map_err(|cause| FormatError::Source(cause.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_what_is_there_until_it_is_too_much() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let content: Vec<u8> = (0..100_000u32).map(|n| (n % 251) as u8).collect();
        crate::io::atomic::write(&path, &content).unwrap();
        let bytes = Bytes::open(&path).unwrap();
        let mut buffer = vec![0; 1000];
        for offset in [0, 65_000, 99_000] {
            bytes.read(offset as u64, &mut buffer).unwrap();
            assert_eq!(buffer, content[offset..offset + 1000]);
        }
        assert!(bytes.read(99_001, &mut buffer).is_err());
        assert!(bytes.read(u64::MAX, &mut buffer).is_err());
        let n_reads = (0..).take_while(|_| bytes.read(0, &mut buffer).is_ok());
        let most = expansion::most(100_000) / (1000 + EACH);
        assert_eq!(n_reads.count() as u64, most - 3);
    }

    #[test]
    fn heads_with_impossible_numbers_are_refused() {
        let head = |name: &[u8; 4], place: usize, value: u8| {
            let mut head = [0; 40];
            head[..4].copy_from_slice(name);
            head[place] = value;
            is_sound(&head)
        };
        for (name, place, most) in [
            (b"BTHD", 12, 32),
            (b"BTHD", 13, 0),
            (b"EAHD", 7, 64),
            (b"EAHD", 10, 16),
            (b"EAHD", 11, 63),
            (b"FAHD", 7, 63),
        ] {
            assert!(head(name, place, most) && !head(name, place, most + 1));
            assert!(head(b"HEAD", place, 255));
        }
        assert!(is_sound(b"BTHD") && is_sound(b"B"));
    }
}
