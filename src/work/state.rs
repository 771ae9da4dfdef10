//! Where an item stands on disk.

use std::fs;
use std::path::Path;

use rayon::prelude::*;

use super::failure;
use super::item::Item;
use super::layout::Layout;
use super::sources::{Source, Sources};
use super::stage::Job;
use crate::error::{Error, Result};
use crate::io::atomic;
use crate::io::record::{self, Record};

/// Why an item is stale whose inputs are no longer there.
pub const INPUTS_MISSING: &str = "inputs missing";

/// Where an item stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Recorded, with the present settings and inputs.
    Done,
    /// Recorded, but settings or inputs have changed since.
    Stale(&'static str),
    /// Written by the original.
    Foreign,
    /// The last attempt failed, with this reason.
    Failed(String),
    /// Not there, or interrupted half way.
    Missing,
}

/// Where an item stands on disk.
pub fn state(item: &Item, job: &dyn Job, layout: &Layout, sources: &mut Sources) -> Result<State> {
    look(item, job, layout, sources).map(|(state, _)| state)
}

/// Where an item stands on disk, and its record if that vouches for something.
type Look = Result<(State, Option<Record>)>;

fn look(item: &Item, job: &dyn Job, layout: &Layout, sources: &mut Sources) -> Look {
    judge(item, vouching(item, layout)?, job, layout, sources)
}

/// Where many items stand, in their order: what takes long, the reading, is done by all threads.
pub(super) fn look_at_all(
    items: &[Item],
    job: &dyn Job,
    layout: &Layout,
    sources: &mut Sources,
) -> Vec<Look> {
    let records: Vec<Result<Option<Record>>> = items
        .par_iter()
        .map(|item| vouching(item, layout))
        .collect();
    let recorded = items.iter().zip(&records);
    let recorded = recorded.filter(|(_, record)| matches!(record, Ok(Some(_))));
    let inputs: Vec<Source> = recorded.flat_map(|(item, _)| job.sources(item)).collect();
    sources.look_ahead(inputs);
    let looks = items.iter().zip(records);
    looks
        .map(|(item, record)| judge(item, record?, job, layout, sources))
        .collect()
}

/// Where items stand, as [`state`] says of each.
pub fn states(
    items: &[Item],
    job: &dyn Job,
    layout: &Layout,
    sources: &mut Sources,
) -> Vec<Result<State>> {
    let looks = look_at_all(items, job, layout, sources).into_iter();
    looks.map(|look| look.map(|(state, _)| state)).collect()
}

/// The record of an item, if what it vouches for is there.
fn vouching(item: &Item, layout: &Layout) -> Result<Option<Record>> {
    let marked = layout.foreign_marks(item).iter().any(|mark| mark.exists());
    // A record alone, after somebody deleted the file it vouches for, makes nothing done.
    Ok(Record::read_if_sound(&layout.record_folder(item))?.filter(|_| marked))
}

fn judge(
    item: &Item,
    record: Option<Record>,
    job: &dyn Job,
    layout: &Layout,
    sources: &mut Sources,
) -> Look {
    let folder = layout.record_folder(item);
    let Some(record) = record else {
        if let Some(reason) = failure::reason(&folder) {
            return Ok((State::Failed(reason), None));
        }
        let state = if is_foreign(item, layout) {
            State::Foreign
        } else {
            State::Missing
        };
        return Ok((state, None));
    };
    let change = if record.settings != job.settings(item) {
        "settings changed"
    } else {
        match sources.unchanged(&job.sources(item), &record.inputs) {
            Ok(true) => return Ok((State::Done, Some(record))),
            Ok(false) => "inputs changed",
            // The error is told when the item is computed.
            Err(_) => INPUTS_MISSING,
        }
    };
    // The last attempt to bring it up to date may have failed.
    let state = failure::reason(&folder).map_or(State::Stale(change), State::Failed);
    Ok((state, Some(record)))
}

/// Whether an artifact is there that no run of ours had to do with.
pub(super) fn is_foreign(item: &Item, layout: &Layout) -> bool {
    let folder = layout.record_folder(item);
    let marks = layout.foreign_marks(item);
    let changed = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
    let failed = changed(&folder.join(record::FAILED_NAME));
    // What came after a run of ours had failed is none of what that run left.
    let is_later =
        |mark: &Path| changed(mark).is_some_and(|time| failed.is_none_or(|failed| time > failed));
    let is_marked = marks.iter().any(|mark| is_later(mark));
    is_marked && !interrupted_here(&folder)
}

/// Whether one of our own runs was killed between the first rename and the record: the record is
/// written under a temporary name before anything is renamed.
fn interrupted_here(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else {
        return false;
    };
    entries.flatten().any(|entry| {
        let name = entry.file_name();
        atomic::is_temporary(&name.to_string_lossy()) || name == record::FILE_NAME
    })
}

/// Removes what a dead worker left unfinished of a unit of work.
///
/// Unfinished files are what tells an item of ours that was killed while it replaced another from one that the original
/// wrote. So that it is not taken for that, a note stays in their place.
///
/// # Errors
///
/// If a folder cannot be listed, or a file not removed.
pub fn tidy(layout: &Layout, unit: &str, worker: Option<&str>) -> Result<()> {
    let folders = match Item::of_unit(unit) {
        None => layout.extracted_folders(unit)?,
        Some(item) if layout.check_inside(&item).is_err() => Vec::new(),
        Some(item) => {
            let folder = layout.record_folder(&item);
            let marked = layout.foreign_marks(&item).iter().any(|mark| mark.exists());
            let is_open = marked && !folder.join(record::FILE_NAME).exists();
            if is_open && interrupted_here(&folder) {
                let problem = "a process was killed while it wrote this item";
                let _ = failure::noted(
                    &item,
                    layout,
                    Error::data(unit, problem, "run the same command again"),
                );
            }
            layout.item_folders(&item)
        }
    };
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        if let Some(worker) = worker {
            atomic::remove_left_by(worker, folder)?;
        }
        // And what a process of this host left whose claim can no longer be read.
        atomic::remove_stale(folder)?;
    }
    Ok(())
}
