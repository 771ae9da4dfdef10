//! A layer's folder of per-image files as one matrix.
//!
//! A folder holds one `.mat` file per stimulus with the variable `feat`, of shape `1 × units` or
//! `1 × C × H × W`. The leading axis is dropped; units are in column-major order of what remains.
//! Stimuli are in the order of their names as text, as in bdpy's `Features`.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::SystemTime;

use ndarray::Array2;
use rayon::prelude::*;

use super::mat::{self, n_elements};
use crate::error::{Error, Result};

/// Variable of every feature file.
pub const VARIABLE: &str = "feat";

/// What to do without features.
const MISSING: &str = "extract the layer first, or check its name in the settings";

/// What is wrong with a layer's folder that cannot be listed.
pub fn unlisted(folder: &Path) -> impl FnOnce(std::io::Error) -> Error {
    move |error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::file(folder, "there is no such folder", MISSING),
        _ => Error::io("list", folder)(error),
    }
}

/// The stimulus of a feature file's name; none of other files, and of hidden ones, which are notes of other systems
/// (`._n01443537_22563.mat`), or unfinished.
pub fn label(file_name: &str) -> Option<&str> {
    let label = file_name.strip_suffix(".mat")?;
    (!label.is_empty() && !label.starts_with('.')).then_some(label)
}

/// What is wrong with a layer's folder without feature files.
pub fn empty(folder: &Path) -> Error {
    Error::file(folder, "holds no feature files (*.mat)", MISSING)
}

/// Most units of a layer, a thousand times those of the largest known; more is a damaged header.
const MOST_UNITS: usize = 1 << 32;

/// A folder of feature files.
#[derive(Debug, Clone)]
pub struct Layer {
    folder: PathBuf,
    labels: Vec<String>,
}

/// Unit activations of a layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    /// Stimulus names, sorted as text: the rows of `values`.
    pub labels: Vec<String>,
    /// Shape of the layer without the leading axis of length 1, also when a part was read.
    pub unit_shape: Vec<usize>,
    /// Activations, `(n_stimuli, n_units)`; units in column-major order of `unit_shape`.
    pub values: Array2<f32>,
}

impl Layer {
    /// Lists the feature files of a folder.
    ///
    /// # Errors
    ///
    /// If the folder cannot be listed or holds no `.mat` file.
    pub fn open(folder: impl AsRef<Path>) -> Result<Layer> {
        let folder = folder.as_ref();
        let mut labels = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(unlisted(folder))? {
            let name = entry.map_err(Error::io("list", folder))?.file_name();
            let Some(name) = name.to_str() else {
                let problem = format!("holds the file name {name:?}, which is not UTF-8");
                return Err(Error::file(folder, problem, "rename the file"));
            };
            labels.extend(label(name).map(str::to_owned));
        }
        if labels.is_empty() {
            return Err(empty(folder));
        }
        labels.sort_unstable();
        Ok(Layer {
            folder: folder.to_owned(),
            labels,
        })
    }

    /// Stimulus names, sorted as text.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// File of a stimulus.
    #[must_use]
    pub fn path(&self, label: &str) -> PathBuf {
        self.folder.join(format!("{label}.mat"))
    }

    /// Shape of the layer, from its first file.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or has no features.
    pub fn unit_shape(&self) -> Result<Vec<usize>> {
        let path = self.path(&self.labels[0]);
        unit_shape(&path, mat::shape(&path, VARIABLE)?)
    }

    /// Size and modification time of every file, in the order of [`Self::labels`].
    ///
    /// # Errors
    ///
    /// If a file is gone.
    pub fn stamps(&self) -> Result<Vec<(u64, SystemTime)>> {
        let stamp = |label: &String| {
            let path = self.path(label);
            let metadata = std::fs::metadata(&path).map_err(Error::io("read", &path))?;
            let modified = metadata.modified().map_err(Error::io("read", &path))?;
            Ok((metadata.len(), modified))
        };
        self.labels.iter().map(stamp).collect()
    }

    /// Reads all stimuli, in all threads.
    ///
    /// - `units`: which units to read, in column-major order of the layer; `None` for all.
    /// - `progress`: called from any thread after each file with the number of files read so far.
    ///
    /// # Errors
    ///
    /// If a file cannot be read, or two files disagree in shape (the error names both).
    pub fn read(
        &self,
        units: Option<Range<usize>>,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Features> {
        self.read_unless(&AtomicBool::new(false), units, progress)
    }

    /// As [`Self::read`], but gives up when `stop` is set.
    ///
    /// # Errors
    ///
    /// As [`Self::read`]; [`Error::Interrupted`] if `stop` was set before the last file.
    pub fn read_unless(
        &self,
        stop: &AtomicBool,
        units: Option<Range<usize>>,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Features> {
        let unit_shape = self.unit_shape()?;
        let n_units: usize = unit_shape.iter().product();
        let units = units.unwrap_or(0..n_units);
        if let Some(first) = self.labels.first() {
            // So far its header claims units; memory is taken for those that are there.
            self.read_one(first, &unit_shape, units.clone())?;
        }
        let mut values = Array2::zeros((self.labels.len(), units.len()));
        if units.is_empty() {
            return Ok(Features {
                labels: self.labels.clone(),
                unit_shape,
                values,
            });
        }
        let n_read = AtomicUsize::new(0);
        let rows = values.as_slice_mut().expect("made contiguous above");
        let failure = rows
            .par_chunks_mut(units.len())
            .zip(&self.labels)
            .map(|(row, label)| {
                if stop.load(Ordering::Relaxed) {
                    return Err(Error::Interrupted);
                }
                row.copy_from_slice(&self.read_one(label, &unit_shape, units.clone())?);
                progress(n_read.fetch_add(1, Ordering::Relaxed) + 1);
                Ok(())
            })
            // The first in the order of names, whatever thread met one first.
            .find_map_first(Result::err);
        match failure {
            Some(error) => Err(error),
            None => Ok(Features {
                labels: self.labels.clone(),
                unit_shape,
                values,
            }),
        }
    }

    fn read_one(&self, label: &str, expected: &[usize], units: Range<usize>) -> Result<Vec<f32>> {
        let path = self.path(label);
        // A range beyond this file would be reported instead of its shape.
        let n_units: usize = expected.iter().product();
        let (shape, values) = if units == (0..n_units) {
            let array = mat::read_f32(&path, VARIABLE)?;
            (array.shape, array.values)
        } else {
            match mat::read_range(&path, VARIABLE, units) {
                Ok(part) => part,
                Err(error) => match mat::shape(&path, VARIABLE) {
                    Ok(shape) => (shape, Vec::new()),
                    Err(_) => return Err(error),
                },
            }
        };
        let shape = unit_shape(&path, shape)?;
        if shape != expected {
            let first = self.path(&self.labels[0]);
            let problem = format!(
                "has units of shape {shape:?}, but `{}` has {expected:?}",
                first.display()
            );
            return Err(Error::file(
                &path,
                problem,
                "extract the layer again for all images",
            ));
        }
        Ok(values)
    }
}

/// The shape without the axis of the one stimulus.
fn unit_shape(path: &Path, mut shape: Vec<usize>) -> Result<Vec<usize>> {
    let n_units = n_elements(&shape).unwrap_or(usize::MAX);
    match shape[..] {
        _ if n_units == 0 => {
            let problem = format!("`{VARIABLE}` of shape {shape:?} holds no units");
            return Err(Error::file(path, problem, "extract the layer again"));
        }
        _ if n_units > MOST_UNITS => {
            let problem = format!("`{VARIABLE}` claims the shape {shape:?}");
            return Err(Error::file(path, problem, "extract the layer again"));
        }
        // A column: the original would take the units for stimuli and fail later.
        [n, 1] if n > 1 => return Ok(vec![n]),
        // NumPy vectors and scalars that kept their shape.
        [] => return Ok(vec![1]),
        [n] => return Ok(vec![n]),
        [1, ..] => {}
        _ => {
            let problem = format!("`{VARIABLE}` has the shape {shape:?}");
            let remedy = "save one stimulus per file, with a first axis of length 1";
            return Err(Error::file(path, problem, remedy));
        }
    }
    shape.remove(0);
    Ok(shape)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::atomic;

    fn folder(files: &[(&str, &[usize])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (label, shape) in files {
            let n: usize = shape.iter().product();
            let values: Vec<f32> = (0..n).map(|unit| unit as f32).collect();
            let bytes = mat::encode_f32(VARIABLE, shape, &values);
            atomic::write(folder.path().join(format!("{label}.mat")), &bytes).unwrap();
        }
        folder
    }

    fn read(folder: &Path, units: Option<Range<usize>>) -> Result<Features> {
        Layer::open(folder)?.read(units, &|_| {})
    }

    /// A v5 file with nothing behind a header that claims 2^60 units.
    #[test]
    fn memory_is_not_taken_for_units_that_a_header_claims() {
        let element = |kind: u32, content: &[u8]| {
            let mut bytes = [kind, content.len() as u32].map(u32::to_le_bytes).concat();
            bytes.extend_from_slice(content);
            bytes
        };
        for shape in [[1u32, 1 << 30, 1 << 30, 4], [1, 1 << 20, 1 << 10, 1]] {
            let mut content = element(6, &[7, 0, 0, 0, 0, 0, 0, 0]);
            content.extend(element(5, &shape.map(u32::to_le_bytes).concat()));
            content.extend([1, 0, 4, 0, b'f', b'e', b'a', b't']);
            content.extend(element(7, &[0; 8]));
            let mut bytes = [b' '; 124].to_vec();
            bytes.extend(b"\0\x01IM");
            bytes.extend(element(14, &content));
            let folder = tempfile::tempdir().unwrap();
            atomic::write(folder.path().join("a.mat"), &bytes).unwrap();
            let text = read(folder.path(), None).unwrap_err().to_string();
            assert!(text.contains("a.mat"), "{text}");
        }
    }

    #[test]
    fn files_come_sorted_as_text_without_temporary_ones() {
        let folder = folder(&[("n2_9", &[1, 3]), ("n2_10", &[1, 3]), ("n10", &[1, 3])]);
        let _unfinished = atomic::Staged::create(folder.path().join("n1.mat")).unwrap();
        let features = read(folder.path(), None).unwrap();
        assert_eq!(features.labels, ["n10", "n2_10", "n2_9"]);
        assert_eq!(features.unit_shape, [3]);
        assert_eq!(features.values.row(2).to_vec(), [0.0, 1.0, 2.0]);
    }

    #[test]
    fn a_part_keeps_the_shape_of_the_whole() {
        let folder = folder(&[("a", &[1, 2, 3, 4]), ("b", &[1, 2, 3, 4])]);
        let features = read(folder.path(), Some(5..8)).unwrap();
        assert_eq!(features.unit_shape, [2, 3, 4]);
        assert_eq!(features.values.row(1).to_vec(), [5.0, 6.0, 7.0]);
    }

    #[test]
    fn files_of_different_shape_are_both_named() {
        for units in [None, Some(1..3)] {
            let folder = folder(&[("a", &[1, 3]), ("b", &[1, 3]), ("c", &[1, 2])]);
            let text = read(folder.path(), units).unwrap_err().to_string();
            assert!(text.contains("c.mat") && text.contains("a.mat"), "{text}");
        }
    }

    #[test]
    fn empty_and_missing_folders_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let text = Layer::open(folder.path()).unwrap_err().to_string();
        assert!(text.contains("no feature files"), "{text}");
        let missing = folder.path().join("conv9");
        assert!(
            Layer::open(&missing)
                .unwrap_err()
                .to_string()
                .contains("conv9")
        );
    }

    #[test]
    fn the_axis_of_the_stimulus_is_dropped_where_there_is_one() {
        let shape = |shape: &[usize]| unit_shape(Path::new("a.mat"), shape.to_vec()).ok();
        assert_eq!(shape(&[1, 5]), Some(vec![5]));
        assert_eq!(shape(&[1, 1]), Some(vec![1]));
        assert_eq!(shape(&[5, 1]), Some(vec![5]));
        assert_eq!(shape(&[1, 3, 1, 1]), Some(vec![3, 1, 1]));
        assert_eq!(shape(&[2, 5]), None);
        assert_eq!(shape(&[1, 0]), None);
    }

    #[test]
    fn progress_counts_every_file_once() {
        let folder = folder(&[("a", &[1, 3]), ("b", &[1, 3]), ("c", &[1, 3])]);
        let largest = AtomicUsize::new(0);
        let progress = |n: usize| {
            largest.fetch_max(n, Ordering::Relaxed);
        };
        Layer::open(folder.path())
            .unwrap()
            .read(None, &progress)
            .unwrap();
        assert_eq!(largest.into_inner(), 3);
    }
}
