//! Scores, decoders and files of an earlier day are not taken for those of today.

use std::fs;

use serde_json::{Value, json};

use crate::edit::Half::{Test, Training};
use crate::env::{TestEnv, files};
use crate::items::{Item, NET};
use crate::stale::{computes, is_done};

/// The warnings of the decoding half, of one network.
fn warnings(env: &TestEnv, status: i32) -> String {
    let run = env.run(["compute", "--json"]);
    let value: Value = serde_json::from_str(&run.status(status).stdout).unwrap();
    let warnings = value["networks"][0]["decoding"]["warnings"].clone();
    let lines = warnings.as_array().unwrap().iter();
    lines
        .map(|line| line.as_str().unwrap().to_owned() + "\n")
        .collect()
}

#[test]
fn a_score_of_other_settings_says_so() {
    let env = TestEnv::finished();
    assert!(!warnings(&env, 0).contains("present settings"));
    env.edit_settings(|settings| settings["decoding"]["alpha"] = json!(10));
    let said = warnings(&env, 1);
    assert!(
        said.contains("16 results behind the score are not of the present settings"),
        "{said}"
    );
    assert!(said.contains("decode-train"), "{said}");
    assert!(said.contains("settings changed"), "{said}");
    env.run(["compute"])
        .status(1)
        .stdout_contains("bhscore run --net");
    env.run(["run", "--net", NET]).ok();
    assert!(!warnings(&env, 0).contains("present settings"));
}

#[test]
fn a_score_of_files_that_have_changed_says_so() {
    for (half, n) in [(Training, 4), (Test, 4)] {
        let env = TestEnv::finished();
        env.edit_features(half, "fc6", |_, units| units[0] += 1.0);
        let said = warnings(&env, 1);
        assert!(
            said.contains(&format!("{n} results")) && said.contains("inputs changed"),
            "{said}"
        );
    }
}

/// Options of the command line are no change of the settings.
#[test]
fn a_score_of_compat_or_of_doubles_is_of_today() {
    let env = TestEnv::small();
    for command in [["decode-train", "--f64"], ["decode-predict", "--quiet"]] {
        env.run([command[0], command[1], "--net", NET]).ok();
    }
    assert!(!warnings(&env, 0).contains("present settings"));
    for command in ["decode-train", "decode-predict"] {
        env.run([command, "--compat", "--net", NET, "--force"]).ok();
    }
    assert!(!warnings(&env, 0).contains("compat"));
    for command in ["decode-train", "decode-predict"] {
        env.run([command, "--net", NET, "--layer", "fc6"]).ok();
    }
    let said = warnings(&env, 0);
    assert!(
        said.contains("4 accuracies were made with `--compat` and 4 without"),
        "{said}"
    );
}

#[test]
fn a_run_that_fails_does_not_show_the_old_score_as_the_new() {
    let env = TestEnv::finished();
    let path = env.path(env.fmri("sub-01", Training));
    let kept = fs::read(&path).unwrap();
    fs::write(&path, &kept[..1000]).unwrap();
    env.run(["run", "--net", NET])
        .status(2)
        .stdout_contains("results behind the score are not of the present settings and files");
}

/// What the old decoders give must not pass for the new ones.
#[test]
fn decoders_of_other_files_are_refused() {
    let env = TestEnv::finished();
    env.edit_features(Training, "fc6", |_, units| units[0] += 1.0);
    env.run(["decode-predict", "--net", NET, "--force"])
        .status(2)
        .stderr_contains("was trained on other files than are there now")
        .stderr_contains("run `bhscore decode-train` again")
        .stderr_contains("4 computed, 4 failed");
    env.run(["encode-predict", "--net", NET, "--force"])
        .status(2)
        .stderr_contains("run `bhscore encode-train` again");
    computes(&env, 4, 4);
    // Nobody is to keep what decoders were trained on.
    fs::remove_dir_all(env.path(env.features(Training, "fc6"))).unwrap();
    env.run(["decode-predict", "--net", NET, "--force"]).ok();
}

#[test]
fn decoders_of_the_other_behaviour_are_refused() {
    let env = TestEnv::finished();
    env.run(["decode-predict", "--net", NET, "--compat"])
        .status(2)
        .stderr_contains("was trained without `--compat`, which this run has; use it for both");
    env.edit_settings(|settings| settings["decoding"]["label_key"] = json!("image_index"));
    env.predict()
        .status(2)
        .stderr_contains("was trained with label_key");
}

/// Encoded fMRI and decoded features are those of the last run's images.
#[test]
fn files_of_images_that_are_gone_go_too() {
    let env = TestEnv::finished();
    let encoded = format!("data/encoded_fmri/ImageNetTest/encoded_brain/{NET}/fc6/sub-01/V1");
    let image = env.images(Test, "fc6")[0].clone();
    let file = format!("{image}.mat");
    env.has(format!("{encoded}/{file}"));
    for layer in ["conv1", "fc6"] {
        fs::remove_file(env.path(env.features(Test, layer)).join(&file)).unwrap();
    }
    env.run(["encode-predict", "--net", NET])
        .ok()
        .stderr_contains("1 images that were shown have no features: skipped")
        .stderr_lacks("of other images");
    env.lacks(format!("{encoded}/{file}"));
    assert_eq!(files(&env.path(encoded)).len(), 39);
}

#[test]
fn files_that_another_program_left_beside_ours_are_told() {
    let env = TestEnv::finished();
    let decoded = env.path(Item("fc6", "sub-01", "V1").decoded());
    let image = env.images(Test, "fc6")[0].clone();
    fs::copy(
        decoded.join(format!("{image}.mat")),
        decoded.join("other.mat"),
    )
    .unwrap();
    env.run(["decode-predict", "--net", NET, "--force"])
        .ok()
        .stderr_contains("1 files of other images are in")
        .stderr_contains("such as `other.mat`");
    assert!(decoded.join("other.mat").exists());
    assert_eq!(files(&decoded).len(), 41);
}

#[test]
fn accuracies_over_different_numbers_of_images_have_no_textbook_score() {
    let env = TestEnv::finished();
    let path = env
        .path(Item("fc6", "sub-02", "V1").accuracy())
        .join("record.json");
    let mut record: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    record["result"]["n_test"] = json!(6);
    fs::write(&path, record.to_string()).unwrap();
    let score =
        |env: &TestEnv| env.run(["compute", "--json"]).json()["networks"][0]["decoding"].clone();
    let half = score(&env);
    assert_eq!(half["textbook"], Value::Null);
    assert!(
        half["reason"].to_string().contains("not the same for all"),
        "{half}"
    );
    assert!(warnings(&env, 0).contains("6 (such as"));
    env.edit_settings(|settings| settings["score"] = json!({ "n_test": 40 }));
    assert!(score(&env)["textbook"].is_number());
    assert!(warnings(&env, 0).contains("`score.n_test` is 40, the accuracies are over 6 (such as"));
}

/// What is left of an earlier decoder is not another program's.
#[test]
fn decoders_of_an_interrupted_run_are_refused() {
    let item = Item("fc6", "sub-01", "HVC");
    for left in ["failed.json", ".record.json.elsewhere-1-ab12.tmp"] {
        let env = TestEnv::finished();
        let decoder = env.path(item.decoder());
        let record = decoder.join("record.json");
        let bytes = fs::read(&record).unwrap();
        fs::remove_file(&record).unwrap();
        let note = json!({ "reason": "a process was killed while it wrote this item" });
        fs::write(decoder.join(left), note.to_string()).unwrap();
        env.run(["decode-predict", "--net", NET, "--force"])
            .status(2)
            .stderr_contains(
                "is of a run that failed or was interrupted; run `bhscore decode-train` again",
            )
            .stderr_contains("7 computed, 1 failed");
        fs::remove_file(decoder.join(left)).unwrap();
        // Without any mark of ours it is another program's.
        env.run(["decode-predict", "--net", NET, "--force"]).ok();
        fs::write(record, bytes).unwrap();
    }
}

#[test]
fn what_is_missing_does_not_hide_what_has_changed() {
    let env = TestEnv::finished();
    fs::remove_dir_all(env.path("data/feature_decoders")).unwrap();
    assert!(!warnings(&env, 0).contains("present settings"));
    env.edit_features(Test, "fc6", |_, units| units[0] += 1.0);
    let said = warnings(&env, 1);
    assert!(
        said.contains("4 results") && said.contains("decode-predict"),
        "{said}"
    );
    let env = TestEnv::finished();
    for subject in ["sub-01", "sub-02"] {
        fs::remove_file(env.path(env.fmri(subject, Training))).unwrap();
    }
    env.edit_features(Training, "fc6", |_, units| units[0] += 1.0);
    env.run(["decode-predict", "--net", NET, "--force"])
        .status(2)
        .stderr_contains("4 computed, 4 failed");
}

#[test]
fn emptied_folders_are_missing_and_hidden_files_are_nothing() {
    let env = TestEnv::finished();
    let folder = env.path(env.features(Training, "fc6"));
    fs::write(folder.join("._x.mat"), "a note of another system").unwrap();
    is_done(&env);
    assert!(!warnings(&env, 0).contains("present settings"));
    for path in files(&folder) {
        fs::remove_file(path).unwrap();
    }
    assert!(!warnings(&env, 0).contains("present settings"));
    env.run(["decode-predict", "--net", NET, "--force"]).ok();
}

#[test]
fn a_file_that_was_renamed_is_the_same() {
    let env = TestEnv::finished();
    for subject in ["sub-01", "sub-02"] {
        let old = env.path(env.fmri(subject, Training));
        fs::rename(old, env.path(format!("data/fmri/{subject}_training.h5"))).unwrap();
    }
    env.edit_settings(|settings| {
        settings["fmri"]["training"] = json!("data/fmri/{subject}_training.h5");
    });
    is_done(&env);
}

/// Scores of downloaded accuracies have nothing to do with decoders that lie beside them.
#[test]
fn models_that_are_not_behind_the_accuracies_raise_no_alarm() {
    let env = TestEnv::finished();
    for path in files(&env.path("data/decoding_accuracy")) {
        if path.ends_with("record.json") {
            fs::remove_file(path).unwrap();
        }
    }
    env.edit_settings(|settings| settings["decoding"]["alpha"] = json!(10));
    assert!(!warnings(&env, 0).contains("present settings"));
}

#[test]
fn a_damaged_record_does_not_keep_a_score_back() {
    let env = TestEnv::finished();
    let accuracy = env.path(Item("fc6", "sub-02", "V1").accuracy());
    fs::write(accuracy.join("record.json"), "{}").unwrap();
    let said = warnings(&env, 1);
    assert!(said.contains("interrupted while it was written"), "{said}");
    fs::remove_file(accuracy.join("record.json")).unwrap();
    fs::create_dir(accuracy.join("record.json")).unwrap();
    let said = warnings(&env, 1);
    assert!(said.contains("it is not known whether"), "{said}");
}

/// The numbers of images that features would tell are no more than a bound.
#[test]
fn images_that_were_never_shown_are_no_test_images() {
    let env = TestEnv::finished();
    for path in files(&env.path("data/decoding_accuracy")) {
        if path.ends_with("record.json") {
            fs::remove_file(path).unwrap();
        }
    }
    for layer in ["conv1", "fc6"] {
        let folder = env.path(env.features(Test, layer));
        let image = folder.join(format!("{}.mat", env.images(Test, layer)[0]));
        fs::copy(image, folder.join("never_shown.mat")).unwrap();
    }
    let path = env.path(Item("fc6", "sub-02", "V1").decoded());
    fs::remove_dir_all(path).unwrap();
    let value = env.run(["compute", "--json"]).status(1).stdout.clone();
    let value: Value = serde_json::from_str(&value).unwrap();
    let half = &value["networks"][0]["decoding"];
    assert!(half["textbook"].is_number(), "{half}");
}
