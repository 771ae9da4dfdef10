//! Damaged files fail their items with exit status 2, the file and the remedy; the other items are
//! computed all the same.

use std::fs;

use bhscore::io::mat;
use serde_json::json;

use crate::edit::Half::{Test, Training};
use crate::env::TestEnv;
use crate::items::{Item, NET, of_layer, of_roi, of_subject};

#[test]
fn a_roi_without_a_voxel_that_varies_fails() {
    let env = TestEnv::small();
    let columns = env.columns("sub-01", Training, "V1");
    env.edit_samples("sub-01", Training, |samples| {
        columns
            .iter()
            .for_each(|column| samples.column_mut(*column).fill(0.5));
    });
    env.train()
        .status(2)
        .stderr_contains("sub-01_perceptionNaturalImageTraining_VC_v2.h5")
        .stderr_contains("no voxel of ROI `V1` varies");
    env.neighbours_after_failure(&of_roi("sub-01", "V1"));
}

#[test]
fn a_roi_that_one_subject_lacks_fails_there_and_is_left_out_of_the_score() {
    let env = TestEnv::small();
    for half in [Training, Test] {
        env.edit_roi("sub-02", half, "HVC", f64::NAN);
    }
    let run = env.train();
    run.status(2)
        .stderr_contains("6 computed, 2 failed")
        .stderr_contains("sub-02_perceptionNaturalImageTraining_VC_v2.h5")
        .stderr_contains("ROI `HVC` (`ROI_HVC = 1`) has no voxel")
        .stderr_contains("`select`");
    let run = env.predict();
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
            env.train().ok();
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
        env.predict();
        if half == Training {
            env.predict().ok();
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
            env.train()
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
        env.train()
            .status(2)
            .stderr_contains("4 computed, 4 failed")
            .stderr_contains(&file)
            .stderr_contains("; ");
        env.neighbours_after_failure(&of_subject("sub-01"));
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
        env.train().ok();
        env.predict()
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
fn a_label_key_of_ones_own_must_be_there() {
    let env = TestEnv::small();
    env.edit_settings(|settings| settings["decoding"]["label_key"] = json!("image_name"));
    env.train()
        .status(2)
        .stderr_contains("has no metadata key `image_name`")
        .stderr_contains("`decoding.label_key`");
}

#[test]
fn training_and_test_tables_of_other_voxels_are_refused() {
    let env = TestEnv::small();
    let column = env.columns("sub-02", Test, "V1")[0];
    env.edit_roi_column("sub-02", Test, "V1", column, f64::NAN);
    env.train().ok();
    env.predict()
        .status(2)
        .stderr_contains("6 computed, 2 failed")
        .stderr_contains("expects 33 voxels, the test fMRI has 32");
    env.neighbours_after_failure(&of_roi("sub-02", "V1"));
}

#[test]
fn training_and_test_features_of_other_shapes_are_refused() {
    let env = TestEnv::small();
    env.edit_features(Test, "fc6", |_, units| units.truncate(19));
    env.train().ok();
    env.predict()
        .status(2)
        .stderr_contains("4 computed, 4 failed")
        .stderr_contains("decodes units of shape [20], the test features have [19]");
    env.neighbours_after_failure(&of_layer("fc6"));
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
        env.train().ok();
        let file = format!("{}/{name}.mat", item.decoder());
        let bytes = fs::read(env.path(&file)).unwrap();
        fs::remove_file(env.path(&file)).unwrap();
        if let Some(n) = keep {
            fs::write(env.path(&file), &bytes[..n]).unwrap();
        }
        env.predict()
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
                env.train().ok();
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
            env.predict();
            env.neighbours_are_unchanged(&of_subject("sub-01"));
        }
    }
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
        self.predict();
        self.neighbours_are_unchanged(failed);
    }
}
