//! This process among those that share a study.

use anyhow::Result;
use bhscore::settings::Settings;
use bhscore::work::claims::{Lease, SystemClock, Worker};
use bhscore::work::{Layout, stage};

use std::sync::Arc;

use super::Global;

/// The worker that claims for this process.
pub struct Crew {
    worker: Worker,
}

impl Crew {
    /// Nothing is written before the first claim.
    pub fn new(global: &Global, layout: &Layout, settings: &Settings) -> Result<Crew> {
        layout.check_claims()?;
        let clock = SystemClock {
            skew: global.clock_skew,
        };
        let lease = Lease::from(&settings.work);
        let worker = Worker::with_clock(&layout.claims(), lease, Arc::new(clock));
        Ok(Crew { worker })
    }

    /// Who makes the claims.
    pub fn worker(&self) -> &Worker {
        &self.worker
    }

    /// Ends the work; the last one removes what dead ones left.
    pub fn leave(self, layout: &Layout) -> Result<()> {
        self.worker
            .finish(&mut |unit, worker| stage::tidy(layout, unit, worker))?;
        Ok(())
    }
}
