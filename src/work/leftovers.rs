//! Files of an earlier run in the folder of an artifact that has one file per image.
//!
//! A run over other test images writes other names. What the last run wrote and this one does not would look like a
//! part of this one; what nobody knows stays, and is told.

use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::io::features;
use crate::io::record::Record;

/// `.mat` files of other images.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Leftovers {
    /// Those that the recorded run wrote, to be removed when this one is published.
    pub ours: Vec<PathBuf>,
    /// What to tell of those that it did not.
    pub note: Option<String>,
}

/// Key of a record's result under which [`images`] are.
const KEY: &str = "images";

/// The names of an artifact's per-image files as its record has them.
pub fn images(names: &[impl AsRef<str>]) -> (&'static str, Value) {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    (KEY, json!(names))
}

impl Leftovers {
    /// Files in `folder` that are not of the images `names`.
    ///
    /// - `recorded`: the record of the artifact that is to be replaced.
    ///
    /// # Errors
    /// If the folder is there and cannot be listed.
    pub fn find(
        folder: &Path,
        names: &[impl AsRef<str>],
        recorded: Option<&Record>,
    ) -> Result<Leftovers> {
        let present = present(folder)?;
        let names: HashSet<&str> = names.iter().map(AsRef::as_ref).collect();
        let written = recorded.and_then(|record| record.result[KEY].as_array());
        let written: HashSet<&str> = written
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let others = present.iter().map(String::as_str);
        let others = others.filter(|name| !names.contains(name));
        let (ours, foreign): (Vec<&str>, Vec<&str>) =
            others.partition(|name| written.contains(name));
        Ok(Leftovers {
            ours: ours
                .iter()
                .map(|name| folder.join(format!("{name}.mat")))
                .collect(),
            note: foreign.first().map(|name| {
                let n = foreign.len();
                format!(
                    "{n} files of other images are in `{}`, such as `{name}.mat`",
                    folder.display()
                )
            }),
        })
    }
}

/// Names of the `.mat` files of a folder, sorted; hidden files are none.
fn present(folder: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(Error::io("list", folder))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(Error::io("list", folder))?.file_name();
        let label = name.to_str().and_then(features::label);
        names.extend(label.map(str::to_owned));
    }
    names.sort_unstable();
    Ok(names)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::io::atomic;

    fn record(result: Value) -> Record {
        Record {
            format: crate::io::record::FORMAT,
            program: String::new(),
            stage: String::new(),
            item: String::new(),
            settings: Value::Null,
            inputs: Vec::new(),
            result,
            seconds: 0.0,
            host: String::new(),
            finished: 0,
        }
    }

    #[test]
    fn only_what_the_record_names_and_the_folder_holds_is_ours() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.mat", "b.mat", "c.mat", ".hidden.mat", "note.txt"] {
            atomic::write(folder.path().join(name), b"").unwrap();
        }
        let (key, value) = images(&["a", "b", "gone", "../b"]);
        let old = record(json!({ key: value }));
        let found = Leftovers::find(folder.path(), &["a"], Some(&old)).unwrap();
        assert_eq!(found.ours, [folder.path().join("b.mat")]);
        let note = found.note.unwrap();
        assert!(note.starts_with("1 files of other images are in"), "{note}");
        assert!(note.ends_with("such as `c.mat`"), "{note}");
        // An older record does not say what it wrote.
        let found = Leftovers::find(folder.path(), &["a"], Some(&record(json!({})))).unwrap();
        assert_eq!(found.ours.len(), 0);
        assert!(found.note.unwrap().starts_with("2 files"));
        let nowhere = folder.path().join("nowhere");
        let nothing = Leftovers::find(&nowhere, &["a"], None).unwrap();
        assert_eq!(nothing, Leftovers::default());
    }
}
