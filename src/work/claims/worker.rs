//! One process on a shared folder, and how it comes by a unit.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::Lease;
use super::claim::Claim;
use super::clock::{Clock, SystemClock};
use super::folder::{self, Folder};
use super::heartbeat::Heart;
use super::holder::{Holder, Judge, Ticket, unknown};
use super::sweep::{Tidy, sweep};
use super::unit_name::UnitName;
use crate::error::Result;

/// How often a unit is looked at again whose claims change under one's eyes.
const TRIES: usize = 16;

/// What became of the wish to work on a unit.
pub enum Claimed {
    /// It is this worker's.
    Mine(Claim),
    /// Somebody has finished it.
    Committed,
    /// Somebody is at work on it: come back later.
    Held(Holder),
    /// So many attempts have died of it or failed.
    GivenUp {
        /// How many.
        attempts: u32,
    },
}

/// One process on a shared folder.
///
/// Nothing is written before the first claim, so that a study that is finished can be read-only. The worker's file
/// is removed when the worker and all its claims are dropped.
pub struct Worker {
    shared: Arc<Shared>,
}

/// What a worker and its claims have in common.
pub(super) struct Shared {
    pub judge: Judge,
    /// Claim files that are in use, by name.
    pub held: Mutex<HashSet<String>>,
    heart: Mutex<Option<Heart>>,
}

impl Worker {
    /// A worker on the state folder `folder`, which need not exist.
    #[must_use]
    pub fn new(folder: &Path, lease: Lease) -> Worker {
        Self::with_clock(folder, lease, Arc::new(SystemClock::default()))
    }

    /// As [`new`](Self::new), with other clocks.
    #[must_use]
    pub fn with_clock(folder: &Path, lease: Lease, clock: Arc<dyn Clock>) -> Worker {
        let judge = Judge::new(Folder::new(folder), lease, clock);
        Worker {
            shared: Arc::new(Shared {
                judge,
                held: Mutex::default(),
                heart: Mutex::default(),
            }),
        }
    }

    /// Name of the worker, `<host>-<pid>-<random>`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.judge.worker
    }

    /// Claims a unit of work.
    ///
    /// `is_committed` is asked once the claim was made, or when the unit would be given up, and must look anew
    /// ([`refresh`](super::refresh) the folder of the record first). The caller has asked it before, since a look
    /// costs less than a claim.
    ///
    /// # Errors
    ///
    /// If the shared folder cannot be read or written, or `is_committed` fails; the unit is not claimed then.
    pub fn claim(&self, unit: &str, is_committed: &dyn Fn() -> Result<bool>) -> Result<Claimed> {
        self.shared.start()?;
        let name = UnitName::new(unit);
        for _ in 0..TRIES {
            if let Some(claimed) = self.attempt(unit, &name, is_committed)? {
                return Ok(claimed);
            }
        }
        // Whoever changes claims that fast is at work.
        Ok(Claimed::Held(Holder {
            unit: unit.to_owned(),
            ..unknown(&name, 1)
        }))
    }

    /// Whether a living worker holds the unit at this moment; this one itself counts.
    ///
    /// # Errors
    ///
    /// If the shared folder cannot be read.
    pub fn sees_holder(&self, unit: &str) -> Result<bool> {
        let Judge { folder, .. } = &self.shared.judge;
        let name = UnitName::new(unit);
        folder::refresh(&folder.units)?;
        let Some(last) = last_attempt(folder, &name)? else {
            return Ok(false);
        };
        let Some(bytes) = folder::read(&folder.units.join(name.file(last)))? else {
            return Ok(false);
        };
        let holder = self.shared.judge.holder(&name, last, &bytes)?;
        Ok(!holder.life.is_over())
    }

    /// One look at a unit; `None` if another worker was faster.
    fn attempt(
        &self,
        unit: &str,
        name: &UnitName,
        is_committed: &dyn Fn() -> Result<bool>,
    ) -> Result<Option<Claimed>> {
        let Judge {
            folder,
            lease,
            clock,
            worker,
            ..
        } = &self.shared.judge;
        let ticket = Ticket {
            unit: unit.to_owned(),
            worker: worker.clone(),
            since: clock.wall(),
        }
        .encode();
        let won = |attempt, ticket| {
            let claim = Claim::new(&self.shared, name, attempt, ticket);
            if is_committed()? {
                // Released only: the sweep still has to learn of earlier attempts, for what they left unfinished.
                return Ok(Some(Claimed::Committed));
            }
            Ok(Some(Claimed::Mine(claim)))
        };
        let path = |attempt| folder.units.join(name.file(attempt));
        if folder::create(&path(1), &ticket)? {
            return won(1, ticket);
        }
        folder::refresh(&folder.units)?;
        let Some(last) = last_attempt(folder, name)? else {
            return Ok(None);
        };
        let Some(bytes) = folder::read(&path(last))? else {
            return Ok(None);
        };
        let holder = self.shared.judge.holder(name, last, &bytes)?;
        if holder.worker == *worker && !holder.life.is_over() {
            let in_use = self.shared.held().contains(&name.file(last));
            // Otherwise it could not be removed when it was released, or was taken over, and the later one released.
            return if in_use {
                Ok(Some(Claimed::Held(holder)))
            } else {
                won(last, bytes)
            };
        }
        if !holder.life.is_over() {
            return Ok(Some(Claimed::Held(holder)));
        }
        if last >= lease.attempts {
            return Ok(Some(if is_committed()? {
                Claimed::Committed
            } else {
                Claimed::GivenUp { attempts: last }
            }));
        }
        if !folder::create(&path(last + 1), &ticket)? {
            return Ok(None);
        }
        if !folder::exists(&path(last))? {
            // It was alive after all and is done, or the claims were swept. A claim without those before it is
            // not found by others.
            folder::remove(&path(last + 1))?;
            return Ok(None);
        }
        won(last + 1, ticket)
    }

    /// Ends the worker; the last one on the folder removes what dead ones left.
    ///
    /// To be called when all units are done or given up: the number of attempts is forgotten with the claims. While
    /// others are at work nothing but the own file is removed. Workers of other machines are only known to be dead
    /// if they were silent for a whole lease; otherwise their files stay for a later run.
    ///
    /// `tidy` is called with the unit and the worker of every claim that a dead worker left, before that is removed: it
    /// may have been killed after its commit, with files of other names still about
    /// ([`remove_left_by`](crate::io::atomic::remove_left_by)).
    ///
    /// Returns how many files were removed.
    ///
    /// # Errors
    ///
    /// If the folder cannot be listed or files in it not be removed, or `tidy` fails.
    pub fn finish(self, tidy: &mut Tidy) -> Result<usize> {
        let claimed = self.shared.stop()?;
        match sweep(&self.shared.judge, tidy) {
            // A worker that found all done may not have the right to tidy up after others.
            Err(_) if !claimed => Ok(0),
            swept => swept,
        }
    }

    #[cfg(test)]
    pub(super) fn judge(&self) -> &Judge {
        &self.shared.judge
    }

    /// The same, as if it were on a machine of its own: only heartbeats tell others of it.
    #[cfg(test)]
    pub(super) fn elsewhere(mut self) -> Worker {
        let judge = &mut Arc::get_mut(&mut self.shared).unwrap().judge;
        judge.me.boot = judge.worker.clone();
        let path = judge.folder.workers.join(&judge.worker);
        judge.pulse = Arc::new(super::heartbeat::Pulse::new(path, &judge.me));
        self
    }
}

/// The latest attempt at a unit that has a claim; `None` if there is none.
fn last_attempt(folder: &Folder, name: &UnitName) -> Result<Option<u32>> {
    let mut last = 0;
    while folder::exists(&folder.units.join(name.file(last + 1)))? {
        last += 1;
    }
    Ok((last > 0).then_some(last))
}

impl Shared {
    /// Makes the worker known, if it is not yet.
    fn start(&self) -> Result<()> {
        let mut heart = self.heart.lock().unwrap_or_else(PoisonError::into_inner);
        if heart.is_some() {
            return Ok(());
        }
        self.judge.folder.make()?;
        self.judge.pulse.create()?;
        match Heart::start(&self.judge.pulse, self.judge.lease.heartbeat) {
            Ok(started) => *heart = Some(started),
            Err(error) => {
                self.judge.pulse.remove()?;
                return Err(error);
            }
        }
        drop(heart);
        // Whoever is silent from now on can be told to be dead when this worker ends.
        for worker in folder::list(&self.judge.folder.workers)? {
            self.judge.life(&worker)?;
        }
        Ok(())
    }

    /// Stops the heartbeat and removes the worker's file; whether there was one.
    fn stop(&self) -> Result<bool> {
        let heart = self
            .heart
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if heart.is_none() {
            return Ok(false);
        }
        drop(heart);
        self.judge.pulse.remove()?;
        Ok(true)
    }

    pub fn held(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Nothing can be done if this fails; the process ends soon, and others see that.
        let _ = self.stop();
    }
}
