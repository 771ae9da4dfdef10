//! Odd and damaged input: what it does to its own item, and that no neighbour notices.
//!
//! Odd data (a silent unit, a constant voxel, a missing repetition) are computed with what is left;
//! damaged files fail their items with exit status 2, the file and the remedy, and the other items
//! are computed all the same.

use std::fs;

use bhscore::io::mat;
use serde_json::json;

use crate::edit::Half::{Test, Training};
use crate::env::{Item, NET, Run, TestEnv, clean};

const SUBJECTS: [&str; 2] = ["sub-01", "sub-02"];
const ROIS: [&str; 2] = ["V1", "HVC"];

/// Items of the small study with this layer, subject or ROI.
pub fn items(wanted: impl Fn(&Item) -> bool) -> Vec<Item> {
    let mut all = Vec::new();
    for layer in ["conv1", "fc6"] {
        for subject in SUBJECTS {
            all.extend(ROIS.map(|roi| Item(layer, subject, roi)));
        }
    }
    all.retain(wanted);
    all
}

fn of_layer(layer: &str) -> Vec<Item> {
    items(|item| item.0 == layer)
}

fn of_roi(subject: &str, roi: &str) -> Vec<Item> {
    items(|item| item.1 == subject && item.2 == roi)
}

pub fn train(env: &TestEnv) -> Run {
    env.run(["decode-train", "--net", NET])
}

pub fn predict(env: &TestEnv) -> Run {
    env.run(["decode-predict", "--net", NET])
}

/// Values of a file that is there now, and of the same file of an undisturbed run.
pub fn now_and_before(env: &TestEnv, path: &str, variable: &str) -> (Vec<f32>, Vec<f32>) {
    let now = mat::read_f32(&env.path(path), variable).unwrap().values;
    let folder = TestEnv::empty();
    let before = folder.path("before.mat");
    fs::write(&before, &clean()[path]).unwrap();
    (now, mat::read_f32(&before, variable).unwrap().values)
}

/// Asserts that of an item's units only `unit` differs, and returns its weights and accuracy.
#[track_caller]
fn only_unit_differs(env: &TestEnv, item: Item, unit: usize) -> (Vec<f32>, f32) {
    let path = format!("{}/W.mat", item.decoder());
    let (now, before) = now_and_before(env, &path, "W");
    let path = format!("{}/accuracy.mat", item.accuracy());
    let (accuracy, earlier) = now_and_before(env, &path, "accuracy");
    let n_voxels = now.len() / accuracy.len();
    for other in (0..accuracy.len()).filter(|other| *other != unit) {
        let weights = other * n_voxels..(other + 1) * n_voxels;
        assert!(
            now[weights.clone()] == before[weights],
            "{item:?} unit {other}"
        );
        assert_eq!(accuracy[other], earlier[other], "{item:?} unit {other}");
    }
    (
        now[unit * n_voxels..(unit + 1) * n_voxels].to_vec(),
        accuracy[unit],
    )
}

#[test]
fn silent_and_undefined_units_have_no_decoder_and_spoil_nothing() {
    type Change = fn(usize, &mut f32);
    let changes: [Change; 4] = [
        |_, value| *value = 0.0,
        |_, value| *value = 0.1,
        |image, value| *value = if image == 5 { f32::NAN } else { *value },
        |image, value| *value = if image == 5 { f32::INFINITY } else { *value },
    ];
    for change in changes {
        let env = TestEnv::small();
        env.edit_features(Training, "fc6", |image, units| change(image, &mut units[3]));
        train(&env)
            .ok()
            .stderr_contains("1 constant or undefined units have no decoder");
        predict(&env)
            .ok()
            .stderr_contains("1 units have no defined accuracy");
        for item in of_layer("fc6") {
            let (weights, accuracy) = only_unit_differs(&env, item, 3);
            assert!(weights.iter().all(|weight| *weight == 0.0));
            assert!(accuracy.is_nan());
            // What the original's predictor divides and multiplies by.
            let norm = mat::read_f32(&env.path(item.decoder()).join("y_norm.mat"), "y_norm");
            assert_eq!(norm.unwrap().values[3], 1.0);
        }
        env.neighbours_are_unchanged(&of_layer("fc6"));
        let decoding =
            env.run(["compute", "--json"]).ok().json()["networks"][0]["decoding"].clone();
        // One unit in two subjects.
        assert_eq!(decoding["n_undefined"], 2);
        assert_eq!(decoding["n_items"], 2 * (60 + 20));
    }
}

#[test]
fn a_unit_that_is_silent_or_undefined_in_the_test_has_no_accuracy() {
    for value in [0.0, f32::NAN] {
        let env = TestEnv::small();
        env.edit_features(Test, "fc6", |image, units| {
            if value == 0.0 || image == 7 {
                units[3] = value;
            }
        });
        env.decode();
        for item in of_layer("fc6") {
            let (_, accuracy) = only_unit_differs(&env, item, 3);
            assert!(accuracy.is_nan());
            let per_image = env.path(item.accuracy()).join("pattern_correlation.mat");
            let per_image = mat::read_f32(&per_image, "pattern_correlation").unwrap();
            assert!(per_image.values.iter().all(|value| value.is_finite()));
        }
        env.neighbours_are_unchanged(&of_layer("fc6"));
    }
}

#[test]
fn a_constant_or_undefined_voxel_is_left_out_and_the_others_decode() {
    let values: [fn(usize, f64) -> f64; 5] = [
        |_, _| 0.0,
        |_, _| 0.1,
        |_, _| -1e7,
        |sample, value| if sample == 9 { f64::NAN } else { value },
        |sample, value| if sample == 9 { f64::INFINITY } else { value },
    ];
    let affected = of_roi("sub-01", "V1");
    let mut decoders = Vec::new();
    for value in values {
        let env = TestEnv::small();
        env.edit_voxel("sub-01", Training, ("V1", 4), value);
        train(&env)
            .ok()
            .stderr_contains("1 constant or undefined voxels: left out");
        predict(&env).ok();
        for item in &affected {
            let weights = mat::read_f32(&env.path(item.decoder()).join("W.mat"), "W").unwrap();
            for unit in weights.values.chunks(weights.shape[0]) {
                assert_eq!(unit[4], 0.0);
                assert_eq!(unit.iter().filter(|weight| **weight != 0.0).count(), 20);
            }
            let accuracy = env.path(item.accuracy()).join("accuracy.mat");
            let accuracy = mat::read_f32(&accuracy, "accuracy").unwrap();
            assert!(accuracy.values.iter().all(|r| r.is_finite()));
            let norm = env.path(item.decoder()).join("x_norm.mat");
            assert_eq!(mat::read_f32(&norm, "x_norm").unwrap().values[4], 1.0);
        }
        env.neighbours_are_unchanged(&affected);
        let record = env.json(format!("{}/record.json", affected[0].decoder()));
        assert_eq!(record["result"]["n_constant_voxels"], 1);
        decoders.push(fs::read(env.path(affected[0].decoder()).join("W.mat")).unwrap());
    }
    // Which value it has does not matter.
    assert!(decoders.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn a_roi_without_a_voxel_that_varies_fails() {
    let env = TestEnv::small();
    let columns = env.columns("sub-01", Training, "V1");
    env.edit_samples("sub-01", Training, |samples| {
        columns
            .iter()
            .for_each(|column| samples.column_mut(*column).fill(0.5));
    });
    train(&env)
        .status(2)
        .stderr_contains("sub-01_perceptionNaturalImageTraining_VC_v2.h5")
        .stderr_contains("no voxel of ROI `V1` varies");
    env.neighbours_after_failure(&of_roi("sub-01", "V1"));
}

#[test]
fn a_roi_with_fewer_voxels_than_asked_for_uses_all_of_them() {
    let weights = [36, 37, 500].map(|n_voxels| {
        let env = TestEnv::small();
        env.edit_settings(|settings| settings["decoding"]["n_voxels"] = n_voxels.into());
        let run = env.run([
            "decode-train",
            "--net",
            NET,
            "--subject",
            "sub-01",
            "--roi",
            "V1",
        ]);
        run.ok();
        let folder = Item("conv1", "sub-01", "V1").decoder();
        let record = env.json(format!("{folder}/record.json"));
        assert_eq!(record["result"]["n_selected"], 36);
        let weights = mat::read_f32(&env.path(&folder).join("W.mat"), "W").unwrap();
        assert!(weights.values.iter().all(|weight| *weight != 0.0));
        fs::read(env.path(folder).join("W.mat")).unwrap()
    });
    assert!(weights[0] == weights[1] && weights[1] == weights[2]);
}

#[test]
fn missing_repetitions_change_only_their_subject() {
    let env = TestEnv::small();
    env.keep_samples("sub-01", Training, |sample, _| sample != 17);
    let shown = env.shown("sub-01", Test);
    let image = shown[0].clone();
    // Of one test image a single presentation is left.
    let last = shown.iter().rposition(|name| *name == image).unwrap();
    env.keep_samples("sub-01", Test, |sample, name| {
        name != image || sample == last
    });
    env.decode();
    let subject = items(|item| item.1 == "sub-01");
    let files = env.neighbours_are_unchanged(&subject);
    for item in subject {
        assert!(files.contains(&format!("{}/{image}.mat", item.decoded())));
        let record = env.json(format!("{}/record.json", item.decoder()));
        assert_eq!(record["result"]["n_samples"], 119);
        assert_eq!(record["result"]["n_images"], 60);
        let record = env.json(format!("{}/record.json", item.accuracy()));
        assert_eq!(record["result"]["n_test"], 40);
    }
}

#[test]
fn images_that_were_never_shown_are_left_out() {
    let env = TestEnv::small();
    let image = env.images(Test, "fc6")[11].clone();
    env.keep_samples("sub-02", Test, |_, name| name != image);
    env.decode();
    let subject = items(|item| item.1 == "sub-02");
    env.neighbours_are_unchanged(&subject);
    for item in subject {
        let folder = item.decoded();
        env.lacks(format!("{folder}/{image}.mat"));
        // Every other image keeps its own pattern.
        for other in env
            .images(Test, "fc6")
            .iter()
            .filter(|name| **name != image)
        {
            let path = format!("{folder}/{other}.mat");
            assert!(
                fs::read(env.path(&path)).unwrap() == clean()[&path],
                "{path}"
            );
        }
        let record = env.json(format!("{}/record.json", item.accuracy()));
        assert_eq!(record["result"]["n_test"], 39);
    }
}

#[test]
fn images_are_matched_by_name_and_a_wrong_index_is_reported() {
    let env = TestEnv::small();
    let column = env.column("sub-01", Training, "image_index");
    env.edit_samples("sub-01", Training, |samples| {
        // Image 1 becomes 2 and the other way round.
        let swap = |index: &mut f64| match *index as usize {
            1 => *index = 2.0,
            2 => *index = 1.0,
            _ => {}
        };
        samples.column_mut(column).iter_mut().for_each(swap);
    });
    train(&env)
        .ok()
        .stderr_contains("2 of 60 images have an image_index that is not the rank");
    predict(&env).ok();
    env.neighbours_are_unchanged(&[]);
}

#[test]
fn a_roi_that_one_subject_lacks_fails_there_and_is_left_out_of_the_score() {
    let env = TestEnv::small();
    for half in [Training, Test] {
        env.edit_roi("sub-02", half, "HVC", f64::NAN);
    }
    let run = train(&env);
    run.status(2)
        .stderr_contains("6 computed, 2 failed")
        .stderr_contains("sub-02_perceptionNaturalImageTraining_VC_v2.h5")
        .stderr_contains("ROI `HVC` (`ROI_HVC = 1`) has no voxel")
        .stderr_contains("`select`");
    let run = predict(&env);
    run.status(2).stderr_contains("bhscore decode-train");
    env.neighbours_after_failure(&of_roi("sub-02", "HVC"));
    let results = env.run(["compute", "--json"]).ok().json();
    let decoding = &results["networks"][0]["decoding"];
    assert_eq!(decoding["n_items"], 2 * (60 + 20));
    let votes = |subject: &str, roi: usize| -> u64 {
        let votes = decoding["by_subject"][subject]["votes"]["textbook"]
            .as_array()
            .unwrap();
        votes.iter().map(|layer| layer[roi].as_u64().unwrap()).sum()
    };
    assert!(votes("sub-01", 1) > 0);
    assert_eq!(votes("sub-02", 1), 0);
    assert!(votes("sub-02", 0) > 0);
}

#[test]
fn a_missing_feature_file_fails_its_layer_with_image_and_folder() {
    for (half, stage) in [(Training, "decode-train"), (Test, "decode-predict")] {
        let env = TestEnv::small();
        if half == Test {
            train(&env).ok();
        }
        let image = env.images(half, "conv1")[20].clone();
        let folder = env.features(half, "conv1");
        let file = env.path(&folder).join(format!("{image}.mat"));
        let kept = fs::read(&file).unwrap();
        fs::remove_file(&file).unwrap();
        let run = env.run([stage, "--net", NET]);
        run.status(2)
            .stderr_contains("4 computed, 4 failed")
            .stderr_contains(&folder)
            .stderr_contains(&format!("no features of image `{image}`, which was shown"));
        env.run(["status"]).status(1).stdout_contains(&image);
        // With the file back, the run is completed.
        fs::write(&file, kept).unwrap();
        env.run([stage, "--net", NET])
            .ok()
            .stderr_contains("4 computed, 4 done before");
        predict(&env);
        if half == Training {
            predict(&env).ok();
        }
        env.neighbours_are_unchanged(&[]);
        assert!(
            crate::env::files(env.root())
                .iter()
                .all(|path| !path.ends_with("failed.json"))
        );
    }
}

#[test]
fn damaged_feature_files_fail_their_layer_and_are_named() {
    type Damage = fn(&[u8]) -> Vec<u8>;
    let damages: [(Damage, &str); 5] = [
        (|bytes| bytes[..bytes.len() / 2].to_vec(), ""),
        (|bytes| bytes[..100].to_vec(), ""),
        (|_| Vec::new(), ""),
        (
            |_| mat::encode_f32("features", &[1, 20], &[0.0; 20]),
            "feat",
        ),
        (|_| mat::encode_f32("feat", &[1, 19], &[0.0; 19]), "[19]"),
    ];
    for layer in ["conv1", "fc6"] {
        for (damage, text) in damages {
            let env = TestEnv::small();
            let image = env.images(Training, layer)[33].clone();
            let file = format!("{}/{image}.mat", env.features(Training, layer));
            let bytes = damage(&fs::read(env.path(&file)).unwrap());
            fs::write(env.path(&file), bytes).unwrap();
            train(&env)
                .status(2)
                .stderr_contains("4 computed, 4 failed")
                .stderr_contains(&file)
                .stderr_contains(text)
                // Cause and remedy.
                .stderr_contains("; ");
            env.neighbours_after_failure(&of_layer(layer));
        }
    }
}

#[test]
fn damaged_and_missing_fmri_files_fail_their_subject_and_are_named() {
    for n_bytes in [None, Some(0), Some(500), Some(60_000)] {
        let env = TestEnv::small();
        let file = env.fmri("sub-01", Training);
        match n_bytes {
            None => fs::remove_file(env.path(&file)).unwrap(),
            Some(n) => {
                let bytes = fs::read(env.path(&file)).unwrap();
                fs::write(env.path(&file), &bytes[..n]).unwrap();
            }
        }
        train(&env)
            .status(2)
            .stderr_contains("4 computed, 4 failed")
            .stderr_contains(&file)
            .stderr_contains("; ");
        env.neighbours_after_failure(&items(|item| item.1 == "sub-01"));
    }
}

#[test]
fn an_undefined_value_in_a_test_voxel_fails_its_items_with_file_voxel_and_image() {
    for value in [f64::NAN, f64::INFINITY] {
        let env = TestEnv::small();
        let image = env.shown("sub-01", Test)[5].clone();
        env.edit_voxel("sub-01", Test, ("V1", 4), |sample, before| {
            if sample == 5 { value } else { before }
        });
        train(&env).ok();
        predict(&env)
            .status(2)
            .stderr_contains("6 computed, 2 failed")
            .stderr_contains(&env.fmri("sub-01", Test))
            .stderr_contains("voxel 4 of ROI `V1`")
            .stderr_contains(&format!("`{image}`"))
            .stderr_contains("`select`");
        let decoders = of_roi("sub-01", "V1");
        env.neighbours_after_failure(&decoders);
    }
}

#[test]
fn training_and_test_tables_of_other_voxels_are_refused() {
    let env = TestEnv::small();
    let column = env.columns("sub-02", Test, "V1")[0];
    env.edit_roi_column("sub-02", Test, "V1", column, f64::NAN);
    train(&env).ok();
    predict(&env)
        .status(2)
        .stderr_contains("6 computed, 2 failed")
        .stderr_contains("expects 33 voxels, the test fMRI has 32");
    env.neighbours_after_failure(&of_roi("sub-02", "V1"));
}

#[test]
fn a_decoder_with_a_file_missing_or_damaged_fails_its_item() {
    let item = Item("fc6", "sub-01", "HVC");
    for (name, keep) in [
        ("W", None),
        ("b", None),
        ("y_norm", None),
        ("W", Some(700)),
        ("x_mean", Some(0)),
    ] {
        let env = TestEnv::small();
        train(&env).ok();
        let file = format!("{}/{name}.mat", item.decoder());
        let bytes = fs::read(env.path(&file)).unwrap();
        fs::remove_file(env.path(&file)).unwrap();
        if let Some(n) = keep {
            fs::write(env.path(&file), &bytes[..n]).unwrap();
        }
        predict(&env)
            .status(2)
            .stderr_contains("7 computed, 1 failed")
            .stderr_contains(&file);
        env.neighbours_after_failure(&[item]);
    }
}

#[test]
fn run_computes_what_it_can_when_an_item_fails() {
    let env = TestEnv::small();
    env.edit_settings(|settings| {
        let rois = json!(["V1", "HVC", { "name": "PPA", "select": "ROI_PPA = 1" }]);
        settings["rois"] = rois;
    });
    let run = env.run(["run", "--net", NET]);
    run.status(2)
        .stderr_contains("decode-train: 12 items: 8 computed, 4 failed")
        .stderr_contains("decode-predict: 12 items: 8 computed, 4 failed");
    env.neighbours_after_failure(&[]);
}

#[test]
fn accuracies_that_do_not_fit_together_are_refused_with_their_files() {
    let env = TestEnv::finished();
    let item = Item("fc6", "sub-02", "HVC");
    let file = format!("{}/accuracy.mat", item.accuracy());
    let bytes = mat::encode_f32("accuracy", &[1, 19], &[0.5; 19]);
    fs::write(env.path(&file), bytes).unwrap();
    env.run(["compute"])
        .status(2)
        .stderr_contains("fc6")
        .stderr_contains("sub-02")
        .stderr_contains("HVC");
    let bytes = mat::encode_f32("acc", &[1, 20], &[0.5; 20]);
    fs::write(env.path(&file), bytes).unwrap();
    env.run(["compute"])
        .status(2)
        .stderr_contains(&file)
        .stderr_contains("accuracy");
    fs::remove_file(env.path(&file)).unwrap();
    fs::remove_file(
        env.path(Item("conv1", "sub-01", "V1").accuracy())
            .join("accuracy.mat"),
    )
    .unwrap();
    // All at once.
    env.run(["compute"])
        .status(2)
        .stderr_contains("2 of 8 accuracy files are missing")
        .stderr_contains(&file)
        .stderr_contains("conv1/sub-01/V1/accuracy.mat");
}

#[test]
fn tables_with_too_few_samples_fail_their_subject() {
    for (half, stage) in [(Training, "decode-train"), (Test, "decode-predict")] {
        for n_samples in [0, 1] {
            let env = TestEnv::small();
            if half == Test {
                train(&env).ok();
            }
            env.keep_samples("sub-01", half, |sample, _| sample < n_samples);
            let run = env.run([stage, "--net", NET]);
            if (half, n_samples) == (Test, 1) {
                // One pattern can be decoded, but nothing correlates over one image.
                run.ok()
                    .stderr_contains("60 units have no defined accuracy");
            } else {
                run.status(2)
                    .stderr_contains("4 computed, 4 failed")
                    .stderr_contains(&env.fmri("sub-01", half))
                    .stderr_contains("; ");
            }
            predict(&env);
            env.neighbours_are_unchanged(&items(|item| item.1 == "sub-01"));
        }
    }
}

#[test]
fn one_unit_one_voxel_and_one_axis_are_enough() {
    let env = TestEnv::small();
    for half in [Training, Test] {
        env.edit_features(half, "fc6", |_, units| units.truncate(1));
        for column in env.columns("sub-01", half, "V1").split_off(1) {
            env.edit_roi_column("sub-01", half, "V1", column, f64::NAN);
        }
    }
    env.decode();
    let item = Item("fc6", "sub-01", "V1");
    let weights = mat::read_f32(&env.path(item.decoder()).join("W.mat"), "W").unwrap();
    assert_eq!((weights.shape, weights.values.len()), (vec![1, 1], 1));
    let accuracy = env.path(item.accuracy()).join("accuracy.mat");
    let accuracy = mat::read_f32(&accuracy, "accuracy").unwrap();
    assert_eq!(accuracy.shape, [1, 1]);
    assert!(accuracy.values[0].is_finite());
    let affected = items(|item| item.0 == "fc6" || (item.1 == "sub-01" && item.2 == "V1"));
    env.neighbours_are_unchanged(&affected);
    env.run(["compute"]).ok();
}

impl TestEnv {
    /// The items `failed` have no result, a note says why, and the others are as they should be.
    #[track_caller]
    fn neighbours_after_failure(&self, failed: &[Item]) {
        self.has_no_temporary_files();
        for item in failed {
            self.lacks(format!("{}/record.json", item.accuracy()));
        }
        // What was not reached because an earlier stage failed is computed now.
        predict(self);
        self.neighbours_are_unchanged(failed);
    }
}
