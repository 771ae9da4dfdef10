//! The file by which a worker shows that it is alive, and the thread that keeps it moving.
//!
//! Two lines: the process as JSON, and a counter of fixed width that is written over in place.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::folder;
use super::process::Process;
use crate::error::{Error, Result};

/// A worker's file.
#[derive(Debug)]
pub(super) struct Pulse {
    path: PathBuf,
    head: String,
    /// Attempted heartbeats; the file's counter.
    counter: Mutex<u64>,
    succeeded: AtomicU64,
}

impl Pulse {
    pub fn new(path: PathBuf, process: &Process) -> Pulse {
        let head = serde_json::to_string(process).expect("a process has only string keys");
        Pulse {
            path,
            head: head + "\n",
            counter: Mutex::new(0),
            succeeded: AtomicU64::new(0),
        }
    }

    /// Makes the file.
    pub fn create(&self) -> Result<()> {
        if folder::create(&self.path, format!("{}{}", self.head, line(0)).as_bytes())? {
            return Ok(());
        }
        Err(Error::file(
            &self.path,
            "is there already",
            "run the same command again",
        ))
    }

    /// Writes the next value of the counter through to the server.
    ///
    /// A file that somebody took for a dead worker's and removed is made again: what this worker claims from now
    /// on must not look dead. Claims that were taken over have a later generation and stay lost.
    pub fn beat(&self) -> Result<()> {
        let mut counter = self.counter.lock().unwrap_or_else(PoisonError::into_inner);
        *counter += 1;
        match self.write(*counter) {
            Err(error) if folder::is_absent(&error) => {
                let text = format!("{}{}", self.head, line(*counter));
                folder::create(&self.path, text.as_bytes())?;
            }
            written => written.map_err(Error::io("write", &self.path))?,
        }
        self.succeeded.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn write(&self, counter: u64) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(&self.path)?;
        file.write_all_at(line(counter).as_bytes(), self.head.len() as u64)?;
        file.sync_all()
    }

    /// How many heartbeats have reached the server.
    pub fn beats(&self) -> u64 {
        self.succeeded.load(Ordering::Relaxed)
    }

    /// Removes the file: from then on the worker's claims are free.
    pub fn remove(&self) -> Result<bool> {
        folder::remove(&self.path)
    }
}

/// The process in a worker's file, if it can be read.
pub(super) fn parse(bytes: &[u8]) -> Option<Process> {
    let end = bytes.iter().position(|&byte| byte == b'\n')?;
    serde_json::from_slice(&bytes[..end]).ok()
}

fn line(counter: u64) -> String {
    format!("{counter:016x}\n")
}

/// A thread that beats until it is dropped.
#[derive(Debug)]
pub(super) struct Heart {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Heart {
    pub fn start(pulse: &Arc<Pulse>, every: Duration) -> Result<Heart> {
        let (stop, stopped) = mpsc::channel();
        let path = pulse.path.clone();
        let pulse = Arc::clone(pulse);
        let thread = thread::Builder::new()
            .name("heartbeat".to_owned())
            .spawn(move || {
                while stopped.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                    // Tried again next time. If it fails for long, others take over, as they should: what cannot
                    // write a counter cannot write results.
                    let _ = pulse.beat();
                }
            })
            .map_err(Error::io("start a heartbeat for", path))?;
        Ok(Heart {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Heart {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A heartbeat under way would make the file again after it was removed.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pulse(folder: &tempfile::TempDir) -> Pulse {
        Pulse::new(folder.path().join("workers/w"), &Process::me())
    }

    #[test]
    fn every_heartbeat_changes_the_file_and_keeps_its_head() {
        let folder = tempfile::tempdir().unwrap();
        let pulse = pulse(&folder);
        pulse.create().unwrap();
        let first = folder::read(&pulse.path).unwrap().unwrap();
        pulse.beat().unwrap();
        let second = folder::read(&pulse.path).unwrap().unwrap();
        assert_ne!(first, second);
        assert_eq!(first.len(), second.len());
        assert_eq!(parse(&second), Some(Process::me()));
        assert_eq!(pulse.beats(), 1);
        assert!(
            pulse
                .create()
                .unwrap_err()
                .to_string()
                .contains("is there already")
        );
        for garbage in [&b""[..], b"{", b"{}\n", b"\xff\n\n", &second[..20]] {
            assert_eq!(parse(garbage), None);
        }
    }

    #[test]
    fn a_removed_file_comes_back_and_its_counter_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let pulse = pulse(&folder);
        pulse.create().unwrap();
        pulse.beat().unwrap();
        assert!(pulse.remove().unwrap());
        pulse.beat().unwrap();
        let text = folder::read(&pulse.path).unwrap().unwrap();
        assert!(text.ends_with(b"0000000000000002\n"));
    }

    #[test]
    fn a_heartbeat_that_fails_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let pulse = pulse(&folder);
        std::fs::create_dir_all(&pulse.path).unwrap();
        assert!(pulse.beat().is_err());
        assert_eq!(pulse.beats(), 0);
    }

    #[test]
    fn the_thread_beats_and_ends_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let pulse = Arc::new(pulse(&folder));
        pulse.create().unwrap();
        let heart = Heart::start(&pulse, Duration::from_millis(1)).unwrap();
        while pulse.beats() < 3 {
            thread::yield_now();
        }
        drop(heart);
        let beats = pulse.beats();
        thread::sleep(Duration::from_millis(20));
        assert_eq!(pulse.beats(), beats);
        let slow = Heart::start(&pulse, Duration::from_secs(3600)).unwrap();
        let start = std::time::Instant::now();
        drop(slow);
        assert!(start.elapsed() < Duration::from_secs(60));
    }
}
