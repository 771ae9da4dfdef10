//! Decoders and accuracies of the original: used as input, left alone, counted apart.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use bhscore::io::mat;
use serde_json::Value;

use crate::common;
use crate::damage::{now_and_before, predict, train};
use crate::env::{Item, NET, TestEnv, copy};

/// The two decoders of the original that are kept, one sparse and one dense.
const ITEMS: [Item; 2] = [Item("conv1", "sub-01", "V1"), Item("fc6", "sub-02", "HVC")];

/// The small study with these decoders.
fn with_decoders() -> TestEnv {
    let env = TestEnv::small();
    for item in ITEMS {
        copy(
            &common::golden("expected").join(item.decoder()),
            &env.path(item.decoder()),
        );
    }
    env
}

fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let names = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    names
        .map(|path| {
            (
                path.file_name().unwrap().to_str().unwrap().to_owned(),
                fs::read(path).unwrap(),
            )
        })
        .collect()
}

fn stage(env: &TestEnv, index: usize) -> Value {
    env.run(["status", "--json"]).json()["stages"][index].clone()
}

/// The accuracy is that of a decoder of ours up to the last digits of single precision.
#[track_caller]
fn accuracy_is_as_ever(env: &TestEnv, item: Item) {
    let path = format!("{}/accuracy.mat", item.accuracy());
    let (now, before) = now_and_before(env, &path, "accuracy");
    assert_eq!(now.len(), before.len());
    for (now, before) in now.iter().zip(before) {
        assert!((now - before).abs() < 1e-6, "{item:?}: {now} and {before}");
    }
}

#[test]
fn decoders_of_the_original_are_used_and_left_alone() {
    let env = with_decoders();
    let before = ITEMS.map(|item| contents(&env.path(item.decoder())));
    let counts = stage(&env, 0);
    assert_eq!(
        (&counts["foreign"], &counts["missing"]),
        (&2.into(), &6.into())
    );
    train(&env)
        .ok()
        .stderr_contains("6 computed, 2 kept as another program wrote them");
    predict(&env).ok().stderr_contains("8 computed");
    for (item, before) in ITEMS.into_iter().zip(before) {
        assert!(contents(&env.path(item.decoder())) == before);
        accuracy_is_as_ever(&env, item);
    }
    env.neighbours_are_unchanged(&ITEMS);
    let counts = stage(&env, 0);
    assert_eq!(counts["foreign"], 2);
    // Foreign ones count as done: nothing is left to do.
    assert_eq!(counts["done"], 8);
    env.run(["status"]).ok();
    predict(&env)
        .ok()
        .stderr_contains("0 computed, 8 done before");
}

#[test]
fn force_replaces_decoders_of_the_original() {
    let env = with_decoders();
    train(&env).ok();
    predict(&env).ok();
    env.run(["decode-train", "--net", NET, "--force"])
        .ok()
        .stderr_contains("8 computed");
    // The accuracies of the replaced decoders are out of date, and only those.
    predict(&env)
        .ok()
        .stderr_contains("2 computed, 6 done before");
    env.neighbours_are_unchanged(&[]);
    assert_eq!(stage(&env, 0)["foreign"], 0);
}

#[test]
fn force_that_fails_leaves_decoders_of_the_original_what_they_are() {
    let env = with_decoders();
    let before = ITEMS.map(|item| contents(&env.path(item.decoder())));
    fs::rename(env.path("data/fmri"), env.path("away")).unwrap();
    env.run(["decode-train", "--net", NET, "--force"])
        .status(2)
        .stderr_contains("8 failed");
    fs::rename(env.path("away"), env.path("data/fmri")).unwrap();
    assert_eq!(stage(&env, 0)["foreign"], 2);
    train(&env).ok().stderr_contains("6 computed, 2 kept");
    for (item, before) in ITEMS.into_iter().zip(before) {
        assert!(contents(&env.path(item.decoder())) == before);
    }
}

#[test]
fn accuracies_of_the_original_are_left_alone() {
    let env = TestEnv::small();
    let item = ITEMS[0];
    copy(
        &common::golden("expected").join(item.accuracy()),
        &env.path(item.accuracy()),
    );
    let before = contents(&env.path(item.accuracy()));
    train(&env).ok();
    predict(&env)
        .ok()
        .stderr_contains("7 computed, 1 kept as another program wrote them");
    assert!(contents(&env.path(item.accuracy())) == before);
    env.lacks(item.decoded());
    env.run(["status"]).ok();
    env.run(["compute"]).ok();
}

/// bdpy writes large decoders in pieces along one axis of the layer (`chunk_axis`).
#[test]
fn decoders_in_chunks_decode_as_whole_ones() {
    for (layer, axis) in [("conv1", 1), ("conv1", 2), ("conv1", 3), ("fc6", 1)] {
        let env = TestEnv::small();
        train(&env).ok();
        let item = Item(layer, "sub-01", "V1");
        fs::remove_file(env.path(item.decoder()).join("record.json")).unwrap();
        for name in ["W", "b"] {
            split(&env.path(item.decoder()), name, axis);
        }
        let before = contents(&env.path(item.decoder()).join("W"));
        predict(&env).ok();
        env.neighbours_are_unchanged(&[item]);
        let path = format!("{}/accuracy.mat", item.accuracy());
        let (now, expected) = now_and_before(&env, &path, "accuracy");
        assert_eq!(now, expected, "{layer} {axis}");
        train(&env).ok().stderr_contains("1 kept");
        assert!(contents(&env.path(item.decoder()).join("W")) == before);
        // A chunk that changes makes the accuracy stale.
        let chunk = env.path(item.decoder()).join("W/00000001.mat");
        let mut array = mat::read_f32(&chunk, "W").unwrap();
        let every_other = array.values.iter_mut().step_by(2);
        every_other.for_each(|weight| *weight = -*weight);
        fs::write(&chunk, mat::encode_f32("W", &array.shape, &array.values)).unwrap();
        predict(&env)
            .ok()
            .stderr_contains("1 computed, 7 done before");
        let (now, _) = now_and_before(&env, &path, "accuracy");
        assert_ne!(now, expected);
        // One that is lost is an error.
        fs::remove_file(chunk).unwrap();
        predict(&env)
            .status(2)
            .stderr_contains("do not add up")
            .stderr_contains("--force");
    }
}

#[test]
fn a_change_of_any_file_of_a_foreign_decoder_is_noticed() {
    for name in ["W", "b", "x_mean", "y_norm"] {
        let env = with_decoders();
        train(&env).ok();
        predict(&env).ok();
        let path = env.path(ITEMS[1].decoder()).join(format!("{name}.mat"));
        let mut array = mat::read_f32(&path, name).unwrap();
        array.values.iter_mut().for_each(|value| *value *= 1.5);
        fs::write(&path, mat::encode_f32(name, &array.shape, &array.values)).unwrap();
        predict(&env)
            .ok()
            .stderr_contains("1 computed, 7 done before");
    }
}

#[test]
fn decoders_of_the_shared_study_are_used() {
    let Some(shared) = common::shared("golden") else {
        return;
    };
    let env = TestEnv::copy_of(&shared.join("study"));
    env.edit_settings(|settings| settings["decoding"]["n_voxels"] = 20.into());
    let item = Item("conv1", "sub-01", "V4");
    copy(
        &shared.join("expected").join(item.decoder()),
        &env.path(item.decoder()),
    );
    let args = [
        "decode-predict",
        "--net",
        NET,
        "--layer",
        "conv1",
        "--subject",
        "sub-01",
        "--roi",
        "V4",
    ];
    env.run(args).ok();
    let accuracy = |folder: &Path| {
        let path = folder.join(item.accuracy()).join("accuracy.mat");
        mat::read_f32(&path, "accuracy").unwrap().values
    };
    let (found, expected) = (accuracy(env.root()), accuracy(&shared.join("expected")));
    assert!(
        found
            .iter()
            .zip(expected)
            .all(|(a, b)| (a - b).abs() < 2e-7)
    );
    let decoded = shared.join("expected").join(item.decoded());
    for entry in fs::read_dir(decoded).unwrap() {
        let path = entry.unwrap().path();
        let theirs = mat::read_f32(&path, "feat").unwrap();
        let ours = env.path(item.decoded()).join(path.file_name().unwrap());
        let ours = mat::read_f32(&ours, "feat").unwrap();
        assert_eq!(ours.shape, theirs.shape);
        assert!(
            ours.values
                .iter()
                .zip(theirs.values)
                .all(|(a, b)| (a - b).abs() < 1e-5)
        );
    }
}

/// Replaces `<name>.mat` by a folder of pieces of length 1 along an axis.
fn split(folder: &Path, name: &str, axis: usize) {
    let whole = folder.join(format!("{name}.mat"));
    let array = mat::read_f32(&whole, name).unwrap();
    fs::remove_file(whole).unwrap();
    fs::create_dir(folder.join(name)).unwrap();
    let mut shape = array.shape.clone();
    let (run, length): (usize, usize) = (shape[..axis].iter().product(), shape[axis]);
    shape[axis] = 1;
    for index in 0..length {
        let chunks = array.values.chunks(run * length);
        let values: Vec<f32> = chunks
            .flat_map(|chunk| chunk[index * run..(index + 1) * run].to_vec())
            .collect();
        let bytes = mat::encode_f32(name, &shape, &values);
        fs::write(folder.join(name).join(format!("{index:08}.mat")), bytes).unwrap();
    }
}
