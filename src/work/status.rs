//! How many items of a plan are done, failed, missing.

use super::item::{Item, Stage};
use super::layout::Layout;
use super::sources::Sources;
use super::stage::{Job, State, state};
use crate::error::Result;

/// Counts over the items of one stage and network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    /// The stage.
    pub stage: Stage,
    /// Network folder.
    pub net: String,
    /// Recorded with the present settings and inputs.
    pub done: usize,
    /// Written by the original.
    pub foreign: usize,
    /// Recorded, but settings or inputs have changed.
    pub stale: usize,
    /// The last attempt failed.
    pub failed: Vec<(Item, String)>,
    /// Not there.
    pub missing: usize,
}

impl Counts {
    /// Looks at every item.
    pub fn of(
        stage: Stage,
        net: &str,
        items: &[Item],
        job: &dyn Job,
        layout: &Layout,
    ) -> Result<Counts> {
        let mut sources = Sources::new(layout.clone());
        let mut counts = Counts {
            stage,
            net: net.to_owned(),
            done: 0,
            foreign: 0,
            stale: 0,
            failed: Vec::new(),
            missing: 0,
        };
        for item in items {
            // Inputs that are not there leave the item undone, not unknown.
            match state(item, job, layout, &mut sources).unwrap_or(State::Missing) {
                State::Done => counts.done += 1,
                State::Foreign => counts.foreign += 1,
                State::Stale(_) => counts.stale += 1,
                State::Failed(reason) => counts.failed.push((item.clone(), reason)),
                State::Missing => counts.missing += 1,
            }
        }
        Ok(counts)
    }

    /// Whether nothing is left to do.
    pub fn is_complete(&self) -> bool {
        self.stale == 0 && self.failed.is_empty() && self.missing == 0
    }
}
