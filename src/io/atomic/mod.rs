//! Whole files or none: every file is written under a temporary name, synced, then renamed.
//!
//! A temporary name is `.<name>.<host>-<pid>-<random>.tmp`, in the folder of the final file, so that
//! the rename stays inside one file system. Files of one artifact are published together by a
//! [`Batch`]: all are on disk before the first is renamed, and they are renamed in the order in
//! which they were added, so that the record, added last, vouches for the others.
//!
//! This is the only place of the library that creates files, but for the claims of workers (`work::claims`), whose
//! names are given to one of several by exclusive creation.

mod once;
mod temporary;

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

pub use self::once::Once;
use self::temporary::temporary_name;
pub use self::temporary::{is_temporary, remove_left_by, remove_stale, unique_owner};
use crate::error::{Error, Result};

/// More files than this are synced by one call for their whole file system.
const SYNCED_SINGLY: usize = 4;

/// Writes one file: the whole of `bytes` under `path`, or nothing.
///
/// Missing folders are created; an existing file is replaced.
///
/// # Errors
///
/// If the operating system refuses; nothing is left behind then.
pub fn write(path: impl AsRef<Path>, bytes: &[u8]) -> Result<()> {
    let mut staged = Staged::create(path)?;
    staged.append(bytes)?;
    let mut batch = Batch::new();
    batch.add_staged(staged);
    batch.commit()
}

/// The files of one artifact, published together.
#[derive(Debug, Default)]
pub struct Batch {
    files: Vec<Staged>,
}

impl Batch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file with this content; it is written to its temporary name at once.
    ///
    /// # Errors
    ///
    /// If the folder or the file cannot be written.
    pub fn add(&mut self, path: impl AsRef<Path>, bytes: &[u8]) -> Result<()> {
        let mut staged = Staged::create(path)?;
        staged.append(bytes)?;
        self.add_staged(staged);
        Ok(())
    }

    /// Adds a file that was written piece by piece.
    pub fn add_staged(&mut self, mut staged: Staged) {
        // A process may have few files open at a time.
        staged.file = None;
        self.files.push(staged);
    }

    /// Adds the files of another batch after these.
    pub fn append(&mut self, mut other: Batch) {
        self.files.append(&mut other.files);
    }

    /// Number of files.
    #[must_use]
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there is no file.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Folders of the files.
    #[must_use]
    pub fn folders(&self) -> BTreeSet<PathBuf> {
        let folders = self.files.iter().map(|staged| folder_of(&staged.path));
        folders.map(Path::to_owned).collect()
    }

    /// Syncs all files, renames them in the order added, and syncs their folders.
    ///
    /// The last of several files vouches for the others, so its old version goes before the first
    /// rename: a process killed in between leaves no record beside files that it does not describe.
    ///
    /// # Errors
    ///
    /// If the disk is full or a rename is refused. Files renamed before the failure stay: they are
    /// whole, and without the record after them nothing counts them as done.
    pub fn commit(mut self) -> Result<()> {
        let folders = self.folders();
        self.sync(&folders)?;
        if let [_, .., last] = self.files.as_slice() {
            remove_if_there(&last.path)?;
        }
        self.files.iter_mut().try_for_each(Staged::publish)?;
        folders.iter().try_for_each(|folder| sync_folder(folder))
    }

    /// Waits until the files' contents are on disk.
    ///
    /// Decoded features are 50 files an item. A sync of each took 160 to 200 ms on a virtual disk, one
    /// `syncfs` 6 to 44 ms, where computing the item takes less than either. The price is that other
    /// programs' unwritten data are flushed, too.
    fn sync(&self, folders: &BTreeSet<PathBuf>) -> Result<()> {
        if self.files.len() <= SYNCED_SINGLY {
            return self.files.iter().try_for_each(Staged::sync);
        }
        let mut devices = BTreeSet::new();
        for folder in folders {
            let handle = File::open(folder).map_err(Error::io("sync", folder))?;
            let device = handle.metadata().map_err(Error::io("sync", folder))?.dev();
            // Folders of one artifact lie in one study, but may be mounted apart.
            if devices.insert(device) {
                rustix::fs::syncfs(&handle)
                    .map_err(|error| Error::io("sync", folder)(error.into()))?;
            }
        }
        Ok(())
    }
}

/// A file that is written under its temporary name and removed on drop unless published.
#[derive(Debug)]
pub struct Staged {
    path: PathBuf,
    temporary: PathBuf,
    /// Open while it is written.
    file: Option<File>,
    published: bool,
}

impl Staged {
    /// Starts a file that will become `path`; missing folders are created.
    ///
    /// # Errors
    ///
    /// If the folder or the temporary file cannot be created.
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref().to_owned();
        let folder = folder_of(&path);
        fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
        let temporary = folder.join(temporary_name(&path));
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&temporary)
            .map_err(Error::io("write", &path))?;
        Ok(Staged {
            path,
            temporary,
            file: Some(file),
            published: false,
        })
    }

    /// Where the file will be.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the file is until it is published, for libraries that write to a path.
    #[must_use]
    pub fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// Writes `bytes` at `offset` from the start; gaps read as zeros.
    ///
    /// # Errors
    ///
    /// If the disk is full or fails.
    pub fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        self.write_from(SeekFrom::Start(offset), bytes)
    }

    /// Writes `bytes` after the last byte of the file.
    ///
    /// # Errors
    ///
    /// If the disk is full or fails.
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.write_from(SeekFrom::End(0), bytes)
    }

    /// Sets the length; what was not written reads as zeros.
    ///
    /// # Errors
    ///
    /// If the file system refuses.
    pub fn set_len(&mut self, length: u64) -> Result<()> {
        self.file()
            .set_len(length)
            .map_err(Error::io("write", &self.path))
    }

    fn write_from(&mut self, position: SeekFrom, bytes: &[u8]) -> Result<()> {
        let mut file = self.file();
        file.seek(position)
            .and_then(|_| file.write_all(bytes))
            .map_err(Error::io("write", &self.path))
    }

    fn file(&self) -> &File {
        self.file
            .as_ref()
            .expect("only a batch closes the file, and it owns it then")
    }

    fn sync(&self) -> Result<()> {
        // Only here are write errors reported that the system kept back.
        File::open(&self.temporary)
            .and_then(|file| file.sync_all())
            .map_err(Error::io("write", &self.path))
    }

    fn publish(&mut self) -> Result<()> {
        fs::rename(&self.temporary, &self.path).map_err(Error::io("rename", &self.path))?;
        self.published = true;
        Ok(())
    }
}

/// For encoders that write to a stream; appends.
impl Write for Staged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file().flush()
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.published {
            // Nothing can be done if this fails; `remove_stale` finds the file later.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// Removes a file if it is there, and says whether it was.
///
/// # Errors
///
/// If the operating system refuses.
pub fn remove_if_there(path: &Path) -> Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::io("remove", path)(error)),
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Makes the renames in a folder durable. File systems that cannot sync a folder are not an error.
fn sync_folder(folder: &Path) -> Result<()> {
    match File::open(folder).and_then(|file| file.sync_all()) {
        Err(error) if is_hardware(&error) => Err(Error::io("write", folder)(error)),
        _ => Ok(()),
    }
}

fn is_hardware(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    ) || error.raw_os_error() == Some(5)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Far fewer than a batch may hold.
    const MAX_OPEN: usize = 20;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_batch_creates_folders_and_leaves_only_its_files() {
        let folder = tempfile::tempdir().unwrap();
        let mut batch = Batch::new();
        batch
            .add(folder.path().join("model/W.mat"), b"weights")
            .unwrap();
        batch
            .add(folder.path().join("model/record.json"), b"{}")
            .unwrap();
        assert!(
            names(&folder.path().join("model"))
                .iter()
                .all(|name| is_temporary(name))
        );
        batch.commit().unwrap();
        assert_eq!(
            names(&folder.path().join("model")),
            ["W.mat", "record.json"]
        );
        assert_eq!(
            fs::read(folder.path().join("model/W.mat")).unwrap(),
            b"weights"
        );
    }

    #[test]
    fn an_existing_file_is_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.mat");
        write(&path, b"a long first version").unwrap();
        write(&path, b"short").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"short");
    }

    #[test]
    fn a_batch_of_many_files_keeps_few_open() {
        let folder = tempfile::tempdir().unwrap();
        let mut batch = Batch::new();
        for i in 0..3 * MAX_OPEN + 1 {
            batch
                .add(folder.path().join(format!("{i}.mat")), &[i as u8])
                .unwrap();
            let n_open = batch
                .files
                .iter()
                .filter(|staged| staged.file.is_some())
                .count();
            assert!(n_open < MAX_OPEN);
        }
        batch.commit().unwrap();
        assert_eq!(names(folder.path()).len(), 3 * MAX_OPEN + 1);
        assert_eq!(fs::read(folder.path().join("7.mat")).unwrap(), [7]);
    }

    #[test]
    fn a_dropped_batch_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut batch = Batch::new();
        batch.add(folder.path().join("W.mat"), b"weights").unwrap();
        drop(batch);
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn a_failing_rename_names_the_final_path_and_stops_before_the_record() {
        let folder = tempfile::tempdir().unwrap();
        let blocked = folder.path().join("W.mat");
        fs::create_dir_all(blocked.join("in the way")).unwrap();
        let mut batch = Batch::new();
        batch.add(&blocked, b"weights").unwrap();
        batch.add(folder.path().join("record.json"), b"{}").unwrap();
        let text = batch.commit().unwrap_err().to_string();
        assert!(text.contains("/W.mat`"), "{text}");
        assert_eq!(names(folder.path()), ["W.mat"]);
    }

    #[test]
    fn the_old_record_is_gone_when_the_first_file_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (blocked, record) = (
            folder.path().join("b.mat"),
            folder.path().join("record.json"),
        );
        write(folder.path().join("W.mat"), b"old").unwrap();
        write(&record, b"old").unwrap();
        fs::create_dir_all(blocked.join("in the way")).unwrap();
        let mut batch = Batch::new();
        for path in [&folder.path().join("W.mat"), &blocked, &record] {
            batch.add(path, b"new").unwrap();
        }
        batch.commit().unwrap_err();
        assert_eq!(fs::read(folder.path().join("W.mat")).unwrap(), b"new");
        assert!(!record.exists());
    }

    #[test]
    fn pieces_may_come_in_any_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("W.mat");
        let mut staged = Staged::create(&path).unwrap();
        staged.write_at(4, b"5678").unwrap();
        staged.write_at(0, b"1234").unwrap();
        staged.append(b"9").unwrap();
        let mut batch = Batch::new();
        batch.add_staged(staged);
        batch.commit().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"123456789");
    }
}
