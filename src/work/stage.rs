//! The loop that all stages share: skip what is done, compute, publish, record.
//!
//! An item is *done* when its `record.json` exists and its settings and inputs still match. Files
//! of the original (there, but without a record) are *foreign*: used as input, never overwritten
//! without [`Options::force`]. A failed item is noted beside where its record would be, the loop
//! goes on, and the next run tries it again.

use std::fs;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
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

    /// Says that this item comes next after those of the present layer: its inputs may be read ahead.
    fn announce(&mut self, item: &Item) {
        let _ = item;
    }

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
    let mut told = Told {
        total: items.len(),
        n_finished: 0,
        summary: Summary::default(),
        observe,
    };
    // Publishing waits for the disk and needs no processor: it goes on beside the next item.
    let mut publishing: Option<Publishing> = None;
    let mut announced = None;
    for (place, item) in items.iter().enumerate() {
        let state = if options.force {
            State::Missing
        } else {
            // An input that cannot be looked at makes the item fail when it is computed.
            state(item, job, layout, &mut sources).unwrap_or(State::Missing)
        };
        let outcome = match state {
            State::Done => Ok(Outcome::Done),
            State::Foreign => Ok(Outcome::Foreign),
            State::Missing | State::Failed(_) | State::Stale(_) => {
                if stop.load(Ordering::Relaxed) {
                    told.summary.interrupted = true;
                    break;
                }
                (told.observe)(Event::Started { item });
                let layer = Some((&item.net, &item.layer));
                if announced != layer {
                    announced = layer;
                    announce(&items[place..], job, layout, options, &mut sources);
                }
                match compute(item, job, layout, &mut sources, stop) {
                    Ok(computed) => Err(computed),
                    Err(Error::Interrupted) => {
                        told.summary.interrupted = true;
                        break;
                    }
                    // Files of the original that `force` could not replace stay the original's: a
                    // note would make them ours to overwrite.
                    Err(error) if is_foreign(item, layout) => Ok(Outcome::Failed(error)),
                    Err(error) => Ok(failed(item, layout, error)),
                }
            }
        };
        if let Some(last) = publishing.take() {
            last.finish(layout, &mut told);
        }
        match outcome {
            Ok(outcome) => told.finished(item, outcome),
            Err(computed) => publishing = Some(Publishing::start(item, computed)),
        }
    }
    if let Some(last) = publishing {
        last.finish(layout, &mut told);
    }
    Ok(told.summary)
}

/// Tells the job about the first item of the layer after this one, if it is to be computed.
fn announce(
    items: &[Item],
    job: &mut dyn Job,
    layout: &Layout,
    options: Options,
    sources: &mut Sources,
) {
    let layer = |item: &Item| (item.net.clone(), item.layer.clone());
    let next = items
        .iter()
        .find(|next| items.first().map(layer) != Some(layer(next)));
    let Some(next) = next else { return };
    let state = state(next, job, layout, sources).unwrap_or(State::Missing);
    if options.force || !matches!(state, State::Done | State::Foreign) {
        job.announce(next);
    }
}

/// What the caller has been told.
struct Told<'a> {
    total: usize,
    n_finished: usize,
    summary: Summary,
    observe: &'a mut dyn FnMut(Event<'_>),
}

impl Told<'_> {
    fn finished(&mut self, item: &Item, outcome: Outcome) {
        self.n_finished += 1;
        (self.observe)(Event::Finished {
            position: self.n_finished,
            total: self.total,
            item,
            outcome: &outcome,
        });
        let summary = &mut self.summary;
        match outcome {
            Outcome::Computed { .. } => summary.computed += 1,
            Outcome::Done => summary.done += 1,
            Outcome::Foreign => summary.foreign += 1,
            Outcome::Failed(error) => summary.failed.push((item.clone(), error.to_string())),
        }
    }
}

/// An artifact whose files are complete under temporary names.
struct Computed {
    files: Batch,
    folder: PathBuf,
    notes: Vec<String>,
    start: Instant,
}

/// An artifact on its way to the disk.
struct Publishing {
    item: Item,
    notes: Vec<String>,
    thread: JoinHandle<Result<f64>>,
}

impl Publishing {
    fn start(item: &Item, computed: Computed) -> Publishing {
        let Computed {
            files,
            folder,
            notes,
            start,
        } = computed;
        let thread = thread::spawn(move || {
            publish(files, &folder)?;
            Ok(start.elapsed().as_secs_f64())
        });
        Publishing {
            item: item.clone(),
            notes,
            thread,
        }
    }

    fn finish(self, layout: &Layout, told: &mut Told) {
        let outcome = match self.thread.join() {
            Ok(Ok(seconds)) => Outcome::Computed {
                seconds,
                notes: self.notes,
            },
            Ok(Err(error)) => failed(&self.item, layout, error),
            Err(panic) => resume_unwind(panic),
        };
        told.finished(&self.item, outcome);
    }
}

fn failed(item: &Item, layout: &Layout, error: Error) -> Outcome {
    note_failure(&layout.record_folder(item), &error);
    Outcome::Failed(error)
}

fn publish(files: Batch, folder: &Path) -> Result<()> {
    let folders = files.folders();
    files.commit()?;
    remove_failure(folder);
    // Temporary files of a run that was killed here.
    for folder in folders {
        atomic::remove_stale(folder)?;
    }
    Ok(())
}

/// Where an item stands on disk.
pub fn state(item: &Item, job: &dyn Job, layout: &Layout, sources: &mut Sources) -> Result<State> {
    let folder = layout.record_folder(item);
    let marked = layout.foreign_marks(item).iter().any(|mark| mark.exists());
    // A record alone, after somebody deleted the file it vouches for, makes nothing done.
    let record = read_record(&folder)?.filter(|_| marked);
    let Some(record) = record else {
        if let Some(reason) = read_failure(&folder) {
            return Ok(State::Failed(reason));
        }
        return Ok(if is_foreign(item, layout) {
            State::Foreign
        } else {
            State::Missing
        });
    };
    let change = if record.settings != job.settings(item) {
        "settings changed"
    } else {
        match sources.unchanged(&job.sources(item), &record.inputs) {
            Ok(true) => return Ok(State::Done),
            Ok(false) => "inputs changed",
            // The error is told when the item is computed.
            Err(_) => "inputs missing",
        }
    };
    // The last attempt to bring it up to date may have failed.
    Ok(read_failure(&folder).map_or(State::Stale(change), State::Failed))
}

/// Whether an artifact is there that no run of ours had to do with.
fn is_foreign(item: &Item, layout: &Layout) -> bool {
    let folder = layout.record_folder(item);
    let marked = layout.foreign_marks(item).iter().any(|mark| mark.exists());
    marked && !folder.join(record::FAILED_NAME).exists() && !interrupted_here(&folder)
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
) -> Result<Computed> {
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
    Ok(Computed {
        files,
        folder,
        notes,
        start,
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
