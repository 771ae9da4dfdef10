//! Names of unfinished files, and removing those that nobody will finish.

use std::ffi::OsString;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};
use std::{fs, io};

use super::remove_if_there;
use crate::error::{Error, Result};

/// Age after which a temporary file of another host counts as left behind. A day is longer than
/// any single write, and clocks of machines that share a folder differ by less.
const STALE_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
const SUFFIX: &str = ".tmp";
/// Digits at the end of a [`unique_owner`] that count within the process.
const COUNT_DIGITS: usize = 8;

/// Whether a file name is one that this module gives to unfinished files.
#[must_use]
pub fn is_temporary(file_name: &str) -> bool {
    owner(file_name).is_some()
}

/// Removes temporary files from `folder` that nobody is writing any more, and returns how many.
///
/// That is: files of processes of this host that have ended, and files of other hosts that were
/// last written more than a day ago. Files of this process and of living ones are kept.
///
/// # Errors
///
/// If the folder cannot be listed, or such a file cannot be removed.
pub fn remove_stale(folder: impl AsRef<Path>) -> Result<usize> {
    let folder = folder.as_ref();
    let mut n_removed = 0;
    for entry in fs::read_dir(folder).map_err(Error::io("list", folder))? {
        let entry = entry.map_err(Error::io("list", folder))?;
        let name = entry.file_name();
        let Some((host, pid)) = name.to_str().and_then(owner) else {
            continue;
        };
        let stale = if host == host_name() {
            !is_running(pid)
        } else {
            is_old(&entry)
        };
        if stale {
            match fs::remove_file(entry.path()) {
                Ok(()) => n_removed += 1,
                // Another machine was faster.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(Error::io("remove", entry.path())(error)),
            }
        }
    }
    Ok(n_removed)
}

fn is_old(entry: &fs::DirEntry) -> bool {
    let modified = entry.metadata().and_then(|metadata| metadata.modified());
    modified.is_ok_and(|time| {
        SystemTime::now()
            .duration_since(time)
            .is_ok_and(|age| age > STALE_AFTER)
    })
}

/// Host and process id in a temporary name, or `None` for other names.
fn owner(file_name: &str) -> Option<(&str, u32)> {
    let body = file_name.strip_prefix('.')?.strip_suffix(SUFFIX)?;
    // The host has no dots (see `host_name`), the final name may have.
    let (name, owner) = body.rsplit_once('.')?;
    let (owner, random) = owner.rsplit_once('-')?;
    let (host, pid) = owner.rsplit_once('-')?;
    let valid = !name.is_empty() && !host.is_empty() && u64::from_str_radix(random, 16).is_ok();
    Some((host, pid.parse().ok()?)).filter(|_| valid)
}

/// What the temporary names of one process have in common.
fn process(file_name: &str) -> Option<&str> {
    owner(file_name)?;
    without_count(file_name.strip_suffix(SUFFIX)?.rsplit_once('.')?.1)
}

fn without_count(owner: &str) -> Option<&str> {
    owner.get(..owner.len().checked_sub(COUNT_DIGITS)?)
}

/// `.<name>.<host>-<pid>-<random>.tmp`.
pub(super) fn temporary_name(path: &Path) -> OsString {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}{SUFFIX}", unique_owner()));
    name
}

/// `<host>-<pid>-<random>`: this process, and a random part that no other call on any machine gives.
///
/// Process ids repeat in containers and after reboots, so it takes more than host and process. All but the last
/// eight digits are the same throughout this process.
#[must_use]
pub fn unique_owner() -> String {
    use std::hash::{BuildHasher, RandomState};
    static PROCESS: OnceLock<u32> = OnceLock::new();
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    // The upper half: `as` is what cuts it off.
    let process = PROCESS.get_or_init(|| (RandomState::new().hash_one(0) >> 32) as u32);
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    let (host, pid) = (host_name(), std::process::id());
    format!("{host}-{pid}-{process:08x}{count:08x}")
}

/// Removes from `folder` what the process of `owner` (a [`unique_owner`]) left unfinished, and returns how much.
///
/// For those who know that the process is dead, or that it will find out that its file is gone.
///
/// # Errors
///
/// If the folder cannot be listed, or such a file cannot be removed; fine if there is no folder.
pub fn remove_left_by(owner: &str, folder: impl AsRef<Path>) -> Result<usize> {
    let folder = folder.as_ref();
    let of_process = without_count(owner).unwrap_or_default();
    if of_process.is_empty() || !folder.is_dir() {
        return Ok(0);
    }
    let mut n_removed = 0;
    for entry in fs::read_dir(folder).map_err(Error::io("list", folder))? {
        let entry = entry.map_err(Error::io("list", folder))?;
        let name = entry.file_name();
        if name.to_str().and_then(process) == Some(of_process) && remove_if_there(&entry.path())? {
            n_removed += 1;
        }
    }
    Ok(n_removed)
}

/// Name of this machine, with dots replaced so that it can stand in a file name.
fn host_name() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| {
        let from_system = fs::read_to_string("/proc/sys/kernel/hostname").ok();
        let name = from_system
            .or_else(|| std::env::var("HOSTNAME").ok())
            .unwrap_or_default();
        let letter = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        let name: String = name.trim().chars().map(letter).collect();
        if name.is_empty() {
            "host".to_owned()
        } else {
            name
        }
    })
}

/// Whether a process of this machine is alive. Where this cannot be known it counts as alive.
fn is_running(pid: u32) -> bool {
    pid == std::process::id()
        || !Path::new("/proc/self").exists()
        || Path::new("/proc").join(pid.to_string()).exists()
}

#[cfg(test)]
mod tests {
    use super::super::Staged;
    use super::*;

    #[test]
    fn temporary_names_are_told_from_others_and_never_repeat() {
        let name = temporary_name(Path::new("a/n01.x-y.mat"))
            .into_string()
            .unwrap();
        assert!(is_temporary(&name), "{name}");
        assert_ne!(
            OsString::from(&name),
            temporary_name(Path::new("a/n01.x-y.mat"))
        );
        for other in [
            "W.mat",
            ".tmp",
            ".W.mat.tmp",
            ".W.mat.host-1-zz.tmp",
            "..host-1-0.tmp",
        ] {
            assert!(!is_temporary(other), "{other}");
        }
    }

    #[test]
    fn stale_files_go_and_living_ones_stay() {
        let folder = tempfile::tempdir().unwrap();
        // The largest process id that Linux gives out is 4194303.
        let dead = format!(".W.mat.{}-4194304-0000000000000001.tmp", host_name());
        let elsewhere = ".W.mat.elsewhere-1-0000000000000001.tmp";
        for name in [&dead, elsewhere, "W.mat"] {
            let path = folder.path().join(name);
            fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(path)
                .unwrap();
        }
        let _alive = Staged::create(folder.path().join("b.mat")).unwrap();
        assert_eq!(remove_stale(folder.path()).unwrap(), 1);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
        let old = fs::File::options()
            .write(true)
            .open(folder.path().join(elsewhere))
            .unwrap();
        old.set_modified(SystemTime::now() - 2 * STALE_AFTER)
            .unwrap();
        assert_eq!(remove_stale(folder.path()).unwrap(), 1);
        assert!(!folder.path().join(elsewhere).exists());
    }

    #[test]
    fn what_a_process_left_goes_and_the_rest_stays() {
        let folder = tempfile::tempdir().unwrap();
        let names = [
            ".W.mat.a-7-00000001000000aa.tmp",
            ".b.mat.a-7-00000001000000bb.tmp",
            ".W.mat.a-7-00000002000000aa.tmp",
            ".W.mat.b-7-00000001000000aa.tmp",
            "W.mat.a-7-00000001000000aa.tmp",
            "W.mat",
        ];
        for name in names {
            let mut options = fs::OpenOptions::new();
            let path = folder.path().join(name);
            options.write(true).create_new(true).open(path).unwrap();
        }
        let owner = "a-7-00000001000000ff";
        assert_eq!(remove_left_by(owner, folder.path()).unwrap(), 2);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4);
        for owner in ["", "a", "aaaaaaaa", "ä-7-0000000ä"] {
            assert_eq!(remove_left_by(owner, folder.path()).unwrap(), 0);
        }
        assert_eq!(remove_left_by(owner, folder.path().join("no")).unwrap(), 0);
        let (mine, next) = (unique_owner(), unique_owner());
        assert_ne!(mine, next);
        assert_eq!(mine[..mine.len() - 8], next[..next.len() - 8]);
    }
}
