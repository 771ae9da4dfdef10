//! What a stage tells while it runs, and how it ended.

use super::item::Item;
use crate::error::Error;

/// What happened to one item, told while the loop runs.
pub enum Event<'a> {
    /// The item is about to be computed.
    Started {
        /// The item.
        item: &'a Item,
    },
    /// Nothing is left but what others hold.
    Waiting {
        /// Their number.
        held: usize,
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
    /// Items that other processes hold.
    pub held: Vec<Item>,
    /// The user asked to stop before the end.
    pub interrupted: bool,
}

/// What the caller has been told.
pub(super) struct Told<'a> {
    pub total: usize,
    pub n_finished: usize,
    pub summary: Summary,
    pub observe: &'a mut dyn FnMut(Event<'_>),
}

impl Told<'_> {
    /// An item has ended.
    pub fn finished(&mut self, item: &Item, outcome: Outcome) {
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
