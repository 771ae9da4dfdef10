//! Every storage variant of the golden files reads back as what the reference reads; what we write
//! reads back by both of our readers; damaged files give errors, never panics.

// Damaged files must be written as they are.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::print_stderr)]

use std::fs;
use std::path::{Path, PathBuf};

use bhscore::io::atomic::Batch;
use bhscore::io::features::Layer;
use bhscore::io::hdf5::Source;
use bhscore::io::hdf5_plain::{self, Input};
use bhscore::io::mat::{self, Array, Numeric, WeightsWriter};
use bhscore::io::mat_v5::{self, Value};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

/// The shared golden files, or `None` (with a message) where they are not at hand.
fn golden() -> Option<PathBuf> {
    let shared = std::env::var_os("BHSCORE_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"),
        PathBuf::from,
    );
    let golden = shared.join("golden");
    if !golden.exists() {
        eprintln!(
            "skipped: no golden files in {}; set BHSCORE_SHARED",
            shared.display()
        );
        return None;
    }
    Some(golden)
}

/// Name, variable and what is expected of each golden `.mat` file.
fn variants(golden: &Path) -> Vec<(PathBuf, String, serde_json::Value)> {
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
    let Some(golden) = golden() else { return };
    let variants = variants(&golden);
    assert!(variants.len() >= 19, "{} variants", variants.len());
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
    let Some(golden) = golden() else { return };
    for (path, variable, _) in variants(&golden) {
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
    let Some(golden) = golden() else { return };
    let mut plain = Vec::new();
    for (path, variable, _) in variants(&golden) {
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
            // libhdf5 before 2.0 does not know the newest layouts.
            Err(error) => assert!(error.to_string().contains("newer libhdf5"), "{error}"),
        }
    }
    let common = [
        "v73_row",
        "v73_4d",
        "v73_4d_chunked",
        "v73_double",
        "v73_two_variables",
    ];
    for name in common
        .into_iter()
        .chain(["v73_matlab_like", "v73_4d_old_writer"])
    {
        assert!(
            plain.iter().any(|found| found == name),
            "{name} is not in {plain:?}"
        );
    }
}

#[test]
fn golden_features_read_as_a_matrix_from_all_formats() {
    let Some(golden) = golden() else { return };
    let network = golden.join("study/data/features/ImageNetTest/synth/ringnet");
    let mut n_layers = 0;
    for entry in fs::read_dir(network).unwrap() {
        let layer = Layer::open(entry.unwrap().path()).unwrap();
        let features = layer.read(None, &|_| {}).unwrap();
        assert_eq!(features.labels.len(), 50);
        let n_units: usize = features.unit_shape.iter().product();
        assert_eq!(features.values.dim(), (50, n_units));
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
    let Some(golden) = golden() else { return };
    for name in ["v5_row.mat", "v5_4d.mat", "v5_two_variables.mat"] {
        let path = golden.join("formats").join(name);
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
    let Some(golden) = golden() else { return };
    let values = mat_v5::read_all(&golden.join("formats/v5_two_variables.mat")).unwrap();
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

#[test]
fn a_wrong_name_lists_the_variables() {
    let Some(golden) = golden() else { return };
    for name in ["v73_two_variables.mat", "v5_two_variables.mat"] {
        let path = golden.join("formats").join(name);
        let text = mat::read(&path, "features").unwrap_err().to_string();
        assert!(
            text.contains("no variable `features`") && text.contains("`feat`"),
            "{text}"
        );
    }
}

#[test]
fn empty_foreign_and_header_only_files_say_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mat");
    let header_only = &mat::encode_f32("feat", &[1, 3], &[1.0, 2.0, 3.0])[..512];
    let cases: [(&[u8], &str); 3] = [
        (b"", "is empty"),
        (b"hello", "neither"),
        (header_only, "no data"),
    ];
    for (bytes, problem) in cases {
        fs::write(&path, bytes).unwrap();
        let text = mat::read(&path, "feat").unwrap_err().to_string();
        assert!(text.contains(problem) && text.contains("a.mat"), "{text}");
    }
}

#[test]
fn truncated_files_give_errors() {
    let Some(golden) = golden() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.mat");
    for (original, variable, _) in variants(&golden) {
        let bytes = fs::read(&original).unwrap();
        // libhdf5 compares the length with the superblock, MAT v5 ends with the last value.
        let step = if bytes.len() > 1000 { 97 } else { 1 };
        for length in (0..bytes.len()).step_by(step) {
            fs::write(&path, &bytes[..length]).unwrap();
            let result = mat::read(&path, &variable);
            let error = result.expect_err(&format!("{} cut to {length}", original.display()));
            assert!(error.to_string().contains("cut.mat"), "{error}");
            assert!(mat::read_range(&path, &variable, 0..1).is_err());
        }
    }
}

/// Calls `check` with every one of `n_flips` copies of a file that differ in one bit, somewhere in
/// the first 4 KiB of the HDF5 part, and the place of that bit.
fn flip_bits(original: &[u8], n_flips: usize, mut check: impl FnMut(&[u8], usize)) {
    let mut random = 1u64;
    for _ in 0..n_flips {
        // A linear congruential generator (Knuth's MMIX) is enough to choose places.
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let at = 512 + (random >> 33) as usize % (original.len().min(4096) - 512);
        let mut bytes = original.to_vec();
        bytes[at] ^= 1 << ((random >> 20) % 8);
        check(&bytes, at);
    }
}

const PLAIN: [&str; 5] = [
    "v73_row.mat",
    "v73_4d.mat",
    "v73_matlab_like.mat",
    "v73_4d_chunked.mat",
    "v73_new_hdf5_objects.mat",
];

#[test]
fn plain_reader_leaves_damaged_files_to_the_library() {
    let Some(golden) = golden() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flipped.mat");
    for name in PLAIN {
        let original = fs::read(golden.join("formats").join(name)).unwrap();
        let mut n_left = 0;
        flip_bits(&original, 500, |bytes, _| {
            fs::write(&path, bytes).unwrap();
            n_left += usize::from(hdf5_plain::read(&Input::open(&path).unwrap(), "feat").is_none());
        });
        assert!(n_left > 20, "{name}: {n_left} left to the library");
    }
}

/// Ignored because some versions of libhdf5 crash on some damaged files; run by hand with
/// `cargo test --test formats -- --ignored`.
#[test]
#[ignore = "libhdf5 may crash on damaged files"]
fn plain_reader_never_differs_from_the_library_on_damaged_files() {
    let Some(golden) = golden() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flipped.mat");
    let mut n_read = 0;
    for name in PLAIN {
        let original = fs::read(golden.join("formats").join(name)).unwrap();
        flip_bits(&original, 2000, |bytes, at| {
            fs::write(&path, bytes).unwrap();
            let Some(plain) = hdf5_plain::read(&Input::open(&path).unwrap(), "feat") else {
                return;
            };
            n_read += 1;
            if let Ok(library) = Source::open(&path).and_then(|file| file.read("feat")) {
                assert!(same(&plain, &library), "{name}: byte {at} flipped");
            }
        });
    }
    assert!(n_read > 1000, "{n_read} read");
}

#[test]
fn damaged_v5_files_never_panic() {
    let Some(golden) = golden() else { return };
    for (path, variable, _) in variants(&golden) {
        let original = fs::read(&path).unwrap();
        if !mat_v5::is_v5(&original) {
            continue;
        }
        for at in 128..original.len() {
            for bit in 0..8 {
                let mut bytes = original.clone();
                bytes[at] ^= 1 << bit;
                let _ = mat_v5::read(&path, &bytes, &variable);
                let _ = mat_v5::variables(&path, &bytes);
            }
        }
    }
}

/// Shape `(n_voxels, *unit_shape)` and values of which some are zero.
fn weights() -> impl Strategy<Value = (Vec<usize>, Vec<f32>)> {
    let shape = prop::collection::vec(1usize..6, 1..4).prop_flat_map(|unit_shape| {
        (20usize..60).prop_map(move |n_voxels| {
            let mut shape = vec![n_voxels];
            shape.extend(&unit_shape);
            shape
        })
    });
    shape.prop_flat_map(|shape| {
        let n: usize = shape.iter().product();
        let value = prop_oneof![9 => Just(0.0f32), 1 => prop::num::f32::ANY];
        (Just(shape), prop::collection::vec(value, n))
    })
}

fn read_both_ways(path: &Path, variable: &str) -> Numeric {
    let read = mat::read(path, variable).unwrap();
    let library = Source::open(path).unwrap().read(variable).unwrap();
    assert_eq!(summary(&read), summary(&library));
    read
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn dense_arrays_come_back(shape in prop::collection::vec(1usize..7, 0..5), seed in any::<u32>()) {
        let n: usize = shape.iter().product();
        let values: Vec<f64> = (0..n).map(|i| f64::from(seed) / (i + 1) as f64).collect();
        let singles: Vec<f32> = values.iter().map(|&value| value as f32).collect();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.mat");
        fs::write(&path, mat::encode_f64("x_mean", &shape, &values)).unwrap();
        prop_assert_eq!(
            read_both_ways(&path, "x_mean"),
            Numeric::F64(Array { shape: shape.clone(), values })
        );
        fs::write(&path, mat::encode_f32("x_mean", &shape, &singles)).unwrap();
        prop_assert_eq!(
            read_both_ways(&path, "x_mean"),
            Numeric::F32(Array { shape, values: singles })
        );
    }

    #[test]
    fn weights_come_back_dense_or_sparse((shape, values) in weights()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("W.mat");
        fs::write(&path, mat::encode_weights("W", &shape, &values)).unwrap();
        let array = read_both_ways(&path, "W").into_f32();
        prop_assert_eq!(&array.shape, &shape);
        // Equal as numbers: a negative zero is not stored in the sparse form.
        let equal = |(a, b): (&f32, &f32)| a.to_bits() == b.to_bits() || (*a == 0.0 && *b == 0.0);
        prop_assert!(array.values.iter().zip(&values).all(equal));
    }
}

/// Writes `n_selected` weights per unit, in two runs and in the wrong order.
fn stream(path: &Path, n_voxels: usize, unit_shape: &[usize], n_selected: usize) -> Vec<f32> {
    let n_units: usize = unit_shape.iter().product();
    let mut dense = vec![0.0; n_voxels * n_units];
    let (mut selected, mut weights) = (Vec::new(), Vec::new());
    for unit in 0..n_units {
        for i in 0..n_selected {
            let voxel = (unit % 3) + i * (n_voxels - 3) / n_selected;
            let weight = (unit * n_selected + i) as f32 + 0.5;
            dense[unit * n_voxels + voxel] = weight;
            selected.push(voxel as u32);
            weights.push(weight);
        }
    }
    let total = n_units * n_selected;
    let mut writer = WeightsWriter::create(path, n_voxels, unit_shape, total).unwrap();
    let half = n_units / 2 * n_selected;
    writer
        .append(n_units / 2, &selected[half..], &weights[half..], n_selected)
        .unwrap();
    writer
        .append(0, &selected[..half], &weights[..half], n_selected)
        .unwrap();
    let mut batch = Batch::new();
    batch.add_staged(writer.finish().unwrap());
    batch.commit().unwrap();
    dense
}

#[test]
fn streamed_weights_come_back_in_both_forms() {
    let folder = tempfile::tempdir().unwrap();
    for (n_selected, class) in [(50, "single"), (4, "sparse array")] {
        let path = folder.path().join(format!("{n_selected}/W.mat"));
        let values = stream(&path, 200, &[3, 5, 7], n_selected);
        assert_eq!(mat::variables(&path).unwrap()[0].class, class);
        let array = mat::read_f32(&path, "W").unwrap();
        assert_eq!(
            array,
            Array {
                shape: vec![200, 3, 5, 7],
                values: values.clone()
            }
        );
        let (_, unit) = mat::read_range(&path, "W", 77 * 200..78 * 200).unwrap();
        assert_eq!(unit, values[77 * 200..78 * 200]);
    }
}

#[test]
fn streamed_and_encoded_dense_weights_are_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("W.mat");
    let values = stream(&path, 40, &[6], 30);
    assert_eq!(
        fs::read(&path).unwrap(),
        mat::encode_weights("W", &[40, 6], &values)
    );
}

#[test]
fn weights_that_do_not_fit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("W.mat");
    let mut writer = WeightsWriter::create(&path, 10, &[2], 4).unwrap();
    assert!(writer.append(0, &[1, 10], &[1.0, 1.0], 2).is_err());
    assert!(writer.append(1, &[0, 1, 0, 1], &[1.0; 4], 2).is_err());
    writer.append(1, &[0, 1], &[1.0; 2], 2).unwrap();
    assert!(writer.finish().is_err());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
