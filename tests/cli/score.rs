//! `score` and `commit`: numbers are those of the library, whatever form the data come in; what is kept, and refused.

use std::fs;

use bhscore::brainscore::features::Features;
use bhscore::brainscore::normalise::Normalise;
use bhscore::brainscore::predictivity::{predictivity, registry_splits};
use bhscore::brainscore::regression::Regression;
use bhscore::brainscore::regression::pls::Solver;
use bhscore::stats::legacy_random::LegacyRandom;
use ndarray::{Array2, Array3, ArrayView2, s};
use ndarray_npy::WriteNpyExt;
use serde_json::Value;

use crate::env::{Run, TestEnv};
use crate::items::NET;

pub const N_STIMULI: usize = 40;
pub const N_REPETITIONS: usize = 4;
/// Sites 0 to 2 are of V4, 3 to 6 of IT.
const N_SITES: usize = 7;
const N_UNITS: usize = 60;

/// Features of 40 images, and responses of sites to four presentations of each: signals of units, and noise.
pub struct Synthetic {
    features: Array2<f64>,
    /// `(n_presentations, n_sites)`, stimulus by stimulus.
    pub responses: Array2<f64>,
}

pub fn synthetic() -> Synthetic {
    let mut random = LegacyRandom::seed(5);
    let mut normal =
        |shape: (usize, usize)| Array2::from_shape_simple_fn(shape, || random.standard_normal());
    let features = normal((N_STIMULI, N_UNITS));
    // A unit of each site's own, and a little of all.
    let mut weights = normal((N_UNITS, N_SITES));
    for site in 0..N_SITES {
        weights[[site, site]] = 12.0;
    }
    let signal = features.dot(&weights);
    let mut responses = normal((N_STIMULI * N_REPETITIONS, N_SITES)) * 4.0;
    for (row, mut response) in responses.rows_mut().into_iter().enumerate() {
        response += &signal.row(row / N_REPETITIONS);
    }
    Synthetic {
        features,
        responses,
    }
}

pub fn npy(env: &TestEnv, path: &str, array: &Array2<f64>) {
    let mut bytes = Vec::new();
    array.write_npy(&mut bytes).unwrap();
    fs::create_dir_all(env.path(path).parent().unwrap()).unwrap();
    fs::write(env.path(path), bytes).unwrap();
}

fn stimulus(at: usize) -> String {
    format!("im{at:02}")
}

/// `IT.npy` with `ids.csv`, images backwards, and the recordings as a folder `monkey`.
pub fn files() -> TestEnv {
    let env = TestEnv::empty();
    let data = synthetic();
    npy(
        &env,
        "IT.npy",
        &data.features.slice(s![..;-1, ..]).to_owned(),
    );
    let ids: String = (0..N_STIMULI).rev().map(|at| stimulus(at) + "\n").collect();
    fs::write(env.path("ids.csv"), format!("stimulus_id\n{ids}")).unwrap();
    npy(&env, "monkey/data.npy", &data.responses);
    let rows: String = (0..N_STIMULI * N_REPETITIONS)
        .map(|row| {
            let at = row / N_REPETITIONS;
            format!(
                "{},{},{},{}\n",
                stimulus(at),
                row % N_REPETITIONS,
                ["face", "car"][at % 2],
                at / 8
            )
        })
        .collect();
    let head = "stimulus_id,repetition,object_name,passage\n";
    fs::write(env.path("monkey/presentation.csv"), format!("{head}{rows}")).unwrap();
    let sites: String = (0..N_SITES)
        .map(|site| format!("n{site},{}\n", if site < 3 { "V4" } else { "IT" }))
        .collect();
    fs::write(
        env.path("monkey/neuroid.csv"),
        format!("neuroid_id,region\n{sites}"),
    )
    .unwrap();
    env
}

pub const FILES: [&str; 6] = [
    "--features",
    "IT.npy",
    "--ids",
    "ids.csv",
    "--brain",
    "monkey",
];

/// Runs `score` in the folder, as JSON.
pub fn score(env: &TestEnv, args: &[&str]) -> Run {
    run(env, "score", args)
}

fn run(env: &TestEnv, command: &str, args: &[&str]) -> Run {
    let mut program = env.command([command]);
    program.current_dir(env.root()).args(args);
    Run::of(program)
}

pub fn scores(run: &Run) -> Vec<Value> {
    run.ok().json()["scores"].as_array().unwrap().clone()
}

fn raw(score: &Value) -> f64 {
    score["score"]["raw"].as_f64().unwrap()
}

/// Mean responses to each stimulus of some sites.
fn means(responses: ArrayView2<f64>, sites: std::ops::Range<usize>) -> Array2<f64> {
    let shape = (N_STIMULI, N_REPETITIONS, sites.len());
    let of_sites = responses.slice(s![.., sites]).to_owned();
    let cube: Array3<f64> = of_sites.into_shape_with_order(shape).unwrap();
    cube.mean_axis(ndarray::Axis(1)).unwrap()
}

#[test]
fn numbers_are_those_of_the_library() {
    let env = files();
    let data = synthetic();
    let classes: Vec<usize> = (0..N_STIMULI).map(|at| 1 - at % 2).collect();
    let splits = registry_splits(N_STIMULI, Some(&classes)).unwrap();
    let features = Features::new(data.features.clone()).unwrap();
    for (pls, solver) in [("svd", Solver::Svd), ("nipals", Solver::Nipals)] {
        let run = score(&env, &[&FILES[..], &["--pls", pls, "--json"]].concat());
        let scores = scores(&run);
        let ids: Vec<&Value> = scores
            .iter()
            .map(|score| &score["benchmark"]["id"])
            .collect();
        assert_eq!(ids, ["monkey.IT-pls", "monkey.V4-pls"]);
        for (score, sites) in scores.iter().zip([3..7, 0..3]) {
            let regression = Regression::by_name("pls", solver).unwrap();
            let responses = means(data.responses.view(), sites.clone());
            let expected = predictivity(&features, responses.view(), &splits, &regression).unwrap();
            assert_eq!(raw(score), expected.score);
            assert_eq!(score["score"]["error"].as_f64().unwrap(), expected.error);
            let (ceiling, ceiled) = (&score["score"]["ceiling"], &score["score"]["ceiled"]);
            let ceiling = ceiling.as_f64().unwrap();
            assert!(ceiling > 0.8 && ceiling < 1.0, "{ceiling}");
            let normalised = Normalise::R2OverC.apply(expected.score, 0.0, ceiling);
            assert_eq!(ceiled.as_f64().unwrap(), normalised.value);
            assert_eq!(score["score"]["n_sites"], sites.len());
            assert_eq!(score["site_scores"].as_array().unwrap().len(), sites.len());
        }
    }
}

#[test]
fn results_are_kept_and_the_same_again() {
    let env = files();
    let kept = |name: &str| fs::read(env.path(format!("results/brainscore/IT/{name}"))).unwrap();
    score(&env, &FILES).ok().stdout_contains("monkey.V4-pls: ");
    let names = [
        "monkey.IT-pls.json",
        "monkey.IT-pls.csv",
        "monkey.IT-pls.parquet",
    ];
    let first = names.map(kept);
    score(&env, &FILES).ok();
    assert_eq!(first, names.map(kept));
    let text = String::from_utf8(first[1].clone()).unwrap();
    assert_eq!(text.lines().count(), 2, "a layer, no subjects");
    assert!(text.starts_with("model,benchmark,version,region,metric"));
    // A site makes its page of them.
    run(&env, "report", &[]).ok();
    env.has("site/benchmarks/monkey.IT-pls-v1.html");
    env.has_no_temporary_files();
}

#[test]
fn every_metric_gives_a_number() {
    let env = files();
    for metric in [
        "ridge",
        "ridgecv",
        "linear",
        "neuron",
        "reverse",
        "rdm",
        "cka",
        "cka-biased",
    ] {
        // Four sites cannot give more components.
        let components: &[&str] = match metric {
            "reverse" => &["--components", "4"],
            _ => &[],
        };
        let how = ["--metric", metric, "--roi", "IT", "--json"];
        let scores = scores(&score(&env, &[&FILES[..], &how, components].concat()));
        assert_eq!(scores.len(), 1, "--roi");
        assert!(raw(&scores[0]) > 0.05, "{metric}: {}", raw(&scores[0]));
        let ceiled = &scores[0]["score"]["ceiled"];
        // One recording has no ceiling for what is of the whole of it, nor for its features' predictions.
        let has_sites = matches!(metric, "ridge" | "ridgecv" | "linear" | "neuron");
        assert_eq!(ceiled.is_number(), has_sites, "{metric}");
    }
}

#[test]
fn stimuli_without_features_are_named() {
    let env = files();
    let ids: String = (0..N_STIMULI).map(|at| format!("other{at}\n")).collect();
    fs::write(env.path("ids.csv"), format!("stimulus_id\n{ids}")).unwrap();
    score(&env, &FILES)
        .status(2)
        .stderr_contains("lacks 40 of 40 stimuli: `im00`, `im01`")
        .stderr_contains("`im09` and 30 more")
        .stderr_contains("--ids");
    score(&env, &["--features", "IT.npy", "--brain", "monkey"])
        .status(2)
        .stderr_contains("--ids");
    fs::create_dir(env.path("IT")).unwrap();
    score(
        &env,
        &["--features", "IT", "--ids", "ids.csv", "--brain", "monkey"],
    )
    .status(2)
    .stderr_contains("ids.csv`: would name the rows of an array")
    .stderr_contains("leave `--ids` out");
    env.lacks("results");
}

#[test]
fn splits_are_kept_for_others_and_taken_from_them() {
    let env = files();
    let kept = scores(&score(
        &env,
        &[&FILES[..], &["--save-splits", "splits.json", "--json"]].concat(),
    ));
    let again = scores(&score(
        &env,
        &[&FILES[..], &["--splits", "splits.json", "--json"]].concat(),
    ));
    assert_eq!(raw(&kept[0]), raw(&again[0]));
    let text = fs::read_to_string(env.path("splits.json")).unwrap();
    let mut file: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(file["splits"].as_array().unwrap().len(), 10);
    let one = file["splits"][0].clone();
    file["splits"] = Value::Array(vec![one]);
    fs::write(env.path("splits.json"), file.to_string()).unwrap();
    let alone = scores(&score(
        &env,
        &[&FILES[..], &["--splits", "splits.json", "--json"]].concat(),
    ));
    assert_ne!(raw(&kept[0]), raw(&alone[0]));
    assert_eq!(alone[0]["score"]["error"], 0.0);
    let groups = [
        &FILES[..],
        &["--groups", "passage", "--metric", "ridge", "--json"],
    ]
    .concat();
    assert!(raw(&scores(&score(&env, &groups))[0]) > 0.2);
    score(&env, &[&FILES[..], &["--groups", "passages"]].concat())
        .status(2)
        .stderr_contains("no column `passages`")
        .stderr_contains("`passage`");
}

#[test]
fn too_few_units_for_the_components_are_a_failed_score() {
    let env = files();
    let few = synthetic().features.slice(s![..;-1, ..9]).to_owned();
    npy(&env, "IT.npy", &few);
    let run = score(&env, &[&FILES[..], &["--roi", "IT"]].concat());
    run.status(2)
        .stdout_contains("monkey.IT-pls: X: ")
        .stderr_contains("25");
    let kept = fs::read_to_string(env.path("results/brainscore/IT/monkey.IT-pls.json")).unwrap();
    let kept: Value = serde_json::from_str(&kept).unwrap();
    assert_eq!(
        (&kept["state"], &kept["score"]),
        (&Value::from("failed"), &Value::Null)
    );
    score(
        &env,
        &[&FILES[..], &["--roi", "IT", "--components", "5"]].concat(),
    )
    .ok();
}

#[test]
fn names_that_are_no_names_of_files_are_refused() {
    let env = files();
    for (option, name) in [
        ("--model", "../x"),
        ("--model", "/x"),
        ("--benchmark", "a/b"),
        ("--benchmark", ".."),
    ] {
        score(&env, &[&FILES[..], &[option, name]].concat())
            .status(2)
            .stderr_contains("cannot be the name of a file");
    }
    score(&env, &[&FILES[..], &["--layer", "IR"]].concat())
        .status(2)
        .stderr_contains("did you mean `IT`?");
    score(&env, &[&FILES[..], &["--train-share", "1"]].concat())
        .status(2)
        .stderr_contains("--train-share");
    score(&env, &["--features", "IT.npy"])
        .status(2)
        .stderr_contains("--brain");
}

#[test]
fn layers_of_a_study_are_scored_by_subject_and_region() {
    let env = TestEnv::small();
    let args = ["score", "--net", NET, "--metric", "ridge", "--json"];
    let first = env.run(args);
    let found = scores(&first);
    assert_eq!(found.len(), 2);
    for score in &found {
        let rows = score["rows"].as_array().unwrap();
        assert_eq!(rows.len(), 4, "layers × subjects");
        assert!(score["score"]["ceiling"].as_f64().unwrap() > 0.1);
        assert_eq!(score["committed"], false);
    }
    // The lower layer is made to resemble the lower area.
    assert_eq!(found[0]["layer"], "conv1");
    assert_eq!(found[1]["layer"], "fc6");
    let file = env.path(format!("results/brainscore/{NET}/fmri.V1-ridge.parquet"));
    let kept = fs::read(&file).unwrap();
    env.run([&args[..], &["--threads", "1", "--memory", "3M"]].concat())
        .ok();
    assert_eq!(
        fs::read(&file).unwrap(),
        kept,
        "layers in portions, by one thread"
    );
}

#[test]
fn a_committed_layer_is_scored_on_other_data() {
    let env = TestEnv::small();
    let layers = env.path(format!("results/brainscore/{NET}/layers.json"));
    run(&env, "commit", &["--net", NET, "--metric", "ridge"])
        .ok()
        .stderr_contains("V1: conv1")
        .stderr_contains("no principal components");
    let splits = env.path("splits.json");
    let save = [
        "--metric",
        "ridge",
        "--save-splits",
        splits.to_str().unwrap(),
    ];
    run(&env, "commit", &[&["--net", NET][..], &save].concat()).ok();
    env.has("splits.json");
    let chosen: Value = serde_json::from_slice(&fs::read(&layers).unwrap()).unwrap();
    assert_eq!(chosen["V1"], "conv1");
    fs::write(&layers, r#"{"V1": "fc6"}"#).unwrap();
    let test = [
        "score", "--net", NET, "--metric", "ridge", "--split", "test", "--json",
    ];
    let found = scores(&env.run(test));
    assert_eq!(
        (&found[0]["layer"], &found[0]["committed"]),
        (&Value::from("fc6"), &Value::from(true))
    );
    assert_eq!(found[1]["committed"], false);
    assert_eq!(found[0]["benchmark"]["id"], "fmri-test.V1-ridge");
    let best = scores(&env.run([&test[..], &["--best"]].concat()));
    assert_eq!(best[0]["layer"], "conv1");
    fs::write(&layers, "[]").unwrap();
    env.run(test).status(2).stderr_contains("layers.json");
}

#[test]
fn principal_components_stand_for_units_of_larger_layers_only() {
    let env = TestEnv::small();
    let with = |pca: &str| {
        let args = ["--net", NET, "--metric", "ridge", "--pca", pca, "--json"];
        let value = run(&env, "commit", &args).ok().json();
        value["scores"][0]["score"]["raw"].as_f64().unwrap()
    };
    let none = with("none");
    assert_eq!(with("100000"), none);
    assert_ne!(with("10"), none);
    run(&env, "commit", &["--net", NET, "--pca", "0"])
        .status(2)
        .stderr_contains("none");
    let files = files();
    run(&files, "commit", &[&FILES[..], &["--pca", "10"]].concat())
        .status(2)
        .stderr_contains("--pca-features");
    let pca = [
        "--pca",
        "10",
        "--pca-features",
        "IT.npy",
        "--metric",
        "ridge",
    ];
    run(&files, "commit", &[&FILES[..], &pca].concat()).ok();
}

#[test]
fn brain_data_without_settings_are_selected_by_expression() {
    let study = TestEnv::small();
    let layer = format!("data/features/ImageNetTraining/{NET}/conv1");
    let brain =
        |subject: &str| format!("data/fmri/{subject}_perceptionNaturalImageTraining_VC_v2.h5");
    let settings = study.run(["settings"]).ok().json();
    let rois = settings["rois"].as_array().unwrap();
    let select = rois.iter().find(|roi| roi["name"] == "V1").unwrap()["select"].clone();
    let roi = format!("V1={}", select.as_str().unwrap());
    let (one, two) = (brain("sub-01"), brain("sub-02"));
    let args = [
        "--features",
        &layer,
        "--brain",
        &one,
        "--brain",
        &two,
        "--metric",
        "ridge",
        "--json",
    ];
    let by_name = scores(&score(&study, &[&args[..], &["--roi", "V1"]].concat()));
    fs::remove_file(study.path("settings.json")).unwrap();
    score(&study, &args)
        .status(2)
        .stderr_contains("--roi V1=ROI_V1");
    let by_expression = scores(&score(&study, &[&args[..], &["--roi", &roi]].concat()));
    assert_eq!(raw(&by_name[0]), raw(&by_expression[0]));
    assert_eq!(
        by_name[0]["rows"].as_array().unwrap().len(),
        2,
        "a row for each subject"
    );
}

#[test]
fn bins_are_averaged_or_scored_one_by_one() {
    let env = files();
    let data = synthetic();
    let mut cube = Array3::zeros((N_STIMULI * N_REPETITIONS, N_SITES, 2));
    cube.slice_mut(s![.., .., 0]).assign(&data.responses);
    cube.slice_mut(s![.., .., 1]).assign(&data.responses);
    let mut bytes = Vec::new();
    cube.write_npy(&mut bytes).unwrap();
    let alone = scores(&score(
        &env,
        &[&FILES[..], &["--metric", "ridge", "--json"]].concat(),
    ));
    fs::write(env.path("monkey/data.npy"), bytes).unwrap();
    let times = "time_bin_start,time_bin_end\n70,170\n170,270\n";
    fs::write(env.path("monkey/time_bin.csv"), times).unwrap();
    let mean = scores(&score(
        &env,
        &[&FILES[..], &["--metric", "ridge", "--json"]].concat(),
    ));
    assert_eq!(raw(&mean[0]), raw(&alone[0]));
    let args = [
        &FILES[..],
        &["--metric", "ridge", "--time", "bins", "--json"],
    ]
    .concat();
    let bins = scores(&score(&env, &args));
    let rows = bins[0]["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[1]["bin"], serde_json::json!([170.0, 270.0]));
    assert_eq!(rows[0]["raw"], rows[1]["raw"]);
    // Twice as many samples of the same: half the penalty, hardly another score.
    let (binned, averaged) = (raw(&bins[0]), raw(&mean[0]));
    assert!((binned - averaged).abs() < 0.01, "{binned} {averaged}");
}
