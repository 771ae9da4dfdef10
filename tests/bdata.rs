//! Brain-data files: those of bdpy, our own, and damaged ones.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests may")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bhscore::io::bdata::{BData, Label, Table, write};
use ndarray::{Array2, array};
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

const VOXELS: [[f64; 3]; 2] = [[0.5, -1.25, 3.0], [f64::MIN_POSITIVE, 1e300, -0.0]];

fn labels() -> Vec<Label> {
    let names = vec![(1.0, "b/é".to_owned()), (20.0, String::new())];
    vec![
        Label {
            key: "image_index".to_owned(),
            values: vec![7.0, 8.0],
            names: vec![],
        },
        Label {
            key: "stimulus_name".to_owned(),
            values: vec![20.0, 1.0],
            names,
        },
    ]
}

fn rois() -> Vec<(String, Vec<bool>)> {
    let roi = |name: &str, voxels: [bool; 3]| (name.to_owned(), voxels.to_vec());
    vec![
        roi("ROI_V1", [true, false, true]),
        roi("ROI_V2", [false; 3]),
    ]
}

fn write_table(path: &Path) {
    let voxels = Array2::from(VOXELS.to_vec());
    let table = Table {
        voxels: voxels.view(),
        rois: rois(),
        labels: labels(),
    };
    write(path, &table).unwrap();
}

#[test]
fn what_is_written_is_read_and_the_bytes_do_not_change() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fmri.h5");
    write_table(&path);
    let bytes = fs::read(&path).unwrap();

    let read = BData::read(&path).unwrap();
    let keys = [
        "VoxelData",
        "ROI_V1",
        "ROI_V2",
        "image_index",
        "stimulus_name",
    ];
    assert_eq!(read.keys(), keys);
    let voxels = Array2::from(VOXELS.to_vec());
    assert_eq!(read.select("VoxelData = 1").unwrap(), voxels);
    assert_eq!(
        read.select("ROI_V1").unwrap(),
        array![[0.5, 3.0], [f64::MIN_POSITIVE, -0.0]]
    );
    assert_eq!(read.select("ROI_V2").unwrap().dim(), (2, 0));
    assert_eq!(read.numbers("image_index").unwrap(), [7.0, 8.0]);
    assert_eq!(read.get_label("stimulus_name").unwrap(), ["", "b/é"]);

    std::thread::sleep(std::time::Duration::from_millis(1100));
    write_table(&path);
    assert!(
        fs::read(&path).unwrap() == bytes,
        "the same table, other bytes"
    );
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        1,
        "temporary files left"
    );
}

/// Runs where `BHSCORE_PYTHON` names a Python with bdpy.
#[test]
fn bdpy_reads_what_is_written() {
    let Some(python) = std::env::var_os("BHSCORE_PYTHON") else {
        eprintln!("skipped: BHSCORE_PYTHON names no Python with bdpy");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fmri.h5");
    write_table(&path);
    let script = "import bdpy, json, sys; b = bdpy.BData(sys.argv[1]); print(json.dumps([\
        b.select('VoxelData').tolist(), b.select('ROI_V1 = 1').tolist(), b.select('ROI_V2 = 1').tolist(),\
        b.get('image_index').ravel().tolist(), b.get_label('stimulus_name'), b.metadata.description]))";
    let output = std::process::Command::new(python)
        .args(["-W", "ignore", "-c", script])
        .arg(&path)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let read: Value = serde_json::from_slice(&output.stdout).unwrap();
    let descriptions: Vec<String> = [
        "VoxelData",
        "ROI_V1",
        "ROI_V2",
        "image_index",
        "stimulus_name",
    ]
    .map(|key| format!("1 = {key}"))
    .to_vec();
    let v1 = vec![vec![0.5, 3.0], vec![f64::MIN_POSITIVE, -0.0]];
    let expected = serde_json::json!([VOXELS, v1, [[], []], [7.0, 8.0], ["", "b/é"], descriptions]);
    assert_eq!(read, expected);
}

#[test]
fn tables_that_cannot_be_stored_are_refused() {
    let voxels = Array2::from(VOXELS.to_vec());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fmri.h5");
    let refused = |change: &dyn Fn(&mut Table), part: &str| {
        let mut table = Table {
            voxels: voxels.view(),
            rois: rois(),
            labels: labels(),
        };
        change(&mut table);
        let error = write(&path, &table).unwrap_err().to_string();
        assert!(error.contains(part) && error.contains("fmri.h5"), "{error}");
        assert!(!path.exists());
    };
    refused(
        &|table| table.rois[0].1.truncate(1),
        "`ROI_V1` is about 1 voxels of 3",
    );
    refused(
        &|table| table.labels[1].values.push(1.0),
        "`stimulus_name` has 3 values for 2 samples",
    );
    refused(
        &|table| table.rois[1].0 = "VoxelData".to_owned(),
        "`VoxelData` occurs twice",
    );
    refused(
        &|table| table.rois[1].0 = "image_index".to_owned(),
        "`image_index` occurs twice",
    );
    refused(
        &|table| table.rois[1].0 = "a/b".to_owned(),
        "`a/b` cannot be a key",
    );
    refused(
        &|table| table.labels[1].names[0].0 = f64::NAN,
        "cannot name NaN `b/é`",
    );
    refused(&|table| table.labels[1].names[0].0 = 20.0, "cannot name 20");
    refused(
        &|table| table.labels[1].names[0].1 = "a\0".to_owned(),
        "cannot name 1 `a\\0`",
    );
    // Missing folders are made, where nothing else is in the way.
    let missing = folder.path().join("a file/folder/fmri.h5");
    save(&folder.path().join("a file"), b"");
    let table = Table {
        voxels: voxels.view(),
        rois: rois(),
        labels: labels(),
    };
    let error = write(&missing, &table).unwrap_err().to_string();
    assert!(error.contains("a file/folder"), "{error}");
}

/// The error of a file made by `make`, which names it.
#[track_caller]
fn error_of(make: impl FnOnce(&hdf5::File) -> hdf5::Result<()>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("odd.h5");
    let file = hdf5::File::create(&path).unwrap();
    make(&file).unwrap();
    file.close().unwrap();
    let error = BData::read(&path).unwrap_err().to_string();
    assert!(
        error.starts_with('`') && error.contains("odd.h5`: ") && error.contains("; "),
        "{error}"
    );
    error
}

/// A small good file, without the parts named.
fn parts(file: &hdf5::File, without: &[&str]) -> hdf5::Result<()> {
    let has = |name: &str| !without.contains(&name);
    let store =
        |name: &str, data: Array2<f64>| file.new_dataset_builder().with_data(&data).create(name);
    if has("dataset") {
        store("dataset", array![[1., 2.], [3., 4.]])?;
    }
    file.create_group("metadata")?;
    if has("metadata/value") {
        store("metadata/value", array![[1., f64::NAN], [f64::NAN, 1.]])?;
    }
    if has("metadata/key") {
        let keys = ["ROI_V1", "name"].map(|key| key.parse::<hdf5::types::VarLenUnicode>().unwrap());
        file.new_dataset_builder()
            .with_data(&keys)
            .create("metadata/key")?;
    }
    file.create_group("vmap")?.create_group("name")?;
    Ok(())
}

#[test]
fn files_that_lack_something_say_what() {
    let data = |file: &hdf5::File, name: &str, data: Array2<f64>| {
        file.new_dataset_builder()
            .with_data(&data)
            .create(name)
            .map(|_| ())
    };
    let label = |file: &hdf5::File, name: &str| {
        let text: hdf5::types::VarLenUnicode = "x".parse().unwrap();
        file.new_dataset_builder()
            .with_data(&ndarray::arr0(text))
            .create(name)
            .map(|_| ())
    };
    let cases: [(&str, String); 11] = [
        (
            "it has neither `metadata` nor `metaData`",
            error_of(|_| Ok(())),
        ),
        (
            "it has neither `dataset` nor `dataSet`",
            error_of(|file| parts(file, &["dataset"])),
        ),
        (
            "it has no `/metadata/key`",
            error_of(|file| parts(file, &["metadata/key"])),
        ),
        (
            "it has no `/metadata/value`",
            error_of(|file| parts(file, &["metadata/value"])),
        ),
        (
            "the metadata are 2 x 3, but there are 2 keys and 2 columns",
            error_of(|file| {
                parts(file, &["metadata/value"])?;
                data(file, "metadata/value", Array2::ones((2, 3)))
            }),
        ),
        (
            "the metadata are 1 x 2, but there are 2 keys and 2 columns",
            error_of(|file| {
                parts(file, &["metadata/value"])?;
                data(file, "metadata/value", Array2::ones((1, 2)))
            }),
        ),
        (
            "`/metadata/key` is of type float64, not text",
            error_of(|file| {
                parts(file, &["metadata/key"])?;
                data(file, "metadata/key", Array2::ones((2, 1)))
            }),
        ),
        (
            "`/vmap/name/one` is not named by a number",
            error_of(|file| {
                parts(file, &[])?;
                label(file, "vmap/name/one")
            }),
        ),
        (
            "`/vmap/name/1` is of type float64, not text",
            error_of(|file| {
                parts(file, &[])?;
                data(file, "vmap/name/1", Array2::ones((1, 1)))
            }),
        ),
        (
            "`dataset`",
            error_of(|file| {
                parts(file, &["dataset"])?;
                file.create_group("dataset").map(|_| ())
            }),
        ),
        (
            "`/dataset` has the shape [4], not two axes",
            error_of(|file| {
                parts(file, &["dataset"])?;
                file.new_dataset_builder()
                    .with_data(&[1.0; 4])
                    .create("dataset")
                    .map(|_| ())
            }),
        ),
    ];
    for (expected, error) in cases {
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn what_is_no_brain_data_at_all_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fmri.h5");
    assert!(
        BData::read(&path)
            .unwrap_err()
            .to_string()
            .contains("check the path")
    );
    assert!(BData::read(folder.path()).is_err(), "a folder");
    for bytes in [&b""[..], b"\x89HDF\r\n\x1a\n", b"text", &[0; 5000]] {
        save(&path, bytes);
        let error = BData::read(&path).unwrap_err().to_string();
        assert!(error.contains("fmri.h5`"), "{error}");
    }
}

#[test]
fn every_truncated_file_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.h5");
    for name in ["bdpy.h5", "fixed_text_f32.h5"] {
        let bytes = fs::read(golden(name)).unwrap();
        for end in (0..bytes.len())
            .step_by(37)
            .chain(bytes.len() - 16..bytes.len())
        {
            save(&path, &bytes[..end]);
            let error = BData::read(&path).unwrap_err().to_string();
            assert!(error.contains("cut.h5`: "), "{name} cut at {end}: {error}");
        }
    }
}

/// A sample of what was tried once: every byte of the golden files with each of the three flips.
#[test]
fn no_flipped_byte_makes_it_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flipped.h5");
    for name in ["bdpy.h5", "fixed_text_f32.h5", "int_utf8.h5"] {
        let bytes = fs::read(golden(name)).unwrap();
        let filled = (0..bytes.len()).filter(|&at| bytes[at] != 0);
        for (at, flip) in filled
            .step_by(5)
            .zip([0x01, 0x80, 0xff].into_iter().cycle())
        {
            let mut flipped = bytes.clone();
            flipped[at] ^= flip;
            save(&path, &flipped);
            if let Ok(table) = BData::read(&path) {
                let _ = table.select("*");
                let _ = table.get_label("stimulus_name");
            }
        }
    }
}
