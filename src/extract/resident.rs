//! How much memory a model and a forward pass take, measured on the first one.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ndarray::ArrayD;

/// Where the system does not tell: intermediate results are this many times what is taken out.
const GUESS: u64 = 4;

/// Least that a pass is taken to need; the system counts in pages and allocators in blocks.
const LEAST: u64 = 1 << 20;

/// What the program takes besides models and arrays (measured: 8 to 12 MB).
pub const PROGRAM: u64 = 16 << 20;

/// Time between two looks at the process.
const INTERVAL: Duration = Duration::from_millis(1);

/// Bytes of memory that the process has now; `None` where the system does not tell.
#[must_use]
pub fn resident_bytes() -> Option<u64> {
    status("VmRSS:")
}

/// Watches the process from a point in time on.
///
/// The system's own mark of the most memory is of no use alone: that of loading the model may hide the pass.
pub struct Watched {
    before: Option<u64>,
    mark: Option<u64>,
    most: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watched {
    /// Starts to watch.
    pub fn start() -> Watched {
        let most = Arc::new(AtomicU64::new(0));
        let is_over = Arc::new(AtomicBool::new(false));
        let (seen, over) = (Arc::clone(&most), Arc::clone(&is_over));
        let look = move || {
            while !over.load(Ordering::Relaxed) {
                seen.fetch_max(resident_bytes().unwrap_or(0), Ordering::Relaxed);
                thread::sleep(INTERVAL);
            }
        };
        Watched {
            before: resident_bytes(),
            mark: status("VmHWM:"),
            most,
            is_over,
            // Without it the system's mark, or a guess, has to do.
            thread: thread::Builder::new().spawn(look).ok(),
        }
    }

    /// Most bytes that the process had more than at the start; guessed from a pass's results where the system does
    /// not tell.
    pub fn growth(mut self, outputs: &[ArrayD<f32>]) -> u64 {
        self.end();
        let results: usize = outputs
            .iter()
            .map(|output| output.len() * size_of::<f32>())
            .sum();
        let results = results as u64;
        let mark = status("VmHWM:").filter(|mark| Some(*mark) > self.mark);
        let most = mark.unwrap_or(0).max(self.most.load(Ordering::Relaxed));
        let measured = self.before.map(|before| most.saturating_sub(before));
        measured.unwrap_or(GUESS * results).max(results).max(LEAST)
    }

    fn end(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It cannot fail, and what it has seen is kept.
            let _ = thread.join();
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.end();
    }
}

/// A line of the process's status, in bytes.
fn status(field: &str) -> Option<u64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find(|line| line.starts_with(field))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_was_given_back_is_seen() {
        let watched = Watched::start();
        let block = vec![1_u8; 64 << 20];
        // Long enough for a machine that is busy with other things.
        let enough = watched.before.unwrap_or(0) + (32 << 20);
        for _ in 0..5_000 {
            if watched.before.is_none() || watched.most.load(Ordering::Relaxed) >= enough {
                break;
            }
            thread::sleep(INTERVAL);
        }
        drop(block);
        let growth = watched.growth(&[]);
        if resident_bytes().is_some() {
            // Other tests may take and give back some meanwhile.
            assert!(growth >= 32 << 20, "{growth}");
        }
    }
}
