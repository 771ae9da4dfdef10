//! Claims of attempts that ended badly, removed at a user's wish.

use std::path::Path;
use std::sync::Arc;

use super::Lease;
use super::clock::SystemClock;
use super::folder::{self, Folder};
use super::holder::{Holder, Judge, Ticket};
use super::sweep::Tidy;
use super::unit_name::{self, UnitName};
use crate::error::Result;

/// Forgets the attempts at those units of the state folder `folder` that are wanted and whose last attempt is over:
/// the next worker begins with the first again. Returns how many units.
///
/// A worker that takes over one of them meanwhile notices that the attempt before its own is gone and looks again.
///
/// `tidy` is called as by [`Worker::finish`](super::Worker::finish).
///
/// # Errors
///
/// If the folder cannot be read or a claim not be removed, or `tidy` fails.
pub fn forget_over(
    folder: &Path,
    is_wanted: &dyn Fn(&Holder) -> bool,
    tidy: &mut Tidy,
) -> Result<usize> {
    let judge = Judge::new(
        Folder::new(folder),
        Lease::default(),
        Arc::new(SystemClock::default()),
    );
    let listed = folder::list(&judge.folder.units)?;
    let listed: Vec<_> = listed
        .iter()
        .filter_map(|file| unit_name::parse(file))
        .collect();
    let mut n_units = 0;
    for holder in judge.holders()? {
        if !holder.life.is_over() || !is_wanted(&holder) {
            continue;
        }
        let name = UnitName::new(&holder.unit);
        // The last goes first: there is never a gap below one that is there.
        let mut attempts: Vec<u32> = listed
            .iter()
            .filter(|(listed, attempt)| *listed == name && *attempt <= holder.attempt)
            .map(|(_, attempt)| *attempt)
            .collect();
        attempts.sort_unstable();
        for attempt in attempts.into_iter().rev() {
            let path = judge.folder.units.join(name.file(attempt));
            let ticket = folder::read(&path)?.and_then(|bytes| Ticket::parse(&bytes));
            if let Some((ticket, _)) = ticket {
                tidy(&ticket.unit, Some(&ticket.worker))?;
            }
            folder::remove(&path)?;
        }
        n_units += 1;
    }
    Ok(n_units)
}
