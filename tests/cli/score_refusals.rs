//! What `score` and `report` refuse of data that are not what they should be, and what then is left.

use std::fs;

use serde_json::Value;

use crate::env::TestEnv;
use crate::score::{FILES, files, score, scores};

#[test]
fn regions_that_are_not_there_are_named() {
    let env = files();
    score(&env, &[&FILES[..], &["--roi", "IT,V5"]].concat())
        .status(2)
        .stderr_contains("region `V5`")
        .stderr_contains("`V4`");
    env.lacks("results");
    fs::remove_file(env.path("monkey/neuroid.csv")).unwrap();
    score(&env, &[&FILES[..], &["--roi", "IT"]].concat())
        .status(2)
        .stderr_contains("no column `region`");
    let found = scores(&score(
        &env,
        &[&FILES[..], &["--metric", "ridge", "--json"]].concat(),
    ));
    assert_eq!(found[0]["benchmark"]["region"], "all");
}

#[test]
fn a_region_that_fails_beside_others_is_told_by_the_exit_status_and_leaves_nothing_old() {
    let env = files();
    let ridge = [&FILES[..], &["--metric", "pls", "--components", "20"]].concat();
    score(&env, &ridge).ok();
    let table = "results/brainscore/IT/monkey.IT-pls20.parquet";
    env.has(table);
    // Nothing was recorded at the sites of IT of one stimulus.
    let mut values: ndarray::Array2<f64> =
        ndarray_npy::read_npy(env.path("monkey/data.npy")).unwrap();
    values.slice_mut(ndarray::s![0..4, 3..]).fill(f64::NAN);
    ndarray_npy::write_npy(env.path("monkey/data.npy"), &values).unwrap();
    let run = score(&env, &ridge);
    run.status(2)
        .stdout_contains("monkey.IT-pls20: X: nothing is defined");
    assert!(run.stdout.contains("monkey.V4-pls20: 0."), "{}", run.stdout);
}

#[test]
fn numbers_of_splits_are_bounded() {
    let env = files();
    for (option, number) in [
        ("--n-splits", "0"),
        ("--n-splits", "18446744073709551615"),
        ("--components", "0"),
    ] {
        score(&env, &[&FILES[..], &[option, number]].concat())
            .status(2)
            .stderr_contains("from 1 to 100000");
    }
}

#[test]
fn components_are_of_metrics_that_have_them() {
    let env = files();
    for metric in ["ridge", "rdm"] {
        let options = ["--metric", metric, "--components", "5"];
        score(&env, &[&FILES[..], &options].concat())
            .status(2)
            .stderr_contains("has no use for `--components`");
    }
}

#[test]
fn names_of_any_length_are_printed() {
    let env = files();
    let long = format!("{}=IT.npy", "L".repeat(70_000));
    let features = ["--features", &long, "--metric", "ridge"];
    score(&env, &[&features[..], &FILES[2..]].concat())
        .ok()
        .stdout_contains("LLLL");
}

#[test]
fn regions_whose_names_differ_in_a_slash_do_not_meet() {
    let env = files();
    let sites: String = (0..7)
        .map(|site| format!("n{site},{}\n", ["a/b", "a_b"][site % 2]))
        .collect();
    fs::write(
        env.path("monkey/neuroid.csv"),
        format!("neuroid_id,region\n{sites}"),
    )
    .unwrap();
    score(&env, &[&FILES[..], &["--metric", "ridge"]].concat()).ok();
    env.has("results/brainscore/IT/monkey.a%2Fb-ridge.json");
    env.has("results/brainscore/IT/monkey.a_b-ridge.json");
}

#[cfg(unix)]
#[test]
fn links_in_the_results_lead_nowhere() {
    let env = files();
    score(&env, &[&FILES[..], &["--metric", "ridge"]].concat()).ok();
    let results = env.path("results/brainscore");
    std::os::unix::fs::symlink(".", results.join("one")).unwrap();
    std::os::unix::fs::symlink("/", results.join("two")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", results.join("zero.json")).unwrap();
    env.run(["report"]).ok();
}

#[test]
fn scores_of_one_benchmark_are_normalised_alike() {
    let env = files();
    let with = |model: &str, key: &str| {
        let how = [
            "--metric",
            "ridge",
            "--roi",
            "IT",
            "--model",
            model,
            "--normalise",
            key,
        ];
        score(&env, &[&FILES[..], &how].concat()).ok();
    };
    with("one", "r2_over_c");
    with("two", "ratio2");
    env.run(["report"])
        .status(2)
        .stderr_contains("normalises `monkey.IT-ridge` by `ratio2`, where `one` has `r2_over_c`");
    with("two", "r2_over_c");
    env.run(["report"]).ok();
}

#[test]
fn a_committed_layer_that_is_not_there_is_told() {
    let env = files();
    score(&env, &[&FILES[..], &["--metric", "ridge"]].concat()).ok();
    fs::write(
        env.path("results/brainscore/IT/layers.json"),
        r#"{"IT": "gone"}"#,
    )
    .unwrap();
    let run = score(
        &env,
        &[&FILES[..], &["--metric", "ridge", "--json"]].concat(),
    );
    run.ok()
        .stderr_contains("layer `gone`, committed to for IT, is not among the layers");
    assert_eq!(run.json()["scores"][0]["committed"], Value::from(false));
}

#[test]
fn two_subjects_of_one_name_are_refused() {
    let env = files();
    let args = [&FILES[..], &["--brain", "monkey"]].concat();
    score(&env, &args)
        .status(2)
        .stderr_contains("subject `monkey`: is given twice");
}

#[test]
fn alignment_needs_no_splits() {
    let env = TestEnv::empty();
    let values = ndarray::Array2::from_shape_fn((5, 3), |(i, j)| ((i * 7 + j * 3) % 5) as f64);
    ndarray_npy::write_npy(env.path("x.npy"), &values).unwrap();
    let args = [
        "--features",
        "x.npy",
        "--brain",
        "x.npy",
        "--metric",
        "cka",
        "--json",
    ];
    let found = scores(&score(&env, &args));
    assert!((found[0]["score"]["raw"].as_f64().unwrap() - 1.0).abs() < 1e-12);
}
