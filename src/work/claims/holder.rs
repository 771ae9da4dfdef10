//! Who works on a unit, and whether they live.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Lease;
use super::clock::{Clock, SystemClock};
use super::folder::{self, Folder};
use super::heartbeat::{self, Pulse};
use super::memory::{Memory, Moment};
use super::process::Process;
use super::unit_name::{self, UnitName};
use crate::error::Result;

/// What an end marks that was no death: the unit failed, and that attempt counts.
pub(super) const FAILED: &[u8] = b"failed\n";

/// What a claim file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ticket {
    /// The unit in full.
    pub unit: String,
    /// Name of the worker's file.
    pub worker: String,
    /// Seconds since 1970 on the worker's clock, for people.
    pub since: u64,
}

impl Ticket {
    /// The file's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec(self).expect("a ticket has only string keys");
        text.push(b'\n');
        text
    }

    /// The ticket, and whether its holder gave up on the unit; `None` for garbage and files that were cut.
    pub fn parse(bytes: &[u8]) -> Option<(Ticket, bool)> {
        let end = bytes.iter().position(|&byte| byte == b'\n')?;
        let ticket: Ticket = serde_json::from_slice(&bytes[..end]).ok()?;
        // The name becomes a path.
        let harmless = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let is_name = !ticket.worker.is_empty() && ticket.worker.chars().all(harmless);
        is_name.then(|| (ticket, &bytes[end + 1..] == FAILED))
    }
}

/// Whether a holder works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// It is there: a process of this machine, or its heartbeat was seen to move.
    Alive,
    /// Nothing can be said yet: it is on another machine and has not been watched for long enough.
    Unknown,
    /// It has ended, or was silent for a whole lease; the unit is free.
    Dead,
    /// It could not do the unit; the unit is free.
    Failed,
}

impl Life {
    /// Whether the unit may be taken over.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Life::Dead | Life::Failed)
    }
}

/// Who works on a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The unit; as its file is called where the file does not tell.
    pub unit: String,
    /// Which attempt it is, from 1.
    pub attempt: u32,
    /// Name of the worker, `<host>-<pid>-<random>`; empty where the file does not tell.
    pub worker: String,
    /// Machine of the worker; empty where unknown.
    pub host: String,
    /// Process id there; 0 where unknown.
    pub pid: u32,
    /// Seconds since 1970 on the holder's clock when it claimed the unit; 0 where unknown.
    pub since: u64,
    /// Whether it works on.
    pub life: Life,
}

/// Looks at claims and decides who lives.
pub(super) struct Judge {
    pub folder: Folder,
    pub lease: Lease,
    pub clock: Arc<dyn Clock>,
    pub me: Process,
    /// Name of the judging worker.
    pub worker: String,
    pub pulse: Arc<Pulse>,
    pub memory: Memory,
}

impl Judge {
    pub fn new(folder: Folder, lease: Lease, clock: Arc<dyn Clock>) -> Judge {
        let worker = crate::io::atomic::unique_owner();
        let me = Process::me();
        Judge {
            pulse: Arc::new(Pulse::new(folder.workers.join(&worker), &me)),
            folder,
            lease,
            clock,
            me,
            worker,
            memory: Memory::default(),
        }
    }

    /// The holder of a claim file with this content.
    pub fn holder(&self, name: &UnitName, attempt: u32, bytes: &[u8]) -> Result<Holder> {
        let file = name.file(attempt);
        // A claim of another unit than its name says is nobody's.
        let of_unit = |(ticket, _): &(Ticket, bool)| UnitName::new(&ticket.unit) == *name;
        let Some((ticket, failed)) = Ticket::parse(bytes).filter(of_unit) else {
            // Just made and not written yet, or by a machine that went down: time will tell.
            return Ok(Holder {
                life: self.watched(&format!("units/{file}"), bytes),
                ..unknown(name, attempt)
            });
        };
        let life = if failed {
            Life::Failed
        } else {
            self.life(&ticket.worker)?
        };
        // The random part has no hyphens, the process id neither.
        let mut parts = ticket.worker.rsplitn(3, '-').skip(1);
        let pid = parts.next().and_then(|pid| pid.parse().ok());
        Ok(Holder {
            attempt,
            pid: pid.unwrap_or_default(),
            host: parts.next().unwrap_or_default().to_owned(),
            unit: ticket.unit,
            worker: ticket.worker,
            since: ticket.since,
            life,
        })
    }

    /// Whether a worker lives. The folder of workers is looked at anew.
    pub fn life(&self, worker: &str) -> Result<Life> {
        if worker == self.worker {
            return Ok(Life::Alive);
        }
        let path = self.folder.workers.join(worker);
        let key = format!("workers/{worker}");
        let bytes = match folder::refresh(&path)? {
            true => folder::read(&path)?,
            false => None,
        };
        let Some(bytes) = bytes else {
            self.memory.forget(&key);
            return Ok(Life::Dead);
        };
        let ended = heartbeat::parse(&bytes).and_then(|process| process.has_ended(&self.me));
        if ended == Some(true) {
            return Ok(Life::Dead);
        }
        let life = self.watched(&key, &bytes);
        // A stopped process is there, but silent.
        Ok(match (life, ended) {
            (Life::Unknown, Some(false)) => Life::Alive,
            (life, _) => life,
        })
    }

    /// What the file's not changing says.
    fn watched(&self, key: &str, bytes: &[u8]) -> Life {
        let now = Moment {
            boot: self.clock.boot(),
            beats: self.pulse.beats(),
        };
        if self.memory.is_silent(key, bytes, now, &self.lease) {
            Life::Dead
        } else {
            Life::Unknown
        }
    }
}

/// A holder of which only the claim's name is known.
pub(super) fn unknown(name: &UnitName, attempt: u32) -> Holder {
    Holder {
        unit: name.to_string(),
        attempt,
        worker: String::new(),
        host: String::new(),
        pid: 0,
        since: 0,
        life: Life::Unknown,
    }
}

/// Who works on what, in the state folder `folder`; sorted by unit. Only reads.
///
/// Of earlier attempts at a unit only the last is listed. Holders on other machines are watched for `patience`
/// and are [`Life::Alive`] if their heartbeat moved meanwhile; with no patience they are [`Life::Unknown`].
///
/// # Errors
///
/// If the folder is there but cannot be read.
pub fn holders(folder: &Path, patience: Duration) -> Result<Vec<Holder>> {
    let judge = Judge::new(
        Folder::new(folder),
        Lease::default(),
        Arc::new(SystemClock::default()),
    );
    let mut found = judge.holders()?;
    let is_unknown = |holder: &Holder| holder.life == Life::Unknown && !holder.worker.is_empty();
    if patience.is_zero() || !found.iter().any(is_unknown) {
        return Ok(found);
    }
    let state = |worker: &str| {
        let path = judge.folder.workers.join(worker);
        folder::refresh(&path).and_then(|_| folder::read(&path))
    };
    let mut first = Vec::new();
    for holder in found.iter_mut().filter(|holder| is_unknown(holder)) {
        let before = state(&holder.worker)?;
        first.push((holder, before));
    }
    thread::sleep(patience);
    for (holder, before) in first {
        match state(&holder.worker)? {
            None => holder.life = Life::Dead,
            after if after != before => holder.life = Life::Alive,
            _ => {}
        }
    }
    Ok(found)
}

impl Judge {
    pub fn holders(&self) -> Result<Vec<Holder>> {
        folder::refresh(&self.folder.units)?;
        let mut last = BTreeMap::new();
        for file in folder::list(&self.folder.units)? {
            if let Some((name, attempt)) = unit_name::parse(&file) {
                let latest = last.entry(name).or_insert(attempt);
                *latest = attempt.max(*latest);
            }
        }
        let mut holders = Vec::with_capacity(last.len());
        for (name, attempt) in last {
            // Released since it was listed, otherwise.
            if let Some(bytes) = folder::read(&self.folder.units.join(name.file(attempt)))? {
                holders.push(self.holder(&name, attempt, &bytes)?);
            }
        }
        holders.sort_by(|a, b| a.unit.cmp(&b.unit));
        Ok(holders)
    }
}
