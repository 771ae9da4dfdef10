//! What has changed is computed again, and nothing else.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::edit::Half::{self, Test, Training};
use crate::env::{TestEnv, files, program};
use crate::items::{Item, NET, of_layer, of_subject};

/// Nothing is computed by another run.
#[track_caller]
pub fn is_done(env: &TestEnv) {
    env.train()
        .ok()
        .stderr_contains("8 items: 0 computed, 8 done before");
    env.predict()
        .ok()
        .stderr_contains("8 items: 0 computed, 8 done before");
    for stage in [0, 1] {
        assert_eq!(counts(env, stage), [8, 0, 0, 0].map(Value::from));
    }
}

/// Asserts how many items of each stage the next runs compute, and that it is enough.
#[track_caller]
pub fn computes(env: &TestEnv, trained: usize, predicted: usize) {
    let said = |n: usize| format!("8 items: {n} computed");
    env.train().ok().stderr_contains(&said(trained));
    env.predict().ok().stderr_contains(&said(predicted));
    is_done(env);
}

fn modified(env: &TestEnv) -> Vec<SystemTime> {
    let files = files(&env.path("data"));
    let time = |path: &std::path::PathBuf| fs::metadata(path).unwrap().modified().unwrap();
    files.iter().map(time).collect()
}

/// Counts of a stage: done, stale, failed, missing.
fn counts(env: &TestEnv, stage: usize) -> [Value; 4] {
    let counts = env.run(["status", "--json"]).json()["stages"][stage].clone();
    ["done", "stale", "failed", "missing"].map(|name| counts[name].clone())
}

#[test]
fn a_second_run_computes_and_writes_nothing() {
    let env = TestEnv::finished();
    let before = modified(&env);
    is_done(&env);
    env.run(["run", "--net", NET]).ok();
    assert!(modified(&env) == before);
}

#[test]
fn other_settings_make_results_stale_and_come_true() {
    for (section, key, value) in [
        ("decoding", "alpha", json!(10)),
        ("decoding", "n_voxels", json!(7)),
    ] {
        let env = TestEnv::finished();
        env.edit_settings(|settings| settings[section][key] = value.clone());
        for stage in [0, 1] {
            assert_eq!(counts(&env, stage), [0, 8, 0, 0].map(Value::from));
        }
        let list = env.run(["decode-train", "--net", NET, "--dry-run"]);
        assert_eq!(list.ok().stdout.matches("settings changed").count(), 8);
        // What the old decoders give must not pass for the new ones.
        env.predict()
            .status(2)
            .stderr_contains(&format!("was trained with {key}"))
            .stderr_contains("run `bhscore decode-train` again");
        computes(&env, 8, 8);
        let fresh = TestEnv::small();
        fresh.edit_settings(|settings| settings[section][key] = value);
        fresh.decode();
        assert!(env.artifacts() == fresh.artifacts());
        let record = env.json(format!(
            "{}/record.json",
            Item("fc6", "sub-01", "V1").decoder()
        ));
        assert_eq!(
            record["settings"][key].as_f64(),
            fresh.json("settings.json")[section][key].as_f64()
        );
    }
}

#[test]
fn settings_of_the_score_and_the_encoding_leave_decoders_alone() {
    let env = TestEnv::finished();
    env.edit_settings(|settings| {
        settings["score"] = json!({ "n_layers": 2, "p_value": 0.01, "n_test": 40 });
        settings["encoding"] = json!({ "alpha": 3 });
    });
    is_done(&env);
}

#[test]
fn settings_of_the_encoding_concern_all_encoders() {
    let env = TestEnv::finished();
    env.run(["status"]).ok();
    env.edit_settings(|settings| settings["encoding"] = json!({ "alpha": 3 }));
    env.run(["status"]).status(1);
    for stage in [2, 3] {
        assert_eq!(counts(&env, stage), [0, 8, 0, 0].map(Value::from));
    }
    env.run(["run", "--net", NET])
        .ok()
        .stderr_contains("decode-train: 8 items: 0 computed")
        .stderr_contains("encode-train: 8 items: 8 computed")
        .stderr_contains("encode-predict: 8 items: 8 computed");
    env.run(["status"]).ok();
}

#[test]
fn another_select_expression_concerns_its_roi_only() {
    let env = TestEnv::finished();
    env.edit_settings(|settings| {
        settings["rois"][1] = json!({ "name": "HVC", "select": "ROI_V3 = 1 | ROI_HVC = 1" });
    });
    computes(&env, 4, 4);
}

#[test]
fn touched_and_rewritten_but_equal_files_leave_everything_done() {
    let env = TestEnv::finished();
    let later = SystemTime::now() + Duration::from_secs(3600);
    for path in files(&env.path("data")) {
        File::options()
            .append(true)
            .open(path)
            .unwrap()
            .set_modified(later)
            .unwrap();
    }
    is_done(&env);
    for folder in ["data/fmri", "data/features"] {
        for path in files(&env.path(folder)) {
            let bytes = fs::read(&path).unwrap();
            fs::remove_file(&path).unwrap();
            fs::write(&path, bytes).unwrap();
        }
    }
    is_done(&env);
}

#[test]
fn a_study_that_was_copied_elsewhere_is_done() {
    let env = TestEnv::finished();
    let copy = TestEnv::copy_of(env.root());
    is_done(&copy);
    // However the folder is named.
    let parent = copy.root().parent().unwrap();
    let name = copy.root().file_name().unwrap().to_str().unwrap();
    let places = [
        (copy.root(), ".".to_owned()),
        (parent, format!("{name}/")),
        (parent, format!("./{name}/../{name}")),
    ];
    for (from, study) in places {
        let mut command = program();
        command.current_dir(from).args(["-C", &study, "status"]);
        crate::env::Run::of(command).ok();
    }
}

/// One file of a layer, written again in place by somebody: the folder's time stays.
#[test]
fn a_changed_feature_file_concerns_its_layer_only() {
    for (half, image, trained) in [
        (Training, 0, 4),
        (Training, 1, 4),
        (Training, 58, 4),
        (Test, 3, 0),
        (Test, 39, 0),
    ] {
        let env = TestEnv::finished();
        env.edit_features(half, "fc6", |index, units| {
            if index == image {
                units[0] += 1.0;
            }
        });
        let stage = usize::from(half == Test);
        assert_eq!(counts(&env, stage), [4, 4, 0, 0].map(Value::from));
        computes(&env, trained, 4);
        env.neighbours_are_unchanged(&of_layer("fc6"));
    }
}

#[test]
fn added_and_removed_feature_files_are_noticed() {
    let env = TestEnv::finished();
    let folder = env.path(env.features(Training, "fc6"));
    let image = &env.images(Training, "fc6")[8];
    let extra = folder.join("n99999999_1.mat");
    fs::copy(folder.join(format!("{image}.mat")), &extra).unwrap();
    // Means and deviations are over all images of the folder.
    computes(&env, 4, 4);
    fs::remove_file(extra).unwrap();
    computes(&env, 4, 4);
    env.neighbours_are_unchanged(&[]);
}

#[test]
fn changed_fmri_concerns_its_subject_only() {
    let double = |env: &TestEnv, half: Half| {
        env.edit_voxel("sub-02", half, ("HVC", 3), |_, value| 2.0 * value + 1.0);
    };
    for (half, trained) in [(Training, 4), (Test, 0)] {
        let env = TestEnv::finished();
        double(&env, half);
        computes(&env, trained, 4);
        env.neighbours_are_unchanged(&of_subject("sub-02"));
    }
}

#[test]
fn an_update_that_fails_is_reported_until_it_succeeds() {
    let env = TestEnv::finished();
    let path = env.path(env.fmri("sub-01", Training));
    let kept = fs::read(&path).unwrap();
    fs::write(&path, &kept[..1000]).unwrap();
    env.train()
        .status(2)
        .stderr_contains("0 computed, 4 done before, 4 failed");
    assert_eq!(counts(&env, 0), [4, 0, 4, 0].map(Value::from));
    fs::write(&path, kept).unwrap();
    is_done(&env);
    env.neighbours_are_unchanged(&[]);
}

#[test]
fn a_result_whose_main_file_was_deleted_is_computed_again() {
    let env = TestEnv::finished();
    let item = Item("conv1", "sub-02", "V1");
    fs::remove_file(env.path(item.decoder()).join("W.mat")).unwrap();
    fs::remove_file(env.path(item.accuracy()).join("accuracy.mat")).unwrap();
    assert_eq!(counts(&env, 0), [7, 0, 0, 1].map(Value::from));
    computes(&env, 1, 1);
    env.neighbours_are_unchanged(&[]);
}

#[test]
fn records_of_an_unknown_kind_are_replaced() {
    let item = Item("fc6", "sub-01", "HVC");
    let newer = json!({ "format": 99 }).to_string();
    for text in ["", "{", "[1, 2]", "{\"format\": 1}", "\u{0}\u{1}", &newer] {
        let env = TestEnv::finished();
        for folder in [item.decoder(), item.accuracy()] {
            fs::write(env.path(folder).join("record.json"), text).unwrap();
        }
        env.run(["status"]).status(1);
        computes(&env, 1, 1);
        env.neighbours_are_unchanged(&[]);
    }
}

#[test]
fn inputs_that_were_moved_away_are_reported_as_such() {
    let env = TestEnv::finished();
    let away = env.path("away");
    fs::rename(env.path("data/features"), &away).unwrap();
    assert_eq!(counts(&env, 0), [0, 8, 0, 0].map(Value::from));
    let list = env.run(["decode-train", "--net", NET, "--dry-run"]);
    assert_eq!(list.ok().stdout.matches("inputs missing").count(), 8);
    env.train()
        .status(2)
        .stderr_contains(&env.features(Training, "fc6"));
    // The scores need the accuracies only.
    env.run(["compute"]).ok();
    fs::rename(&away, env.path("data/features")).unwrap();
    is_done(&env);
}

/// A layer's folder that is a link to another disk.
#[test]
fn links_are_followed() {
    let env = TestEnv::finished();
    let (folder, elsewhere) = (env.path("data/features"), TestEnv::empty());
    let target = elsewhere.path("features");
    crate::env::copy(&folder, &target);
    fs::remove_dir_all(&folder).unwrap();
    link(&target, &folder);
    is_done(&env);
}

fn link(target: &Path, link: &Path) {
    std::os::unix::fs::symlink(target, link).unwrap();
}
