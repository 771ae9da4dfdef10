//! A computed artifact on its way to the disk, beside the next item's computation.

use std::fs;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use super::claims::Claim;
use super::failure;
use super::item::Item;
use crate::error::Result;
use crate::io::atomic::{self, Batch, Once};
use crate::io::record;

/// An artifact whose files are complete under temporary names.
pub(super) struct Computed {
    pub files: Batch,
    /// Files of an earlier run that are no part of it.
    pub obsolete: Vec<PathBuf>,
    /// Folder of the record.
    pub folder: PathBuf,
    /// The record that was there when the item was begun, which holds no longer or is to be overwritten.
    pub replaced: Option<Vec<u8>>,
    pub notes: Vec<String>,
    pub start: Instant,
}

/// How publishing ended.
pub(super) enum Published {
    /// Seconds since the computation began, and remarks of the stage.
    Done { seconds: f64, notes: Vec<String> },
    /// Another process has taken the item over while this one stood still.
    Superseded,
}

/// An artifact that a thread is publishing.
pub(super) struct Publishing {
    item: Item,
    thread: JoinHandle<Result<Published>>,
}

impl Publishing {
    pub fn start(item: &Item, computed: Computed, claim: Option<Claim>) -> Publishing {
        Publishing {
            item: item.clone(),
            thread: thread::spawn(move || publish(computed, claim)),
        }
    }

    /// Waits for the end.
    pub fn finish(self) -> (Item, Result<Published>) {
        match self.thread.join() {
            Ok(ended) => (self.item, ended),
            Err(panic) => resume_unwind(panic),
        }
    }
}

fn publish(computed: Computed, claim: Option<Claim>) -> Result<Published> {
    let Computed {
        files,
        obsolete,
        folder,
        replaced,
        notes,
        start,
    } = computed;
    let folders = files.folders();
    let Some(claim) = claim else {
        remove_all(&obsolete)?;
        files.commit()?;
        failure::forget(&folder)?;
        // Temporary files of a run that was killed here.
        for folder in folders {
            atomic::remove_stale(folder)?;
        }
        let seconds = start.elapsed().as_secs_f64();
        return Ok(Published::Done { seconds, notes });
    };
    if !claim.is_mine()? {
        return Ok(Published::Superseded);
    }
    if let Some(replaced) = replaced {
        remove_record(&folder, &replaced)?;
    }
    remove_all(&obsolete)?;
    if files.commit_once()? == Once::Superseded {
        return Ok(Published::Superseded);
    }
    failure::forget(&folder)?;
    for worker in claim.predecessors()? {
        for folder in &folders {
            atomic::remove_left_by(&worker, folder)?;
        }
    }
    for folder in folders {
        atomic::remove_stale(folder)?;
    }
    claim.finish();
    let seconds = start.elapsed().as_secs_f64();
    Ok(Published::Done { seconds, notes })
}

/// The record that is there now.
pub(super) fn present_record(folder: &Path) -> Option<Vec<u8>> {
    fs::read(folder.join(record::FILE_NAME)).ok()
}

/// Takes back the record of what is about to be replaced, unless another process has replaced it meanwhile.
fn remove_record(folder: &Path, replaced: &[u8]) -> Result<()> {
    if present_record(folder).as_deref() != Some(replaced) {
        return Ok(());
    }
    remove_all(&[folder.join(record::FILE_NAME)])
}

fn remove_all(paths: &[PathBuf]) -> Result<()> {
    for path in paths {
        atomic::remove_if_there(path)?;
    }
    Ok(())
}
