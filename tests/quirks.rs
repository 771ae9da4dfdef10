//! Where the original does something odd: what it does, and what is done here, side by side. Each test is that of a
//! row of `docs/compared.md`; those of the program are in `tests/cli/quirks.rs`.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "tests may"
)]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use bhscore::bh::{
    self, DecodingAccuracies, EncodingAccuracies, EncodingOptions, LayerSampling, ScoreOptions,
};
use bhscore::io::bdata::{BData, Label, Table, write};
use bhscore::io::mat;
use bhscore::ridge::{self, Inputs, Params};
use bhscore::stats::correlation;
use bhscore::stats::legacy_random::LegacyRandom;
use bhscore::study::Behaviour;
use bhscore::study::scale::Scale;
use hdf5::types::VarLenUnicode;
use ndarray::{Array2, ArrayD, ArrayView2, Axis, array};
use serde_json::Value;
use tempfile::TempDir;

// ------------------------------------------------------------------ A: score

/// Six layers and two ROIs, `n_voxels` in one and 10 in the other, without order.
fn encoding(n_voxels: usize) -> EncodingAccuracies {
    let mut random = LegacyRandom::seed(5);
    let mut roi = |n: usize| Some((0..n).map(|_| random.random_sample() as f32).collect());
    let values = (0..6).map(|_| vec![vec![roi(n_voxels), roi(10)]]).collect();
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    EncodingAccuracies::new(
        names(&["1", "2", "3", "4", "5", "6"]),
        names(&["subject"]),
        names(&["V1", "V2"]),
        values,
        Some(50),
    )
}

/// A12.
#[test]
fn of_more_than_a_thousand_voxels_those_of_numpys_permutation_are_taken_or_all() {
    let expected = LegacyRandom::seed(0).permutation(2000);
    assert_eq!(expected[..3], [405, 1190, 1132]);
    let (exactly, more) = (encoding(1000), encoding(2000));
    let limited = |input: &EncodingAccuracies, limit| {
        let limited = input.limited(limit).unwrap();
        limited.positions(0, 0).map(<[usize]>::to_vec)
    };
    assert_eq!(limited(&more, Some(1000)).unwrap(), expected[..1000]);
    assert_eq!(limited(&exactly, Some(1000)), None);
    let n_items = |voxel_limit| {
        let options = EncodingOptions {
            voxel_limit,
            ..Default::default()
        };
        let score = bh::encoding_score(&more, &options).unwrap();
        (score.pooled.n_items, score.n_voxels)
    };
    assert_eq!(EncodingOptions::default().voxel_limit, Some(1000));
    assert_eq!(n_items(Some(1000)), (1010, 2010));
    assert_eq!(n_items(None), (2010, 2010));
}

/// A13. In the original the draw of voxels seeds the draw of layers, if it comes before.
#[test]
fn drawing_voxels_seeds_nothing_else() {
    let layer = |layer: usize| {
        let roi = |roi: usize| {
            let r = |unit: usize| 0.4 + 0.01 * ((layer * unit + 3 * roi) % 7) as f32;
            Some((0..40).map(r).collect())
        };
        vec![(0..3).map(roi).collect()]
    };
    let input = DecodingAccuracies {
        layers: (0..9).map(|layer| layer.to_string()).collect(),
        subjects: vec!["subject".to_owned()],
        rois: ["V1", "V2", "V3"].map(str::to_owned).to_vec(),
        values: (0..9).map(layer).collect(),
        n_test: Some(50),
    };
    let decoding = |seed| {
        let options = ScoreOptions {
            sampling: LayerSampling::Random { draws: 7, seed },
            ..Default::default()
        };
        let score = bh::decoding_score(&input, &options).unwrap();
        score.pooled.published.score.unwrap()
    };
    let before = decoding(3);
    let voxels = bh::encoding_score(&encoding(2000), &EncodingOptions::default()).unwrap();
    assert_eq!(decoding(3), before);
    let again = bh::encoding_score(&encoding(2000), &EncodingOptions::default()).unwrap();
    assert_eq!(voxels, again);
    // The seed is what decides.
    assert_ne!(decoding(4), before);
}

// ------------------------------------------------------------------ B: fit

/// Standard normal numbers.
fn normal(rows: usize, columns: usize, seed: u32) -> Array2<f64> {
    let mut random = LegacyRandom::seed(seed);
    Array2::from_shape_simple_fn((rows, columns), || random.standard_normal())
}

fn fit(x: ArrayView2<f64>, y: ArrayView2<f64>, alpha: f64, n_selected: usize) -> ridge::Model {
    let rows: Vec<usize> = (0..x.nrows()).collect();
    let params = Params {
        alpha,
        n_selected,
        force_f64: true,
    };
    let inputs = Inputs::new(x, &rows, x.nrows(), &params);
    ridge::fit(&inputs, y).unwrap()
}

/// B1. With the textbook's free bias it would be the mean of the target.
#[test]
fn the_bias_is_penalised_like_a_weight() {
    let (n, alpha, mean) = (120, 100.0, 2.9999);
    let mut x = normal(n, 5, 1);
    let mut y = normal(n, 1, 2);
    for mut column in x.columns_mut().into_iter().chain(y.columns_mut()) {
        let mean = column.mean().unwrap();
        column -= mean;
    }
    for shift in [0.0, mean] {
        let shifted = &y + shift;
        let bias = fit(x.view(), shifted.view(), alpha, 0).bias[0];
        let expected = shift * n as f64 / (n as f64 + alpha);
        assert!((bias - expected).abs() < 1e-12, "{bias} and {expected}");
        // Rounded as in the text.
        assert!(shift == 0.0 || (bias - 1.6363).abs() < 5e-5);
    }
}

/// B5. On one processor NumPy's order of 40 equal keys ends with 39, 38, … 30, on another with 39, 38, 17, … 10.
#[test]
fn of_equal_correlations_the_lower_index_wins_and_predictions_are_the_same() {
    let (one, y) = (normal(30, 1, 3), normal(30, 2, 4));
    let x = Array2::from_shape_fn((30, 40), |(row, _)| one[[row, 0]]);
    let here = fit(x.view(), y.view(), 100.0, 10);
    for target in 0..2 {
        let first: Vec<u32> = (0..10).collect();
        assert_eq!(here.selected.row(target).to_vec(), first);
    }
    for original in [
        (30..40).collect::<Vec<usize>>(),
        [(10..18).collect::<Vec<_>>(), vec![38, 39]].concat(),
    ] {
        let theirs = fit(x.select(Axis(1), &original).view(), y.view(), 100.0, 0);
        let predicted = theirs.predict(x.select(Axis(1), &original).view());
        let difference = predicted - here.predict(x.view());
        assert!(difference.iter().all(|d| d.abs() < 1e-12));
    }
}

/// B6. What the original makes of it is in `fit_vectors.json`.
#[test]
fn an_undefined_input_comes_first_in_the_original_and_never_here() {
    let text = fs::read_to_string(common::golden("vectors/fit_vectors.json")).unwrap();
    let vectors: Value = serde_json::from_str(&text).unwrap();
    let mut cases = vectors["cases"].as_array().unwrap().iter();
    let case = cases.find(|case| case["name"] == "nan_input").unwrap();
    let matrix = |name: &str| {
        let values = case[name].as_array().unwrap().iter();
        let values = values.map(|value| value.as_f64().unwrap_or(f64::NAN));
        let shape = &case[format!("{}_shape", name.to_lowercase())];
        let shape = [0, 1].map(|axis| shape[axis].as_u64().unwrap() as usize);
        Array2::from_shape_vec(shape, values.collect()).unwrap()
    };
    let (x, y, original) = (matrix("x"), matrix("y"), matrix("W"));
    let bad = x.columns().into_iter().map(|column| column.sum().is_nan());
    let bad: Vec<usize> = bad
        .enumerate()
        .filter_map(|(at, bad)| bad.then_some(at))
        .collect();
    assert_eq!(bad, [5]);
    for target in original.columns() {
        assert!(target.iter().filter(|weight| weight.is_nan()).count() == 6);
    }
    // As the stages prepare inputs.
    let rows: Vec<usize> = (0..x.nrows()).collect();
    let scale = Scale::measure(x.view(), Behaviour::Corrected);
    let z = scale.apply(x.view(), &rows, Behaviour::Corrected);
    let model = fit(z.view(), y.view(), 100.0, 6);
    assert!(
        model
            .weights
            .iter()
            .chain(&model.bias)
            .all(|weight| weight.is_finite())
    );
    assert!(model.selected.iter().all(|input| *input != 5));
    let compat = Scale::measure(x.view(), Behaviour::Compat);
    let z = compat.apply(x.view(), &rows, Behaviour::Compat);
    assert!(z.column(5).iter().all(|value| value.is_nan()));
}

/// B7. The original's `FastL2LiR` gives inputs below this variance a correlation of 0.
#[test]
fn inputs_that_hardly_vary_are_not_selected_but_used_where_all_are() {
    let (mut x, y) = (normal(30, 6, 5), normal(30, 1, 6));
    let deviation = |x: &Array2<f64>| x.column(2).var(0.0).sqrt();
    for (variance, selected) in [(0.99e-8, false), (1.01e-8, true)] {
        // The target itself, but for its size.
        let factor = f64::sqrt(variance);
        x.column_mut(2).assign(&y.column(0));
        let scale = factor / deviation(&x);
        x.column_mut(2).mapv_inplace(|value| value * scale);
        let some = fit(x.view(), y.view(), 1.0, 3);
        let found = some.selected.row(0).iter().any(|input| *input == 2);
        assert_eq!(found, selected, "{variance}");
        let all = fit(x.view(), y.view(), 1.0, 6);
        assert_eq!(all.selected.ncols(), 6);
        assert!(all.dense_weights()[[0, 2]] != 0.0);
    }
}

// ------------------------------------------------------------------ C: prediction and accuracy

/// C5. As `numpy.corrcoef`, whatever the constant; sums of such values are not exact.
#[test]
fn a_constant_has_no_correlation_whatever_its_value() {
    let varies = normal(50, 5, 7);
    let constants = [0.0_f32, 0.5, 0.37, 1.1, 3.3e-5];
    let constant = Array2::from_shape_fn((50, 5), |(_, column)| constants[column]);
    let truth = correlation::columns(varies.view(), constant.view());
    assert!(truth.iter().all(|r| r.is_nan()), "{truth}");
    let prediction = correlation::columns(constant.view(), varies.view());
    assert!(prediction.iter().all(|r| r.is_nan()), "{prediction}");
}

// ------------------------------------------------------------------ E: files

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// E1 and E3.
#[test]
fn axes_are_reversed_on_disk_behind_a_user_block_and_matlab_class_says_so() {
    let folder = folder();
    let path = folder.path().join("feat.mat");
    // 1 × 2 × 3 × 4 by rows: `a[0, c, h, w] = 100 c + 10 h + w`.
    let a = ArrayD::from_shape_fn(vec![1, 2, 3, 4], |at| {
        (100 * at[1] + 10 * at[2] + at[3]) as f32
    });
    let values: Vec<f32> = a.iter().copied().collect();
    fs::write(&path, mat::encode_f32_rows("feat", &[1, 2, 3, 4], &values)).unwrap();
    let bytes = fs::read(&path).unwrap();
    assert!(bytes.starts_with(b"MATLAB 7.3 MAT-file"));
    // The signature, then the version of the superblock.
    assert_eq!(bytes[512..521], *b"\x89HDF\r\n\x1a\n\0");
    for path in [path.as_path(), &common::golden("formats/v73_4d.mat")] {
        let file = hdf5::File::open(path).unwrap();
        let dataset = file.dataset("feat").unwrap();
        assert_eq!(dataset.shape(), [4, 3, 2, 1]);
        let attributes: BTreeSet<String> = dataset.attr_names().unwrap().into_iter().collect();
        for name in [
            "MATLAB_class",
            "Python.Shape",
            "Python.Type",
            "Python.numpy.Container",
        ] {
            assert!(attributes.contains(name), "{name} of {attributes:?}");
        }
        let raw: ArrayD<f32> = dataset.read_dyn().unwrap();
        let read = mat::read_f32(path, "feat").unwrap();
        assert_eq!(read.shape, [1, 2, 3, 4]);
        let by_columns: Vec<f32> = raw.iter().copied().collect();
        assert_eq!(read.values, by_columns);
    }
    let raw: ArrayD<f32> = hdf5::File::open(&path)
        .unwrap()
        .dataset("feat")
        .unwrap()
        .read_dyn()
        .unwrap();
    assert_eq!(raw[[3, 2, 1, 0]], a[[0, 1, 2, 3]]);
    // A file of plain HDF5 means is taken as it stands: a row of 17 that was stored by hand as 17 × 1 is a column.
    let path = folder.path().join("plain.mat");
    let file = hdf5::File::create(&path).unwrap();
    let column = Array2::from_shape_fn((17, 1), |(row, _)| row as f32);
    file.new_dataset_builder()
        .with_data(&column)
        .create("feat")
        .unwrap();
    file.close().unwrap();
    assert_eq!(mat::read_f32(&path, "feat").unwrap().shape, [17, 1]);
}

/// E2. hdf5storage writes in chunks from 16,384 bytes on; here no size is.
#[test]
fn arrays_of_any_size_are_written_in_one_piece_and_read_from_chunks() {
    let folder = folder();
    let path = folder.path().join("feat.mat");
    for n in [4095, 4096, 100_000] {
        fs::write(&path, mat::encode_f32("feat", &[1, n], &vec![0.5; n])).unwrap();
        let file = hdf5::File::open(&path).unwrap();
        assert!(!file.dataset("feat").unwrap().is_chunked(), "{n}");
    }
    let theirs = common::golden("formats/v73_4d_chunked.mat");
    let dataset = hdf5::File::open(&theirs).unwrap().dataset("feat").unwrap();
    assert!(dataset.is_chunked());
    assert_eq!(
        mat::read_f32(&theirs, "feat").unwrap().shape,
        [1, 5, 29, 31]
    );
}

/// 400 × 3 × 5 weights, of which 30 are not zero, and one is NaN.
fn sparse_weights(path: &Path) -> Vec<f32> {
    let mut values = vec![0.0_f32; 400 * 3 * 5];
    values
        .iter_mut()
        .step_by(200)
        .zip(1..)
        .for_each(|(value, number)| *value = number as f32);
    values[200] = f32::NAN;
    fs::write(path, mat::encode_weights("W", &[400, 3, 5], &values)).unwrap();
    values
}

/// E4, E5 and E8.
#[test]
fn sparse_weights_have_the_layout_of_bdpy_and_keep_their_nan() {
    let folder = folder();
    let path = folder.path().join("W.mat");
    let values = sparse_weights(&path);
    for path in [path.as_path(), &common::golden("formats/sparse_3d.mat")] {
        let file = hdf5::File::open(path).unwrap();
        let group = file.group("W").unwrap();
        let members: BTreeSet<String> = group.member_names().unwrap().into_iter().collect();
        let expected = [
            "__bdpy_sparse_arrray",
            "background",
            "index",
            "shape",
            "value",
        ];
        assert!(members.iter().eq(expected), "{members:?}");
        let has = |attributes: Vec<String>, wanted: &[&str]| {
            wanted
                .iter()
                .all(|name| attributes.iter().any(|found| found == name))
        };
        assert!(has(
            group.attr_names().unwrap(),
            &["MATLAB_class", "Python.Type"]
        ));
        for name in ["background", "index", "shape"] {
            let attributes = group.dataset(name).unwrap().attr_names().unwrap();
            assert!(has(attributes, &["Python.Shape"]), "{name}");
        }
        let targets = file.group("#refs#").unwrap();
        for name in targets.member_names().unwrap() {
            let Ok(target) = targets.dataset(&name) else {
                continue;
            };
            let attributes = target.attr_names().unwrap();
            // hdf5storage keeps an empty array there that nothing refers to.
            if !has(attributes.clone(), &["MATLAB_empty"]) {
                let wanted = ["Python.Shape", "Python.Type", "Python.numpy.UnderlyingType"];
                assert!(has(attributes, &wanted), "{name}");
            }
        }
    }
    let read = mat::read_f32(&path, "W").unwrap();
    assert_eq!(read.shape, [400, 3, 5]);
    let bits = |values: &[f32]| {
        values
            .iter()
            .map(|value| value.to_bits())
            .collect::<Vec<_>>()
    };
    assert_eq!(bits(&read.values), bits(&values));
    let zero = mat::read_f32(&common::golden("formats/sparse_all_zero.mat"), "W").unwrap();
    assert!(zero.shape == [4, 3] && zero.values.iter().all(|value| *value == 0.0));
}

/// E6. hdf5storage 0.1 names what cells refer to at random.
#[test]
fn references_are_followed_whatever_their_targets_are_called() {
    let folder = folder();
    let path = folder.path().join("old.mat");
    let current = common::golden("formats/sparse_3d.mat");
    fs::copy(&current, &path).unwrap();
    let file = hdf5::File::open_rw(&path).unwrap();
    let targets = file.group("#refs#").unwrap();
    let names = targets.member_names().unwrap();
    assert!(names.len() >= 6, "{names:?}");
    for (number, name) in names.iter().rev().enumerate() {
        targets
            .relink(
                name,
                &format!("{:08x}", 0x9e37_79b9_u32.wrapping_mul(number as u32 + 1)),
            )
            .unwrap();
    }
    drop(targets);
    file.close().unwrap();
    assert_eq!(
        mat::read_f32(&path, "W").unwrap(),
        mat::read_f32(&current, "W").unwrap()
    );
}

/// E7.
#[test]
fn sparse_weights_without_attributes_are_the_same_weights() {
    let [plain, cells] = ["plain", "3d"].map(|name| {
        let path = common::golden(&format!("formats/sparse_{name}.mat"));
        mat::read_f32(&path, "W").unwrap()
    });
    assert_eq!(plain, cells);
}

/// E9. bdpy's `load_array` refuses a user block of zeros.
#[test]
fn user_blocks_may_hold_anything_or_be_left_out() {
    let folder = folder();
    let path = folder.path().join("feat.mat");
    let mut bytes = mat::encode_f32("feat", &[1, 3], &[1.0, 2.0, 3.0]);
    bytes[..512].fill(0);
    fs::write(&path, bytes).unwrap();
    assert_eq!(
        mat::read_f32(&path, "feat").unwrap().values,
        [1.0, 2.0, 3.0]
    );
    let bare = folder.path().join("bare.mat");
    let file = hdf5::File::create(&bare).unwrap();
    file.new_dataset_builder()
        .with_data(&array![[1.0_f32, 2.0, 3.0]])
        .create("feat")
        .unwrap();
    file.close().unwrap();
    let read = mat::read_f32(&bare, "feat").unwrap();
    assert_eq!((read.shape, read.values), (vec![1, 3], vec![1.0, 2.0, 3.0]));
}

/// E11. bdpy keeps the scripts that called it in the file.
#[test]
fn the_header_of_brain_data_is_passed_over_and_not_written() {
    let folder = folder();
    let theirs = common::golden("bdata/bdpy.h5");
    let without = BData::read(&theirs).unwrap();
    let copy = folder.path().join("with.h5");
    fs::copy(&theirs, &copy).unwrap();
    let file = hdf5::File::open_rw(&copy).unwrap();
    let header = file.create_group("header").unwrap();
    for (name, text) in [("callstack", "make.py"), ("callstack_code", "import bdpy")] {
        let text: VarLenUnicode = text.parse().unwrap();
        let dataset = header.new_dataset::<VarLenUnicode>().create(name).unwrap();
        dataset.write_scalar(&text).unwrap();
    }
    file.close().unwrap();
    let with = BData::read(&copy).unwrap();
    assert_eq!(with.keys(), without.keys());
    let numbers = |table: &BData| table.numbers("image_index").unwrap();
    let bits = |table: &BData| {
        numbers(table)
            .iter()
            .map(|n| n.to_bits())
            .collect::<Vec<_>>()
    };
    assert_eq!(bits(&with), bits(&without));
    let path = folder.path().join("ours.h5");
    let voxels = array![[0.5, 1.5]];
    let table = Table {
        voxels: voxels.view(),
        rois: vec![("ROI_V1".to_owned(), vec![true, false])],
        labels: vec![Label {
            key: "image_index".to_owned(),
            values: vec![1.0],
            names: vec![],
        }],
    };
    write(&path, &table).unwrap();
    assert!(!hdf5::File::open(&path).unwrap().link_exists("header"));
}
