//! Who works on what, where many machines share one folder: claims by exclusive creation, heartbeats, take-over.
//!
//! A claim only saves double work. Correctness comes from elsewhere: a unit of work has the same bytes whoever
//! computes it, and its record, written last, is its commit. **Every failure of a claim costs time, never
//! correctness.** There is no server, no lock of the operating system (they do nothing on some network file
//! systems, without an error), and no time of one machine is compared with that of another.
//!
//! # On disk
//!
//! ```text
//! <folder>/workers/<host>-<pid>-<random>   the process as JSON, and a counter written over every few seconds
//! <folder>/units/<unit>.g<attempt>         unit, worker and time of the claim as JSON; `failed` in a second line
//! ```
//!
//! # Protocol
//!
//! 1. *Start*, at the first claim: make the worker's file, then beat: counter + 1, synced.
//! 2. *Claim*: create `<unit>.g1`, exclusively. If it is there, refresh the folder and count up to the last attempt.
//!    Its holder lives: [`Claimed::Held`]. Its holder is dead or failed: create the next attempt, exclusively, unless
//!    there were enough ([`Claimed::GivenUp`]); then the attempt below must still be there. Who created a file looks
//!    for the commit once more ([`Claimed::Committed`]).
//! 3. *Dead* is a holder whose file is gone (after a refresh); or whose process has ended, seen from the same host, boot
//!    and pid namespace; or whose file did not change for a whole lease, that is [`Lease::length`] on the observer's
//!    boot-time clock **and** [`Lease::beats`] heartbeats that the observer got through. What cannot be read (empty,
//!    cut, garbage, no file) follows the last rule.
//! 4. *Publish*, if [`Claim::is_mine`], without replacing what is committed
//!    ([`commit_once`](crate::io::atomic::Batch::commit_once)); the record last. Then remove what the
//!    [`Claim::predecessors`] left unfinished, and last the claims, from the last attempt to the first
//!    ([`Claim::finish`]).
//! 5. *Release* (drop) removes the own attempt alone, unless it was taken over; [`Claim::fail`] marks it. A unit that
//!    was taken over is asked for again like one that is held: should the later attempt be released, the earlier is the
//!    last again, and its maker takes it up.
//! 6. *End* ([`Worker::finish`]): remove the own file; if no worker lives, remove all claims. [`forget_over`] removes
//!    those of single units whose last attempt is over, the last attempt first.
//!
//! # Invariants
//!
//! - Attempts of a unit are 1, 2, … without a gap; the last one counts. So a claim is one file operation if nobody else
//!   wants the unit, and no folder is ever listed for it.
//! - A file name is created by one worker only until it is removed; it is removed by its maker, by the finisher of a
//!   later attempt, by the sweep, or by [`forget_over`].
//! - A worker's file is there before its first claim and goes after its last.
//! - Computations of a unit ≤ 1 + deaths + pauses longer than the lease (the test `model` walks through all orders of
//!   steps). That takes publishing that does not replace: with publishing that takes the record back and renames, a unit
//!   was computed four times after one pause, and left open after a pause and a death, though all others had seen it
//!   done.
//!
//! # What if
//!
//! | failure | what happens |
//! |---|---|
//! | killed at any step | next attempt, at once on the same machine, after a lease on others |
//! | machine or network gone | the same, after a lease |
//! | process stopped, machine in standby, longer than a lease | taken over; on return [`Claim::is_mine`] is false and the unit is dropped |
//! | stopped between that question and publishing | the same bytes are written twice |
//! | server stalls or reboots | no heartbeat gets through, the observers' neither: nobody is taken for dead |
//! | clocks wrong | no effect but on the time shown |
//! | two take over at once | one creates the next attempt, the other looks again |
//! | killed after the commit | its claim, by its name at least, tells the sweep where to look for temporary files |
//! | paused, taken over, killed before it noticed | its temporary files stay until a later run finds them stale |
//! | disk full while claiming | error, the empty claim is removed; if that fails, too, it is garbage |
//! | claim or worker file empty, cut, garbage, unreadable | held by somebody unknown; free after a lease without change |
//! | worker file removed, worker alive | its units are taken over; the next heartbeat makes the file again |
//! | folder of claims removed | claims are lost, double work; the folders are made again |
//! | a unit kills every process | given up after [`Lease::attempts`]; others go on |
//! | claim cannot be removed after its end | its maker takes it up again; others wait until that worker ends |
//! | study cannot be written | reading works; the first claim is an error |
//! | a file where a folder should be | error with its path |
//! | process id used again, same host name in containers | told apart by start time, boot number and pid namespace |
//! | `/proc` hides other users' processes | only heartbeats count |

mod claim;
mod clock;
mod folder;
mod forget;
mod heartbeat;
mod holder;
mod lease;
mod memory;
mod process;
mod sweep;
mod unit_name;
mod worker;

#[cfg(test)]
mod model;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod storm;

pub use claim::Claim;
pub use clock::{Clock, SystemClock};
pub use folder::refresh;
pub use forget::forget_over;
pub use holder::{Holder, Life, holders};
pub use lease::Lease;
pub use sweep::Tidy;
pub use worker::{Claimed, Worker};
