//! HDF5 files of any layout, in pure Rust (`hdf5-pure`), in all threads at once.
//!
//! This folder is the only part of `io` that names that crate. [`crate::io::mat_v73`], [`crate::io::bdata`] and
//! [`crate::io::assembly`] read through it; [`crate::io::hdf5_plain`] reads the most common layouts faster.
//!
//! Why not libhdf5, which writes brain data here: version 1.10 crashes on files whose inner numbers do not fit
//! together, and takes the whole program with it. Sizes come from the file here, too, so each is checked against its
//! length before memory is taken for it.

mod attributes;
mod bytes;
mod dataset;
mod group;
mod kind;

use std::fmt::Display;
use std::path::{Path, PathBuf};

use hdf5_pure::Source as _;

pub use self::attributes::Attributes;
use self::bytes::Bytes;
pub use self::dataset::Dataset;
pub use self::group::{Group, Member};
pub use self::kind::Kind;
use super::mat::problem::COPY_AGAIN;
use crate::error::{Error, Result};

/// No file compresses better than deflate at its limit (1032 : 1); more is a damaged size.
pub(in crate::io) const MAX_EXPANSION: u64 = 1040;

/// Bytes of an array that may be without any data.
const SMALL: u64 = 1 << 20;

/// An open HDF5 file.
#[derive(Debug)]
pub struct Hdf5 {
    path: PathBuf,
    /// What the user may do if the file holds something else than is wanted.
    remedy: &'static str,
    /// Length in bytes.
    length: u64,
    file: hdf5_pure::File,
}

impl Hdf5 {
    /// Opens a file for reading. `remedy` is told where it turns out to be of another kind.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is not HDF5, is shorter than it says, or is open in a program that writes it.
    pub fn open(path: &Path, remedy: &'static str) -> Result<Hdf5> {
        let bytes = Bytes::open(path).map_err(Error::io("read", path))?;
        let length = bytes.len();
        let file = hdf5_pure::File::from_source(bytes).map_err(|cause| refused(path, &cause))?;
        // From the start of the file, whatever the format's description says: libhdf5 writes and reads it so.
        let said = file.superblock().eof_address;
        if said > length {
            let problem = format!("has {length} bytes, but says that it has {said}");
            return Err(Error::file(path, problem, COPY_AGAIN));
        }
        Ok(Hdf5 {
            path: path.to_owned(),
            remedy,
            length,
            file,
        })
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Length of the file in bytes.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The group that holds everything.
    #[must_use]
    pub fn root(&self) -> Group<'_> {
        Group::new(self, self.file.root(), String::new())
    }

    /// The file is HDF5, but not what it should be.
    #[must_use]
    pub fn other_kind(&self, problem: String) -> Error {
        Error::file(&self.path, problem, self.remedy)
    }

    /// Something of the file makes no sense, or is of a kind that is not read here.
    pub(in crate::io) fn damaged(&self, what: &str, cause: impl Display) -> Error {
        let problem = format!("{what} cannot be read as HDF5 ({cause})");
        let is_uncommon = |word| problem.contains(word);
        let remedy = match ["upported", "enumerated", "layout version"]
            .into_iter()
            .any(is_uncommon)
        {
            true => {
                "write it in a common layout, as `h5repack -f GZIP=4` does, or copy it again if it may be damaged"
            }
            false => COPY_AGAIN,
        };
        Error::file(&self.path, problem, remedy)
    }
}

/// A file that could not be opened.
fn refused(path: &Path, cause: &hdf5_pure::Error) -> Error {
    match cause {
        hdf5_pure::Error::FileMarkedInUse(_) => Error::file(
            path,
            "is open in a program that writes it",
            "close that program; if it died, `h5clear -s` takes its mark away",
        ),
        cause => Error::file(
            path,
            format!("cannot be opened as HDF5 ({cause})"),
            COPY_AGAIN,
        ),
    }
}
