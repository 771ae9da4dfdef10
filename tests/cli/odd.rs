//! Odd data (a silent unit, a constant voxel, a missing repetition) are computed with what is left,
//! and no neighbour notices.

use std::fs;

use bhscore::io::mat;

use crate::edit::Half::{Test, Training};
use crate::env::{TestEnv, clean};
use crate::items::{Item, NET, items, of_layer, of_roi, of_subject};

/// Asserts that of an item's units only `unit` differs, and returns its weights and accuracy.
#[track_caller]
fn only_unit_differs(env: &TestEnv, item: Item, unit: usize) -> (Vec<f32>, f32) {
    let path = format!("{}/W.mat", item.decoder());
    let (now, before) = env.now_and_before(&path, "W");
    let path = format!("{}/accuracy.mat", item.accuracy());
    let (accuracy, earlier) = env.now_and_before(&path, "accuracy");
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
        env.train()
            .ok()
            .stderr_contains("1 constant or undefined units have no decoder");
        env.predict()
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
        env.train()
            .ok()
            .stderr_contains("1 constant or undefined voxels: left out");
        env.predict().ok();
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
    let subject = of_subject("sub-01");
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
    let subject = of_subject("sub-02");
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
    env.train()
        .ok()
        .stderr_contains("2 of 60 images have an image_index that is not the rank");
    env.predict().ok();
    env.neighbours_are_unchanged(&[]);
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

/// As other systems leave them on shared disks.
#[test]
fn files_that_are_no_features_are_passed_over() {
    let env = TestEnv::small();
    for half in [Training, Test] {
        let folder = env.path(env.features(half, "fc6"));
        let image = &env.images(half, "fc6")[0];
        for name in [".DS_Store", "Thumbs.db", "README.txt", "info.yaml"] {
            fs::write(folder.join(name), "not features").unwrap();
        }
        fs::write(folder.join(format!("._{image}.mat")), "not features").unwrap();
        fs::create_dir(folder.join("old")).unwrap();
    }
    env.decode();
    env.neighbours_are_unchanged(&[]);
}

#[test]
fn all_images_without_features_are_counted() {
    let env = TestEnv::small();
    for image in &env.images(Test, "fc6")[3..8] {
        fs::remove_file(
            env.path(env.features(Test, "fc6"))
                .join(format!("{image}.mat")),
        )
        .unwrap();
    }
    env.train().ok();
    env.predict()
        .status(2)
        .stderr_contains("which was shown, nor of 4 others of 40; extract the missing image");
}
