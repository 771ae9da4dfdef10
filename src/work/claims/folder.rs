//! The folder that workers share: small files that are made once, read fresh and removed.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// More is not read of a file that may be anything.
const LONGEST: u64 = 64 * 1024;

/// How often an operation is tried again that met a file another machine had just removed.
const TRIES: usize = 5;

/// `<folder>/workers` and `<folder>/units`.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    pub root: PathBuf,
    pub workers: PathBuf,
    pub units: PathBuf,
}

impl Folder {
    pub fn new(root: &Path) -> Folder {
        Folder {
            root: root.to_owned(),
            workers: root.join("workers"),
            units: root.join("units"),
        }
    }

    /// Makes the folders.
    pub fn make(&self) -> Result<()> {
        for folder in [&self.workers, &self.units] {
            fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
        }
        Ok(())
    }

    /// Removes the folders if nothing is in them; another worker makes them again.
    pub fn unmake(&self) {
        for folder in [&self.workers, &self.units, &self.root] {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Makes this machine see a file or folder as it is on the server now; whether it is there.
///
/// Network file systems keep names that were looked up, *absent ones too*, for many seconds. A look at
/// `folder/name` is fresh after `refresh(folder)`. Where a folder itself is missing, those above it are
/// refreshed first.
///
/// # Errors
///
/// If the path cannot be looked at for another reason than being absent.
pub fn refresh(path: &Path) -> Result<bool> {
    if sync(path)? {
        return Ok(true);
    }
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => Ok(refresh(parent)? && sync(path)?),
        _ => Ok(false),
    }
}

/// One forced look.
fn sync(path: &Path) -> Result<bool> {
    for _ in 1..TRIES {
        match look(path) {
            Err(error) if is_stale(&error) => {}
            Err(error) if is_absent(&error) => return Ok(false),
            looked => return looked.map(|()| true).map_err(Error::io("read", path)),
        }
    }
    Ok(false)
}

#[cfg(target_os = "linux")]
fn look(path: &Path) -> io::Result<()> {
    use rustix::fs::{AtFlags, CWD, StatxFlags, statx};
    match statx(
        CWD,
        path,
        AtFlags::STATX_FORCE_SYNC,
        StatxFlags::BASIC_STATS,
    ) {
        // Kernels and sandboxes without the call; flags that a file system does not know are ignored.
        Err(rustix::io::Errno::NOSYS | rustix::io::Errno::INVAL) => fs::metadata(path).map(drop),
        looked => looked.map(drop).map_err(io::Error::from),
    }
}

#[cfg(not(target_os = "linux"))]
fn look(path: &Path) -> io::Result<()> {
    fs::metadata(path).map(drop)
}

/// A file's bytes as they are now; `None` where there is none. The folder must have been refreshed.
///
/// What cannot be read (a folder, a file of another user) is as good as empty: nothing can be learnt from it.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    for _ in 1..TRIES {
        match read_once(path) {
            Ok(bytes) => return Ok(Some(bytes)),
            Err(error) if is_stale(&error) => {}
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::PermissionDenied | ErrorKind::IsADirectory
                ) =>
            {
                return Ok(Some(Vec::new()));
            }
            Err(error) => return Err(Error::io("read", path)(error)),
        }
    }
    Ok(None)
}

fn read_once(path: &Path) -> io::Result<Vec<u8>> {
    let mut options = OpenOptions::new();
    options.read(true);
    // Somebody may have put a pipe there, which would never open.
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::fs::OpenOptionsExt;
        let flags = rustix::fs::OFlags::NONBLOCK.bits();
        options.custom_flags(i32::try_from(flags).unwrap_or_default());
    }
    // Whole in one go.
    let mut bytes = Vec::with_capacity(1024);
    options.open(path)?.take(LONGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Makes a file with this content; `false` where the name is taken. Exactly one of several machines wins.
pub(super) fn create(path: &Path, bytes: &[u8]) -> Result<bool> {
    let mut again = true;
    loop {
        let opened = OpenOptions::new().write(true).create_new(true).open(path);
        match opened {
            Ok(mut file) => {
                // Not synced: closing hands it to a file server, and a claim that a power cut takes away is missed by
                // nobody. A sync of each of a thousand short items took longer than computing them.
                let written = file.write_all(bytes);
                return written.map(|()| true).map_err(|error| {
                    // Half a claim would only make others wait.
                    let _ = fs::remove_file(path);
                    Error::io("write", path)(error)
                });
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
            // The last worker of another run has just removed the empty folders.
            Err(error) if again && (is_absent(&error) || is_stale(&error)) => {
                again = false;
                if let Some(folder) = path.parent() {
                    fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
                }
            }
            Err(error) => return Err(Error::io("create", path)(error)),
        }
    }
}

/// Whether a name is there. The folder must have been refreshed.
pub(super) fn exists(path: &Path) -> Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if is_absent(&error) || is_stale(&error) => Ok(false),
        Err(error) => Err(Error::io("read", path)(error)),
    }
}

/// Adds to a file that is there.
pub(super) fn append(path: &Path, bytes: &[u8]) -> Result<()> {
    OpenOptions::new()
        .append(true)
        .open(path)
        .and_then(|mut file| file.write_all(bytes))
        .map_err(Error::io("write", path))
}

/// Removes a file; fine if another machine was faster.
pub(super) fn remove(path: &Path) -> Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if is_absent(&error) || is_stale(&error) => Ok(false),
        Err(error) => Err(Error::io("remove", path)(error)),
    }
}

/// Names in a folder, sorted, but hidden ones (network file systems hide open files that were removed); none where
/// there is no folder.
pub(super) fn list(folder: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if is_absent(&error) => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("list", folder)(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(Error::io("list", folder))?;
        // Ours are all ASCII.
        names.extend(entry.file_name().into_string().ok());
    }
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    Ok(names)
}

/// No file is there; nor could it be, where a claim gives a worker a name that is too long for one.
pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NotFound | ErrorKind::InvalidFilename
    )
}

/// The server has removed what this machine's handle is for: look again.
fn is_stale(error: &io::Error) -> bool {
    error.kind() == ErrorKind::StaleNetworkFileHandle
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_given_once_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("units/a.g1");
        assert!(!refresh(&path).unwrap());
        assert_eq!(read(&path).unwrap(), None);
        assert!(create(&path, b"one").unwrap());
        assert!(!create(&path, b"two").unwrap());
        append(&path, b"!").unwrap();
        assert!(refresh(&path).unwrap());
        assert_eq!(read(&path).unwrap().unwrap(), b"one!");
        assert_eq!(list(&folder.path().join("units")).unwrap(), ["a.g1"]);
        assert!(remove(&path).unwrap() && !remove(&path).unwrap());
        assert!(list(&folder.path().join("nowhere")).unwrap().is_empty());
    }

    #[test]
    fn what_is_no_file_is_as_good_as_empty() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path()).unwrap().unwrap(), b"");
        let pipe = folder.path().join("pipe");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RWXU,
            0,
        )
        .unwrap();
        assert_eq!(read(&pipe).unwrap().unwrap(), b"");
    }

    #[test]
    fn a_file_where_a_folder_should_be_is_a_clear_error() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("state");
        assert!(create(&root, b"").unwrap());
        let text = Folder::new(&root).make().unwrap_err().to_string();
        assert!(
            text.contains("cannot create `") && text.contains("/state/workers`"),
            "{text}"
        );
    }
}
