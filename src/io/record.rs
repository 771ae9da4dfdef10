//! `record.json`: the last file of an artifact, written by rename; what makes it *done*.
//!
//! A record says how the artifact was made (program, item, the resolved settings that matter) and
//! from which inputs, so that the next run can tell whether it still stands. Inputs carry two
//! fingerprints: a *stamp* from sizes and modification times, which costs a few metadata reads, and
//! a *digest* of the content, which is compared only where the stamp differs (a copied study).
//! Nothing else in an artifact depends on time or host.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ordinary;
use crate::error::{Error, Result};

/// File name of records.
pub const FILE_NAME: &str = "record.json";

/// File name of the note that a failed item leaves.
pub const FAILED_NAME: &str = "failed.json";

/// Version of this format.
pub const FORMAT: u32 = 1;

/// How an artifact was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Version of the record's own format.
    pub format: u32,
    /// Program and version.
    pub program: String,
    /// Stage that wrote the artifact, `decode-train` for instance.
    pub stage: String,
    /// Work item, `network/layer/subject/ROI`.
    pub item: String,
    /// The resolved settings that determine the artifact.
    pub settings: Value,
    /// What it was made from.
    pub inputs: Vec<Input>,
    /// Shapes, counts and remarks.
    pub result: Value,
    /// Wall time of the computation in seconds.
    pub seconds: f64,
    /// Machine that computed it.
    pub host: String,
    /// Seconds since 1970 when it was finished.
    pub finished: u64,
}

/// One input file or folder of an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Path relative to the study folder.
    pub path: String,
    /// Sizes and modification times, see [`stamp`].
    pub stamp: String,
    /// BLAKE3 of the content.
    pub digest: String,
}

impl Record {
    /// Reads the record of an artifact folder; `None` where there is none.
    pub fn read(folder: &Path) -> Result<Option<Record>> {
        let path = folder.join(FILE_NAME);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read", &path)(error)),
        };
        let record: Record = serde_json::from_slice(&text).map_err(|error| {
            Error::file(
                &path,
                format!("is not a record ({error})"),
                "delete it, and the item is computed again",
            )
        })?;
        if record.format != FORMAT {
            return Err(Error::file(
                &path,
                format!(
                    "has format {}, this program reads format {FORMAT}",
                    record.format
                ),
                "use the version that wrote it, or delete it to compute the item again",
            ));
        }
        Ok(Some(record))
    }

    /// [`Self::read`], where a record that cannot be understood (somebody edited it) is none.
    pub fn read_if_sound(folder: &Path) -> Result<Option<Record>> {
        match Record::read(folder) {
            Err(Error::File { .. }) => Ok(None),
            other => other,
        }
    }

    /// The file's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).expect("a record has only string keys");
        text.push(b'\n');
        text
    }

    /// Digest of what determines the artifact's content: a dependent artifact lists this.
    pub fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.stage.as_bytes());
        hasher.update(self.item.as_bytes());
        hasher.update(self.settings.to_string().as_bytes());
        for input in &self.inputs {
            hasher.update(input.path.as_bytes());
            hasher.update(input.digest.as_bytes());
        }
        short(&hasher)
    }
}

/// A cheap fingerprint of a file: its size and modification time.
pub fn stamp(path: &Path) -> Result<String> {
    let metadata = fs::metadata(path).map_err(Error::io("read", path))?;
    let modified = metadata.modified().map_err(Error::io("read", path))?;
    let nanoseconds = modified
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_nanos();
    Ok(format!("{}@{nanoseconds}", metadata.len()))
}

/// The [`stamp`] of a file in an open folder: many of one folder are had in half the time.
#[allow(
    clippy::unnecessary_fallible_conversions,
    reason = "the types of the fields differ from system to system"
)]
pub fn stamp_in(folder: &fs::File, name: &OsStr) -> io::Result<String> {
    let metadata = rustix::fs::statat(folder, name, rustix::fs::AtFlags::empty())?;
    let seconds = u128::try_from(metadata.st_mtime);
    let nanoseconds = seconds.map_or(0, |seconds| {
        seconds * 1_000_000_000 + u128::try_from(metadata.st_mtime_nsec).unwrap_or_default()
    });
    Ok(format!("{}@{nanoseconds}", metadata.st_size))
}

/// BLAKE3 of a file's content.
pub fn digest_file(path: &Path) -> Result<String> {
    let mut file = ordinary::open(path).map_err(Error::io("read", path))?;
    let mut hasher = blake3::Hasher::new();
    hasher
        .update_reader(&mut file)
        .map_err(Error::io("read", path))?;
    Ok(short(&hasher))
}

/// 128 bits of a digest as text, plenty to tell files of one study apart.
pub fn short(hasher: &blake3::Hasher) -> String {
    hasher.finalize().to_hex()[..32].to_owned()
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_secs())
}

/// Name of this machine.
pub fn host() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .or_else(|_| std::env::var("HOSTNAME"))
        .unwrap_or_else(|_| "unknown".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn stamps_are_the_same_by_path_and_in_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let handle = fs::File::open(folder.path()).unwrap();
        for (name, time) in [
            ("new.mat", SystemTime::now()),
            ("then", UNIX_EPOCH + Duration::new(1, 23)),
            ("before", UNIX_EPOCH - Duration::new(1, 23)),
        ] {
            let path = folder.path().join(name);
            crate::io::atomic::write(&path, name.as_bytes()).unwrap();
            let file = fs::File::options().write(true).open(&path).unwrap();
            file.set_modified(time).unwrap();
            let by_name = stamp_in(&handle, OsStr::new(name)).unwrap();
            assert_eq!(by_name, stamp(&path).unwrap());
        }
        let absent = stamp_in(&handle, OsStr::new("absent")).unwrap_err();
        assert_eq!(absent.kind(), ErrorKind::NotFound);
    }
}
