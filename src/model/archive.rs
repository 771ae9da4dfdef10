//! Zip files with one root folder, and nothing outside of it.
//!
//! The same files give the same bytes: entries are sorted, have one date (1980-01-01, the first that the format
//! knows) and one mode. Archives of others are read with suspicion: a name must not lead out of the folder, and nothing
//! is written before all names have been looked at.

use std::fs::OpenOptions;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use zip::read::ZipFile;
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use super::go_on;
use crate::error::{Error, Result};
use crate::io::atomic::{Batch, Staged};
use crate::io::{expansion, ordinary};

/// Most bytes of all files of an archive: more is taken for a trap.
const MOST_BYTES: u64 = 32 << 30;

/// Most files of an archive.
const MOST_FILES: usize = 1 << 20;

/// Bytes that are copied at a time.
const PIECE: usize = 1 << 20;

/// Files above this size need the format's wide fields.
const WIDE: u64 = u32::MAX as u64;

/// Mode of every entry: to be read by all, written by the owner.
const MODE: u32 = 0o644;

/// A file and its name in an archive, below the root folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Name with `/` between folders.
    pub name: String,
    /// The file.
    pub file: PathBuf,
}

/// Writes an archive.
///
/// - `root`: name of the root folder.
/// - `into`: a file that is not published yet.
/// - `stop`: whether the user asked to stop.
///
/// # Errors
/// If a file cannot be read, or the archive not be written, or the user asked to stop.
pub fn write(root: &str, mut entries: Vec<Entry>, into: &Staged, stop: &AtomicBool) -> Result<()> {
    entries.sort();
    let path = into.path();
    let file = OpenOptions::new().write(true).open(into.temporary());
    let file = file.map_err(Error::io("write", path))?;
    let mut archive = ZipWriter::new(BufWriter::new(file));
    for entry in &entries {
        let mut file = ordinary::open(&entry.file).map_err(Error::io("read", &entry.file))?;
        let length = file
            .metadata()
            .map_err(Error::io("read", &entry.file))?
            .len();
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(DateTime::default())
            .unix_permissions(MODE)
            .large_file(length >= WIDE);
        let name = format!("{root}/{}", entry.name);
        archive
            .start_file(name, options)
            .map_err(not_written(path))?;
        let mut piece = vec![0; PIECE];
        loop {
            go_on(stop)?;
            let n = file
                .read(&mut piece)
                .map_err(Error::io("read", &entry.file))?;
            if n == 0 {
                break;
            }
            archive
                .write_all(&piece[..n])
                .map_err(Error::io("write", path))?;
        }
    }
    let mut file = archive.finish().map_err(not_written(path))?;
    file.flush().map_err(Error::io("write", path))
}

fn not_written(path: &Path) -> impl FnOnce(ZipError) -> Error {
    move |error| Error::io("write", path)(error.into())
}

/// Unpacks an archive into a folder; returns its root folder there.
///
/// # Errors
/// If it is no archive or damaged, has anything but files in one root folder, or the user asked to stop.
pub fn unpack(path: &Path, into: &Path, stop: &AtomicBool) -> Result<PathBuf> {
    let file = ordinary::open(path).map_err(Error::io("read", path))?;
    let length = file.metadata().map_err(Error::io("read", path))?.len();
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(damaged(path))?;
    if archive.len() > MOST_FILES {
        return Err(hostile(path, &format!("has {} entries", archive.len())));
    }
    let mut places = Vec::with_capacity(archive.len());
    let mut bytes = 0_u64;
    for number in 0..archive.len() {
        let entry = archive.by_index(number).map_err(damaged(path))?;
        bytes = bytes.saturating_add(entry.size());
        places.push(place(path, &entry)?);
    }
    // Entries may share their bytes, or be deflated zeros.
    if bytes > expansion::most(length).min(MOST_BYTES) {
        return Err(hostile(path, &format!("would have {bytes} bytes unpacked")));
    }
    let root = root(path, &places)?;
    let mut files = Batch::new();
    for (number, place) in places.iter().enumerate() {
        let Place::File(relative) = place else {
            continue;
        };
        go_on(stop)?;
        let mut entry = archive.by_index(number).map_err(damaged(path))?;
        let length = entry.size();
        let mut staged = Staged::create(into.join(relative))?;
        // One more than it says: a longer one is no honest archive.
        let mut content = (&mut entry).take(length + 1);
        let copied = std::io::copy(&mut content, &mut staged)
            .map_err(|error| damaged(path)(error.into()))?;
        if copied != length {
            let problem = format!(
                "has another length of `{}` than it says",
                relative.display()
            );
            return Err(hostile(path, &problem));
        }
        files.add_staged(staged);
    }
    files.commit()?;
    Ok(into.join(root))
}

/// Where an entry goes.
enum Place {
    File(PathBuf),
    Folder(PathBuf),
}

impl Place {
    fn path(&self) -> &Path {
        let (Place::File(path) | Place::Folder(path)) = self;
        path
    }
}

/// An entry's path, if it leads nowhere else.
fn place<R: Read>(path: &Path, entry: &ZipFile<'_, R>) -> Result<Place> {
    let name = entry.name().map_err(damaged(path))?;
    let shown = name.escape_debug();
    if entry.is_symlink() {
        return Err(hostile(path, &format!("has the link `{shown}`")));
    }
    let name = name.strip_suffix('/').unwrap_or(&name);
    let is_plain = |part: &str| !matches!(part, "" | "." | "..");
    if name.contains(['\\', '\0']) || !name.split('/').all(is_plain) {
        return Err(hostile(
            path,
            &format!("has the path `{shown}`, which may lead out of a folder"),
        ));
    }
    Ok(match entry.is_dir() {
        true => Place::Folder(name.into()),
        false => Place::File(name.into()),
    })
}

/// The one folder that everything is in.
fn root(path: &Path, places: &[Place]) -> Result<PathBuf> {
    let mut roots: Vec<&Path> = Vec::new();
    for place in places {
        let first = place.path().iter().next().map_or(Path::new(""), Path::new);
        let is_loose = matches!(place, Place::File(file) if file == first);
        if is_loose {
            return Err(hostile(
                path,
                &format!("has `{}` beside its folder", first.display()),
            ));
        }
        if !roots.contains(&first) {
            roots.push(first);
        }
        // A second one is told; to look for more takes time with the square of their number.
        if roots.len() > 1 {
            break;
        }
    }
    match roots.as_slice() {
        [root] => Ok(root.to_path_buf()),
        [] => Err(hostile(path, "is empty")),
        [first, second, ..] => {
            let (first, second) = (first.display(), second.display());
            Err(hostile(
                path,
                &format!("has the folders `{first}` and `{second}`"),
            ))
        }
    }
}

fn hostile(path: &Path, problem: &str) -> Error {
    let remedy =
        "an archive of a model has one folder with plain files; make it with `bhscore pack`";
    Error::file(path, problem, remedy)
}

fn damaged(path: &Path) -> impl Fn(ZipError) -> Error {
    move |error| {
        let problem = format!("is not a zip file, or damaged ({error})");
        Error::file(path, problem, "make it again with `bhscore pack`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    /// An archive of these names; a name that ends in `@` is a link, and one that ends in `/` a folder.
    fn archive(names: &[&str]) -> Vec<u8> {
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default();
        for name in names {
            if let Some(name) = name.strip_suffix('@') {
                archive.add_symlink(name, "/etc/passwd", options).unwrap();
            } else if name.ends_with('/') {
                archive.add_directory(*name, options).unwrap();
            } else {
                archive.start_file(*name, options).unwrap();
                archive.write_all(name.as_bytes()).unwrap();
            }
        }
        archive.finish().unwrap().into_inner()
    }

    fn unpacked(bytes: &[u8]) -> Result<Vec<String>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.zip");
        crate::io::atomic::write(&path, bytes).unwrap();
        let into = folder.path().join("deep/in");
        let root = unpack(&path, &into, &AtomicBool::new(false));
        let above = std::fs::read_dir(folder.path()).unwrap().flatten();
        let above: Vec<_> = above.map(|entry| entry.file_name()).collect();
        assert!(
            above.iter().all(|name| name == "a.zip" || name == "deep"),
            "{above:?}"
        );
        let entries = std::fs::read_dir(root?).unwrap().flatten();
        let mut names: Vec<String> = entries
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        names.sort();
        Ok(names)
    }

    #[test]
    fn one_folder_is_unpacked() {
        let names = unpacked(&archive(&["m/", "m/model.toml", "m/w/", "m/w/a.onnx"])).unwrap();
        assert_eq!(names, ["model.toml", "w"]);
    }

    #[test]
    fn hostile_archives_are_refused_before_anything_is_written() {
        for (names, told) in [
            (&["m/a", "m/../../out"][..], "may lead out"),
            (&["../out"], "may lead out"),
            (&["/out"], "may lead out"),
            (&["m\\..\\out"], "may lead out"),
            (&["m/./a"], "may lead out"),
            (&["m/a", "n/a"], "has the folders `m` and `n`"),
            (&["m/a", "model.toml"], "has `model.toml` beside its folder"),
            (&["m/a", "m/link@"], "has the link `m/link`"),
            (&[], "is empty"),
        ] {
            let error = unpacked(&archive(names)).unwrap_err().to_string();
            assert!(error.contains(told), "{names:?}: {error}");
        }
        assert!(unpacked(b"PK\x03\x04 and so on").is_err());
    }

    #[test]
    fn damaged_archives_are_errors() {
        let whole = archive(&["m/model.toml", "m/a.onnx"]);
        for length in 0..whole.len() {
            assert!(unpacked(&whole[..length]).is_err(), "{length}");
        }
        // A length that is not true, in both places where the first file's is.
        let mut lying = whole.clone();
        let central = lying
            .windows(4)
            .position(|four| four == b"PK\x01\x02")
            .unwrap();
        for place in [22, central + 24] {
            lying[place..place + 4].copy_from_slice(&1_000_000_u32.to_le_bytes());
        }
        assert!(unpacked(&lying).is_err());
    }
}
