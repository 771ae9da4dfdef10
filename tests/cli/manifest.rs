//! `score --model model.toml --benchmark bench.toml`: the numbers of `extract` and `score` by hand, committed layers,
//! features without a network, mistakes.

use std::fs;

use serde_json::Value;

use crate::env::{Run, TestEnv};
use crate::extract::model as fixture;
use crate::score::{FILES, files, scores};

const MODEL: &str = r#"
[model]
id = "cnn"
kind = "base"
[source]
onnx = "named.onnx"
[input]
resize = "bicubic-square"
visual_degrees = 8
[[layers]]
name = "features.0"
depth = 1
[[layers]]
name = "late/layer"
tensor = "features.4"
depth = 2
[commit]
IT = "features.0"
"#;

const BENCHMARK: &str = r#"
[benchmark]
id = "Made2026"
version = 2
bibtex = "@misc{Made2026, title = {Made up}}"
[stimuli]
images = "../images"
visual_degrees = 4
[recordings]
files = ["../monkey"]
regions = ["V4", "IT"]
[metric]
name = "ridge"
n_splits = 3
"#;

/// Recordings of two regions, the pictures that they are of, a model in `models/cnn`, and the benchmark.
fn study() -> TestEnv {
    let env = files();
    for folder in ["images", "models/cnn", "benchmarks"] {
        fs::create_dir_all(env.path(folder)).unwrap();
    }
    for image in 0..40_usize {
        let mut picture = b"P6\n20 20\n255\n".to_vec();
        let value = |at: usize| (at * at * (3 + image) / 7 + image * 29) as u8;
        picture.extend((0..20 * 20 * 3).map(value));
        fs::write(env.path(format!("images/im{image:02}.ppm")), picture).unwrap();
    }
    // No recordings are of it.
    fs::write(env.path("images/other.ppm"), "P6\n1 1\n255\nabc").unwrap();
    fs::copy(fixture("named.onnx"), env.path("models/cnn/named.onnx")).unwrap();
    fs::write(env.path("models/cnn/model.toml"), MODEL).unwrap();
    fs::write(env.path("benchmarks/made.toml"), BENCHMARK).unwrap();
    env
}

fn run(env: &TestEnv, args: &[&str]) -> Run {
    let mut program = env.command([]);
    program.current_dir(env.root()).args(args);
    // Features go there and must not stay.
    fs::create_dir_all(env.path("tmp")).unwrap();
    program.env("TMPDIR", env.path("tmp"));
    let found = Run::of(program);
    assert_eq!(fs::read_dir(env.path("tmp")).unwrap().count(), 0, "{found}");
    found
}

fn score(env: &TestEnv, args: &[&str]) -> Run {
    let head = [
        "score",
        "--model",
        "models/cnn/model.toml",
        "--benchmark",
        "benchmarks/made.toml",
        "--json",
    ];
    run(env, &[&head, args].concat())
}

/// Raw scores of the layers, by region.
fn raw(scores: &[Value]) -> Vec<Vec<f64>> {
    let of_rows = |score: &Value| {
        let rows = score["rows"].as_array().unwrap().iter();
        rows.map(|row| row["raw"].as_f64().unwrap()).collect()
    };
    scores.iter().map(of_rows).collect()
}

/// The layers' features, as a user would extract them.
fn extracted(env: &TestEnv) {
    let args = [
        "extract",
        "--model",
        "models/cnn/named.onnx",
        "--images",
        "images",
        "--out",
        "by_hand",
        "--layers",
        "features.0,features.4",
        "--visual-degrees",
        "8",
        "--source-degrees",
        "4",
    ];
    run(env, &args).ok();
    fs::rename(
        env.path("by_hand/features.4"),
        env.path("by_hand/late:layer"),
    )
    .unwrap();
}

#[test]
fn numbers_are_those_of_features_extracted_by_hand() {
    let env = study();
    let found = scores(&score(&env, &[]));
    extracted(&env);
    let by_hand = [
        "score",
        "--features",
        "by_hand",
        "--brain",
        "monkey",
        "--metric",
        "ridge",
        "--n-splits",
        "3",
        "--roi",
        "V4,IT",
        "--json",
    ];
    let by_hand = scores(&run(&env, &by_hand));
    assert_eq!(found.len(), 2);
    for one in &by_hand {
        let region = &one["benchmark"]["region"];
        let of_region = |score: &&Value| score["benchmark"]["region"] == *region;
        let ours = found.iter().find(of_region).unwrap().clone();
        assert_eq!(raw(&[ours]), raw(std::slice::from_ref(one)), "{region}");
    }
    let names: Vec<&Value> = found[0]["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["layer"])
        .collect();
    assert_eq!(names, ["features.0", "late/layer"]);
}

#[test]
fn results_are_of_the_committed_layer_and_tell_the_manifest() {
    let env = study();
    score(&env, &[]).ok();
    let result = env.json("results/brainscore/cnn/Made2026.IT-ridge.json");
    assert_eq!(
        (&result["layer"], &result["committed"]),
        (&"features.0".into(), &true.into())
    );
    assert_eq!(result["benchmark"]["version"], 2);
    assert_eq!(result["benchmark"]["visual_degrees"], 4.0);
    assert!(
        result["benchmark"]["bibtex"]
            .as_str()
            .unwrap()
            .starts_with("@misc{Made2026")
    );
    let sha256 = result["provenance"]["manifest_sha256"].clone();
    assert_eq!(sha256.as_str().unwrap().len(), 64);
    // Nothing is committed to for V4: the best one stands for it.
    let best = env.json("results/brainscore/cnn/Made2026.V4-ridge.json");
    assert_eq!(best["committed"], false);
    // Another manifest has another fingerprint.
    fs::write(
        env.path("models/cnn/model.toml"),
        format!("{MODEL}# note\n"),
    )
    .unwrap();
    score(&env, &["--best", "--out", "elsewhere"]).ok();
    let other = env.json("elsewhere/cnn/Made2026.IT-ridge.json");
    assert_eq!(other["committed"], false);
    assert_ne!(other["provenance"]["manifest_sha256"], sha256);
    assert_eq!(other["rows"], result["rows"]);
}

#[test]
fn features_need_no_images() {
    let env = study();
    let with_network = scores(&score(&env, &[]));
    extracted(&env);
    fs::rename(env.path("by_hand"), env.path("models/cnn/features")).unwrap();
    let manifest = MODEL
        .replace("\"base\"", "\"features\"")
        .replace("onnx = \"named.onnx\"", "features = \"features\"")
        .replace("resize = \"bicubic-square\"\nvisual_degrees = 8\n", "");
    fs::write(env.path("models/cnn/model.toml"), manifest).unwrap();
    let (head, tail) = BENCHMARK.split_once("[stimuli]").unwrap();
    let (_, tail) = tail.split_once("[recordings]").unwrap();
    let without = format!("{head}[recordings]{tail}");
    fs::write(env.path("benchmarks/made.toml"), without).unwrap();
    assert_eq!(raw(&scores(&score(&env, &[]))), raw(&with_network));
    fs::remove_file(env.path("models/cnn/features/features.0/im07.mat")).unwrap();
    score(&env, &[]).status(2).stderr_contains("im07");
}

#[test]
fn ids_name_images_of_other_names() {
    let env = study();
    let before = scores(&score(&env, &[]));
    let mut ids = "stimulus_id,file\n".to_owned();
    for image in 0..40 {
        let (old, new) = (format!("im{image:02}.ppm"), format!("picture {image}.ppm"));
        fs::rename(env.path("images").join(&old), env.path("images").join(&new)).unwrap();
        ids += &format!("im{image:02},{new}\n");
    }
    score(&env, &[])
        .status(2)
        .stderr_contains("has no image of the stimulus `im00`");
    fs::write(env.path("ids.csv"), ids).unwrap();
    let benchmark = BENCHMARK.replace("[recordings]", "ids = \"../ids.csv\"\n[recordings]");
    fs::write(env.path("benchmarks/made.toml"), benchmark).unwrap();
    assert_eq!(raw(&scores(&score(&env, &[]))), raw(&before));
}

#[test]
fn mistakes_are_told_at_once() {
    let env = study();
    let bad = BENCHMARK
        .replace("../images", "../pictures")
        .replace("n_splits = 3", "n_splits = 0\nsplits = 3");
    fs::write(env.path("benchmarks/made.toml"), bad).unwrap();
    let told = score(&env, &[]);
    told.status(2)
        .stderr_contains("made.toml` has 3 problems")
        .stderr_contains("`../pictures`, which is not there")
        .stderr_contains("did you mean `n_splits`?");
    // More than memory holds, as on the command line.
    for (given, key) in [
        ("n_splits = 1000000000000", "n_splits"),
        ("components = 100001", "components"),
        ("groups = \"passage\"\nfolds = 100001", "folds"),
    ] {
        let large = BENCHMARK.replace("n_splits = 3", given);
        fs::write(env.path("benchmarks/made.toml"), large).unwrap();
        let part = format!("`metric.{key}` is 1000");
        let told = score(&env, &[]);
        told.status(2)
            .stderr_contains(&part)
            .stderr_contains("give a whole number from 1 to 100000");
    }
    let (head, _) = BENCHMARK.split_once("[stimuli]").unwrap();
    let without = format!("{head}[recordings]\nfiles = [\"../monkey\"]\n");
    fs::write(env.path("benchmarks/made.toml"), without).unwrap();
    score(&env, &[])
        .status(2)
        .stderr_contains("has no section `stimuli`");
    fs::write(env.path("benchmarks/made.toml"), BENCHMARK).unwrap();
    for (option, value) in [
        ("--metric", "rdm"),
        ("--roi", "V4"),
        ("--visual-degrees", "8"),
    ] {
        let told = score(&env, &[option, value]);
        told.status(2)
            .stderr_contains("only `--best` and `--out` go with it");
    }
    let manifest = MODEL.replace("IT = \"features.0\"", "IT = \"features.1\"");
    fs::write(
        env.path("models/cnn/model.toml"),
        manifest.replace("named.onnx", "gone.onnx"),
    )
    .unwrap();
    score(&env, &[])
        .status(2)
        .stderr_contains("`gone.onnx` is not there")
        .stderr_contains("`commit.IT` names no layer");
    fs::write(env.path("models/cnn/model.toml"), MODEL).unwrap();
    // Each image that cannot be read, and how many they are.
    for image in ["im03", "im17"] {
        let path = env.path(format!("images/{image}.ppm"));
        fs::write(path, "P6\n20 20\n255\ncut off").unwrap();
    }
    score(&env, &[])
        .status(2)
        .stderr_contains("stimulus `im03`: ")
        .stderr_contains("stimulus `im17`: ")
        .stderr_contains("has no usable image of 2 of 40 stimuli");
    run(
        &env,
        &[
            "score",
            "--model",
            "models/cnn/model.toml",
            "--benchmark",
            "made",
        ],
    )
    .status(2)
    .stderr_contains("--benchmark bench.toml");
    run(
        &env,
        &[
            "score",
            "--model",
            "cnn",
            "--benchmark",
            "benchmarks/made.toml",
        ],
    )
    .status(2)
    .stderr_contains("--model model.toml");
    let commit = ["commit", "--features", "monkey", "--brain", "monkey"];
    run(
        &env,
        &[&commit[..], &["--model", "models/cnn/model.toml"]].concat(),
    )
    .status(2)
    .stderr_contains("model.toml`: is a manifest");
    run(&env, &["score", "--benchmark", "made"])
        .status(2)
        .stderr_contains("--features");
    env.lacks("results");
}

#[test]
fn names_are_names_still() {
    let env = study();
    let named = ["--metric", "ridge", "--model", "a/b", "--benchmark", "made"];
    run(&env, &[&["score"], &FILES[..], &named].concat()).ok();
    env.has("results/brainscore/a/b/made.IT-ridge.json");
}

#[test]
fn manifests_that_say_what_cannot_be_are_refused() {
    let env = study();
    let with = |from: &str, to: &str| {
        let changed = MODEL.replace(from, to);
        assert_ne!(changed, MODEL);
        fs::write(env.path("models/cnn/model.toml"), changed).unwrap();
        score(&env, &[])
    };
    for degrees in ["0", "-8", "nan", "inf", "1e9"] {
        let written = format!("visual_degrees = {degrees}");
        with("visual_degrees = 8", &written)
            .status(2)
            .stderr_contains("not between 0 and 180");
    }
    with("late/layer", "features.0")
        .status(2)
        .stderr_contains("layer `features.0` is there twice");
    let other = format!("onnx = \"named.onnx\"\nsha256 = \"{}\"", "0".repeat(64));
    with("onnx = \"named.onnx\"", &other)
        .status(2)
        .stderr_contains("the manifest says 0000");
    env.lacks("results");
}
