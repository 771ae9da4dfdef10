//! `compute` with encoding accuracies: both halves, the average, tables, and what is missing.

use std::fs;

use serde_json::{Value, json};

use crate::common;
use crate::env::TestEnv;
use crate::items::NET;

/// Accuracies of both halves of the golden study.
fn accuracies() -> TestEnv {
    let env = TestEnv::copy_of(&common::golden("expected"));
    env.edit_settings(|settings| settings["score"] = json!({"n_test": 40}));
    env
}

fn reference() -> Value {
    let path = common::golden("expected/reference.json");
    serde_json::from_slice::<Value>(&fs::read(path).unwrap()).unwrap()["nets"]["ringnet"]["bh"]
        .clone()
}

#[track_caller]
fn close(found: &Value, expected: &Value) {
    let (found, expected) = (found.as_f64().unwrap(), expected.as_f64().unwrap());
    assert!((found - expected).abs() < 1e-12, "{found} {expected}");
}

#[test]
fn both_halves_and_their_average_are_those_of_the_original() {
    let env = accuracies();
    let run = env.run(["compute"]);
    run.ok();
    let expected = reference();
    let network = &env.results()["networks"][0];
    for (rule, mode) in [
        ("published", "compat"),
        ("textbook", "compat_accuracy_corrected_test"),
    ] {
        let theirs = &expected[mode];
        close(
            &network["encoding"][rule],
            &theirs["encoding"]["limit_1000"]["score"],
        );
        close(
            &network["average"][rule],
            &theirs["average"]["subset_mean_exact"],
        );
        assert_eq!(
            network["encoding"]["votes"][rule],
            theirs["encoding"]["limit_1000"]["votes_roi_by_layer"]
        );
    }
    assert!(network["place"]["average"].is_u64());
    for text in [
        "average",
        "Among the 29 published networks, by average",
        "\n*   1 ",
    ] {
        assert!(run.stdout.contains(text), "{text}: {}", run.stdout);
    }
    let csv = fs::read_to_string(env.path("results/accuracy_summary.csv")).unwrap();
    // 6 layers, 2 subjects, 5 ROIs, two halves.
    assert_eq!(csv.lines().count(), 1 + 2 * 60);
    env.has("results/voxels.parquet");
}

#[test]
fn voxels_and_layers_that_compete() {
    let env = accuracies();
    let results = env.run(["compute", "--voxels", "25", "--json"]).ok().json();
    let encoding = &results["networks"][0]["encoding"];
    close(
        &encoding["published"],
        &reference()["compat"]["encoding"]["limit_25"]["score"],
    );
    assert_eq!(
        (&encoding["voxel_limit"], &encoding["n_items"]),
        (&json!(25), &json!(250))
    );
    let results = env
        .run(["compute", "--voxels", "all", "--json"])
        .ok()
        .json();
    assert_eq!(results["settings"]["voxel_limit"], Value::Null);
    let args = ["compute", "--enc-layer-sampling", "exact", "--json"];
    let results = env.run(args).ok().json();
    let encoding = &results["networks"][0]["encoding"];
    assert_eq!(encoding["subsets"]["n"], 4);
    assert_ne!(encoding["published"], encoding["all_layers"]["published"]);
    for args in [
        ["--voxels", "0"],
        ["--voxels", "some"],
        ["--enc-layer-sampling", "random:3"],
    ] {
        let run = env.run([&["compute"][..], &args].concat());
        run.status(2).stderr_contains(args[1]);
    }
}

#[test]
fn without_encoding_the_columns_are_empty_with_a_reason() {
    let env = accuracies();
    fs::remove_dir_all(env.path("data/encoding_accuracy")).unwrap();
    let run = env.run(["compute"]);
    run.ok();
    assert!(
        run.stdout.contains("there are no encoding accuracies"),
        "{}",
        run.stdout
    );
    let network = &env.results()["networks"][0];
    assert_eq!(
        (&network["encoding"], &network["average"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(
        network["encoding_reason"],
        "there are no encoding accuracies"
    );
    assert!(network["decoding"]["published"].is_f64());
}

#[test]
fn files_that_are_missing_are_listed() {
    let env = accuracies();
    let folder = "data/encoding_accuracy/ImageNetTest/synth/ringnet";
    for item in ["conv2/sub-01/V1", "fc6/sub-02/HVC"] {
        fs::remove_file(env.path(format!("{folder}/{item}/accuracy.mat"))).unwrap();
    }
    env.run(["compute"])
        .status(2)
        .stderr_contains("2 of 60 accuracy files are missing")
        .stderr_contains(&format!("{folder}/conv2/sub-01/V1/accuracy.mat"))
        .stderr_contains(&format!("{folder}/fc6/sub-02/HVC/accuracy.mat"))
        .stderr_contains("encode-predict");
}

#[test]
fn encoding_alone_is_scored() {
    let env = TestEnv::copy_of(&common::golden("voxels"));
    let run = env.run(["compute"]);
    run.ok();
    let expected: Value =
        serde_json::from_slice(&fs::read(env.path("expected.json")).unwrap()).unwrap();
    let network = &env.results()["networks"][0];
    close(
        &network["encoding"]["published"],
        &expected["1000"]["published"]["score"],
    );
    assert_eq!(
        (&network["decoding"], &network["average"]),
        (&Value::Null, &Value::Null)
    );
    assert!(run.stdout.contains("by encoding"), "{}", run.stdout);
}

#[test]
fn accuracies_where_the_original_leaves_them() {
    let env = accuracies();
    let before = env.run(["compute", "--json"]).ok().json();
    fs::create_dir_all(env.path("data/encoded_fmri/ImageNetTest")).unwrap();
    fs::rename(
        env.path("data/encoding_accuracy/ImageNetTest"),
        env.path("data/encoded_fmri/ImageNetTest/profile_correlation"),
    )
    .unwrap();
    let after = env.run(["compute", "--json"]).ok().json();
    assert_eq!(before["networks"], after["networks"]);
}

/// What is said about the encoding half, by the textbook rule.
fn sure(env: &TestEnv, args: &[&str]) -> Value {
    let results = env.run([&["compute", "--sure", "--json"][..], args].concat());
    let results = results.ok().json();
    let network = results["networks"][0].clone();
    let rule = &network["sure"]["encoding"]["textbook"];
    close(
        &rule["layer_order"]["observed"],
        &network["encoding"]["textbook"],
    );
    network
}

#[test]
fn how_sure_follows_the_voxels_and_layers_of_the_score() {
    let env = TestEnv::finished();
    let se = |network: &Value| {
        let rule = &network["sure"]["encoding"]["textbook"];
        rule["jackknife"]["se"].as_f64().unwrap()
    };
    let all = sure(&env, &[]);
    assert_eq!(all["sure"]["n_stimuli"], 40);
    assert!(all["sure"]["average"]["textbook"]["jackknife"]["se"].is_f64());
    // Other voxels, as the original draws them; accuracies that are not theirs would be an error.
    let few = sure(&env, &["--voxels", "25"]);
    assert_eq!(few["encoding"]["n_items"], 100);
    assert_ne!(se(&all), se(&few));
    // Two layers: one subset of two is all of them.
    env.edit_settings(|settings| settings["score"] = json!({"n_layers": 2}));
    let exact = sure(&env, &["--enc-layer-sampling", "exact"]);
    assert_eq!(exact["encoding"]["subsets"]["n"], 1);
    assert!((se(&all) - se(&exact)).abs() < 1e-12);

    let run = env.run(["compute", "--sure"]);
    run.ok();
    let text = "encoding: 2 ROIs have 2 orders, so p order is never below 0.5000";
    assert!(run.stdout.contains(text), "{}", run.stdout);
    assert!(
        run.stdout.contains("ringnet  average   textbook"),
        "{}",
        run.stdout
    );
}

#[test]
fn how_sure_needs_encoded_and_measured_fmri() {
    let env = TestEnv::finished();
    let encoded = format!("data/encoded_fmri/ImageNetTest/encoded_brain/{NET}/conv1/sub-01/V1");
    let images: Vec<_> = fs::read_dir(env.path(&encoded))
        .unwrap()
        .flatten()
        .collect();
    // One image in the place of another.
    let (one, other) = (images[0].path(), images[1].path());
    let bytes = fs::read(&one).unwrap();
    fs::write(&one, fs::read(&other).unwrap()).unwrap();
    env.run(["compute", "--sure"])
        .status(2)
        .stderr_contains("correlate otherwise than `accuracy.mat` says")
        .stderr_contains("encode-predict --force");
    fs::write(&one, bytes).unwrap();
    // One image less in one layer.
    fs::remove_file(
        env.path(encoded.replace("conv1", "fc6"))
            .join(images[1].file_name()),
    )
    .unwrap();
    env.run(["compute", "--sure"])
        .status(2)
        .stderr_contains("other images than those of the other layers");

    for missing in [encoded.as_str(), "data/fmri"] {
        let env = TestEnv::finished();
        fs::remove_dir_all(env.path(missing)).unwrap();
        let network = sure(&env, &[]);
        let rule = &network["sure"]["encoding"]["textbook"];
        assert!(rule["jackknife"].is_null() && rule["unit_bootstrap"].is_object());
        let note = network["sure"]["notes"][0].as_str().unwrap();
        assert!(
            note.contains(missing) && note.contains("not there"),
            "{note}"
        );
    }
}
