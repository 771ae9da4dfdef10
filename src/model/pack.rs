//! A checked model as one zip file, which is unpacked and checked again before anybody gets it.

use std::fs;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::archive::{self, Entry};
use super::checks::{Checked, check};
use super::manifest::{FILE_NAME, Manifest};
use super::source::{self, NOTES};
use crate::error::{Error, Result};
use crate::io::atomic::{Batch, Staged};
use crate::io::ordinary;
use crate::study::memory::Memory;

/// How packing ended.
#[derive(Debug)]
pub enum Packing {
    /// A check of the model failed; nothing was written.
    Refused(Box<Checked>),
    /// A check of the unpacked archive failed, though the model had passed; nothing was written.
    Changed(Box<Checked>),
    /// The archive is there.
    Done(Box<Packed>),
}

/// An archive.
#[derive(Debug)]
pub struct Packed {
    /// Its path.
    pub path: PathBuf,
    /// Files in it.
    pub n_files: usize,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: String,
    /// Whether it was there before, with the same bytes.
    pub was_there: bool,
    /// What the checks of the unpacked archive found.
    pub checked: Checked,
}

/// Packs a model.
///
/// - `path`: a manifest, or the folder of one.
/// - `out`: the archive.
/// - `force`: replace an archive with other bytes.
/// - `stop`: whether the user asked to stop.
///
/// # Errors
/// If a file cannot be read or written, something else is in the way, or the user asked to stop.
pub fn pack(
    path: &Path,
    out: &Path,
    force: bool,
    memory: Memory,
    stop: &AtomicBool,
) -> Result<Packing> {
    let checked = check(path, memory, stop)?;
    let Some(manifest) = checked.manifest.as_ref() else {
        return Ok(Packing::Refused(Box::new(checked)));
    };
    if !checked.findings.none_failed() {
        return Ok(Packing::Refused(Box::new(checked)));
    }
    let entries = entries(&checked)?;
    refuse_itself(out, &entries)?;
    let n_files = entries.len();
    let staged = Staged::create(out)?;
    archive::write(&manifest.id, entries, &staged, stop)?;
    let was_there = is_same(staged.temporary(), out)?;
    if out.exists() && !was_there && !force {
        let remedy = "name another file, or overwrite it with `--force`";
        return Err(Error::file(out, "is there with other content", remedy));
    }
    let copy = check_copy(staged.temporary(), manifest, memory, stop)?;
    if !copy.findings.none_failed() {
        return Ok(Packing::Changed(Box::new(copy)));
    }
    let name = PathBuf::from(staged.temporary().file_name().unwrap_or_default());
    let folder = staged.temporary().with_file_name("");
    let sha256 = source::sha256(&folder, Path::new(""), &[name])?;
    let bytes = fs::metadata(staged.temporary())
        .map_err(Error::io("read", out))?
        .len();
    if !was_there {
        let mut batch = Batch::new();
        batch.add_staged(staged);
        batch.commit()?;
    }
    Ok(Packing::Done(Box::new(Packed {
        path: out.to_owned(),
        n_files,
        bytes,
        sha256,
        was_there,
        checked: copy,
    })))
}

/// The manifest, the files that it names, and notes.
fn entries(checked: &Checked) -> Result<Vec<Entry>> {
    let root = checked.root();
    let mut entries = vec![Entry {
        name: FILE_NAME.to_owned(),
        file: checked.path.clone(),
    }];
    for file in &checked.files {
        let name = file.to_str().ok_or_else(|| {
            Error::file(root.join(file), "has a name that is not UTF-8", "rename it")
        })?;
        entries.push(Entry {
            name: name.to_owned(),
            file: root.join(file),
        });
    }
    for note in NOTES {
        let file = root.join(note);
        // A link that leads nowhere counts, too.
        if fs::symlink_metadata(&file).is_err() {
            continue;
        }
        if let Some(problem) = source::problem_of_path(root, note) {
            return Err(Error::file(&file, problem, "put the file itself there"));
        }
        if file.is_file() {
            let name = note.to_owned();
            entries.push(Entry { name, file });
        }
    }
    Ok(entries)
}

/// Refuses to replace what is packed.
fn refuse_itself(out: &Path, entries: &[Entry]) -> Result<()> {
    let real = fs::canonicalize(out).ok();
    let is_it = |entry: &Entry| fs::canonicalize(&entry.file).ok() == real;
    if real.is_some() && entries.iter().any(is_it) {
        let problem = "is a file of the model itself";
        return Err(Error::file(
            out,
            problem,
            "name another file: `--out model.zip`",
        ));
    }
    Ok(())
}

/// Checks an archive from a temporary folder, where only what is in it is there.
fn check_copy(
    archive: &Path,
    manifest: &Manifest,
    memory: Memory,
    stop: &AtomicBool,
) -> Result<Checked> {
    let (folder, root) = unpacked(archive, stop)?;
    let mut checked = check(&root, memory, stop)?;
    drop(folder);
    // Where it was checked is gone.
    checked.path = Path::new(&manifest.id).join(FILE_NAME);
    Ok(checked)
}

/// An archive in a temporary folder, and its root there; both go when the folder is dropped.
///
/// # Errors
/// If it cannot be unpacked, or the user asked to stop.
pub fn unpacked(archive: &Path, stop: &AtomicBool) -> Result<(tempfile::TempDir, PathBuf)> {
    let temporary = std::env::temp_dir();
    let folder = tempfile::tempdir().map_err(Error::io("create", &temporary))?;
    let root = archive::unpack(archive, folder.path(), stop)?;
    Ok((folder, root))
}

/// Whether two files have the same bytes; not if the second one is not there.
fn is_same(a: &Path, b: &Path) -> Result<bool> {
    let length = |path: &Path| fs::metadata(path).map(|metadata| metadata.len()).ok();
    if length(a) != length(b) {
        return Ok(false);
    }
    let open = |path: &Path| {
        let file = ordinary::open(path).map_err(Error::io("read", path))?;
        Ok::<_, Error>(BufReader::new(file).bytes())
    };
    let pairs = open(a)?.zip(open(b)?);
    Ok(pairs.into_iter().all(|(a, b)| a.ok() == b.ok()))
}
