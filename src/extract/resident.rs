//! How much memory a forward pass takes, measured on the first one.

use std::fs;

use ndarray::ArrayD;

/// Where the system does not tell: intermediate results are this many times what is taken out.
const GUESS: u64 = 4;

/// Least that a pass is taken to need; the system counts in pages and allocators in blocks.
const LEAST: u64 = 1 << 20;

/// Memory of the process at a point in time.
pub struct Resident {
    bytes: Option<u64>,
}

impl Resident {
    /// Starts to watch: the highest mark of the process is set back to its present size.
    pub fn start() -> Resident {
        // Without this (a system without the file), the mark of loading the model may hide the pass.
        let is_reset = fs::write("/proc/self/clear_refs", "5").is_ok();
        Resident {
            bytes: status("VmRSS:").filter(|_| is_reset),
        }
    }

    /// Bytes that the process had more than at the start, at most; guessed from a pass's results where the
    /// system does not tell.
    pub fn grown_since(&self, outputs: &[ArrayD<f32>]) -> u64 {
        let results: usize = outputs
            .iter()
            .map(|output| output.len() * size_of::<f32>())
            .sum();
        let measured = self
            .bytes
            .and_then(|before| Some(status("VmHWM:")?.saturating_sub(before)));
        let results = results as u64;
        measured.unwrap_or(GUESS * results).max(results).max(LEAST)
    }
}

/// A line of the process's status, in bytes.
fn status(field: &str) -> Option<u64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find(|line| line.starts_with(field))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}
