//! From images and a model to features: what is written, resumed, and left alone.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use bhscore::extract::engine::Choice;
use bhscore::extract::onnx::Model;
use bhscore::extract::{image, preprocess, units};
use bhscore::io::mat;
use bhscore::settings::{Preprocess, Transform, Units};
use bhscore::work::claims::{Claimed, Lease, Worker};
use ndarray::{ArrayD, Axis};
use serde_json::json;

use crate::env::{Run, TestEnv, files, same_files, spawn};

/// Folder of the network.
const NET: &str = "pytorch/cnn";

/// Kinds of images that all studies here have, 12 in each half.
const IMAGES: [&str; 12] = [
    "420.jpg",
    "422.jpg",
    "444.jpg",
    "cmyk.jpg",
    "grey.jpg",
    "progressive.jpg",
    "rgb1.png",
    "palette.png",
    "rgb_lzw.tif",
    "lossy.webp",
    "palette.gif",
    "rgb.bmp",
];

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

pub fn model(name: &str) -> String {
    tests().join("onnx").join(name).to_str().unwrap().to_owned()
}

/// A study with images and a model, and without features.
pub fn study() -> TestEnv {
    let env = TestEnv::empty();
    for split in ["ImageNetTraining", "ImageNetTest"] {
        let folder = env.path("data/images").join(split);
        fs::create_dir_all(&folder).unwrap();
        for name in IMAGES {
            let source = if name == "rgb1.png" { "rgb.png" } else { name };
            let target = match name {
                "palette.gif" => "palette2.gif",
                "rgb.bmp" => "rgb2.bmp",
                name => name,
            };
            fs::copy(tests().join("images").join(source), folder.join(target)).unwrap();
        }
    }
    env.write_settings(&json!({
        "subjects": ["sub-01"],
        "rois": ["V1", "HVC"],
        "dnns": { "CNN": {
            "dir": NET,
            "layers": ["conv1_abs", "features.4", "fc"],
            "extract": {
                "model": model("plain.onnx"),
                "tensors": { "conv1": "features.0", "fc": "/classifier/classifier.2/Gemm" },
            },
        } },
    }));
    env
}

pub fn extract(env: &TestEnv, args: &[&str]) -> Run {
    let head = ["extract", "--net", NET];
    env.run(head.into_iter().chain(args.iter().copied()))
}

/// Feature files and `extract.json` by their paths.
pub fn features(env: &TestEnv) -> BTreeMap<String, Vec<u8>> {
    files(&env.path("data/features"))
        .into_iter()
        .map(|path| {
            let relative = path.strip_prefix(env.root()).unwrap();
            (
                relative.to_str().unwrap().to_owned(),
                fs::read(&path).unwrap(),
            )
        })
        .collect()
}

/// The feature files alone: `extract.json` has the times of the images, which copies do not share.
pub fn mats(env: &TestEnv) -> BTreeMap<String, Vec<u8>> {
    let mut features = features(env);
    features.retain(|path, _| path.ends_with(".mat"));
    features
}

#[track_caller]
fn same(found: &BTreeMap<String, Vec<u8>>, expected: &BTreeMap<String, Vec<u8>>) {
    same_files(&found.iter().collect(), &expected.iter().collect());
}

fn path(split: &str, layer: &str, file: &str) -> String {
    format!("data/features/{split}/{NET}/{layer}/{file}")
}

/// Recomputed through the library, one image and layer at a time.
#[test]
fn features_are_the_activations_of_the_layers() {
    let env = study();
    let run = extract(&env, &[]);
    run.ok()
        .stderr_contains("12 images computed")
        .stderr_contains("CMYK");
    let layers = [
        (
            "conv1_abs",
            "/features/features.0/Conv_output_0",
            Transform::Abs,
            vec![1, 8, 8, 8],
        ),
        (
            "features.4",
            "/features/features.4/Conv_output_0",
            Transform::None,
            vec![1, 12, 4, 4],
        ),
        ("fc", "scores", Transform::None, vec![1, 10]),
    ];
    let tensors: Vec<String> = layers.iter().map(|layer| layer.1.to_owned()).collect();
    let loaded = Model::read(Path::new(&model("plain.onnx"))).unwrap();
    let loaded = loaded.with_outputs(&tensors).unwrap();
    let engine = Choice::Rten.load(loaded, "image", &tensors, 1).unwrap();
    for split in ["ImageNetTraining", "ImageNetTest"] {
        for file in files(&env.path("data/images").join(split)) {
            let (pixels, _) = image::read(&file).unwrap();
            let input = preprocess::tensor(&pixels, &Preprocess::pytorch(), None, (16, 16));
            let input = ArrayD::from_shape_vec(vec![1, 3, 16, 16], input).unwrap();
            let outputs = engine.run(input.view()).unwrap();
            let name = file.file_stem().unwrap().to_str().unwrap();
            for ((layer, _, transform, shape), output) in layers.iter().zip(outputs) {
                let kept = units::Kept::of(&output.shape()[1..], Units::All, 0);
                let values = kept.of_image(output.index_axis(Axis(0), 0), *transform);
                let file = env.path(path(split, layer, &format!("{name}.mat")));
                assert_eq!(
                    fs::read(&file).unwrap(),
                    units::encode(&values),
                    "{layer} {name}"
                );
                assert_eq!(mat::shape(&file, "feat").unwrap(), *shape);
            }
        }
        let origin = env.json(path(split, "conv1_abs", "extract.json"));
        assert_eq!(origin["recipe"]["transform"], "abs");
        assert_eq!(origin["shape"], json!([8, 8, 8]));
        assert_eq!(origin["images"].as_object().unwrap().len(), 12);
    }
    env.has_no_temporary_files();
    let before = features(&env);
    extract(&env, &[])
        .ok()
        .stderr_contains("0 images computed, 12 done before");
    same(&features(&env), &before);
}

#[test]
fn only_missing_images_are_computed() {
    let env = study();
    extract(&env, &[]).ok();
    let before = features(&env);
    for (split, layer, image) in [
        ("ImageNetTest", "fc", "grey"),
        ("ImageNetTest", "conv1_abs", "420"),
        ("ImageNetTraining", "fc", "444"),
    ] {
        fs::remove_file(env.path(path(split, layer, &format!("{image}.mat")))).unwrap();
    }
    extract(&env, &["--dry-run"])
        .ok()
        .stderr_contains("ImageNetTest: 2 of 12 images to compute");
    let run = extract(&env, &["--json"]);
    let parts = &run.ok().json()["parts"];
    assert_eq!(parts[0]["images"], 1);
    assert_eq!(parts[1]["images"], 2);
    same(&features(&env), &before);
}

#[test]
fn a_run_that_is_killed_again_and_again_is_completed_to_the_same_bytes() {
    let undisturbed = study();
    extract(&undisturbed, &[]).ok();
    let env = study();
    // A busy machine may be killed eight times at the same images.
    env.edit_settings(|settings| settings["work"] = json!({ "attempts": 100 }));
    let mut n_killed = 0;
    for attempt in 0..8_u64 {
        let mut child = spawn(&mut env.command(["extract", "--net", NET]));
        // Loading takes some milliseconds, all images a few more.
        sleep(Duration::from_millis(4 + 5 * attempt));
        child.kill().unwrap();
        n_killed += usize::from(!child.wait().unwrap().success());
    }
    assert!(n_killed > 0, "every run ended before it was killed");
    extract(&env, &[]).ok();
    env.has_no_temporary_files();
    same(&mats(&env), &mats(&undisturbed));
}

#[test]
fn shards_threads_and_batches_of_the_model_give_the_same_bytes() {
    let whole = study();
    extract(&whole, &["--threads", "1"]).ok();
    let expected = mats(&whole);
    let threads = study();
    extract(&threads, &["--threads", "3"]).ok();
    same(&mats(&threads), &expected);
    let parts = study();
    for shard in ["2/3", "1/3", "3/3"] {
        extract(&parts, &["--shard", shard])
            .ok()
            .stderr_contains("4 images computed");
    }
    same(&mats(&parts), &expected);
    // The fifth image alone has other neighbours in its batch if batches are of what is missing.
    let fixed = ["--model", &model("batch2.onnx"), "--layers", "features.4"];
    let pairs = study();
    extract(&pairs, &fixed).ok();
    let expected = mats(&pairs);
    fs::remove_file(pairs.path(path("ImageNetTest", "features.4", "grey.mat"))).unwrap();
    extract(&pairs, &fixed)
        .ok()
        .stderr_contains("1 images computed");
    same(&mats(&pairs), &expected);
}

#[test]
fn several_processes_on_one_folder_share_the_images() {
    let alone = study();
    extract(&alone, &[]).ok();
    let env = study();
    let mut children = Vec::new();
    for _ in 0..4 {
        children.push(spawn(&mut env.command(["extract", "--net", NET, "--wait"])));
    }
    for child in children {
        Run::from_output("one of four".to_owned(), child.wait_with_output().unwrap()).ok();
    }
    env.has_no_temporary_files();
    env.lacks("data/.bhscore");
    same(&mats(&env), &mats(&alone));
}

#[test]
fn images_that_another_process_holds_are_left_to_it() {
    use bhscore::work::Layout;
    use bhscore::work::claims::{Claimed, Lease, Worker};
    let env = study();
    let worker = Worker::new(&Layout::new(env.root()).claims(), Lease::default());
    let unit = format!("extract/ImageNetTest/{NET}/0-11");
    let Ok(Claimed::Mine(claim)) = worker.claim(&unit, &|| Ok(false)) else {
        panic!("somebody else is here");
    };
    extract(&env, &[])
        .status(1)
        .stderr_contains("12 images held by other processes");
    env.lacks(path("ImageNetTest", "fc", "444.mat"));
    env.has(path("ImageNetTraining", "fc", "444.mat"));
    drop(claim);
    extract(&env, &[]).ok();
    env.has(path("ImageNetTest", "fc", "444.mat"));
}

#[test]
fn damaged_images_fail_alone() {
    let env = study();
    let broken = env.path("data/images/ImageNetTest/444.jpg");
    let bytes = fs::read(&broken).unwrap();
    fs::write(&broken, &bytes[..bytes.len() / 2]).unwrap();
    fs::write(env.path("data/images/ImageNetTest/text.png"), "no picture").unwrap();
    extract(&env, &[])
        .status(2)
        .stderr_contains("444.jpg`: damaged image")
        .stderr_contains("text.png")
        .stderr_contains("11 images computed")
        .stderr_contains("2 failed");
    env.lacks(path("ImageNetTest", "fc", "444.mat"));
    env.has(path("ImageNetTest", "fc", "422.mat"));
    env.has_no_temporary_files();
    // Repaired, it alone is computed.
    fs::write(&broken, &bytes).unwrap();
    fs::remove_file(env.path("data/images/ImageNetTest/text.png")).unwrap();
    extract(&env, &["--split", "test"])
        .ok()
        .stderr_contains("1 images computed");
}

#[test]
fn an_image_that_changed_is_computed_again() {
    let env = study();
    extract(&env, &[]).ok();
    let before = mats(&env);
    let image = env.path("data/images/ImageNetTest/444.jpg");
    fs::copy(tests().join("images/rgb.jpg"), &image).unwrap();
    extract(&env, &[])
        .ok()
        .stderr_contains("ImageNetTest: 1 images computed")
        .stderr_contains("ImageNetTraining: 0 images computed");
    let after = mats(&env);
    let changed: Vec<&String> = before
        .keys()
        .filter(|path| before[*path] != after[*path])
        .collect();
    assert_eq!(changed.len(), 3);
    assert!(changed.iter().all(
        |path| path.ends_with("ImageNetTest/pytorch/cnn/conv1_abs/444.mat")
            || path.ends_with("features.4/444.mat")
            || path.ends_with("fc/444.mat")
    ));
}

#[test]
fn features_of_another_recipe_are_not_mixed_with() {
    let env = study();
    extract(&env, &[]).ok();
    let before = features(&env);
    for (args, words) in [
        (
            &["--weights", "shuffle:1"][..],
            "weights \"trained\" instead of \"shuffle:1\"",
        ),
        (
            &["--units", "random:5"],
            "units \"all\" instead of \"random:5\"",
        ),
        (&["--preprocess", "caffe"], "made with preprocess"),
        (&["--resize", "bilinear"], "made with preprocess"),
        (
            &["--visual-degrees", "8", "--source-degrees", "12"],
            "made with degrees",
        ),
        (
            &["--transform", "fc=abs"],
            "transform \"none\" instead of \"abs\"",
        ),
        (&["--model", &model("folded.onnx")], "another model"),
    ] {
        extract(&env, args)
            .status(2)
            .stderr_contains(words)
            .stderr_contains("--force");
        same(&features(&env), &before);
    }
    extract(&env, &["--units", "random:5", "--force"]).ok();
    let file = env.path(path("ImageNetTest", "features.4", "444.mat"));
    assert_eq!(mat::shape(&file, "feat").unwrap(), [1, 5]);
    let index =
        |split: &str| env.json(path(split, "features.4", "extract.json"))["unit_index"].clone();
    assert_eq!(index("ImageNetTest"), index("ImageNetTraining"));
    assert_eq!(index("ImageNetTest").as_array().unwrap().len(), 5);
}

#[test]
fn controls_differ_from_the_trained_network() {
    let of = |weights: &[&str]| {
        let env = study();
        extract(&env, weights).ok();
        mats(&env)
    };
    let [trained, shuffled, random] = [
        &[][..],
        &["--weights", "shuffle:1"],
        &["--weights", "init:1"],
    ]
    .map(of);
    let file = path("ImageNetTest", "fc", "444.mat");
    assert!(trained[&file] != shuffled[&file] && trained[&file] != random[&file]);
    same(&of(&["--weights", "init:1"]), &random);
}

#[test]
fn features_of_other_programs_are_kept() {
    let env = study();
    let file = path("ImageNetTest", "fc", "444.mat");
    fs::create_dir_all(env.path(&file).parent().unwrap()).unwrap();
    fs::write(env.path(&file), "theirs").unwrap();
    extract(&env, &[])
        .ok()
        .stderr_contains("kept as another program wrote them: fc");
    assert_eq!(fs::read(env.path(&file)).unwrap(), b"theirs");
    env.lacks(path("ImageNetTest", "fc", "extract.json"));
    env.has(path("ImageNetTest", "conv1_abs", "444.mat"));
    extract(&env, &["--force", "--split", "test"]).ok();
    assert_ne!(fs::read(env.path(&file)).unwrap(), b"theirs");
}

#[test]
fn recurrent_networks_give_their_last_step() {
    let env = study();
    let recurrent = model("recurrent_dynamo.onnx");
    let images = env.path("data/images/ImageNetTest");
    let run = |args: &[&str], out: &str| {
        let out = env.path(out);
        let head = [
            "extract",
            "--model",
            &recurrent,
            "--images",
            images.to_str().unwrap(),
            "--out",
        ];
        let head = head.into_iter().chain([out.to_str().unwrap()]);
        env.run(head.chain(args.iter().copied()))
    };
    run(&["--layers", "V2.output,V2.output-t0"], "a")
        .ok()
        .stderr_contains("layer `V2.output-t0` is the same for all 12 images");
    run(&["--layers", "V2.output", "--time-step", "1"], "b").ok();
    run(&["--layers", "V2.output-t1,V2.output-t2"], "c").ok();
    let read = |path: &str| fs::read(env.path(path)).unwrap();
    assert_eq!(read("a/V2.output/444.mat"), read("c/V2.output-t2/444.mat"));
    assert_eq!(read("b/V2.output/444.mat"), read("c/V2.output-t1/444.mat"));
    assert_ne!(read("a/V2.output/444.mat"), read("b/V2.output/444.mat"));
    run(&["--layers", "V2.output", "--time-step", "3"], "d")
        .status(2)
        .stderr_contains("at time step 3");
}

#[test]
fn images_are_counted_by_status() {
    let env = study();
    let images = || {
        let status = env.run(["status", "--json"]);
        let stages = status.status(1).json()["stages"].clone();
        let row = stages.as_array().unwrap()[0].clone();
        assert_eq!(
            (&row["stage"], &row["net"]),
            (&json!("extract"), &json!(NET))
        );
        ["done", "running", "missing"].map(|key| row[key].as_u64().unwrap())
    };
    assert_eq!(images(), [0, 0, 24]);
    extract(&env, &["--split", "test"]).ok();
    assert_eq!(images(), [12, 0, 12]);
    fs::remove_file(env.path(path("ImageNetTest", "fc", "444.mat"))).unwrap();
    assert_eq!(images(), [11, 0, 13]);
    let worker = Worker::new(&env.path("data/.bhscore"), Lease::default());
    let unit = format!("extract/ImageNetTraining/{NET}/0-7");
    let Claimed::Mine(_claim) = worker.claim(&unit, &|| Ok(false)).unwrap() else {
        panic!("somebody else has {unit}");
    };
    assert_eq!(images(), [11, 8, 5]);
    let text = env.run(["status"]);
    text.status(1).stdout_contains("extract");
}
