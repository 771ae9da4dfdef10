//! Files on a disk, and nothing that only has the name of one.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Opens a file, unless it is a pipe or a device: reading one may wait forever, or never end.
///
/// # Errors
/// If it is one (kind [`InvalidInput`](io::ErrorKind::InvalidInput)), or cannot be opened.
pub fn open(path: &Path) -> io::Result<File> {
    refuse_others(path)?;
    File::open(path)
}

/// All bytes of a file, unless it is a pipe or a device.
///
/// # Errors
/// As [`open`]; also if it cannot be read.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    refuse_others(path)?;
    fs::read(path)
}

/// Before it is opened, for that may wait already. Folders pass: the system has a word for reading them.
fn refuse_others(path: &Path) -> io::Result<()> {
    let kind = fs::metadata(path)?.file_type();
    if kind.is_file() || kind.is_dir() {
        return Ok(());
    }
    let text = "it is a pipe or a device, not a file";
    Err(io::Error::new(io::ErrorKind::InvalidInput, text))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn devices_are_refused_also_behind_links() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("a"), folder.path().join("b"));
        crate::io::atomic::write(&file, b"123").unwrap();
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        assert_eq!(read(&file).unwrap(), b"123");
        for path in [Path::new("/dev/zero"), &link] {
            assert_eq!(open(path).unwrap_err().kind(), io::ErrorKind::InvalidInput);
            assert_eq!(read(path).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        }
        let missing = read(&folder.path().join("c")).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }
}
