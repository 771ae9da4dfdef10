//! The right to work on one unit, for as long as it lasts.

use std::sync::Arc;

use super::folder;
use super::holder::{FAILED, Ticket};
use super::unit_name::UnitName;
use super::worker::Shared;
use crate::error::Result;

/// The right to work on one unit. Dropped, it is released: the unit is free at once, and no attempt was made.
#[must_use = "a claim that is dropped is released"]
pub struct Claim {
    shared: Arc<Shared>,
    name: UnitName,
    attempt: u32,
    /// What the claim file holds.
    ticket: Vec<u8>,
    /// Whether the file stays or has been removed already.
    ended: bool,
}

impl Claim {
    pub(super) fn new(
        shared: &Arc<Shared>,
        name: &UnitName,
        attempt: u32,
        ticket: Vec<u8>,
    ) -> Claim {
        shared.held().insert(name.file(attempt));
        Claim {
            shared: Arc::clone(shared),
            name: name.clone(),
            attempt,
            ticket,
            ended: false,
        }
    }

    /// Which attempt at the unit this is, from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Names of the workers of the attempts before this, whose processes may have left something unfinished.
    ///
    /// It may be removed ([`remove_left_by`](crate::io::atomic::remove_left_by)) after the commit, before
    /// [`finish`](Self::finish). Not earlier: a worker that has slept between taking over and removing would take
    /// the files of one that has taken over from it.
    ///
    /// # Errors
    ///
    /// If the claims cannot be read.
    pub fn predecessors(&self) -> Result<Vec<String>> {
        let mut workers = Vec::new();
        for attempt in 1..self.attempt {
            let path = self.shared.judge.folder.units.join(self.name.file(attempt));
            let ticket = folder::read(&path)?.and_then(|bytes| Ticket::parse(&bytes));
            workers.extend(ticket.map(|(ticket, _)| ticket.worker));
        }
        workers.retain(|worker| *worker != self.shared.judge.worker);
        Ok(workers)
    }

    /// Whether nobody has taken the unit over, after this process was stopped for a while, say.
    ///
    /// To be asked before results are published: if not, drop the unit, somebody else has it. Where this is not
    /// asked, or asked a moment too early, the same bytes are written twice.
    ///
    /// # Errors
    ///
    /// If the shared folder cannot be read.
    pub fn is_mine(&self) -> Result<bool> {
        let units = &self.shared.judge.folder.units;
        let path = |attempt| units.join(self.name.file(attempt));
        Ok(folder::refresh(units)?
            && !folder::exists(&path(self.attempt + 1))?
            && folder::read(&path(self.attempt))?.as_ref() == Some(&self.ticket))
    }

    /// Ends the claim after the commit.
    ///
    /// Never fails: what cannot be removed is found by the sweep, and no unit that is committed is claimed.
    pub fn finish(mut self) {
        self.ended = true;
        // From the last to the first: claims are found by counting upwards.
        for attempt in (1..=self.attempt).rev() {
            let path = self.shared.judge.folder.units.join(self.name.file(attempt));
            let _ = folder::remove(&path);
        }
    }

    /// Ends the claim of a unit that could not be done: another worker may try at once, and it was an attempt.
    ///
    /// # Errors
    ///
    /// If that cannot be noted; the claim is released then, and no attempt was made.
    pub fn fail(mut self) -> Result<()> {
        if self.is_mine()? {
            let units = &self.shared.judge.folder.units;
            folder::append(&units.join(self.name.file(self.attempt)), FAILED)?;
        }
        self.ended = true;
        Ok(())
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let file = self.name.file(self.attempt);
        // A claim that was taken over stays below the later one, until that is finished.
        if !self.ended && self.is_mine().unwrap_or(false) {
            let _ = folder::remove(&self.shared.judge.folder.units.join(&file));
        }
        self.shared.held().remove(&file);
    }
}
