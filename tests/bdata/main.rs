//! Brain-data files: those of bdpy, our own, and damaged ones.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests may")]

#[path = "../common/mod.rs"]
mod common;
mod damaged;
mod written;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bhscore::io::bdata::BData;
use ndarray::Array2;
use serde::Deserialize;
use serde_json::Value;

/// What bdpy reads from a file (`tests/golden/bdata/make.py`).
#[derive(Deserialize)]
struct Expected {
    keys: Vec<String>,
    select: BTreeMap<String, Vec<Vec<f64>>>,
    image_index: Vec<Option<f64>>,
    labels: Option<Vec<String>>,
}

fn golden(name: &str) -> PathBuf {
    common::golden("bdata").join(name)
}

/// A file of the shared golden study; `None`, with a word about it, where there is none.
fn shared(name: &str) -> Option<PathBuf> {
    common::shared(&format!("golden/{name}"))
}

fn save(path: &Path, bytes: &[u8]) {
    #[allow(clippy::disallowed_methods, reason = "a damaged file for a test")]
    fs::write(path, bytes).unwrap();
}

fn rows(matrix: &Array2<f64>) -> Vec<Vec<f64>> {
    matrix.rows().into_iter().map(|row| row.to_vec()).collect()
}

#[test]
fn a_matlab_file_gives_what_bdpy_reads() {
    files_give_what_bdpy_reads("mat");
}

#[test]
fn files_of_bdpy_give_what_bdpy_reads() {
    files_give_what_bdpy_reads("h5");
}

#[track_caller]
fn files_give_what_bdpy_reads(extension: &str) {
    let text = fs::read_to_string(golden("expected.json")).unwrap();
    let all: BTreeMap<String, Expected> = serde_json::from_str(&text).unwrap();
    let all = all.iter().filter(|(name, _)| name.ends_with(extension));
    for (name, expected) in all {
        let table = BData::read(&golden(name)).unwrap();
        assert_eq!(table.keys(), expected.keys, "{name}");
        assert_eq!(table.n_samples(), expected.image_index.len(), "{name}");
        for (expression, values) in &expected.select {
            assert_eq!(
                &rows(&table.select(expression).unwrap()),
                values,
                "{name} {expression}"
            );
        }
        let index = table.numbers("image_index").unwrap();
        let index: Vec<_> = index
            .into_iter()
            .map(|x| Some(x).filter(|x| !x.is_nan()))
            .collect();
        assert_eq!(index, expected.image_index, "{name}");
        assert_eq!(
            table.get_label("stimulus_name").ok(),
            expected.labels,
            "{name}"
        );
    }
}

#[test]
fn files_with_old_keys_are_read() {
    let name = "formats/bdata_old_keys.h5";
    let paths = std::iter::once(common::golden(name)).chain(shared(name));
    paths.for_each(|path| reads_old_keys(&path));
}

fn reads_old_keys(path: &Path) {
    let text = fs::read_to_string(path.with_file_name("expected.json")).unwrap();
    let expected: Value = serde_json::from_str::<Value>(&text).unwrap()["bdata_old_keys.h5"].take();
    let table = BData::read(path).unwrap();
    for expression in ["ROI_V1 = 1", "ROI_HVC = 1"] {
        let columns = table.select(expression).unwrap();
        let first: Vec<f64> = columns.iter().take(8).copied().collect();
        let shape = [columns.nrows(), columns.ncols()];
        assert_eq!(serde_json::json!(shape), expected[expression]["shape"]);
        assert_eq!(
            serde_json::json!(first),
            expected[expression]["first_c_order"]
        );
    }
    let strings = |key: &str| serde_json::json!(table.get_label(key).unwrap());
    assert_eq!(strings("stimulus_name"), expected["stimulus_name"]);
    assert_eq!(
        serde_json::json!(table.numbers("image_index").unwrap()),
        expected["image_index"]
    );
    assert_eq!(serde_json::json!(table.keys()), expected["keys"]);
}

#[test]
fn the_shared_study_is_read() {
    for (subject, split, n_samples) in [
        ("sub-01", "Training", 120),
        ("sub-01", "Test", 150),
        ("sub-02", "Test", 150),
    ] {
        let name = format!("study/data/fmri/{subject}_perceptionNaturalImage{split}_VC_v2.h5");
        let Some(path) = shared(&name) else { return };
        let table = BData::read(&path).unwrap();
        for (expression, n_voxels) in [
            ("ROI_V1 = 1", 36),
            ("ROI_V2 = 1", 34),
            ("ROI_V3 = 1", 31),
            ("ROI_V4 = 1", 30),
            ("ROI_HVC = 1", 40),
            ("ROI_VC = 1", 171),
            ("VoxelData - ROI_VC", 0),
        ] {
            assert_eq!(
                table.select(expression).unwrap().dim(),
                (n_samples, n_voxels)
            );
        }
        let labels = table.get_label("stimulus_name").unwrap();
        let mut sorted: Vec<&String> = labels.iter().collect();
        sorted.sort();
        sorted.dedup();
        // In this study the index is the rank of the name.
        let ranks = table.numbers("image_index").unwrap();
        for (label, rank) in labels.iter().zip(ranks) {
            assert_eq!(sorted[rank as usize - 1], label, "{name}");
        }
    }
}
