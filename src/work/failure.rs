//! The note that a failed item leaves beside where its record would be.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::item::Item;
use super::layout::Layout;
use super::stage::Outcome;
use crate::error::{Error, Result};
use crate::io::atomic;
use crate::io::record;

/// Notes the failure of an item.
///
/// Best effort: a study that cannot be written to has already failed with a better message.
pub(super) fn noted(item: &Item, layout: &Layout, error: Error) -> Outcome {
    let note = json!({ "error": error.to_string(), "host": record::host(), "at": record::now() });
    let path = layout.record_folder(item).join(record::FAILED_NAME);
    let _ = atomic::write(path, format!("{note:#}\n").as_bytes());
    Outcome::Failed(error)
}

/// Why the last attempt failed, if it did.
pub(super) fn reason(folder: &Path) -> Option<String> {
    let text = fs::read(folder.join(record::FAILED_NAME)).ok()?;
    let note: Value = serde_json::from_slice(&text).ok()?;
    Some(note["error"].as_str()?.to_owned())
}

/// Forgets a failure: the item is done, or is to be tried again.
///
/// # Errors
///
/// If there is a note that cannot be removed.
pub fn forget(folder: &Path) -> Result<bool> {
    let path = folder.join(record::FAILED_NAME);
    match fs::remove_file(&path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::io("remove", path)(error)),
    }
}
