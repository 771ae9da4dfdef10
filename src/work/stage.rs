//! The loop that all stages share: skip what is done, compute, publish, record.
//!
//! An item is *done* when its `record.json` exists and its settings and inputs still match. Files
//! of the original (there, but without a record) are *foreign*: used as input, never overwritten
//! without [`Options::force`]. A failed item is noted beside where its record would be, the loop
//! goes on, and the next run tries it again.
//!
//! Processes that share a folder claim items ([`claims`]) so as not to do them twice. A layer that another process
//! is at is left for later, since each that works on it has to read it; what others hold is looked at again at the
//! end.

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::claims::{self, Claim, Claimed, Worker};
use super::failure;
use super::item::Item;
use super::layout::Layout;
use super::progress::Told;
pub use super::progress::{Event, Outcome, Summary};
use super::publish::{Computed, Published, Publishing, present_record};
use super::sources::{Source, Sources};
use super::state::is_foreign;
pub use super::state::{INPUTS_MISSING, State, state, states, tidy};
use crate::error::{Error, Result};
use crate::io::atomic::Batch;
use crate::io::record::{self, Record};

/// Time between the first two looks at items that others hold, and the longest: short items are done at once, long
/// ones are not to be asked for all the time.
const LOOK_AGAIN: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

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
    /// Files of an earlier run that are no part of it: removed when it is published.
    pub obsolete: Vec<PathBuf>,
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
    /// Stay until the items that others hold are done, too.
    pub wait: bool,
}

/// Runs a stage over its items.
///
/// - `worker`: claims items, so that no other process works on them; `None` where there are no others.
///
/// Returns an error only for what ends the whole run: nothing can be written to the study.
pub fn run(
    items: &[Item],
    job: &mut dyn Job,
    layout: &Layout,
    options: Options,
    worker: Option<&Worker>,
    stop: &AtomicBool,
    observe: &mut dyn FnMut(Event),
) -> Result<Summary> {
    let mut told = Told {
        total: items.len(),
        n_finished: 0,
        summary: Summary::default(),
        observe,
    };
    let mut pass = Pass {
        job,
        layout,
        options,
        worker,
        stop,
        sources: RefCell::new(Sources::new(layout.clone())),
        publishing: None,
        superseded: Vec::new(),
        at_work: None,
    };
    // Items that others hold are looked at again: they are done by then, or their holder is dead.
    let mut open: Vec<&Item> = items.iter().collect();
    let mut until_next = LOOK_AGAIN.0;
    loop {
        let mut held = pass.over(&open, &mut told);
        if let Some(last) = pass.publishing.take() {
            pass.published(last, &mut told);
        }
        let superseded = std::mem::take(&mut pass.superseded);
        held.extend(items.iter().filter(|item| superseded.contains(item)));
        let is_new = held.len() < open.len();
        open = held;
        if open.is_empty() || told.summary.interrupted {
            break;
        }
        if !options.wait && !is_new {
            break;
        }
        if options.wait {
            (told.observe)(Event::Waiting { held: open.len() });
            if is_new {
                until_next = LOOK_AGAIN.0;
            }
            pause(until_next, stop);
            until_next = LOOK_AGAIN.1.min(2 * until_next);
        }
    }
    told.summary.held = open.into_iter().cloned().collect();
    Ok(told.summary)
}

/// A moment between two looks at items that others hold.
fn pause(length: Duration, stop: &AtomicBool) {
    const STEP: Duration = Duration::from_millis(50);
    let start = Instant::now();
    while start.elapsed() < length && !stop.load(Ordering::Relaxed) {
        thread::sleep(STEP);
    }
}

/// What the loop needs at every item.
struct Pass<'a> {
    job: &'a mut dyn Job,
    layout: &'a Layout,
    options: Options,
    worker: Option<&'a Worker>,
    stop: &'a AtomicBool,
    sources: RefCell<Sources>,
    /// Publishing waits for the disk and needs no processor: it goes on beside the next item.
    publishing: Option<Publishing>,
    /// Items that another process took over while this one stood still.
    superseded: Vec<Item>,
    /// The layer at work, and whether the one after it was announced.
    at_work: Option<(LayerOf, bool)>,
}

/// The features that items have in common: network and layer.
type LayerOf = (String, String);

fn layer_of(item: &Item) -> LayerOf {
    (item.net.clone(), item.layer.clone())
}

/// What became of an item before its files are published.
enum Begun {
    Ended(Outcome),
    Computed(Computed, Option<Claim>),
    Held,
    Interrupted,
}

impl Pass<'_> {
    /// Goes through items once; returns those that others hold.
    fn over<'i>(&mut self, items: &[&'i Item], told: &mut Told) -> Vec<&'i Item> {
        let (mut held, mut left) = (Vec::new(), Vec::new());
        self.go(items, &mut held, Some(&mut left), told);
        // No layer is free any more: now several work on one.
        self.go(&left, &mut held, None, told);
        held
    }

    /// The rest of a layer that another process is at goes into `left`, if that is given.
    fn go<'i>(
        &mut self,
        items: &[&'i Item],
        held: &mut Vec<&'i Item>,
        mut left: Option<&mut Vec<&'i Item>>,
        told: &mut Told,
    ) {
        let mut busy = None;
        for (place, item) in items.iter().enumerate() {
            if told.summary.interrupted {
                return;
            }
            if let Some(left) = &mut left
                && busy.as_ref() == Some(&layer_of(item))
            {
                left.push(*item);
                continue;
            }
            let begun = self.begin(&items[place..], told);
            if let Some(last) = self.publishing.take() {
                self.published(last, told);
            }
            match begun {
                Begun::Ended(outcome) => told.finished(item, outcome),
                Begun::Computed(computed, claim) => {
                    self.publishing = Some(Publishing::start(item, computed, claim));
                }
                Begun::Held => {
                    held.push(*item);
                    busy = Some(layer_of(item));
                }
                Begun::Interrupted => told.summary.interrupted = true,
            }
        }
    }

    /// Computes the first of `items` if nobody has or does.
    fn begin(&mut self, items: &[&Item], told: &mut Told) -> Begun {
        let item = items[0];
        let found = if self.options.force {
            State::Missing
        } else {
            // An input that cannot be looked at makes the item fail when it is computed.
            self.state(item).unwrap_or(State::Missing)
        };
        match found {
            State::Done => return Begun::Ended(Outcome::Done),
            State::Foreign => return Begun::Ended(Outcome::Foreign),
            State::Missing | State::Failed(_) | State::Stale(_) => {}
        }
        if self.stop.load(Ordering::Relaxed) {
            return Begun::Interrupted;
        }
        // No note of it is left, which would be written there, too.
        if let Err(error) = self.layout.check_inside(item) {
            return Begun::Ended(Outcome::Failed(error));
        }
        let claim = match self.claim(item) {
            Ok(None) => None,
            Ok(Some(Claimed::Mine(claim))) => Some(claim),
            Ok(Some(Claimed::Committed)) => return Begun::Ended(Outcome::Done),
            Ok(Some(Claimed::Held(_))) => return Begun::Held,
            Ok(Some(Claimed::GivenUp { attempts })) => {
                return Begun::Ended(self.given_up(item, attempts));
            }
            // In a folder in which no claim can be made nothing can be published either.
            Err(error) => return Begun::Ended(self.failed(item, error)),
        };
        // Not done, so that a record that is there vouches for nothing.
        let replaced = present_record(&self.layout.record_folder(item));
        (told.observe)(Event::Started { item });
        self.announce(items);
        match compute(
            item,
            self.job,
            self.layout,
            &mut self.sources.borrow_mut(),
            self.stop,
        ) {
            Ok(mut computed) => {
                computed.replaced = replaced;
                Begun::Computed(computed, claim)
            }
            Err(Error::Interrupted) => Begun::Interrupted,
            Err(error) => {
                let outcome = self.failed(item, error);
                // Not each of a hundred machines is to try the same damaged input.
                if let Some(claim) = claim {
                    let _ = claim.fail();
                }
                Begun::Ended(outcome)
            }
        }
    }

    fn claim(&self, item: &Item) -> Result<Option<Claimed>> {
        let Some(worker) = self.worker else {
            return Ok(None);
        };
        let is_committed = || {
            // Forced items are done when this run has done them.
            if self.options.force {
                return Ok(false);
            }
            claims::refresh(&self.layout.record_folder(item))?;
            let found = self.state(item).unwrap_or(State::Missing);
            Ok(matches!(found, State::Done | State::Foreign))
        };
        worker.claim(&item.unit(), &is_committed).map(Some)
    }

    fn is_done(&self, item: &Item) -> bool {
        let folder = self.layout.record_folder(item);
        claims::refresh(&folder).is_ok() && matches!(self.state(item), Ok(State::Done))
    }

    fn state(&self, item: &Item) -> Result<State> {
        state(item, self.job, self.layout, &mut self.sources.borrow_mut())
    }

    /// An item that failed or ended too many processes.
    fn given_up(&self, item: &Item, attempts: u32) -> Outcome {
        let folder = self.layout.record_folder(item);
        let remedy = "run again when all processes have ended; `bhscore status --retry-failed` forgets it at once";
        if let Some(reason) = failure::reason(&folder) {
            let problem = format!("failed {attempts} times: {reason}");
            return Outcome::Failed(Error::data(item.to_string(), problem, remedy));
        }
        let problem =
            format!("ended {attempts} processes that computed it, or they were killed meanwhile");
        self.failed(item, Error::data(item.to_string(), problem, remedy))
    }

    fn failed(&self, item: &Item, error: Error) -> Outcome {
        if is_foreign(item, self.layout) {
            // Files of the original that `force` could not replace stay the original's: a note would make them
            // ours to overwrite.
            return Outcome::Failed(error);
        }
        failure::noted(item, self.layout, error)
    }

    fn published(&mut self, publishing: Publishing, told: &mut Told) {
        let (item, ended) = publishing.finish();
        let outcome = match ended {
            Ok(Published::Done { seconds, notes }) => Outcome::Computed { seconds, notes },
            // Whoever took it over may be at it still.
            Ok(Published::Superseded) if !self.is_done(&item) => {
                self.superseded.push(item);
                return;
            }
            Ok(Published::Superseded) => Outcome::Done,
            Err(error) => failure::noted(&item, self.layout, error),
        };
        told.finished(&item, outcome);
    }

    /// Tells the job, with the second item of a layer, what comes after that layer: the first item that is to be
    /// computed and that nobody holds. With the first item it would be too soon where many start at once: the others
    /// have not taken their layers yet.
    fn announce(&mut self, items: &[&Item]) {
        let now = layer_of(items[0]);
        match &mut self.at_work {
            Some((layer, announced)) if *layer == now => {
                if std::mem::replace(announced, true) {
                    return;
                }
            }
            _ => {
                self.at_work = Some((now, false));
                return;
            }
        }
        let mut seen = now;
        for next in items {
            let layer = layer_of(next);
            if layer == seen {
                continue;
            }
            let found = self.state(next).unwrap_or(State::Missing);
            if !self.options.force && matches!(found, State::Done | State::Foreign) {
                continue;
            }
            seen = layer;
            if !self.is_held(next) {
                self.job.announce(next);
                return;
            }
        }
    }

    fn is_held(&self, item: &Item) -> bool {
        // A look that fails is not worth a word: the claim will fail, too.
        self.worker
            .is_some_and(|worker| worker.sees_holder(&item.unit()).unwrap_or(true))
    }
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
        obsolete,
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
        obsolete,
        folder,
        replaced: None,
        notes,
        start,
    })
}
