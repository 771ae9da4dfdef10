//! `bhscore ridge`: FastL2LiR's own test arrays, and what scripts rely on.

use std::fs;
use std::fs::File;
use std::path::Path;

use bhscore::io::mat;
use ndarray::{Array1, Array2, ArrayD, Axis, IxDyn, array};
use ndarray_npy::{NpzReader, ReadableElement, WritableElement, read_npy, write_npy};
use serde_json::Value;

use crate::common;
use crate::env::{Run, TestEnv, program};

/// FastL2LiR's tests compare to 6 decimals.
const DECIMALS: f64 = 1.5e-6;

/// File, penalty, inputs per target as written on the command line, what the solver is called.
const CASES: [(&str, &str, &str, &str); 6] = [
    ("basic", "1", "0", "primal"),
    ("basic", "1", "500", "primal"),
    ("alpha01", "0.1", "0", "primal"),
    ("nfeat", "1", "20", "cholesky+cg"),
    ("wide", "1", "500", "dual"),
    ("chunk", "1", "0", "primal"),
];

#[test]
fn npy_arrays_of_fastl2lir_agree_to_six_decimals() {
    each_case(|arrays, alpha, n_feat, solver| {
        let env = TestEnv::empty();
        let (x, y, test, model, out) = paths(&env, "npy");
        write_npy(&x, &arrays.x).unwrap();
        write_npy(&y, &arrays.y).unwrap();
        write_npy(&test, &arrays.x_test).unwrap();
        let args = [
            "--x", &x, "--y", &y, "--alpha", alpha, "--n-feat", n_feat, "--out", &model,
        ];
        let last = last_line(fit(&args).ok());
        assert_eq!(last["solver"], solver);
        let n_targets: usize = arrays.y.shape()[1..].iter().product();
        assert_eq!(last["n_targets"], n_targets);
        assert!(last["seconds_fit"].as_f64().unwrap() > 0.0);
        let (weights, bias) = (npy(&env, "model/W.npy"), npy(&env, "model/b.npy"));
        close(&weights, &arrays.weights);
        close(&bias, &arrays.bias);
        predict(&["--model", &model, "--x", &test, "--out", &out]).ok();
        close(&npy(&env, "out.npy"), &arrays.predicted);
        env.has("model/record.json").has_no_temporary_files();
    });
}

#[test]
fn matlab_arrays_give_matlab_models_with_the_same_numbers() {
    each_case(|arrays, alpha, n_feat, _| {
        let env = TestEnv::empty();
        let (x, y, test, model, out) = paths(&env, "mat");
        write_mat(&x, "features", &arrays.x);
        write_mat(&y, "voxels", &arrays.y);
        write_mat(&test, "x", &arrays.x_test);
        fit(&[
            "--x", &x, "--x-var", "features", "--y", &y, "--y-var", "voxels", "--alpha", alpha,
            "--n-feat", n_feat, "--out", &model,
        ])
        .ok();
        close(&read_mat(&env, "model/W.mat", "W"), &arrays.weights);
        close(&read_mat(&env, "model/b.mat", "b"), &arrays.bias);
        predict(&["--model", &model, "--x", &test, "--out", &out]).ok();
        close(&read_mat(&env, "out.mat", "y"), &arrays.predicted);
        env.lacks("model/W.npy").has("model/selected.mat");
    });
}

/// Which of two models is meant nobody knows, and one may be another program's.
#[test]
fn a_model_in_the_other_format_is_neither_replaced_nor_read() {
    let (env, (x, inputs), (y, targets)) = random_study(30, 4, &[3]);
    let path = |name: &str| env.path(name).to_str().unwrap().to_owned();
    let (mat_x, mat_y, model, out) = (path("x.mat"), path("y.mat"), path("model"), path("out.npy"));
    write_mat(&mat_x, "x", &inputs);
    write_mat(&mat_y, "y", &targets);
    fit(&["--x", &x, "--y", &y, "--alpha", "1", "--out", &model]).ok();
    let record = fs::read(env.path("model/record.json")).unwrap();
    fit(&[
        "--x", &mat_x, "--y", &mat_y, "--alpha", "2", "--out", &model,
    ])
    .status(2)
    .stderr_contains("holds a model as `W.npy`");
    env.lacks("model/W.mat").has("model/W.npy");
    assert_eq!(fs::read(env.path("model/record.json")).unwrap(), record);
    // As a version before this one left it.
    fs::copy(&mat_x, env.path("model/W.mat")).unwrap();
    predict(&["--model", &model, "--x", &x, "--out", &out])
        .status(2)
        .stderr_contains("has both `W.npy` and `W.mat`");
}

#[test]
fn selected_inputs_are_ordered_by_falling_correlation() {
    let (env, x, y) = random_study(60, 12, &[5]);
    let model = env.path("model").to_str().unwrap().to_owned();
    let run = fit(&["--x", &x.0, "--y", &y.0, "--n-feat", "7", "--out", &model]);
    run.ok();
    let selected: Array2<u32> = read_npy(env.path("model/selected.npy")).unwrap();
    assert_eq!(selected.dim(), (5, 7));
    let weights = npy(&env, "model/W.npy");
    for target in 0..5 {
        let y = y.1.index_axis(Axis(1), target).to_owned();
        let strength: Vec<f64> = (0..12)
            .map(|input| correlation(&x.1.index_axis(Axis(1), input).to_owned(), &y).abs())
            .collect();
        let mut expected: Vec<u32> = (0..12).collect();
        expected.sort_by(|a, b| strength[*b as usize].total_cmp(&strength[*a as usize]));
        assert_eq!(selected.row(target).to_vec(), expected[..7]);
        for (rank, input) in expected.iter().enumerate() {
            assert_eq!(weights[[*input as usize, target]] != 0.0, rank < 7);
        }
    }
}

#[test]
fn single_precision_is_stored_where_asked_for() {
    let (env, x, y) = random_study(30, 6, &[4]);
    for (dtype, folder) in [("f64", "double"), ("f32", "single")] {
        let model = env.path(folder).to_str().unwrap().to_owned();
        fit(&["--x", &x.0, "--y", &y.0, "--dtype", dtype, "--out", &model]).ok();
    }
    let (double, single) = (
        npy(&env, "double/W.npy"),
        typed::<f32>(&env, "single/W.npy"),
    );
    assert_eq!(single, double.mapv(|value| value as f32));
    assert_eq!(typed::<f32>(&env, "single/b.npy").shape(), [1, 4]);
    let (model, out) = (env.path("single"), env.path("out.npy"));
    predict(&[
        "--model",
        model.to_str().unwrap(),
        "--x",
        &x.0,
        "--out",
        out.to_str().unwrap(),
    ])
    .ok();
    assert_eq!(npy(&env, "out.npy").shape(), [30, 4]);
}

#[test]
fn targets_keep_their_axes() {
    for axes in [&[] as &[usize], &[1], &[2, 3], &[2, 3, 2]] {
        let (env, x, y) = random_study(20, 5, axes);
        let model = env.path("model").to_str().unwrap().to_owned();
        fit(&["--x", &x.0, "--y", &y.0, "--n-feat", "3", "--out", &model]).ok();
        let shape = |first: usize| -> Vec<usize> { [&[first], axes].concat() };
        assert_eq!(npy(&env, "model/W.npy").shape(), shape(5));
        assert_eq!(npy(&env, "model/b.npy").shape(), shape(1));
        let out = env.path("out.npy").to_str().unwrap().to_owned();
        predict(&["--model", &model, "--x", &x.0, "--out", &out]).ok();
        assert_eq!(npy(&env, "out.npy").shape(), shape(20));
    }
}

/// Integers, single precision and column-major files are read for what they mean.
#[test]
fn numbers_of_every_type_and_order_are_read() {
    let env = TestEnv::empty();
    let values = Array2::from_shape_fn((12, 3), |(row, column)| {
        ((7 * row + 3 * column) % 11) as i32
    });
    let y = env.path("y.npy").to_str().unwrap().to_owned();
    write_npy(&y, &values.column(0).mapv(f64::from)).unwrap();
    let double = values.mapv(f64::from);
    let mut by_columns = Array2::zeros(ndarray::ShapeBuilder::f((12, 3)));
    by_columns.assign(&double);
    save(&env, "double.npy", &double);
    save(&env, "columns.npy", &by_columns);
    save(&env, "single.npy", &values.mapv(|value| value as f32));
    save(&env, "int.npy", &values);
    save(&env, "long.npy", &values.mapv(i64::from));
    save(&env, "byte.npy", &values.mapv(|value| value as u8));
    let weights = |name: &str| {
        let (x, out) = (env.path(format!("{name}.npy")), env.path(name));
        fit(&[
            "--x",
            x.to_str().unwrap(),
            "--y",
            &y,
            "--out",
            out.to_str().unwrap(),
        ])
        .ok();
        fs::read(out.join("W.npy")).unwrap()
    };
    let expected = weights("double");
    for name in ["columns", "single", "int", "long", "byte"] {
        assert!(weights(name) == expected, "{name}");
    }
}

#[test]
fn undefined_inputs_are_refused_with_their_place() {
    for (value, word) in [(f64::NAN, "NaN"), (f64::INFINITY, "inf")] {
        let (env, mut x, y) = random_study(20, 5, &[2]);
        x.1[[7, 3]] = value;
        write_npy(&x.0, &x.1).unwrap();
        let out = env.path("model").to_str().unwrap().to_owned();
        fit(&["--x", &x.0, "--y", &y.0, "--out", &out])
            .status(2)
            .stderr_contains("x.npy")
            .stderr_contains(&format!("{word} at sample 7, input 3"))
            .stderr_contains("remove the sample or the input");
        env.lacks("model").has_no_temporary_files();
    }
}

#[test]
fn inputs_too_small_to_be_selected_are_told() {
    let (env, mut x, y) = random_study(20, 6, &[3]);
    let model = env.path("model").to_str().unwrap().to_owned();
    let args = ["--x", &x.0, "--y", &y.0, "--n-feat", "5", "--out", &model];
    let run = fit(&args);
    assert!(!run.ok().stderr.contains("can be selected"));
    for input in 0..2 {
        x.1.index_axis_mut(Axis(1), input)
            .mapv_inplace(|value| value * 1e-5);
    }
    write_npy(&x.0, &x.1).unwrap();
    fit(&args)
        .ok()
        .stderr_contains("only 4 of 6 inputs can be selected");
}

#[test]
fn an_undefined_target_spoils_only_itself() {
    let (env, x, mut y) = random_study(20, 5, &[3]);
    let clean = env.path("clean").to_str().unwrap().to_owned();
    fit(&["--x", &x.0, "--y", &y.0, "--n-feat", "2", "--out", &clean]).ok();
    y.1[[4, 1]] = f64::NAN;
    write_npy(&y.0, &y.1).unwrap();
    let model = env.path("model").to_str().unwrap().to_owned();
    fit(&["--x", &x.0, "--y", &y.0, "--n-feat", "2", "--out", &model])
        .ok()
        .stderr_contains("1 targets hold NaN");
    let (clean, found) = (npy(&env, "clean/W.npy"), npy(&env, "model/W.npy"));
    for target in [0, 2] {
        let column = |array: &ArrayD<f64>| array.index_axis(Axis(1), target).to_owned();
        // Rows of the targets no longer repeat alike, but the sums are the same.
        close(&column(&found), &column(&clean));
    }
    assert!(
        found
            .index_axis(Axis(1), 1)
            .iter()
            .all(|weight| *weight == 0.0)
    );
}

#[test]
fn what_does_not_fit_is_refused_with_both_names() {
    let (env, x, y) = random_study(20, 5, &[2]);
    let path = |name: &str| env.path(name).to_str().unwrap().to_owned();
    let (short, scalar, cut, text) = (
        path("short.npy"),
        path("scalar.npy"),
        path("cut.npy"),
        path("x.txt"),
    );
    write_npy(&short, &y.1.slice_axis(Axis(0), (0..19).into())).unwrap();
    write_npy(&scalar, &ArrayD::from_elem(IxDyn(&[]), 1.0)).unwrap();
    fs::write(&cut, &fs::read(&x.0).unwrap()[..300]).unwrap();
    fs::write(&text, "1 2 3").unwrap();
    let model = path("model");
    let refused = |x: &str, y: &str, texts: &[&str]| {
        let run = fit(&["--x", x, "--y", y, "--out", &model]);
        run.status(2);
        texts.iter().for_each(|text| {
            run.stderr_contains(text);
        });
    };
    refused(&x.0, &short, &["x.npy", "short.npy", "20 and 19 samples"]);
    refused(&x.0, &scalar, &["scalar.npy", "one row per sample"]);
    refused(&scalar, &y.0, &["scalar.npy", "one row per sample"]);
    refused(&cut, &y.0, &["cut.npy", "numpy.save"]);
    refused(&text, &y.0, &["x.txt", ".npy", ".mat"]);
    refused(&path("none.npy"), &y.0, &["none.npy", "check the path"]);
    fit(&["--x", &x.0, "--y", &y.0, "--alpha", "0", "--out", &model])
        .status(2)
        .stderr_contains("--alpha");
    env.lacks("model");
    fit(&["--x", &x.0, "--y", &y.0, "--out", &model]).ok();
    let other = path("other.npy");
    write_npy(&other, &array![[1.0, 2.0, 3.0]]).unwrap();
    predict(&["--model", &model, "--x", &other, "--out", &path("out.npy")])
        .status(2)
        .stderr_contains("has 3 inputs, the model expects 5");
    predict(&[
        "--model",
        env.root().to_str().unwrap(),
        "--x",
        &x.0,
        "--out",
        &path("out.npy"),
    ])
    .status(2)
    .stderr_contains("ridge fit");
}

#[test]
fn variables_that_a_file_lacks_are_named() {
    let env = TestEnv::empty();
    let (x, _, _, model, _) = paths(&env, "mat");
    write_mat(&x, "features", &ArrayD::ones(vec![4, 2]));
    fit(&["--x", &x, "--y", &x, "--y-var", "features", "--out", &model])
        .status(2)
        .stderr_contains("x.mat")
        .stderr_contains("`x`")
        .stderr_contains("`features`");
    fs::write(&x, "").unwrap();
    let args = [
        "--x", &x, "--x-var", "features", "--y", &x, "--y-var", "features", "--out", &model,
    ];
    fit(&args).status(2).stderr_contains("x.mat");
    env.lacks("model");
}

/// Arrays of one of FastL2LiR's tests.
struct Arrays {
    x: ArrayD<f64>,
    y: ArrayD<f64>,
    x_test: ArrayD<f64>,
    weights: ArrayD<f64>,
    bias: ArrayD<f64>,
    predicted: ArrayD<f64>,
}

fn each_case(check: impl Fn(&Arrays, &str, &str, &str)) {
    let Some(folder) = common::shared("fixtures/fastl2lir") else {
        return;
    };
    for (name, alpha, n_feat, solver) in CASES {
        let path = folder.join(format!("testdata_{name}.npz"));
        for axes in ["1d", "2d"] {
            // The arrays with one axis of targets are stale in FastL2LiR, too.
            if (name, axes) == ("chunk", "1d") {
                continue;
            }
            let mut file = NpzReader::new(File::open(&path).unwrap()).unwrap();
            let mut get = |name: &str| -> ArrayD<f64> { file.by_name(name).unwrap() };
            let arrays = Arrays {
                x: get("x_tr"),
                y: get(&format!("y_{axes}")),
                x_test: get("x_te"),
                weights: get(&format!("w_{axes}")),
                bias: get(&format!("b_{axes}")),
                predicted: get(&format!("yp_{axes}")),
            };
            check(&arrays, alpha, n_feat, solver);
        }
    }
}

fn fit(args: &[&str]) -> Run {
    let mut command = program();
    command.args(["ridge", "fit", "--json"]).args(args);
    Run::of(command)
}

fn predict(args: &[&str]) -> Run {
    let mut command = program();
    command.args(["ridge", "predict"]).args(args);
    Run::of(command)
}

fn last_line(run: &Run) -> Value {
    serde_json::from_str(run.stdout.lines().last().unwrap()).unwrap()
}

/// Inputs, targets, test inputs, model and predictions.
fn paths(env: &TestEnv, end: &str) -> (String, String, String, String, String) {
    let path = |name: String| env.path(name).to_str().unwrap().to_owned();
    let file = |name: &str| path(format!("{name}.{end}"));
    (
        file("x"),
        file("y"),
        file("test"),
        path("model".to_owned()),
        file("out"),
    )
}

type Saved = (String, ArrayD<f64>);

/// Inputs and targets without structure, the same in every run, as `x.npy` and `y.npy`.
fn random_study(n_samples: usize, n_inputs: usize, axes: &[usize]) -> (TestEnv, Saved, Saved) {
    let mut state = 1u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / f64::from(1u32 << 31) - 0.5
    };
    let env = TestEnv::empty();
    let mut saved = |name: &str, shape: &[usize]| {
        let path = env.path(name).to_str().unwrap().to_owned();
        let array = ArrayD::from_shape_simple_fn(IxDyn(shape), &mut next);
        write_npy(&path, &array).unwrap();
        (path, array)
    };
    let x = saved("x.npy", &[n_samples, n_inputs]);
    let y = saved("y.npy", &[&[n_samples], axes].concat());
    (env, x, y)
}

fn save<T: WritableElement>(env: &TestEnv, name: &str, array: &Array2<T>) {
    write_npy(env.path(name), array).unwrap();
}

fn npy(env: &TestEnv, name: &str) -> ArrayD<f64> {
    typed(env, name)
}

fn typed<T: ReadableElement>(env: &TestEnv, name: &str) -> ArrayD<T> {
    read_npy(env.path(name)).unwrap()
}

fn write_mat(path: &str, variable: &str, array: &ArrayD<f64>) {
    let column_major: Vec<f64> = array.t().iter().copied().collect();
    fs::write(
        Path::new(path),
        mat::encode_f64(variable, array.shape(), &column_major),
    )
    .unwrap();
}

fn read_mat(env: &TestEnv, name: &str, variable: &str) -> ArrayD<f64> {
    let array = mat::read_f64(&env.path(name), variable).unwrap();
    ArrayD::from_shape_vec(ndarray::ShapeBuilder::f(array.shape), array.values).unwrap()
}

#[track_caller]
fn close<D: ndarray::Dimension>(found: &ndarray::Array<f64, D>, expected: &ndarray::Array<f64, D>) {
    assert_eq!(found.shape(), expected.shape());
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() <= DECIMALS, "{a} and {b}");
    }
}

fn correlation<D: ndarray::Dimension>(
    x: &ndarray::Array<f64, D>,
    y: &ndarray::Array<f64, D>,
) -> f64 {
    let centre = |values: &ndarray::Array<f64, D>| -> Array1<f64> {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        values.iter().map(|value| value - mean).collect()
    };
    let (x, y) = (centre(x), centre(y));
    x.dot(&y) / (x.dot(&x) * y.dot(&y)).sqrt()
}
