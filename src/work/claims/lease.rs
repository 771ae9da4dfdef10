//! For how long a claim holds without a sign of life.

use std::time::Duration;

use crate::settings::Work;

/// How workers tell that one of them is dead, and how often a unit is tried. All workers on a folder should agree;
/// if they do not, units are computed twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Time between two heartbeats.
    pub heartbeat: Duration,
    /// Silence after which a worker counts as dead; several heartbeats.
    pub length: Duration,
    /// Attempts at a unit that may die or fail; at least 1.
    pub attempts: u32,
}

impl Lease {
    /// Own heartbeats that an observer must have got through before it calls another worker dead.
    #[must_use]
    pub fn beats(&self) -> u64 {
        let heartbeat = self.heartbeat.as_nanos().max(1);
        u64::try_from(self.length.as_nanos().div_ceil(heartbeat)).unwrap_or(u64::MAX)
    }
}

impl From<&Work> for Lease {
    fn from(work: &Work) -> Lease {
        // What the check of settings lets through is a time.
        let time = |seconds| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        Lease {
            heartbeat: time(work.heartbeat_seconds),
            length: time(work.lease_seconds),
            attempts: work.attempts,
        }
    }
}

impl Default for Lease {
    fn default() -> Lease {
        Lease::from(&Work::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_so_many_heartbeats_rounded_up() {
        let beats = |heartbeat, length| {
            let (heartbeat, length) = (
                Duration::from_millis(heartbeat),
                Duration::from_millis(length),
            );
            Lease {
                heartbeat,
                length,
                attempts: 1,
            }
            .beats()
        };
        assert_eq!(Lease::default().beats(), 9);
        assert_eq!(
            (beats(10, 31), beats(10, 30), beats(0, 1)),
            (4, 3, 1_000_000)
        );
    }
}
