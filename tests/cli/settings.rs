//! Settings: drafted from a folder, printed, described, refused with all their problems.

use std::fs;

use serde_json::{Value, json};

use crate::env::{TestEnv, run};
use crate::items::NET;

#[test]
fn a_draft_of_the_settings_is_what_lies_in_the_folder() {
    let env = TestEnv::small();
    // Numbers in names count as numbers.
    for layer in ["conv9", "conv10"] {
        let folder = env.path(format!("data/features/ImageNetTraining/{NET}/{layer}"));
        fs::create_dir(folder).unwrap();
    }
    fs::remove_file(env.path("settings.json")).unwrap();
    let draft = env.run(["settings", "--draft"]);
    draft.ok().stderr_contains("from lowest to highest");
    let settings = draft.json();
    assert_eq!(settings["subjects"], json!(["sub-01", "sub-02"]));
    let (_, network) = NET.split_once('/').unwrap();
    assert_eq!(
        settings["dnns"][network],
        json!({ "dir": NET, "layers": ["conv1", "conv9", "conv10", "fc6"] })
    );
    env.write_settings(&settings);
    env.run(["settings"]).ok();
    env.run(["decode-train", "--net", NET, "--layer", "fc6"])
        .ok();
}

#[test]
fn a_draft_says_what_is_missing() {
    let env = TestEnv::small();
    let told = |part| {
        env.run(["settings", "--draft"])
            .status(2)
            .stderr_contains(part);
    };
    fs::remove_dir_all(env.path("data/features")).unwrap();
    told("there is no network");
    fs::remove_dir_all(env.path("data/fmri")).unwrap();
    told("no file is called <subject>_perception");
}

#[test]
fn all_problems_of_the_settings_are_told_at_once() {
    let env = TestEnv::small();
    env.edit_settings(|settings| {
        settings["decodng"] = json!({});
        settings["decoding"] = json!({ "alpha": -1, "n_voxel": 20 });
        settings["score"] = json!({ "p_value": 2 });
        settings["subjects"] = json!(["sub-01", "sub-01"]);
    });
    for command in [
        &["status"] as &[&str],
        &["settings"],
        &["compute"],
        &["decode-train", "--net", NET],
    ] {
        env.run(command.to_vec())
            .status(2)
            .stderr_contains("settings.json` has 5 problems")
            .stderr_contains("`decodng`")
            .stderr_contains("did you mean `decoding`?")
            .stderr_contains("`decoding.n_voxel`")
            .stderr_contains("did you mean `n_voxels`?")
            .stderr_contains("alpha")
            .stderr_contains("p_value")
            .stderr_contains("sub-01");
    }
    fs::write(env.path("settings.json"), "{ \"subjects\": [").unwrap();
    env.run(["status"])
        .status(2)
        .stderr_contains("settings.json")
        .stderr_contains("line 1");
    fs::write(env.path("settings.json"), [0xff, 0xfe]).unwrap();
    env.run(["status"]).status(2).stderr_contains("not UTF-8");
}

#[test]
fn printed_settings_can_be_read_again_and_hold_every_default() {
    let env = TestEnv::small();
    env.edit_settings(|settings| {
        settings["rois"][1] = json!({ "name": "HVC", "select": "ROI_LOC = 1 | ROI_HVC = 1" });
    });
    let printed = env.run(["settings"]);
    let value = printed.ok().json();
    assert_eq!(value["decoding"]["alpha"], 100.0);
    assert_eq!(value["score"]["p_value"], 0.05);
    fs::write(env.path("again.json"), &printed.stdout).unwrap();
    let path = env.path("again.json");
    let again = env.run(["settings", "--settings", path.to_str().unwrap()]);
    assert_eq!(again.ok().stdout, printed.stdout);
    // What was computed with the short file is done with the long one.
    let env = TestEnv::finished();
    fs::write(
        env.path("settings.json"),
        &env.run(["settings"]).ok().stdout,
    )
    .unwrap();
    env.run(["status"]).ok();
}

#[test]
fn the_schema_is_the_committed_one() {
    let printed = run(["settings", "--schema"]).ok().json();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/settings.schema.json");
    let committed: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(printed, committed);
}
