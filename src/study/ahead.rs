//! A layer that is read in the background while another one is at work.
//!
//! The reader has threads of its own, so that a slow disk never holds up a computation. What it
//! brings is used only if no file has changed since; whatever goes wrong is left to the reading in
//! the foreground, which reports it at the item that needs the layer.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use super::units::{Reading, Units};
use crate::error::{Error, Result};
use crate::io::features::Layer;

/// Most threads that read in the background: they wait for the disk most of the time.
const MOST_THREADS: usize = 4;

/// Between two looks at whether the layer is there.
const PAUSE: Duration = Duration::from_millis(1);

/// A layer on its way.
#[derive(Debug)]
pub struct Ahead {
    folder: PathBuf,
    bytes: u64,
    /// Size and time of every file before the first was read.
    stamps: Vec<(u64, SystemTime)>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<Units>>>,
}

impl Ahead {
    /// Starts to read a whole layer; `None` if it takes more than `bytes`, or cannot be read.
    pub fn start(folder: &Path, bytes: u64) -> Option<Ahead> {
        let stamps = Layer::open(folder).ok()?.stamps().ok()?;
        let mut units = Units::open(folder, Reading::default()).ok()?;
        let needed = units.whole_bytes();
        if needed > bytes {
            return None;
        }
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        let n_threads = rayon::current_num_threads().min(MOST_THREADS);
        let thread = thread::spawn(move || {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads);
            let pool = pool.build().map_err(|_| Error::Interrupted)?;
            pool.install(|| units.seek(0, &flag))?;
            Ok(units)
        });
        Some(Ahead {
            folder: folder.to_owned(),
            bytes: needed,
            stamps,
            stop,
            thread: Some(thread),
        })
    }

    /// The layer's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Bytes that the layer takes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Waits for the layer; `None` if it could not be read, has changed meanwhile, or `stop` is set first.
    pub fn finish(mut self, stop: &AtomicBool) -> Option<Units> {
        while !self.thread.as_ref()?.is_finished() {
            if stop.load(Ordering::Relaxed) {
                return None;
            }
            thread::sleep(PAUSE);
        }
        let units = self.thread.take()?.join().ok()?.ok()?;
        let layer = Layer::open(&self.folder).ok()?;
        let same = layer.labels() == units.images && layer.stamps().ok()? == self.stamps;
        same.then_some(units)
    }
}

/// Reading ends with the file at hand: nobody wants the rest.
impl Drop for Ahead {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // Whether it failed no longer matters.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::{atomic, mat};

    static RUNNING: AtomicBool = AtomicBool::new(false);

    fn write(folder: &Path, label: &str, values: &[f32]) {
        let bytes = mat::encode_f32("feat", &[1, values.len()], values);
        atomic::write(folder.join(format!("{label}.mat")), &bytes).unwrap();
    }

    fn layer() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "a", &[1.0, 2.0, 3.0]);
        write(folder.path(), "b", &[4.0, 5.0, 6.0]);
        folder
    }

    #[test]
    fn what_is_read_ahead_is_the_layer() {
        let folder = layer();
        let units = Ahead::start(folder.path(), 24)
            .unwrap()
            .finish(&RUNNING)
            .unwrap();
        let mut read = Units::open(folder.path(), Reading::default()).unwrap();
        read.seek(0, &RUNNING).unwrap();
        assert_eq!((&units.images, &units.values), (&read.images, &read.values));
        assert!(units.is_whole());
    }

    #[test]
    fn a_layer_without_room_is_not_read() {
        assert!(Ahead::start(layer().path(), 23).is_none());
    }

    #[test]
    fn a_layer_that_changed_meanwhile_is_not_used() {
        let folder = layer();
        let ahead = Ahead::start(folder.path(), 24).unwrap();
        write(folder.path(), "c", &[7.0, 8.0, 9.0]);
        assert!(ahead.finish(&RUNNING).is_none());
        let ahead = Ahead::start(folder.path(), 36).unwrap();
        write(folder.path(), "b", &[0.0, 0.0, 0.0]);
        assert!(ahead.finish(&RUNNING).is_none());
    }

    #[test]
    fn a_damaged_file_is_left_to_the_foreground() {
        let folder = layer();
        atomic::write(folder.path().join("b.mat"), b"MATLAB").unwrap();
        assert!(
            Ahead::start(folder.path(), 24)
                .unwrap()
                .finish(&RUNNING)
                .is_none()
        );
        drop(Ahead::start(folder.path(), 24));
    }
}
