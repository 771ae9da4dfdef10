//! Options of the stages: threads, memory, shards, filters, `--force`, `--dry-run`, how much is said.

use std::collections::BTreeMap;
use std::fs;

use bhscore::io::mat;
use serde_json::{Value, json};

use crate::edit::Half::{Test, Training};
use crate::env::{TestEnv, clean, copy, same_files};
use crate::items::{Item, NET, of_layer};

/// Units of a layer that is read in several portions when memory is scarce: more than two blocks
/// of 1,024.
const WIDE: usize = 2_100;

/// A study of one subject and ROI with one wide layer, its units made of those of another.
fn wide() -> TestEnv {
    let env = TestEnv::small();
    for half in [Training, Test] {
        let folder = env.path(env.features(half, "wide"));
        fs::create_dir_all(&folder).unwrap();
        for (index, image) in env.images(half, "conv1").iter().enumerate() {
            let path = env
                .path(env.features(half, "conv1"))
                .join(format!("{image}.mat"));
            let units = mat::read_f32(&path, "feat").unwrap().values;
            let unit = |u: usize| {
                let noise = ((index * 31 + u * 17) % 101) as f32 / 101.0;
                units[u % 60] + 0.5 * units[u * 7 % 59] * noise
            };
            let values: Vec<f32> = (0..WIDE).map(unit).collect();
            let bytes = mat::encode_f32("feat", &[1, 3, 7, 100], &values);
            fs::write(folder.join(format!("{image}.mat")), bytes).unwrap();
        }
    }
    env.edit_settings(|settings| {
        settings["dnns"]["ringnet"]["layers"] = json!(["wide"]);
        settings["subjects"] = json!(["sub-01"]);
        settings["rois"] = json!(["V1"]);
    });
    env
}

fn decoded(env: &TestEnv, options: &[&str]) -> BTreeMap<String, Vec<u8>> {
    for stage in ["decode-train", "decode-predict"] {
        env.run([&[stage, "--net", NET, "--force"], options].concat())
            .ok();
    }
    env.artifacts()
}

#[test]
fn neither_threads_nor_memory_change_a_byte() {
    let env = wide();
    let expected = decoded(&env, &[]);
    assert_eq!(expected.len(), 6 + 40 + 3);
    for options in [
        &["-j", "1"] as &[&str],
        &["--threads", "2"],
        &["--threads", "5"],
        &["--memory", "1M"],
        &["--memory", "1M", "--threads", "1"],
        &["--memory", "2.5M"],
    ] {
        let found = decoded(&env, options);
        same_files(&found.iter().collect(), &expected.iter().collect());
    }
    let unit_shape = &env.json(format!(
        "{}/record.json",
        Item("wide", "sub-01", "V1").decoder()
    ));
    assert_eq!(unit_shape["result"]["unit_shape"], json!([3, 7, 100]));
}

#[test]
fn the_golden_study_has_the_same_bytes_with_any_number_of_threads() {
    for threads in ["1", "2", "4"] {
        let env = TestEnv::golden();
        let found = decoded(&env, &["--threads", threads, "--memory", "1M"]);
        same_files(&found.iter().collect(), &clean().iter().collect());
    }
}

#[test]
fn a_roi_beyond_the_memory_fails_and_says_how_much_is_enough() {
    let env = TestEnv::small();
    // Two megabytes of samples.
    env.edit_samples("sub-01", Training, |samples| {
        let copies = vec![samples.view(); 2_000_000 / (8 * samples.len()) + 1];
        *samples = ndarray::concatenate(ndarray::Axis(0), &copies).unwrap();
    });
    let run = env.run(["decode-train", "--net", NET, "--memory", "1M"]);
    run.status(2)
        .stderr_contains("4 computed, 4 failed")
        .stderr_contains("ROI `V1` of `sub-01`: needs ")
        .stderr_contains("`--memory` allows 1M");
    let text = &run.stderr;
    let (_, named) = text.split_once("give at least `--memory ").unwrap();
    let (named, _) = named.split_once('`').unwrap();
    env.run(["decode-train", "--net", NET, "--memory", named])
        .ok();
    let bounded = env.artifacts();
    env.run(["decode-train", "--net", NET, "--force"]).ok();
    same_files(&bounded.iter().collect(), &env.artifacts().iter().collect());
}

#[test]
fn all_shards_together_are_the_whole() {
    let env = TestEnv::small();
    let mut n_computed = 0;
    for stage in ["decode-train", "decode-predict"] {
        for (shard, n) in [("3/3", 3), ("1/3", 2), ("2/3", 3)] {
            let run = env.run([stage, "--net", NET, "--shard", shard]);
            run.ok()
                .stderr_contains(&format!("{n} items: {n} computed"));
            n_computed += n;
        }
    }
    assert_eq!(n_computed, 16);
    env.neighbours_are_unchanged(&[]);
    env.run(["status"]).ok();
    // A part does not make a score.
    let run = env.run(["run", "--net", NET, "--shard", "1/3"]);
    run.ok().stderr_contains("no score");
    env.lacks("results");
}

#[test]
fn shards_that_are_none_are_refused() {
    let env = TestEnv::small();
    for shard in ["4/3", "0/3", "1", "a/b", "1/0"] {
        env.run(["decode-train", "--net", NET, "--shard", shard])
            .status(2)
            .stderr_contains("--shard 2/3");
    }
    // More shards than items leave some without work.
    env.run(["decode-train", "--net", NET, "--shard", "1/9"])
        .ok()
        .stderr_contains("0 items");
    env.lacks("data/feature_decoders");
}

#[test]
fn filters_choose_items() {
    let env = TestEnv::small();
    let list = |args: &[&str]| -> Vec<String> {
        let run = env.run([&["decode-train", "--net", NET, "--dry-run"], args].concat());
        run.ok().stdout.lines().map(str::to_owned).collect()
    };
    assert_eq!(list(&[]).len(), 8);
    assert_eq!(
        list(&["--layer", "fc6", "--subject", "sub-02", "--roi", "V1"]),
        ["decode-train synth/ringnet/fc6/sub-02/V1 missing"]
    );
    // In the order of the settings, however they are named.
    assert_eq!(
        list(&[
            "--layer",
            "fc6",
            "--subject",
            "sub-01",
            "--roi",
            "HVC",
            "--roi",
            "V1"
        ]),
        [
            "decode-train synth/ringnet/fc6/sub-01/V1 missing",
            "decode-train synth/ringnet/fc6/sub-01/HVC missing"
        ]
    );
    for (filter, name, choice) in [
        ("--layer", "fc7", "conv1, fc6"),
        ("--subject", "sub-03", "sub-01, sub-02"),
        ("--roi", "V2", "V1, HVC"),
    ] {
        env.run(["decode-train", "--net", NET, filter, name])
            .status(2)
            .stderr_contains(&format!("`{name}`: is not in the settings"))
            .stderr_contains(choice);
    }
    env.run(["run", "--net", NET, "--layer", "fc6"])
        .ok()
        .stderr_contains("no score");
    let fc6 = of_layer("fc6");
    let conv1 = of_layer("conv1");
    for item in conv1.iter().chain(&fc6) {
        let there = env.path(item.accuracy()).join("accuracy.mat").exists();
        assert_eq!(there, fc6.contains(item));
    }
    env.neighbours_are_unchanged(&conv1);
}

#[test]
fn networks_are_known_by_folder_and_by_name_and_nearly() {
    let env = TestEnv::small();
    env.run(["decode-train", "--net", "ringnet", "--layer", "fc6"])
        .ok()
        .stderr_contains("4 computed");
    for command in ["decode-train", "decode-predict", "run", "compute", "status"] {
        env.run([command, "--net", "synth/rignet"])
            .status(2)
            .stderr_contains("network `synth/rignet`")
            .stderr_contains("did you mean `synth/ringnet`?");
    }
    // Several at once: each is planned.
    copy(
        &env.path(env.features(Training, "fc6")),
        &env.path("data/features/ImageNetTraining/synth/other/fc6"),
    );
    env.edit_settings(|settings| {
        settings["dnns"]["other"] = json!({ "dir": "synth/other", "layers": ["fc6"] });
    });
    env.run(["decode-train", "--net", "other", "--net", NET])
        .ok()
        .stderr_contains("12 items: 8 computed, 4 done before");
    env.has("data/feature_decoders/ImageNetTraining/synth/other/fc6/sub-01/V1/model/W.mat");
}

#[test]
fn a_dry_run_lists_what_would_be_done_and_writes_nothing() {
    let env = TestEnv::small();
    env.run(["decode-train", "--net", NET, "--layer", "conv1"])
        .ok();
    let folder = Item("conv1", "sub-02", "HVC").decoder();
    fs::remove_file(env.path(folder).join("record.json")).unwrap();
    let before = env.artifacts();
    let list = env.run(["decode-train", "--net", NET, "--dry-run", "-j", "1"]);
    let words: Vec<&str> = list
        .ok()
        .stdout
        .lines()
        .map(|line| line.rsplit(' ').next().unwrap())
        .collect();
    let expected = [
        "done", "done", "done", "foreign", "missing", "missing", "missing", "missing",
    ];
    assert_eq!(words, expected);
    let run = env.run(["decode-train", "--net", NET, "--dry-run", "--json"]);
    let objects = run.ok().stdout.lines();
    let objects: Vec<Value> = objects
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let first = json!({
        "stage": "decode-train", "net": NET, "layer": "conv1", "subject": "sub-01", "roi": "V1",
        "state": "done",
    });
    assert_eq!(objects[0], first);
    let states: Vec<&str> = objects
        .iter()
        .map(|item| item["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, expected);
    let run = env.run(["run", "--net", NET, "--dry-run"]);
    assert_eq!(run.ok().stdout.lines().count(), 32);
    assert!(env.artifacts() == before);
    env.lacks("results").lacks("data/decoding_accuracy");
}

#[test]
fn force_computes_again_and_gives_the_same_bytes() {
    let env = TestEnv::finished();
    let time = |env: &TestEnv| {
        let path = env
            .path(Item("fc6", "sub-02", "V1").accuracy())
            .join("record.json");
        fs::metadata(path).unwrap().modified().unwrap()
    };
    let before = time(&env);
    for stage in ["decode-train", "decode-predict"] {
        env.run([stage, "--net", NET, "--force"])
            .ok()
            .stderr_contains("8 items: 8 computed");
    }
    assert_ne!(time(&env), before);
    env.neighbours_are_unchanged(&[]);
    // Equal decoders leave the accuracies done.
    env.run(["decode-train", "--net", NET, "--force"]).ok();
    env.run(["decode-predict", "--net", NET])
        .ok()
        .stderr_contains("8 done before");
}

#[test]
fn as_much_is_said_as_asked_for() {
    let env = TestEnv::small();
    let quiet = env.run(["decode-train", "--net", NET, "-q"]);
    assert_eq!(
        (quiet.ok().stdout.as_str(), quiet.stderr.as_str()),
        ("", "")
    );
    let normal = env.train();
    assert_eq!(
        normal.ok().stderr,
        "decode-train: 8 items: 0 computed, 8 done before\n"
    );
    let verbose = env.run(["decode-train", "--net", NET, "--verbose"]);
    assert_eq!(verbose.ok().stderr.matches("done before").count(), 9);
    env.run(["decode-train", "--net", NET, "-q", "-v"])
        .status(2)
        .stderr_contains("cannot be used with");
    // Failures are never hushed up.
    fs::remove_file(env.path(env.fmri("sub-01", Test))).unwrap();
    env.run(["decode-predict", "--net", NET, "-q"])
        .status(2)
        .stderr_contains(&env.fmri("sub-01", Test));
}

#[test]
fn impossible_amounts_are_refused() {
    let env = TestEnv::small();
    env.run(["status", "--threads", "0"])
        .status(2)
        .stderr_contains("--threads");
    for memory in ["12", "lots", "0G", "-1G"] {
        let memory = format!("--memory={memory}");
        env.run(["status", &memory])
            .status(2)
            .stderr_contains("--memory 8G");
    }
}

#[test]
fn settings_may_lie_elsewhere() {
    let env = TestEnv::small();
    let elsewhere = TestEnv::empty();
    let path = elsewhere.path("mine.json");
    fs::rename(env.path("settings.json"), &path).unwrap();
    let path = path.to_str().unwrap();
    env.run(["decode-train", "--net", NET])
        .status(2)
        .stderr_contains("settings.json")
        .stderr_contains("-C");
    env.run(["decode-train", "--net", NET, "--settings", path])
        .ok()
        .stderr_contains("8 computed");
    env.run(["status", "--settings", path]).status(1);
}
