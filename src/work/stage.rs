//! The loop that all stages share: skip what is done, compute, publish, record.
//!
//! An item is *done* when its `record.json` exists and its settings and inputs still match. Files
//! of the original (there, but without a record) are *foreign*: used as input, never overwritten
//! without [`Options::force`]. A failed item is noted beside where its record would be, the loop
//! goes on, and the next run tries it again.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde_json::{Value, json};

use super::item::Item;
use super::layout::Layout;
use super::sources::{Source, Sources};
use crate::error::{Error, Result};
use crate::io::atomic::{self, Batch};
use crate::io::record::{self, Record};

/// What a stage does with one item.
pub trait Job {
    /// The resolved settings that determine the item's artifact.
    fn settings(&self, item: &Item) -> Value;

    /// What the artifact is made from.
    fn sources(&self, item: &Item) -> Vec<Source>;

    /// Computes the artifact. Nothing is visible on disk before the loop commits the files.
    fn compute(&mut self, item: &Item, stop: &AtomicBool) -> Result<Artifact>;
}

/// What [`Job::compute`] returns.
pub struct Artifact {
    /// All files but the record.
    pub files: Batch,
    /// Shapes and counts for the record.
    pub result: Value,
    /// Remarks for the user: constant voxels, undefined units.
    pub notes: Vec<String>,
}

/// How a run treats what it finds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Compute items again that are done, and overwrite foreign ones.
    pub force: bool,
}

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

/// What happened to one item, told while the loop runs.
pub enum Event<'a> {
    /// The item is about to be computed.
    Started {
        /// The item.
        item: &'a Item,
    },
    /// The item was skipped, computed or failed.
    Finished {
        /// Place in the run, from 1.
        position: usize,
        /// Items in the run.
        total: usize,
        /// The item.
        item: &'a Item,
        /// What became of it.
        outcome: &'a Outcome,
    },
}

/// How one item ended.
#[derive(Debug)]
pub enum Outcome {
    /// Computed and published.
    Computed {
        /// Wall time in seconds.
        seconds: f64,
        /// Remarks of the stage.
        notes: Vec<String>,
    },
    /// It was done before.
    Done,
    /// The original's files are there.
    Foreign,
    /// It could not be computed.
    Failed(Error),
}

/// How a run ended.
#[derive(Debug, Default)]
pub struct Summary {
    /// Items computed now.
    pub computed: usize,
    /// Items that were done before.
    pub done: usize,
    /// Items that the original wrote.
    pub foreign: usize,
    /// Failed items with the reason.
    pub failed: Vec<(Item, String)>,
    /// The user asked to stop before the end.
    pub interrupted: bool,
}

/// Runs a stage over its items.
///
/// Returns an error only for what ends the whole run: nothing can be written to the study.
pub fn run(
    items: &[Item],
    job: &mut dyn Job,
    layout: &Layout,
    options: Options,
    stop: &AtomicBool,
    observe: &mut dyn FnMut(Event),
) -> Result<Summary> {
    let mut sources = Sources::new(layout.clone());
    let mut summary = Summary::default();
    let total = items.len();
    for (index, item) in items.iter().enumerate() {
        let position = index + 1;
        let state = if options.force {
            State::Missing
        } else {
            // An input that cannot be looked at makes the item fail when it is computed.
            state(item, job, layout, &mut sources).unwrap_or(State::Missing)
        };
        let outcome = match state {
            State::Done => Outcome::Done,
            State::Foreign => Outcome::Foreign,
            State::Missing | State::Failed(_) | State::Stale(_) => {
                if stop.load(Ordering::Relaxed) {
                    summary.interrupted = true;
                    break;
                }
                observe(Event::Started { item });
                match compute(item, job, layout, &mut sources, stop) {
                    Ok(outcome) => outcome,
                    Err(Error::Interrupted) => {
                        summary.interrupted = true;
                        break;
                    }
                    Err(error) => {
                        note_failure(&layout.record_folder(item), &error);
                        Outcome::Failed(error)
                    }
                }
            }
        };
        observe(Event::Finished {
            position,
            total,
            item,
            outcome: &outcome,
        });
        match outcome {
            Outcome::Computed { .. } => summary.computed += 1,
            Outcome::Done => summary.done += 1,
            Outcome::Foreign => summary.foreign += 1,
            Outcome::Failed(error) => summary.failed.push((item.clone(), error.to_string())),
        }
    }
    Ok(summary)
}

/// Where an item stands on disk.
pub fn state(item: &Item, job: &dyn Job, layout: &Layout, sources: &mut Sources) -> Result<State> {
    let folder = layout.record_folder(item);
    let Some(record) = read_record(&folder)? else {
        if let Some(reason) = read_failure(&folder) {
            return Ok(State::Failed(reason));
        }
        let marked = layout.foreign_marks(item).iter().any(|mark| mark.exists());
        return Ok(if marked && !interrupted_here(&folder) {
            State::Foreign
        } else {
            State::Missing
        });
    };
    if record.settings != job.settings(item) {
        return Ok(State::Stale("settings changed"));
    }
    if !sources.unchanged(&job.sources(item), &record.inputs)? {
        return Ok(State::Stale("inputs changed"));
    }
    Ok(State::Done)
}

/// A record that cannot be parsed (somebody edited it) counts as none of ours being there.
fn read_record(folder: &Path) -> Result<Option<Record>> {
    match Record::read(folder) {
        Err(Error::File { .. }) => Ok(None),
        other => other,
    }
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

fn compute(
    item: &Item,
    job: &mut dyn Job,
    layout: &Layout,
    sources: &mut Sources,
    stop: &AtomicBool,
) -> Result<Outcome> {
    let start = Instant::now();
    let inputs = sources.inputs(&job.sources(item))?;
    let Artifact {
        mut files,
        result,
        notes,
    } = job.compute(item, stop)?;
    let folder = layout.record_folder(item);
    let seconds = start.elapsed().as_secs_f64();
    let record = Record {
        format: record::FORMAT,
        program: crate::PROGRAM.to_owned(),
        stage: item.stage.name().to_owned(),
        item: item.to_string(),
        settings: job.settings(item),
        inputs,
        result,
        seconds,
        host: record::host(),
        finished: record::now(),
    };
    files.add(folder.join(record::FILE_NAME), &record.encode())?;
    files.commit()?;
    remove_failure(&folder);
    // Temporary files of a run that was killed here.
    atomic::remove_stale(&folder)?;
    Ok(Outcome::Computed {
        seconds: start.elapsed().as_secs_f64(),
        notes,
    })
}

/// Best effort: a study that cannot be written to has already failed with a better message.
fn note_failure(folder: &Path, error: &Error) {
    let note = json!({ "error": error.to_string(), "host": record::host(), "at": record::now() });
    let _ = atomic::write(
        folder.join(record::FAILED_NAME),
        format!("{note:#}\n").as_bytes(),
    );
}

fn read_failure(folder: &Path) -> Option<String> {
    let text = fs::read(folder.join(record::FAILED_NAME)).ok()?;
    let note: Value = serde_json::from_slice(&text).ok()?;
    Some(note["error"].as_str()?.to_owned())
}

fn remove_failure(folder: &Path) {
    let _ = fs::remove_file(folder.join(record::FAILED_NAME));
}
