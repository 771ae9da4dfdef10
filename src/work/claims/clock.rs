//! Time as claims need it, behind a trait so that tests can turn it.

use std::time::Duration;

/// Where a worker gets its time from.
pub trait Clock: Send + Sync {
    /// Time since this machine was started, standby included; only differences on one machine count.
    fn boot(&self) -> Duration;

    /// Seconds since 1970, for people: nothing is decided by it.
    fn wall(&self) -> u64;
}

/// The machine's clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock {
    /// Seconds by which the wall clock is shown wrong: tests prove with it that nothing depends on it.
    #[doc(hidden)]
    pub skew: i64,
}

impl Clock for SystemClock {
    #[cfg(target_os = "linux")]
    fn boot(&self) -> Duration {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        Duration::new(
            u64::try_from(time.tv_sec).unwrap_or_default(),
            u32::try_from(time.tv_nsec).unwrap_or_default(),
        )
    }

    #[cfg(not(target_os = "linux"))]
    fn boot(&self) -> Duration {
        static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
        START.get_or_init(std::time::Instant::now).elapsed()
    }

    fn wall(&self) -> u64 {
        crate::io::record::now().saturating_add_signed(self.skew)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_skew_moves_the_wall_clock_only() {
        let (plain, skewed) = (SystemClock::default(), SystemClock { skew: -86_400 });
        let difference = plain.wall() - skewed.wall();
        assert!((86_400..86_402).contains(&difference), "{difference}");
        let before = plain.boot();
        assert!(skewed.boot() >= before);
    }
}
