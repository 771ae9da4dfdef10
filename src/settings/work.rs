//! How several machines share a study: the `work` section of `settings.json`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::problems::Problems;

/// How machines that work on one study tell that one of them is dead. Changes no result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Work {
    /// Seconds without a sign of life after which a machine's work is given to another; at least 3 heartbeats.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub lease_seconds: f64,
    /// Seconds between two signs of life; above 0.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub heartbeat_seconds: f64,
    /// How often an item is tried that fails or kills its process; at least 1.
    #[schemars(range(min = 1))]
    pub attempts: u32,
}

impl Work {
    /// Longer than the stalls and restarts of file servers that were seen.
    pub const LEASE_SECONDS: f64 = 90.0;
    /// A small write that even thousands of workers do not trouble a file server with.
    pub const HEARTBEAT_SECONDS: f64 = 10.0;
    /// Attempts at an item.
    pub const ATTEMPTS: u32 = 3;
    /// Fewest heartbeats in a lease: one or two are lost on a busy machine.
    pub const FEWEST_HEARTBEATS: f64 = 3.0;
    /// Longest lease and heartbeat: a year. What is longer is a slip, and too long for the clock.
    pub const LONGEST_SECONDS: f64 = 365.0 * 86_400.0;

    /// Adds what is wrong.
    pub(super) fn check(&self, problems: &mut Problems) {
        let mut usable = true;
        for (key, seconds) in [
            ("heartbeat_seconds", self.heartbeat_seconds),
            ("lease_seconds", self.lease_seconds),
        ] {
            if !(seconds > 0.0 && seconds <= Self::LONGEST_SECONDS) {
                usable = false;
                let text = format!(
                    "{seconds} is not a time to wait; give seconds above 0, a year at most"
                );
                problems.add(format!("work.{key}"), text);
            }
        }
        let least = Self::FEWEST_HEARTBEATS * self.heartbeat_seconds;
        // 3 × 0.1 is more than 0.3 in floating point.
        if usable && self.lease_seconds < least * (1.0 - f64::EPSILON * 4.0) {
            let text = format!(
                "{} is less than {} heartbeats; give at least {least}, or lower `work.heartbeat_seconds`",
                self.lease_seconds,
                Self::FEWEST_HEARTBEATS
            );
            problems.add("work.lease_seconds", text);
        }
        if self.attempts == 0 {
            problems.add("work.attempts", "0 is too few; give at least 1");
        }
    }
}

impl Default for Work {
    fn default() -> Self {
        Self {
            lease_seconds: Self::LEASE_SECONDS,
            heartbeat_seconds: Self::HEARTBEAT_SECONDS,
            attempts: Self::ATTEMPTS,
        }
    }
}
