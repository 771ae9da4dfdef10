//! Finished features on their way to the disk, and what the user is told of them.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use super::stage::{Event, Shared, Summary};
use crate::error::{Error, Result};
use crate::io::atomic::{self, Batch};
use crate::work::claims::Claim;

/// Files published together: a sync for each would take longer than the network.
const FILES_PER_SYNC: usize = 64;

/// Batches that may wait for the disk: their features are written already, only the sync is to come.
const BACKLOG: usize = 256;

/// Longest time that finished files wait for others.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// What a worker has done with one batch.
pub(super) struct Done {
    /// Features under temporary names.
    pub files: Batch,
    /// Images of which something was written.
    pub computed: usize,
    /// Images that could not be computed.
    pub failed: Vec<(usize, Error)>,
    /// What is to be said of images.
    pub remarks: Vec<(usize, String)>,
    /// To be ended when the files are published.
    pub claim: Option<Claim>,
}

/// Publishes finished files and tells the user.
pub(super) struct Published<'a, 'b> {
    shared: &'a Shared<'b>,
    summary: &'a mut Summary,
    observe: &'a mut dyn FnMut(Event),
    waiting: Batch,
    /// Claims of what is waiting.
    claims: Vec<Claim>,
    since: Instant,
    computed: usize,
}

impl<'a, 'b> Published<'a, 'b> {
    /// Nothing is waiting yet; so many images were computed before.
    pub fn new(
        shared: &'a Shared<'b>,
        summary: &'a mut Summary,
        observe: &'a mut dyn FnMut(Event),
        computed: usize,
    ) -> Published<'a, 'b> {
        Published {
            shared,
            summary,
            observe,
            waiting: Batch::new(),
            claims: Vec::new(),
            since: Instant::now(),
            computed,
        }
    }

    /// Lets workers go through the open blocks; returns how many images were computed up to now.
    pub fn run(mut self, n_workers: usize) -> Result<usize> {
        let shared = self.shared;
        thread::scope(|scope| {
            let (sender, results): (_, Receiver<Result<Done>>) = mpsc::sync_channel(BACKLOG);
            for _ in 0..n_workers {
                let sender = sender.clone();
                scope.spawn(move || shared.work(&sender));
            }
            drop(sender);
            let result = self.collect(&results);
            if result.is_err() {
                shared.broken.store(true, Ordering::Relaxed);
            }
            // Workers that wait to hand over a result see the channel close.
            drop(results);
            result
        })?;
        Ok(self.computed)
    }

    fn collect(&mut self, results: &Receiver<Result<Done>>) -> Result<()> {
        let mut outcome = Ok(());
        for result in results {
            match result {
                Ok(done) => self.take(done)?,
                Err(error) => outcome = outcome.and(Err(error)),
            }
        }
        // What was finished before an error is kept.
        self.publish()?;
        outcome
    }

    fn take(&mut self, done: Done) -> Result<()> {
        let name = |position: usize| &self.shared.place.stimuli[position];
        for (position, error) in done.failed {
            // An image that was there before is computed only for its neighbours in the batch.
            if self
                .shared
                .targets
                .iter()
                .any(|target| target.lacks(position))
            {
                (self.observe)(Event::Failed(name(position), &error));
                let failure = (name(position).name.clone(), error.to_string());
                self.summary.failed.push(failure);
            }
        }
        for (position, remark) in done.remarks {
            self.shared.watch.remark(&name(position).name, &remark);
        }
        self.computed += done.computed;
        self.waiting.append(done.files);
        self.claims.extend(done.claim);
        if self.waiting.len() >= FILES_PER_SYNC || self.since.elapsed() > LONGEST_WAIT {
            self.publish()?;
        }
        Ok(())
    }

    fn publish(&mut self) -> Result<()> {
        let files = std::mem::take(&mut self.waiting);
        if !files.is_empty() {
            files.commit()?;
        }
        for claim in self.claims.drain(..) {
            for worker in claim.predecessors()? {
                for target in &self.shared.targets {
                    atomic::remove_left_by(&worker, &target.folder)?;
                }
            }
            claim.finish();
        }
        self.since = Instant::now();
        self.summary.computed = self.computed;
        (self.observe)(Event::Published(self.computed));
        Ok(())
    }
}
