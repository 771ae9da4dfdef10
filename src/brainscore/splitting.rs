//! How the stimuli of recordings are cut into training and test, and files that keep it for other programs.
//!
//! ```json
//! { "stimuli": ["im1", "im2", …], "splits": [{ "train": [0, 4, …], "test": [1, …] }, …] }
//! ```
//!
//! Numbers are places in `stimuli`, counted from 0.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::metric::Metric;
use super::predictivity::{N_SPLITS, SEED, TRAIN_SHARE, impossible};
use super::recordings::Recordings;
use crate::error::{Error, Result};
use crate::stats::splits::{self, Size, Split};

/// How stimuli are cut.
#[derive(Debug, Clone, PartialEq)]
pub enum Splitting {
    /// At random, by class where the recordings have classes.
    Random {
        /// Number of splits.
        n_splits: usize,
        /// Share of the stimuli for training.
        train_share: f64,
        /// Seed of the generator.
        seed: u32,
    },
    /// By groups of stimuli, so that none is in both parts.
    Groups {
        /// Number of splits.
        n_folds: usize,
    },
    /// As another program cut them.
    Given(File),
}

/// The registry's: ten splits, nine tenths for training, seed 1 (SPEC: 2.1).
impl Default for Splitting {
    fn default() -> Splitting {
        Splitting::Random {
            n_splits: N_SPLITS,
            train_share: TRAIN_SHARE,
            seed: SEED,
        }
    }
}

/// What a file of splits holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Names of the stimuli.
    pub stimuli: Vec<String>,
    /// The splits.
    pub splits: Vec<Part>,
}

/// A split in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Places of the stimuli for training.
    pub train: Vec<usize>,
    /// Places of the stimuli for testing.
    pub test: Vec<usize>,
}

impl File {
    /// What is to be kept of splits.
    #[must_use]
    pub fn new(stimuli: &[String], splits: &[Split]) -> File {
        let part = |split: &Split| Part {
            train: split.train.clone(),
            test: split.test.clone(),
        };
        File {
            stimuli: stimuli.to_vec(),
            splits: splits.iter().map(part).collect(),
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// If it cannot be read, is something else, or names places that are not there.
    pub fn read(path: &Path) -> Result<File> {
        let text = fs::read(path).map_err(Error::io("read", path))?;
        let file: File = serde_json::from_slice(&text).map_err(|error| {
            let problem = format!("is not a file of splits: {error}");
            Error::file(path, problem, "make one with `bhscore score --save-splits`")
        })?;
        let n = file.stimuli.len();
        let fits = |part: &Part| {
            let mut seen = vec![false; n];
            let mut places = part.train.iter().chain(&part.test);
            let is_new = |&place: &usize| place < n && !std::mem::replace(&mut seen[place], true);
            !part.train.is_empty() && !part.test.is_empty() && places.all(is_new)
        };
        match file.splits.iter().position(|part| !fits(part)) {
            None if !file.splits.is_empty() => Ok(file),
            None => Err(Error::file(path, "holds no split", "give at least one")),
            Some(place) => {
                let problem = format!(
                    "split {} has an empty part, a place twice, or one above {n}",
                    place + 1
                );
                Err(Error::file(path, problem, "count places from 0, each once"))
            }
        }
    }
}

impl Splitting {
    /// The splits of recordings for a metric.
    ///
    /// # Errors
    /// If they cannot be cut like that.
    pub fn of(&self, recordings: &Recordings, metric: &Metric) -> Result<Vec<Split>> {
        let classes = recordings.classes.as_deref();
        let n = recordings.stimuli.len();
        match self {
            _ if matches!(metric, Metric::Cka(_)) => Ok(Vec::new()),
            Splitting::Random {
                n_splits,
                train_share,
                seed,
            } => {
                let size = match metric.is_predictive() {
                    true => Size::Train(*train_share),
                    // What is looked at of dissimilarities is the larger part.
                    false => Size::Test(*train_share),
                };
                match classes {
                    Some(classes) => splits::stratified(classes, *n_splits, size, *seed),
                    None => splits::plain(n, *n_splits, size, *seed),
                }
                .map_err(impossible)
            }
            Splitting::Groups { n_folds } => {
                let groups = recordings.groups.as_deref().ok_or_else(|| {
                    let remedy = "name the column of the presentations with `--groups`";
                    Error::data("the splits", "are by groups that no column names", remedy)
                })?;
                splits::group_k_fold(groups, *n_folds).map_err(impossible)
            }
            Splitting::Given(file) => given(file, &recordings.stimuli),
        }
    }

    /// Seed, for the record.
    #[must_use]
    pub fn seed(&self) -> u32 {
        match self {
            Splitting::Random { seed, .. } => *seed,
            Splitting::Groups { .. } | Splitting::Given(_) => 0,
        }
    }
}

/// Splits of a file, by the places that its stimuli have here.
fn given(file: &File, stimuli: &[String]) -> Result<Vec<Split>> {
    let place = |name: &String| stimuli.iter().position(|known| known == name);
    let places: Vec<Option<usize>> = file.stimuli.iter().map(place).collect();
    if let Some(missing) = places.iter().position(Option::is_none) {
        let problem = format!("name `{}`, which was not recorded", file.stimuli[missing]);
        let remedy = "give splits of the same stimuli";
        return Err(Error::data("the given splits", problem, remedy));
    }
    let here = |part: &[usize]| part.iter().filter_map(|&at| places[at]).collect();
    let split = |part: &Part| Split {
        train: here(&part.train),
        test: here(&part.test),
    };
    Ok(file.splits.iter().map(split).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::atomic;

    #[test]
    fn a_file_gives_the_splits_back_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("splits.json");
        let names = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        let split = Split {
            train: vec![2, 0],
            test: vec![1],
        };
        let file = File::new(&names(&["a", "b", "c"]), &[split]);
        atomic::write(&path, &serde_json::to_vec(&file).unwrap()).unwrap();
        let read = File::read(&path).unwrap();
        assert_eq!(read, file);
        let found = given(&read, &names(&["c", "b", "a"])).unwrap();
        assert_eq!((&*found[0].train, &*found[0].test), (&[0, 2][..], &[1][..]));
        let told = given(&read, &names(&["c", "b"])).unwrap_err().to_string();
        assert!(told.contains("`a`"), "{told}");
    }

    #[test]
    fn files_that_make_no_sense_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("splits.json");
        for (text, part) in [
            ("{}", "not a file of splits"),
            (r#"{"stimuli":["a"],"splits":[]}"#, "no split"),
            (
                r#"{"stimuli":["a","b"],"splits":[{"train":[0],"test":[2]}]}"#,
                "split 1",
            ),
            (
                r#"{"stimuli":["a","b"],"splits":[{"train":[0],"test":[0]}]}"#,
                "split 1",
            ),
            (
                r#"{"stimuli":["a","b"],"splits":[{"train":[0,1],"test":[]}]}"#,
                "split 1",
            ),
        ] {
            atomic::write(&path, text.as_bytes()).unwrap();
            let told = File::read(&path).unwrap_err().to_string();
            assert!(
                told.contains(part) && told.contains("splits.json"),
                "{told}"
            );
        }
    }
}
