//! This process among those that share a study.

use anyhow::Result;
use bhscore::io::atomic;
use bhscore::settings::Settings;
use bhscore::work::claims::{Lease, SystemClock, Worker};
use bhscore::work::{Item, Layout};

use std::sync::Arc;

use super::Global;

/// The worker that claims for this process.
pub struct Crew {
    worker: Worker,
}

impl Crew {
    /// Nothing is written before the first claim.
    pub fn new(global: &Global, layout: &Layout, settings: &Settings) -> Crew {
        let clock = SystemClock {
            skew: global.clock_skew,
        };
        let lease = Lease::from(&settings.work);
        Crew {
            worker: Worker::with_clock(&layout.claims(), lease, Arc::new(clock)),
        }
    }

    /// Who makes the claims.
    pub fn worker(&self) -> &Worker {
        &self.worker
    }

    /// Ends the work; the last one removes what dead ones left.
    pub fn leave(self, layout: &Layout) -> Result<()> {
        self.worker
            .finish(&mut |unit, worker| tidy(layout, unit, worker))?;
        Ok(())
    }
}

/// Removes what a worker that is dead left unfinished of a unit.
pub fn tidy(layout: &Layout, unit: &str, worker: &str) -> bhscore::Result<()> {
    let folders = match Item::of_unit(unit) {
        Some(item) => layout.item_folders(&item),
        None => layout.extracted_folders(unit)?,
    };
    folders
        .iter()
        .try_for_each(|folder| atomic::remove_left_by(worker, folder).map(drop))
}
