//! What a worker has seen of others, and since when.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::Lease;

/// A moment in the life of the observing worker.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// Time since its machine was started.
    pub boot: Duration,
    /// How many of its own heartbeats have reached the shared folder.
    pub beats: u64,
}

/// A state of another worker's file, and when it was first seen.
#[derive(Debug)]
struct Seen {
    state: Vec<u8>,
    since: Moment,
}

/// First sightings by name of file.
#[derive(Debug, Default)]
pub(super) struct Memory(Mutex<HashMap<String, Seen>>);

impl Memory {
    /// Whether `name` has shown the same `state` for a whole lease.
    ///
    /// A lease is over when both have passed: its length on this machine's clock, in which standby counts, and as
    /// many heartbeats that *this* worker got through. While the server stalls, nobody's get through, and nobody
    /// is silent.
    pub fn is_silent(&self, name: &str, state: &[u8], now: Moment, lease: &Lease) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match seen.get(name) {
            Some(Seen { state: same, since }) if same == state => {
                now.boot.saturating_sub(since.boot) >= lease.length
                    && now.beats.saturating_sub(since.beats) >= lease.beats()
            }
            _ => {
                let state = state.to_vec();
                seen.insert(name.to_owned(), Seen { state, since: now });
                false
            }
        }
    }

    /// Forgets a file that is gone.
    pub fn forget(&self, name: &str) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64, beats: u64) -> Moment {
        let boot = Duration::from_secs(seconds);
        Moment { boot, beats }
    }

    #[test]
    fn silence_takes_the_time_and_the_own_heartbeats() {
        let (memory, lease) = (Memory::default(), Lease::default());
        assert_eq!(lease.beats(), 9);
        let silent = |state: &[u8], now| memory.is_silent("w", state, now, &lease);
        assert!(!silent(b"1", at(1000, 0)));
        // The server stalled: time went by without heartbeats.
        assert!(!silent(b"1", at(5000, 8)));
        assert!(silent(b"1", at(5000, 9)));
        // A sign of life.
        assert!(!silent(b"2", at(5001, 9)));
        // Heartbeats faster than the clock (it was turned, or the machine is odd).
        assert!(!silent(b"2", at(5090, 100)));
        assert!(silent(b"2", at(5091, 100)));
        // Clocks that go back never panic.
        assert!(!silent(b"2", at(0, 0)));
        memory.forget("w");
        assert!(!silent(b"2", at(9000, 900)));
    }
}
