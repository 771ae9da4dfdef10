//! Every storage variant of the golden files reads back as what the reference reads; what we write
//! reads back by both of our readers; damaged files give errors, never panics.

// Damaged files must be written as they are.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::print_stderr)]

#[path = "../common/mod.rs"]
mod common;
mod damaged;
mod library;
mod written;

use std::fs;
use std::path::{Path, PathBuf};

use bhscore::io::features::Layer;
use bhscore::io::hdf5_plain::{self, Input};
use bhscore::io::mat::{self, Array, Numeric};
use bhscore::io::mat_v5::{self, Value};
use bhscore::io::mat_v73::Source;
use sha2::{Digest, Sha256};

/// The project's own golden files, and the shared ones where they are at hand.
fn golden() -> Vec<PathBuf> {
    let own = common::golden("");
    std::iter::once(own)
        .chain(common::shared("golden"))
        .collect()
}

/// Path, variable and what is expected of each golden `.mat` file.
fn variants() -> Vec<(PathBuf, String, serde_json::Value)> {
    golden().iter().flat_map(|golden| listed(golden)).collect()
}

fn listed(golden: &Path) -> Vec<(PathBuf, String, serde_json::Value)> {
    let text = fs::read_to_string(golden.join("formats/expected.json")).unwrap();
    let expected: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
    let mats = expected
        .into_iter()
        .filter(|(name, _)| name.ends_with(".mat"));
    mats.map(|(name, expected)| {
        let variable = expected["variable"].as_str().unwrap().to_owned();
        (golden.join("formats").join(name), variable, expected)
    })
    .collect()
}

/// SHA-256 of the little-endian bytes in row-major order.
fn digest<T: Copy, const N: usize>(array: &Array<T>, bytes: impl Fn(T) -> [u8; N]) -> String {
    let reversed: Vec<usize> = array.shape.iter().rev().copied().collect();
    let view = ndarray::ArrayViewD::from_shape(reversed, &array.values).unwrap();
    let mut hash = Sha256::new();
    view.t().iter().for_each(|value| hash.update(bytes(*value)));
    hash.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn summary(numeric: &Numeric) -> (Vec<usize>, &'static str, String) {
    match numeric {
        Numeric::F32(a) => (a.shape.clone(), "float32", digest(a, f32::to_le_bytes)),
        Numeric::F64(a) => (a.shape.clone(), "float64", digest(a, f64::to_le_bytes)),
    }
}

#[test]
fn every_golden_variant_has_the_listed_shape_type_and_hash() {
    let variants = variants();
    assert!(variants.len() >= 18, "{} variants", variants.len());
    for (path, variable, expected) in variants {
        let numeric = mat::read(&path, &variable).unwrap();
        let (shape, dtype, hash) = summary(&numeric);
        let name = path.display();
        assert_eq!(serde_json::json!(shape), expected["shape"], "{name}");
        assert_eq!(dtype, expected["dtype"], "{name}");
        assert_eq!(hash, expected["sha256_c_order_le"], "{name}");
        assert_eq!(mat::shape(&path, &variable).unwrap(), shape, "{name}");
        let listed = mat::variables(&path).unwrap();
        assert!(
            listed
                .iter()
                .any(|v| v.name == variable && v.shape == shape),
            "{listed:?}"
        );
    }
}

#[test]
fn every_part_of_every_golden_variant_equals_that_part_of_the_whole() {
    for (path, variable, _) in variants() {
        let whole = mat::read_f32(&path, &variable).unwrap();
        let n = whole.values.len();
        for range in [0..n, 0..0, n / 3..n / 2, n - 1..n, n..n] {
            let (shape, part) = mat::read_range(&path, &variable, range.clone()).unwrap();
            assert_eq!(shape, whole.shape);
            assert_eq!(
                bits(&part),
                bits(&whole.values[range]),
                "{}",
                path.display()
            );
        }
        assert!(mat::read_range(&path, &variable, 0..n + 1).is_err());
    }
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn same(a: &Numeric, b: &Numeric) -> bool {
    summary(a) == summary(b)
}

#[test]
fn plain_reader_agrees_with_the_library_and_covers_the_common_layouts() {
    let mut plain = Vec::new();
    for (path, variable, _) in variants() {
        let input = Input::open(&path).unwrap();
        if input.hdf5_start().is_none() {
            continue;
        }
        let library = Source::open(&path).unwrap().read(&variable);
        let Some(numeric) = hdf5_plain::read(&input, &variable) else {
            library.unwrap();
            continue;
        };
        plain.push(path.file_stem().unwrap().to_str().unwrap().to_owned());
        match library {
            Ok(library) => assert!(same(&numeric, &library), "{}", path.display()),
            // hdf5-pure 0.47 does not know the layouts of HDF5 2.0.
            Err(error) => assert!(error.to_string().contains("h5repack"), "{error}"),
        }
    }
    let mut expected = vec![
        "v73_row",
        "v73_4d",
        "v73_4d_chunked",
        "v73_double",
        "v73_two_variables",
        "v73_matlab_like",
    ];
    if common::shared("golden").is_some() {
        expected.push("v73_4d_old_writer");
    }
    for name in expected {
        assert!(
            plain.iter().any(|found| found == name),
            "{name} is not in {plain:?}"
        );
    }
}

#[test]
fn golden_features_read_as_a_matrix_from_all_formats() {
    for golden in golden() {
        features_read_as_a_matrix(&golden.join("study/data/features/ImageNetTest/synth/ringnet"));
    }
}

fn features_read_as_a_matrix(network: &Path) {
    let mut n_layers = 0;
    for entry in fs::read_dir(network).unwrap() {
        let layer = Layer::open(entry.unwrap().path()).unwrap();
        let features = layer.read(None, &|_| {}).unwrap();
        let n_images = features.labels.len();
        assert!(n_images >= 40);
        let n_units: usize = features.unit_shape.iter().product();
        assert_eq!(features.values.dim(), (n_images, n_units));
        for (label, row) in features.labels.iter().zip(features.values.rows()) {
            let array = mat::read_f32(&layer.path(label), "feat").unwrap();
            assert_eq!(array.shape[1..], features.unit_shape);
            assert_eq!(array.values, row.to_vec());
        }
        n_layers += 1;
    }
    assert_eq!(n_layers, 6);
}

#[test]
fn v5_agrees_with_matfile_where_that_reads() {
    for name in ["v5_row.mat", "v5_4d.mat", "v5_two_variables.mat"] {
        let path = common::golden("formats").join(name);
        let other = matfile::MatFile::parse(fs::File::open(&path).unwrap()).unwrap();
        let other = other.find_by_name("feat").unwrap();
        let matfile::NumericData::Single { real, .. } = other.data() else {
            panic!("{name}")
        };
        let array = mat::read_f32(&path, "feat").unwrap();
        assert_eq!(array.shape, *other.size());
        assert_eq!(array.values, *real);
    }
}

#[test]
fn v5_trees_hold_text_and_numbers() {
    let path = common::golden("formats/v5_two_variables.mat");
    let values = mat_v5::read_all(&path).unwrap();
    assert_eq!(values.len(), 2);
    assert!(
        values
            .iter()
            .any(|(_, value)| matches!(value, Value::Text(_))),
        "{values:?}"
    );
    assert!(
        values
            .iter()
            .any(|(name, value)| name == "feat" && matches!(value, Value::Numeric(_)))
    );
}

/// Written by SciPy 1.16, `savemat(…, do_compression=True)`, of a dict with a struct of a cell
/// (`'ROI_V1'`, `[1.5 NaN]`), an int16 array (`0..6` as 2 × 3) and a struct of text; a logical; and
/// a complex number.
#[test]
fn v5_structs_cells_and_text_are_parsed() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats/data/v5_struct.mat");
    let values = mat_v5::read_all(&path).unwrap();
    let value = |name: &str| &values.iter().find(|(other, _)| other == name).unwrap().1;
    let field = |name: &str| value("metaData").field(name).unwrap();
    let Value::Cell { shape, items } = field("key") else {
        panic!("{values:?}")
    };
    assert_eq!(*shape, [1, 2]);
    assert_eq!(items[0], Value::Text("ROI_V1".to_owned()));
    let Value::Numeric(Numeric::F64(array)) = &items[1] else {
        panic!("{items:?}")
    };
    assert!(array.values[0] == 1.5 && array.values[1].is_nan());
    let expected = Array {
        shape: vec![2, 3],
        values: vec![0.0, 3.0, 1.0, 4.0, 2.0, 5.0],
    };
    assert_eq!(*field("value"), Value::Numeric(Numeric::F64(expected)));
    let nested = field("nested");
    assert_eq!(nested.field("name"), Some(&Value::Text("dé".to_owned())));
    let rows = ["ab", "cde"]
        .map(|row| Value::Text(row.to_owned()))
        .to_vec();
    assert_eq!(
        nested.field("rows"),
        Some(&Value::Cell {
            shape: vec![2, 1],
            items: rows
        })
    );
    let flag = Array {
        shape: vec![1, 2],
        values: vec![1.0, 0.0],
    };
    assert_eq!(*value("flag"), Value::Numeric(Numeric::F64(flag)));
    assert_eq!(*value("z"), Value::Other("complex double".to_owned()));
    let classes: Vec<String> = mat::variables(&path)
        .unwrap()
        .into_iter()
        .map(|variable| variable.class)
        .collect();
    assert_eq!(classes, ["struct", "logical", "complex double"]);
    assert!(
        mat::read(&path, "metaData")
            .unwrap_err()
            .to_string()
            .contains("`struct`")
    );
}

#[test]
fn a_wrong_name_lists_the_variables() {
    for name in ["v73_two_variables.mat", "v5_two_variables.mat"] {
        let path = common::golden("formats").join(name);
        let text = mat::read(&path, "features").unwrap_err().to_string();
        assert!(
            text.contains("no variable `features`") && text.contains("`feat`"),
            "{text}"
        );
    }
}
