//! HDF5 files of any layout, in pure Rust (`hdf5-pure`), in all threads at once.
//!
//! This folder is the only part of `io` that names that crate. [`crate::io::mat_v73`], [`crate::io::bdata`] and
//! [`crate::io::assembly`] read through it; [`crate::io::hdf5_plain`] reads the most common layouts faster.
//!
//! Why not libhdf5, which writes brain data here: version 1.10 crashes on files whose inner numbers do not fit
//! together, and takes the whole program with it. Against such files three things help here: all that is read of a
//! file has a bound (`bytes.rs`), the sizes of arrays and chunks are checked against its length before memory is taken
//! for them ([`Dataset::check`]), and readers run on a stack that is deep enough for what nests (`on_deep_stack`).

mod attributes;
mod bytes;
mod dataset;
mod group;
mod heap;
mod kind;

use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

pub use self::attributes::Attributes;
use self::bytes::{Bytes, Shared};
pub use self::dataset::Dataset;
pub use self::group::{Group, Member};
use self::heap::Texts;
pub use self::kind::Kind;
use super::mat::problem::COPY_AGAIN;
use crate::error::{Error, Result};

/// No file compresses better than deflate at its limit (1032 : 1); more is a damaged size.
pub(in crate::io) const MAX_EXPANSION: u64 = 1040;

/// Bytes of an array that may be without any data.
const SMALL: u64 = 1 << 20;

/// What `hdf5-pure` says of things that it does not read, though they may be in order.
const UNCOMMON: [&str; 7] = [
    "upported",
    "enumerated",
    "layout version",
    "external files",
    "invalid datatype",
    "reference type",
    "chunk index type",
];

/// An open HDF5 file.
pub struct Hdf5 {
    path: PathBuf,
    /// What the user may do if the file holds something else than is wanted.
    remedy: &'static str,
    /// Length in bytes.
    length: u64,
    file: hdf5_pure::File,
    texts: Mutex<Texts>,
}

impl fmt::Debug for Hdf5 {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Hdf5").field(&self.path).finish()
    }
}

impl Hdf5 {
    /// Opens a file for reading. `remedy` is told where it turns out to be of another kind.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is not HDF5, is shorter than it says, or is open in a program that writes it.
    pub fn open(path: &Path, remedy: &'static str) -> Result<Hdf5> {
        let bytes = Arc::new(Bytes::open(path).map_err(Error::io("read", path))?);
        let length = bytes.length();
        let file = hdf5_pure::File::from_source(Shared(Arc::clone(&bytes)))
            .map_err(|cause| refused(path, &cause))?;
        let superblock = file.superblock();
        // From the start of the file, whatever the format's description says: libhdf5 writes and reads it so.
        let said = superblock.eof_address;
        if said > length {
            let problem = format!("has {length} bytes, but says that it has {said}");
            return Err(Error::file(path, problem, COPY_AGAIN));
        }
        let texts = Texts::new(bytes, superblock.base_address.get());
        Ok(Hdf5 {
            path: path.to_owned(),
            remedy,
            length,
            file,
            texts: Mutex::new(texts),
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
    fn damaged(&self, what: &str, cause: impl Display) -> Error {
        let problem = format!("{what} cannot be read as HDF5 ({cause})");
        let remedy = match UNCOMMON.into_iter().any(|word| problem.contains(word)) {
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
        cause => {
            let problem = format!("cannot be opened as HDF5 ({cause})");
            Error::file(path, problem, COPY_AGAIN)
        }
    }
}

/// Runs a reader on a stack of its own: the type of an array may be of types in types, 8,190 deep, which functions
/// take apart that call themselves.
pub(in crate::io) fn on_deep_stack<T>(read: impl FnOnce() -> T) -> T {
    // Address space, of which only what is used becomes memory.
    const DEEP: usize = 64 << 20;
    stacker::maybe_grow(DEEP / 2, DEEP, read)
}
