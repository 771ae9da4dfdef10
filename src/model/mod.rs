//! Models that are handed to others: a manifest, what it names, whether that is as it says, and one file of all.
//!
//! ```text
//! model.toml ──manifest──▶ checks ──finding──▶ table or JSON
//! model.toml + files ──pack──▶ FILE.zip ──archive──▶ a temporary folder ──checks──▶ the same findings
//! ```
//!
//! | file | holds |
//! |---|---|
//! | [`manifest`] | `model.toml`, checked |
//! | [`benchmark`] | a benchmark as a file: recordings, stimuli, metric |
//! | `section` | a table of a TOML file: its keys, and all that is wrong with them |
//! | [`finding`] | what each of the fourteen checks found |
//! | [`checks`] | the checks, in their order |
//! | [`source`] | the files of a model, and their fingerprint |
//! | [`images`] | pictures that are drawn for the checks |
//! | [`subject`] | what the checks look at: activations of images |
//! | [`network`] | an ONNX file as a manifest describes it, run on pictures |
//! | [`submission`] | a model by its manifest, for commands that run it |
//! | [`screen`] | gratings on a network's field of view |
//! | [`folders`] | features that come without a network |
//! | [`bibtex`] | whether references can be read |
//! | [`archive`] | zip files with one root folder, and nothing outside of it |
//! | [`pack`] | a checked model as one zip file |

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result};

pub mod archive;
pub mod benchmark;
pub mod bibtex;
pub mod checks;
pub mod finding;
pub mod folders;
pub mod images;
pub mod manifest;
pub mod network;
pub mod pack;
pub mod screen;
mod section;
pub mod source;
pub mod subject;
pub mod submission;

/// Refuses to go on once the user asked to stop.
fn go_on(stop: &AtomicBool) -> Result<()> {
    match stop.load(Ordering::Relaxed) {
        true => Err(Error::Interrupted),
        false => Ok(()),
    }
}

/// Folder of a manifest.
fn root(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
