//! What the targets share: files and folders for readers that open paths.

use std::fs;
use std::path::{Path, PathBuf};

use bhscore::io::bdata::BData;

/// This process's folder of inputs. `scripts/fuzz` points `TMPDIR` at memory and removes what is left.
#[must_use]
pub fn folder() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("input-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("the folder of temporary files can be written");
    folder
}

/// A file with this content, written over for each input.
#[must_use]
pub fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder().join(name);
    write(&path, bytes);
    path
}

/// Writes a file and the folders that lead to it.
pub fn write(path: &Path, bytes: &[u8]) {
    let folder = path.parent().expect("a file is in a folder");
    fs::create_dir_all(folder).expect("folders of inputs can be made");
    fs::write(path, bytes).expect("files of inputs can be written");
}

/// An input of several parts: texts between lines of `----`.
pub fn parts(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    const LINE: &[u8] = b"\n----\n";
    let mut rest = Some(bytes);
    std::iter::from_fn(move || {
        let all = rest?;
        let at = all.windows(LINE.len()).position(|window| window == LINE);
        rest = at.map(|at| &all[at + LINE.len()..]);
        Some(&all[..at.unwrap_or(all.len())])
    })
}

/// Whether a file begins as HDF5 does, at byte 0 or behind the block of 512 bytes that MATLAB puts first.
#[must_use]
pub fn is_hdf5(bytes: &[u8]) -> bool {
    [0, 512]
        .iter()
        .any(|&at| bytes.get(at..at + 4) == Some(b"\x89HDF"))
}

/// The same HDF5 file, whose superblock tells its length again: else nothing behind it would ever be read.
#[must_use]
pub fn of_its_length(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let length = (bytes.len() as u64).to_le_bytes();
    for at in [0, 512] {
        if bytes.get(at..at + 4) != Some(b"\x89HDF") {
            continue;
        }
        // Where superblocks of version 0, and of versions 2 and 3, say it.
        let field = at
            + if bytes.get(at + 8) == Some(&0) {
                40
            } else {
                28
            };
        if let Some(stored) = bytes.get_mut(field..field + 8) {
            stored.copy_from_slice(&length);
        }
        break;
    }
    bytes
}

/// Reads a table of bdpy and asks it for all its columns and labels.
pub fn bdata(path: &Path) {
    let Ok(table) = BData::read(path) else {
        return;
    };
    for key in table.keys() {
        let _ = table.select(&format!("\"{key}\" = 1"));
        let _ = table.get_label(key);
    }
}
