//! The bytes of a file, as often as a sound one needs them.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use hdf5_pure::{FormatError, Source};

/// Read in one piece on opening: small files and the tables of most others.
const HEAD: u64 = 64 * 1024;
/// How often a file may be read over, and bytes beside that. Of sound ones the tables are read some times, data once.
const MOST: u64 = 64;
const SMALL: u64 = 64 << 20;

/// An open file, and how much of it may still be read.
///
/// A damaged file can name one place many times: a megabyte of texts in attributes would take gigabytes. So all that
/// is read has a bound.
pub(super) struct Bytes {
    file: Mutex<File>,
    head: Vec<u8>,
    length: u64,
    left: AtomicU64,
}

impl Bytes {
    pub fn open(path: &Path) -> io::Result<Bytes> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        let mut head = Vec::new();
        file.by_ref().take(HEAD).read_to_end(&mut head)?;
        Ok(Bytes {
            file: Mutex::new(file),
            head,
            length,
            left: AtomicU64::new(length.saturating_mul(MOST).saturating_add(SMALL)),
        })
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(buffer)
    }
}

impl Source for Bytes {
    fn len(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), FormatError> {
        let length = buffer.len() as u64;
        let end = offset
            .checked_add(length)
            .ok_or(FormatError::OffsetOverflow { offset, length })?;
        if end > self.length {
            return Err(FormatError::UnexpectedEof {
                expected: end as usize,
                available: self.length as usize,
            });
        }
        let spend = |left: u64| left.checked_sub(length);
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend)
            .map_err(|_| FormatError::Source("its parts lie on top of each other".to_owned()))?;
        match self.head.get(offset as usize..end as usize) {
            Some(bytes) => {
                buffer.copy_from_slice(bytes);
                Ok(())
            }
            None => self
                .read(offset, buffer)
                .map_err(|cause| FormatError::Source(cause.to_string())),
        }
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
            bytes.read_at(offset as u64, &mut buffer).unwrap();
            assert_eq!(buffer, content[offset..offset + 1000]);
        }
        assert!(bytes.read_at(99_001, &mut buffer).is_err());
        assert!(bytes.read_at(u64::MAX, &mut buffer).is_err());
        let n_reads = (0..).take_while(|_| bytes.read_at(0, &mut buffer).is_ok());
        let most = (100_000 * MOST + SMALL) / 1000;
        assert_eq!(n_reads.count() as u64, most - 3);
    }
}
