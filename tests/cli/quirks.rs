//! Where the original does something odd: what it does, by `--compat` where there is a choice, and what is done here.
//! Rows of `docs/compared.md` that no other test shows; those of the library are in `tests/quirks.rs`.

use std::fs;

use bhscore::io::bdata::BData;
use bhscore::io::mat;
use serde_json::{Value, json};

use crate::common;
use crate::edit::Half::{Test, Training};
use crate::env::{TestEnv, copy, no_start};
use crate::items::{Item, NET, of_layer, of_roi};

const V1: Item = Item("fc6", "sub-01", "V1");

fn values(env: &TestEnv, folder: &str, name: &str) -> Vec<f32> {
    let path = env.path(folder).join(format!("{name}.mat"));
    mat::read_f32(&path, name).unwrap().values
}

fn encoder(Item(layer, subject, roi): Item) -> String {
    format!("data/feature_encoders/ImageNetTraining/{NET}/{layer}/{subject}/{roi}/model")
}

fn decode(env: &TestEnv, options: &[&str]) {
    for stage in ["decode-train", "decode-predict"] {
        env.run([&[stage, "--net", NET], options].concat()).ok();
    }
}

// ------------------------------------------------------------------ A, D: order of layers

/// A15 and D11. As text, `Cell_10` comes before `Cell_9`.
#[test]
fn layers_have_the_order_of_the_settings_whatever_they_are_called() {
    let env = TestEnv::copy_of(&common::golden("expected"));
    env.edit_settings(|settings| settings["score"] = json!({"n_test": 40}));
    let scores = || {
        let results = env.run(["compute", "--json"]).ok().json();
        results["networks"][0].clone()
    };
    let before = scores();
    let names = [
        "Cell_9", "Cell_10", "Cell_11", "Cell_100", "Cell_2", "Cell_1",
    ];
    let layers = ["conv1", "conv2", "conv3", "fc4", "fc5", "fc6"];
    for half in ["decoding_accuracy", "encoding_accuracy"] {
        let folder = env.path(format!("data/{half}/ImageNetTest/{NET}"));
        for (layer, name) in layers.iter().zip(names) {
            fs::rename(folder.join(layer), folder.join(name)).unwrap();
        }
    }
    env.edit_settings(|settings| settings["dnns"]["ringnet"]["layers"] = json!(names));
    let renamed = scores();
    for half in ["decoding", "encoding"] {
        for part in ["published", "textbook", "votes"] {
            assert_eq!(renamed[half][part], before[half][part], "{half} {part}");
        }
    }
    env.edit_settings(|settings| {
        let layers = settings["dnns"]["ringnet"]["layers"].as_array_mut();
        layers.unwrap().reverse();
    });
    let reversed = scores();
    for half in ["decoding", "encoding"] {
        let all = |scores: &Value| scores[half]["all_layers"]["published"].as_f64().unwrap();
        let sum = all(&reversed) + all(&before);
        assert!(sum.abs() < 1e-12 && all(&before) > 0.5, "{half}: {sum}");
    }
}

// ------------------------------------------------------------------ B: fit

/// B6, B7, B8. In the original it depends on rounding whether a voxel that is 0.1 throughout does so; with `--compat`
/// all constants do.
#[test]
fn undefined_and_constant_voxels_are_left_out_or_poison_their_roi() {
    let tenth = |_: usize, _: f64| 0.1;
    let undefined = |sample: usize, value: f64| if sample == 9 { f64::NAN } else { value };
    let changes: [fn(usize, f64) -> f64; 2] = [tenth, undefined];
    for change in changes {
        let env = TestEnv::small();
        env.edit_voxel("sub-01", Training, ("V1", 4), change);
        decode(&env, &[]);
        let weights = values(&env, &V1.decoder(), "W");
        let n_voxels = weights.len() / 20;
        assert!(weights.chunks(n_voxels).all(|unit| unit[4] == 0.0));
        let r = values(&env, &V1.accuracy(), "accuracy");
        assert!(r.iter().all(|r| r.is_finite()));
        env.neighbours_are_unchanged(&of_roi("sub-01", "V1"));
        decode(&env, &["--compat"]);
        let weights = values(&env, &V1.decoder(), "W");
        assert!(weights.iter().all(|weight| weight.is_nan()));
        let r = values(&env, &V1.accuracy(), "accuracy");
        assert!(r.iter().all(|r| r.is_nan()));
        env.neighbours_are_unchanged(&of_roi("sub-01", "V1"));
    }
}

/// B9. Single precision makes an accuracy of rounding errors of it in the original.
#[test]
fn a_unit_of_a_constant_tenth_has_no_accuracy_in_either_mode() {
    let env = TestEnv::small();
    env.edit_features(Training, "fc6", |_, units| units[3] = 0.1);
    for (options, weight_is_nan) in [(&[][..], false), (&["--compat"], true)] {
        decode(&env, options);
        let weights = values(&env, &V1.decoder(), "W");
        let n_voxels = weights.len() / 20;
        for (unit, weights) in weights.chunks(n_voxels).enumerate() {
            let nan = weights.iter().any(|weight| weight.is_nan());
            assert_eq!(nan, weight_is_nan && unit == 3);
            let zero = weights.iter().all(|weight| *weight == 0.0);
            assert_eq!(zero, !weight_is_nan && unit == 3);
        }
        let r = values(&env, &V1.accuracy(), "accuracy");
        let undefined: Vec<usize> = (0..20).filter(|unit| r[*unit].is_nan()).collect();
        assert_eq!(undefined, [3]);
        env.neighbours_are_unchanged(&of_layer("fc6"));
    }
}

/// B13 and B14.
#[test]
fn voxels_are_scaled_over_presentations_and_units_over_images() {
    let env = TestEnv::small();
    // Image 17 is left with one presentation of two.
    env.keep_samples("sub-01", Training, |sample, _| sample != 17);
    env.train().ok();
    let moments = |values: &[f64]| {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let square: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        (mean, (square / (n - 1.0)).sqrt())
    };
    let near = |found: f32, expected: f64| {
        let error = (f64::from(found) - expected).abs();
        assert!(
            error < 1e-6 * expected.abs().max(1.0),
            "{found} and {expected}"
        );
    };
    let table = {
        let _guard = no_start();
        BData::read(&env.path(env.fmri("sub-01", Training))).unwrap()
    };
    let voxels = table.select("ROI_V1 = 1").unwrap();
    assert_eq!(voxels.nrows(), 119);
    let (mean, norm) = moments(&voxels.column(2).to_vec());
    near(values(&env, &V1.decoder(), "x_mean")[2], mean);
    near(values(&env, &V1.decoder(), "x_norm")[2], norm);
    let images = env.images(Training, "fc6");
    assert_eq!(images.len(), 60);
    let unit = |image: &String| {
        let path = env.path(env.features(Training, "fc6"));
        let units = mat::read_f64(&path.join(format!("{image}.mat")), "feat");
        units.unwrap().values[2]
    };
    let (mean, norm) = moments(&images.iter().map(unit).collect::<Vec<_>>());
    near(values(&env, &V1.decoder(), "y_mean")[2], mean);
    near(values(&env, &V1.decoder(), "y_norm")[2], norm);
}

// ------------------------------------------------------------------ C: prediction

/// C2.
#[test]
fn a_voxel_that_was_constant_in_training_says_nothing_in_the_test() {
    let mut decoded = Vec::new();
    let changes: [fn(usize, f64) -> f64; 3] = [
        |_, value| value,
        |sample, _| 1e6 * sample as f64,
        |sample, value| if sample == 5 { f64::NAN } else { value },
    ];
    for change in changes {
        let env = TestEnv::small();
        env.edit_voxel("sub-01", Training, ("V1", 4), |_, _| 0.0);
        env.edit_voxel("sub-01", Test, ("V1", 4), change);
        decode(&env, &[]);
        let r = values(&env, &V1.accuracy(), "accuracy");
        assert!(r.iter().all(|r| r.is_finite()));
        let image = &env.images(Test, "fc6")[7];
        let path = env.path(V1.decoded()).join(format!("{image}.mat"));
        decoded.push((r, fs::read(path).unwrap()));
        decode(&env, &["--compat"]);
        let r = values(&env, &V1.accuracy(), "accuracy");
        assert!(r.iter().all(|r| r.is_nan()));
    }
    assert!(decoded.windows(2).all(|pair| pair[0] == pair[1]));
}

// ------------------------------------------------------------------ D: order of units and labels

/// D2. By rows, unit (1, 0, 2) of 3 × 4 × 5 would be number 22; by columns it is 25.
#[test]
fn rows_of_an_encoder_are_units_by_columns() {
    let (by_columns, by_rows) = (1 + 3 * 4 * 2, 4 * 5 + 2);
    let env = TestEnv::small();
    // More than there are: every unit that varies has a weight.
    env.edit_settings(|settings| settings["encoding"]["n_units"] = 500.into());
    env.edit_features(Training, "conv1", |_, units| units[by_columns] = 0.0);
    let image = &env.images(Training, "conv1")[0];
    let path = env.path(env.features(Training, "conv1"));
    {
        let _guard = no_start();
        let file = hdf5::File::open(path.join(format!("{image}.mat"))).unwrap();
        let raw: ndarray::Array4<f32> = file.dataset("feat").unwrap().read().unwrap();
        // On disk the axes are reversed.
        assert_eq!(raw.dim(), (5, 4, 3, 1));
        assert_eq!(raw[[2, 0, 1, 0]], 0.0);
    }
    env.run(["encode-train", "--net", NET, "--layer", "conv1"])
        .ok();
    let weights = values(&env, &encoder(Item("conv1", "sub-01", "V1")), "W");
    for voxel in weights.chunks(60) {
        let without: Vec<usize> = (0..60).filter(|unit| voxel[*unit] == 0.0).collect();
        assert_eq!(without, [by_columns]);
        assert_ne!(by_columns, by_rows);
    }
}

/// D4. The decoding of the original goes by the number (D3).
#[test]
fn encoding_goes_by_name_in_either_mode() {
    let [plain, turned] = [false, true].map(|turn| {
        let env = TestEnv::small();
        if turn {
            let column = env.column("sub-01", Training, "image_index");
            env.edit_samples("sub-01", Training, |samples| {
                let turned = |index: &mut f64| *index = 61.0 - *index;
                samples.column_mut(column).iter_mut().for_each(turned);
            });
        }
        [&[][..], &["--compat"]].map(|options| {
            let call = [&["encode-train", "--net", NET, "--layer", "fc6"], options].concat();
            env.run(call).ok();
            fs::read(env.path(encoder(V1)).join("W.mat")).unwrap()
        })
    });
    assert!(plain == turned);
    assert!(plain[0] == plain[1]);
}

/// D7.
#[test]
fn test_images_that_were_never_shown_are_skipped_or_an_error_in_encoding() {
    let env = TestEnv::small();
    let unseen = env.images(Test, "fc6")[3].clone();
    env.keep_samples("sub-01", Test, |_, image| image != unseen);
    for (options, status) in [(&[][..], 0), (&["--compat"], 2)] {
        let call = |stage| [&[stage, "--net", NET, "--layer", "fc6"], options].concat();
        env.run(call("encode-train")).ok();
        let run = env.run(call("encode-predict"));
        run.status(status);
        if status == 0 {
            run.stderr_contains("1 test images were never shown: skipped");
        } else {
            run.stderr_contains(&format!("never shown, such as `{unseen}`"))
                .stderr_contains("2 computed, 2 failed");
        }
    }
    // The other way round neither minds.
    let env = TestEnv::small();
    let path = env.path(env.features(Test, "fc6"));
    fs::remove_file(path.join(format!("{unseen}.mat"))).unwrap();
    for options in [&[][..], &["--compat"]] {
        let call = |stage| [&[stage, "--net", NET, "--layer", "fc6"], options].concat();
        env.run(call("encode-train")).ok();
        env.run(call("encode-predict"))
            .ok()
            .stderr_contains("1 images that were shown have no features: skipped");
    }
}

/// D8.
#[test]
fn a_training_presentation_without_features_is_named() {
    let env = TestEnv::small();
    let image = env.images(Training, "fc6")[59].clone();
    let path = env.path(env.features(Training, "fc6"));
    fs::remove_file(path.join(format!("{image}.mat"))).unwrap();
    for stage in ["decode-train", "encode-train"] {
        env.run([stage, "--net", NET])
            .status(2)
            .stderr_contains("4 computed, 4 failed")
            .stderr_contains(&format!("no features of image `{image}`, which was shown"));
    }
    // By number, image 60 of 59.
    env.run(["decode-train", "--net", NET, "--compat", "--layer", "fc6"])
        .status(2)
        .stderr_contains(&image);
}

/// D9. By number, a file too many moves all images after it.
#[test]
fn files_that_one_layer_has_alone_are_harmless_by_name_and_refused_by_number() {
    for half in [Training, Test] {
        let env = TestEnv::small();
        if half == Test {
            decode(&env, &["--compat"]);
        }
        let folder = env.path(env.features(half, "fc6"));
        let image = &env.images(half, "fc6")[0];
        let spare = folder.join("a_spare_one.mat");
        fs::copy(folder.join(format!("{image}.mat")), spare).unwrap();
        let stage = match half {
            Training => "decode-train",
            Test => "decode-predict",
        };
        env.run([stage, "--net", NET, "--compat", "--force"])
            .status(2)
            .stderr_contains("8 failed")
            .stderr_contains("`fc6` has a file for `a_spare_one` and layer `conv1` has not")
            .stderr_contains("give all layers the same files");
        // The spare image counts in the mean of a unit in training, and nowhere else.
        decode(&env, &[]);
        let affected = if half == Training {
            of_layer("fc6")
        } else {
            Vec::new()
        };
        env.neighbours_are_unchanged(&affected);
        let item = format!("{}/accuracy.mat", V1.accuracy());
        let (now, before) = env.now_and_before(&item, "accuracy");
        let near = now
            .iter()
            .zip(&before)
            .all(|(now, before)| (now - before).abs() < 0.02);
        assert!(near, "{now:?} {before:?}");
    }
}

/// D10. The original decodes every folder of the network.
#[test]
fn layers_that_the_settings_do_not_list_are_left_alone() {
    let env = TestEnv::small();
    for half in [Training, Test] {
        copy(
            &env.path(env.features(half, "fc6")),
            &env.path(env.features(half, "fc7_spare")),
        );
    }
    env.train().ok().stderr_contains("8 items: 8 computed");
    env.predict().ok();
    env.neighbours_are_unchanged(&[]);
    env.lacks(format!(
        "data/feature_decoders/ImageNetTraining/{NET}/fc7_spare"
    ));
}

// ------------------------------------------------------------------ F: running

/// F1. The original reads `info.yaml` on a second run, in a way that current PyYAML refuses.
#[test]
fn notes_of_the_original_beside_its_decoders_do_not_matter() {
    let env = TestEnv::small();
    copy(
        &common::golden("expected").join(Item("fc6", "sub-02", "HVC").decoder()),
        &env.path(Item("fc6", "sub-02", "HVC").decoder()),
    );
    let info = env
        .path(Item("fc6", "sub-02", "HVC").decoder())
        .join("info.yaml");
    for text in ["_status: {computation_status: done}", "\t: no YAML at all"] {
        fs::write(&info, text).unwrap();
        for n_computed in [7, 0] {
            // Once is enough for the first text.
            let n_computed = if text.starts_with('_') { n_computed } else { 0 };
            env.train()
                .ok()
                .stderr_contains(&format!("8 items: {n_computed} computed"));
        }
    }
    assert_eq!(fs::read_to_string(info).unwrap(), "\t: no YAML at all");
}

/// F2 and F3. The original takes an item for done whose result has a folder, and skips one for ever whose lock was
/// left in `tmp/*.db`.
#[test]
fn half_filled_folders_and_locks_of_the_original_stop_nothing() {
    let env = TestEnv::small();
    env.train().ok();
    fs::create_dir_all(env.path("tmp")).unwrap();
    fs::write(env.path("tmp/decode-predict.db"), "a lock").unwrap();
    let image = &env.images(Test, "fc6")[0];
    let half_filled = env.path(V1.decoded());
    fs::create_dir_all(&half_filled).unwrap();
    fs::write(
        half_filled.join(format!("{image}.mat")),
        mat::encode_f32("feat", &[1, 20], &[0.0; 20]),
    )
    .unwrap();
    fs::create_dir_all(env.path(Item("conv1", "sub-01", "V1").accuracy())).unwrap();
    env.predict().ok().stderr_contains("8 items: 8 computed");
    env.neighbours_are_unchanged(&[]);
}
